"""`asemble manifest`: folders by plane and class to a manifest that can be checked by eye."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from asemble.commands.terminal import progress, writing
from asemble.core.errors import ConfigError, InputError
from asemble.core.labels import Plane, Weighting
from asemble.datasets.folders import rows_of_folder
from asemble.datasets.manifest import SPLITS, TEST, VALIDATION, read_manifest, write_manifest
from asemble.datasets.own_data import read_rows
from asemble.datasets.splits import case_labels, case_numbers, draw_splits
from asemble.imaging.fingerprints import fingerprints
from asemble.imaging.slices import prepare

SHARES = {VALIDATION: 0.15, TEST: 0.15}
"""Of the patients of each label; the rest is for training."""


def folder_to_manifest(
    folder: Path,
    out: Path,
    *,
    plane: Plane | None,
    weighting: Weighting | None,
    patient_pattern: str | None,
    split_seed: int | None,
    force: bool,
) -> None:
    """Write a row for every image below a folder.

    Args:
        folder: that holds folders by plane and class.
        out: the CSV file.
        plane: of all images, where the folders do not say.
        weighting: the same.
        patient_pattern: regular expression that finds the patient in the name of a file.
        split_seed: draw training, validation and test with this seed, each patient or group of
            near-duplicates in one of them; None writes no split.
        force: replace a manifest that is there already.

    Raises:
        AsembleError: a folder is not understood, `out` exists, or it cannot be written.
    """
    if out.exists() and not force:
        raise InputError(
            "The manifest exists.", hint="Say --force to replace it.", code="output-exists"
        )
    try:
        pattern = None if patient_pattern is None else re.compile(patient_pattern)
    except re.error as error:
        raise ConfigError(
            f"The pattern is no regular expression: {error}.", code="pattern-invalid"
        ) from error
    found = rows_of_folder(folder, plane=plane, weighting=weighting, patient_pattern=pattern)
    if split_seed is not None and any("split" in row for row in found.rows):
        raise ConfigError(
            "The folders name a split already.",
            hint="Leave --split-seed out.",
            code="split-named-already",
        )
    partial = out.with_suffix(".partial")
    with writing():
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_manifest(partial, found.rows, folder=folder)
            if split_seed is not None:
                names = _drawn(partial, split_seed)
                rows = [{**r, "split": n} for r, n in zip(found.rows, names, strict=True)]
                write_manifest(partial, rows, folder=folder)
                found.notes.extend(f"{n} images for {part}." for part, n in _counted(names))
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    for note in found.notes:
        print(note)
    print(f"Wrote {out.name} with {len(found.rows)} rows. Look through it before you use it.")


def _drawn(manifest_file: Path, seed: int) -> list[str]:
    """A split for each row, in order; where no patient is named every image is read for it."""
    manifest = read_manifest(manifest_file)
    bits = []
    if not manifest.names_patients:
        show = progress("comparing", "images")
        for labelled in read_rows(manifest.rows, manifest.problems, progress=show):
            series = labelled.series
            bits.append(fingerprints(prepare(series.volume, series.plane).images))
    manifest.problems.refuse()
    cases = case_numbers(manifest.rows, bits)
    drawn = draw_splits(case_labels(manifest.rows, cases), SHARES, seed)
    return [drawn[case] for case in cases.tolist()]


def _counted(names: Sequence[str]) -> list[tuple[str, int]]:
    counts = Counter(names)
    return [(part, counts[part]) for part in SPLITS]
