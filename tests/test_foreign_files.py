"""Every test file inside pydicom and nibabel: a series, or one sentence that says why not."""

import re
from contextlib import suppress
from pathlib import Path

import nibabel
import pydicom
import pytest
from pydicom.data import get_testdata_files
from pydicom.errors import InvalidDicomError

from asemble.core.errors import InputError
from asemble.io import Part, read_parts

NIBABEL = Path(nibabel.__file__).parent
FOREIGN = sorted(
    {Path(name) for name in get_testdata_files() if Path(name).is_file()}
    | {p for folder in ("tests/data", "nicom/tests/data") for p in (NIBABEL / folder).glob("*.*")}
)
QUOTABLE = (
    "PatientName", "PatientID", "PatientBirthDate", "StudyDate", "InstitutionName",
    "AccessionNumber", "ReferringPhysicianName", "StationName", "StudyInstanceUID",
    "SeriesInstanceUID", "SOPInstanceUID",
)  # fmt: skip


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore")
def test_a_foreign_file_is_read_or_refused_in_a_sentence(path: Path) -> None:
    said: list[str] = []
    try:
        study = read_parts([Part.from_path(path)])
    except InputError as error:
        said.append(str(error))
    else:
        assert study.series
        said += [refusal.reason for refusal in study.refused]
        said += [note for series in study.series for note in series.notes]
    for sentence in said:
        assert len(sentence) < 250
        assert "Error" not in sentence
        assert "Traceback" not in sentence
    everything = " ".join(said).lower()
    assert not [value for value in values_of(path) if value in everything]


def test_there_are_foreign_files_of_every_kind() -> None:
    names = {path.suffix for path in FOREIGN}
    assert {".dcm", ".nii", ".gz", ".hdr", ".PAR"} <= names


def test_foreign_files_of_many_patients_are_not_read_together() -> None:
    with pytest.raises(InputError, match="more than one patient"):
        read_parts([Part.from_path(path) for path in FOREIGN])


def test_foreign_files_without_identity_are_one_upload() -> None:
    others = [p for p in FOREIGN if p.parent == NIBABEL / "tests/data" and p.suffix != ".dcm"]
    keys = set()
    for path in others:
        with suppress(InputError):
            keys.add(read_parts([Part.from_path(path)]).key)
    study = read_parts([Part.from_path(path) for path in others])
    assert len(study.series) >= len(keys) > 0  # whatever is read alone is read among others
    assert study.refused


def values_of(path: Path) -> list[str]:
    """Values that could name somebody, in lower case."""
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(QUOTABLE))
        values = [str(dataset.get(keyword, "")).lower() for keyword in QUOTABLE]
    except (InvalidDicomError, ValueError, OSError, AttributeError):
        return []
    words = [value for text in values for value in (text, *re.split(r"[\^ ]", text))]
    return [word for word in words if len(word) > 3 and word != "name"]  # of a template
