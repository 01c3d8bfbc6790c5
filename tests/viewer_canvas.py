"""Where things lie on a canvas of the viewer, what is drawn there, and a hand that draws."""

from base64 import b64decode
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page

from asemble.core.geometry import spacing_mm
from asemble.core.volume import Volume

Point = tuple[float, float]


def fitted(canvas: Locator, volume: Volume) -> tuple[float, float, float]:
    """Canvas pixels a mm, and the upper left corner of the slice, before any zoom."""
    wide, high = (canvas.evaluate(f"e => e.client{side}") for side in ("Width", "Height"))
    assert volume.affine_lps is not None
    _, row_mm, column_mm = spacing_mm(volume.affine_lps)
    _, rows, columns = volume.shape
    scale = min(wide / (columns * column_mm), high / (rows * row_mm))
    return scale, (wide - columns * column_mm * scale) / 2, (high - rows * row_mm * scale) / 2


def millimetres_a_pixel(canvas: Locator, volume: Volume) -> float:
    return 1 / fitted(canvas, volume)[0]


def to_canvas(canvas: Locator, volume: Volume, place: Sequence[float]) -> Point:
    """Where one `(row, column)` lies, or many as two arrays."""
    scale, left, top = fitted(canvas, volume)
    assert volume.affine_lps is not None
    _, row_mm, column_mm = spacing_mm(volume.affine_lps)
    return left + (place[1] + 0.5) * column_mm * scale, top + (place[0] + 0.5) * row_mm * scale


def pixels(canvas: Locator) -> np.ndarray:
    """`(row, column, 3)` of what is drawn."""
    png = b64decode(canvas.evaluate("e => e.toDataURL()").partition(",")[2])
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=float)


def choose(page: Page, tool: str) -> None:
    page.get_by_role("button", name=tool, exact=True).click()


def move_over(page: Page, canvas: Locator, place: Point) -> None:
    """To a place inside the border of one pixel."""
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1 + place[0], box["y"] + 1 + place[1])


def drag(page: Page, canvas: Locator, start: Point, end: Point) -> None:
    move_over(page, canvas, start)
    page.mouse.down()
    move_over(page, canvas, end)
    page.mouse.up()
