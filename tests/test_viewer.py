"""The viewer in Chromium: scrolling, measuring, window and level, linking."""

import re
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, WebSocket, expect
from served_app import IN_CHROMIUM, new_window
from viewer_canvas import (
    Point,
    choose,
    drag,
    fitted,
    millimetres_a_pixel,
    move_over,
    pixels,
    to_canvas,
)

from asemble import io
from asemble.core.geometry import slice_positions_mm, spacing_mm
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.imaging.orientation import as_shown
from asemble.ui import modules
from asemble.ui.images import WINDOW_PERCENT

pytestmark = IN_CHROMIUM

SLICES = 24
STEPS = 200


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two coronal series of other slice spacing and direction, 24x512x512 the first."""
    folder = tmp_path_factory.mktemp("nifti")
    random = np.random.default_rng(3)
    written = []
    for name, slices, side, step, sign in (
        ("first", SLICES, 512, 4.0, 1),
        ("second", 18, 256, 5.3, -1),
    ):
        coarse = random.integers(0, 3000, (side // 8, side // 8, slices))
        voxels = coarse.repeat(8, axis=0).repeat(8, axis=1).astype(np.int16)
        mm = 220 / side
        affine = np.eye(4)
        affine[:3, :3] = [[mm, 0, 0], [0, 0, sign * step], [0, mm, 0]]  # a slice is x by z
        affine[:3, 3] = [-110, -sign * step * (slices - 1) / 2, -110]
        path = folder / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(voxels, affine), path)
        written.append(path)
    return written


@pytest.fixture(scope="module")
def series(files: list[Path]) -> list[Series]:
    return list(io.read_study(files).series)


@pytest.fixture(scope="module")
def sent() -> list[object]:
    """What the window of both series says to the server."""
    return []


@pytest.fixture(scope="module")
def read_page(
    browser: Browser, address: str, files: list[Path], sent: list[object]
) -> Iterator[Page]:
    """One window, in which both series were opened."""

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))  # noqa: PLW0108  Playwright marks the listener

    with new_window(browser) as page:
        page.on("websocket", opened)
        page.goto(address)
        page.locator('input[type="file"]').set_input_files(files)
        page.get_by_role("button", name="Read the upload").click()
        expect(page.get_by_text("2 series read")).to_be_visible()
        yield page


@pytest.fixture
def canvases(read_page: Page) -> Locator:
    """Both series as the Read page first shows them: whoever leaves it leaves no tool behind."""
    read_page.get_by_role("link", name="Home", exact=True).click()
    read_page.get_by_role("button", name="Read the slices").click()
    drawn = read_page.locator("canvas[data-ms]")
    expect(drawn).to_have_count(2)
    expect(drawn.first).to_be_visible()  # laid out: a canvas is there before it has a size
    return drawn


def test_scrolling_sends_nothing_to_the_server(
    canvases: Locator, sent: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    page = canvases.page
    pane = page.locator(".pane").filter(has_text=f"of {SLICES}")
    canvas = pane.locator("canvas[data-ms]")
    canvas.hover()
    page.wait_for_timeout(500)
    assert sent, "the socket was not seen"
    before = len(sent)
    times = canvas.evaluate(
        """async (canvas, steps) => {
          const frame = () => new Promise(requestAnimationFrame);
          const times = [];
          for (let k = 0; k < steps; k++) {
            const began = performance.now();
            const deltaY = Math.floor(k / 20) % 2 ? -50 : 50;
            canvas.dispatchEvent(new WheelEvent("wheel", { deltaY, cancelable: true }));
            await frame();
            await frame();
            times.push([Number(canvas.dataset.ms), performance.now() - began]);
          }
          return times;
        }""",
        STEPS,
    )
    start = int(canvas.get_attribute("data-slice") or -1)
    for key in ("ArrowDown", "ArrowUp") * (STEPS // 2):
        canvas.press(key)
    expect(canvas).to_have_attribute("data-slice", str(start))
    page.wait_for_timeout(500)
    assert len(sent) == before
    drawn, whole = np.array(times).T
    with capsys.disabled():
        print(
            f"\n{STEPS} steps through {SLICES}x512x512: drawing median {np.median(drawn):.1f} ms, "
            f"95th percentile {np.percentile(drawn, 95):.1f} ms; two frames of the screen median "
            f"{np.median(whole):.1f} ms, 95th percentile {np.percentile(whole, 95):.1f} ms"
        )


def test_its_modules_are_there_before_a_study_is(browser: Browser, address: str) -> None:
    with new_window(browser) as page:
        awaited = {address + modules.address(name) for name in modules.names()}

        def arrived(request: Request) -> None:
            awaited.discard(request.url)

        page.on("requestfinished", arrived)
        page.goto(address)
        page.get_by_text("Start with a simulated case").wait_for()
        while awaited:  # until the time of the test is over
            page.wait_for_timeout(200)


def test_ruler_and_region_read_what_python_reads_and_stay_until_they_are_cleared(
    canvases: Locator, series: list[Series]
) -> None:
    page, canvas = canvases.page, canvases.first
    shown = shown_in(canvas, series)
    mm = millimetres_a_pixel(canvas, shown)
    choose(page, "Ruler")
    drag(page, canvas, (60, 80), (160, 130))
    words = page.locator(".measured").first
    expect(words).to_contain_text(f"Ruler: {np.hypot(100, 50) * mm:.1f} mm")
    choose(page, "Region")
    drag(page, canvas, (150, 150), (180, 150))
    choose(page, "Reference")
    drag(page, canvas, (230, 160), (230, 180))
    expect(words).to_contain_text("Ratio")
    index = int(canvas.get_attribute("data-slice") or -1)
    region = within(canvas, shown, index, (150, 150), 30 * mm)
    reference = within(canvas, shown, index, (230, 160), 20 * mm)
    found = re.search(
        r"Region: mean ([\d.]+), SD ([\d.]+), (\d+) pixels · "
        r"Reference: mean ([\d.]+), SD ([\d.]+), (\d+) pixels · Ratio: ([\d.]+)",
        words.inner_text(),
    )
    assert found is not None, words.inner_text()
    mean, sd, count, *other, ratio = map(float, found.groups())
    assert count == region.size
    assert other[2] == reference.size
    assert [mean, sd] == pytest.approx([region.mean(), region.std()], rel=0.005)
    assert other[:2] == pytest.approx([reference.mean(), reference.std()], rel=0.005)
    assert ratio == pytest.approx(region.mean() / reference.mean(), abs=0.006)
    page.get_by_role("link", name="Home", exact=True).click()
    page.get_by_role("button", name="Read the slices").click()
    expect(words).to_have_text(re.compile(r"Ruler: .* · Region: .* · Ratio: "))
    expect(page.get_by_text("Measurements: 3")).to_be_visible()
    clear(page)


def test_window_level_and_zoom_give_the_greys_of_the_array(
    canvases: Locator, series: list[Series]
) -> None:
    page, canvas = canvases.page, canvases.first
    shown = shown_in(canvas, series)
    standard = np.percentile(shown.voxels, WINDOW_PERCENT)
    assert window_of(canvas) == pytest.approx(standard, abs=2)
    span = float(np.ptp(shown.voxels))
    drag(page, canvas, (200, 200), (240, 180))
    page.wait_for_timeout(200)
    black, white = window_of(canvas)
    assert white - black == pytest.approx(np.diff(standard)[0] + 40 * 0.0025 * span, rel=0.01)
    assert (white + black) / 2 == pytest.approx(standard.mean() + 20 * 0.0025 * span, rel=0.01)
    check_greys(canvas, shown)
    page.keyboard.down("Control")
    move_over(page, canvas, (120, 90))
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    zoom = float(canvas.get_attribute("data-zoom") or 0)
    assert zoom == pytest.approx(np.exp(200 / 300), rel=0.01)
    choose(page, "Ruler")
    drag(page, canvas, (100, 100), (200, 100))
    mm = millimetres_a_pixel(canvas, shown)
    expect(page.locator(".measured").first).to_contain_text(f"{100 * mm / zoom:.1f} mm")
    canvas.press("0")
    page.wait_for_timeout(200)
    assert window_of(canvas) == pytest.approx(standard, abs=2)
    clear(page)
    canvas.press("i")
    page.wait_for_timeout(200)
    check_greys(canvas, shown, inverted=True)


def test_panes_without_a_frame_move_by_millimetres_once_they_are_linked_by_hand(
    canvases: Locator, series: list[Series]
) -> None:
    page, one, other = canvases.page, canvases.nth(0), canvases.nth(1)
    positions = {each.id: places_along_y(each) for each in series}
    reach = positions[one.get_attribute("data-series") or ""]
    theirs = positions[other.get_attribute("data-series") or ""]
    half = abs(theirs[1] - theirs[0]) / 2
    expect(page.get_by_role("button", name="Link", exact=True)).to_be_hidden()
    expect(page.get_by_text("Not linked to pane 2: the files")).to_be_visible()
    reach -= reach[int(one.get_attribute("data-slice") or -1)]
    theirs -= theirs[int(other.get_attribute("data-slice") or -1)]
    page.get_by_role("button", name="Link anyway").click()
    expect(page.get_by_text("Linked by hand to pane 2:")).to_be_visible()
    one.press("Home")
    compared = 0
    for index in range(len(reach)):
        expect(one).to_have_attribute("data-slice", str(index))
        if theirs.min() <= reach[index] <= theirs.max():
            shown = int(other.get_attribute("data-slice") or -1)
            assert abs(theirs[shown] - reach[index]) <= half + 0.01
            compared += 1
        one.press("ArrowDown")
    assert compared > 10


def clear(page: Page) -> None:
    """Take away what was measured on the slice of the first pane."""
    page.locator("canvas[data-ms]").first.hover()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Measurements:")).to_have_count(0)
    expect(page.locator(".measured").first).to_have_text("")


def shown_in(canvas: Locator, series: list[Series]) -> Volume:
    wanted = canvas.get_attribute("data-series")
    found = next(each for each in series if each.id == wanted)
    return as_shown(found.volume, found.plane)


def places_along_y(series: Series) -> np.ndarray:
    affine = series.volume.affine_lps
    assert affine is not None
    positions = slice_positions_mm(affine, series.volume.shape[0])
    return positions if affine[1, 0] > 0 else -positions


def within(
    canvas: Locator, volume: Volume, index: int, centre: Point, radius_mm: float
) -> np.ndarray:
    """The values of the pixels whose centres lie in the circle."""
    scale, left, top = fitted(canvas, volume)
    assert volume.affine_lps is not None
    _, row_mm, column_mm = spacing_mm(volume.affine_lps)
    _, rows, columns = volume.shape
    x = (np.arange(columns) + 0.5) * column_mm - (centre[0] - left) / scale
    y = (np.arange(rows) + 0.5) * row_mm - (centre[1] - top) / scale
    return volume.voxels[index][np.hypot(y[:, None], x[None]) <= radius_mm]


def window_of(canvas: Locator) -> list[float]:
    return [float(part) for part in (canvas.get_attribute("data-window") or "").split(",")]


def check_greys(canvas: Locator, volume: Volume, *, inverted: bool = False) -> None:
    """Blocks of equal value have the grey that window and level give them."""
    index = int(canvas.get_attribute("data-slice") or -1)
    black, white = window_of(canvas)
    drawn = pixels(canvas)
    _, rows, columns = volume.shape
    for row in range(rows // 5, 4 * rows // 5, rows // 6):
        for column in range(columns // 5, 4 * columns // 5, columns // 6):
            place = (row // 8 * 8 + 4, column // 8 * 8 + 4)  # the middle of a block
            grey = np.clip(255 * (volume.voxels[index][place] - black) / (white - black), 0, 255)
            x, y = to_canvas(canvas, volume, place)
            assert drawn[int(y), int(x)].mean() == pytest.approx(
                255 - grey if inverted else grey, abs=12
            )
