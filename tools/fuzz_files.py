"""Whole files of every kind, small enough that thousands of them go through in a minute."""

import gzip
import io
import struct
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from archives import tarred, zipped
from codec_files import CODECS, dicom, smooth
from mr_files import SECRETS, enhanced_image, mr_image, set_pixels, to_bytes
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, JPEG2000Lossless, JPEGBaseline8Bit

SMALL_BYTES = 70_000
"""Larger files are left out, so that thousands of inputs go through in a minute."""
SHARED = Path(__file__).parents[2] / "shared" / "data" / "dicom"
CANARIES = (*SECRETS.values(), "CompressedSamples", "Canary^Karla", "4MR1", "KARLA-4711")
"""What must never be in a sentence: values of the simulated and of pydicom's files."""


@cache
def whole_files() -> dict[str, list[tuple[str, bytes]]]:
    """Small whole files by kind; those of scanners only where they are on the machine."""
    found = {
        "simulated DICOM": _simulated(),
        "pydicom's DICOM": _files_of(pydicom, "data/test_files", "*.dcm"),
        "scanner DICOM": _scanner(),
        "compressed DICOM": _compressed(),
        **{f"{codec} stream": [("IM0", _of_codec(codec))] for codec in CODECS},
        "NIfTI": [*_nifti(), *_files_of(nib, "tests/data", "*.nii*")],
        "PNG": [("a.png", _picture(values, "PNG")) for values in _pictures()],
        "JPEG": [("a.jpg", _picture(values, "JPEG")) for values in _pictures() if values.ndim < 4],
        "zip": [("a.zip", zipped(files)) for files in _folders()],
        "tar": [("a.tar", tarred(files)) for files in _folders()],
        "gzip": [("a.tgz", gzip.compress(tarred(files))) for files in _folders()]
        + [("a.nii.gz", gzip.compress(data)) for _, data in _nifti()],
    }
    return {kind: files for kind, files in found.items() if files}


def _of_codec(codec: str) -> bytes:
    syntax, encode = CODECS[codec]
    pixels = smooth(48)
    return dicom(encode(pixels), syntax, pixels)


def _simulated() -> list[tuple[str, bytes]]:
    noisy = np.random.default_rng(0).integers(0, 4096, (24, 31)).astype(np.uint16)
    plain = mr_image(0)
    set_pixels(plain, noisy)
    packed = mr_image(0)
    set_pixels(packed, noisy)
    packed.compress(pydicom.uid.RLELossless)
    lossless = mr_image(0)
    set_pixels(lossless, noisy)
    lossless.compress(pydicom.uid.JPEGLSLossless)
    nested = mr_image(0)
    for _ in range(5):
        item = pydicom.Dataset()
        item.PatientName = "Canary^Karla"
        item.ReferencedImageSequence = [
            pydicom.Dataset(),
            *nested.get("ReferencedImageSequence", []),
        ]
        nested.ReferencedImageSequence = [item]
    mosaic = mr_image(0, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    mosaic.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
    csa = b"SV10" + bytes(4) + struct.pack("<II", 1, 77) + b"SliceNormalVector".ljust(64, b"\0")
    mosaic.add_new(0x00291010, "OB", csa + struct.pack("<i4siii", 3, b"FD\0\0", 3, 3, 77))
    frames = enhanced_image([{"index": i, "te": 10.0 + i % 2} for i in range(4)])
    images = (plain, packed, lossless, nested, mosaic, frames, mr_image(3, series="9.9"))
    return [("IM0", to_bytes(image)) for image in images]


def _files_of(package: Any, folder: str, pattern: str) -> list[tuple[str, bytes]]:
    paths = sorted((Path(package.__file__).parent / folder).glob(pattern))
    small = [path for path in paths if path.stat().st_size <= SMALL_BYTES]
    return [(path.name if "nii" in path.name else "IM1", path.read_bytes()) for path in small]


def _compressed() -> list[tuple[str, bytes]]:
    """The compressed pixels of pydicom's files, and of pictures, in the header of an MR slice."""
    images = []
    for _, data in _files_of(pydicom, "data/test_files", "*.dcm"):
        try:
            source = pydicom.dcmread(io.BytesIO(data))
            is_compressed = source.file_meta.TransferSyntaxUID.is_compressed
        except (InvalidDicomError, AttributeError):
            continue
        if is_compressed and "PixelData" in source and len(source.PixelData) < SMALL_BYTES:
            images.append(_in_mr_header(source.file_meta.TransferSyntaxUID, source))
    for kind, syntax, options in (
        ("JPEG", JPEGBaseline8Bit, {}),
        ("JPEG", JPEGBaseline8Bit, {"progressive": True}),
        ("JPEG2000", JPEG2000Lossless, {"no_jp2": True}),
    ):
        packed = io.BytesIO()
        Image.fromarray(_pictures()[0]).save(packed, kind, **options)
        image = mr_image(0, BitsAllocated=8, BitsStored=8, HighBit=7, Rows=30, Columns=40)
        image.PixelData = encapsulate([packed.getvalue()])
        images.append(_in_mr_header(syntax, image))
    return [("IM3", to_bytes(image)) for image in images]


_PIXEL_KEYWORDS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "PixelData",
)  # fmt: skip


def _in_mr_header(syntax: str, source: pydicom.Dataset) -> pydicom.FileDataset:
    image = mr_image(0)
    image.file_meta.TransferSyntaxUID = UID(syntax)
    for keyword in _PIXEL_KEYWORDS:
        if keyword in source:
            setattr(image, keyword, source[keyword].value)
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    return image


def _scanner() -> list[tuple[str, bytes]]:
    """Two small files of each scanner."""
    chosen: list[tuple[str, bytes]] = []
    for folder in sorted(path for path in SHARED.glob("*") if path.is_dir()):
        paths = sorted(folder.rglob("*"), key=lambda path: (path.stat().st_size, path.name))
        count = 9 if folder.name == "transfer-syntaxes" else 2
        chosen += [("IM2", path.read_bytes()) for path in paths if path.is_file()][:count]
    return [(name, data) for name, data in chosen if len(data) <= 4 * SMALL_BYTES]


def _nifti() -> list[tuple[str, bytes]]:
    values = np.arange(5 * 4 * 3 * 2, dtype=np.float32).reshape(5, 4, 3, 2)
    affine = np.diag([0.7, 0.5, 4.0, 1.0])
    images = [
        nib.Nifti1Image(values[..., 0], affine),
        nib.Nifti1Image(values.astype(np.int16), affine),
        nib.Nifti2Image(values[..., 1], affine),
        nib.Nifti1Image(values[..., 0], affine, nib.Nifti1Header(endianness=">")),
    ]
    return [("a.nii", image.to_bytes()) for image in images]


def _pictures() -> list[np.ndarray]:
    grey = (np.arange(30 * 40).reshape(30, 40) % 251).astype(np.uint8)
    return [
        grey,
        np.repeat(grey[..., None], 3, axis=2),
        np.stack([grey, grey[::-1], grey], axis=2),
    ]


def _picture(values: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


def _folders() -> list[dict[str, bytes]]:
    images = {f"study/IM{i}": to_bytes(mr_image(i)) for i in range(3)}
    return [
        images,
        {"inner.zip": zipped(images), "note.txt": b"hello " * 20},
        {
            "inner.tar": tarred(images),
            "a/b.nii": _nifti()[0][1],
            "a/c.png": _picture(_pictures()[0], "PNG"),
        },
        {"a": zipped({"b": zipped({"c": zipped(images)})})},
    ]
