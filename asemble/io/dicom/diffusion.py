"""Whether an image is of a diffusion series, by what each vendor writes.

ScanningSequence need not say EP: Philips writes SE, with fat suppression, as for a STIR.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pydicom

from asemble.io.dicom.frames import Frame
from asemble.io.dicom.header import number, text

LEAST_B = 5.0
"""s/mm²; what is smaller weighs nothing, and GE pads the element with single digits."""

_SEQUENCE = re.compile(r"(ep|ez|re)_?b\d|dif|dwi|dti|ivim", re.IGNORECASE)
"""SequenceName of Siemens (*ep_b800t, *re_b50) and pulse sequences of others."""
_PRIVATE = (
    # block, its creator, b value, technique
    (0x0019, "SIEMENS MR HEADER", 0x0019100C, None),
    (0x0043, "GEMS_PARM_01", 0x00431039, None),
    (0x2001, "Philips Imaging DD 001", 0x20011003, 0x20011020),
)


def is_diffusion(dataset: pydicom.Dataset) -> bool:
    """Whether the header of an image, or a functional group, speaks of diffusion weighting."""
    if (number(dataset, "DiffusionBValue") or 0.0) >= LEAST_B:
        return True
    if text(dataset, "DiffusionDirectionality").upper() not in ("", "NONE"):
        return True
    if text(dataset, "AcquisitionContrast").upper() == "DIFFUSION":
        return True
    names = (text(dataset, "SequenceName"), text(dataset, "PulseSequenceName"))
    return any(_SEQUENCE.search(name) for name in names) or any(
        _says_diffusion(dataset, *each) for each in _PRIVATE
    )


def throughout(frames: Sequence[Frame]) -> list[Frame]:
    """The frames of one protocol; where one is weighted by diffusion, so is the b = 0 image."""
    if not any(frame.header.is_diffusion for frame in frames):
        return list(frames)
    return [replace(each, header=replace(each.header, is_diffusion=True)) for each in frames]


def _says_diffusion(
    dataset: pydicom.Dataset, group: int, creator: str, b_value: int, technique: int | None
) -> bool:
    if creator.upper() not in str(_private(dataset, group << 16 | 0x10)).upper():
        return False
    if technique is not None and str(_private(dataset, technique)).upper().startswith("DWI"):
        return True
    # GE adds 1,000,000,000 to some.
    return _as_number(_private(dataset, b_value)) % 1e9 >= LEAST_B


def _private(dataset: pydicom.Dataset, tag: int) -> Any:
    """The value of a private element, the first where there are several; empty where absent."""
    try:
        value = dataset[tag].value if tag in dataset else ""
        return value[0] if isinstance(value, list | pydicom.multival.MultiValue) else value
    except (ValueError, TypeError, LookupError, NotImplementedError, OverflowError, AttributeError):
        return ""


def _as_number(value: Any) -> float:
    """A number, as such, as text, or as the bytes of a float whose type was lost; else 0."""
    try:
        if isinstance(value, bytes):
            try:
                return float(value.split(b"\\")[0].decode("ascii").strip("\0 "))
            except ValueError:
                return float(struct.unpack("<f", value)[0]) if len(value) == 4 else 0.0
        return float(value or 0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
