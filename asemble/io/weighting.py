"""The contrast of a series from its header: the rules, in the order of their trust.

Sources: ASAS-SPARTAN protocol (Lambert, 10.1136/ard-2024-225882): T1 spin echo, and STIR or
fat-suppressed T2; inversion times that null fat: about 140-160 ms at 1.5 T and up to 230 ms at
3 T; times of the codes in PS3.3 C.8.3.1.
"""

import re
from collections.abc import Sequence

from asemble.core.labels import Weighting
from asemble.io.deidentify import words_of
from asemble.io.header import Header

FAT_NULL_TI_MS = (80.0, 260.0)
"""Inversion times that null fat (STIR); longer ones null grey matter (MPRAGE) or water (FLAIR)."""
SHORT_TR_MS = 1000.0
SHORT_TE_MS = 30.0
"""A spin echo with short TR and TE is T1-weighted (simulator default 550/12 ms)."""
FLUID_TE_MS = 25.0
"""A fat-suppressed spin echo with a long TR and at least this TE shows fluid (PD or T2)."""
T1_GRADIENT_TE_MS = 8.0
"""A spoiled gradient echo with a longer TE is T2*-weighted."""

_FAT_SUPPRESSED = frozenset({"FS", "SFS", "FSS_GEMS"})
_WATER_ONLY = frozenset({"W", "WATER"})
_FAT_WORDS = frozenset({"fs", "fatsat", "spair", "spir", "chess", "stir", "tirm", "water"})
_DIXON_OTHER = frozenset({"F", "FAT", "OP", "OPP_PHASE", "OUT_PHASE", "OPPOSED_PHASE"})
_CONTRAST = re.compile(r"(?<![a-z])s?(t[12])w?(?![a-z0-9])", re.IGNORECASE)
_EPI_WORDS = frozenset(
    {"ep", "epi", "dwi", "dti", "diff", "diffusion", "adc", "trace", "fmri", "perf", "swi"}
)


def weighting_of(header: Header) -> Weighting:
    """The weighting that a header shows; `OTHER` where it shows none of the known ones."""
    if not header.is_magnitude or _DIXON_OTHER.intersection(header.kind):
        return Weighting.OTHER
    if "EP" in header.sequence:
        return Weighting.OTHER
    if "IR" in header.sequence and header.ti_ms is not None:
        return _inversion_recovery(header)
    if header.tr_ms is not None and header.te_ms is not None:
        if "SE" in header.sequence:
            return _spin_echo(header, header.tr_ms, header.te_ms)
        if "GR" in header.sequence:
            return _gradient_echo(header, header.te_ms)
    return weighting_of_words(header.description.split())


def weighting_of_words(words: Sequence[str]) -> Weighting:
    """The weighting that words of a protocol name show.

    >>> weighting_of_words(["t2", "tse", "fs", "cor"]), weighting_of_words(["t1", "fs"])
    (<Weighting.FLUID: 'fluid'>, <Weighting.OTHER: 'other'>)
    """
    found = set(words)
    if found & _EPI_WORDS:
        return Weighting.OTHER
    if found & {"stir", "tirm"}:
        return Weighting.FLUID
    suppressed = _names_fat_suppression(found)
    if found & {"t2", "pd"} and suppressed:
        return Weighting.FLUID
    if found & {"t1", "mprage"} and not suppressed and "t2" not in found:
        return Weighting.T1
    return Weighting.OTHER


FROM_NAME = "The weighting was read from the file name ({weighting.heading}): check it."


def weighting_of_name(name: str) -> Weighting:
    """The weighting that the protocol words of a file name show; the name is not kept.

    >>> weighting_of_name("P001_sT1W_tse.nii.gz"), weighting_of_name("cor_STIR.nii")
    (<Weighting.T1: 't1'>, <Weighting.FLUID: 'fluid'>)
    """
    return weighting_of_words(words_of(_CONTRAST.sub(r" \1 ", name)))


def _inversion_recovery(header: Header) -> Weighting:
    low, high = FAT_NULL_TI_MS
    ti_ms = header.ti_ms or 0.0
    if low <= ti_ms <= high:
        return Weighting.FLUID
    if ti_ms < 1400 and header.te_ms is not None and header.te_ms < SHORT_TE_MS:
        return Weighting.T1  # MPRAGE, T1 FLAIR
    return Weighting.OTHER


def _spin_echo(header: Header, tr_ms: float, te_ms: float) -> Weighting:
    suppressed = _is_fat_suppressed(header)
    if tr_ms < SHORT_TR_MS and te_ms < SHORT_TE_MS:
        # Fat-suppressed T1 is dark where the T1 models expect bright fat.
        return Weighting.OTHER if suppressed else Weighting.T1
    if suppressed and te_ms >= FLUID_TE_MS:
        return Weighting.FLUID
    if "stir" in header.description.split() or "tirm" in header.description.split():
        return Weighting.FLUID  # an inversion pulse that ScanningSequence does not mention
    return Weighting.OTHER


def _gradient_echo(header: Header, te_ms: float) -> Weighting:
    if _is_fat_suppressed(header) or te_ms > T1_GRADIENT_TE_MS:
        return Weighting.OTHER
    if "SP" in header.variant or "MP" in header.variant:
        return Weighting.T1
    return weighting_of_words(header.description.split())


def _is_fat_suppressed(header: Header) -> bool:
    words = set(header.description.split())
    return bool(
        _FAT_SUPPRESSED & header.options
        or _WATER_ONLY & set(header.kind)
        or _names_fat_suppression(words)
    )


def _names_fat_suppression(words: set[str]) -> bool:
    pairs = ({"fat", "sat"}, {"dixon", "w"}, {"mdixon", "w"})
    return bool(_FAT_WORDS & words) or any(pair <= words for pair in pairs)
