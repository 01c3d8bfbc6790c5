"""A reading on two A4 pages: the reader's conclusion on the left, the prediction on the right.

The same input gives the same bytes: no date, no author, no random document id.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from asemble import __version__
from asemble.core.labels import STANDING_NOTICE
from asemble.core.results import StudyPrediction
from asemble.core.study import Study
from asemble.reading import Reading, short_hash
from asemble.report.document import SYNTHETIC
from asemble.report.page import ALARM, BOLD, FAINT, INK, Column, register_fonts
from asemble.report.sections import (
    write_added_up,
    write_checklist,
    write_facts,
    write_prediction,
    write_reading,
)

MAX_IMAGES = 4
"""Key images, each with and without its heatmap: two in a row."""

MARGIN, GUTTER = 34.0, 16.0
PAGE_WIDTH, PAGE_HEIGHT = A4
WIDTH = PAGE_WIDTH - 2 * MARGIN
CREDIT_TOP, BAND_TOP, IMAGES_TOP, FACTS_TOP = 757.0, 742.0, 728.0, 250.0
"""Upper edges of the bands below the notice, in points from the bottom of the page."""

CELL = (WIDTH - 3 * 8) / 4
ROW_HEIGHT = CELL + 26
"""A row of pictures with its captions."""

FACTS_BOTTOM = 22.0
"""The lowest band may reach a little into the margin."""

_AMBER = HexColor("#ffb000")
_PALE = HexColor("#fdf3f3")


@dataclass(frozen=True, slots=True, eq=False)
class KeyImage:
    """A slice to show.

    Args:
        caption: which series and slice; no names of people or files.
        plain: `(row, column, 3)` uint8 RGB, the slice alone.
        overlay: the same slice with its heatmap, or None where there is none to show.
        note: what the heatmap is (method, member, scale), or that there is no positive evidence.

    Raises:
        ValueError: a picture is not RGB of bytes.
    """

    caption: str
    plain: npt.NDArray[np.uint8]
    overlay: npt.NDArray[np.uint8] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for picture in (self.plain, self.overlay):
            if picture is None:
                continue
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
                raise ValueError(
                    f"a picture must be (row, column, 3) uint8, got {picture.shape} {picture.dtype}"
                )


def reading_pdf(
    reading: Reading,
    prediction: StudyPrediction,
    study: Study,
    *,
    images: Sequence[KeyImage],
    findings: Sequence[str] = (),
    added_up: Sequence[str] = (),
) -> bytes:
    """The report on two A4 pages.

    Args:
        reading: what the reader said.
        prediction: what the ensemble returned for this study.
        study: what was read.
        images: at most `MAX_IMAGES` slices.
        findings: sentences on what was marked on the slices: definitions and scores.
        added_up: sentences on what the answers add up to.

    Returns:
        A PDF; the same bytes for the same input.

    Raises:
        ValueError: too many images, or the prediction is not of this study.
    """
    if len(images) > MAX_IMAGES:
        raise ValueError(f"at most {MAX_IMAGES} key images fit, got {len(images)}")
    register_fonts()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True, pageCompression=1)
    canvas.setTitle("asemble reading")
    canvas.setAuthor("")
    canvas.setCreator(f"asemble {__version__}")
    half = (WIDTH - GUTTER) / 2
    right = MARGIN + half + GUTTER
    _write_head(canvas, reading, study)
    top = _draw_images(canvas, images, synthetic=study.synthetic)
    write_reading(Column(canvas, MARGIN, top, half, MARGIN), reading, findings)
    write_prediction(Column(canvas, right, top, half, MARGIN), prediction)
    canvas.showPage()
    _write_head(canvas, reading, study)
    bottom = FACTS_TOP + 8
    write_checklist(Column(canvas, MARGIN, IMAGES_TOP, half, bottom), reading)
    write_added_up(Column(canvas, right, IMAGES_TOP, half, bottom), reading, added_up)
    write_facts(Column(canvas, MARGIN, FACTS_TOP, WIDTH, FACTS_BOTTOM), prediction, study)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _write_head(canvas: Canvas, reading: Reading, study: Study) -> None:
    top = PAGE_HEIGHT - MARGIN
    Column(canvas, MARGIN, top, WIDTH, 0).write(
        "Sacroiliac-joint MRI: reading", font=BOLD, size=14, most=1
    )
    canvas.setFont(BOLD, 7)
    canvas.setFillColor(FAINT)
    names = f"study {reading.study} · reading {short_hash(reading)}"
    canvas.drawRightString(PAGE_WIDTH - MARGIN, top - 10, f"asemble {__version__} · {names}")
    canvas.setFillColor(_PALE)
    canvas.setStrokeColor(ALARM)
    canvas.rect(MARGIN, top - 48, WIDTH, 26, fill=1, stroke=1)
    notice = Column(canvas, MARGIN + 6, top - 25, WIDTH - 12, top - 48)
    notice.write(STANDING_NOTICE, size=7, colour=ALARM)
    if study.synthetic:
        canvas.setFillColor(_AMBER)
        canvas.rect(MARGIN, BAND_TOP - 8, WIDTH, 14, fill=1, stroke=0)
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, 8)
        canvas.drawCentredString(
            PAGE_WIDTH / 2, BAND_TOP - 4, f"{SYNTHETIC}: simulated MRI, not a patient"
        )
    if study.attribution:
        bottom = BAND_TOP + 6 if study.synthetic else IMAGES_TOP
        credit = Column(canvas, MARGIN, CREDIT_TOP, WIDTH, bottom)
        credit.write(" ".join(study.attribution), size=5.5, colour=FAINT)


def _draw_images(canvas: Canvas, images: Sequence[KeyImage], *, synthetic: bool) -> float:
    """Two in a row; returns the upper edge of what follows."""
    if not images:
        Column(canvas, MARGIN, IMAGES_TOP, WIDTH, 0).write("No key image was chosen.")
        return IMAGES_TOP - 16
    for number, image in enumerate(images):
        top = IMAGES_TOP - number // 2 * ROW_HEIGHT
        left = MARGIN + number % 2 * 2 * (CELL + 8)
        _draw_picture(canvas, image.plain, left, top, CELL, synthetic=synthetic)
        if image.overlay is not None:
            _draw_picture(canvas, image.overlay, left + CELL + 8, top, CELL, synthetic=synthetic)
        caption = Column(canvas, left, top - CELL - 2, 2 * CELL + 8, top - ROW_HEIGHT)
        caption.write(image.caption, font=BOLD, size=6.5, most=1)
        caption.write(image.note, size=6, colour=FAINT, most=1)
    return IMAGES_TOP - (len(images) + 1) // 2 * ROW_HEIGHT


def _draw_picture(
    canvas: Canvas,
    pixels: npt.NDArray[np.uint8],
    left: float,
    top: float,
    side: float,
    *,
    synthetic: bool,
) -> None:
    rows, columns = pixels.shape[:2]
    scale = side / max(rows, columns)
    width, height = columns * scale, rows * scale
    canvas.setFillColor(INK)
    canvas.rect(left, top - side, side, side, fill=1, stroke=0)
    x, y = left + (side - width) / 2, top - side + (side - height) / 2
    canvas.drawImage(ImageReader(Image.fromarray(pixels)), x, y, width, height)
    if synthetic:
        canvas.setFillColor(white)
        canvas.setFont(BOLD, 6)
        canvas.drawString(left + 4, top - side + 4, SYNTHETIC)
