"""Several slices tiled in one picture: Siemens mosaics and United Imaging tiles.

Both are vendors' own formats. The tiles are taken apart only where the header says how many they
are and where they lie; otherwise the file is refused.
"""

import math
import struct
from dataclasses import replace

import numpy as np
import pydicom

from asemble.core.errors import FileError
from asemble.io import limits
from asemble.io.dicom.frames import (
    DIRECTION_TOLERANCE,
    Place,
    Slot,
    Vector,
    read_place,
    read_scaling,
    require_near,
)
from asemble.io.dicom.header import Header, numbers, positive, words

_HINT = "Export the series as single slices or as enhanced multi-frame DICOM."


def is_siemens_mosaic(dataset: pydicom.Dataset) -> bool:
    """Whether ImageType says that the picture is a mosaic."""
    return "MOSAIC" in words(dataset, "ImageType")


def siemens_slots(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """A slot for each tile of a Siemens mosaic, in the order of acquisition space.

    Tiles fill a square grid row by row. ImagePositionPatient is that of the whole mosaic, laid
    concentrically over the first slice, so it is moved by half the difference of the sizes. The
    slices follow each other along SliceNormalVector of the CSA header.

    Raises:
        FileError: the header does not say how many tiles there are or which way they go.
    """
    csa = _csa_values(dataset)
    tiles = _tile_count(dataset) or int(next(iter(csa.get("NumberOfImagesInMosaic", [])), 0))
    normal = np.array(csa.get("SliceNormalVector", []))
    step_mm = positive(dataset, "SpacingBetweenSlices")
    is_direction = normal.shape == (3,) and abs(np.linalg.norm(normal) - 1) <= DIRECTION_TOLERANCE
    if not 0 < tiles <= limits.MAX_FRAMES or not is_direction or step_mm is None:
        raise FileError(
            "This Siemens mosaic does not say how many slices it holds or where they lie.",
            hint=_HINT,
            code="mosaic-not-described",
        )
    side = math.ceil(math.sqrt(tiles))
    rows, columns = _tile_size(dataset, down=side, across=side)
    place = read_place(dataset, dataset, dataset)
    first = (
        place.origin_mm
        + place.along_row * place.column_mm * (int(dataset.Columns) - columns) / 2
        + place.along_column * place.row_mm * (int(dataset.Rows) - rows) / 2
    )
    origins = [first + normal * step_mm * index for index in range(tiles)]
    return _tiled(dataset, header, place, origins, size=(rows, columns), across=side)


def is_united_imaging_tiles(dataset: pydicom.Dataset) -> bool:
    """Whether ImageType says that the picture is tiled."""
    return "VFRAME" in words(dataset, "ImageType")


def united_imaging_slots(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """A slot for each tile of a United Imaging picture; each tile has its own position.

    Raises:
        FileError: the header does not say where the tiles lie.
    """
    frames = dataset.get((0x0065, 0x1051))
    if frames is None or frames.VR != "SQ" or not len(frames.value):
        raise FileError(
            "This tiled picture does not say where its slices lie.",
            hint=_HINT,
            code="mosaic-not-described",
        )
    origins = [np.array(numbers(item, "ImagePositionPatient")) for item in frames.value]
    if any(origin.shape != (3,) for origin in origins):
        raise FileError(
            "This tiled picture does not say where its slices lie.",
            hint=_HINT,
            code="mosaic-not-described",
        )
    for origin in origins:
        require_near(origin)
    across = math.ceil(math.sqrt(len(origins)))
    down = math.ceil(len(origins) / across)
    rows, columns = _tile_size(dataset, down=down, across=across)
    place = read_place(frames.value[0], dataset, dataset)
    return _tiled(dataset, header, place, origins, size=(rows, columns), across=across)


def _tiled(
    dataset: pydicom.Dataset,
    header: Header,
    place: Place,
    origins: list[Vector],
    *,
    size: tuple[int, int],
    across: int,
) -> list[Slot]:
    rows, columns = size
    slope, intercept = read_scaling(dataset)
    slots = []
    for index, origin in enumerate(origins):
        down, right = divmod(index, across)
        window = (
            slice(down * rows, (down + 1) * rows),
            slice(right * columns, (right + 1) * columns),
        )
        slots.append(Slot(0, window, replace(place, origin_mm=origin), slope, intercept, header))
    return slots


def _tile_size(dataset: pydicom.Dataset, *, down: int, across: int) -> tuple[int, int]:
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if rows % down or columns % across:
        raise FileError(
            "The size of this tiled picture is no multiple of the size of its tiles.",
            hint=_HINT,
            code="mosaic-size-invalid",
        )
    return rows // down, columns // across


def _tile_count(dataset: pydicom.Dataset) -> int:
    element = dataset.get((0x0019, 0x100A))
    value = None if element is None else element.value
    return value if isinstance(value, int) else 0


def _csa_values(dataset: pydicom.Dataset) -> dict[str, list[float]]:
    """Numbers of the Siemens CSA image header, by name; empty where there is none.

    The layout, little endian: "SV10", 4 bytes, number of tags, 4 bytes; then for each tag its
    name (64 bytes), multiplicity, type (4), syngo type, number of items, 4 bytes; for each item
    four integers of which the second is the length, and the text, padded to 4 bytes.
    """
    for tag in ((0x0029, 0x1010), (0x0029, 0x1110)):
        element = dataset.get(tag)
        data = None if element is None else element.value
        if isinstance(data, bytes) and data[:4] == b"SV10":
            return _parse_csa(data)
    return {}


def _parse_csa(data: bytes) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    (tags,) = struct.unpack_from("<I", data, 8)
    at = 16
    for _ in range(min(tags, 200)):
        name, _, _, _, items, _ = struct.unpack_from("<64si4siii", data, at)
        at += 84
        texts = []
        for _ in range(min(items, 200)):
            (length,) = struct.unpack_from("<4xI8x", data, at)
            at += 16
            texts.append(data[at : at + length].split(b"\0")[0].decode("latin-1").strip())
            at += (length + 3) // 4 * 4
        key = name.split(b"\0")[0].decode("latin-1")
        if key in ("NumberOfImagesInMosaic", "SliceNormalVector"):
            values[key] = [float(text) for text in texts if text]
    return values
