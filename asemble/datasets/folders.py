"""Folders by plane and class, as public sets of axSpA MRI are laid out, to rows of a manifest.

Above the images every folder must say something: the plane, the class, the weighting or the split,
in any order or several in one name. One folder below that of the class may stand for the patient.
Any other name is refused: what a folder means is never guessed.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from asemble.core.errors import InputError
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.datasets.manifest import TEST, TRAINING, VALIDATION

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "label": {
        **dict.fromkeys(
            ("as", "axspa", "spa", "ankylosing", "ankylosing spondylitis", "inflammatory",
             "inflammation", "sacroiliitis", "positive", "pos"),
            Pattern.INFLAMMATORY.value,
        ),
        **dict.fromkeys(
            ("normal", "healthy", "control", "controls", "negative", "neg"), Pattern.NORMAL.value
        ),
        **dict.fromkeys(
            ("mechanical", "mimic", "mimics", "degenerative", "osteitis condensans ilii"),
            Pattern.MECHANICAL.value,
        ),
    },
    "plane": {
        **dict.fromkeys(("coronal", "cor", "semicoronal"), Plane.CORONAL.value),
        **dict.fromkeys(
            ("axial", "ax", "tra", "transverse", "transversal", "semiaxial"), Plane.AXIAL.value
        ),
    },
    "weighting": {
        "t1": Weighting.T1.value,
        **dict.fromkeys(("stir", "fluid", "t2fs", "pdfs", "tirm"), Weighting.FLUID.value),
    },
    "split": {
        **dict.fromkeys(("train", "training"), TRAINING),
        **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
        **dict.fromkeys(("test", "testing"), TEST),
    },
}  # fmt: skip
"""What the words in the name of a folder mean, by column."""

SILENT = frozenset(
    {"images", "image", "mri", "mr", "data", "dataset", "patients", "cases", "class"}
)
"""Words in the name of a folder that say nothing and are passed over."""

IMAGES = (".png", ".jpg", ".jpeg", ".nii", ".nii.gz")
"""Endings of files that are a row each; a folder of DICOM files is one row."""

MASK = re.compile(r"[-_. ](mask|masks|lesion|lesions|roi|seg|segmentation)$", re.IGNORECASE)
"""End of the name of a mask, without its ending; the rest is the name of its image."""

MOST_NAMED = 10

_WORDS = {
    tuple(words.split()): (column, value)
    for column, meanings in MEANINGS.items()
    for words, value in meanings.items()
}
_LONGEST = max(len(words) for words in _WORDS)


@dataclass(frozen=True, slots=True)
class FolderRows:
    """What was found.

    Args:
        rows: cells by column, with paths relative to the folder.
        notes: sentences about choices.
    """

    rows: list[dict[str, str]]
    notes: list[str]


def rows_of_folder(
    folder: Path,
    *,
    plane: Plane | None = None,
    weighting: Weighting | None = None,
    patient_pattern: re.Pattern[str] | None = None,
) -> FolderRows:
    """A row for every image below `folder`.

    Args:
        folder: that holds the folders by plane and class.
        plane: of all images, where the folders do not say.
        weighting: the same.
        patient_pattern: finds the patient in the name of a file: its first group, or all of it.

    Raises:
        InputError: there is no image, or something is not understood; folders are named.
    """
    if not folder.is_dir():
        raise InputError("There is no such folder.", code="folder-missing")
    stated = {
        "plane": "" if plane is None else plane.value,
        "weighting": "" if weighting is None else weighting.value,
    }
    found = _files(folder)
    masks = dict(found.masks)
    rows, wrong = [], []
    for path, parent in _images(found):
        cells, unclear = _meaning(parent)
        cells = {"path": path.as_posix(), **stated, **cells}
        cells["mask"] = masks.pop(path.parent / _stem(path), "")
        if patient_pattern is not None:
            cells["patient"] = _patient(path, patient_pattern)
            if not cells["patient"]:
                unclear = unclear or "the pattern finds no patient in the names of its files"
        lacking = [c for c in ("label", "plane", "weighting") if not cells.get(c)]
        if unclear or lacking:
            wrong.append((parent.as_posix(), unclear or f"says no {' and no '.join(lacking)}"))
        rows.append(cells)
    wrong += [
        (PurePosixPath(mask).parent.as_posix(), "a mask without image") for mask in masks.values()
    ]
    if wrong:
        raise _refusal(wrong)
    if not rows:
        raise InputError(
            "The folder holds no image.",
            hint="DICOM, NIfTI and PNG/JPEG are read.",
            code="no-images",
        )
    return FolderRows(rows, _notes(rows, found.others, from_folders=patient_pattern is None))


@dataclass(slots=True)
class _Files:
    """What lies below a folder: pictures and NIfTI, DICOM by folder, masks by image, the rest."""

    images: list[PurePosixPath] = field(default_factory=list)
    dicom: dict[PurePosixPath, list[PurePosixPath]] = field(default_factory=dict)
    masks: dict[PurePosixPath, str] = field(default_factory=dict)
    others: int = 0


def _files(folder: Path) -> _Files:
    found = _Files()
    for file in sorted(folder.rglob("*"), key=lambda p: p.as_posix()):
        path = PurePosixPath(file.relative_to(folder).as_posix())
        if not file.is_file() or any(part.startswith(".") for part in path.parts):
            continue
        if path.name.lower().endswith(IMAGES):
            stem = _stem(path)
            ending = MASK.search(stem)
            if ending is None:
                found.images.append(path)
            else:
                found.masks[path.parent / stem[: ending.start()]] = path.as_posix()
        elif _is_dicom(file):
            found.dicom.setdefault(path.parent, []).append(path)
        else:
            found.others += 1
    return found


def _images(found: _Files) -> list[tuple[PurePosixPath, PurePosixPath]]:
    """Each image with the folder whose names describe it.

    The DICOM files in a folder of one patient are one image, those of a class an image each.
    """
    images = [(path, path.parent) for path in found.images]
    for folder, files in found.dicom.items():
        is_of_patient = "patient" in _meaning(folder)[0]
        images += [(path, folder) for path in ([folder] if is_of_patient else files)]
    return sorted(images)


def _is_dicom(file: Path) -> bool:
    with file.open("rb") as stream:
        return file.suffix.lower() == ".dcm" or stream.read(132)[128:] == b"DICM"


def _meaning(folder: PurePosixPath) -> tuple[dict[str, str], str]:
    """Cells that the names of the folders give, and what is unclear about them, or nothing."""
    cells: dict[str, str] = {}
    for part in folder.parts:
        found = _understood(part)
        if found is None:
            if "label" not in cells or "patient" in cells:
                return cells, f"the name {part!r} is not understood"
            cells["patient"] = part
            continue
        for column, value in found:
            if cells.setdefault(column, value) != value:
                return cells, f"it is both {cells[column]} and {value}"
    return cells, ""


def _understood(name: str) -> list[tuple[str, str]] | None:
    """What every word of a folder's name means, or None if one is unknown.

    >>> _understood("Coronal_AS")
    [('plane', 'coronal'), ('label', 'inflammatory')]
    >>> _understood("Non-AS") is None
    True
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # CoronalNormal
    words = [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]
    found = []
    while words:
        for length in range(min(_LONGEST, len(words)), 0, -1):
            if tuple(words[:length]) in _WORDS:
                found.append(_WORDS[tuple(words[:length])])
                words = words[length:]
                break
        else:
            if words.pop(0) not in SILENT:
                return None
    return found


def _patient(path: PurePosixPath, pattern: re.Pattern[str]) -> str:
    match = pattern.search(path.name)
    if match is None:
        return ""
    return (match.group(1) if pattern.groups else match.group()) or ""


def _stem(path: PurePosixPath) -> str:
    name = path.name
    for ending in sorted(IMAGES, key=len, reverse=True):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _refusal(wrong: list[tuple[str, str]]) -> InputError:
    counted = list(Counter(wrong).items())
    told = [f"{folder}: {why} ({n} images)" for (folder, why), n in counted[:MOST_NAMED]]
    more = f"; and {len(counted) - MOST_NAMED} more" if len(counted) > MOST_NAMED else ""
    return InputError(
        f"Folders that are not understood: {'; '.join(told)}{more}.",
        hint="Name them by class (AS, normal, mechanical) and plane (coronal, axial), start "
        "further down, or state --plane and --weighting.",
        code="folders-not-understood",
    )


def _notes(rows: list[dict[str, str]], others: int, *, from_folders: bool) -> list[str]:
    kinds = Counter((row["plane"], row["weighting"], row["label"]) for row in rows)
    notes = [f"{n} images: {', '.join(kind)}." for kind, n in sorted(kinds.items())]
    patients = {row["patient"] for row in rows if row.get("patient")}
    if patients and from_folders:
        notes.append(f"{len(patients)} folders below the classes were taken for patients.")
    if patients and any(not row.get("patient") for row in rows):
        raise InputError(
            "Some images lie in a folder of a patient and others do not.",
            hint="Give every patient a folder, or none, or name --patient-pattern.",
            code="patient-folders-mixed",
        )
    masks = sum(bool(row["mask"]) for row in rows)
    if masks:
        notes.append(f"{masks} images have a mask.")
    if others:
        notes.append(f"{others} files are no images and were left out.")
    return notes
