"""Panes of the viewer that share a frame of reference, and those that do not, in Chromium."""

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from mr_files import AXIAL, CORONAL, mr_image, set_pixels, to_bytes
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from served_app import IN_CHROMIUM, new_window

pytestmark = IN_CHROMIUM

SIDE, MM = 40, 2.0
HERE, ELSEWHERE = "1.2.826.0.1.77", "1.2.826.0.1.78"
FLUID = {"ScanningSequence": ["SE", "IR"], "InversionTime": "150"}
SERIES = (
    ("t1 cor", CORONAL, HERE, {}, 20.0),
    ("stir cor", CORONAL, HERE, FLUID, 12.0),  # two slices farther back than the T1
    ("stir ax", AXIAL, HERE, FLUID, -16.0),
    ("stir tra", AXIAL, ELSEWHERE, FLUID, -16.0),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four series of nine slices, 4 mm apart, around the middle of the patient."""
    folder = tmp_path_factory.mktemp("frames")
    written = []
    for number, (name, orientation, frame, more, first_mm) in enumerate(SERIES):
        normal = np.cross(orientation[:3], orientation[3:])
        corner = -MM * SIDE / 2 * (np.array(orientation[:3]) + orientation[3:])
        for index in range(9):
            image = mr_image(
                index,
                series=f"1.2.3.{number}",
                orientation=orientation,
                SeriesDescription=name,
                SeriesNumber=number,
                FrameOfReferenceUID=frame,
                PixelSpacing=[MM, MM],
                **more,
            )
            place = corner + (index * 4 - abs(first_mm)) * normal
            image.ImagePositionPatient = [float(v) for v in place]
            grey = np.full((SIDE, SIDE), 500 + 10 * index)
            grey[::2] += 20 * number
            set_pixels(image, grey.astype(np.uint16))
            path = folder / f"{number}-{index}.dcm"
            path.write_bytes(to_bytes(image))
            written.append(path)
    return written


@pytest.fixture(scope="module")
def read_page(browser: Browser, address: str, files: list[Path]) -> Iterator[Page]:
    with new_window(browser) as page:
        page.goto(address)
        page.locator('input[type="file"]').set_input_files(files)
        page.get_by_role("button", name="Read the upload").click()
        page.get_by_role("button", name="Read the slices").click()
        page.get_by_role("button", name="Four panes").click()
        expect(page.locator("canvas[data-ms]")).to_have_count(4)
        yield page


def test_series_of_one_frame_are_linked_and_cut_each_other(read_page: Page) -> None:
    t1, stir, axial = (read_page.locator("canvas[data-ms]").nth(n) for n in range(3))
    assert line_pixels(t1) > 20
    t1.press("Home")
    for _ in range(4):
        t1.press("ArrowDown")
    expect(t1).to_have_attribute("data-slice", "4")
    expect(stir).to_have_attribute("data-slice", "2")  # the same 4 mm before the middle
    expect(axial).to_have_attribute("data-slice", "4")  # another plane stays


def test_a_series_of_another_frame_shows_no_line_and_says_so(read_page: Page) -> None:
    canvases = read_page.locator("canvas[data-ms]")
    ending = ": the files state no common frame of reference."
    for words, count in (
        ("No reference lines of pane 4", 2),
        ("Not linked to pane 4", 1),
        ("Not linked to pane 3, no reference lines of panes 1 and 2", 1),
    ):
        expect(read_page.get_by_text(words + ending, exact=True)).to_have_count(count)
    moved, stays = canvases.nth(2), canvases.nth(3)
    moved.press("Home")
    expect(moved).to_have_attribute("data-slice", "0")
    expect(stays).to_have_attribute("data-slice", "4")
    read_page.get_by_role("button", name="Link anyway").click()
    linked = "Linked by hand to pane 3, no reference lines of panes 1 and 2"
    expect(read_page.get_by_text(linked + ending)).to_be_visible()
    moved.press("PageDown")
    expect(moved).to_have_attribute("data-slice", "5")
    expect(stays).to_have_attribute("data-slice", "8")  # as far as its stack goes
    moved.press("ArrowUp")
    moved.press("ArrowUp")
    expect(stays).to_have_attribute("data-slice", "7")
    assert line_pixels(stays) == 0
    assert line_pixels(moved) > 20  # of pane 1, whose frame it shares


def test_a_series_hangs_where_it_is_tapped_or_dragged_and_stays_there(read_page: Page) -> None:
    read_page.get_by_role("button", name="One pane").click()
    canvas = read_page.locator("canvas[data-series]:visible")
    read_page.get_by_role("button", name="Show Axial · Fluid-sensitive (s03)").click()
    expect(canvas).to_have_attribute("data-series", "s03")
    read_page.get_by_role("button", name="Show Coronal · T1 (s01)").drag_to(canvas)
    expect(canvas).to_have_attribute("data-series", "s01")
    read_page.get_by_role("button", name="Show Axial · Fluid-sensitive (s04)").click()
    expect(canvas).to_have_attribute("data-series", "s04")
    read_page.get_by_role("link", name="Home", exact=True).click()
    read_page.get_by_role("button", name="Read the slices").click()  # the layout is remembered
    expect(canvas).to_have_attribute("data-series", "s04")


def test_a_double_click_shows_its_pane_alone_and_another_all(read_page: Page) -> None:
    read_page.get_by_role("button", name="Four panes").click()
    canvases = read_page.locator("canvas[data-series]:visible")
    expect(canvases).to_have_count(4)
    small = canvases.nth(3).bounding_box()
    canvases.nth(3).dblclick()
    expect(canvases).to_have_count(1)
    large = canvases.bounding_box()
    assert small is not None and large is not None
    assert large["width"] > 1.9 * small["width"] and large["height"] > 1.9 * small["height"]
    canvases.dblclick()
    expect(canvases).to_have_count(4)


def line_pixels(canvas: Locator) -> int:
    """How many pixels have the colour of a reference line."""
    canvas.page.wait_for_timeout(200)
    png = b64decode(canvas.evaluate("e => e.toDataURL()").partition(",")[2])
    drawn = np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=float)
    return int((np.abs(drawn - [0x5A, 0xA9, 0xC4]).max(axis=2) < 40).sum())
