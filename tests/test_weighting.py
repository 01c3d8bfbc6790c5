"""The weighting of a series from its header."""

import struct

import pydicom
import pytest
from mr_files import enhanced_image, mr_image, to_bytes

from asemble.core.labels import Weighting
from asemble.io import Part, read_parts
from asemble.io.dicom.deidentify import PROTOCOL_WORDS
from asemble.io.series.planes import PLANE_WORDS
from asemble.io.series.weighting import _COMPUTED_WORDS, _DIXON_NAMES, _FAT_WORDS, weighting_of_name

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


STIR = (["SE", "IR"], "5000", "60")
WITH_TI = {"InversionTime": "160"}


@pytest.mark.parametrize(
    "more",
    [
        {"DiffusionBValue": 800.0},
        {"DiffusionDirectionality": "DIRECTIONAL"},
        {"SequenceName": "*ep_b800t"},
        {"SequenceName": "*re_b50"},
        {"AcquisitionContrast": "DIFFUSION"},
        {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"]},
        {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]},
        {"ImageType": ["DERIVED", "SECONDARY", "SUBTRACTION"]},
        {"ImageType": ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "SWI"]},
        {"VolumeBasedCalculationTechnique": "MAX_IP"},
    ],
)
def test_diffusion_and_what_is_computed_is_not_fluid(more: dict[str, object]) -> None:
    assert weighting("", *STIR, **WITH_TI) is FLUID
    assert weighting("", *STIR, **WITH_TI, **more) is OTHER
    assert weighting("pelvis cor fs", "SE", "8808", "58", **more) is OTHER


@pytest.mark.parametrize(
    "description",
    ["DWI_b800 cor SIJ", "ep2d_diff_b50_400_800", "ADC cor", "t2_TRACEW", "resolve cor",
     "cor b1000", "STIR cor MIP", "stir SUB", "T2 map fs", "perf cor fs", "swi cor",
     "difusi\u00f3n cor fs", "Diffusionsgewichtet", "diffusione", "STIR Subtraktion",
     "t2 flair cor"],
)  # fmt: skip
def test_a_name_of_diffusion_or_computing_is_heard_before_the_times(description: str) -> None:
    assert weighting(description, "SE", "5000", "60", ScanOptions="FS") is OTHER


@pytest.mark.parametrize(
    ("creator", "group", "element", "vr", "value"),
    [
        ("Philips Imaging DD 001", 0x2001, 0x03, "FL", 800.0),
        ("Philips Imaging DD 001", 0x2001, 0x20, "LO", "DwiSE"),
        ("SIEMENS MR HEADER", 0x0019, 0x0C, "IS", "800"),
        ("GEMS_PARM_01", 0x0043, 0x39, "IS", ["1000000800", "8", "0", "0"]),
    ],
)
@pytest.mark.parametrize("is_unknown", [False, True])
def test_private_b_values_of_the_vendors_are_read(
    creator: str, group: int, element: int, vr: str, value: object, *, is_unknown: bool
) -> None:
    def read(stated: object) -> Weighting:
        image = mr_image(0, SeriesDescription="fs cor", ScanOptions="FS")
        image.RepetitionTime, image.EchoTime = "8808", "58"
        block = image.private_block(group, creator, create=True)
        if is_unknown:  # as programs leave what they do not know
            raw = struct.pack("<f", stated) if vr == "FL" else as_text(stated).encode()
            block.add_new(element, "UN", raw + b" " * (len(raw) % 2))
        else:
            block.add_new(element, vr, stated)
        (series,) = read_parts([Part.from_bytes("a", to_bytes(image))]).series
        return series.weighting

    def as_text(stated: object) -> str:
        return "\\".join(stated) if isinstance(stated, list) else str(stated)

    assert read(value) is OTHER
    nothing = {"FL": 0.0, "LO": "SE"}.get(vr, "0")
    assert read(nothing) is FLUID


def test_the_b_0_image_of_a_diffusion_series_is_of_it() -> None:
    images = [
        mr_image(i, SeriesDescription="fs cor", ScanOptions="FS", RepetitionTime="8808",
                 EchoTime="58", InstanceNumber=10 * b + i, DiffusionBValue=float(b))
        for b in (0, 800)
        for i in range(3)
    ]  # fmt: skip
    study = read_parts([Part.from_bytes(f"{n}", to_bytes(i)) for n, i in enumerate(images)])
    assert [series.weighting for series in study.series] == [OTHER, OTHER]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("W", FLUID), ("WATER", FLUID), ("F", OTHER), ("FAT", OTHER), ("IP", OTHER),
     ("IN_PHASE", OTHER), ("OP", OTHER), ("OPP_PHASE", OTHER), ("OUT_OF_PHASE", OTHER),
     ("OUT OF PHASE", OTHER), ("FAT_FRACTION", OTHER), ("PDFF", OTHER)],
)  # fmt: skip
@pytest.mark.parametrize("description", ["T2_TSE_DIXON_FS_COR", "t2 tse dixon", "T2W mDIXON TSE"])
def test_of_a_dixon_series_only_water_is_fluid(
    description: str, kind: str, expected: Weighting
) -> None:
    image_type = ["DERIVED", "PRIMARY", "DIXON", kind]
    assert weighting(description, "SE", "4000", "70", ImageType=image_type) is expected


@pytest.mark.parametrize(
    ("description", "expected"),
    [("t2_tse_dixon_cor_W", FLUID), ("t2_tse_dixon_cor_F", OTHER), ("t2_tse_dixon_cor_in", OTHER),
     ("t2_tse_dixon_cor_opp", OTHER), ("t2 dixon fat fraction", OTHER), ("T2 FS inphase", OTHER),
     ("T2 FS out phase", OTHER), ("t2 dixon fat sat w", FLUID)],
)  # fmt: skip
def test_the_name_tells_the_image_of_a_dixon_series_where_nothing_else_does(
    description: str, expected: Weighting
) -> None:
    assert weighting(description, "SE", "4000", "70") is expected
    assert weighting(description, "", "", "") is expected


def test_an_in_phase_gradient_echo_stays_t1() -> None:
    kind = ["DERIVED", "PRIMARY", "DIXON", "IN_PHASE"]
    assert weighting("", "GR", "6", "2.4", SequenceVariant="SP", ImageType=kind) is T1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sub-01_acq-cor_T2w_stir.nii.gz", FLUID), ("DWI_cor_fs_T2.nii", OTHER),
     ("T2_SPAIR_tra.nii", FLUID), ("DP_fatsat_cor.nii", FLUID), ("T2_sat_graisse.nii", FLUID),
     ("T2_soppressione_grasso.nii", FLUID), ("T2_TIRM2_kor.nii", FLUID),
     ("T2_FLAIR_fs.nii", OTHER), ("T1_FLAIR.nii", T1)],
)  # fmt: skip
def test_names_of_other_languages_and_places(name: str, expected: Weighting) -> None:
    assert weighting_of_name(name) is expected


def test_every_word_that_tells_a_weighting_passes_the_door() -> None:
    told = _COMPUTED_WORDS | _FAT_WORDS | _DIXON_NAMES
    planes = frozenset().union(*PLANE_WORDS.values())
    assert told | planes <= PROTOCOL_WORDS


def test_legacy_converted_images_are_read_by_their_times() -> None:
    image = enhanced_image([{"index": i} for i in range(3)])
    del image.SeriesDescription, image.ScanningSequence, image.RepetitionTime, image.EchoTime
    for group in image.PerFrameFunctionalGroupsSequence:
        del group.MREchoSequence
    converted = pydicom.Dataset()
    converted.ScanningSequence, converted.RepetitionTime = ["SE", "IR"], "5000"
    converted.EchoTime, converted.InversionTime = "60", "159"
    shared = image.SharedFunctionalGroupsSequence[0]
    shared.UnassignedSharedConvertedAttributesSequence = [converted]
    (series,) = read_parts([Part.from_bytes("a", to_bytes(image))]).series
    assert series.weighting is FLUID
    converted.DiffusionBValue = 800.0
    (series,) = read_parts([Part.from_bytes("a", to_bytes(image))]).series
    assert series.weighting is OTHER


def test_an_enhanced_stir_says_so_and_diffusion_too() -> None:
    def read(contrast: str, b_value: float = 0.0) -> Weighting:
        image = enhanced_image([{"index": i, "te": 60.0} for i in range(3)])
        image.SeriesDescription, image.ScanningSequence = "cor", ""
        frame_type, diffusion = pydicom.Dataset(), pydicom.Dataset()
        frame_type.AcquisitionContrast, diffusion.DiffusionBValue = contrast, b_value
        for group in image.PerFrameFunctionalGroupsSequence:
            group.MRImageFrameTypeSequence = [frame_type]
            group.MRDiffusionSequence = [diffusion]
        (series,) = read_parts([Part.from_bytes("a", to_bytes(image))]).series
        return series.weighting

    def suppressing(keyword: str, value: str) -> Weighting:
        image = enhanced_image([{"index": i, "te": 70.0} for i in range(3)])
        image.SeriesDescription, image.RepetitionTime = "T2 cor", "4000"
        modifier = pydicom.Dataset()
        setattr(modifier, keyword, value)
        image.SharedFunctionalGroupsSequence[0].MRModifierSequence = [modifier]
        (series,) = read_parts([Part.from_bytes("a", to_bytes(image))]).series
        return series.weighting

    assert suppressing("SpectrallySelectedSuppression", "FAT") is FLUID
    assert suppressing("SpectrallySelectedExcitation", "WATER") is FLUID
    assert suppressing("SpectrallySelectedExcitation", "NONE") is OTHER
    assert read("STIR") is FLUID
    assert read("DIFFUSION") is OTHER
    assert read("PERFUSION") is OTHER
    assert read("STIR", 600.0) is OTHER


def test_a_user_can_correct_both() -> None:
    (series,) = read_parts([Part.from_bytes("a", to_bytes(mr_image(0)))]).series
    assert series.corrected(weighting=FLUID).weighting is FLUID
