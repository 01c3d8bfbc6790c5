"""Tissue properties, signal equations, and how bright each tissue is in one examination.

Properties are those of the clinical specification, section 7; the equations are spin echo and
inversion recovery with signed water and fat terms, taken to magnitude. The idealised STIR
equation makes oedema four times as bright as marrow, where real scans show 1.1 to 2.3, so an
examination draws its STIR ratios from what was measured on patients wherever that is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from asemble.core.labels import Weighting
from asemble.phantom.noise import Field


class Tissue(StrEnum):
    """What a voxel can be made of."""

    MARROW = "marrow"
    FAT = "fat"
    OEDEMA = "oedema"
    MUSCLE = "muscle"
    CARTILAGE = "cartilage"
    FLUID = "fluid"
    CSF = "csf"
    DISC = "disc"
    BLOOD = "blood"
    SCLEROSIS = "sclerosis"
    CORTEX = "cortex"
    LIGAMENT = "ligament"
    ORGAN = "organ"


@dataclass(frozen=True, slots=True)
class Properties:
    """Relaxation of the water of a tissue, and its fat fraction.

    Args:
        pd: proton density relative to water.
        t1_ms: at 1.5 T and 3 T.
        t2_ms: at 1.5 T and 3 T.
        fat_fraction: 0 to 1.
    """

    pd: float
    t1_ms: tuple[float, float]
    t2_ms: tuple[float, float]
    fat_fraction: float = 0.0


FAT_WATERLESS = Properties(0.95, (230, 320), (100, 95), 0.0)
"""The fat component itself ("Fat (TSE-effective)", unverified [K])."""

PROPERTIES: Mapping[Tissue, Properties] = {
    Tissue.MARROW: Properties(0.85, (800, 950), (45, 40), 0.50),
    Tissue.FAT: Properties(0.85, (800, 950), (45, 40), 1.0),
    Tissue.OEDEMA: Properties(0.95, (1300, 1600), (100, 95), 0.15),
    Tissue.MUSCLE: Properties(0.80, (1000, 1300), (35, 32)),
    Tissue.CARTILAGE: Properties(0.72, (1060, 1240), (42, 37)),
    Tissue.FLUID: Properties(1.0, (2850, 3600), (1000, 800)),
    Tissue.CSF: Properties(1.0, (4000, 4200), (2000, 2000)),
    Tissue.DISC: Properties(0.80, (1000, 1200), (90, 85)),
    Tissue.BLOOD: Properties(0.90, (1441, 1900), (250, 200)),
    Tissue.SCLEROSIS: Properties(0.30, (700, 850), (30, 28)),
    Tissue.CORTEX: Properties(0.05, (250, 250), (1, 1)),
    Tissue.LIGAMENT: Properties(0.35, (900, 1100), (15, 13)),
    Tissue.ORGAN: Properties(0.85, (1100, 1400), (70, 60)),
}
"""Clinical specification, section 7 (unverified [K] there unless noted); ligament and pelvic organ
are our own estimates between its rows."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A spin echo (`ti_ms` None) or an inversion recovery.

    Args:
        tr_ms: repetition time.
        te_ms: echo time.
        ti_ms: inversion time.
        field_t: 1.5 or 3.
    """

    tr_ms: float
    te_ms: float
    ti_ms: float | None = None
    field_t: float = 1.5


def null_ti_ms(tr_ms: float, *, field_t: float = 1.5) -> float:
    """The inversion time at which fat vanishes: T1 (ln 2 - ln(1 + exp(-TR / T1)))."""
    t1 = FAT_WATERLESS.t1_ms[_field(field_t)]
    return float(t1 * (np.log(2) - np.log1p(np.exp(-tr_ms / t1))))


def t1_sequence(*, field_t: float = 1.5) -> Sequence:
    """The default T1 spin echo."""
    return Sequence(550, 12, field_t=field_t)


def stir_sequence(*, field_t: float = 1.5) -> Sequence:
    """The default STIR, its inversion time derived from the simulated fat."""
    return Sequence(4500, 50, null_ti_ms(4500, field_t=field_t), field_t)


def signal(tissue: Tissue, sequence: Sequence, *, fat_fraction: float | None = None) -> float:
    """Magnitude signal of a tissue, with its own fat fraction or the one given.

    >>> marrow = signal(Tissue.MARROW, stir_sequence())
    >>> round(signal(Tissue.OEDEMA, stir_sequence()) / marrow, 1)
    4.1
    """
    properties = PROPERTIES[tissue]
    share = properties.fat_fraction if fat_fraction is None else fat_fraction
    water, fat = _component(properties, sequence), _component(FAT_WATERLESS, sequence)
    return abs((1 - share) * water + share * fat)


def _component(properties: Properties, sequence: Sequence) -> float:
    at = _field(sequence.field_t)
    t1, t2 = properties.t1_ms[at], properties.t2_ms[at]
    recovered = 1 - np.exp(-sequence.tr_ms / t1)
    if sequence.ti_ms is not None:
        recovered = 1 - 2 * np.exp(-sequence.ti_ms / t1) + np.exp(-sequence.tr_ms / t1)
    return float(properties.pd * recovered * np.exp(-sequence.te_ms / t2))


def _field(field_t: float) -> int:
    if field_t not in (1.5, 3.0):
        raise ValueError(f"field_t must be 1.5 or 3.0, got {field_t}")
    return int(field_t == 3.0)


MEASURED_STIR_RATIOS: dict[Tissue, tuple[float, float]] = {
    Tissue.MUSCLE: (0.45, 1.1),
    Tissue.FAT: (0.35, 0.9),
    Tissue.CORTEX: (0.12, 0.35),
    Tissue.CSF: (4.0, 8.0),
    Tissue.BLOOD: (1.8, 4.5),
    Tissue.DISC: (0.6, 2.8),
    Tissue.ORGAN: (0.9, 2.0),
    Tissue.CARTILAGE: (0.3, 1.1),
    Tissue.SCLEROSIS: (0.25, 0.6),
    Tissue.LIGAMENT: (0.2, 0.6),
}
"""Ranges of STIR signal relative to sacral marrow that carried over to real semicoronal scans of
eight patients (sclerosis and ligament: our estimates from the same images' descriptions)."""

ILIUM_STIR_RANGE = (0.65, 1.6)
"""Marrow of the ilium relative to that of the sacrum, same measurement."""

T1_SPREAD = 0.12
"""Standard deviation of log signal around the T1 equation, by tissue and case."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """Signal of each tissue relative to sacral marrow in one examination.

    Args:
        ratios: by weighting and tissue.
        ilium: marrow of the right and left ilium relative to the sacrum's, by weighting.
    """

    ratios: Mapping[Weighting, Mapping[Tissue, float]]
    ilium: Mapping[Weighting, tuple[float, float]]


def sample_appearance(
    rng: np.random.Generator, *, field_t: float, suppressed_fat: tuple[float, float]
) -> Appearance:
    """Draw how one examination looks.

    Args:
        rng: source of chance.
        field_t: 1.5 or 3.
        suppressed_fat: range of fat's STIR signal, in place of the measured one.
    """
    stir = _equation_ratios(stir_sequence(field_t=field_t))
    for tissue, (low, high) in (MEASURED_STIR_RATIOS | {Tissue.FAT: suppressed_fat}).items():
        stir[tissue] = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    t1 = {
        tissue: ratio * float(np.exp(rng.normal(0, T1_SPREAD)))
        for tissue, ratio in _equation_ratios(t1_sequence(field_t=field_t)).items()
    }
    ilium = float(np.exp(rng.uniform(*np.log(ILIUM_STIR_RANGE))))
    return Appearance(
        ratios={Weighting.FLUID: stir, Weighting.T1: t1},
        ilium={
            Weighting.FLUID: _two_sides(rng, ilium),
            Weighting.T1: _two_sides(rng, float(rng.uniform(0.85, 1.2))),
        },
    )


def values_of(
    look: Appearance, tissue: Tissue, factor: Field | float = 1.0
) -> dict[Weighting, Field | float]:
    """Signal of a tissue by weighting, times a factor."""
    return {weighting: ratios[tissue] * factor for weighting, ratios in look.ratios.items()}


def _equation_ratios(sequence: Sequence) -> dict[Tissue, float]:
    marrow = signal(Tissue.MARROW, sequence)
    return {tissue: signal(tissue, sequence) / marrow for tissue in Tissue}


def _two_sides(rng: np.random.Generator, value: float) -> tuple[float, float]:
    right, left = value * rng.uniform(0.93, 1.07, size=2)
    return float(right), float(left)
