"""What a DICOM object is, by its SOP class, for the sentence that leaves it out."""

from pydicom import uid

MR_CLASSES = frozenset(
    {
        uid.MRImageStorage,
        uid.EnhancedMRImageStorage,
        uid.EnhancedMRColorImageStorage,
        uid.LegacyConvertedEnhancedMRImageStorage,
    }
)
SECONDARY_CAPTURES = frozenset(
    {
        uid.SecondaryCaptureImageStorage,
        uid.MultiFrameSingleBitSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
"""Pictures of a screen or a document, in grey or colour, one or several."""

_DOCUMENTS = (
    ("SR Storage", "a structured report"),
    ("Key Object Selection", "a list of key images"),
    ("Procedure Log", "a procedure log"),
    ("Content Assessment", "a structured report"),
    ("Encapsulated PDF", "a PDF document"),
    ("Encapsulated CDA", "a text document"),
    ("Encapsulated", "a 3D model"),
    ("Presentation State", "a presentation state (how a workstation showed the images)"),
    ("Structured Display", "a presentation state (how a workstation showed the images)"),
    ("Hanging Protocol", "a presentation state (how a workstation showed the images)"),
    ("Raw Data", "raw data of the scanner"),
    ("Spectroscopy", "an MR spectrum"),
    ("Registration", "a registration between images"),
    ("Fiducials", "a registration between images"),
    ("Surface", "a surface model"),
    ("Segmentation", "a segmentation"),
    ("Tractography", "a set of nerve fibres"),
    ("Parametric Map", "a map of computed values"),
    ("Real World Value", "a table of values"),
    ("Waveform", "a recording over time, such as an ECG"),
    ("Procedure Protocol", "a scan protocol"),
    ("RT Image", "a radiotherapy image"),
    ("RT Dose", "a radiotherapy dose"),
    ("RT ", "a radiotherapy plan or record"),
    ("Radiation", "a radiotherapy plan or record"),
    ("Standalone", "an overlay or a table without an image"),
)
_IMAGES = (
    ("CT Image", "CT (computed tomography)"),
    ("Computed Radiography", "a radiograph"),
    ("Mammography", "a mammogram"),
    ("Breast", "a mammogram"),
    ("Angiographic", "angiography"),
    ("XA ", "angiography"),
    ("X-Ray", "a radiograph"),
    ("XRF", "a radiograph"),
    ("Ultrasound", "ultrasound"),
    ("US Volume", "ultrasound"),
    ("Nuclear Medicine", "scintigraphy"),
    ("Positron", "PET (positron emission tomography)"),
    ("PET Image", "PET (positron emission tomography)"),
    ("VL ", "a photograph or a video"),
    ("Photograph", "a photograph or a video"),
    ("Video", "a photograph or a video"),
    ("Ophthalmic", "an image of the eye"),
)
"""Words of the names in PS3.6 table A-1; the first that fits decides."""

_MODALITIES = {
    "CT": "CT (computed tomography)",
    "CR": "a radiograph",
    "DX": "a radiograph",
    "US": "ultrasound",
    "PT": "PET (positron emission tomography)",
    "NM": "scintigraphy",
    "MG": "a mammogram",
    "XA": "angiography",
    "SEG": "a segmentation",
    "SR": "a structured report",
    "DOC": "a document",
    "PR": "a presentation state (how a workstation showed the images)",
    "KO": "a list of key images",
    "RTDOSE": "a radiotherapy dose",
}


def document_of(sop_class: str) -> str | None:
    """What an object is that holds no image, by its SOP class; None for images and the unknown.

    >>> document_of("1.2.840.10008.5.1.4.1.1.104.1"), document_of("1.2.840.10008.5.1.4.1.1.4")
    ('a PDF document', None)
    """
    return None if sop_class in MR_CLASSES else _first_match(_DOCUMENTS, sop_class)


def other_image_of(sop_class: str, modality: str) -> str | None:
    """What an image is that is not MR, by its SOP class or else its modality; None for MR.

    A class of MR holds against a modality that names no other kind, such as OT.

    >>> other_image_of("1.2.840.10008.5.1.4.1.1.128", "PT")
    'PET (positron emission tomography)'
    """
    if sop_class in MR_CLASSES:
        return _MODALITIES.get(modality)
    named = _first_match(_IMAGES, sop_class)
    if named is not None or modality in ("MR", ""):
        return named
    return _MODALITIES.get(modality, "another kind of image")


def _first_match(table: tuple[tuple[str, str], ...], sop_class: str) -> str | None:
    name = uid.UID(sop_class).name  # the UID itself where the standard does not name it
    if name == sop_class:
        return None
    return next((phrase for words, phrase in table if words in name), None)
