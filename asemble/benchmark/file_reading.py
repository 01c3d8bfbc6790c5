"""(c) Reading a study of 500 files, against pydicom's bare loop over the same files."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pydicom

from asemble.benchmark.result import Found, Settings, met
from asemble.benchmark.studies import (
    enlarged,
    rendered_study,
    spaced,
    stretched,
    write_files,
)
from asemble.benchmark.timing import Spread, in_turns, ratio
from asemble.core.volume import Floats
from asemble.io import read_study

FILES = 500
QUICK_FILES = 6
SIDE = 512
"""Rows and columns of each file, 16 bits a pixel."""
RENDERED = 6
"""Slices that are rendered; the others lie between them."""
SPACING_MM = 1.0
"""Between slices, as in a volume that is thin all through."""
SEED = 503
AIM = 1.2
"""Times the bare loop's time that reading may take."""
FORMS = {"uncompressed": False, "JPEG 2000, lossless": True}
OURS = "asemble.io.read_study"
BARE = "dcmread and pixel_array, dropped"
KEPT = "dcmread and pixel_array, stacked as float32"


def measure_file_reading(settings: Settings) -> Found:
    """Write the files to a temporary folder, read them once so that they are cached, and time."""
    count = QUICK_FILES if settings.is_quick else FILES
    source = rendered_study(3 if settings.is_quick else RENDERED, seed=SEED, matrix=128)
    volume = spaced(
        enlarged(stretched(source, count, seed=SEED).series[0].volume, SIDE), SPACING_MM
    )
    rows: list[tuple[str, ...]] = []
    measured: dict[str, Any] = {"files": count, "aim": AIM}
    against: dict[str, Spread] = {}
    for form, is_compressed in FORMS.items():
        with TemporaryDirectory(prefix="asemble-bench-") as name:
            folder = Path(name)
            paths = write_files(volume, folder, seed=SEED, is_compressed=is_compressed)
            read = read_study(folder)  # warms the page cache, and is checked
            if [series.volume.shape for series in read.series] != [(count, SIDE, SIDE)]:
                raise ValueError("the files did not read back as one series")
            del read
            seconds = in_turns(
                {
                    OURS: partial(read_study, folder),
                    BARE: partial(bare_loop, paths),
                    KEPT: partial(stacked_loop, paths),
                },
                turns=settings.turns,
                warmups=settings.warmups,
            )
            mebibytes = sum(path.stat().st_size for path in paths) / 1024**2
        against[form] = ratio(seconds[OURS], seconds[BARE])
        rows += [
            (
                f"{form}, {mebibytes:.0f} MiB",
                what,
                Spread.of(spent).words(),
                "1" if what == BARE else ratio(spent, seconds[BARE]).words(),
            )
            for what, spent in seconds.items()
        ]
        measured[form] = {"seconds": seconds, "times_bare": against[form].as_dict()}
    told = "; ".join(
        f"{form} {spread.words()}: {met(spread.median <= AIM).lower()}"
        for form, spread in against.items()
    )
    return Found(
        heading=f"(c) Reading {count} files",
        how=(
            f"One series of {count} slices of {SIDE} x {SIDE} pixels, one file each, in the page "
            "cache. The bare loop parses and decodes every file and keeps nothing: no order, no "
            "geometry, no checks of a damaged file, no fingerprint. The third line also stacks the "
            "slices as float32, as a volume needs."
        ),
        columns=("files", "what runs", "seconds", "times the bare loop"),
        rows=rows,
        verdict=f"Aim: at most {AIM} times the bare loop. {told[0].upper()}{told[1:]}.",
        measured=measured,
    )


def bare_loop(paths: Sequence[Path]) -> None:
    """Every file parsed and decoded, and dropped."""
    for path in paths:
        _ = pydicom.dcmread(path).pixel_array


def stacked_loop(paths: Sequence[Path]) -> Floats:
    """The same, stacked in the order of the files."""
    slices = [pydicom.dcmread(path).pixel_array for path in paths]
    return np.stack(slices).astype(np.float32)
