"""Manifests: every wrong line is named, folders are understood or refused, patients stay whole."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mr_files import write_series
from own_data_files import noise_picture, write_png

from asemble import io
from asemble.cli import main
from asemble.core.errors import FileError, InputError
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.volume import Volume
from asemble.datasets.folders import rows_of_folder
from asemble.datasets.leakage import measure_inflation
from asemble.datasets.manifest import TRAINING, Problems, read_manifest, write_manifest
from asemble.datasets.own_data import read_row, read_rows
from asemble.datasets.own_sets import own_sets
from asemble.datasets.splits import draw_splits
from asemble.imaging.fingerprints import fingerprints, near_duplicate_groups
from asemble.metrics.decision_curve import decision_curve

HEADER = "path,patient,label,plane,weighting"
AFFINE = np.array([[0, 0, 1.8, -80], [4.0, 0, 0, 10], [0, -1.9, 0, 90], [0, 0, 0, 1]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        noise_picture(tmp_path / f"{number}.png", number)
    return tmp_path


def manifest(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as error:
        own_sets(read_manifest(path), Plane.CORONAL, seed=0)
    return str(error.value)


def test_a_right_manifest_is_read_with_its_lines(folder: Path) -> None:
    found = read_manifest(
        manifest(folder, "0.png,a,Normal,CORONAL,fluid", "", "1.png,b,inflammatory,axial,t1")
    )
    assert found.problems.found == []
    assert [(r.line, r.patient, r.label, r.plane, r.weighting) for r in found.rows] == [
        (2, "a", Pattern.NORMAL, Plane.CORONAL, Weighting.FLUID),
        (4, "b", Pattern.INFLAMMATORY, Plane.AXIAL, Weighting.T1),
    ]


def test_a_spreadsheet_may_separate_by_semicolons_and_add_columns(folder: Path) -> None:
    path = manifest(
        folder, "normal;0.png;coronal;fluid;x", header="\ufeffLabel;Path;plane;weighting;remark"
    )
    found = read_manifest(path)
    assert [row.path.name for row in found.rows] == ["0.png"]
    assert found.notes == ("1 further columns of the manifest were not used.",)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["gone.png,a,normal,coronal,fluid"], "line 2: there is no such file or folder"),
        ([",a,normal,coronal,fluid"], "line 2: the path is empty"),
        (["0.png,a,AS,coronal,fluid"], "line 2: the label is none of normal, inflammatory, mech"),
        (["0.png,a,normal,sagittal,fluid"], "line 2: the plane is none of coronal, axial"),
        (["0.png,a,normal,coronal,STIR"], "line 2: the weighting is none of t1, fluid, other"),
        (["0.png,a,normal,coronal"], "line 2: 4 cells under 5 columns"),
        (
            ["0.png,a,normal,coronal,fluid", "1.png,,normal,coronal,fluid"],
            "line 3: the patient is empty, though other rows have one",
        ),
        (
            ["0.png,a,normal,coronal,fluid", "0.png,b,normal,coronal,fluid"],
            "line 3: the same image as line 2",
        ),
        ([], "line 1: no rows follow the header"),
        (["0.png,a,normal,axial,fluid"], "line 1: no row is coronal and fluid"),
        (
            ["0.png,a,normal,coronal,fluid", "1.png,b,normal,coronal,fluid"],
            "line 1: no slice for training is inflammatory; line 1: no slice for validation",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    folder: Path, lines: list[str], sentence: str
) -> None:
    assert sentence in refusal(manifest(folder, *lines))


def test_a_patient_in_two_splits_is_refused_with_both_lines_and_no_name(folder: Path) -> None:
    told = refusal(
        manifest(
            folder,
            "0.png,Muster,normal,coronal,fluid,training",
            "1.png,Muster,normal,coronal,fluid,validation",
            header=HEADER + ",split",
        )
    )
    assert "line 3: this patient is in validation here and in training on line 2" in told
    assert "Muster" not in told


def test_a_split_of_unknown_name_or_only_here_and_there_is_refused(folder: Path) -> None:
    told = refusal(
        manifest(
            folder,
            "0.png,a,normal,coronal,fluid,training",
            "1.png,b,normal,coronal,fluid,",
            "2.png,c,normal,coronal,fluid,holdout",
            header=HEADER + ",split",
        )
    )
    assert "line 3: the split is empty" in told
    assert "line 4: the split is none of training, validation, test" in told


def test_missing_and_repeated_columns_are_named(folder: Path) -> None:
    assert "line 1: the header lacks label, weighting" in refusal(
        manifest(folder, "0.png,coronal", header="path,plane")
    )
    assert "line 1: the header has label more than once" in refusal(
        manifest(folder, "", header="path,label,label,plane,weighting")
    )


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "gone.csv")
    (tmp_path / "latin.csv").write_bytes("päth".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_manifest(tmp_path / "latin.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="line 1: the header lacks path, label"):
        read_manifest(tmp_path / "empty.csv")


def test_all_problems_are_told_at_once_up_to_ten(folder: Path) -> None:
    (folder / "torn.png").write_bytes((folder / "0.png").read_bytes()[:200])
    few = refusal(
        manifest(
            folder,
            "torn.png,a,normal,coronal,fluid",
            "0.png,b,normal,coronal,fluid",
            "1.png,c,ill,coronal,fluid",
            "gone.png,d,normal,coronal,fluid",
        )
    )
    assert "line 2: this picture is damaged" in few
    assert "line 4: the label" in few and "line 5: there is no such file" in few
    assert "line 3" not in few
    many = refusal(manifest(folder, *(f"gone{n}.png,a,normal,coronal,fluid" for n in range(15))))
    assert many.count("there is no such file") == 10
    assert "and more" in many


def test_wrong_masks_and_empty_images_are_named(folder: Path) -> None:
    mask = np.zeros((1, 96, 96), np.uint8)
    io.write_nifti(folder / "empty.nii", mask, None)
    mask[0, 40:50, 30:35] = 1
    io.write_nifti(folder / "right.nii", mask, None)
    io.write_nifti(folder / "small.nii", mask[:, :90], None)
    (folder / "text.nii").write_text("no image")
    io.write_nifti(folder / "black.nii", np.zeros((2, 96, 96), np.float32), AFFINE)
    told = refusal(
        manifest(
            folder,
            "0.png,a,inflammatory,coronal,fluid,small.nii",
            "1.png,b,inflammatory,coronal,fluid,empty.nii",
            "2.png,c,normal,coronal,fluid,right.nii",
            "3.png,d,inflammatory,coronal,fluid,gone.nii",
            "black.nii,e,normal,coronal,fluid,",
            "./0.png,f,normal,coronal,fluid,text.nii",
            header=HEADER + ",mask",
        )
    )
    assert (
        "line 2: the mask has 1 x 90 x 96 slices, rows and columns, its image 1 x 96 x 96" in told
    )
    assert "line 3: the row is inflammatory but its mask is empty" in told
    assert "line 4: the row is normal but its mask marks a lesion" in told
    assert "line 5: there is no such mask" in told
    assert "line 6: " in told
    assert "line 7: the same image as line 2" in told
    assert "neither NIfTI nor PNG" in told


def test_a_mask_stored_in_another_direction_lies_where_it_lay() -> None:
    lesion = np.zeros((3, 20, 30), np.float32)
    lesion[1, 4, 25] = 1
    image = Volume(np.ones_like(lesion), AFFINE)
    flipped = AFFINE.copy()
    flipped[:3, 3] += 2 * flipped[:3, 0] + 29 * flipped[:3, 2]
    flipped[:3, [0, 2]] *= -1
    turned = Volume(lesion[::-1, :, ::-1].transpose(2, 1, 0), flipped[:, [2, 1, 0, 3]])
    assert np.argwhere(io.lay_on(turned, image)).tolist() == [[1, 4, 25]]


def test_a_mask_on_another_grid_is_refused() -> None:
    image = Volume(np.ones((3, 20, 30)), AFFINE)
    beside = AFFINE.copy()
    beside[0, 3] += 5
    with pytest.raises(FileError, match="lies elsewhere"):
        io.lay_on(Volume(np.ones((3, 20, 30)), beside), image)
    with pytest.raises(FileError, match="3 x 20 x 31"):
        io.lay_on(Volume(np.ones((3, 20, 31)), AFFINE), image)
    oblique = AFFINE @ np.array([[1, 0, 0, 0], [0, 0.8, 0.6, 0], [0, -0.6, 0.8, 0], [0, 0, 0, 1]])
    with pytest.raises(FileError, match="across"):
        io.lay_on(Volume(np.ones((3, 20, 30)), oblique), image)


def test_with_a_mask_slices_have_their_own_labels_and_without_one_the_label_of_the_row(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((3, 80, 90), np.uint8)
    mask[1, 30:40, 40:50] = 3
    io.write_nifti(tmp_path / "image.nii", rng.gamma(4, 25, (3, 80, 90)).astype("f4"), AFFINE)
    io.write_nifti(tmp_path / "mask.nii", mask, AFFINE)
    path = manifest(
        tmp_path, "image.nii,a,mechanical,coronal,fluid,mask.nii", header=HEADER + ",mask"
    )
    with_mask = read_row(read_manifest(path).rows[0])
    assert with_mask.labels.tolist() == [0, 2, 0]
    assert with_mask.lesions is not None and with_mask.lesions.sum() == 100
    path = manifest(tmp_path, "image.nii,a,mechanical,coronal,fluid")
    without = read_row(read_manifest(path).rows[0])
    assert without.labels.tolist() == [2, 2, 2]
    assert without.notes == (
        "Without a mask, every slice of a stack was given the label of its row.",
    )


def test_a_folder_with_several_series_must_be_told_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "p").mkdir()
    for name in ("stir_a.nii", "stir_b.nii", "t1.nii"):
        voxels = rng.gamma(4, 25, (3, 80, 90)).astype("f4")
        io.write_nifti(tmp_path / "p" / name, voxels, AFFINE)
    (t1,) = read_manifest(manifest(tmp_path, "p,a,normal,coronal,t1")).rows
    (fluid,) = read_manifest(manifest(tmp_path, "p,a,normal,coronal,fluid")).rows
    assert read_row(t1).series.weighting is Weighting.T1
    problems = Problems()
    assert list(read_rows([fluid], problems)) == []
    assert "holds 3 series, of which 2 have the plane and weighting" in problems.found[0][1]


@pytest.mark.parametrize("layout", ["coronal/AS", "Normal_Axial/stir", "test/COR/mimic/p1"])
def test_folders_by_plane_and_class_become_rows(tmp_path: Path, layout: str) -> None:
    noise_picture(tmp_path / layout / "7.png", 0)
    row = rows_of_folder(tmp_path, weighting=Weighting.FLUID).rows[0]
    expected = {
        "coronal/AS": {"label": "inflammatory", "plane": "coronal"},
        "Normal_Axial/stir": {"label": "normal", "plane": "axial"},
        "test/COR/mimic/p1": {
            "label": "mechanical", "plane": "coronal", "split": "test", "patient": "p1",
        },
    }[layout]  # fmt: skip
    assert row == {"path": f"{layout}/7.png", "weighting": "fluid", "mask": "", **expected}


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        ("coronal/Non-AS", "coronal/Non-AS: the name 'Non-AS' is not understood (1 images)"),
        ("augmented/coronal/AS", "the name 'augmented' is not understood"),
        ("coronal/AS/p1/extra", "the name 'extra' is not understood"),
        ("coronal/AS/normal", "coronal/AS/normal: it is both inflammatory and normal"),
        ("AS", "AS: says no plane"),
        ("coronal", "coronal: says no label"),
    ],
)
def test_a_folder_that_is_not_understood_is_refused_by_name(
    tmp_path: Path, layout: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    noise_picture(tmp_path / "set" / layout / "7.png", 0)
    out = tmp_path / "out.csv"
    arguments = ["manifest", str(tmp_path / "set"), str(out), "--weighting", "fluid"]
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err
    assert not out.exists()


def test_a_manifest_finds_its_images_from_where_it_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise_picture(tmp_path / "set" / "axial" / "AS" / "P01_3.png", 0)
    noise_picture(tmp_path / "set" / "axial" / "AS" / "P01_3_mask.png", 1)
    (tmp_path / "set" / "readme.txt").write_text("about")
    out = tmp_path / "lists" / "one.csv"
    arguments = ["manifest", str(tmp_path / "set"), str(out), "--weighting", "fluid"]
    assert main([*arguments, "--patient-pattern", r"^(P\d+)_"]) == 0
    assert "1 files are no images and were left out." in capsys.readouterr().out
    with out.open(encoding="utf-8") as file:
        assert next(csv.DictReader(file))["patient"] == "P01"
    (row,) = read_manifest(out).rows
    assert row.path.is_file() and row.mask is not None and row.mask.is_file()
    before = out.read_bytes()
    assert main(arguments) == 2
    assert "exists" in capsys.readouterr().err and out.read_bytes() == before
    assert main([*arguments, "--force"]) == 0 and out.read_bytes() != before
    assert main([*arguments, "--force", "--patient-pattern", "("]) == 2
    assert main([*arguments, "--force", "--patient-pattern", "Q"]) == 2
    assert "finds no patient" in capsys.readouterr().err


def test_a_folder_of_dicom_below_a_class_is_one_image_of_one_patient(tmp_path: Path) -> None:
    for patient in ("p1", "p2"):
        (tmp_path / "set" / "normal" / patient).mkdir(parents=True)
        write_series(tmp_path / "set" / "normal" / patient, count=5)
    found = rows_of_folder(tmp_path / "set", plane=Plane.CORONAL, weighting=Weighting.FLUID)
    assert [row["path"] for row in found.rows] == ["normal/p1", "normal/p2"]
    assert [row["patient"] for row in found.rows] == ["p1", "p2"]
    assert "2 folders below the classes were taken for patients." in found.notes
    write_manifest(tmp_path / "list.csv", found.rows, folder=tmp_path / "set")
    read = read_row(read_manifest(tmp_path / "list.csv").rows[0])
    assert read.series.volume.shape[0] == 5
    assert read.series.plane is Plane.CORONAL


@pytest.mark.parametrize("patients", [True, False])
def test_a_drawn_split_stands_in_the_manifest_and_keeps_patients_whole(
    tmp_path: Path, patients: bool
) -> None:
    for number, image in enumerate(smooth_images(6, seed=5)):
        name = "AS" if number % 2 else "normal"
        for copy in range(2):  # shifted by a pixel each: near-duplicates of one another
            path = tmp_path / "set" / "coronal" / name / f"p{number}_{copy}.png"
            write_png(path, np.roll(image, copy, axis=0))
    arguments = ["manifest", str(tmp_path / "set"), "--weighting", "fluid", "--split-seed", "3"]
    if patients:
        arguments += ["--patient-pattern", "^p[0-9]"]
    out = tmp_path / "out.csv"
    assert main([*arguments, str(out)]) == 0
    rows = read_manifest(out).rows
    assert Counter(row.split for row in rows) == {"training": 4, "validation": 4, "test": 4}
    splits = {(row.path.name[:2], row.split) for row in rows}
    assert len(splits) == 6
    assert main([*arguments, str(tmp_path / "again.csv")]) == 0
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()


def test_a_split_is_not_drawn_over_one_that_folders_name_or_over_torn_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise_picture(tmp_path / "a" / "test" / "coronal" / "AS" / "0.png", 0)
    named = ["manifest", str(tmp_path / "a"), str(tmp_path / "out.csv"), "--weighting", "fluid"]
    assert main([*named, "--split-seed", "3"]) == 2
    assert "name a split already" in capsys.readouterr().err
    torn = tmp_path / "b" / "coronal" / "AS" / "0.png"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"\x89PNG\r\n\x1a\n torn")
    named[1] = str(tmp_path / "b")
    assert main([*named, "--split-seed", "3"]) == 2
    assert "line 2: this picture is damaged" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_draw_keeps_labels_in_every_part_and_depends_on_its_seed() -> None:
    kinds = {n: Pattern.INFLAMMATORY if n < 30 else Pattern.NORMAL for n in range(40)}
    drawn = draw_splits(kinds, {"validation": 0.2, "test": 0.1}, seed=1)
    counts = Counter((kinds[n], part) for n, part in drawn.items())
    assert counts[Pattern.INFLAMMATORY, "validation"] == 6
    assert counts[Pattern.NORMAL, "validation"] == 2
    assert counts[Pattern.NORMAL, "test"] == 1
    assert draw_splits(kinds, {"validation": 0.2, "test": 0.1}, seed=1) == drawn
    assert draw_splits(kinds, {"validation": 0.2, "test": 0.1}, seed=2) != drawn
    assert draw_splits({5: Pattern.NORMAL}, {"validation": 0.2}, seed=0) == {5: TRAINING}


def smooth_images(count: int, *, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0.2, 1, (count, 32, 32))
    return np.kron(coarse, np.ones((8, 8)))


def test_changed_copies_are_near_duplicates_and_other_images_are_not() -> None:
    images = smooth_images(3, seed=0)
    copies = [
        np.roll(images[0], 2, axis=1),
        images[0][:, ::-1],
        images[1] * 1.2 + 0.03 * np.random.default_rng(1).standard_normal((256, 256)),
    ]
    groups = near_duplicate_groups(fingerprints(np.concatenate([images, copies])))
    assert groups[0] == groups[3] == groups[4]
    assert groups[1] == groups[5]
    assert len(set(groups[:3].tolist())) == 3


def test_splitting_image_by_image_flatters_where_patients_repeat() -> None:
    bases = smooth_images(20, seed=3)
    rng = np.random.default_rng(4)
    images = np.concatenate([b + 0.05 * rng.standard_normal((4, 256, 256)) for b in bases])
    cases = np.repeat(np.arange(20), 4)
    found = measure_inflation(fingerprints(images), cases % 2, cases)
    assert found is not None
    assert found.by_image.value > 0.9
    assert found.by_case.value < 0.75
    assert found.by_case.cases == 20
    assert measure_inflation(fingerprints(images[:4]), cases[:4], cases[:4]) is None


def test_net_benefit_is_that_of_the_formula() -> None:
    positive = np.array([True, True, False, False, False])
    probability = np.array([0.9, 0.15, 0.3, 0.1, 0.05])
    at = {point.threshold: point for point in decision_curve(positive, probability)}
    assert at[0.2].model == pytest.approx(1 / 5 - 1 / 5 * 0.25)
    assert at[0.2].everybody == pytest.approx(2 / 5 - 3 / 5 * 0.25)
    assert at[0.95].model == 0
    assert at[0.2].as_dict()["treat_none"] == 0
