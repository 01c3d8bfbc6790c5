"""PNG and JPEG pictures to series of unknown geometry."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asemble.core.errors import InputError
from asemble.core.labels import Weighting
from asemble.io import Part, read_parts, read_study


def picture(values: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, **options)
    return buffer.getvalue()


def grey(level: int, shape: tuple[int, int] = (6, 9)) -> np.ndarray:
    return (np.arange(shape[0] * shape[1]).reshape(shape) + level).astype(np.uint8)


def test_a_single_picture_is_a_series_without_geometry() -> None:
    (series,) = read_parts([Part.from_bytes("a.png", picture(grey(3)))]).series
    assert np.array_equal(series.volume.voxels[0], grey(3))
    assert series.volume.affine_lps is None
    assert series.plane is None
    assert series.weighting is Weighting.OTHER
    assert series.modality == ""
    assert any("state the plane" in note for note in series.notes)


def test_a_set_is_ordered_by_the_numbers_in_its_names(tmp_path: Path) -> None:
    for number in (10, 2, 1, 9):
        (tmp_path / f"slice{number}.png").write_bytes(picture(grey(number)))
    (series,) = read_study(tmp_path).series
    assert series.volume.voxels[:, 0, 0].tolist() == [1, 2, 9, 10]
    assert any("4 pictures were taken as one series" in note for note in series.notes)


def test_sizes_and_folders_make_separate_series(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(picture(grey(1)))
        (tmp_path / folder / "2.png").write_bytes(picture(grey(2)))
    (tmp_path / "a" / "3.png").write_bytes(picture(grey(3, (5, 9))))
    shapes = sorted(s.volume.shape for s in read_study(tmp_path).series)
    assert shapes == [(1, 5, 9), (2, 6, 9), (2, 6, 9)]


def sizes(*names: str) -> dict[str, int]:
    """How many pictures each series holds, by the first of them."""
    numbers = {name: number for number, name in enumerate(names)}
    parts = [Part.from_bytes(name, picture(grey(numbers[name]))) for name in names]
    return {
        names[int(series.volume.voxels[0, 0, 0])]: series.volume.shape[0]
        for series in read_parts(parts).series
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t1_{:02d}.png", "stir_{:02d}.png"),
        ("T1_cor_{}.png", "T2_cor_{}.png"),
        ("{:03d}_t1.png", "{:03d}_t2.png"),
        ("{}_axial stir.png", "{}_coronal stir.png"),
        ("ser3_IMG {}.png", "ser4_IMG {}.png"),
        ("knochen{}.png", "ödem{}.png"),
        ("T1_{:c}.png", "STIR_{:c}.png"),
    ],
)
def test_names_tell_the_series_of_one_folder_apart(one: str, other: str) -> None:
    first = ord("h") if ":c}" in one else 1
    names = [form.format(first + number) for number in range(4) for form in (one, other)]
    assert sizes(*names) == {one.format(first): 4, other.format(first): 4}


@pytest.mark.parametrize("form", ["{} ({}).png", "{}-{}.png", "{}_{}.png", "{} {}.PNG"])
def test_the_first_of_a_series_may_bear_no_number(form: str) -> None:
    names = [f"{word}.png" for word in ("T1", "STIR")]
    names += [form.format(word, number) for number in (1, 2, 10) for word in ("T1", "STIR")]
    assert sizes(*names) == {"T1.png": 4, "STIR.png": 4}


@pytest.mark.parametrize(
    "names",
    [
        ("t1.png", "t2.png", "t3.png", "t10.png"),
        ("front.png", "middle.png", "rear.png"),
        ("1.2.840.1.png", "1.2.840.2.png", "1.2.840.10.png"),
        ("ser3_IMG 1.png", "ser3_IMG 2.PNG", "ser3_IMG 3.png", "ser3_IMG 3 (1).png"),
        ("shot 12.30.01.png", "shot 12.30.30.png", "shot 12.31.01.png", "shot 12.31.40.png"),
        ("3fa1c2.png", "9be04d.png", "a01f77.png", "c4d9e0.png", "c8d1e2.png"),
    ],
)
def test_names_that_only_count_or_tell_nothing_are_one_series(names: tuple[str, ...]) -> None:
    assert sum(sizes(*names).values()) == len(names)
    assert len(sizes(*names)) == 1


def test_the_words_of_the_names_describe_the_series_and_nothing_else_does() -> None:
    names = [f"{who}_{index}.png" for who in ("Smith t1 cor", "Smith stir") for index in (1, 2)]
    parts = [Part.from_bytes(name, picture(grey(index))) for index, name in enumerate(names)]
    found = read_parts(parts).series
    assert {(series.description, series.weighting) for series in found} == {
        ("t1 cor", Weighting.T1),
        ("stir", Weighting.FLUID),
    }
    assert all("read from the file name" in " ".join(series.notes) for series in found)


def test_sixteen_bits_are_kept() -> None:
    values = (np.arange(54).reshape(6, 9) * 1000).astype(np.uint16)
    (series,) = read_parts([Part.from_bytes("a.png", picture(values))]).series
    assert np.array_equal(series.volume.voxels[0], values)


def test_grey_stored_as_colour_is_read_as_grey() -> None:
    rgb = np.repeat(grey(5)[:, :, None], 3, axis=2)
    (series,) = read_parts([Part.from_bytes("a.png", picture(rgb))]).series
    assert np.array_equal(series.volume.voxels[0], grey(5))
    jpeg = Part.from_bytes("a.jpg", picture(grey(5), "JPEG", quality=98))
    (series,) = read_parts([jpeg]).series
    assert series.volume.voxels[0] == pytest.approx(grey(5).astype(float), abs=4)


def test_a_colour_photograph_is_refused() -> None:
    photo = np.zeros((40, 50, 3), np.uint8)
    photo[:, :25] = (200, 120, 60)
    good = Part.from_bytes("good.png", picture(grey(1)))
    study = read_parts([Part.from_bytes("photo.png", picture(photo)), good])
    (refusal,) = study.refused
    assert refusal.name == "photo.png"
    assert "colour picture, not an MR slice" in refusal.reason
    assert len(study.series) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_cut_off_picture_is_refused(kind: str) -> None:
    data = picture(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8), kind)
    with pytest.raises(InputError, match="damaged or cut off"):
        read_parts([Part.from_bytes("a", data[: len(data) // 2])])


def test_a_huge_picture_is_refused_before_decoding() -> None:
    data = picture(np.zeros((4200, 4200), np.uint8))
    with pytest.raises(InputError, match="more than 16 million pixels"):
        read_parts([Part.from_bytes("a.png", data)])


def test_what_is_transparent_is_background() -> None:
    seen = np.where(np.eye(6, 9, dtype=bool), 0, 255).astype(np.uint8)
    white = np.where(seen > 0, grey(90), 255).astype(np.uint8)
    expected = np.where(seen > 0, grey(90), 0).astype(int)
    with_alpha = {
        "LA": picture(np.dstack([white, seen])),
        "RGBA": picture(np.dstack([white] * 3 + [seen])),
        "one grey": picture(white, transparency=255),
        "one colour": picture(np.dstack([white] * 3), transparency=(255, 255, 255)),
        "16 bits": picture((white.astype(np.uint16) << 8), transparency=255 << 8),
    }
    for name, data in with_alpha.items():
        (series,) = read_parts([Part.from_bytes("a.png", data)]).series
        scale = 256 if name == "16 bits" else 1
        assert np.array_equal(series.volume.voxels[0], expected * scale), name
    palette = io.BytesIO()
    Image.fromarray(white).convert("P").save(palette, "PNG", transparency=255)
    (series,) = read_parts([Part.from_bytes("a.png", palette.getvalue())]).series
    assert np.array_equal(series.volume.voxels[0], expected)


def test_a_picture_that_is_transparent_throughout_shows_its_greys() -> None:
    data = picture(np.dstack([grey(90), np.zeros((6, 9), np.uint8)]))
    (series,) = read_parts([Part.from_bytes("a.png", data)]).series
    assert np.array_equal(series.volume.voxels[0], grey(90))
