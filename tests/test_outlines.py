"""Outlines of bones and oedema: where they lie on the slices as shown."""

import numpy as np

from asemble.core.labels import Tissue
from asemble.explain import SeriesHeatmaps
from asemble.imaging.orientation import Turn
from asemble.imaging.slices import Grid
from asemble.ui.outlines import LAYERS, outline_bytes, outlines
from asemble.ui.stacks import unpack

SIDE = 128
SACRUM, OEDEMA = (slice(40, 80), slice(50, 90)), (slice(60, 70), slice(50, 60))


def found() -> SeriesHeatmaps:
    """Two slices of 64x128 pixels: a sacrum with oedema on the first, nothing on the second."""
    tissue = np.zeros((2, len(Tissue), SIDE, SIDE), dtype=np.float16)
    tissue[:, Tissue.REST] = 1
    tissue[(0, Tissue.REST, *SACRUM)], tissue[(0, Tissue.SACRUM, *SACRUM)] = 0, 1
    oedema = np.zeros((2, SIDE, SIDE), dtype=np.float32)
    oedema[(0, *OEDEMA)] = 1
    return SeriesHeatmaps("s01", Grid.of_whole((64, 128)), tissue, {}, {}, oedema)


def test_each_layer_is_outlined_where_its_map_is_and_left_out_where_it_is_not() -> None:
    first, second = outlines(found())
    assert list(first) == ["sacrum", "oedema"]
    assert second == {}
    (line,) = first["sacrum"]
    rows, columns = np.array(line).T
    # The square lies over the whole width; its rows begin 32 pixels above the slice.
    assert np.allclose([rows.min(), rows.max()], [40 - 32, 79 - 32], atol=1)
    assert np.allclose([columns.min(), columns.max()], [50, 89], atol=1)


def test_outlines_turn_with_the_slices() -> None:
    flipped = outlines(found(), Turn(flips_columns=True))[0]["sacrum"][0]
    plain = outlines(found())[0]["sacrum"][0]
    assert np.isclose(
        np.mean(np.array(flipped)[:, 1]), 127 - np.mean(np.array(plain)[:, 1]), atol=1
    )


def test_a_speck_is_not_outlined() -> None:
    maps = found()
    speck = maps.small_oedema.copy()
    speck[1, 60:62, 60:62] = 1
    tiny = SeriesHeatmaps("s01", maps.grid, maps.tissue, {}, {}, speck)
    assert "oedema" not in outlines(tiny)[1]


def test_the_browser_is_sent_a_line_for_each_layer() -> None:
    header, values = unpack(outline_bytes(found(), "key"))
    assert header["key"] == "key"
    assert set(header["outlines"][0]) <= set(LAYERS)
    assert values.size == 0
