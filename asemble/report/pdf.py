"""A reading on A4 pages: the reader's pictures and conclusion first, the ensemble apart.

The same input gives the same bytes: no clock, no author, no random document id.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from asemble import __version__
from asemble.core.results import StudyPrediction
from asemble.core.study import Study
from asemble.reading import Reading, short_hash
from asemble.reading.change import sheet_of
from asemble.reading.scoring import scores_of
from asemble.report import sections
from asemble.report.layout import FAINT, GAP, SMALL, TINY, beside, height_of, place, words
from asemble.report.pictures import KeyImage, Picture, Shown
from asemble.report.records import UNSIGNED, Signature
from asemble.report.sheet import Sheet

MAX_IMAGES = 4
"""Key images; the first two stand on the first two pages, further ones on a page of their own."""

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN, TOP, BOTTOM = 14 * mm, 10 * mm, 13 * mm
WIDTH = PAGE_WIDTH - 2 * MARGIN
GUTTER = 4 * mm
HALF = (WIDTH - GUTTER) / 2
"""Of a picture: 89 mm."""

_DRAWING = Lock()
"""ReportLab's fonts read their files at one place for all documents."""


def reading_pdf(
    reading: Reading,
    prediction: StudyPrediction | None,
    study: Study,
    *,
    images: Sequence[KeyImage],
    findings: Sequence[str] = (),
    added_up: Sequence[str] = (),
    signature: Signature = UNSIGNED,
) -> bytes:
    """The report on two A4 pages, and a third where there are more pictures than these hold.

    Args:
        reading: what the reader said.
        prediction: what the ensemble returned for this study, None where it was not run.
        study: what was read.
        images: at most `MAX_IMAGES` slices, those for the first page first.
        findings: sentences on what was marked on the slices: definitions and scores.
        added_up: sentences on what the answers add up to.
        signature: who read it, and when.

    Returns:
        A PDF; the same bytes for the same input.

    Raises:
        ValueError: too many images, or the prediction is not of this study.
    """
    if len(images) > MAX_IMAGES:
        raise ValueError(f"at most {MAX_IMAGES} key images fit, got {len(images)}")
    buffer = io.BytesIO()
    with _DRAWING:
        report = _Report(reading, prediction, study, buffer, signature)
        first = report.first_page(images[:1])
        second, further = report.second_page(images[1:], findings, added_up)
        report.draw([first, second, *report.further_pages(further)])
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Page:
    """What stands on a page, from above: over both columns, in each, and over both again."""

    above: Sequence[Flowable]
    title: Sequence[Flowable] = ()
    left: Sequence[Flowable] = ()
    right: Sequence[Flowable] = ()
    below: Sequence[Flowable] = ()


class _Report:
    """The pages as they are filled."""

    def __init__(
        self,
        reading: Reading,
        prediction: StudyPrediction | None,
        study: Study,
        buffer: io.BytesIO,
        signature: Signature,
    ) -> None:
        self._canvas = Sheet(buffer, creator=f"asemble {__version__}", made=signature.made)
        self._reading, self._prediction, self._study = reading, prediction, study
        self._signature = signature
        self._comments = sections.comments(reading)
        self._title = sections.title()
        self._head = sections.head(study, WIDTH)
        self._room = PAGE_HEIGHT - TOP - BOTTOM - self._high(self._head)

    def first_page(self, images: Sequence[KeyImage]) -> _Page:
        """Who and when, the conclusion, and the first picture beside the map of the joints."""
        found = scores_of(self._reading, self._study)
        joints = [*sections.findings_map(self._reading, self._study, found), Spacer(0, 1.5 * mm)]
        scored = sections.scores(found, HALF)
        above = [
            *sections.identity(self._reading, self._signature, WIDTH),
            *sections.conclusion(self._reading),
        ]
        below: list[Flowable] = []
        if not images:
            below.append(words("No key image was chosen.", size=SMALL))
        for image in images:
            below.append(self._row(self._plain(image), self._pair(image)))
        overlay = self._overlay(images[0]) if images else []
        row = (overlay, [*joints, *scored]) if overlay else (joints, scored)
        below.append(self._row(*row))
        above_all = self._high(self._title) + self._high(above)
        room = self._room - above_all - self._high(below) - 2 * GAP
        if self._high(self._comments) <= room:
            above += self._comments
            self._comments = []
        elif self._comments:
            above.append(words("Comments: on the next page.", size=SMALL))
        return _Page([*above, Spacer(0, GAP), *below], title=self._title)

    def second_page(
        self,
        images: Sequence[KeyImage],
        findings: Sequence[str],
        added_up: Sequence[str],
    ) -> tuple[_Page, Sequence[KeyImage]]:
        """What was marked and answered, and the ensemble apart; the second picture where it fits.

        Returns:
            The page, and the images that it has no room for.
        """
        left = [*sections.checklist(self._reading), *sections.marked(findings)]
        right = [*sections.ensemble(self._prediction, HALF), Spacer(0, GAP)]
        columns = (left, right)
        for block in (sections.added_up(added_up), sections.sources(self._reading)):
            self._shorter(columns).extend(block)
        compared = sheet_of(self._reading, self._study)
        above = [*self._comments, *sections.follow_up(compared, WIDTH)]
        below = [
            *sections.series_table(self._prediction, self._study, WIDTH),
            *sections.limits(),
        ]
        room = self._room - self._high(above) - self._high(below) - 3 * GAP
        for image in images[:1]:
            plain, other = self._plain(image), self._overlay(image) or self._pair(image)
            shorter, high = self._shorter(columns), self._high(plain, HALF)
            if image.overlay is None and image.pair is None:
                if self._high(shorter, HALF) + high <= room:
                    shorter += plain
                    images = images[1:]
            elif max(self._high(column, HALF) for column in columns) + high <= room:
                below.insert(0, self._row(plain, other))
                images = images[1:]
        return _Page(above, left=left, right=right, below=below), images

    def further_pages(self, images: Sequence[KeyImage]) -> list[_Page]:
        """The pictures that the first two pages have no room for, two rows a page."""
        rows = [
            self._row(self._plain(image), self._overlay(image) or self._pair(image))
            for image in images
        ]
        return [_Page(rows[start : start + 2]) for start in range(0, len(rows), 2)]

    def draw(self, pages: Sequence[_Page]) -> None:
        """Draw the pages, and write the file."""
        canvas = self._canvas
        names = f"study {self._reading.study} · reading {short_hash(self._reading)}"
        for number, page in enumerate(pages, 1):
            y = self._place([*page.title, *self._head, *page.above], PAGE_HEIGHT - TOP)
            if page.below:
                floor = BOTTOM + self._high(page.below) + GAP
                ends = [
                    place(canvas, each, x=x, top=y, width=HALF, bottom=floor)
                    for each, x in ((page.left, MARGIN), (page.right, MARGIN + HALF + GUTTER))
                ]
                self._place(page.below, min(ends) - GAP)
            said = f"asemble {__version__} · {names} · page {number} of {len(pages)}"
            foot = words(said, size=TINY, colour=FAINT)
            _, high = foot.wrapOn(canvas, WIDTH, BOTTOM)
            foot.drawOn(canvas, MARGIN, BOTTOM - high - 3)
            canvas.showPage()
        canvas.save()

    def _high(self, content: Sequence[Flowable], width: float = WIDTH) -> float:
        return height_of(content, self._canvas, width)

    def _shorter(self, columns: tuple[list[Flowable], list[Flowable]]) -> list[Flowable]:
        return min(columns, key=lambda column: self._high(column, HALF))

    def _place(self, content: Sequence[Flowable], top: float) -> float:
        return place(self._canvas, content, x=MARGIN, top=top, width=WIDTH, bottom=BOTTOM)

    def _row(self, left: list[Flowable], right: list[Flowable]) -> Flowable:
        return beside(left, right, WIDTH, gap=GUTTER)

    def _plain(self, image: KeyImage) -> list[Flowable]:
        why_no_heatmap = f". {image.note}" if image.note and image.overlay is None else ""
        return self._shown(image.plain, image.caption + why_no_heatmap)

    def _pair(self, image: KeyImage) -> list[Flowable]:
        """The slice of the other weighting, or why there is none."""
        if image.pair is None:
            return [words(image.pair_caption, size=SMALL, colour=FAINT)]
        return self._shown(image.pair, image.pair_caption)

    def _overlay(self, image: KeyImage) -> list[Flowable]:
        if image.overlay is None:
            return []
        return self._shown(image.overlay, f"{image.caption}. {image.note}")

    def _shown(self, pixels: Picture, caption: str) -> list[Flowable]:
        picture = Shown(pixels, caption, synthetic=self._study.synthetic)
        return [picture, words(caption, size=TINY), Spacer(0, 1 * mm)]
