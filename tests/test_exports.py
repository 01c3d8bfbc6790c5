"""What exports bring along: indices of discs, objects that are no MR images, copies."""

import gzip
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from archives import tarred, zipped
from mr_files import (
    AXIAL,
    mr_image,
    set_pixels,
    slice_values,
    to_bytes,
    volume_values,
    write_series,
)
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset
from pydicom.uid import RLELossless, generate_uid

from asemble.cli import main
from asemble.commands.terminal import tell_series
from asemble.core.errors import InputError
from asemble.core.labels import Plane
from asemble.core.results import SeriesPrediction
from asemble.core.study import Refusal, Study, grouped_by_reason
from asemble.io import Part, read_parts, read_study, write_nifti

DISCS = Path(str(get_testdata_file("MR_small.dcm"))).parent / "dicomdirtests"
SC, SR, PDF = (
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.88.22",
    "1.2.840.10008.5.1.4.1.1.104.1",
)
PRESENTATION, RAW, SEG = (
    "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.66.4",
)  # fmt: skip


def named(**images: Any) -> Study:
    return read_parts([Part.from_bytes(name, to_bytes(image)) for name, image in images.items()])


def read(*images: Any) -> Study:
    return named(**{f"f{i}": image for i, image in enumerate(images)})


def other_object(sop_class: str, modality: str, *, pixels: bool = False) -> FileDataset:
    """Something beside the images of the same patient."""
    made = mr_image(0, series=generate_uid(), Modality=modality, SOPClassUID=sop_class)
    made.file_meta.MediaStorageSOPClassUID = sop_class
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(made, keyword)
    if not pixels:
        for keyword in ("Rows", "Columns", "PixelData"):
            delattr(made, keyword)
    return made


def mr_folder_of_a_disc(tmp_path: Path) -> Path:
    """The disc of pydicom's tests, without the two other patients on it."""
    shutil.copytree(DISCS / "98892003", tmp_path / "disc" / "98892003")
    shutil.copy(DISCS / "DICOMDIR", tmp_path / "disc" / "DICOMDIR")
    return tmp_path / "disc"


def test_a_disc_reads_as_the_files_that_it_indexes(tmp_path: Path) -> None:
    disc = mr_folder_of_a_disc(tmp_path)
    without_index = tmp_path / "images"
    shutil.copytree(disc / "98892003", without_index / "98892003")
    study, bare = read_study(disc), read_study(without_index)
    assert study.key == bare.key
    (index,) = [r for r in study.refused if "index" in r.reason]
    assert "names 14 files that are not in the upload" in index.reason  # of two other patients
    assert index.files == 14


def test_a_whole_disc_leaves_its_index_unmentioned(tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    folder = disc / "PAT1" / "SER1"
    write_series(folder)
    path = write_index(disc, [f"PAT1/SER1/IM{number:03d}" for number in range(5)])
    assert read_study(disc).refused == ()
    flat = [Part.from_path(p) for p in [path, *sorted(folder.iterdir())]]  # as a browser sends them
    assert read_parts(flat).refused == ()
    path.unlink()
    write_index(disc, [f"PAT1/SER1/IM{number:03d}" for number in range(7)])
    (refusal,) = read_study(disc).refused
    assert "names 2 files that are not in the upload" in refusal.reason


def write_index(disc: Path, files: list[str]) -> Path:
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    index = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    records = [pydicom.Dataset() for _ in range(len(files) + 1)]
    records[0].DirectoryRecordType, records[0].PatientName = "PATIENT", "Doe^Janine"
    for record, file in zip(records[1:], files, strict=True):
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", file.upper().split("/")
    index.DirectoryRecordSequence = records
    path = disc / "DICOMDIR"
    path.write_bytes(to_bytes(index))
    return path


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit"])
def test_an_index_alone_says_that_its_files_are_missing(name: str) -> None:
    with pytest.raises(InputError, match=r"names 31 files that are not in the upload\. Upload the"):
        read_study(DISCS / name)


def test_an_index_that_is_cut_off_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    write_series(tmp_path)
    data = (DISCS / "DICOMDIR").read_bytes()
    for share in (0.2, 0.6, 0.99):
        (tmp_path / "DICOMDIR").write_bytes(data[: int(len(data) * share)])
        study = read_study(tmp_path)
        assert study.series[0].volume.shape[0] == 5
        assert [r.name for r in study.refused] == ["DICOMDIR"]


def test_an_index_that_names_files_by_numbers_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "PAT")
    path = write_index(tmp_path, ["PAT/IM000"])
    data = path.read_bytes()
    at = data.index(b"\4\0\0\x15CS")
    path.write_bytes(data[: at + 4] + b"US\2\0\7\0" + data[at + 8 + data[at + 6] :])
    (refusal,) = read_study(tmp_path).refused
    assert "(DICOMDIR) is damaged" in refusal.reason


def test_a_mixed_study_is_sorted_and_each_thing_left_out_is_called_by_its_name(
    tmp_path: Path,
) -> None:
    localiser = [
        mr_image(i, series="1.9", orientation=o, SeriesNumber=1)
        for i, o in enumerate([(1, 0, 0, 0, 0, -1), AXIAL, (0, 1, 0, 0, 0, -1)])
    ]
    stir = [mr_image(i, series="1.8", SeriesNumber=4) for i in range(4)]
    images = [*localiser, *[mr_image(i) for i in range(4)], *stir]
    for i, image in enumerate(images):
        (tmp_path / f"IM{i:02d}").write_bytes(to_bytes(image))
    others = {
        "a structured report": other_object(SR, "SR"),
        "a PDF document": other_object(PDF, "DOC"),
        "a presentation state": other_object(PRESENTATION, "PR"),
        "raw data of the scanner": other_object(RAW, "MR"),
        "a segmentation": other_object(SEG, "SEG", pixels=True),
        "a secondary capture": other_object(SC, "OT", pixels=True),
        "ultrasound": other_object("1.2.840.10008.5.1.4.1.1.6.1", "US", pixels=True),
    }
    for i, image in enumerate(others.values()):
        (tmp_path / f"X{i}").write_bytes(to_bytes(image))
    study = read_study(tmp_path)
    assert sorted(s.volume.shape[0] for s in study.series) == [1, 1, 1, 4, 4]
    assert [r.reason.split(" (")[0].split(", not")[0].removeprefix("This is ")
            for r in sorted(study.refused, key=lambda r: r.name)] == list(others)  # fmt: skip


def test_a_whole_series_left_out_for_one_reason_is_one_row() -> None:
    reports = {f"R{i:03d}": other_object(SR, "SR") for i in range(120)}
    study = named(a=mr_image(0), b=other_object(PDF, "DOC"), **reports)
    rows = grouped_by_reason(study.refused)
    assert [(row.label, row.files) for row in rows] == [("b", 1), ("R000 and 119 more", 120)]


def test_a_name_that_joins_two_is_not_cut() -> None:
    name = "Jack and 4 more of its series"
    refused = [
        Refusal(name, "Why.", "why", 5, others=4, is_series=True),
        Refusal("b", "Why.", "why"),
    ]
    assert refused[0].label == f"{name} and 4 more of its series"
    assert [row.label for row in grouped_by_reason(refused)] == [f"{name} and 5 more"]


def test_where_nothing_is_read_the_commonest_reason_is_given() -> None:
    images = {f"z{i}": other_object(SR, "SR") for i in range(3)}
    with pytest.raises(InputError, match=r"None of 4 files could be read\. 3 of them: .* report"):
        named(a=other_object(PDF, "DOC"), **images)


def test_the_command_line_says_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "in")
    for i in range(3):
        (tmp_path / "in" / f"R{i}").write_bytes(to_bytes(other_object(SR, "SR")))
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("asemble: 3 left out: This is a structured report")


def test_the_command_line_says_which_series_is_not_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    study = read(*[mr_image(i) for i in range(3)])
    judged = [SeriesPrediction("s01", used=False, why_not="T1 is not judged.", slices=())]
    tell_series(study, judged)
    assert capsys.readouterr().err == (
        "asemble: s01 (t1 tse cor) read but not judged: T1 is not judged.\n"
    )


def test_the_same_files_under_other_names_are_counted_once_and_said(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for path in (tmp_path / "b").iterdir():
        path.rename(path.with_name("copy of " + path.name))
    study = read_study(tmp_path)
    assert study.key == read_study(tmp_path / "a").key
    (refusal,) = study.refused
    assert refusal.files == 5
    assert "copies of others" in refusal.reason


@pytest.mark.parametrize("change", ["syntax", "instance", "number", "both", "some"])
def test_a_copy_that_was_saved_anew_is_counted_once(change: str) -> None:
    images, copies = [mr_image(i) for i in range(5)], [mr_image(i) for i in range(5)]
    for image, copy in zip(images, copies, strict=True):
        if change == "syntax":
            copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            copy.compress(RLELossless, generate_instance_uid=False)
        if change in ("number", "both", "some"):
            copy.InstanceNumber += 100
        if change == "number":
            copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    taken = copies[1:3] if change == "some" else copies
    study = read(*images, *taken)
    (series,) = study.series
    assert np.array_equal(series.volume.voxels, volume_values())
    assert [r.files for r in study.refused] == [len(taken)]
    assert study.key == read(*images).key
    assert read(*taken, *images).key == study.key


def test_a_series_sent_again_under_a_new_uid_is_counted_once() -> None:
    again = [mr_image(i, series="1.2.9") for i in range(5)]
    study = read(*[mr_image(i) for i in range(5)], *again)
    assert study.key == read(*again).key
    assert [(r.label, r.files) for r in study.refused] == [("f5 and 4 more of its series", 5)]
    renumbered = [mr_image(i, series="1.2.10", SeriesNumber=8) for i in range(5)]
    assert len(read(*again, *renumbered).series) == 2  # another number is meant as another series


def test_the_same_nifti_twice_is_counted_once(tmp_path: Path) -> None:
    affine = np.eye(4)
    for name in ("a.nii", "b.nii.gz"):
        write_nifti(tmp_path / name, volume_values(), affine)
    study = read_study(tmp_path)
    assert len(study.series) == 1
    assert [r.name for r in study.refused] == ["b.nii.gz"]


def test_black_slices_of_a_time_series_are_no_copies() -> None:
    images = []
    for time in range(3):
        for index in range(4):
            image = mr_image(index, InstanceNumber=time * 4 + index + 1)
            set_pixels(image, slice_values(index) * (0 if index == 3 else 1) + (index < 3) * time)
            images.append(image)
    study = read(*images)
    assert [s.volume.shape[0] for s in study.series] == [4, 4, 4]
    assert study.refused == ()


def test_two_slices_with_equal_pixels_at_two_places_are_two() -> None:
    images = [mr_image(i) for i in range(4)]
    for image in images:
        set_pixels(image, slice_values(0))
    assert read(*images).series[0].volume.shape[0] == 4


def test_burned_in_text_and_captures_are_said() -> None:
    (series,) = read(*[mr_image(i, BurnedInAnnotation="YES") for i in range(3)]).series
    assert any("text is burned into the images" in note for note in series.notes)
    for change in ({"SOPClassUID": SC}, {"ConversionType": "WSD"}):
        (series,) = read(*[mr_image(i, **change) for i in range(3)]).series
        assert any("secondary captures" in note for note in series.notes)
        assert series.plane is Plane.CORONAL
    (series,) = read(*[mr_image(i, BurnedInAnnotation="NO") for i in range(3)]).series
    assert series.notes == ()


@pytest.mark.parametrize("packed", [False, True])
def test_an_interrupted_tar_keeps_what_came_before_the_cut(*, packed: bool) -> None:
    data = tarred({f"IM{i}": to_bytes(mr_image(i)) for i in range(10)})
    data = gzip.compress(data, mtime=0) if packed else data
    study = read_parts(
        [Part.from_bytes("a.tar", data[: int(len(data) * (0.7 if packed else 0.45))])]
    )
    (series,) = study.series
    count = series.volume.shape[0]
    assert 3 <= count < 10
    assert np.array_equal(series.volume.voxels, volume_values(count))
    assert any("cut off" in refusal.reason for refusal in study.refused)


def test_an_interrupted_zip_does_not_cost_the_files_beside_it() -> None:
    archive = zipped({"IM9": to_bytes(mr_image(9))})
    beside = [Part.from_bytes(f"IM{i}", to_bytes(mr_image(i))) for i in range(3)]
    study = read_parts([Part.from_bytes("a.zip", archive[:-60]), *beside])
    assert study.series[0].volume.shape[0] == 3
    assert [refusal.name for refusal in study.refused] == ["a.zip"]
