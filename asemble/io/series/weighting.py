"""The contrast of a series from its header: the rules, in the order of their trust.

Sources: ASAS-SPARTAN protocol (Lambert, 10.1136/ard-2024-225882): T1 spin echo, and STIR or
fat-suppressed T2; inversion times that null fat: about 140-160 ms at 1.5 T and up to 230 ms at
3 T; times of the codes in PS3.3 C.8.3.1.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum

from asemble.core.labels import Weighting
from asemble.io.dicom.deidentify import words_of
from asemble.io.dicom.header import Header

FAT_NULL_TI_MS = (80.0, 260.0)
"""Inversion times that null fat (STIR); longer ones null grey matter (MPRAGE) or water (FLAIR)."""
SHORT_TR_MS = 1000.0
SHORT_TE_MS = 30.0
"""A spin echo with short TR and TE is T1-weighted (simulator default 550/12 ms)."""
FLUID_TE_MS = 25.0
"""A fat-suppressed spin echo with a long TR and at least this TE shows fluid (PD or T2)."""
T1_GRADIENT_TE_MS = 8.0
"""A spoiled gradient echo with a longer TE is T2*-weighted."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FAT_SUPPRESSED = _set("FS SFS FSS_GEMS FATSAT FAT_SAT SPIR SPAIR")
_FAT_WORDS = _set(
    "fs fatsat fsat fatsupp fatsuppression fettsat spair spir aspir chess stir tirm proset watex "
    "wexc wats graisse grasa grasso gordura vetsuppressie"
)
_CONTRAST = re.compile(r"(?<![a-z])s?(t[12])w?(?![a-z0-9])", re.IGNORECASE)
_SUBJECT = re.compile(r"(?<![a-z])sub-[a-z0-9]+", re.IGNORECASE)
"""Who was imaged, in file names of the Brain Imaging Data Structure; no subtraction."""

_COMPUTED_KINDS = _set(
    "DIFFUSION DWI DTI TRACE TRACEW ADC_MAP FA_MAP TENSOR IVIM SUBTRACTION SUBTRACTED SUB "
    "SUBTRACT MIP MINIP MNIP MAX_IP MIN_IP PROJECTION_IMAGE PERFUSION ASL CBF CBV RELCBF RELCBV "
    "MTT RELMTT TTP TMAX SWI SWAN TOF ANGIO MRA FMRI BOLD R2_STAR R2STAR T1MAP T2MAP T1_MAP "
    "T2_MAP T2STAR_MAP"
)
_COMPUTED_WORDS = _set(
    "ep epi dwi dti diff diffusion adc eadc trace tracew ivim dwibs resolve fmri perf "
    "perfusion asl dsc dce swi swan swip tof mra pca angio mip minip sub subtraction fieldmap "
    "b0map map mapping difusion difusao diffusione diffusie diffusions diffusionsgewichtet "
    "subtraktion soustraction sustraccion sottrazione subtracao subtractie"
)
"""What shows diffusion, vessels, perfusion or a computed quantity, not tissue as STIR does."""
_NOT_STIR = _set(
    "DIFFUSION PERFUSION FLOW_ENCODED FLUID_ATTENUATED TAGGING T2_STAR MAGNETIZATION_TRANSFER "
    "TIME_OF_FLIGHT"
)
"""AcquisitionContrast (PS3.3 C.8.13.3.1) of what is neither T1 nor fluid-sensitive."""
_B_VALUE = re.compile(r"b\d{1,4}", re.ASCII)


class _Dixon(Enum):
    """Which of the images that a Dixon series computes; only water is fluid-sensitive."""

    WATER = "W WATER"
    FAT = "F FAT FAT_ONLY FATONLY LIPID"
    IN_PHASE = "IP IN IN_PHASE INPHASE"
    OPPOSED = "OP OUT OPP OPPOSED OPP_PHASE OUT_PHASE OUTPHASE OUT_OF_PHASE OPPOSED_PHASE"
    FRACTION = "FF FAT_FRACTION FATFRACTION FATFRAC FAT_FRAC PDFF WATER_FRACTION WF FAT_PERCENT"


_DIXON_KINDS = {kind: part for part in _Dixon for kind in part.value.split()}
_DIXON_NAMES = _set("dixon mdixon qdixon flex ideal")
_DIXON_WORDS = (
    # the first that fits; of a series that no word calls Dixon, the unmistakable ones alone
    (_Dixon.FRACTION, ({"ff"}, {"pdff"}, {"fraction"}), ({"pdff"}, {"fat", "fraction"})),
    (_Dixon.OPPOSED, ({"op"}, {"opp"}, {"out"}, {"outphase"}, {"opposed"}),
     ({"outphase"}, {"opposed", "phase"}, {"out", "phase"}, {"opp", "phase"})),
    (_Dixon.IN_PHASE, ({"ip"}, {"in"}, {"inphase"}), ({"inphase"}, {"in", "phase"})),
    (_Dixon.FAT, ({"f"}, {"fat"}), ()),  # before water: "T2W" ends in a w
    (_Dixon.WATER, ({"w"}, {"water"}), ({"water"},)),
)  # fmt: skip


def weighting_of(header: Header) -> Weighting:
    """The weighting that a header shows; `OTHER` where it shows none of the known ones."""
    words = header.description.split()
    kinds = [re.sub(r"[^A-Z0-9]+", "_", kind) for kind in header.kind]
    is_computed = bool(_COMPUTED_KINDS.intersection(kinds)) or _names_computed(words)
    if not header.is_magnitude or header.is_diffusion or is_computed:
        return Weighting.OTHER
    if "EP" in header.sequence or header.contrast in _NOT_STIR:
        return Weighting.OTHER
    part = next((_DIXON_KINDS[kind] for kind in kinds if kind in _DIXON_KINDS), None)
    part = part or _dixon_of_words(set(words))
    if part in (_Dixon.FAT, _Dixon.OPPOSED, _Dixon.FRACTION):
        return Weighting.OTHER
    found = _by_sequence(header, is_water=part is _Dixon.WATER)
    return Weighting.OTHER if found is Weighting.FLUID and part is _Dixon.IN_PHASE else found


def _by_sequence(header: Header, *, is_water: bool) -> Weighting:
    """By codes and times, and by words where these are missing."""
    if header.contrast == "STIR":
        return Weighting.FLUID
    if "IR" in header.sequence and header.ti_ms is not None:
        return _inversion_recovery(header)
    if header.tr_ms is not None and header.te_ms is not None:
        if "SE" in header.sequence:
            return _spin_echo(header, header.tr_ms, header.te_ms, is_water=is_water)
        if "GR" in header.sequence:
            return _gradient_echo(header, header.te_ms, is_water=is_water)
    return weighting_of_words([*header.description.split(), *(["water"] if is_water else [])])


def weighting_of_words(words: Sequence[str]) -> Weighting:
    """The weighting that words of a protocol name show.

    >>> weighting_of_words(["t2", "tse", "fs", "cor"]), weighting_of_words(["t1", "fs"])
    (<Weighting.FLUID: 'fluid'>, <Weighting.OTHER: 'other'>)
    """
    found = set(words)
    if _names_computed(words) or _dixon_of_words(found) not in (None, _Dixon.WATER):
        return Weighting.OTHER
    if found & {"stir", "tirm"}:
        return Weighting.FLUID
    suppressed = _names_fat_suppression(found)
    if found & {"t2", "st2", "pd", "dp"} and suppressed and "flair" not in found:
        return Weighting.FLUID
    if found & {"t1", "st1", "mprage"} and not suppressed and not found & {"t2", "st2"}:
        return Weighting.T1
    return Weighting.OTHER


FROM_NAME = "The weighting was read from the file name ({weighting.heading}): check it."


def weighting_of_name(name: str) -> Weighting:
    """The weighting that the protocol words of a file name show; the name is not kept.

    >>> weighting_of_name("P001_sT1W_tse.nii.gz"), weighting_of_name("cor_STIR.nii")
    (<Weighting.T1: 't1'>, <Weighting.FLUID: 'fluid'>)
    """
    return weighting_of_words(words_of(_CONTRAST.sub(r" \1 ", _SUBJECT.sub(" ", name))))


def _inversion_recovery(header: Header) -> Weighting:
    low, high = FAT_NULL_TI_MS
    ti_ms = header.ti_ms or 0.0
    if low <= ti_ms <= high:
        return Weighting.FLUID
    if ti_ms < 1400 and header.te_ms is not None and header.te_ms < SHORT_TE_MS:
        return Weighting.T1  # MPRAGE, T1 FLAIR
    return Weighting.OTHER


def _spin_echo(header: Header, tr_ms: float, te_ms: float, *, is_water: bool) -> Weighting:
    suppressed = is_water or _is_fat_suppressed(header)
    if tr_ms < SHORT_TR_MS and te_ms < SHORT_TE_MS:
        # Fat-suppressed T1 is dark where the T1 models expect bright fat.
        return Weighting.OTHER if suppressed else Weighting.T1
    if suppressed and te_ms >= FLUID_TE_MS:
        is_attenuated = "flair" in header.description.split()
        return Weighting.OTHER if is_attenuated else Weighting.FLUID
    if "stir" in header.description.split() or "tirm" in header.description.split():
        return Weighting.FLUID  # an inversion pulse that ScanningSequence does not mention
    return Weighting.OTHER


def _gradient_echo(header: Header, te_ms: float, *, is_water: bool) -> Weighting:
    if is_water or _is_fat_suppressed(header) or te_ms > T1_GRADIENT_TE_MS:
        return Weighting.OTHER
    if "SP" in header.variant or "MP" in header.variant:
        return Weighting.T1
    return weighting_of_words(header.description.split())


def _is_fat_suppressed(header: Header) -> bool:
    words = set(header.description.split())
    return bool(_FAT_SUPPRESSED & header.options) or _names_fat_suppression(words)


def _names_fat_suppression(words: set[str]) -> bool:
    return (
        bool(_FAT_WORDS & words)
        or {"fat", "sat"} <= words
        or (_dixon_of_words(words) is _Dixon.WATER)
    )


def _names_computed(words: Iterable[str]) -> bool:
    return any(word in _COMPUTED_WORDS or _B_VALUE.fullmatch(word) for word in words)


def _dixon_of_words(words: set[str]) -> _Dixon | None:
    """Which Dixon image a name says, if any; "fat sat" names no image of fat."""
    words = words - {"fat"} if words & {"sat", "fs"} else words
    named = bool(words & _DIXON_NAMES)
    for part, of_dixon, of_any in _DIXON_WORDS:
        if any(each <= words for each in (of_dixon if named else of_any)):
            return part
    return None
