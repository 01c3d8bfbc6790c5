"""The door: the attributes that are kept from a DICOM file; everything else is never read.

A file is parsed with `KEPT` as the only elements to load, so that names, dates, numbers and free
text stay behind in the bytes. The exception is `asemble.io.patients`, which compares the patients
of the files and keeps nothing. Of the two free texts that are used, only known words pass.
The UIDs are needed to tell series apart and are turned into digests at once.
"""

import hashlib
import re
from collections.abc import Iterable

KEPT = (
    # what kind of object it is
    "SOPClassUID", "Modality", "ImageType", "BodyPartExamined", "SeriesDescription",
    "ImageComments", "ComplexImageComponent", "BurnedInAnnotation", "ConversionType",
    # which images belong together; UIDs leave `group_digest` as digests only
    "SeriesInstanceUID", "SOPInstanceUID", "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
    "TemporalPositionIdentifier", "EchoNumbers", "TriggerTime", "DiffusionBValue", "StackID",
    "DimensionIndexSequence", "ImagesInAcquisition", "FrameOfReferenceUID",
    "FrameIncrementPointer", "NumberOfTemporalPositions", "SliceLocation",
    # how it was acquired
    "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType",
    "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle",
    "EchoPulseSequence", "EchoPlanarPulseSequence", "InversionRecovery", "InversionTimes",
    "SpectrallySelectedSuppression",
    # where it lies
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    # the pixels
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "RescaleSlope", "RescaleIntercept", "PixelData", "FloatPixelData", "DoubleFloatPixelData",
    "LossyImageCompression",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)  # fmt: skip
"""Public attributes by keyword (PS3.6)."""

KEPT_PRIVATE = (
    0x00190010, 0x0019100A,  # SIEMENS MR HEADER: number of images in a mosaic
    0x00290010, 0x00291010, 0x00290011, 0x00291110,  # SIEMENS CSA HEADER, image
    0x00650010, 0x00651050, 0x00651051,  # United Imaging: number and places of the tiles
)  # fmt: skip
"""Private elements, each under the creator listed before it."""

_WORDS = (
    "t1 t2 st1 st2 t2star pd dp stir tirm ir tse fse se ge gre ffe spgr flash vibe lava thrive "
    "fiesta trufi bssfp space cube vista mprage mp rage tfe fs fat sat fatsat spair spir chess "
    "dixon mdixon flex ideal water w f ip op opp in phase inphase outphase cor coronal sag "
    "sagittal ax axial tra transverse obl oblique para semi semicoronal semiaxial coronaloblique "
    "sij si sijs isg ksg "
    "coronale coronaal paracor paracoronal semicor kor koronar koronal parakoronar semikoronar "
    "frontal frontale axiale axiaal paraaxial semiax trans transv transversal transversale "
    "trasversale paratransversal sagital sagittale sagittaal parasagittal "
    "joint joints sacrum sacral sacroiliac iliosacral pelvis hip hips spine lspine lumbar lws lwk "
    "bws hws whole body 2d 3d 2nd iso hr hires high res fast turbo medic dess epi ep dwi dti diff "
    "diffusion adc trace b0 b50 b800 b1000 fa map field fieldmap b0map mag phase perf perfusion "
    "fmri dyn dynamic gd gado pre contrast km nativ native flair swi mra tof "
    "localizer localiser scout survey loc plan mpr mip recon reformat sub subtraction norm dis2d "
    "dis3d filt filtered propeller blade multivane radial sense grappa accelerated acc breath "
    "hold bh left right bilateral both upper lower synthetic "
    "magic syntac mavric"
)
PROTOCOL_WORDS = frozenset(_WORDS.split())
"""Words of protocol names in English and German; nothing that could be a name."""

_PARTS = (
    "ABDOMEN ABDOMENPELVIS ANKLE ARM BACK BODY BRAIN BREAST CHEST COCCYX CSPINE CTSPINE ELBOW "
    "EXTREMITY FEMUR FINGER FOOT FOREARM HAND HEAD HEADNECK HEART HIP HUMERUS ILIUM JAW KIDNEY "
    "KNEE LEG LIVER LOWERLEG LSPINE LSSPINE LUMBAR NECK ORBIT PANCREAS PELVIS PHANTOM PROSTATE "
    "RIB SACRUM SACROILIAC SCAPULA SHOULDER SIJOINT SIJOINTS SKULL SPINE SSPINE THIGH THORAX "
    "TIBIA TIBIAFIBULA TMJ TOE TLSPINE TSPINE UTERUS WHOLEBODY WHOLESPINE WRIST"
)
BODY_PARTS = frozenset(_PARTS.split())
"""Body parts of PS3.16 annex L and frequent spellings, without spaces and underscores."""

_TOKEN = re.compile(r"[a-z]+\d*|\d+[a-z]*", re.ASCII)
_MEASURE = re.compile(r"\d|\d{1,3}(mm|cm|ms|deg|t)", re.ASCII)
"""A digit, or a number with its unit. A bare number of two digits could be part of a date."""


def clean_description(text: str) -> str:
    """The protocol words of a description in lower case; unknown words are dropped.

    Single digits and numbers with a unit stay; longer ones could be an age, an ID or a date.

    >>> clean_description("STIR_cor_obl SIJ 4mm^Smith^Jane 12.03.1970")
    'stir cor obl sij 4mm'
    """
    return " ".join(words_of(text))


def words_of(text: str) -> list[str]:
    """The protocol words in `text`, in order, repeats dropped.

    >>> words_of("t2_tse_fs_tra")
    ['t2', 'tse', 'fs', 'tra']
    """
    tokens = _TOKEN.findall(text.lower().replace("mp-rage", "mprage"))
    kept = (t for t in tokens if t in PROTOCOL_WORDS or _MEASURE.fullmatch(t))
    return list(dict.fromkeys(kept))


def clean_body_part(text: str) -> str:
    """A known body part in upper case, or nothing.

    >>> clean_body_part("si_joint"), clean_body_part("MRS SMITH")
    ('SIJOINT', '')
    """
    part = re.sub(r"[^A-Z]", "", text.upper())
    return part if part in BODY_PARTS else ""


def says_synthetic(texts: Iterable[str]) -> bool:
    """Whether any text says that the image was simulated."""
    return any("SYNTHETIC" in text.upper() for text in texts)


def group_digest(*values: str) -> str:
    """A digest that groups images without carrying the values; lives in memory only.

    >>> group_digest("1.2.3") == group_digest("1.2.3"), "1.2.3" in group_digest("1.2.3")
    (True, False)
    """
    return hashlib.sha256("\0".join(values).encode()).hexdigest()
