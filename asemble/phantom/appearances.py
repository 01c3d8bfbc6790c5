"""How examinations may differ: the ranges that training samples, and those that it never does.

`TRAINING` holds what carried over to real scans (simulator notes; see the modules that read each
range). Every entry of `HELD_OUT` replaces some of it by values outside, one kind of difference
an entry, so that a network is measured on what it has never seen. The lesions of held-out
appearances keep the size, depth and brightness measured on patients: nothing is made easier.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from asemble.phantom.pelvis import USUAL_SPREAD

Span = tuple[float, float]
"""Least and greatest value."""


class Ingredient(StrEnum):
    """Parts of the simulator that can be left out, to measure what each is worth."""

    DISTRACTORS = "distractors"
    TEXTURE = "texture"
    ACQUISITION = "acquisition"
    BACKGROUND_SCLEROSIS = "background sclerosis"
    RED_MARROW = "red marrow"
    JOINT_LINE = "joint-line lesions"


@dataclass(frozen=True, slots=True)
class Ranges:
    """What is drawn for one examination, uniformly unless said otherwise.

    Args:
        field_t: field strengths.
        fields_of_view_mm: (narrow, wide) protocols, 60% and 40%.
        matrices: rows and columns of a slice.
        thickness_mm: of a slice.
        slices: in a stack.
        noise: Rician sigma relative to marrow, log-uniform.
        blur_px: standard deviation of the point spread.
        sharpen: amount of unsharp masking, and `sharpened` the share of examinations with it.
        gamma: exponent of the vendor's grey scale.
        coil_falloff: loss of signal per 100 mm towards the front.
        coil_spots: greatest extra brightness beneath a coil element.
        standing_wave: depth of the shading across the body, as at 3 T.
        ghost: amplitude of the ghost, and `ghosted` the share of examinations with one.
        suppressed_fat: signal of suppressed fat relative to marrow, log-uniform.
        failed_suppression: how much brighter fat is where its suppression fails.
        shape_spread: standard deviation of the weights of the shape model's modes.
        ankylosis: share of inflammatory cases with a fused part of a joint.
    """

    field_t: tuple[float, ...] = (1.5,)
    fields_of_view_mm: tuple[Span, Span] = ((172, 230), (240, 300))
    matrices: tuple[int, ...] = (240, 256, 288, 320)
    thickness_mm: Span = (3.0, 4.0)
    slices: tuple[int, int] = (15, 25)
    noise: Span = (0.02, 0.13)
    blur_px: Span = (0.0, 0.8)
    sharpen: Span = (0.2, 1.0)
    sharpened: float = 0.6
    gamma: Span = (0.85, 1.15)
    coil_falloff: Span = (0.0, 0.9)
    coil_spots: Span = (0.0, 0.35)
    standing_wave: Span = (0.0, 0.1)
    ghost: Span = (0.02, 0.10)
    ghosted: float = 0.15
    suppressed_fat: Span = (0.35, 0.9)
    failed_suppression: Span = (0.0, 0.5)
    shape_spread: float = USUAL_SPREAD
    ankylosis: float = 0.0


TRAINING = Ranges()
"""What networks learn from."""

HELD_OUT: Mapping[str, Ranges] = MappingProxyType(
    {
        "field strength": replace(TRAINING, field_t=(3.0,), standing_wave=(0.2, 0.4)),
        "vendor look": replace(TRAINING, sharpen=(1.1, 1.6), sharpened=1.0, gamma=(0.68, 0.8)),
        "field of view": replace(
            TRAINING, fields_of_view_mm=((150, 168), (305, 340)), matrices=(224, 352, 384)
        ),
        "thick slices": replace(TRAINING, thickness_mm=(4.5, 5.0), slices=(13, 18)),
        "fat suppression": replace(
            TRAINING, suppressed_fat=(0.95, 1.3), failed_suppression=(0.6, 1.2)
        ),
        "coil": replace(TRAINING, coil_falloff=(1.0, 1.4), coil_spots=(0.4, 0.6)),
        "noise": replace(TRAINING, noise=(0.14, 0.18)),
        "motion": replace(TRAINING, blur_px=(0.85, 1.1), ghost=(0.11, 0.16), ghosted=1.0),
        "late disease": replace(TRAINING, ankylosis=1.0),
        "variant anatomy": replace(TRAINING, shape_spread=1.6),
    }
)
"""By name, what training never samples."""


def ranges_of(appearance: str | None) -> Ranges:
    """The ranges of a held-out appearance, or of training for None.

    Raises:
        ValueError: there is no appearance of that name.
    """
    if appearance is None:
        return TRAINING
    if appearance not in HELD_OUT:
        raise ValueError(f"appearance must be one of {', '.join(HELD_OUT)}, got {appearance!r}")
    return HELD_OUT[appearance]
