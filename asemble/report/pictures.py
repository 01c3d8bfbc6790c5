"""Slices of the report, and the map of what was found at both joints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Flowable

from asemble.core.joints import QUADRANTS, Bone, Half, Joint, Lesion, Mark, Quadrant
from asemble.report.document import SYNTHETIC
from asemble.report.fonts import BOLD, REGULAR
from asemble.report.layout import FAINT, INK, SMALL, TINY
from asemble.report.sheet import Sheet

Picture = npt.NDArray[np.uint8]
"""`(row, column, 3)` RGB."""

HIGHEST = 112 * mm
"""Of a picture; one that would be higher is drawn narrower."""

_OEDEMA, _OTHER = HexColor("#ffe3b0"), HexColor("#dbe7ef")


@dataclass(frozen=True, slots=True, eq=False)
class KeyImage:
    """A slice to show.

    Args:
        caption: which series and slice; no names of people or files.
        plain: the slice alone.
        overlay: the same slice with its heatmap, or None where there is none to show.
        note: what the heatmap is (method, member, scale), or why there is none.
        pair: the slice of the other weighting at the same place, or None without one.
        pair_caption: which that is, or why there is none.

    Raises:
        ValueError: a picture is not RGB of bytes.
    """

    caption: str
    plain: Picture
    overlay: Picture | None = None
    note: str = ""
    pair: Picture | None = None
    pair_caption: str = ""

    def __post_init__(self) -> None:
        for picture in (self.plain, self.overlay, self.pair):
            if picture is None:
                continue
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
                raise ValueError(
                    f"a picture must be (row, column, 3) uint8, got {picture.shape} {picture.dtype}"
                )


class Shown(Flowable):
    """One picture, as wide as there is room."""

    canv: Sheet

    def __init__(self, pixels: Picture, alt: str, *, synthetic: bool) -> None:
        super().__init__()
        self._pixels, self._alt, self._synthetic = pixels, alt, synthetic

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803  as Flowable has it
        """Its own shape, in that width."""
        rows, columns = self._pixels.shape[:2]
        scale = min(aW / columns, HIGHEST / rows)
        self.width, self.height = columns * scale, rows * scale
        return self.width, self.height

    def draw(self) -> None:
        """The picture, and whether it was simulated."""
        with self.canv.tagged("Figure", self._alt):
            self.canv.drawImage(ImageReader(_image(self._pixels)), 0, 0, self.width, self.height)
            if self._synthetic:
                self.canv.setFillColor(INK)
                self.canv.rect(2, 2, 47, 10, fill=1, stroke=0)
                self.canv.setFillColor(white)
                self.canv.setFont(BOLD, SMALL)
                self.canv.drawString(5, 4.5, SYNTHETIC)


class JointMap(Flowable):
    """Both joints as a radiologist looks at them, with the lesions of each quadrant.

    Args:
        marks: of the whole study, by series.
    """

    canv: Sheet

    def __init__(self, marks: Mapping[str, Iterable[Mark]]) -> None:
        super().__init__()
        self._found = by_quadrant(marks)

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803  as Flowable has it
        """Two fifths as high as wide."""
        self.width, self.height = aW, 0.4 * aW
        return aW, self.height

    def draw(self) -> None:
        """The eight quadrants, the sacrum between them, and whose side is which."""
        with self.canv.tagged("Figure", map_words(self._found)):
            for quadrant in QUADRANTS:
                self._draw_quadrant(quadrant, self._found.get(quadrant, {}))
            self.canv.setFont(REGULAR, TINY)
            self.canv.setFillColor(FAINT)
            middle = self.width / 2
            self.canv.drawCentredString(middle, 0.52 * self.height, "sacrum")
            for joint, x in ((Joint.RIGHT, 0.0), (Joint.LEFT, self.width)):
                self.canv.setFont(BOLD, SMALL)
                self.canv.setFillColor(INK)
                said = f"{joint.value.capitalize()} joint"
                at = self.canv.drawString if joint is Joint.RIGHT else self.canv.drawRightString
                at(x, self.height - SMALL, said)

    def _draw_quadrant(self, quadrant: Quadrant, found: Mapping[Lesion, int]) -> None:
        corners = [
            self._place(quadrant.joint, *each) for each in _CORNERS[quadrant.half, quadrant.bone]
        ]
        path = self.canv.beginPath()
        path.moveTo(*corners[0])
        for corner in corners[1:]:
            path.lineTo(*corner)
        path.close()
        self.canv.setFillColor(_shade(found))
        self.canv.setStrokeColor(INK)
        self.canv.setLineWidth(0.6)
        self.canv.drawPath(path, fill=1, stroke=1)
        x = sum(corner[0] for corner in corners) / 4
        y = sum(corner[1] for corner in corners) / 4
        self.canv.setFillColor(FAINT)
        self.canv.setFont(REGULAR, TINY)
        name = f"{quadrant.half} {quadrant.bone}"
        self.canv.drawCentredString(x, y + (TINY if found else -2), name)
        self.canv.setFillColor(INK)
        self.canv.setFont(BOLD, SMALL)
        self.canv.drawCentredString(x, y - TINY, signs(found))

    def _place(self, joint: Joint, away: float, up: float) -> tuple[float, float]:
        """A place beside the patient's right joint, which is on the left, or its mirror image."""
        x = away if joint is Joint.RIGHT else 1 - away
        return x * self.width, up * (self.height - 1.6 * SMALL)


_CORNERS = {
    (Half.UPPER, Bone.ILIAC): ((0.0, 1.0), (0.21, 1.0), (0.235, 0.5), (0.02, 0.5)),
    (Half.UPPER, Bone.SACRAL): ((0.21, 1.0), (0.42, 1.0), (0.435, 0.5), (0.235, 0.5)),
    (Half.LOWER, Bone.ILIAC): ((0.02, 0.5), (0.235, 0.5), (0.26, 0.0), (0.05, 0.0)),
    (Half.LOWER, Bone.SACRAL): ((0.235, 0.5), (0.435, 0.5), (0.45, 0.0), (0.26, 0.0)),
}
"""Of the right joint, which runs down and inwards: shares of width and height."""


def by_quadrant(marks: Mapping[str, Iterable[Mark]]) -> dict[Quadrant, dict[Lesion, int]]:
    """On how many slices each lesion is marked in each quadrant.

    >>> place = QUADRANTS[0]
    >>> marks = [Mark(Lesion.FAT, at, place) for at in (3, 4)]
    >>> by_quadrant({"s01": marks}) == {place: {Lesion.FAT: 2}}
    True
    """
    places = {
        (mark.quadrant, mark.lesion, id_, mark.slice)
        for id_, here in marks.items()
        for mark in here
    }
    found: dict[Quadrant, dict[Lesion, int]] = {}
    for quadrant, lesion, *_ in sorted(places):
        here = found.setdefault(quadrant, {})
        here[lesion] = here.get(lesion, 0) + 1
    return found


def signs(found: Mapping[Lesion, int]) -> str:
    """The letter of each lesion and on how many slices.

    >>> signs({Lesion.OEDEMA: 3, Lesion.EROSION: 1})
    'B3 E1'
    """
    return " ".join(f"{lesion.letter}{found[lesion]}" for lesion in Lesion if lesion in found)


def map_words(found: Mapping[Quadrant, Mapping[Lesion, int]]) -> str:
    """What the map shows, for those who do not see it."""
    said = [
        f"{quadrant}: " + ", ".join(_on_slices(lesion, count) for lesion, count in here.items())
        for quadrant, here in found.items()
    ]
    return "Map of both joints. " + ("; ".join(said) or "Nothing is marked") + "."


def _on_slices(lesion: Lesion, count: int) -> str:
    return f"{lesion} on {count} {'slice' if count == 1 else 'slices'}"


def _shade(found: Mapping[Lesion, int]) -> Color:
    if not found:
        return white
    return _OEDEMA if Lesion.OEDEMA in found else _OTHER


def _image(pixels: Picture) -> Image.Image:
    """Greys with one channel, which a file holds in a third of the room."""
    is_grey = (pixels[..., :1] == pixels).all()
    return Image.fromarray(pixels[..., 0] if is_grey else pixels)
