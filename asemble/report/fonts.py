"""The fonts of the report: which one has a character, and how the letters of its script join.

Noto Sans sets most scripts, WenQuanYi Micro Hei those of China, Japan and Korea
(docs/decisions/0044).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import reportlab
import uharfbuzz
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "NotoSans", "NotoSans-Bold"
"""Of everything that asemble says itself."""

_NOTO = Path(str(files("manimgx_fonts")))
_LATIN = _NOTO / "NotoSans[wght].ttf"
_SIGNS = Path(reportlab.__file__).with_name("fonts") / "Vera.ttf"
"""Comes with ReportLab and has signs such as ≥, which Noto Sans leaves to another font."""
_HAN = Path(str(files("paperang_p2_fonts_cjk"))) / "fonts" / "wqy-microhei.ttc"
JOINERS = "\u200c\u200d"
"""Say that letters join, or do not; Persian and the scripts of India need them."""
_VARIANTS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_OWN_CODES = range(0xE000, 0xF900)
"""For glyphs that no character has: letters that are joined, and forms of one."""
_FORMS = {"kern": False}
"""Of scripts whose letters join; kerning would part words for programs that read the page."""
_NO_FORMS = dict.fromkeys(("ccmp", "locl", "liga", "calt", "kern"), False)


@dataclass(frozen=True, slots=True)
class Glyph:
    """A letter as it is drawn, in thousandths of the font's size.

    Args:
        code: the character that stands for it in its font.
        advance: to the next one.
        width: how far its font alone would go.
        right: how far it is moved from where it would stand.
        up: alike.
    """

    code: str
    advance: float
    width: float
    right: float
    up: float

    @property
    def is_moved(self) -> bool:
        """Whether it does not stand where the one before it ends."""
        return bool(self.right or self.up)


class Face:
    """One font file, as HarfBuzz shapes it and as ReportLab embeds it.

    Args:
        path: of the file.
        joins: whether its letters have other forms than those that its characters have.
    """

    def __init__(self, path: Path, *, joins: bool = True) -> None:
        self.name = path.stem.split("[", maxsplit=1)[0]
        self._path, self._joins = path, joins
        self._font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path))))
        self._scale = 1000 / self._font.face.upem
        self._glyphs: dict[int, list[int]] = {}
        self.characters = frozenset(map(chr, self._font.face.unicodes))

    def shape(self, text: str, *, rightwards: bool) -> list[Glyph]:
        """The glyphs of characters that the font has, from left to right."""
        self.register()
        buffer = uharfbuzz.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "ltr" if rightwards else "rtl"
        uharfbuzz.shape(self._font, buffer, _FORMS if self._joins else _NO_FORMS)
        return [
            Glyph(
                self._code(info.codepoint, text[info.cluster]),
                at.x_advance * self._scale,
                self._font.get_glyph_h_advance(info.codepoint) * self._scale,
                at.x_offset * self._scale,
                at.y_offset * self._scale,
            )
            for info, at in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
            if info.codepoint in self._glyphs  # all but a joiner in a font that joins nothing
        ]

    def _code(self, glyph: int, character: str) -> str:
        """The character itself where the glyph is its: a micro sign is no Greek letter."""
        codes = self._glyphs[glyph]
        return character if ord(character) in codes else chr(codes[0])

    def register(self) -> None:
        """Make it known to ReportLab, with a code for each glyph: the same in every process."""
        if self._glyphs:
            return
        font = TTFont(self.name, str(self._path), asciiReadable=False, shapable=False)
        if self._joins:
            self._name_glyphs(font.face)
        pdfmetrics.registerFont(font)
        _register_family(self.name, self.name)
        self._glyphs = vars(font.face)["glyphToChar"]

    def bold(self) -> BytesIO:
        """The file of its bold letters, which its file holds as a variation."""
        wanted = uharfbuzz.SubsetInput()
        wanted.unicode_set.update(map(ord, self.characters))
        wanted.pin_axis_location(self._font.face, "wght", 700)
        return BytesIO(wanted.subset(self._font.face).blob.data)

    def _name_glyphs(self, face: Any) -> None:
        codes = iter([code for code in _OWN_CODES if code not in face.charToGlyph])
        for glyph in range(self._font.face.glyph_count):
            # ReportLab writes four digits for a character in the PDF's table of them.
            if all(code > 0xFFFF for code in face.glyphToChar.get(glyph, ())):
                code = next(codes)
                face.charToGlyph[code], face.glyphToChar[glyph] = glyph, [code]
                face.charWidths[code] = self._font.get_glyph_h_advance(glyph) * self._scale


@cache
def register_fonts() -> None:
    """Make the two fonts of asemble's own words known to ReportLab, once a process."""
    latin = faces()[0]
    latin.register()
    bold = TTFont(BOLD, latin.bold(), asciiReadable=False, shapable=False)
    bold.face.name = BOLD.encode()
    pdfmetrics.registerFont(bold)
    _register_family(REGULAR, BOLD)
    _register_family(BOLD, BOLD)


def _register_family(name: str, bold: str) -> None:
    """What a paragraph's marks for bold and italic letters mean in a font."""
    pdfmetrics.registerFontFamily(name, normal=name, italic=name, bold=bold, boldItalic=bold)


@cache
def faces() -> tuple[Face, ...]:
    """That of Latin, Greek and Cyrillic first, then signs; Chinese, Japanese and Korean last."""
    others = {path for path in _NOTO.glob("*.ttf") if "Italic" not in path.name} - {_LATIN}
    signs, han = (Face(path, joins=False) for path in (_SIGNS, _HAN))
    return (Face(_LATIN), signs, *map(Face, sorted(others)), han)


def face_of(character: str, before: Face | None = None) -> Face | None:
    """The font to set a character in: that of the one before it, where it has both; None if none.

    >>> face_of("骨").name, face_of("ω").name, face_of(chr(0x13000))
    ('wqy-microhei', 'NotoSans', None)
    """
    choices: Sequence[Face | None] = (before, *faces()) if before else faces()
    return next((face for face in choices if face and character in face.characters), None)


def unprintable(text: str) -> list[str]:
    """The characters, each once, that no font of the report has.

    >>> unprintable("骨髓 oedema ≥4" + chr(0x13000)) == [chr(0x13000)]
    True
    """
    text = unicodedata.normalize("NFC", text)
    return [each for each in dict.fromkeys(text) if is_seen(each) and face_of(each) is None]


def is_seen(character: str) -> bool:
    """Whether a reader sees it: not a line break, a joiner, or a sign for the way to write.

    What turns the way to write is left out: nothing that is signed may be turned by what is not
    seen. So are the signs that choose another form of the character before them.
    """
    is_hidden = unicodedata.category(character) in ("Cc", "Cf") or character in _VARIANTS
    return not is_hidden
