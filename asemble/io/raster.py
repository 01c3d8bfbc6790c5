"""PNG and JPEG pictures to series of unknown geometry."""

import io
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from asemble.core.errors import FileError
from asemble.core.labels import Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.io.stack import Draft, draft

MAX_PICTURE_PIXELS = 2**24
"""16 megapixels: far above any MR slice, and below the limit at which Pillow warns."""
COLOUR_DIFFERENCE = 24
"""Channels of a grey JPEG differ by less (of 255)."""
COLOUR_SHARE = 0.01
"""A coloured arrow or label covers less of a grey picture."""

NOTE = "Pictures carry no geometry: state the plane and the weighting."


def looks_like_picture(data: bytes) -> bool:
    """Whether a file is PNG or JPEG by its marker."""
    return data[:8] == b"\x89PNG\r\n\x1a\n" or data[:3] == b"\xff\xd8\xff"


def read_picture(data: bytes) -> npt.NDArray[np.float32]:
    """The grey values of one picture, `(row, column)`, as stored (8 or 16 bits).

    Raises:
        FileError: the picture is damaged, too large or in colour.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > MAX_PICTURE_PIXELS:
                raise FileError(
                    f"This picture of {picture.width} x {picture.height} is too large.",
                    hint="Save the MR slice at its own size.",
                )
            return _grey(ImageOps.exif_transpose(picture))
    except (
        OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError,
        Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise FileError("This picture is damaged or cut off.", hint="Save it again.") from error


def stack_pictures(pictures: Sequence[tuple[str, npt.NDArray[np.float32]]]) -> list[Draft]:
    """One series for each folder and size, in the order of the numbers in the file names."""
    groups: dict[tuple[object, ...], list[tuple[str, npt.NDArray[np.float32]]]] = {}
    for name, picture in pictures:
        folder = PurePosixPath(name).parent
        groups.setdefault((folder, picture.shape), []).append((name, picture))
    return [_series(group) for group in groups.values()]


def _series(pictures: list[tuple[str, npt.NDArray[np.float32]]]) -> Draft:
    pictures.sort(key=lambda named: natural_key(named[0]))
    notes = [NOTE]
    if len(pictures) > 1:
        notes.append(f"{len(pictures)} pictures were taken as one series, in the order of names.")
    series = Series(
        id="",
        description="",
        volume=Volume(np.stack([picture for _, picture in pictures]), None),
        plane=None,
        weighting=Weighting.OTHER,
        notes=tuple(notes),
    )
    return draft(series)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """A sort key in which 2 comes before 10.

    >>> sorted(["s10.png", "s2.png"], key=natural_key)
    ['s2.png', 's10.png']
    """
    pieces = re.split(r"([0-9]+)", name.lower())
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in pieces]


def _grey(picture: Image.Image) -> npt.NDArray[np.float32]:
    if picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode == "LA":
        picture = picture.getchannel("L")
    if picture.mode in ("L", "F") or picture.mode.startswith("I"):
        return np.asarray(picture, dtype=np.float32)
    channels: npt.NDArray[Any] = np.asarray(picture.convert("RGB"), dtype=np.int16)
    spread = channels.max(axis=2) - channels.min(axis=2)
    if float((spread > COLOUR_DIFFERENCE).mean()) > COLOUR_SHARE:
        raise FileError(
            "This is a colour picture, not an MR slice.",
            hint="Upload the MR images themselves, best as DICOM.",
        )
    return np.asarray(channels.mean(axis=2), dtype=np.float32)
