"""A manifest: one CSV file that lists images with what is known of them, read strictly.

    path       DICOM folder or file, NIfTI or PNG/JPEG; relative to the manifest
    patient    any name of your own; empty in every row where it is not known
    label      normal, inflammatory or mechanical
    plane      coronal or axial
    weighting  t1, fluid or other
    mask       optional: NIfTI or PNG on the grid of the image, above 0 in the lesion
    site       optional: any name
    split      optional: training, validation or test; in every row or in none

What is wrong is collected with its line and told together. Messages hold line numbers and never
what the file says there: a cell may name a person.
"""

import csv
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from asemble.core.errors import InputError
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane, Weighting

REQUIRED = ("path", "label", "plane", "weighting")
OPTIONAL = ("patient", "mask", "site", "split")
COLUMNS = ("path", "patient", "label", "plane", "weighting", "mask", "site", "split")
"""In the order in which a manifest is written."""

SPLITS = TRAINING, VALIDATION, TEST = "training", "validation", "test"
"""Names of the parts that a manifest may put rows in."""

MOST_TOLD = 10
"""Problems told at once; more do not help."""

_Kind = TypeVar("_Kind", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file.

    Args:
        line: of the file, from 1, which is the header.
        path: of the image.
        patient: as the file names the patient; empty where it does not.
        label: of the whole image, or of the slices that the mask marks.
        plane: coronal or axial.
        weighting: contrast.
        mask: of the lesions, or None.
        site: as the file names it, or empty.
        split: one of `SPLITS`, or empty.
    """

    line: int
    path: Path
    patient: str
    label: Pattern
    plane: Plane
    weighting: Weighting
    mask: Path | None
    site: str
    split: str


@dataclass(slots=True)
class Problems:
    """What is wrong, line by line.

    >>> problems = Problems()
    >>> problems.add(3, "manifest-path-missing", "there is no such file or folder")
    >>> problems.full
    False
    """

    found: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether more would not be told."""
        return len(self.found) > MOST_TOLD

    def add(self, line: int, code: str, sentence: str) -> None:
        """Note one problem: a sentence without its full stop, starting in lower case."""
        self.found.append((line, sentence, code))

    def refuse(self) -> None:
        """Stop if anything is wrong.

        Raises:
            InputError: it tells the first ten problems by line, under the code of the first.
        """
        if not self.found:
            return
        first = sorted(self.found)[:MOST_TOLD]
        told = [f"line {line}: {sentence}" for line, sentence, _ in first]
        more = "" if len(self.found) <= MOST_TOLD else "; and more"
        raise InputError(
            f"The manifest cannot be used: {'; '.join(told)}{more}.",
            hint="Line 1 is the header. Nothing was trained or measured.",
            code=first[0][2],
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says, and what is wrong with it.

    Args:
        rows: the lines without problems.
        problems: of the other lines; whoever reads the images adds to them, then refuses.
        digest: SHA-256 of the file.
        notes: sentences about choices made while reading.
    """

    rows: tuple[Row, ...]
    problems: Problems
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def names_patients(self) -> bool:
        """Whether rows name their patients."""
        return any(row.patient for row in self.rows)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and check every line by itself and against the others.

    Raises:
        InputError: the file cannot be read, lacks columns, or has no rows. What is wrong with
            single lines is in `Manifest.problems`.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"The manifest cannot be read: {error.strerror}.", code="manifest-unreadable"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "The manifest is not UTF-8 text.",
            hint="Save it as CSV UTF-8.",
            code="manifest-not-utf8",
        ) from error
    cells = _cells(text)
    problems = Problems()
    header = [name.strip().lower() for name in cells[0][1]] if cells else []
    missing = [name for name in REQUIRED if name not in header]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if missing:
        problems.add(1, "manifest-column-missing", f"the header lacks {', '.join(missing)}")
    elif twice:
        problems.add(
            1, "manifest-column-twice", f"the header has {', '.join(twice)} more than once"
        )
    elif len(cells) == 1:
        problems.add(1, "manifest-empty", "no rows follow the header")
    problems.refuse()
    unused = sum(name not in COLUMNS for name in header)
    rows = []
    for line, values in cells[1:]:
        if len(values) != len(header):
            problems.add(
                line, "manifest-row-length", f"{len(values)} cells under {len(header)} columns"
            )
            continue
        named = {n: v.strip() for n, v in zip(header, values, strict=True)}
        row = _row(line, named, path.parent, problems)
        if row is not None:
            rows.append(row)
    _check_together(rows, problems)
    notes = [f"{unused} further columns of the manifest were not used."] if unused else []
    return Manifest(tuple(rows), problems, hashlib.sha256(content).hexdigest(), tuple(notes))


def write_manifest(path: Path, rows: Sequence[dict[str, str]], *, folder: Path) -> None:
    """Write rows of cells by column, without the optional columns that are empty throughout.

    Args:
        path: of the manifest.
        rows: whose paths and masks are relative to `folder`.
        folder: that holds the images; paths are written relative to the manifest.
    """
    used = [name for name in COLUMNS if name in REQUIRED or any(row.get(name) for row in rows)]
    way = Path(os.path.relpath(folder.resolve(), path.parent.resolve()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, used, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            paths = {n: (way / row[n]).as_posix() for n in ("path", "mask") if row.get(n)}
            writer.writerow({**row, **paths})


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """Line number and cells of every line that is not empty; a spreadsheet may write `;`."""
    first = text.split("\n", 1)[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(c.strip() for c in cells)]
    except csv.Error as error:
        raise InputError(
            f"The manifest cannot be used: line {reader.line_num}: this is not CSV ({error}).",
            code="manifest-not-csv",
        ) from error


def _row(line: int, cells: dict[str, str], folder: Path, problems: Problems) -> Row | None:
    """The row, or None with its problems told."""
    before = len(problems.found)
    label = _one_of("label", cells["label"], PATTERNS, line, problems)
    plane = _one_of("plane", cells["plane"], JUDGED_PLANES, line, problems)
    weighting = _one_of("weighting", cells["weighting"], tuple(Weighting), line, problems)
    split = cells.get("split", "").lower()
    if split and split not in SPLITS:
        problems.add(line, "manifest-value-unknown", f"the split is none of {', '.join(SPLITS)}")
    mask = folder / cells["mask"] if cells.get("mask") else None
    if not cells["path"]:
        problems.add(line, "manifest-cell-empty", "the path is empty")
    elif not (folder / cells["path"]).exists():
        problems.add(line, "manifest-path-missing", "there is no such file or folder")
    if mask is not None and not mask.is_file():
        problems.add(line, "manifest-mask-missing", "there is no such mask")
    if len(problems.found) > before or label is None or plane is None or weighting is None:
        return None
    return Row(
        line=line,
        path=folder / cells["path"],
        patient=cells.get("patient", ""),
        label=label,
        plane=plane,
        weighting=weighting,
        mask=mask,
        site=cells.get("site", ""),
        split=split,
    )


def _one_of(
    name: str, value: str, allowed: Sequence[_Kind], line: int, problems: Problems
) -> _Kind | None:
    for kind in allowed:
        if value.lower() == kind:
            return kind
    problems.add(line, "manifest-value-unknown", f"the {name} is none of {', '.join(allowed)}")
    return None


def _check_together(rows: Sequence[Row], problems: Problems) -> None:
    """Repeated images, cells that only some rows fill, and patients in two splits."""
    for name in ("patient", "split"):
        empty = [row for row in rows if not getattr(row, name)]
        if len(empty) < len(rows):
            for row in empty:
                problems.add(
                    row.line,
                    "manifest-cell-empty",
                    f"the {name} is empty, though other rows have one",
                )
    seen: dict[Path, int] = {}
    home: dict[str, Row] = {}
    for row in rows:
        earlier = seen.setdefault(row.path.resolve(), row.line)
        if earlier != row.line:
            problems.add(row.line, "manifest-image-twice", f"the same image as line {earlier}")
        first = home.setdefault(row.patient, row) if row.patient and row.split else row
        if first.split != row.split:
            problems.add(
                row.line,
                "manifest-patient-in-two-splits",
                f"this patient is in {row.split} here and in {first.split} on line {first.line}",
            )
