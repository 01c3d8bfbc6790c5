"""From the bits of a pixel to its stored value: one rule, however the pixels were packed.

PS3.5 8.1.1: BitsStored bits below HighBit are the value, in two's complement where
PixelRepresentation is 1; the other bits may hold anything, and hold overlays in old files.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.io.dicom.layout import Layout

BEYOND = (
    "Some values take more bits than BitsStored states. The bits beyond were left out, as the "
    "standard asks: what is brightest may look dark."
)
HIGH_BIT = "HighBit does not fit the values, which begin at bit 0; they were taken from there."

Pixels = npt.NDArray[Any]


def stored_values(layout: Layout, pixels: Pixels) -> tuple[Pixels, npt.NDArray[np.bool_] | None]:
    """The stored values of decoded pixels; and where they took more bits, None where nowhere did.

    Args:
        layout: what the header promises.
        pixels: integers as they lie in the file or as the stream states them; returned as they
            are where no bit has to be changed.
    """
    lowest, highest = layout.range
    shift = shift_of(layout, pixels)
    if not shift and pixels.min() >= lowest and pixels.max() <= highest:
        return pixels.astype(layout.dtype, copy=False), None
    if layout.is_lossy and layout.is_packed and not shift:
        # Lossy streams ring: a value a little beyond is cut, where it would come out black.
        is_pattern = layout.is_signed and pixels.dtype.kind == "u"
        pixels = pixels.clip(0, 2**layout.bits_stored - 1) if is_pattern else (
            pixels.clip(lowest, highest))  # fmt: skip
    values, beyond = np.empty(pixels.shape, layout.dtype), np.empty(pixels.shape, np.bool_)
    unused = layout.bits_allocated - layout.bits_stored
    for index, frame in enumerate(pixels):
        bits = _bits(layout, frame) >> shift
        values[index] = (bits << unused).view(layout.dtype) >> unused
        high = bits >> layout.bits_stored if unused else np.zeros_like(bits)
        beyond[index] = high != 0
        if layout.is_signed:
            beyond[index] &= high != 2 ** (unused - shift) - 1  # the sign, continued
    return values, beyond if beyond.any() else None


def shift_of(layout: Layout, pixels: Pixels) -> int:
    """Unused bits below the stored ones.

    None, whatever HighBit says, where bits are set down there that no overlay accounts for, and
    none is set above.
    """
    if not layout.shift or any(bit < layout.shift for bit in layout.overlay_bits):
        return layout.shift
    each = [_bits(layout, frame) for frame in pixels]
    is_low = any((bits & (2**layout.shift - 1)).any() for bits in each) and not any(
        (bits >> layout.bits_stored).any() for bits in each
    )
    return 0 if is_low else layout.shift


def _bits(layout: Layout, pixels: Pixels) -> Pixels:
    return pixels.astype(layout.dtype, copy=False).view(f"u{layout.dtype.itemsize}")
