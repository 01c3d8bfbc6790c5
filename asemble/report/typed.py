"""What a reader typed, in whatever script, as a paragraph of the report.

ReportLab's own paragraph knows one direction and no letters that join. This one parts the text by
font and direction, has HarfBuzz shape each part, and breaks lines where the script lets it.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bidi import algorithm
from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from asemble.report.fonts import JOINERS, Face, Glyph, face_of, is_seen
from asemble.report.sheet import Sheet

SHORTENED = "… (shortened; the JSON has all)"
"""Ends what did not fit."""
LEADING = 1.36
"""Line height as a multiple of the font size."""

_CLOSING, _OPENING = ("Pe", "Pf", "Po", "Lm"), ("Ps", "Pi")
"""Categories of signs that begin no line, and that end none."""


_Run = tuple[Face, int, str]
"""A font, the level of its direction, and what is written in it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line.

    Args:
        text: in the order of reading.
        runs: font and glyphs, from left to right.
        is_rightwards: whether it begins on the left.
    """

    text: str
    runs: tuple[tuple[Face, tuple[Glyph, ...]], ...]
    is_rightwards: bool

    @property
    def width(self) -> float:
        """In thousandths of the font's size."""
        return sum(glyph.advance for _, glyphs in self.runs for glyph in glyphs)


class Typed(Flowable):
    """A paragraph of what was typed; one of Arabic or Hebrew begins on the right.

    Args:
        text: as typed, with its line breaks.
        size: of letters, in points.
        colour: of letters.
        most: lines; where there are more the last one says so.
    """

    canv: Sheet

    def __init__(self, text: str, *, size: float, colour: Color, most: int = 99) -> None:
        super().__init__()
        self._most = most
        self.lines: list[Line] = []
        self._texts = [spelt(each) for each in text.splitlines() if each.strip()]
        self._size, self._colour = size, colour

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803  as Flowable has it
        """Break it into lines of that width."""
        if not self.lines or aW != self.width:
            room = 1000 * aW / self._size
            lines = [line for text in self._texts for line in lines_of(text, room)]
            cut = lines_of(SHORTENED, room) if len(lines) > self._most else []
            self.lines = lines if not cut else [*lines[: self._most - len(cut)], *cut]
        self.width, self.height = aW, len(self.lines) * self._size * LEADING
        return aW, self.height

    def draw(self) -> None:
        """Each line with its text beside it, for programs that read or search the page."""
        self.canv.setFillColor(self._colour)
        with self.canv.tagged("P"):
            for number, line in enumerate(self.lines):
                left = 0.0 if line.is_rightwards else self.width - line.width * self._size / 1000
                baseline = self.height - (number * LEADING + 1.07) * self._size
                _draw(self.canv, line, left, baseline, self._size)


def spelt(text: str) -> str:
    """On one line, with the number of each character that no font of the report has.

    >>> spelt("BME ≥4" + chr(10) + chr(0x13000))
    'BME ≥4 [U+13000]'
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    seen = (each for each in text if each in JOINERS or is_seen(each))
    return "".join(
        each if each in JOINERS or face_of(each) else f"[U+{ord(each):04X}]" for each in seen
    )


def lines_of(text: str, room: float) -> list[Line]:
    """The text in lines of at most `room` thousandths of the font's size."""
    base, levels = _levels(text)
    lines: list[Line] = []
    start = end = 0
    for stop in _stops(text):
        whole = _line(text, levels, start, stop, base)
        if whole.width > room and end > start:
            lines.append(_line(text, levels, start, end, base))
            start = end
            whole = _line(text, levels, start, stop, base)
        while whole.width > room and stop - start > 1:  # one word that is longer than a line
            fits = start + max(1, int((stop - start) * room / whole.width))
            while fits > start + 1 and _line(text, levels, start, fits, base).width > room:
                fits -= 1
            lines.append(_line(text, levels, start, fits, base))
            start = fits
            whole = _line(text, levels, start, stop, base)
        end = stop
    return [*lines, _line(text, levels, start, end, base)] if end > start else lines


def _stops(text: str) -> Iterator[int]:
    """Where a line may end: behind a space, and on both sides of a letter that fills a square."""
    for at in range(1, len(text)):
        before, after = text[at - 1], text[at]
        if before == " " and after != " ":
            yield at
        elif "W" in map(unicodedata.east_asian_width, (before, after)) and after != " ":
            closes = unicodedata.category(after) in _CLOSING
            if not closes and unicodedata.category(before) not in _OPENING:
                yield at
    yield len(text)


def _line(text: str, levels: Sequence[int], start: int, stop: int, base: int) -> Line:
    while stop > start and text[stop - 1] == " ":
        stop -= 1
    runs = [
        (face, level, "".join(text[at] for at in places))
        for (face, level), places in _parts(text, levels, start, stop)
    ]
    for level in range(max((each for _, each, _ in runs), default=0), 0, -1):
        runs = _turned(runs, level)
    shaped = ((face, face.shape(said, rightwards=level % 2 == 0)) for face, level, said in runs)
    return Line(text[start:stop], tuple((face, tuple(glyphs)) for face, glyphs in shaped), not base)


def _turned(runs: Sequence[_Run], level: int) -> list[_Run]:
    """Runs of that level and above one another the other way round: rule L2 of UAX 9."""
    groups = groupby(runs, lambda run: run[1] >= level)
    return [run for turns, group in groups for run in (list(group)[:: -1 if turns else 1])]


def _parts(
    text: str, levels: Sequence[int], start: int, stop: int
) -> Iterator[tuple[tuple[Face, int], list[int]]]:
    """Places of one font and one direction, in the order of reading."""
    faces, face = [], face_of("a")
    for at in range(start, stop):
        if text[at] not in JOINERS:
            face = face_of(text[at], face if not text[at].isalpha() else None)
        faces.append(face)
    for key, places in groupby(range(start, stop), lambda at: (faces[at - start], levels[at])):
        face, level = key
        if face is not None:
            yield (face, level), list(places)


def _levels(text: str) -> tuple[int, list[int]]:
    """0 or 1 for a text that begins on the left or on the right, and the level of each character.

    Levels are those of UAX 9: odd ones are written to the left.
    """
    # A font may have characters that this Python has not heard of: taken for pictures.
    text = "".join(each if unicodedata.bidirectional(each) else "\ufffc" for each in text)
    base = algorithm.get_base_level(text)
    storage = algorithm.get_empty_storage()
    storage["base_level"], storage["base_dir"] = base, "LR"[base]
    algorithm.get_embedding_levels(text, storage)
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    algorithm.resolve_neutral_types(storage, False)
    algorithm.resolve_implicit_levels(storage, False)
    known, levels = list(storage["chars"]), []
    for character in text:  # joiners are left out above
        if known and known[0]["ch"] == character:
            levels.append(known.pop(0)["level"])
        else:
            levels.append(levels[-1] if levels else base)
    return base, levels


def _draw(canvas: Canvas, line: Line, left: float, baseline: float, size: float) -> None:
    said = line.text.encode("utf-16-be").hex().upper()
    canvas.addLiteral(f"/Span <</ActualText <FEFF{said}>>> BDC")
    for face, glyphs in line.runs:
        canvas.setFont(face.name, size)
        for together in _pieces(glyphs):
            x = left + together[0].right * size / 1000
            y = baseline + together[0].up * size / 1000
            canvas.drawString(x, y, "".join(glyph.code for glyph in together))
            left += sum(glyph.advance for glyph in together) * size / 1000
    canvas.addLiteral("EMC")


def _pieces(glyphs: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """Glyphs that stand side by side as their font has them."""
    piece: list[Glyph] = []
    for glyph in glyphs:
        if piece and (glyph.is_moved or piece[-1].advance != piece[-1].width or piece[0].is_moved):
            yield piece
            piece = []
        piece.append(glyph)
    if piece:
        yield piece
