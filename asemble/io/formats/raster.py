"""PNG and JPEG pictures to series of unknown geometry."""

import re
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.errors import FileError
from asemble.core.labels import Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.io import hints, limits
from asemble.io.decode import processes
from asemble.io.dicom.deidentify import PROTOCOL_WORDS, clean_description
from asemble.io.series.stack import Draft, draft
from asemble.io.series.weighting import FROM_NAME, weighting_of_name

Picture = tuple[str, npt.NDArray[np.float32]]
"""The name of a file and its grey values, `(row, column)`."""

_REQUEST = {"kind": "picture", "promised": 4 * limits.MAX_PICTURE_PIXELS}

NOTE = "Pictures carry no geometry: state the plane and the weighting."
NOTE_ON_PLANE = "Pictures carry no geometry: state the plane."


def looks_like_picture(data: bytes) -> bool:
    """Whether a file is PNG or JPEG by its marker."""
    return data[:8] == b"\x89PNG\r\n\x1a\n" or data[:3] == b"\xff\xd8\xff"


def read_picture(data: bytes) -> npt.NDArray[np.float32]:
    """The grey values of one picture, `(row, column)`, as stored (8 or 16 bits).

    Raises:
        FileError: the picture is damaged, too large or in colour.
    """
    try:
        return processes.pool().decode(_REQUEST, data, check=_is_picture)
    except processes.RefusedError as refused:
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
            code="colour-picture",
        )
    if reason == "size":
        return FileError(
            f"This picture has more than {limits.MAX_PICTURE_PIXELS // 10**6} million pixels, or "
            f"more than {limits.MAX_SIDE:,} on a side.",
            hint="Save the MR slice at its own size.",
            code="picture-too-large",
        )
    return FileError(
        "This picture is damaged or cut off.", hint=hints.SAVE_AGAIN, code="picture-damaged"
    )


def stack_pictures(pictures: Sequence[Picture]) -> list[Draft]:
    """One series for each folder, size and wording of the names, in the order of their numbers."""
    groups: dict[object, list[Picture]] = {}
    for name, picture in pictures:
        groups.setdefault((PurePosixPath(name).parent, picture.shape), []).append((name, picture))
    return [_series(part) for group in groups.values() for part in _by_names(group)]


def _series(pictures: list[Picture]) -> Draft:
    pictures.sort(key=lambda named: (natural_key(named[0]), named[0]))
    name = pictures[0][0]
    weighting = weighting_of_name(_stem(name))
    notes = [NOTE]
    if weighting is not Weighting.OTHER:
        notes = [NOTE_ON_PLANE, FROM_NAME.format(weighting=weighting)]
    if len(pictures) > 1:
        notes.append(f"{len(pictures)} pictures were taken as one series, in the order of names.")
    voxels = np.stack([picture for _, picture in pictures])
    voxels.setflags(write=False)  # so that it is not copied
    series = Series(
        id="",
        description=clean_description(" ".join(_said(pictures[-1][0]).words)),
        volume=Volume(voxels, None),
        plane=None,
        weighting=weighting,
        notes=tuple(notes),
    )
    return draft(series)


@dataclass(frozen=True, slots=True)
class _Name:
    """What a file name says: words, the number that counts, and the numbers beside it."""

    words: tuple[str, ...]
    count: int
    others: tuple[str, ...]


def _by_names(pictures: list[Picture]) -> list[list[Picture]]:
    """Pictures of one folder as the series that their names tell apart.

    The words do, as in `t1_01` and `stir_01`, if they are those of at least two pictures each for
    most of them; of names that are new for each picture, only the weighting counts. Of equal words
    the numbers beside the one that counts do, as in `ser3_01` and `ser4_01`, if it counts through
    each series without a gap.
    """
    wordings = frozenset(_said(name).words for name, _ in pictures)
    parts = _grouped(pictures, lambda name: _said(name, wordings).words)
    together = sum(len(part) for part in parts if len(part) > 1)
    if 2 * together < len(pictures):
        parts = _by_weighting(pictures)
    return [series for part in parts for series in _by_numbers(part)]


def _by_numbers(pictures: list[Picture]) -> list[list[Picture]]:
    parts = _grouped(pictures, lambda name: _said(name).others)
    counts = [sorted(_said(name).count for name, _ in part) for part in parts]
    is_counted = all(
        len(part) > 1 and part == list(range(part[0], part[0] + len(part))) for part in counts
    )
    is_repeated = len({count for part in counts for count in part}) < len(pictures)
    return parts if is_counted and is_repeated else [pictures]


def _grouped(pictures: list[Picture], key: Callable[[str], Hashable]) -> list[list[Picture]]:
    groups: dict[Hashable, list[Picture]] = {}
    for picture in pictures:
        groups.setdefault(key(picture[0]), []).append(picture)
    return list(groups.values())


def _by_weighting(pictures: list[Picture]) -> list[list[Picture]]:
    """The pictures by the weighting that their names state, where these state two."""
    parts = _grouped(pictures, lambda name: weighting_of_name(_stem(name)))
    stated = {weighting_of_name(_stem(name)) for name, _ in pictures} - {Weighting.OTHER}
    return parts if len(stated) > 1 else [pictures]


def _stem(name: str) -> str:
    """The name without its folder and ending."""
    return PurePosixPath(name).stem


def _said(name: str, wordings: Collection[tuple[str, ...]] = ()) -> _Name:
    """The words and numbers of a file name; the last number counts.

    A number that belongs to a word of protocols, as in T1, is a word, unless no other counts. It
    is one even so where other pictures are called that and a number, as `T1 (1)` beside `T1`.

    Args:
        name: of the file.
        wordings: the words of its neighbours.

    >>> _said("a/T1_cor_007.png")
    _Name(words=('t1', 'cor'), count=7, others=())
    >>> _said("t2.png"), _said("ser3_IMG 12.PNG").others
    (_Name(words=('t',), count=2, others=()), ('3',))
    """
    tokens = _TOKEN.findall(_stem(name).casefold())
    numbered = [i for i, token in enumerate(tokens) if re.search(r"[0-9]", token)]
    plain = [i for i in numbered if tokens[i] not in PROTOCOL_WORDS]
    counts = plain if plain or tuple(tokens) in wordings else numbered[-1:]
    words, numbers = [], []
    for i, token in enumerate(tokens):
        word = re.sub(r"[0-9]", "", token) if i in counts else token
        words += [word] if word else []
        numbers += re.findall(r"[0-9]+", token) if i in counts else []
    return _Name(tuple(words), int(numbers[-1]) if numbers else 0, tuple(numbers[:-1]))


_TOKEN = re.compile(r"[^\W\d_]+[0-9]*|[0-9]+[^\W\d_]*")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """A sort key in which 2 comes before 10; names are compared without their ending.

    >>> sorted(["s10.png", "s2.png"], key=natural_key)
    ['s2.png', 's10.png']
    """
    path = PurePosixPath(name.lower())
    pieces = re.split(r"([0-9]+)", str(path.parent / path.stem))
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in pieces]
