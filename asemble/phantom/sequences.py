"""The pulse sequences that a simulated study says it was acquired with.

Grey values are measured ratios (`contrast`); these are the times a scanner would have used, with
the inversion time at which the fat of the clinical specification, section 7, vanishes.
"""

from dataclasses import dataclass

import numpy as np

FAT_T1_MS = {1.5: 230.0, 3.0: 320.0}
"""By field strength in tesla ("Fat (TSE-effective)", unverified [K])."""


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
    if field_t not in FAT_T1_MS:
        raise ValueError(f"field_t must be 1.5 or 3.0, got {field_t}")
    t1 = FAT_T1_MS[field_t]
    return float(t1 * (np.log(2) - np.log1p(np.exp(-tr_ms / t1))))


def t1_sequence(*, field_t: float = 1.5) -> Sequence:
    """The default T1 spin echo."""
    return Sequence(550, 12, field_t=field_t)


def stir_sequence(*, field_t: float = 1.5) -> Sequence:
    """The default STIR, its inversion time derived from the fat."""
    return Sequence(4500, 50, null_ti_ms(4500, field_t=field_t), field_t)
