"""The stored pixels of one DICOM file: in place where they are plain, by a decoder where packed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from asemble.core.errors import FileError
from asemble.io import decoders, limits
from asemble.io.colour import grey_of_colour, grey_of_palette, palette_of
from asemble.io.header import number, text

COMPRESSED = frozenset(
    "1.2.840.10008.1.2." + end
    for end in ("5", "4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91")
)
"""RLE, JPEG (baseline, extended, lossless), JPEG-LS and JPEG 2000."""

NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
"""Uncompressed: implicit and explicit little endian, explicit big endian."""

_RLE = "1.2.840.10008.1.2.5"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_UPLOAD_AGAIN = "Upload the file again."
_DAMAGED = "This DICOM file is damaged or cut off."


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header promises of the pixels; within the limits.

    Args:
        shift: bits below the stored ones, where HighBit is not the last of them (before 1993).
        samples: 3 for colours, which `read_pixels` takes back to grey.
        planar: PlanarConfiguration of several samples.
        palette: the tables of PALETTE COLOR.
        offsets: of the frames, for encapsulated pixels.
    """

    syntax: str
    frames: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    is_inverted: bool
    photometric: str
    shift: int = 0
    samples: int = 1
    planar: int = 0
    palette: pydicom.Dataset | None = None
    offsets: tuple[bytes, bytes] | None = None

    @property
    def voxels(self) -> int:
        """Rows x columns x frames."""
        return self.frames * self.rows * self.columns

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, rows and columns; and samples where there are several."""
        shape = (self.frames, self.rows, self.columns)
        return shape if self.samples == 1 else (*shape, self.samples)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the stored values."""
        return np.dtype(f"{'i' if self.is_signed else 'u'}{self.bits_allocated // 8}")


def read_layout(dataset: pydicom.Dataset) -> Layout:
    """What the header says about the pixels.

    Raises:
        FileError: it is missing, contradicts itself, or asks for too much.
    """
    stated = {
        keyword: number(dataset, keyword)
        for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored")
    }
    for keyword, value in stated.items():
        if value is None:
            raise FileError(f"{keyword} is missing or no number.", hint=_UPLOAD_AGAIN)
    rows, columns, allocated, stored = (int(value or 0) for value in stated.values())
    frames = int(number(dataset, "NumberOfFrames") or 1)
    samples = int(number(dataset, "SamplesPerPixel") or 1)
    too_large = max(rows, columns) > limits.MAX_SIDE or frames > limits.MAX_FRAMES
    if too_large or not 0 < rows * columns * frames * samples <= limits.MAX_FILE_VOXELS:
        raise FileError(
            "This file claims more frames, rows or columns than are read "
            f"({limits.MAX_FRAMES:,}, {limits.MAX_SIDE:,} and {limits.MAX_SIDE:,}; together "
            f"{limits.MAX_FILE_VOXELS // 10**6} million voxels).",
            hint=_UPLOAD_AGAIN,
        )
    if rows < 1 or columns < 1 or frames < 1:
        raise FileError(_DAMAGED, hint=_UPLOAD_AGAIN)
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or samples not in (1, 3):
        raise FileError(
            "BitsAllocated, BitsStored or SamplesPerPixel is not that of an MR image.",
            hint=_UPLOAD_AGAIN,
        )
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax not in NATIVE | COMPRESSED:
        raise FileError(
            "The pixels are stored in a transfer syntax that is not read.",
            hint="Export the series uncompressed or as JPEG 2000.",
        )
    photometric = text(dataset, "PhotometricInterpretation")
    return Layout(
        syntax, frames, rows, columns, allocated, stored,
        is_signed=number(dataset, "PixelRepresentation") == 1,
        is_inverted=photometric == "MONOCHROME1",
        photometric=photometric,
        shift=min(max(int(number(dataset, "HighBit") or 0) + 1 - stored, 0), allocated - stored),
        samples=samples,
        planar=int(number(dataset, "PlanarConfiguration") or 0),
        palette=palette_of(dataset) if photometric == "PALETTE COLOR" else None,
        offsets=_offsets(dataset),
    )  # fmt: skip


def read_pixels(layout: Layout, stored: memoryview) -> npt.NDArray[Any]:
    """The stored values, `(frame, row, column)`, larger always brighter.

    Args:
        layout: what the header promises.
        stored: the value of PixelData; the array may be a view of it.

    Raises:
        FileError: the pixels are cut off, damaged, or not what the header promises.
    """
    values = _decoded(layout, stored) if layout.syntax in COMPRESSED else _native(layout, stored)
    if layout.samples > 1:
        return grey_of_colour(values, largest=2**layout.bits_stored - 1)
    if layout.palette is not None:
        return grey_of_palette(values, layout.palette)
    if layout.is_inverted:  # PS3.3 C.7.6.3.1.2
        lowest = -(2 ** (layout.bits_stored - 1)) if layout.is_signed else 0
        highest = lowest + 2**layout.bits_stored - 1
        return np.asarray((highest + lowest) - values.astype(np.int64))
    return values


def _native(layout: Layout, stored: memoryview) -> npt.NDArray[Any]:
    """A view of the file where no bit has to be changed."""
    samples = 2 if layout.photometric == "YBR_FULL_422" else layout.samples
    size = layout.voxels * samples * layout.dtype.itemsize
    if len(stored) < size:
        raise FileError("This DICOM file is cut off: pixels are missing.", hint=_UPLOAD_AGAIN)
    is_swapped = layout.syntax == _BIG_ENDIAN
    if layout.samples > 1 or (is_swapped and layout.bits_allocated != 16):
        # Rare, and 8 bits come in swapped pairs, colours in several orders: pydicom knows.
        options = {**decoder_options(layout), "pixel_keyword": "PixelData"}
        options["pixel_vr"] = "OW" if is_swapped else "OB"
        padded = bytes(stored[: size + size % 2])
        values, _ = get_decoder(UID(layout.syntax)).as_array(padded, **options)
        return np.asarray(values).reshape(layout.shape)
    order = layout.dtype.newbyteorder(">" if is_swapped else "<")
    values = np.frombuffer(stored[:size], order).astype(layout.dtype, copy=False)
    return _without_unused_bits(layout, values.reshape(layout.shape))


def _without_unused_bits(layout: Layout, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The bits above BitsStored may hold anything (PS3.5 8.1.1), and almost always hold nothing."""
    unused = layout.bits_allocated - layout.bits_stored
    if not unused:
        return values
    if layout.shift:
        values = np.asarray(values >> layout.shift)
    lowest = -(2 ** (layout.bits_stored - 1)) if layout.is_signed else 0
    highest = lowest + 2**layout.bits_stored - 1
    if lowest <= values.min() and values.max() <= highest:
        return values
    return np.asarray((values << unused) >> unused)


def _decoded(layout: Layout, stored: memoryview) -> npt.NDArray[Any]:
    def is_promised(dtype: np.dtype[Any], of_shape: tuple[int, ...]) -> bool:
        # JPEG 2000 and JPEG-LS of a low precision come in fewer bytes than allocated.
        is_whole = dtype.kind in "iu" and dtype.itemsize <= 4
        return of_shape == layout.shape and is_whole

    is_shifted = layout.syntax == _RLE and layout.shift > 0
    promised = layout.voxels * layout.dtype.itemsize
    request: dict[str, Any] = {"kind": "dicom", "syntax": layout.syntax, "promised": promised}
    request["layout"] = decoder_options(layout)
    if is_shifted:  # the decoder knows BitsStored but not HighBit
        request["layout"]["bits_stored"] = layout.bits_allocated
    payload = stored
    if layout.offsets is not None:
        starts, lengths = layout.offsets
        request["offsets"] = len(starts)
        payload = memoryview(b"".join([starts, lengths, stored]))
    try:
        values = decoders.pool().decode(request, payload, check=is_promised)
    except decoders.RefusedError as refused:
        if str(refused) == "memory":
            raise FileError(
                "The pixels of this file need more memory to decode than is given.",
                hint="Export the series uncompressed.",
            ) from refused
        raise FileError(_DAMAGED, hint=_UPLOAD_AGAIN) from refused
    is_small = values.itemsize < layout.dtype.itemsize
    values = values.astype(layout.dtype) if is_small else values
    return _without_unused_bits(layout, values) if is_shifted else values


def decoder_options(layout: Layout) -> dict[str, Any]:
    """The layout as pydicom's decoders name it."""
    return {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": layout.frames,
        "samples_per_pixel": layout.samples,
        "planar_configuration": layout.planar,
        "photometric_interpretation": layout.photometric or "MONOCHROME2",
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "pixel_representation": int(layout.is_signed),
    }


def _offsets(dataset: pydicom.Dataset) -> tuple[bytes, bytes] | None:
    starts = dataset.get("ExtendedOffsetTable")
    lengths = dataset.get("ExtendedOffsetTableLengths")
    if not isinstance(starts, bytes) or not isinstance(lengths, bytes) or not starts:
        return None
    return (starts, lengths) if len(starts) == len(lengths) else None
