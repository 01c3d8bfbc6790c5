"""The stored pixels of one DICOM file: in place where they are plain, by a decoder where packed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian

from asemble.core.errors import FileError
from asemble.io import hints
from asemble.io.decode import processes
from asemble.io.decode.colour import grey_of_colour, grey_of_palette
from asemble.io.dicom.bits import BEYOND, HIGH_BIT, shift_of, stored_values
from asemble.io.dicom.layout import Layout
from asemble.io.dicom.padding import AMONG_THE_GREYS, Mask, mask_of

SMOOTHER = 2.0
"""A picture whose bytes lie in the wrong order is rougher by more than that."""
SWAPPED = (
    "The bytes of the pixels lie in the other order than the file states; the order that gives a "
    "smooth picture was taken."
)

_SAVE_PLAIN = "Export the series uncompressed."


@dataclass(frozen=True, slots=True, eq=False)
class Greys:
    """The grey values of one file.

    Args:
        values: `(frame, row, column)`, larger always brighter; may be a view of the file.
        padding: where they stand for no signal, None where nowhere.
        notes: sentences about how they were read, for the user.
    """

    values: npt.NDArray[Any]
    padding: Mask | None = None
    notes: tuple[str, ...] = ()


def read_pixels(layout: Layout, stored: memoryview) -> Greys:
    """The grey values of a file, before any rescale but after a Modality LUT.

    Args:
        layout: what the header promises.
        stored: the value of PixelData.

    Raises:
        FileError: the pixels are cut off, damaged, or not what the header promises.
    """
    pixels = _decoded(layout, stored) if layout.is_packed else _native(layout, stored)
    if layout.samples > 1:
        return Greys(grey_of_colour(pixels, largest=2**layout.bits_stored - 1))
    notes = []
    if not layout.is_packed and _is_swapped(layout, pixels):
        pixels = pixels.byteswap()
        notes.append(SWAPPED)
    values, beyond = stored_values(layout, pixels)
    if layout.palette is not None:
        return Greys(grey_of_palette(values, layout.palette), notes=tuple(notes))
    if layout.shift and shift_of(layout, pixels) != layout.shift:
        notes.append(HIGH_BIT)
    padding, is_among = _padding(layout, pixels, values)
    if is_among:
        notes.append(AMONG_THE_GREYS)
    if beyond is not None and not layout.overlay_bits and (
        padding is None or (beyond & ~padding).any()
    ):  # fmt: skip
        notes.append(BEYOND)
    if layout.is_inverted:  # PS3.3 C.7.6.3.1.2
        values = np.subtract(layout.dtype.type(sum(layout.range)), values, dtype=layout.dtype)
    if layout.table is not None:
        values = _looked_up(values, *layout.table)
    return Greys(values, padding, tuple(notes))


def _looked_up(values: npt.NDArray[Any], entries: npt.NDArray[Any], first: int) -> npt.NDArray[Any]:
    """What a Modality LUT makes of stored values, frame by frame."""
    found: npt.NDArray[Any] = np.empty(values.shape, dtype=entries.dtype)
    for frame, out in zip(values, found, strict=True):
        out[...] = entries[np.clip(frame.astype(np.int64) - first, 0, entries.size - 1)]
    return found


def _padding(
    layout: Layout, pixels: npt.NDArray[Any], values: npt.NDArray[Any]
) -> tuple[Mask | None, bool]:
    """Where there is padding: one that BitsStored bits cannot hold takes all that are allocated."""
    padding = layout.padding
    if padding is None:
        return None, False
    lowest, highest = layout.range
    is_stored = lowest <= padding.low <= padding.high <= highest
    return mask_of(values if is_stored else pixels.astype(layout.dtype, copy=False), padding)


def _is_swapped(layout: Layout, pixels: npt.NDArray[Any]) -> bool:
    """Whether plain pixels lie in the other order of bytes than the file states.

    Asked of big endian files, whose pixels many tools leave as they were, and where bits are set
    that hold nothing.
    """
    if pixels.dtype.itemsize != 2 or layout.overlay_bits:
        return False
    if layout.syntax != ExplicitVRBigEndian and stored_values(layout, pixels)[1] is None:
        return False
    swapped = pixels.byteswap()
    return stored_values(layout, swapped)[1] is None and _roughness(pixels) > SMOOTHER * _roughness(
        swapped
    )


def _roughness(pixels: npt.NDArray[Any]) -> float:
    """How much neighbours differ on average, in the middle frame."""
    middle = pixels[len(pixels) // 2].astype(np.int64)
    return float(np.abs(np.diff(middle, axis=-1)).mean()) if middle.shape[-1] > 1 else 0.0


def _native(layout: Layout, stored: memoryview) -> npt.NDArray[Any]:
    """A view of the file where no byte has to be moved."""
    size = layout.plain_bytes
    if len(stored) < size:
        raise FileError(
            f"This DICOM file is cut off: pixels are missing ({len(stored):,} of {size:,} bytes "
            "are there).",
            hint=hints.EXPORT_AGAIN,
            code="pixels-cut-off",
        )
    is_swapped = layout.syntax == ExplicitVRBigEndian
    if layout.samples > 1 or (is_swapped and layout.bits_allocated != 16):
        # Rare, and 8 bits come in swapped pairs, colours in several orders: pydicom knows.
        options = {**decoder_options(layout), "pixel_keyword": "PixelData"}
        options["pixel_vr"] = "OW" if is_swapped else "OB"
        padded = bytes(stored[: size + size % 2])
        values, _ = get_decoder(UID(layout.syntax)).as_array(padded, **options)
        return np.asarray(values).reshape(layout.shape)
    order = layout.dtype.newbyteorder(">" if is_swapped else "<")
    values = np.frombuffer(stored[:size], order).astype(layout.dtype, copy=False)
    return values.reshape(layout.shape)


def _decoded(layout: Layout, stored: memoryview) -> npt.NDArray[Any]:
    """What the stream holds: as many bits and the sign that it states itself, not the header."""

    def is_promised(dtype: np.dtype[Any], of_shape: tuple[int, ...]) -> bool:
        is_whole = dtype.kind in "iu" and dtype.itemsize <= layout.dtype.itemsize
        return of_shape == layout.shape and is_whole

    promised = layout.voxels * layout.dtype.itemsize
    request: dict[str, Any] = {"kind": "dicom", "syntax": layout.syntax, "promised": promised}
    request["layout"] = decoder_options(layout)
    payload = stored
    if layout.offsets is not None:
        starts, lengths = layout.offsets
        request["offsets"] = len(starts)
        payload = memoryview(b"".join([starts, lengths, stored]))
    try:
        return processes.pool().decode(request, payload, check=is_promised)
    except processes.RefusedError as refused:
        raise _refusal(str(refused)) from refused


def _refusal(reason: str) -> FileError:
    """The sentence for the word of the decoder."""
    if reason == "memory":
        return FileError(
            "The pixels of this file need more memory to decode than is given.",
            hint=_SAVE_PLAIN,
            code="decoder-memory",
        )
    if reason == "bits":
        return FileError(
            "The compressed pixels have more bits than BitsAllocated states.",
            hint=_SAVE_PLAIN,
            code="pixels-of-more-bits",
        )
    return FileError(
        "The compressed pixels are damaged or cut off, or are not what Rows, Columns and the "
        "transfer syntax of the file state.",
        hint=hints.EXPORT_AGAIN,
        code="pixels-damaged",
    )


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
