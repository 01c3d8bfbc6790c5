"""Somebody at the screen in Chromium, with a study open, and the files that they download."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect
from pypdf import PdfReader
from served_app import PATIENCE_MS
from small_reports import said_beside
from soak_studies import zip_study
from tour import SAMPLE_JOINTS, click_slice, lay_joints

from asemble.benchmark.studies import rendered_study
from asemble.clinical import ITEMS, Domain
from asemble.reading import Conclusion

SLICES = 4
IMAGE_ITEMS = {item.id for item in ITEMS if item.domain is Domain.IMAGE}


@dataclass
class Reader:
    """Someone at the screen, with what they did so far."""

    page: Page
    answers: dict[str, str] = field(default_factory=dict)
    marks: set[tuple[float, float]] = field(default_factory=set)

    def go(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()
        here = self.page.locator(".st-key-header [data-testid=stPageLink] strong")
        expect(here).to_have_text(name)

    def answer(self, item: str, said: str) -> None:
        self.go("Assess")
        group = "Images" if item in IMAGE_ITEMS else "History"
        self.page.get_by_role("tab", name=group, exact=True).click()
        self.page.locator(f".st-key-item_{item}").get_by_text(said, exact=True).click()
        if self.answers.get(item) == said.lower():
            del self.answers[item]
        else:
            self.answers[item] = said.lower()

    def mark(self, place: tuple[float, float]) -> None:
        self.go("Read")
        canvas = self.page.locator("canvas[data-ms]").first
        canvas.wait_for()
        self.page.get_by_role("button", name="Mark", exact=True).click()
        click_slice(canvas, place)
        self.marks ^= {place}
        expect(self.page.get_by_text(f"Findings: {len(self.marks)} marked")).to_be_visible()

    def comment(self, words: str) -> None:
        self.go("Report")
        self.comments.fill(words)

    def conclude(self, conclusion: Conclusion) -> None:
        self.go("Report")
        group = self.page.get_by_role("radiogroup", name="Your conclusion")
        group.get_by_text(conclusion.heading, exact=True).click()

    def be_sure(self, how: str) -> None:
        self.go("Report")
        self.page.locator(".st-key-confidence").get_by_text(how, exact=True).click()

    def look_around(self, name: str) -> None:
        self.go(name)

    def download(self, kind: str) -> bytes:
        self.go("Report")
        return self.download_here(kind)

    def download_here(self, kind: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=f"Download {kind}", exact=True).click()
        return Path(download.value.path()).read_bytes()

    @property
    def comments(self) -> Locator:
        return self.page.get_by_label("Comments")

    def shown_conclusion(self) -> str | None:
        chosen = self.page.get_by_role("radiogroup", name="Your conclusion").locator(
            "label:has(input:checked)"
        )
        return chosen.inner_text().strip() if chosen.count() else None

    def shown_confidence(self) -> str | None:
        pressed = self.page.locator(".st-key-confidence [aria-checked=true]")
        return pressed.inner_text().strip().lower() if pressed.count() else None

    def check_json(self, content: bytes) -> None:
        said = json.loads(content)
        conclusion = said["reading"]["conclusion"]
        heading = None if conclusion is None else Conclusion(conclusion).heading
        assert heading == self.shown_conclusion()
        assert said["reading"]["confidence"] == self.shown_confidence()
        assert said["reading"]["comments"] == self.comments.input_value()
        assert said["reading"]["answers"] == dict(sorted(self.answers.items()))
        assert sum(map(len, said["reading"]["marks"].values())) == len(self.marks)
        self.check_hash(said["hash"])

    def check_pdf(self, content: bytes) -> None:
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
        told = " ".join(" ".join(pages).split())
        heading = self.shown_conclusion() or "Conclusion not chosen"
        confidence = self.shown_confidence() or "not chosen"
        assert f"The reader's conclusion {heading} Confidence: {confidence}" in told
        comments = " ".join(self.comments.input_value().split())
        assert ("Comments:" in told) is bool(comments)
        assert not comments or comments in said_beside(content)
        marks = {found for page in pages for found in re.findall(r"reading ([0-9a-f]{10})", page)}
        assert len(marks) == 1
        self.check_hash(marks.pop())

    def check_hash(self, mark: str) -> None:
        shown = self.page.get_by_text(f"of what this page shows: reading {mark}")
        expect(shown.first).to_be_visible()


def write_study(path: Path) -> Path:
    """A small simulated study in an archive; the same file again is the same study."""
    zip_study(rendered_study(SLICES, seed=31, matrix=128), path, seed=31)
    return path


@contextmanager
def reading(browser: Browser, address: str, archive: Path, *, before: str = "") -> Iterator[Reader]:
    """With a study open, its joints laid, the ensemble asked, an answer and a comment given.

    Args:
        browser: in a window of its own.
        address: of the app.
        archive: the study.
        before: a script that every page runs first.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.add_init_script(before)
    with context.new_page() as page:
        page.goto(address)
        open_study(page, archive)
        reader = Reader(page)
        reader.go("Read")
        lay_joints(page, page.locator("canvas[data-ms]").first, SAMPLE_JOINTS)
        reader.go("Assess")
        page.locator(".st-key-read_first label").click()
        page.get_by_role("button", name="Ask the ensemble", exact=True).click()
        expect(page.get_by_text("Study probabilities")).to_be_visible()
        reader.answer("erosion", "Yes")
        reader.comment("first words")
        yield reader
    context.close()


def open_study(page: Page, archive: Path) -> None:
    page.locator('input[type="file"]').first.set_input_files(archive)
    page.get_by_role("button", name="Read the upload").click()
    expect(page.get_by_text("2 series read")).to_be_visible()


def check_there(reader: Reader, comments: str) -> None:
    reader.go("Report")
    expect(reader.comments).to_have_value(comments)
