"""Two examinations of one patient are a study and its prior, and no date is kept of either."""

from typing import Any

import pytest
from mr_files import mr_image, slice_values, to_bytes

from asemble.core.errors import InputError
from asemble.io import Part, read_parts, read_uploads

BEFORE, NOW = "20240105", "20240329"
APART = 84


def examination(day: str, *, count: int = 4, brighter: int = 0, **attributes: Any) -> list[Part]:
    """A T1 series of that day, as files of one StudyInstanceUID; no two days show the same."""
    parts = []
    study, first = attributes.pop("study", f"1.2.{day or 9}"), attributes.pop("first", 0)
    for index in range(first, first + count):
        image = mr_image(index, series=f"{study}.1", **{"StudyDate": day, **attributes})
        image.StudyInstanceUID, image.FrameOfReferenceUID = study, f"{study}.7"
        image.PixelData = (slice_values(index) + int(day or 9) % 1000 + brighter).tobytes()
        parts.append(Part.from_bytes(f"{day}-{index}", to_bytes(image)))
    return parts


def test_two_days_in_one_archive_are_a_study_and_its_prior() -> None:
    for order in (1, -1):
        study = read_parts((examination(BEFORE) + examination(NOW))[::order])
        assert [series.id for series in study.series] == ["s01"]
        assert study.prior is not None
        assert [series.id for series in study.prior.study.series] == ["p01"]
        assert (study.prior.days, study.prior.is_checked) == (APART, True)
        assert study.prior.interval == "12 weeks (84 days)"
        assert study.series[0].volume.voxels.max() > 129 * 4
        frames = {series.frame_of_reference for series in study.all_series}
        assert frames == {"F1", "P1"}


def test_the_current_study_is_what_it_is_without_its_prior() -> None:
    alone, followed = (
        read_parts(examination(NOW)),
        read_parts(examination(NOW) + examination(BEFORE)),
    )
    assert followed.key == alone.key
    assert followed.series[0].notes == alone.series[0].notes
    assert alone.prior is None


def test_two_uploads_are_a_study_and_its_prior_at_once_or_later() -> None:
    at_once = read_uploads(examination(NOW), examination(BEFORE))
    later = read_uploads(prior=examination(BEFORE), onto=read_uploads(examination(NOW)))
    in_one = read_parts(examination(NOW) + examination(BEFORE))
    for study in (at_once.study, later.study):
        assert study.prior is not None and in_one.prior is not None
        assert (study.key, study.prior.study.key) == (in_one.key, in_one.prior.study.key)
        assert study.prior.days == APART


@pytest.mark.parametrize("later", [False, True])
def test_the_prior_of_another_patient_is_refused_and_the_study_stays(later: bool) -> None:
    theirs = examination(BEFORE, PatientID="CITY-9", PatientName="Roe^Rick")
    onto = read_uploads(examination(NOW)) if later else None
    with pytest.raises(InputError, match="not of the patient") as caught:
        read_uploads(() if later else examination(NOW), theirs, onto=onto)
    assert caught.value.code == "prior-of-another-patient"
    assert "Roe" not in str(caught.value)
    if onto is not None:  # and what was tried is forgotten
        study = read_uploads(prior=examination(BEFORE), onto=onto).study
        assert study.prior is not None


def test_two_patients_in_one_archive_stay_refused_as_a_whole() -> None:
    theirs = examination(BEFORE, PatientID="CITY-9", PatientName="Roe^Rick")
    with pytest.raises(InputError, match="more than one patient") as caught:
        read_parts(examination(NOW) + theirs)
    assert caught.value.code == "several-patients"


def test_a_prior_that_does_not_say_whose_it_is_is_read_and_that_is_said() -> None:
    nobody = {"PatientID": None, "PatientName": None, "PatientBirthDate": None}
    study = read_uploads(examination(NOW), examination("", **nobody)).study
    assert study.prior is not None
    assert (study.prior.days, study.prior.is_checked) == (None, False)


def test_a_prior_is_earlier_and_another_examination() -> None:
    for prior, code in ((NOW, "prior-is-the-study"), ("20250101", "prior-is-later")):
        with pytest.raises(InputError) as caught:
            read_uploads(examination(NOW), examination(prior))
        assert caught.value.code == code


def test_what_names_every_slice_anew_splits_nothing() -> None:
    """Dates drawn for each file, and a scan of one StudyInstanceUID around midnight."""
    drawn = [
        part
        for day in range(1, 7)
        for part in examination(f"2024010{day}", count=1, first=day, study=f"1.2.{day}")
    ]
    midnight = examination(BEFORE, study="1.2") + examination("20240106", first=4, study="1.2")
    for parts in (drawn, midnight):
        assert read_parts(parts).prior is None


def test_of_three_days_the_oldest_is_left_out_and_it_is_said() -> None:
    study = read_parts(examination("20200101") + examination(BEFORE) + examination(NOW))
    assert study.prior is not None and study.prior.days == APART
    (left_out,) = study.refused
    assert left_out.files == 4 and "another day" in left_out.reason


def test_series_that_are_added_make_the_study_that_one_upload_makes() -> None:
    stir = {"SeriesDescription": "stir cor", "InversionTime": "160", "ScanningSequence": "IR"}
    more = examination(NOW, brighter=7, SeriesNumber=1, **stir)
    first = read_uploads(examination(NOW), examination(BEFORE))
    added = read_uploads(more, onto=first)
    assert added.study.key == read_parts(examination(NOW) + more).key
    assert added.study.prior is not None
    assert len(added.study.series) == 2
    assert added.moved["F1"] == "F1"
    kept = added.study.series_by_id(added.moved["s01"]).volume.voxels
    assert kept is first.study.series[0].volume.voxels
    assert len(first.study.series) == 1


def test_series_of_another_day_or_patient_are_not_added() -> None:
    open_study = read_uploads(examination(NOW))
    for more, code in (
        (examination(BEFORE), "series-of-another-examination"),
        (examination(NOW, brighter=9, PatientID="C", PatientName="R"), "series-of-another-patient"),
    ):
        with pytest.raises(InputError) as caught:
            read_uploads(more, onto=open_study)
        assert caught.value.code == code
