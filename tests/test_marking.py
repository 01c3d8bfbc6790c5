"""Joint lines and marks in Chromium: where a click counts, and what becomes of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mr_files import CORONAL, mr_image, set_pixels, to_bytes
from playwright.sync_api import Browser, Locator, Page, expect
from served_app import IN_CHROMIUM, new_window
from tour import click_slice, lay_joints

from asemble.reading.marking import LAY_FIRST

pytestmark = IN_CHROMIUM

SIDE, MM = 96, 2.0
FRAME = "1.2.826.0.1.77"
FLUID = {"ScanningSequence": ["SE", "IR"], "InversionTime": "150"}
STACKS = (("t1 cor", {}, 3.0, 12), ("stir cor", FLUID, 4.0, 9))
"""Description, weighting, spacing and number of slices; both begin 16 mm in front of the middle."""
Ends = tuple[tuple[float, float], ...]
FRONT: Ends = ((-60, -24), (-44, 20), (56, -20), (40, 24))
"""Ends of the right and the left joint on a slice in front: mm to the right and down from its
middle."""
BEHIND: Ends = ((-44, -24), (-28, 20), (40, -20), (24, 24))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("joints")
    written = []
    for number, (name, more, step, slices) in enumerate(STACKS):
        for index in range(slices):
            image = mr_image(
                index,
                series=f"1.2.3.{number}",
                orientation=CORONAL,
                SeriesDescription=name,
                SeriesNumber=number,
                FrameOfReferenceUID=FRAME,
                PixelSpacing=[MM, MM],
                SpacingBetweenSlices=str(step),
                **more,
            )
            first = -MM * (SIDE - 1) / 2
            image.ImagePositionPatient = [first, -16 + index * step, -first]
            grey = np.add.outer(np.arange(SIDE), 2 * np.arange(SIDE)) + 100 * index
            set_pixels(image, grey.astype(np.uint16))
            path = folder / f"{number}-{index}.dcm"
            path.write_bytes(to_bytes(image))
            written.append(path)
    return written


@pytest.fixture(scope="module")
def page(browser: Browser, address: str, files: list[Path]) -> Iterator[Page]:
    """The Read page, T1 beside STIR; who lays lines before `laid` does takes them away again."""
    with new_window(browser) as page:
        page.goto(address)
        page.locator('input[type="file"]').first.set_input_files(files)
        page.get_by_role("button", name="Read the upload").click()
        page.get_by_role("button", name="Read the slices").click()
        expect(page.locator("canvas[data-ms]")).to_have_count(2)
        yield page


@pytest.fixture(scope="module")
def laid(page: Page) -> Page:
    """The same window, once both joints are laid on two slices of the STIR."""
    for index, ends in ((2, FRONT), (6, BEHIND)):
        show(page.locator("canvas[data-ms]").nth(1), index)
        lay_joints(page, page.locator("canvas[data-ms]").nth(1), [share(*place) for place in ends])
    return page


@pytest.fixture
def t1(page: Page) -> Locator:
    return page.locator("canvas[data-ms]").nth(0)


@pytest.fixture
def stir(page: Page) -> Locator:
    return page.locator("canvas[data-ms]").nth(1)


def test_sacral_bone_is_not_marked_before_the_joints_are_laid(page: Page, stir: Locator) -> None:
    choose(page, "Mark")
    click_mm(stir, (26, -10))
    expect(strip(stir)).to_have_text(LAY_FIRST)
    assert joints(stir) == {"right": [], "left": []}
    page.get_by_text("Findings: 0 marked").click()
    page.get_by_role("button", name="Mark or take away").click()
    expect(page.get_by_role("alert").get_by_text(LAY_FIRST)).to_be_visible()
    click_mm(stir, (26, -10))
    page.wait_for_timeout(500)
    expect(page.get_by_text("Findings: 0 marked")).to_be_visible()


def test_what_is_no_joint_is_refused_on_the_slice(page: Page, stir: Locator) -> None:
    choose(page, "Joints")
    for place in (*FRONT[2:], *FRONT[:2]):  # the left joint first, where the right one is asked for
        click_mm(stir, place)
    expect(strip(stir)).to_contain_text("lies on the wrong side of the right joint line")
    page.get_by_role("button", name="Remove this slice's lines").click()
    expect(strip(stir)).to_have_text("Patient's right joint: click one end, then the other.")


def test_lines_and_marks_need_no_mouse(page: Page, stir: Locator) -> None:
    stir.focus()
    stir.press("j")
    cross = (0.0, 0.0)
    for place in FRONT:
        cross = walk(stir, cross, place)
        stir.press("Enter")
    expect(page.get_by_text("Both joints: drawn here.").first).to_be_visible()
    assert joints(stir)["right"][0] == pytest.approx(at(-60, -24), abs=0.6)
    stir.press("Enter")  # takes up the lower end of the left joint
    cross = walk(stir, cross, (34, 24))
    stir.press("Enter")
    stir.press("m")
    walk(stir, cross, (36, -6))
    stir.press("Enter")
    expect(words_below(stir)).to_have_text("B left upper sacral.")
    stir.press("Enter")
    expect(words_below(stir)).to_have_text("")
    choose(page, "Joints")
    page.get_by_role("button", name="Remove this slice's lines").click()
    expect(strip(stir)).to_have_text("Patient's right joint: click one end, then the other.")


def test_lines_of_two_slices_are_joined_between_them_and_serve_the_t1(
    laid: Page, t1: Locator, stir: Locator
) -> None:
    show(stir, 4)
    # Halfway between: x of the left joint's ends 48 and 32.
    assert joints(stir)["left"][0] == pytest.approx(at(48, -20), abs=0.6)
    assert joints(stir)["left"][2] == pytest.approx(at(32, 24), abs=0.6)
    assert joints(stir)["right"][0] == pytest.approx(at(-52, -24), abs=0.6)
    show(t1, 4)  # 4 mm in front of the middle, a quarter of the way from slice 2 to slice 6
    assert joints(t1)["left"][0] == pytest.approx(at(52, -20), abs=0.6)
    choose(laid, "Mark")
    click_mm(t1, (42, 12))  # sacral by the line in front
    expect(words_below(t1)).to_have_text("B left lower iliac.")
    show(stir, 4)
    click_mm(stir, (47, -8))  # sacral by the line in front
    click_mm(stir, (38, -8))  # iliac by the line behind
    expect(words_below(stir)).to_have_text("B left upper iliac. B left upper sacral.")
    show(stir, 0)  # 8 mm in front of the foremost lines
    expect(strip(stir)).to_be_hidden()
    assert joints(stir)["left"][0] == pytest.approx(at(56, -20), abs=0.6)


def test_of_clicks_in_a_rush_none_is_lost(laid: Page, stir: Locator) -> None:
    show(stir, 6)
    choose(laid, "Mark")
    before = marked(laid)
    for place in ((46, -8), (26, -8), (38, 18), (18, 18), (-46, -8), (-26, -8)):
        click_mm(stir, place)
    expect(laid.get_by_text(f"Findings: {before + 6} marked")).to_be_visible()


def test_a_click_far_from_the_joint_asks_first(laid: Page, stir: Locator) -> None:
    show(stir, 3)
    choose(laid, "Mark")
    before = marked(laid)
    for answer, more in (("Do not record", 0), ("Record it", 1)):
        click_mm(stir, (8, -16))
        expect(strip(stir)).to_contain_text("mm from the left joint")
        expect(strip(stir)).to_contain_text("Record bone marrow oedema, left upper sacral?")
        assert marked(laid) == before
        laid.get_by_role("button", name=answer).click()
        expect(strip(stir)).to_be_hidden()
        expect(laid.get_by_text(f"Findings: {before + more} marked")).to_be_visible()


def test_a_mark_stays_when_its_line_moves_and_says_so(laid: Page, stir: Locator) -> None:
    show(stir, 2)
    choose(laid, "Mark")
    click_mm(stir, (58, -8))
    expect(words_below(stir)).to_have_text("B left upper iliac.")
    before = marked(laid)
    choose(laid, "Joints")
    drag_mm(stir, (56, -20), (76, -20))
    words = "made as left upper iliac; the line has moved, and the place is now left upper sacral"
    expect(words_below(stir)).to_contain_text(f"B! {words}.")
    expect(laid.locator("[data-testid=stTable]").filter(has_text=words)).to_be_visible()
    choose(laid, "Mark")
    click_mm(stir, (58, -8))  # its letters: it goes, whatever quadrant the place has now
    expect(laid.get_by_text(f"Findings: {before - 1} marked")).to_be_visible()


def marked(page: Page) -> int:
    """How many marks the page counts."""
    words = page.get_by_text(re.compile(r"^Findings: \d+ marked$")).inner_text()
    return int(words.split()[1])


def choose(page: Page, tool: str) -> None:
    page.get_by_role("button", name=tool, exact=True).click()


def show(canvas: Locator, index: int) -> None:
    canvas.focus()
    canvas.press("Home")
    for _ in range(index):
        canvas.press("ArrowDown")
    expect(canvas).to_have_attribute("data-slice", str(index))
    canvas.page.wait_for_timeout(100)  # two frames of the screen


def share(x: float, y: float) -> tuple[float, float]:
    """A place in shares of width and height; mm to the right and down from the middle."""
    return 0.5 + x / (SIDE * MM), 0.5 + y / (SIDE * MM)


def at(x: float, y: float) -> list[float]:
    """Its row and column."""
    return [y / MM + (SIDE - 1) / 2, x / MM + (SIDE - 1) / 2]


def click_mm(canvas: Locator, place: tuple[float, float]) -> None:
    click_slice(canvas, share(*place))


def drag_mm(canvas: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    box = canvas.bounding_box()
    assert box is not None
    side = min(box["width"], box["height"]) - 2
    mouse = canvas.page.mouse
    for k, place in enumerate((start, end)):
        x, y = (value - 0.5 for value in share(*place))
        mouse.move(box["x"] + box["width"] / 2 + x * side, box["y"] + box["height"] / 2 + y * side)
        (mouse.up if k else mouse.down)()


def walk(
    canvas: Locator, start: tuple[float, float], end: tuple[float, float]
) -> tuple[float, float]:
    """Move the cross by steps of 2 mm."""
    for axis, (less, more) in enumerate((("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"))):
        steps = round((end[axis] - start[axis]) / 2)
        canvas.evaluate(
            """(canvas, [key, times]) => {
              const pressed = { key, shiftKey: true, cancelable: true };
              for (let k = 0; k < times; k++)
                canvas.dispatchEvent(new KeyboardEvent("keydown", pressed));
            }""",
            [more if steps > 0 else less, abs(steps)],
        )
    return end


def joints(canvas: Locator) -> dict[str, list[list[float]]]:
    """The lines as they are drawn: rows and columns."""
    drawn: dict[str, list[list[float]]] = json.loads(canvas.get_attribute("data-joints") or "{}")
    return drawn


def strip(canvas: Locator) -> Locator:
    """What is said over the slice."""
    return canvas.locator("xpath=..").locator(".strip .said")


def words_below(canvas: Locator) -> Locator:
    """What is said below the slice."""
    return canvas.locator("xpath=../..").locator(".measured")
