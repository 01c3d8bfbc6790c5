"""DICOM files whose every attribute carries a canary, and the search for one in what comes out.

What an attribute holds depends on its value representation: the word where it takes text, a date,
a time, a long number, bytes. Numbers of 16 bits and codes of attributes are filled too, but not
searched for: they are too short to name anybody, and turn up by chance. Names of files and
folders carry a word of their own, because one place may show them.
"""

import io
import struct
import warnings
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c
from mr_files import AXIAL, SECRETS, enhanced_image, mr_image, set_pixels, to_bytes
from pydicom.datadict import DicomDictionary, RepeatersDictionary, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    BasicTextSRStorage,
    SecondaryCaptureImageStorage,
)

from asemble.io.dicom.deidentify import KEPT

WORD = "Quokkaberg"
NAME_WORD = "Wombatshire"
NUMBER = 740319743
DATE, TIME, AGE = "19430717", "174359.274163", "097Y"
UID_ROOT = "1.2.826.0.1.3680043.8"

_TEXTS = (
    *(WORD, str(NUMBER), str(NUMBER + 1), DATE, "1943-07-17", "17.07.1943", TIME, "17:43:59", AGE),
)
"""NUMBER + 1 is what NUMBER is in 32 bits of floating point."""

FUNCTIONAL = frozenset(KEPT) - {
    *("SeriesDescription", "ImageComments", "BodyPartExamined", "BurnedInAnnotation", "StackID"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    *("SeriesNumber", "AcquisitionNumber"),
    "InstanceNumber",
    *("ScanOptions", "ScanningSequence", "SequenceVariant"),
}
"""What says which pixels lie where, with which contrast: a canary there would be no image. Of what
is kept beside it, every attribute carries one."""

SEQUENCES_KEPT = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")

DEPTH = 4


def dictionary() -> dict[int, str]:
    """Every attribute that a data set can hold, with its value representation.

    pydicom's dictionary, one of each repeating group, and what Annex E has beyond it. Left out
    are groups 0000 and FFFE, which are of messages and of the encoding, and group 0002, which is
    filled apart.
    """
    known = {tag: entry[0] for tag, entry in DicomDictionary.items()}
    for mask, entry in RepeatersDictionary.items():
        tag = int(mask.replace("x", "0"), 16)
        known[tag if tag & 0xFFFF else tag | 0x10] = entry[0]  # element 0 is a group's length
    for tag in annex_e():
        known.setdefault(tag, "LO")
    return {
        tag: vr.split(" or ")[0] for tag, vr in sorted(known.items())
        if tag >> 16 not in (0x0000, 0x0002, 0xFFFE) and vr != "NONE"
    }  # fmt: skip


def annex_e() -> list[int]:
    """PS3.15 Table E.1-1 (basic profile), edition 2026c as dicom-anonymizer carries it.

    Of a repeating group, the first; private attributes have rows of their own in `private`.
    """
    tags = []
    for entry in dicomfields_2026c.ALL_TAGS:
        group, element = entry[:2]
        if len(entry) == 2:
            tags.append(group << 16 | element)
        elif group == 0x5000:  # curve data, every element
            tags.append(0x50003000)
        else:
            tags.append(group << 16 | element)
    return tags


def value_for(vr: str) -> Any:
    """The canary of a value representation."""
    if vr in ("OB", "OW", "OL", "OV", "OF", "OD", "UN"):
        return f"{WORD} {NUMBER} ".encode().ljust(32)
    return {
        "PN": f"{WORD}^Janine",
        "CS": WORD.upper(),
        "DA": DATE,
        "TM": TIME,
        "DT": DATE + TIME,
        "AS": AGE,
        "DS": str(NUMBER),
        "IS": str(NUMBER),
        "UI": f"{UID_ROOT}.{NUMBER}",
        "UR": f"https://{WORD}.example/{NUMBER}",
        "AT": 0x00100010,
        "US": 47031,
        "SS": 30319,
        "UL": NUMBER,
        "SL": NUMBER,
        "UV": NUMBER,
        "SV": NUMBER,
        "FL": float(NUMBER),
        "FD": float(NUMBER),
    }.get(vr, WORD)


@cache
def _everything() -> tuple[DataElement, ...]:
    """One element for each attribute; each sequence holds an item with a name in it."""
    named = Dataset()
    named.PatientName = value_for("PN")
    return tuple(
        DataElement(Tag(tag), vr, [named] if vr == "SQ" else value_for(vr))
        for tag, vr in dictionary().items()
    )


def _nested(depth: int = DEPTH) -> Dataset:
    """An item of a sequence: text, a name, a date, private elements, and a sequence again."""
    item = Dataset()
    item.PatientName, item.TextValue = value_for("PN"), WORD
    item.DateTime, item.UID = value_for("DT"), value_for("UI")
    _add_private(item)
    if depth > 1:
        item.RequestAttributesSequence = [_nested(depth - 1)]
    return item


def _add_private(dataset: Dataset) -> None:
    """Private elements: of an unknown creator, and those that asemble reads."""
    own = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    own.add_new(0x10, "OB", csa_header())
    own.add_new(0x20, "OB", csa_header())
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "LO", WORD)
    united = dataset.private_block(0x0065, "Image Private Header", create=True)
    united.add_new(0x50, "DS", str(NUMBER))
    tile = Dataset()
    tile.PatientName = value_for("PN")
    united.add_new(0x51, "SQ", [tile])
    foreign = dataset.private_block(0x0011, WORD, create=True)
    foreign.add_new(0x01, "PN", value_for("PN"))
    foreign.add_new(0x02, "UN", value_for("UN"))


def csa_header() -> bytes:
    """A Siemens CSA header with a name in it, beside what is read of one."""

    def tag(name: str, values: list[str]) -> bytes:
        items = b""
        for value in values:
            text = value.encode() + b"\0"
            items += struct.pack("<4i", 0, len(text), 77, 0) + text.ljust(-(-len(text) // 4) * 4)
        head = struct.pack("<64si4siii", name.encode(), 1, b"LO\0\0", 0, len(values), 77)
        return head + items

    tags = [
        tag("PatientName", [f"{WORD}^Janine"]),
        tag("NumberOfImagesInMosaic", [str(NUMBER)]),
        tag("SliceNormalVector", ["0.0", "1.0", "0.0"]),
    ]
    return b"SV10\4\3\2\1" + struct.pack("<2I", len(tags), 77) + b"".join(tags)


def fill(image: FileDataset, *, number: int = 0) -> FileDataset:
    """Give every attribute of the image a canary, but for `FUNCTIONAL`."""
    for element in _everything():
        if element.keyword not in FUNCTIONAL:
            image[element.tag] = element
    for keyword in SEQUENCES_KEPT:
        for item in image.get(keyword, ()):
            inside = {element.tag for element in item}
            for element in _everything():
                if element.VR != "SQ" and element.tag not in inside:
                    item[element.tag] = element
            item.RequestAttributesSequence = [_nested()]
    return write_names(image, number=number)


def write_names(image: FileDataset, *, number: int = 0) -> FileDataset:
    """Canaries in what every hospital fills, in file meta, preamble and private elements."""
    for keyword in SECRETS:
        setattr(image, keyword, value_for(dictionary_VR(keyword)))
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPInstanceUID = f"{UID_ROOT}.{NUMBER}.{number}"
    image.SeriesDescription = f"t2 stir {WORD} {NUMBER}"
    image.BodyPartExamined = WORD.upper()
    image.ScanningSequence, image.ScanOptions = ["SE", "IR", WORD.upper()], ["FS", WORD.upper()]
    image.SequenceVariant, image.StackID = WORD.upper(), WORD
    image.RepetitionTime, image.EchoTime, image.InversionTime = "5000", "84", "140"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", WORD.upper()]
    image.SeriesNumber = image.AcquisitionNumber = NUMBER
    image.InstanceNumber = NUMBER + number
    image.RequestAttributesSequence = [_nested()]
    _add_private(image)
    _fill_meta(image)
    return image


def _fill_meta(image: FileDataset) -> None:
    meta = image.file_meta
    for tag, entry in DicomDictionary.items():
        has_canary = tag >> 16 == 2 and entry[0] in ("UI", "SH", "AE", "UR", "OB")
        if has_canary and entry[4] not in ("TransferSyntaxUID", "FileMetaInformationVersion"):
            meta[Tag(tag)] = DataElement(Tag(tag), entry[0], value_for(entry[0]))
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.preamble = f"{WORD} {NUMBER}".encode().ljust(128, b"\0")


def study() -> dict[str, bytes]:
    """A study by file name: two classic series, an enhanced one, a capture and a report."""
    files = {}
    for name, orientation, series in (("COR", None, "1"), ("TRA", AXIAL, "2")):
        for index in range(4):
            image = mr_image(index) if orientation is None else mr_image(index, orientation=AXIAL)
            _draw(image, index)
            image = fill(image) if index == 0 else write_names(image, number=index)
            image.SeriesInstanceUID = f"{UID_ROOT}.{NUMBER}.{series}"
            image.SOPInstanceUID = f"{UID_ROOT}.{NUMBER}.{series}.{index}"
            files[f"{name}/{NAME_WORD}_{index}.dcm"] = to_bytes(image)
    enhanced = fill(enhanced_image([{"index": index} for index in range(3)]))
    enhanced.SeriesInstanceUID = f"{UID_ROOT}.{NUMBER}.3"
    files[f"ENH/{NAME_WORD}.dcm"] = to_bytes(enhanced)
    capture = fill(mr_image(0))
    capture.SOPClassUID, capture.Modality = SecondaryCaptureImageStorage, "OT"
    capture.SeriesInstanceUID = f"{UID_ROOT}.{NUMBER}.4"
    capture.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    files[f"CAP/{NAME_WORD}.dcm"] = to_bytes(capture)
    report = fill(mr_image(0))
    report.SOPClassUID, report.Modality = BasicTextSRStorage, "SR"
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(report, keyword)
    report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    files[f"SR/{NAME_WORD}.dcm"] = to_bytes(report)
    return {f"{NAME_WORD}_Janine/{name}": data for name, data in files.items()}


def _draw(image: FileDataset, index: int) -> None:
    """Enough of a picture for the ensemble to judge: 80 x 96 pixels, slices much alike."""
    body = np.kron(np.random.default_rng(0).gamma(4.0, 25.0, size=(20, 24)), np.ones((4, 4)))
    values = body + np.random.default_rng(index).gamma(4.0, 8.0, size=(80, 96))
    set_pixels(image, values.astype(np.uint16))
    image.PixelSpacing = [1.9, 1.8]


def damaged() -> dict[str, bytes]:
    """The same attributes where their values cannot be what they should be.

    pydicom quotes such values in warnings and in exceptions.
    """
    files = {}
    text = f"{WORD} {NUMBER}"
    for keyword in ("Rows", "PixelSpacing", "ImagePositionPatient", "EchoTime", "SeriesNumber",
                    "InstanceNumber", "ImageOrientationPatient", "RescaleSlope", "BitsAllocated",
                    "NumberOfFrames", "AcquisitionNumber", "DiffusionBValue", "SliceThickness",
                    "Modality", "PhotometricInterpretation", "SOPClassUID"):  # fmt: skip
        image = write_names(mr_image(0))
        image[keyword] = DataElement(Tag(keyword), "LO", text)
        files[f"{keyword}_{NAME_WORD}.dcm"] = _as_is(image)
    for keyword, value in {
        "SpecificCharacterSet": WORD.upper(),
        "TransferSyntaxUID": f"{UID_ROOT}.{NUMBER}",
    }.items():
        image = write_names(mr_image(0))
        holder = image.file_meta if keyword.startswith("Transfer") else image
        data = _as_is(image)
        old = getattr(holder, keyword).encode()
        files[f"{keyword}_{NAME_WORD}.dcm"] = data.replace(
            old.ljust(len(old) + len(old) % 2, b"\0"), value.encode()[: len(old)].ljust(len(old)), 1
        )
    whole = to_bytes(write_names(mr_image(0)))
    files[f"cut_{NAME_WORD}.dcm"] = whole[: len(whole) // 2]
    files[f"dates_{NAME_WORD}.dcm"] = whole.replace(DATE.encode(), WORD.encode()[:8])
    files[f"text_{NAME_WORD}.dcm"] = f"{WORD} {NUMBER} wrote this letter".encode() * 20
    return files


def _as_is(image: FileDataset) -> bytes:
    """The file as it is, whatever pydicom thinks of its values."""
    before = pydicom.config.settings.writing_validation_mode
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    try:
        buffer = io.BytesIO()
        with warnings.catch_warnings(action="ignore"):
            image.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()
    finally:
        pydicom.config.settings.writing_validation_mode = before


def zipped(files: dict[str, bytes]) -> bytes:
    """An archive that has the canary in its comment and in the names of its members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = f"{WORD} {NUMBER}".encode()
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def every_tag(dataset: Dataset) -> Iterator[BaseTag]:
    """The tags of a data set and of all that lies within it."""
    for element in dataset:
        yield element.tag
        if element.VR == "SQ":
            for item in element.value:
                yield from every_tag(item)


def found_in(content: str | bytes, *, names_too: bool = True) -> list[str]:
    """The canaries in a text or in bytes, whatever their case and encoding."""
    texts = (*_TEXTS, *([NAME_WORD] if names_too else []))
    if isinstance(content, str):
        content = content.encode()
    low = content.lower()
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    found = [t for t in texts if any(t.lower().encode(code) in low for code in encodings)]
    numbers = (struct.pack("<I", NUMBER), struct.pack(">I", NUMBER),
               struct.pack("<d", NUMBER), struct.pack("<f", NUMBER))  # fmt: skip
    return found + [f"{NUMBER} in binary" for number in numbers if number in content]
