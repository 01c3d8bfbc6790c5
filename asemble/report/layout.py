"""Words, lists and tables of the report, on ReportLab's Platypus."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from asemble.report.fonts import BOLD, REGULAR, face_of, faces
from asemble.report.sheet import Sheet
from asemble.report.typed import SHORTENED, spelt

INK, FAINT, RULE = HexColor("#1c2530"), HexColor("#56616d"), HexColor("#c3cad2")
ALARM, PALE, AMBER = HexColor("#a3161f"), HexColor("#fdf3f3"), HexColor("#ffb000")

SIZE, SMALL, TINY = 8.0, 7.0, 6.0
"""Of letters, in points."""
GAP = 2 * mm

_ROLES = {"title": "H1", "heading": "H2", "part": "H3"}


class Words(Paragraph):
    """A paragraph that is tagged by its style."""

    canv: Sheet

    def draw(self) -> None:
        """Draw it as one element of the document."""
        with self.canv.tagged(_ROLES.get(self.style.name.split()[0], "P")):
            super().draw()


@cache
def style(
    name: str = "text",
    *,
    size: float = SIZE,
    font: str = REGULAR,
    colour: Color = INK,
    indent: float = 0,
    centred: bool = False,
) -> ParagraphStyle:
    """How a paragraph is set."""
    return ParagraphStyle(
        f"{name} {size} {font}",
        fontName=font,
        fontSize=size,
        leading=1.32 * size,
        textColor=colour,
        leftIndent=indent,
        alignment=TA_CENTER if centred else 0,
        splitLongWords=1,
    )


def marked(text: str) -> str:
    """Asemble's own words for a paragraph: in one font, but for signs that it lacks."""
    latin, said = faces()[0], ""
    for face, letters in groupby(spelt(text), lambda each: face_of(each, latin) or latin):
        face.register()
        run = escape("".join(letters))
        said += run if face is latin else f'<font name="{face.name}">{run}</font>'
    return said


def words(text: str, *, bold: bool = False, size: float = SIZE, colour: Color = INK) -> Words:
    """A paragraph of asemble's own words."""
    return Words(marked(text), style(size=size, font=BOLD if bold else REGULAR, colour=colour))


def heading(text: str) -> list[Flowable]:
    """A heading with a rule below it."""
    line = Table([[Words(escape(text), style("heading", size=9.5, font=BOLD))]])
    line.setStyle([*_CLOSE, ("LINEBELOW", (0, 0), (-1, -1), 0.6, RULE)])
    line.hAlign = "LEFT"
    return [line, Spacer(0, 1 * mm)]


def part(text: str, *, size: float = SIZE) -> Words:
    """A heading inside a section."""
    return Words(escape(text), style("part", size=size, font=BOLD))


def bullets(
    texts: Sequence[str], *, most: int, noun: str, size: float = SMALL, letters: int = 420
) -> list[Flowable]:
    """A list, each entry in so many letters at most, and how many more there are."""
    listed: list[Flowable] = [
        Words(f"- {marked(shorten(text, letters))}", style(size=size, indent=6))
        for text in texts[:most]
    ]
    return [*listed, *rest(len(texts) - most, noun)]


def shorten(text: str, letters: int) -> str:
    """The text, or its beginning and that there is more.

    >>> shorten("a finding that goes on", 9)
    'a finding… (shortened; the JSON has all)'
    """
    return text if len(text) <= letters else text[:letters].rstrip() + SHORTENED


def rest(count: int, noun: str) -> list[Flowable]:
    """How many more there are than were shown."""
    if count <= 0:
        return []
    return [words(f"… and {count} more {noun} (the JSON has all)", size=TINY, colour=FAINT)]


def table(
    rows: Iterable[Sequence[str | Flowable]],
    shares: Sequence[float],
    width: float,
    *,
    size: float = SMALL,
    head: bool = True,
    lines: bool = True,
) -> Table:
    """A table whose cells wrap; columns have their shares of the width."""
    cells = [
        [
            words(cell, size=size, bold=head and not number) if isinstance(cell, str) else cell
            for cell in row
        ]
        for number, row in enumerate(rows)
    ]
    made = Table(cells, colWidths=[share * width for share in shares])
    rules = [("LINEBELOW", (0, 0), (-1, -1), 0.35, RULE)] if lines else []
    made.setStyle([*_CLOSE, ("RIGHTPADDING", (0, 0), (-1, -1), 4), *rules])
    made.hAlign = "LEFT"
    return made


def boxed(content: list[Flowable], width: float, *, fill: Color, edge: Color) -> Table:
    """Content apart from what stands around it."""
    made = Table([[each] for each in content], colWidths=[width])
    made.setStyle(
        [
            *_CLOSE,
            ("BACKGROUND", (0, 0), (-1, -1), fill),
            ("BOX", (0, 0), (-1, -1), 0.7, edge),
            ("LEFTPADDING", (0, 0), (-1, -1), 5),
            ("RIGHTPADDING", (0, 0), (-1, -1), 5),
            ("TOPPADDING", (0, 0), (-1, -1), 0.3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0.3),
            ("TOPPADDING", (0, 0), (-1, 0), 1.5),
            ("BOTTOMPADDING", (0, -1), (-1, -1), 3.5),
        ]
    )
    return made


def beside(
    left: list[Flowable], right: list[Flowable], width: float, *, gap: float = 4 * mm
) -> Table:
    """Two halves of a row."""
    half = (width - gap) / 2
    made = Table([[left, "", right]], colWidths=[half, gap, half])
    made.setStyle(_CLOSE)
    return made


def height_of(content: Sequence[Flowable], canvas: Canvas, width: float) -> float:
    """How high it is in that width."""
    return sum(each.wrapOn(canvas, width, 10_000)[1] for each in content)


def place(
    canvas: Canvas,
    content: Sequence[Flowable],
    *,
    x: float,
    top: float,
    width: float,
    bottom: float,
) -> float:
    """Draw what fits between `top` and `bottom`, and say where more was cut.

    Returns:
        Where it ends.
    """
    fits = height_of(content, canvas, width) <= top - bottom + 0.01
    floor = bottom if fits else bottom + 1.4 * TINY
    y = top
    for each in content:
        _, high = each.wrapOn(canvas, width, y - floor)
        parts = [each] if high <= y - floor + 0.01 else each.splitOn(canvas, width, y - floor)
        if parts:
            _, high = parts[0].wrapOn(canvas, width, y - floor)
            y -= high
            parts[0].drawOn(canvas, x, y)
        if parts != [each]:
            break
    if not fits:
        note = words(SHORTENED, size=TINY, colour=FAINT)
        _, high = note.wrapOn(canvas, width, 1.4 * TINY)
        note.drawOn(canvas, x, bottom)
    return y


OWN_FONT = ("FONTNAME", (0, 0), (-1, -1), REGULAR)
"""ReportLab asks for Helvetica otherwise, which it does not embed, also in cells without words."""
_CLOSE = [
    OWN_FONT,
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 0.8),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.2),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]
