"""The weighting of a series from its header."""

import pytest
from mr_files import mr_image, to_bytes

from asemble.core.labels import Weighting
from asemble.io import Part, read_parts

T1, FLUID, OTHER = Weighting.T1, Weighting.FLUID, Weighting.OTHER


def weighting(description: str, sequence: object, tr: str, te: str, **more: object) -> Weighting:
    image = mr_image(
        0,
        SeriesDescription=description,
        ScanningSequence=sequence,
        RepetitionTime=tr,
        EchoTime=te,
        **more,
    )
    (series,) = read_parts([Part.from_bytes("a", to_bytes(image))]).series
    return series.weighting


@pytest.mark.parametrize(
    ("expected", "sequence", "tr", "te", "more"),
    [
        (T1, "SE", "550", "12", {}),
        (FLUID, ["SE", "IR"], "5000", "84", {"InversionTime": "140"}),  # a real STIR header
        (FLUID, "IR", "3800", "50", {"InversionTime": "230"}),
        (FLUID, "SE", "3500", "70", {"ScanOptions": "FS"}),
        (FLUID, "SE", "2800", "33", {"ScanOptions": ["SFS", "PFP"]}),
        (FLUID, "SE", "3500", "70", {"ImageType": ["DERIVED", "PRIMARY", "DIXON", "W"]}),
        (OTHER, "SE", "3500", "70", {"ImageType": ["DERIVED", "PRIMARY", "DIXON", "F"]}),
        (OTHER, "SE", "3500", "90", {}),
        (OTHER, "SE", "600", "12", {"ScanOptions": "FS"}),
        (OTHER, "SE", "2500", "12", {"ScanOptions": "FS"}),
        (OTHER, ["SE", "EP"], "6000", "60", {"ScanOptions": "FS"}),
        (T1, ["GR", "IR"], "1900", "2.5", {"InversionTime": "900"}),  # MPRAGE
        (OTHER, ["SE", "IR"], "9000", "120", {"InversionTime": "2500"}),  # FLAIR
        (T1, "GR", "8", "3", {"SequenceVariant": ["SK", "SP"]}),
        (OTHER, "GR", "500", "18", {"SequenceVariant": ["SP"]}),
        (OTHER, "SE", "550", "12", {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}),
    ],
)
def test_the_sequence_decides(
    expected: Weighting, sequence: object, tr: str, te: str, more: dict[str, object]
) -> None:
    assert weighting("", sequence, tr, te, **more) is expected


def test_the_sequence_is_trusted_before_the_description() -> None:
    assert weighting("t1 cor", ["SE", "IR"], "5000", "84", InversionTime="150") is FLUID
    assert weighting("t2 fs", "SE", "3000", "90") is FLUID


def test_a_name_that_contradicts_the_times_is_left_to_the_user() -> None:
    assert weighting("stir", "SE", "550", "12") is OTHER


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("t1_tse_cor", T1),
        ("STIR cor obl", FLUID),
        ("t2_tirm_tra", FLUID),
        ("pd_spair_cor", FLUID),
        ("T2 fat sat", FLUID),
        ("t2 dixon w", FLUID),
        ("t2_tse_tra", OTHER),
        ("t1_fs_gd", OTHER),
        ("localizer", OTHER),
        ("ep2d diff t2 fs", OTHER),
        ("", OTHER),
    ],
)
def test_words_decide_where_the_header_is_stripped(description: str, expected: Weighting) -> None:
    assert weighting(description, "", "", "") is expected


def test_an_unmentioned_inversion_pulse_is_read_from_the_name() -> None:
    assert weighting("stir cor", "SE", "4500", "50") is FLUID


def test_a_user_can_correct_both() -> None:
    (series,) = read_parts([Part.from_bytes("a", to_bytes(mr_image(0)))]).series
    assert series.corrected(weighting=FLUID).weighting is FLUID
