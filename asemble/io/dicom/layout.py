"""`Layout`: what the header of a DICOM file promises of its pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom import uid

from asemble.core.errors import FileError
from asemble.io import hints, limits
from asemble.io.decode.colour import palette_of
from asemble.io.dicom.deidentify import OVERLAY_GROUPS
from asemble.io.dicom.header import is_lossy, number, text
from asemble.io.dicom.padding import Padding, padding_of

COMPRESSED = frozenset(
    {
        uid.RLELossless,
        uid.JPEGBaseline8Bit,
        uid.JPEGExtended12Bit,
        uid.JPEGLossless,
        uid.JPEGLosslessSV1,
        uid.JPEGLSLossless,
        uid.JPEGLSNearLossless,
        uid.JPEG2000Lossless,
        uid.JPEG2000,
    }
)
NATIVE = frozenset(
    {uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian}
)
"""Uncompressed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header promises of the pixels; within the limits.

    Args:
        shift: bits below the stored ones, where HighBit is not the last of them (before 1993).
        overlay_bits: bits of the pixels that hold an overlay, by the header.
        is_lossy: whether they were ever compressed lossily, by the header.
        padding: the values that stand for no signal.
        samples: 3 for colours, which `read_pixels` takes back to grey.
        planar: PlanarConfiguration of several samples.
        palette: the tables of PALETTE COLOR.
        table: the Modality LUT, `(entry,)`, and the stored value of its first entry.
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
    overlay_bits: tuple[int, ...] = ()
    is_lossy: bool = False
    padding: Padding | None = None
    samples: int = 1
    planar: int = 0
    palette: pydicom.Dataset | None = None
    table: tuple[npt.NDArray[Any], int] | None = None
    offsets: tuple[bytes, bytes] | None = None

    @property
    def is_packed(self) -> bool:
        """Whether the pixels go through a decoder."""
        return self.syntax in COMPRESSED

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

    @property
    def range(self) -> tuple[int, int]:
        """The lowest and the highest value that BitsStored bits can hold."""
        lowest = -(2 ** (self.bits_stored - 1)) if self.is_signed else 0
        return lowest, lowest + 2**self.bits_stored - 1

    @property
    def plain_bytes(self) -> int:
        """How many bytes the pixels take uncompressed."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return self.voxels * samples * self.dtype.itemsize


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
            raise FileError(
                f"{keyword} is missing or no number.",
                hint=hints.EXPORT_AGAIN,
                code="pixel-description-missing",
            )
    rows, columns, allocated, stored = (int(value or 0) for value in stated.values())
    frames = int(number(dataset, "NumberOfFrames") or 1)
    samples = int(number(dataset, "SamplesPerPixel") or 1)
    require_size(frames, rows, columns, samples)
    if min(rows, columns, frames) < 1:
        raise FileError(
            "Rows, Columns or NumberOfFrames is not above 0.",
            hint=hints.EXPORT_AGAIN,
            code="image-size-invalid",
        )
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or samples not in (1, 3):
        raise FileError(
            "BitsAllocated, BitsStored or SamplesPerPixel is not that of an MR image.",
            hint=hints.EXPORT_AGAIN,
            code="bits-invalid",
        )
    photometric = text(dataset, "PhotometricInterpretation")
    is_signed = number(dataset, "PixelRepresentation") == 1
    return Layout(
        str(dataset.file_meta.TransferSyntaxUID), frames, rows, columns, allocated, stored,
        is_signed=is_signed,
        is_inverted=photometric == "MONOCHROME1",
        photometric=photometric,
        shift=min(max(int(number(dataset, "HighBit") or 0) + 1 - stored, 0), allocated - stored),
        overlay_bits=_overlay_bits(dataset),
        is_lossy=is_lossy(dataset),
        padding=padding_of(dataset, bits=allocated, is_signed=is_signed),
        samples=samples,
        planar=int(number(dataset, "PlanarConfiguration") or 0),
        palette=palette_of(dataset) if photometric == "PALETTE COLOR" else None,
        table=_modality_table(dataset, is_signed=is_signed),
        offsets=_offsets(dataset),
    )  # fmt: skip


def require_size(frames: int, rows: int = 1, columns: int = 1, samples: int = 1) -> None:
    """Refuse a header that asks for too much, before anything is made of it.

    Raises:
        FileError: there are more frames, rows, columns or voxels than the limits allow.
    """
    too_large = max(rows, columns) > limits.MAX_SIDE or frames > limits.MAX_FRAMES
    if too_large or rows * columns * frames * samples > limits.MAX_FILE_VOXELS:
        raise FileError(
            "This file claims more frames, rows or columns than are read "
            f"({limits.MAX_FRAMES:,}, {limits.MAX_SIDE:,} and {limits.MAX_SIDE:,}; together "
            f"{limits.MAX_FILE_VOXELS // 10**6} million voxels).",
            hint=hints.EXPORT_AGAIN,
            code="image-too-large",
        )


def _overlay_bits(dataset: pydicom.Dataset) -> tuple[int, ...]:
    """Bits of the pixels that hold overlays: those that are not allocated bits of their own."""
    bits = []
    for group in OVERLAY_GROUPS:
        position = number(dataset, group | 0x0102)
        if position is not None and (number(dataset, group | 0x0100) or 0) > 1:
            bits.append(int(position))
    return tuple(bits)


def _modality_table(
    dataset: pydicom.Dataset, *, is_signed: bool
) -> tuple[npt.NDArray[Any], int] | None:
    """The Modality LUT (PS3.3 C.11.1): its entries and the stored value of the first one.

    Raises:
        FileError: it is no whole table.
    """
    items = dataset.get("ModalityLUTSequence")
    if not items:
        return None
    descriptor, data = (items[0].get_item(tag) for tag in ("LUTDescriptor", "LUTData"))
    if descriptor is not None and data is not None:
        order = "<" if data.is_little_endian else ">"
        stated = np.frombuffer((descriptor.value or b"")[:6], f"{order}u2")
        if stated.size == 3:
            entries = int(stated[0]) or 2**16
            size = 1 if len(data.value or b"") < 2 * entries else 2
            table = np.frombuffer((data.value or b"")[: entries * size], f"{order}u{size}")
            first = int(stated.view(f"{order}i2")[1]) if is_signed else int(stated[1])
            if table.size == entries:
                return table.astype(table.dtype.newbyteorder("=")), first
    raise FileError(
        "The Modality LUT of this file is damaged.",
        hint=hints.EXPORT_AGAIN,
        code="modality-lut-damaged",
    )


def _offsets(dataset: pydicom.Dataset) -> tuple[bytes, bytes] | None:
    starts = dataset.get("ExtendedOffsetTable")
    lengths = dataset.get("ExtendedOffsetTableLengths")
    if not isinstance(starts, bytes) or not isinstance(lengths, bytes) or not starts:
        return None
    return (starts, lengths) if len(starts) == len(lengths) else None
