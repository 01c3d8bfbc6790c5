"""Text and boxes on one sheet: wrapped, and visibly shortened where the room ends."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import reportlab
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont, TTFontFile
from reportlab.pdfgen.canvas import Canvas

REGULAR, BOLD = "Vera", "VeraBd"
"""Bitstream Vera comes with ReportLab and, unlike the built-in fonts, has signs such as ≥."""

INK, FAINT, RULE = HexColor("#1c2530"), HexColor("#5b6672"), HexColor("#c3cad2")
ALARM = HexColor("#a3161f")

SHORTENED = "… (shortened; the JSON has all)"
"""Ends every text that did not fit."""

UNPRINTABLE = "?"
"""Stands for a character that the font lacks."""

LEADING = 1.28
"""Line height as a multiple of the font size."""


@cache
def register_fonts() -> None:
    """Make the fonts known to ReportLab, once a process."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))


def printable(text: str) -> str:
    """The text on one line of characters that the font has, the rest as `UNPRINTABLE`.

    >>> printable("BME ≥4" + chr(10) + chr(0x4E2D))
    'BME ≥4 ?'
    """
    known = _glyphs()
    return "".join(c if ord(c) in known else UNPRINTABLE for c in " ".join(text.split()))


def is_printable(text: str) -> bool:
    """Whether the font has every character of the text."""
    return all(ord(c) in _glyphs() for c in "".join(text.split()))


def wrap(text: str, *, font: str, size: float, width: float) -> list[str]:
    """Lines of at most `width` points; a word that is longer than a line is broken.

    >>> wrap("aaaa bb", font=REGULAR, size=10, width=30)
    ['aaaa', 'bb']
    """
    lines: list[str] = []
    line = ""
    for word in printable(text).split(" "):
        candidate = f"{line} {word}".strip()
        if _width(candidate, font, size) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        line = word
        while _width(line, font, size) > width:
            fits = _characters_that_fit(line, font=font, size=size, width=width)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line] if line else lines


def shorten(lines: Sequence[str], *, most: int, font: str, size: float, width: float) -> list[str]:
    """At most `most` lines; where some were dropped the last one ends in `SHORTENED`."""
    if len(lines) <= most:
        return list(lines)
    if most <= 0:
        return []
    last = lines[most - 1]
    while last and _width(f"{last} {SHORTENED}", font, size) > width:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip()} {SHORTENED}".strip()]


@dataclass(slots=True)
class Column:
    """A column of text that is filled from the top and never passes its bottom.

    Args:
        canvas: the page.
        x: left edge in points.
        y: where the next line goes, its upper edge, in points from the bottom of the page.
        width: in points.
        bottom: the lowest point that may be used.
    """

    canvas: Canvas
    x: float
    y: float
    width: float
    bottom: float

    def heading(self, text: str, *, size: float = 9) -> None:
        """A bold line with a rule under it."""
        self.write(text, font=BOLD, size=size, most=1)
        self.canvas.setStrokeColor(RULE)
        self.canvas.setLineWidth(0.6)
        self.canvas.line(self.x, self.y - 1, self.x + self.width, self.y - 1)
        self.gap(4)

    def write(
        self,
        text: str,
        *,
        font: str = REGULAR,
        size: float = 7,
        colour: Color = INK,
        most: int = 99,
        indent: float = 0,
    ) -> None:
        """Wrapped text in at most `most` lines, fewer where the column ends before."""
        width = self.width - indent
        room = int((self.y - self.bottom) / (size * LEADING) + 1e-6)
        lines = wrap(text, font=font, size=size, width=width)
        self.canvas.setFillColor(colour)
        self.canvas.setFont(font, size)
        for line in shorten(lines, most=min(most, room), font=font, size=size, width=width):
            self.canvas.drawString(self.x + indent, self.y - size, line)
            self.y -= size * LEADING

    def row(
        self,
        cells: Sequence[str],
        edges: Sequence[float],
        *,
        font: str = REGULAR,
        size: float = 6.5,
    ) -> None:
        """One line of a table: each cell starts at its share of the width and is cut to fit."""
        if self.y - size * LEADING < self.bottom:
            return
        self.canvas.setFillColor(INK)
        self.canvas.setFont(font, size)
        for cell, start, end in zip(cells, edges, (*edges[1:], 1.0), strict=True):
            room = (end - start) * self.width - 4
            text = printable(cell)
            if _width(text, font, size) > room:
                room -= _width("…", font, size)
                text = text[: _characters_that_fit(text, font=font, size=size, width=room)] + "…"
            self.canvas.drawString(self.x + start * self.width, self.y - size, text)
        self.y -= size * LEADING

    def gap(self, points: float) -> None:
        """Leave room."""
        self.y -= points


@cache
def _glyphs() -> frozenset[int]:
    folder = Path(reportlab.__file__).parent / "fonts"
    return frozenset(TTFontFile(str(folder / f"{REGULAR}.ttf")).charToGlyph)


def _characters_that_fit(text: str, *, font: str, size: float, width: float) -> int:
    counts = range(1, len(text) + 1)
    fits = bisect_right(counts, width, key=lambda count: _width(text[:count], font, size))
    return max(fits, 1)


def _width(text: str, font: str, size: float) -> float:
    register_fonts()
    return float(pdfmetrics.stringWidth(text, font, size))
