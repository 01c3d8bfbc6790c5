"""Files of two patients are never read as one study, and one patient is never taken for two."""

import re
from dataclasses import asdict
from typing import Any

import pydicom
import pytest
from mr_files import enhanced_image, mr_image, read_images, to_bytes, without_identity
from pydicom.data import get_testdata_file

from asemble.cli import main
from asemble.core.errors import InputError
from asemble.io.dicom.patients import MOST_SPELLINGS, Patients

JANE = {"PatientID": "HOSP-4711", "PatientName": "Doe^Jane", "PatientBirthDate": "19630517"}
TWO = "more than one patient"


def image(index: int = 0, **who: str) -> pydicom.Dataset:
    made = without_identity(mr_image(index))
    for keyword, value in who.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    "other",
    [
        {"PatientID": " hosp 4711"},
        {"PatientID": "0HOSP-4711"},
        {"PatientName": "DOE^JANE^^DR"},
        {"PatientName": "Doe^Jane^Mary"},
        {"PatientName": "Jane Doe"},
        {"PatientName": "Doe, Jane"},
        {"PatientName": "Doe^J"},
        {"PatientName": "Smith^Jane"},  # married between two examinations
        {"PatientBirthDate": "19630518"},  # typed by hand
        {"PatientBirthDate": "1963.05.17"},
        {"PatientID": "CITY-99"},  # the number of another hospital, same name and birth date
        {"PatientID": "", "PatientName": "ANONYMOUS", "PatientBirthDate": ""},
        {"PatientID": "anon", "PatientBirthDate": "19000101"},
        {"PatientID": "XXXX", "PatientName": "^^^^"},
        {"PatientID": "4711", "IssuerOfPatientID": "CITY"},
    ],
)
def test_one_patient_written_in_two_ways_is_one(other: dict[str, str]) -> None:
    first = {**JANE, "IssuerOfPatientID": "HOSP"} if "IssuerOfPatientID" in other else JANE
    images = (image(0, **first), image(1, **{**JANE, **other}))
    for order in (images, images[::-1]):
        (series,) = read_images(*order).series
        assert series.volume.shape[0] == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (JANE, {**JANE, "PatientID": "HOSP-4712", "PatientName": "Roe^Jane"}),
        (JANE, {**JANE, "PatientID": "HOSP-4712", "PatientBirthDate": ""}),
        (JANE, {**JANE, "PatientName": "Roe^Rick", "PatientBirthDate": "19810101"}),
        (JANE, {"PatientName": "Roe^Rick"}),
        (JANE, {"PatientName": "Doe^John"}),
        (JANE, {"PatientName": "Doe^Jane", "PatientBirthDate": "19810101"}),
        ({"PatientID": "P001"}, {"PatientID": "P002"}),
        ({"PatientID": "A", "PatientName": "Anonymous"}, {"PatientID": "B"}),
        ({"PatientName": "Müller^Eva"}, {"PatientName": "Meier^Eva"}),
    ],
)
def test_two_patients_are_refused_as_a_whole_without_quoting(
    one: dict[str, str], other: dict[str, str]
) -> None:
    for images in ((image(0, **one), image(1, **other)), (image(0, **other), image(1, **one))):
        with pytest.raises(InputError, match=TWO) as caught:
            read_images(*images)
        said = str(caught.value).lower()
        assert not any(value.lower() in said for value in other.values() if len(value) > 1)


def test_a_name_is_one_in_every_character_set() -> None:
    latin, unicode = (image(i, PatientName="Müller^Eva") for i in range(2))
    latin.SpecificCharacterSet, unicode.SpecificCharacterSet = "ISO_IR 100", "ISO_IR 192"
    spelled = image(2, PatientName="MUELLER^EVA")
    (series,) = read_images(latin, unicode, spelled).series
    assert series.volume.shape[0] == 3


def test_a_file_that_is_not_read_still_says_whose_it_is() -> None:
    ct = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    whose = {key: ct.get(key) for key in ("PatientID", "PatientName", "PatientBirthDate")}
    assert whose["PatientID"]
    with pytest.raises(InputError, match=TWO):
        read_images(image(0, **JANE), ct)
    study = read_images(image(0, PatientID=whose["PatientID"]), ct)
    assert len(study.series) == len(study.refused) == 1


def test_formats_without_identity_go_with_any_patient() -> None:
    study = read_images(image(0, **JANE), image(1))
    assert study.series[0].volume.shape[0] == 2


def test_endless_spellings_are_refused() -> None:
    patients = Patients()
    for number in (0, *range(MOST_SPELLINGS)):
        patients.take(image(**{**JANE, "PatientID": f"P{number}"}))
    with pytest.raises(InputError, match=TWO):
        patients.take(image(**{**JANE, "PatientID": "Q"}))


def renewed(count: int, **more: Any) -> list[Any]:
    """Slices that name another patient each, as an anonymiser makes that knows single files."""
    images = []
    for index in range(count):
        one = without_identity(mr_image(index, **more))
        one.PatientID = one.PatientName = f"A{index}b{7 * index}"
        images.append(one)
    return images


@pytest.mark.parametrize("series", ["kept", "renewed"])
def test_a_patient_renewed_in_every_file_of_one_stack_is_one_and_it_is_said(series: str) -> None:
    images = renewed(6)
    for number, each in enumerate(images):
        if series == "renewed":
            each.SeriesInstanceUID = f"1.2.{number}"
    for given in (images, images[::-1], [*images, images[2]]):  # a copy is no second file
        study = read_images(*given)
        (found,) = study.series
        assert found.volume.shape[0] == 6
        assert "Every file names another patient" in found.notes[0]


def test_more_renewed_patients_than_spellings_are_one_stack() -> None:
    images = [
        image(index, **{**JANE, "PatientID": f"P{index}"}) for index in range(MOST_SPELLINGS + 5)
    ]
    (series,) = read_images(*images).series
    assert series.volume.shape[0] == MOST_SPELLINGS + 5
    assert "Every file names another patient" in series.notes[0]


def test_an_image_of_no_stack_is_left_out_where_every_file_names_another_patient() -> None:
    images = renewed(5)
    alone = image(0, PatientID="X9", PatientName="Y8")
    alone.ImageOrientationPatient, alone.SeriesInstanceUID = [0, 1, 0, 0, 0, -1], "1.9"
    study = read_images(*images, alone)
    assert [series.volume.shape[0] for series in study.series] == [5]
    (refusal,) = study.refused
    assert "may be of another one" in refusal.reason


def test_files_that_name_another_patient_each_and_form_no_stack_are_several_patients() -> None:
    scattered = renewed(6)
    for index, each in enumerate(scattered):
        each.ImagePositionPatient = [17.0 * index, 3.0 * index**2, 30.0]
        each.SeriesInstanceUID = f"1.2.{index}"
    multiframe = []
    for number in range(2):
        one = without_identity(enhanced_image([{"index": index} for index in range(5)]))
        one.PatientID, one.SeriesInstanceUID = f"P{number}", f"1.2.{number}"
        multiframe.append(one)
    for images in (scattered, multiframe, renewed(2)):
        with pytest.raises(InputError, match=TWO):
            read_images(*images)


def test_one_file_of_a_second_patient_or_of_none_ends_the_doubt() -> None:
    other = image(6, **JANE)
    for more in ([other, image(7, **JANE)], [image(6)]):
        for images in ([*renewed(6), *more], [*more, *renewed(6)]):
            with pytest.raises(InputError, match=TWO):
                read_images(*images)


def test_the_comparison_keeps_no_identifier() -> None:
    patients, dataset = Patients(), image(**JANE)
    patients.take(dataset)
    assert not {"PatientID", "PatientName", "PatientBirthDate"} & set(dir(dataset))
    everything = f"{patients} {asdict(patients)} {read_images(image(**JANE))}"
    assert not any(value in everything for value in JANE.values())
    # The key is drawn anew, so that digests of two uploads cannot be compared or looked up.
    again = Patients()
    again.take(image(**JANE))
    kept = [
        set(re.findall(r"b'[^']+'|b\"[^\"]+\"", f"{asdict(each)}")) for each in (patients, again)
    ]
    assert all(kept) and not kept[0] & kept[1]


def test_the_command_line_ends_with_code_2(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, name in enumerate(("Doe^Jane", "Roe^Rick")):
        made = image(index, PatientID=f"P{index}", PatientName=name)
        (tmp_path / f"IM{index}").write_bytes(to_bytes(made))
    assert main(["convert", str(tmp_path), str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert TWO in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
