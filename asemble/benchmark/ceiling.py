"""What a study at the limits costs: `python -m asemble.benchmark.ceiling` prints a table.

It is read as an upload is, checked, prepared for the networks and packed for the viewer, in this
process; memory is what is resident at most beyond what was there before (Linux).
"""

import argparse
import io
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from asemble.core.labels import Plane
from asemble.core.study import Study
from asemble.imaging import quality
from asemble.imaging.content import content_of
from asemble.imaging.slices import prepare, prepared
from asemble.io import Part, limits, read_parts

SIDE = 1024
NOISY_ROWS = 20
"""Of each slice; the rest is smooth, so that the upload is small and its size hides nothing."""
MIB = 1024**2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the voxels of the limit")
    print(table(parser.parse_args().share))


def table(share: float = 1.0) -> str:
    """What each step costs, as Markdown.

    Args:
        share: of `limits.MAX_TOTAL_VOXELS`, 0..1.
    """
    slices = int(share * limits.MAX_TOTAL_VOXELS) // SIDE**2
    voxels_mib = 4 * slices * SIDE**2 / MIB
    packed = upload(slices)
    read_parts([Part.from_bytes("small.zip", upload(3))])  # imports are not counted
    opened: list[Study] = []
    rows = [
        _row("reading", voxels_mib, lambda: opened.append(read_parts([_part(packed)]))),
    ]
    (series,) = opened[0].series
    rows += [
        _row("checks of its values", voxels_mib, lambda: quality.why_not_judged(series)),
        _row(
            "checks of what it shows",
            voxels_mib,
            lambda: content_of(series.volume, prepared(series.volume)),
        ),
        _row("preparing its slices", voxels_mib, lambda: prepare(series.volume, Plane.CORONAL)),
    ]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return "\n".join(
        [
            f"{slices:,} slices of {SIDE} x {SIDE} in 16 bits, {voxels_mib:,.0f} MiB as float32, "
            f"in a zip of {len(packed) / MIB:.0f} MiB; {os.cpu_count()} processors, "
            f"of which {load:.1f} were asked for meanwhile.",
            "",
            "| step | seconds | memory at most, MiB | of its float32 |",
            "|---|---:|---:|---:|",
            *rows,
        ]
    )


def upload(slices: int) -> bytes:
    """A zip of so many slices of one series."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for index, data in enumerate(_files(slices)):
            archive.writestr(f"{index:05d}.dcm", data)
    return out.getvalue()


def _part(data: bytes) -> Part:
    return Part.from_bytes("study.zip", data)


def _row(name: str, voxels_mib: float, work: Callable[[], Any]) -> str:
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the most so far is forgotten
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    mib = (_status("VmHWM") - before) / MIB
    return f"| {name} | {seconds:.0f} | {mib:,.0f} | {mib / voxels_mib:.2f} |"


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def _files(slices: int) -> Iterator[bytes]:
    for index in range(slices):
        pixels = np.full((SIDE, SIDE), 60 + index % 1000, dtype="<u2")
        rng = np.random.default_rng(index)
        pixels[:NOISY_ROWS] = rng.integers(0, 4096, (NOISY_ROWS, SIDE))
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.4.{index + 1}")
        image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        image.Modality, image.SeriesDescription, image.SeriesNumber = "MR", "stir cor", 1
        image.InstanceNumber, image.ScanningSequence = index + 1, "IR"
        image.RepetitionTime, image.EchoTime, image.InversionTime = "4000", "40", "160"
        image.ImagePositionPatient = [0, 3 * index, 0]
        image.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        image.PixelSpacing, image.SliceThickness = [0.25, 0.25], "3"
        image.Rows = image.Columns = SIDE
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 0
        image.PixelData = pixels.tobytes()
        out = io.BytesIO()
        image.save_as(out, enforce_file_format=True)
        yield out.getvalue()


if __name__ == "__main__":
    main()
