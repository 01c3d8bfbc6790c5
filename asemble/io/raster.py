"""PNG and JPEG pictures to series of unknown geometry."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.errors import FileError
from asemble.core.labels import Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.io import decoders, limits
from asemble.io.stack import Draft, draft

_REQUEST = {"kind": "picture", "promised": 4 * limits.MAX_PICTURE_PIXELS}

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
        return decoders.pool().decode(_REQUEST, data, check=_is_picture)
    except decoders.RefusedError as refused:
        raise _refusal(str(refused)) from refused


def _is_picture(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    is_small = len(shape) == 2 and 0 < shape[0] * shape[1] <= limits.MAX_PICTURE_PIXELS
    return is_small and dtype == np.float32


def _refusal(reason: str) -> FileError:
    """The sentence for the word of the decoder."""
    if reason == "colour":
        return FileError(
            "This is a colour picture, not an MR slice.",
            hint="Upload the MR images themselves, best as DICOM.",
        )
    if reason == "size":
        return FileError(
            f"This picture has more than {limits.MAX_PICTURE_PIXELS // 10**6} million pixels, or "
            f"more than {limits.MAX_SIDE:,} on a side.",
            hint="Save the MR slice at its own size.",
        )
    return FileError("This picture is damaged or cut off.", hint="Save it again.")


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
