"""De-identification: the attributes that are kept from a DICOM file; nothing else is read.

A file is parsed with `KEPT` as the only elements to load, so that names, dates, numbers and free
text stay behind in the bytes. The exceptions are `patients` and `dates` beside it, which compare
whose the files are and of which day, and keep digests. Of the two free texts that are used, only
known words pass. The UIDs are needed to tell series apart and are turned into digests at once.
"""

import hashlib
import re
import unicodedata

from asemble.core.labels import SIMULATED_COMMENT, SIMULATOR

KEPT = (
    # what kind of object it is
    "SOPClassUID", "Modality", "ImageType", "BodyPartExamined", "SeriesDescription",
    "ImageComments", "ComplexImageComponent", "BurnedInAnnotation", "ConversionType",
    "Manufacturer", "SpecificCharacterSet",
    # which images belong together; UIDs leave `group_digest` as digests only
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
    "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
    "TemporalPositionIdentifier", "EchoNumbers", "TriggerTime", "DiffusionBValue", "StackID",
    "DimensionIndexSequence", "ImagesInAcquisition", "FrameOfReferenceUID",
    "FrameIncrementPointer", "NumberOfTemporalPositions", "SliceLocation",
    # how it was acquired
    "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType",
    "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle", "SequenceName",
    "PulseSequenceName", "AcquisitionContrast", "DiffusionDirectionality",
    "VolumeBasedCalculationTechnique",
    "EchoPulseSequence", "EchoPlanarPulseSequence", "InversionRecovery", "InversionTimes",
    "SpectrallySelectedSuppression",
    # where it lies
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    # the pixels
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence",
    "RealWorldValueMappingSequence",
    "RescaleSlope", "RescaleIntercept", "PixelData", "FloatPixelData", "DoubleFloatPixelData",
    "LossyImageCompression",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)  # fmt: skip
"""Public attributes by keyword (PS3.6)."""

OVERLAY_GROUPS = range(0x60000000, 0x60200000, 0x20000)
"""Groups of overlays, of which only OverlayBitsAllocated and OverlayBitPosition are kept."""

KEPT_PRIVATE = (
    0x00190010, 0x0019100A, 0x0019100C,  # SIEMENS MR HEADER: images in a mosaic, b value
    0x00290010, 0x00291010, 0x00290011, 0x00291110,  # SIEMENS CSA HEADER, image
    0x00430010, 0x00431039,  # GEMS_PARM_01: b value
    0x20010010, 0x20011003, 0x20011020,  # Philips Imaging DD 001: b value, technique
    0x00650010, 0x00651050, 0x00651051,  # United Imaging: number and places of the tiles
)  # fmt: skip
"""Private elements, each under the creator listed before it."""

_WORDS = (
    "t1 t2 st1 st2 t2star pd dp stir tirm ir tse fse se ge gre ffe spgr flash vibe lava thrive "
    "fiesta trufi bssfp space cube vista mprage mp rage tfe fs fat sat fatsat spair spir chess "
    "dixon mdixon flex ideal water w f ip op opp in phase inphase outphase cor coronal sag "
    "sagittal ax axial tra transverse obl oblique para semi semicoronal semiaxial "
    "coronaloblique sij si sijs isg ksg coronale coronaal paracor paracoronal semicor kor "
    "koronar koronal parakoronar semikoronar frontal frontale axiale axiaal paraaxial semiax "
    "trans transv transversal transversale trasversale paratransversal sagital sagittale "
    "sagittaal parasagittal joint joints sacrum sacral sacroiliac iliosacral pelvis hip hips "
    "spine lspine lumbar lws lwk bws hws whole body 2d 3d 2nd iso hr hires high res fast turbo "
    "medic dess epi ep dwi dti diff diffusion adc eadc trace tracew ivim dwibs resolve b0 b50 "
    "b100 b150 b200 b300 b400 b500 b600 b700 b800 b900 b1000 b1200 b1400 b1500 b2000 fa map "
    "mapping field fieldmap b0map mag perf perfusion fmri dyn dynamic gd gado pre contrast km "
    "nativ native flair swi mra tof localizer localiser scout survey loc plan mpr mip recon "
    "reformat sub subtraction norm dis2d dis3d filt filtered propeller blade multivane radial "
    "sense grappa accelerated acc breath hold bh left right bilateral both upper lower "
    "synthetic magic syntac mavric asl dsc dce swan swip pca angio minip fsat fatsupp "
    "fatsuppression fettsat aspir proset watex wexc wats graisse grasa vetsuppressie qdixon "
    "pdff ff fraction opposed out difusion difusao diffusione diffusie diffusions "
    "diffusionsgewichtet subtraktion soustraction sustraccion sottrazione subtracao subtractie "
    "grasso gordura koronalna coronais transversaal assiale axiais aksial poprzeczna sagitais"
)
PROTOCOL_WORDS = frozenset(_WORDS.split())
"""Words of protocol names, in English and some of other languages; nothing that could be a name."""

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
    """The protocol words in `text`, in order, repeats dropped; a count behind one is dropped too.

    Accents do not count.

    >>> words_of("t2_tse_fs_tra3")
    ['t2', 'tse', 'fs', 'tra']
    """
    letters = unicodedata.normalize("NFKD", text.lower())  # accents apart
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    tokens = _TOKEN.findall(plain.replace("mp-rage", "mprage"))
    kept = (
        token if token in PROTOCOL_WORDS or _MEASURE.fullmatch(token) else _counted(token)
        for token in tokens
    )
    return list(dict.fromkeys(word for word in kept if word))


def _counted(token: str) -> str:
    """The word of "cor2"; shorter ones are left with their number, which makes them others."""
    word = token.rstrip("0123456789")
    return word if len(word) > 2 and word in PROTOCOL_WORDS else ""


def clean_body_part(text: str) -> str:
    """A known body part in upper case, or nothing.

    >>> clean_body_part("si_joint"), clean_body_part("MRS SMITH")
    ('SIJOINT', '')
    """
    part = re.sub(r"[^A-Z]", "", text.upper())
    return part if part in BODY_PARTS else ""


def is_simulated(manufacturer: str, comments: str) -> bool:
    """Whether a file bears the marking of our own simulator.

    "Synthetic" alone is none: scanners compute synthetic contrasts of patients.

    >>> is_simulated("asemble simulator", ""), is_simulated("GE", "Synthetic STIR")
    (True, False)
    """
    return manufacturer == SIMULATOR or comments == SIMULATED_COMMENT


def group_digest(*values: str) -> str:
    """A digest that groups images without carrying the values; lives in memory only.

    >>> group_digest("1.2.3") == group_digest("1.2.3"), "1.2.3" in group_digest("1.2.3")
    (True, False)
    """
    return hashlib.sha256("\0".join(values).encode()).hexdigest()
