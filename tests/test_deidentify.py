"""No identifier passes the door."""

import io
import json
import logging
from pathlib import Path

import nibabel as nib
import pydicom
import pytest
from mr_files import SECRETS, enhanced_image, mr_image, to_bytes, write_series

from asemble.core.labels import SIMULATED_COMMENT, SIMULATOR
from asemble.core.study import Study
from asemble.io import Part, convert, read_parts, read_study
from asemble.io.dicom.deidentify import BODY_PARTS, KEPT, clean_body_part, clean_description


def leaks(text: str) -> list[str]:
    """Secrets, or words of them, that stand in a text."""
    words = {w for value in SECRETS.values() for w in value.replace("^", " ").split()}
    words |= set(SECRETS.values()) | {"1.2.3.4", "1.2.840.10008.5.1.4.1.1.4"}
    return [w for w in words - {"pelvis", "special"} if len(w) > 2 and w.lower() in text.lower()]


def test_a_study_carries_no_identifier(tmp_path: Path) -> None:
    for kind, image in {"classic": mr_image(0), "enhanced": enhanced_image([{"index": 0}])}.items():
        image.SeriesDescription = "T1 Doe Janine 19630517 cor"
        image.BodyPartExamined = "DOE JANINE"
        study = read_parts([Part.from_bytes("Doe_Janine.dcm", to_bytes(image))])
        assert leaks(repr(study)) == [], kind
        assert study.series[0].description == "t1 cor"
        assert study.series[0].body_part == ""


def test_no_identifier_is_exported(tmp_path: Path) -> None:
    source = tmp_path / "Doe_Janine" / "HOSP-4711"
    write_series(source)
    out = tmp_path / "out"
    images = convert(read_study(tmp_path / "Doe_Janine"), out)
    assert [path.name for path in images] == ["s01.nii.gz"]
    for path in out.iterdir():
        content = path.read_bytes().decode("latin-1")
        assert leaks(content + path.name) == []
    header = nib.load(images[0]).header
    assert leaks(header.binaryblock.decode("latin-1")) == []


def test_nothing_about_the_patient_is_kept() -> None:
    for keyword in KEPT:
        tag = pydicom.datadict.tag_for_keyword(keyword)
        assert tag is not None, keyword
        group = tag >> 16
        is_scaling = keyword == "RealWorldValueMappingSequence"
        assert group in (0x0008, 0x0018, 0x0020, 0x0028, 0x5200, 0x7FE0) or is_scaling, keyword
        vr = pydicom.datadict.dictionary_VR(tag)
        assert vr not in ("PN", "DA", "TM", "DT", "LT", "ST", "UT", "AS") or (
            keyword == "ImageComments"
        )


def test_damaged_values_are_quoted_nowhere(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    data = to_bytes(mr_image(0))
    for keyword in ("PatientID", "AccessionNumber", "StudyDate"):
        secret = SECRETS[keyword].encode()
        data = data.replace(secret, b"\xff" + secret[1:])
    data = data.replace(b"550 ", b"Doe ").replace(b"19630517", b"Doe Janx")
    with caplog.at_level(logging.DEBUG):
        read_parts([Part.from_bytes("a", data)])
    captured = capfd.readouterr()
    everything = (
        captured.out + captured.err + caplog.text + " ".join(str(w.message) for w in recwarn)
    )
    assert leaks(everything) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("T1 TSE cor SMITH", "t1 tse cor"),
        ("stir_semicoronal_4mm", "stir semicoronal 4mm"),
        ("SYNTHETIC STIR axial SIJ", "synthetic stir axial sij"),
        ("Müller, 12.03.1970, pat 0471", ""),
        ("MRN12345678 t2_fs", "t2 fs"),
        ("", ""),
    ],
)
def test_only_protocol_words_pass(text: str, kept: str) -> None:
    assert clean_description(text) == kept


def test_only_known_body_parts_pass() -> None:
    assert clean_body_part("LSpine") == "LSPINE"
    assert clean_body_part("Jane") == ""
    assert all(part.isalpha() and part.isupper() for part in BODY_PARTS)


def test_simulated_images_say_so() -> None:
    def study(**attributes: str) -> Study:
        return read_parts([Part.from_bytes("a", to_bytes(mr_image(0, **attributes)))])

    assert not study().synthetic
    assert study(Manufacturer=SIMULATOR).synthetic
    assert study(ImageComments=SIMULATED_COMMENT).synthetic


@pytest.mark.parametrize(
    "attributes",
    [
        {"SeriesDescription": "MAGiC Synthetic STIR COR", "Manufacturer": "GE MEDICAL SYSTEMS"},
        {"SeriesDescription": "SyntheticMR T2 FS", "ImageComments": "Synthetic image"},
        {"SeriesDescription": "SYNTHETIC T1", "ImageType": ["DERIVED", "SECONDARY", "SYNTHETIC"]},
    ],
)
def test_a_synthetic_contrast_of_a_patient_is_not_simulated(attributes: dict[str, object]) -> None:
    study = read_parts([Part.from_bytes("a", to_bytes(mr_image(0, **attributes)))])
    assert not study.synthetic


def test_the_sidecar_says_what_the_series_is(tmp_path: Path) -> None:
    write_series(tmp_path / "in", SeriesDescription="SYNTHETIC T1 cor", Manufacturer=SIMULATOR)
    (image,) = convert(read_study(tmp_path / "in"), tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "s01.json").read_text())
    assert facts["shape"] == [5, 6, 5]
    assert facts["spacing_mm"] == [4.0, 0.5, 0.7]
    assert (facts["plane"], facts["weighting"]) == ("coronal", "t1")
    assert facts["synthetic"] is True
    assert "Do not use for diagnosis" in facts["notice"]
    assert nib.load(image).shape == (5, 6, 5)


def test_the_same_study_converts_to_the_same_bytes(tmp_path: Path) -> None:
    write_series(tmp_path / "in")
    first = convert(read_study(tmp_path / "in"), tmp_path / "a")[0].read_bytes()
    second = convert(read_study(tmp_path / "in"), tmp_path / "b")[0].read_bytes()
    assert first == second
    assert io.BytesIO(first).read(2) == b"\x1f\x8b"
