"""`Header`: the attributes of one DICOM image that the reader uses, typed and free of identity."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from asemble.io.dicom import deidentify
from asemble.io.dicom.dates import Day
from asemble.io.dicom.sop_classes import MR_CLASSES, SECONDARY_CAPTURES

T = TypeVar("T")

NOT_MAGNITUDE = frozenset(
    {"P", "PHASE", "R", "REAL", "I", "IMAGINARY", "VELOCITY", "ADC", "EADC", "FA", "B0"}
    | {"PHASE MAP", "FIELD MAP", "T1 MAP", "T2 MAP", "T2_STAR MAP", "B0 MAP"}
)
"""Words of ImageType and ComplexImageComponent for what is not an ordinary MR picture."""


@dataclass(frozen=True, slots=True)
class Header:
    """What one image says about itself; None or empty where it says nothing.

    Args:
        study, series: digests of StudyInstanceUID and SeriesInstanceUID: group images, never
            leave memory.
        instance: digest of SOPInstanceUID, empty where absent: finds the same image given twice.
        frame_of_reference: digest of FrameOfReferenceUID, empty where absent.
        modality: Modality; "MR" wherever the SOP class says so.
        description: cleaned by `deidentify.clean_description`.
        kind: words of ImageType from the third on, with ComplexImageComponent and
            VolumeBasedCalculationTechnique.
        sequence: ScanningSequence codes (SE, IR, GR, EP, RM).
        variant: SequenceVariant codes (SK, MP, SP, ...).
        options: ScanOptions codes (FS, ...); FS also where enhanced attributes say fat suppressed.
        tr_ms, te_ms, ti_ms: RepetitionTime, EchoTime, InversionTime.
        stack, echo, b_value, temporal, acquisition, number: tell volumes of one series apart;
            `echo` is its number, or its time in ms where it has none.
        location: SliceLocation in mm, from an origin of the scanner's choice; None where absent.
        images: ImagesInAcquisition, 0 where absent.
        contrast: AcquisitionContrast of enhanced images (STIR, DIFFUSION, ...).
        is_diffusion: whether it is of a diffusion series.
        burned_in: whether BurnedInAnnotation says that text stands in the picture.
        captured: whether it is a secondary capture: a picture of a screen or of a film.
        lossy: whether it was ever compressed lossily.
        day: digest of the day that it was made on (`dates`); None where it does not say.
        is_named: whether it says whose it is.
    """

    study: str = ""
    series: str = ""
    instance: str = ""
    frame_of_reference: str = ""
    modality: str = ""
    body_part: str = ""
    description: str = ""
    synthetic: bool = False
    series_number: int = 0
    kind: tuple[str, ...] = ()
    sequence: frozenset[str] = frozenset()
    variant: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    tr_ms: float | None = None
    te_ms: float | None = None
    ti_ms: float | None = None
    stack: str = ""
    echo: float = 0.0
    b_value: float = 0.0
    temporal: float = 0.0
    acquisition: float = 0.0
    number: float = 0.0
    location: float | None = None
    images: int = 0
    contrast: str = ""
    is_diffusion: bool = False
    burned_in: bool = False
    captured: bool = False
    lossy: bool = False
    day: Day | None = None
    is_named: bool = False

    @property
    def is_magnitude(self) -> bool:
        """Whether the picture shows signal, not phase, a component or a map."""
        return not NOT_MAGNITUDE.intersection(self.kind)


LOSSY_SYNTAXES = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless})
"""JPEG 2000 may be lossy or not: its file says."""


def header_of(dataset: pydicom.Dataset) -> Header:
    """The header of a classic image, or what an enhanced one says for all its frames."""
    modality = text(dataset, "Modality").upper()
    if text(dataset, "SOPClassUID") in MR_CLASSES:
        modality = "MR"  # what other modality such a file may state was settled before
    description = text(dataset, "SeriesDescription")
    uid = text(dataset, "SOPInstanceUID")
    frame = text(dataset, "FrameOfReferenceUID")
    return Header(
        study=deidentify.group_digest(text(dataset, "StudyInstanceUID")),
        series=deidentify.group_digest(
            text(dataset, "SeriesInstanceUID") or f"{text(dataset, 'SeriesNumber')} {description}"
        ),
        instance=deidentify.group_digest(uid) if uid else "",
        frame_of_reference=deidentify.group_digest(frame) if frame else "",
        modality=modality,
        body_part=deidentify.clean_body_part(text(dataset, "BodyPartExamined")),
        description=deidentify.clean_description(description),
        synthetic=deidentify.is_simulated(
            text(dataset, "Manufacturer"), text(dataset, "ImageComments")
        ),
        series_number=int(number(dataset, "SeriesNumber") or 0),
        kind=image_kind(dataset),
        sequence=frozenset(words(dataset, "ScanningSequence")) | _enhanced_sequence(dataset),
        variant=frozenset(words(dataset, "SequenceVariant")),
        options=frozenset(words(dataset, "ScanOptions")) | enhanced_options(dataset),
        tr_ms=positive(dataset, "RepetitionTime"),
        te_ms=positive(dataset, "EchoTime"),
        ti_ms=positive(dataset, "InversionTime"),
        stack=text(dataset, "StackID"),
        echo=number(dataset, "EchoNumbers") or number(dataset, "EchoTime") or 0.0,
        b_value=number(dataset, "DiffusionBValue") or 0.0,
        temporal=number(dataset, "TemporalPositionIdentifier") or 0.0,
        acquisition=number(dataset, "AcquisitionNumber") or 0.0,
        number=number(dataset, "InstanceNumber") or 0.0,
        location=number(dataset, "SliceLocation"),
        images=int(number(dataset, "ImagesInAcquisition") or 0),
        contrast=text(dataset, "AcquisitionContrast").upper(),
        burned_in=text(dataset, "BurnedInAnnotation").upper() == "YES",
        captured=_is_captured(dataset),
        lossy=is_lossy(dataset),
    )


def _is_captured(dataset: pydicom.Dataset) -> bool:
    is_capture = text(dataset, "SOPClassUID") in SECONDARY_CAPTURES
    return is_capture or text(dataset, "ConversionType") != ""


def is_lossy(dataset: pydicom.Dataset) -> bool:
    """Whether a file says, or its transfer syntax, that it was ever compressed lossily."""
    meta = getattr(dataset, "file_meta", None)
    syntax = "" if meta is None else str(meta.get("TransferSyntaxUID", ""))
    return text(dataset, "LossyImageCompression") == "01" or syntax in LOSSY_SYNTAXES


def image_kind(dataset: pydicom.Dataset, keyword: str = "ImageType") -> tuple[str, ...]:
    """Words of ImageType or FrameType from the third on, and of what else says how it was made."""
    technique = (
        word for word in words(dataset, "VolumeBasedCalculationTechnique") if word != "NONE"
    )
    return (*words(dataset, keyword)[2:], *words(dataset, "ComplexImageComponent"), *technique)


def words(dataset: pydicom.Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an attribute as upper-case words, empty where it is absent."""
    value = _value(dataset, keyword, lambda v: v)
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    return tuple(str(v).strip().upper() for v in values if v not in (None, ""))


def text(dataset: pydicom.Dataset, keyword: str) -> str:
    """One text, empty where it is absent."""
    return _value(dataset, keyword, lambda v: str(v).strip()) or ""


def number(dataset: pydicom.Dataset, keyword: str | int) -> float | None:
    """One number, the first where there are several; None where it is absent or no number."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def positive(dataset: pydicom.Dataset, keyword: str) -> float | None:
    """One number above zero; scanners write 0 for "does not apply"."""
    value = number(dataset, keyword)
    return value if value is not None and 0 < value < 1e7 else None


def numbers(dataset: pydicom.Dataset, keyword: str | int) -> tuple[float, ...]:
    """Numbers, empty where the attribute is absent or holds anything else."""

    def convert(value: Any) -> tuple[float, ...]:
        values = value if isinstance(value, MultiValue | list | tuple) else [value]
        # A comma is no character of a number (PS3.5 6.2): some exports write it for the point.
        return tuple(float(v.replace(",", ".") if isinstance(v, str) else v) for v in values)

    found = _value(dataset, keyword, convert) or ()
    return found if all(abs(v) < float("inf") for v in found) else ()


def _value(dataset: pydicom.Dataset, keyword: str | int, convert: Callable[[Any], T]) -> T | None:
    # A damaged value raises as late as here, because elements are converted when first asked for.
    try:
        element = dataset.get_item(_tag(keyword))
        if element is None:
            return None
        value = _plain(element)
        value = dataset.get(keyword) if value is None else value
        return None if value is None or value == "" else convert(value)
    except (ValueError, TypeError, NotImplementedError, OverflowError, AttributeError):
        return None


@cache
def _tag(keyword: str | int) -> BaseTag:
    return Tag(keyword)


_PLAIN_TEXT = frozenset({"CS", "DS", "IS", "UI"})
"""Value representations that hold ASCII whatever the character set (PS3.5 6.2)."""


def _plain(element: Any) -> Any:
    """The value of a short text or number without the detour over pydicom's types, else None.

    Half of the time of reading a file went there. A number stays text: `float` takes it.
    """
    if not isinstance(element, RawDataElement) or not element.value:
        return None
    vr = element.VR if element.VR not in (None, "UN") else dictionary_VR(element.tag)
    if vr == "US" and len(element.value) == 2:
        return int.from_bytes(element.value, "little" if element.is_little_endian else "big")
    if vr not in _PLAIN_TEXT:
        return None
    values = element.value.decode("ascii").rstrip("\0 ").split("\\")
    return values if len(values) > 1 else values[0]


def _enhanced_sequence(dataset: pydicom.Dataset) -> frozenset[str]:
    """The classic codes of the enhanced MR attributes (PS3.3 C.8.13.4)."""
    echo = text(dataset, "EchoPulseSequence").upper()
    codes = {"SPIN": {"SE"}, "GRADIENT": {"GR"}, "BOTH": {"SE", "GR"}}.get(echo, set())
    if text(dataset, "EchoPlanarPulseSequence").upper() == "YES":
        codes = codes | {"EP"}
    return frozenset(codes)


def enhanced_options(dataset: pydicom.Dataset) -> frozenset[str]:
    """The classic code for fat that was suppressed, or water alone excited (PS3.3 C.8.13.4-5)."""
    suppressed = text(dataset, "SpectrallySelectedSuppression").upper()
    excited = text(dataset, "SpectrallySelectedExcitation").upper()
    return frozenset({"FS"} if "FAT" in suppressed or excited == "WATER" else ())
