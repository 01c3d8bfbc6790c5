"""The whole job in Chromium: upload, look, assess, answer, download."""

import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from served_app import IN_CHROMIUM

from asemble.core.labels import STANDING_NOTICE

pytestmark = IN_CHROMIUM


@pytest.fixture(scope="module")
def upload(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated study, its truth beside it, in one zip; and a letter that is left out."""
    archive = tmp_path_factory.mktemp("study") / "study.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for path in sorted(sample.rglob("*.*")):
            writer.write(path, path.relative_to(sample))
        writer.writestr("letter.dcm", "Dear colleague, please find the images enclosed.")
    return archive


def read_first(page: Page, conclusion: str) -> None:
    """Nothing is shown before a conclusion is recorded."""
    record = page.get_by_role("button", name="Record and ask the ensemble")
    record.click()
    expect(page.get_by_text("Choose a conclusion first")).to_be_visible()
    expect(page.get_by_text("Study probabilities")).to_have_count(0)
    page.locator(".st-key-first_conclusion").get_by_text(conclusion, exact=True).click()
    record.click()


def test_a_zipped_study_is_read_assessed_and_reported(
    page: Page, upload: Path, tmp_path: Path
) -> None:
    # Upload.
    page.locator('input[type="file"]').set_input_files(upload)
    page.get_by_role("button", name="Read the upload").click()
    expect(page.get_by_text("3 series read")).to_be_visible()
    expect(page.get_by_text("1 file or image left out, and why")).to_be_visible()
    check_frame(page)

    # Look: slices move in the browser, on every pane's own axis.
    page.get_by_role("button", name="Read the slices").click()
    panes = page.locator("canvas[data-slice]")
    expect(panes).to_have_count(3)
    start = slice_shown(page)
    panes.first.hover()
    page.mouse.wheel(0, 100)
    expect(panes.first).to_have_attribute("data-slice", str(start + 1))
    moved = re.compile(rf"Slice {start + 2} of \d+, \d+ mm")
    expect(page.get_by_text(moved).first).to_be_visible()
    check_frame(page)

    # Assess.
    page.get_by_role("link", name="Assess").click()
    read_first(page, "Normal")
    expect(page.get_by_text("Study probabilities")).to_be_visible()
    expect(page.get_by_text("P(inflammatory), the AS probability")).to_be_visible()
    page.get_by_label("Show heatmap").check()
    expect(page.locator('canvas[data-heat="shown"]')).to_have_count(1)
    expect(page.get_by_text("it does not outline disease or prove reasoning")).to_be_visible()

    # A click on the chart jumps to the slice of the point.
    points = page.locator(".stPlotlyChart .scatterlayer .trace").first.locator(".points path")
    points.nth(2).click(force=True)  # near 1, at the top of the plot
    expect(page.locator('canvas[data-heat="shown"]')).to_have_attribute("data-slice", "2")

    # Answer two items of the checklist.
    for group, item in (("Images", "erosion"), ("History", "fever")):
        answer_yes(page, group, item)
    expect(page.get_by_text("RED FLAG: Fever")).to_be_visible()
    expect(page.get_by_text("1 item towards inflammatory")).to_be_visible()
    check_frame(page)

    # Report.
    page.get_by_role("link", name="Report", exact=True).click()
    conclusion = page.get_by_role("radiogroup", name="Your conclusion")
    conclusion.get_by_text("Inflammatory (axSpA pattern)").click()
    check_frame(page)
    expect(page.get_by_text("These files say: Inflammatory")).to_be_visible()
    with page.expect_download() as pdf:
        page.get_by_role("button", name="Download PDF").click()
    pdf.value.save_as(tmp_path / "reading.pdf")
    assert (tmp_path / "reading.pdf").read_bytes().startswith(b"%PDF")
    with page.expect_download() as document:
        page.get_by_role("button", name="Download JSON").click()
    document.value.save_as(tmp_path / "reading.json")
    reading = json.loads((tmp_path / "reading.json").read_text())
    assert reading["reading"]["conclusion"] == "inflammatory"
    assert reading["reading"]["before_the_prediction_was_shown"]["conclusion"] == "normal"
    assert reading["checklist"]["towards_inflammatory"] == ["erosion"]
    assert reading["checklist"]["red_flags"] == ["fever"]
    assert set(reading["prediction"]["probabilities"]) == {"normal", "inflammatory", "mechanical"}

    # The models.
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_text("Intended use")).to_be_visible()
    check_frame(page)


def answer_yes(page: Page, group: str, item: str) -> None:
    page.get_by_role("tab", name=group, exact=True).click()
    page.locator(f".st-key-item_{item}").get_by_text("Yes", exact=True).click()


def check_frame(page: Page) -> None:
    """The notice stands, nothing failed, nothing runs out of the window."""
    expect(page.get_by_role("note")).to_have_text(STANDING_NOTICE)
    expect(page.get_by_role("note")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def slice_shown(page: Page) -> int:
    pane = page.locator("canvas[data-slice]").first
    expect(pane).to_have_attribute("data-slice", re.compile(r"\d+"))
    return int(pane.get_attribute("data-slice") or -1)
