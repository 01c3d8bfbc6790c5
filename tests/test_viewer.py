"""The viewer in Chromium: scrolling, measuring, linking, marking and the heatmap's layer."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Request, WebSocket, expect
from served_app import IN_CHROMIUM, new_window
from soak_studies import zip_study
from tour import wait_until_still

from asemble import io
from asemble.benchmark.studies import rendered_study
from asemble.core.geometry import slice_positions_mm, spacing_mm
from asemble.core.results import ENSEMBLE
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.explain import SeriesHeatmaps
from asemble.imaging.orientation import as_shown
from asemble.models import load_ensemble
from asemble.predict import assess
from asemble.ui import modules
from asemble.ui.images import WINDOW_PERCENT

pytestmark = IN_CHROMIUM

SLICES = 24
STEPS = 200
Point = tuple[float, float]


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


def test_ruler_and_region_read_what_python_reads(canvases: Locator, series: list[Series]) -> None:
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


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated study of six slices a plane."""
    path = tmp_path_factory.mktemp("judged") / "study.zip"
    zip_study(rendered_study(6, seed=7), path, seed=7)
    return path


@pytest.fixture(scope="module")
def judged_page(browser: Browser, address: str, archive: Path) -> Iterator[Page]:
    """The Assess page of a study that the ensemble has judged."""
    with new_window(browser) as page:
        page.goto(address)
        page.locator('input[type="file"]').set_input_files(archive)
        page.get_by_role("button", name="Read the upload").click()
        expect(page.get_by_role("button", name="Read the slices")).to_be_visible()
        page.get_by_role("link", name="Assess").click()
        page.locator(".st-key-read_first label").click()
        page.get_by_role("button", name="Ask the ensemble", exact=True).click()
        expect(page.get_by_text("Study probabilities")).to_be_visible()
        page.wait_for_timeout(1000)
        yield page


def test_the_heatmap_lies_where_the_array_says(judged_page: Page, archive: Path) -> None:
    page, canvas = judged_page, judged_page.locator("canvas[data-ms]").first
    plain = pixels(canvas)
    page.get_by_label("Show heatmap").check()
    expect(canvas).to_have_attribute("data-heat", "shown")
    page.wait_for_timeout(300)
    change = np.abs(pixels(canvas) - plain).sum(axis=2)
    page.get_by_label("Show heatmap").uncheck()
    maps, shown = maps_of(archive, canvas.get_attribute("data-series") or "")
    values = maps.get("gradcam", ENSEMBLE).values[int(canvas.get_attribute("data-slice") or -1)]
    expected = np.unravel_index(values.argmax(), values.shape)
    at = to_canvas(canvas, shown, expected)
    assert values.max() > 0.3
    # Colour where there is evidence and none where there is not.
    hot = change[change > 0.7 * change.max()]
    assert change[round(at[1]), round(at[0])] >= 0.5 * hot.mean()
    for row, column in np.argwhere(values == 0)[:: values.size // 50]:
        x, y = to_canvas(canvas, shown, (row, column))
        assert change[min(round(y), len(change) - 1), min(round(x), change.shape[1] - 1)] < 12


def test_bones_are_outlined_where_the_array_says_and_named_by_colour_and_line(
    judged_page: Page, archive: Path
) -> None:
    page, canvas = judged_page, judged_page.locator("canvas[data-ms]").first
    expect(canvas).to_have_attribute("data-outlines", "")
    page.wait_for_timeout(300)
    plain = pixels(canvas)
    page.get_by_label("Show bones").check()
    expect(canvas).to_have_attribute("data-outlines", re.compile("sacrum"))
    legend = page.locator(".legend span")
    expect(legend).to_have_text(["sacrum", "right ilium", "left ilium"])
    styles = legend.locator("path").evaluate_all(
        "all => all.map(e => [e.getAttribute('stroke'), e.getAttribute('stroke-dasharray')])"
    )
    colours, dashes = zip(*styles, strict=True)
    assert len(set(colours)) == len(set(dashes)) == len(styles)
    expect(page.get_by_text("Found by the networks")).to_be_visible()
    page.wait_for_timeout(300)
    changed = np.argwhere(np.abs(pixels(canvas) - plain).sum(axis=2) > 60)
    maps, shown = maps_of(archive, canvas.get_attribute("data-series") or "")
    bones = maps.bones[int(canvas.get_attribute("data-slice") or -1)]
    edges = [np.argwhere(edge_of(bones == number)) for number in (1, 2, 3)]
    around = np.array([to_canvas(canvas, shown, place) for place in np.concatenate(edges)])
    far = np.array([np.abs(around - [x, y]).max(axis=1).min() for y, x in changed[::7]])
    assert len(far) > 20
    assert far.max() < 12
    canvas.press("b")
    expect(canvas).to_have_attribute("data-outlines", "")
    expect(page.get_by_label("Show bones")).not_to_be_checked()


def test_proposed_joint_lines_give_way_to_the_readers_hand(
    judged_page: Page, archive: Path
) -> None:
    page = judged_page
    page.get_by_role("link", name="Read", exact=True).click()
    pane = page.locator(".pane").filter(has=page.get_by_text("Coronal", exact=False)).first
    canvas = pane.locator("canvas[data-ms]")
    choose(page, "Joints")
    words = pane.locator(".measured")
    expect(words).to_contain_text("proposed by the networks")
    lines = json.loads(canvas.get_attribute("data-joints") or "{}")
    end = next(points[0] for points in lines.values() if points)
    x, y = to_canvas(canvas, shown_of(archive, canvas.get_attribute("data-series") or ""), end)
    drag(page, canvas, (x, y), (x, y - 9))
    expect(words).to_contain_text("drawn here")
    choose(page, "Window")


def test_a_proposed_sparcc_is_the_readers_once_accepted_and_not_before(judged_page: Page) -> None:
    page = judged_page
    page.get_by_role("link", name="Read", exact=True).click()
    expect(page.get_by_text("Findings: 0 marked")).to_be_visible()
    open_sheet(page)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("button", name="Accept into my reading").click()
    expect(page.get_by_text(re.compile(r"Findings: [1-9]\d* marked"))).to_be_visible()
    said = "proposed by the ensemble and accepted by the reader"
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_text("by the networks alone: 0")).to_be_visible()
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.locator("code").filter(has_text=said)).to_be_visible()
    page.get_by_role("link", name="Read", exact=True).click()
    open_sheet(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Findings: 0 marked")).to_be_visible()
    expect(page.get_by_role("button", name="Accept into my reading")).to_be_enabled()


def open_sheet(page: Page) -> None:
    """The proposed sheet is shut whenever the Read page is entered."""
    page.get_by_text(re.compile(r"SPARCC: the networks propose \d+ of 72")).click()
    expect(page.get_by_text("Proposed by the networks:")).to_be_visible()
    wait_until_still(page)  # a click while the page is being computed may be lost


def edge_of(mask: np.ndarray) -> np.ndarray:
    inside = mask[2:, 1:-1] & mask[:-2, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2]
    return mask & ~np.pad(inside, 1)


@cache
def maps_of(archive: Path, series_id: str) -> tuple[SeriesHeatmaps, Volume]:
    study = io.read_study(archive)
    _, maps = assess(study, load_ensemble())
    return maps[series_id], study.series_by_id(series_id).volume


def shown_of(archive: Path, series_id: str) -> Volume:
    series = io.read_study(archive).series_by_id(series_id)
    return as_shown(series.volume, series.plane)


def shown_in(canvas: Locator, series: list[Series]) -> Volume:
    wanted = canvas.get_attribute("data-series")
    found = next(each for each in series if each.id == wanted)
    return as_shown(found.volume, found.plane)


def places_along_y(series: Series) -> np.ndarray:
    affine = series.volume.affine_lps
    assert affine is not None
    positions = slice_positions_mm(affine, series.volume.shape[0])
    return positions if affine[1, 0] > 0 else -positions


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
    scale, left, top = fitted(canvas, volume)
    assert volume.affine_lps is not None
    _, row_mm, column_mm = spacing_mm(volume.affine_lps)
    return left + (place[1] + 0.5) * column_mm * scale, top + (place[0] + 0.5) * row_mm * scale


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


def pixels(canvas: Locator) -> np.ndarray:
    """`(row, column, 3)` of what is drawn."""
    png = b64decode(canvas.evaluate("e => e.toDataURL()").partition(",")[2])
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=float)


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
