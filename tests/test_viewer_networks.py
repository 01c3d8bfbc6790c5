"""The viewer in Chromium: what the networks found, over the slices."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from served_app import IN_CHROMIUM, new_window
from soak_studies import zip_study
from tour import wait_until_still
from viewer_canvas import choose, drag, pixels, to_canvas

from asemble import io
from asemble.benchmark.studies import rendered_study
from asemble.core.results import ENSEMBLE
from asemble.core.volume import Volume
from asemble.explain import SeriesHeatmaps
from asemble.imaging.orientation import as_shown
from asemble.models import load_ensemble
from asemble.predict import assess

pytestmark = IN_CHROMIUM


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
    empty = np.argwhere(values == 0)[:: values.size // 50]
    for x, y in np.transpose(to_canvas(canvas, shown, empty.T)):
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
    around = np.transpose(to_canvas(canvas, shown, np.concatenate(edges).T))
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
