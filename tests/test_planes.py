"""The plane of a tilted stack: by its geometry, by its words, or asked for."""

import json
from pathlib import Path

import numpy as np
import pytest
from mr_files import mr_image, read_images, to_bytes
from streamlit.testing.v1 import AppTest

from asemble.cli import main
from asemble.core.geometry import plane_of, possible_planes
from asemble.core.labels import PATTERNS, Plane, Weighting
from asemble.core.study import Series
from asemble.imaging.quality import why_not_judged
from asemble.io import Part, convert, read_parts, read_study, write_nifti
from asemble.phantom.cases import sample_case, sample_stack

ROOT = Path(__file__).parents[1]
CORONAL, AXIAL, SAGITTAL = Plane
FLUID = {"ScanningSequence": ["SE", "IR"], "InversionTime": "150", "EchoTime": "60"}


def tilted(tilt_deg: float, *, about_z_deg: float = 0.0) -> list[float]:
    """ImageOrientationPatient of a coronal stack whose anterior normal is tipped downwards.

    0 is true coronal, 35 a usual semicoronal, 73 an axial stack with its front edge 17 degrees up,
    -50 a semiaxial one.
    """
    tilt, turn = np.radians(tilt_deg), np.radians(about_z_deg)
    about_z = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    down = np.array([0, np.sin(tilt), -np.cos(tilt)])
    return [*(about_z @ [1, 0, 0]), *(about_z @ down)]


def read(orientation: list[float], description: str = "") -> Series:
    images = [
        mr_image(i, orientation=orientation, SeriesDescription=description, **FLUID)
        for i in range(3)
    ]
    (series,) = read_images(*images).series
    return series


@pytest.mark.parametrize("description", ["", "stir", "tirm cor obl"])
@pytest.mark.parametrize("tilt_deg", [-15, -8, 0, 10, 25, 35, 45, 51, 60])
def test_semicoronal_stacks_are_coronal_without_a_question(tilt_deg: int, description: str) -> None:
    series = read(tilted(tilt_deg), description)
    assert series.plane is CORONAL
    assert series.notes == ()


@pytest.mark.parametrize("tilt_deg", [76, 82, 90, -80, -65, -50, -39, -35])
def test_axial_and_semiaxial_stacks_are_axial_without_a_question(tilt_deg: int) -> None:
    series = read(tilted(tilt_deg), "stir tra")
    assert series.plane is AXIAL
    assert series.notes == ()


@pytest.mark.parametrize("tilt_deg", [62, 65, 70, 73, 73.4, -17, -22, -28])
@pytest.mark.parametrize(
    ("description", "plane"),
    [("STIR tra SIJ", AXIAL), ("t2_tirm_cor", CORONAL), ("TIRM transversal", AXIAL),
     ("STIR koronar", CORONAL), ("T2 STIR AX OBL", AXIAL), ("stir coronale", CORONAL),
     ("STIR assiale", AXIAL), ("STIR koronalna", CORONAL)],
)  # fmt: skip
def test_between_two_planes_the_description_decides_and_it_is_said(
    tilt_deg: float, description: str, plane: Plane
) -> None:
    series = read(tilted(tilt_deg), description)
    assert series.plane is plane
    (note,) = series.notes
    assert "tilted between" in note
    assert f"says {plane}" in note


@pytest.mark.parametrize("description", ["", "stir sij", "stir cor ax", "stir sag"])
@pytest.mark.parametrize("tilt_deg", [62, 73, -20, -28])
def test_what_nothing_settles_is_asked_for_not_judged(tilt_deg: int, description: str) -> None:
    series = read(tilted(tilt_deg), description)
    assert series.plane is None
    assert "state the plane" in series.notes[0]
    why_not = why_not_judged(series)
    assert why_not is not None
    assert "tilted between" in why_not
    assert "state the plane" in why_not
    stated = why_not_judged(series.corrected(plane=AXIAL))
    assert stated is None or "plane" not in stated


def test_a_certain_geometry_is_trusted_before_the_description() -> None:
    series = read(tilted(35), "stir tra")
    assert series.plane is CORONAL
    assert "The description says axial, the geometry coronal" in series.notes[0]


def test_between_coronal_and_sagittal_is_asked_too() -> None:
    assert read(tilted(0, about_z_deg=20)).plane is CORONAL
    assert read(tilted(0, about_z_deg=45)).plane is None
    assert read(tilted(0, about_z_deg=45), "stir sag").plane is SAGITTAL
    assert read(tilted(0, about_z_deg=80)).plane is SAGITTAL


def test_the_file_name_settles_the_plane_of_a_nifti(tmp_path: Path) -> None:
    for i in range(3):
        image = mr_image(i, orientation=tilted(73), **FLUID)
        (tmp_path / f"{i}.dcm").write_bytes(to_bytes(image))
    (path,) = convert(read_study(tmp_path), tmp_path / "out")
    (series,) = read_study(path).series
    assert series.plane is None
    (series,) = read_parts([Part.from_bytes("stir_tra.nii.gz", path.read_bytes())]).series
    assert series.plane is AXIAL
    assert any("the file name says axial" in note for note in series.notes)


def test_no_simulated_stack_lies_between_the_planes() -> None:
    for seed in range(12):
        case = sample_case(seed, kind=PATTERNS[seed % 3], pelvis=0)
        for plane in (CORONAL, AXIAL):
            rng = np.random.default_rng([seed, list(Plane).index(plane)])
            stack = sample_stack(rng, case, plane=plane, weighting=Weighting.FLUID)
            assert possible_planes(stack.affine_lps) == (plane,)
            assert plane_of(stack.affine_lps) is plane


def test_predict_asks_for_the_plane_and_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(6):
        image = mr_image(i, orientation=tilted(70), SeriesDescription="stir sij", **FLUID)
        path = tmp_path / "in" / f"{i}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(to_bytes(image))
    out = tmp_path / "p.json"
    assert main(["predict", str(tmp_path / "in"), "--json", str(out)]) == 0
    answer = json.loads(out.read_text())
    (series,) = answer["series"]
    assert (series["plane"], series["used"]) == (None, False)
    asked = "The slices are tilted between axial and coronal; state the plane."
    assert series["why_not"] == asked
    assert f"s01 was not judged: {asked}" in answer["study"]["reasons"]
    assert asked in capsys.readouterr().err
    assert (
        main(["predict", str(tmp_path / "in"), "--json", str(out), "--force", "--plane", "axial"])
        == 0
    )
    (series,) = json.loads(out.read_text())["series"]
    assert series["plane"] == "axial"
    assert "too small" in series["why_not"]  # the plane is answered


def test_the_app_asks_for_the_plane_and_takes_it(tmp_path: Path) -> None:
    affine = np.eye(4)
    orientation = np.array(tilted(70))
    affine[:3, 2], affine[:3, 1] = 0.7 * orientation[:3], 0.5 * orientation[3:]
    affine[:3, 0] = 4 * np.cross(orientation[:3], orientation[3:])
    write_nifti(tmp_path / "stir.nii", np.arange(2400.0).reshape(6, 20, 20), affine)
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    content = (tmp_path / "stir.nii").read_bytes()
    app.file_uploader[0].set_value([("stir.nii", content, "application/octet-stream")]).run()
    next(each for each in app.button if each.label == "Read the upload").click().run()
    assert any("tilted between axial and coronal; state the" in w.value for w in app.warning)
    plane = next(each for each in app.selectbox if each.label == "Plane")
    assert plane.value is None
    plane.set_value(AXIAL).run()
    assert not app.warning
