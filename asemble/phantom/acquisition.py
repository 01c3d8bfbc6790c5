"""How a stack is placed on the pelvis and what the scanner does to it.

Geometry of protocols and the strength of every degradation: simulator notes (ranges that carried
over to real scans) and the clinical specification, section 7.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from asemble.core.labels import Plane, Weighting
from asemble.core.volume import Affine, Floats
from asemble.phantom.appearances import Ranges


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where the pelvis lies in the scanner.

    Args:
        tilt_deg: between the semicoronal and the true coronal plane (25-51 measured).
        origin_lps: middle of the joints, mm.
    """

    tilt_deg: float
    origin_lps: npt.NDArray[np.float64]

    @property
    def axes_lps(self) -> npt.NDArray[np.float64]:
        """Rows: the directions u, v, w of the sacrum in LPS."""
        sine, cosine = np.sin(np.radians(self.tilt_deg)), np.cos(np.radians(self.tilt_deg))
        return np.array([[1, 0, 0], [0, -sine, cosine], [0, cosine, sine]], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Where the pixels of a slice lie for the coil, mm from the middle of the joints.

    Args:
        u: `(row, column)`, left positive.
        v: superior positive.
        w: posterior positive.
    """

    u: Floats
    v: Floats
    w: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One series to be acquired.

    Args:
        plane: coronal or axial.
        weighting: contrast.
        affine_lps: from (slice, row, column) to mm.
        shape: slices, rows, columns.
        thickness_mm: of a slice, without the gap.
    """

    plane: Plane
    weighting: Weighting
    affine_lps: Affine
    shape: tuple[int, int, int]
    thickness_mm: float


@dataclass(frozen=True, slots=True)
class Scanner:
    """What one examination's scanner and coil do; strengths relative to marrow = 1.

    Args:
        blur_px: standard deviation of the point spread.
        sharpen: amount of unsharp masking.
        gamma: exponent of the grey scale.
        noise: Rician sigma.
        coil_falloff: loss of signal per 100 mm towards the front.
        coil_tilt: linear shading across and along.
        coil_spots: (u, v, w, brightness) beneath each coil element, mm and a share.
        standing_wave: depth and phase of the shading across the body.
        ghost: amplitude of the ghost along phase encoding, 0 for none.
        kept: share of k-space that was acquired; the rest is zero-filled, which rings.
    """

    blur_px: float
    sharpen: float
    gamma: float
    noise: float
    coil_falloff: float
    coil_tilt: tuple[float, float]
    coil_spots: tuple[tuple[float, float, float, float], ...]
    standing_wave: tuple[float, float]
    ghost: float
    kept: float


PERFECT = Scanner(0, 0, 1, 0.02, 0, (0, 0), (), (0, 0), 0, 1)
"""A scanner that only adds a little noise, for ablations."""

SPOT_MM = 45.0
"""Reach of a coil element: about its radius."""
WAVE_MM = 260.0
"""Half a wavelength of the radio field in the body at 3 T, about 13 cm, shades both halves."""


def sample_placement(rng: np.random.Generator) -> Placement:
    """Draw the tilt and position of one pelvis."""
    return Placement(float(rng.uniform(25, 51)), rng.normal(0, (4, 8, 10)))


def sample_scanner(rng: np.random.Generator, ranges: Ranges) -> Scanner:
    """Draw one examination's image quality."""
    spots = tuple(
        (
            float(rng.uniform(-110, 110)),
            float(rng.uniform(-90, 90)),
            float(rng.uniform(20, 60)),
            float(rng.uniform(*ranges.coil_spots)),
        )
        for _ in range(int(rng.integers(0, 5)))
    )
    return Scanner(
        blur_px=float(rng.uniform(*ranges.blur_px)),
        sharpen=float(rng.uniform(*ranges.sharpen)) if rng.random() < ranges.sharpened else 0.0,
        gamma=float(rng.uniform(*ranges.gamma)),
        noise=float(np.exp(rng.uniform(*np.log(ranges.noise)))),
        coil_falloff=float(rng.uniform(*ranges.coil_falloff)),
        coil_tilt=(float(rng.normal(0, 0.12)), float(rng.normal(0, 0.12))),
        coil_spots=spots,
        standing_wave=(float(rng.uniform(*ranges.standing_wave)), float(rng.uniform(0, 6.28))),
        ghost=float(rng.uniform(*ranges.ghost)) if rng.random() < ranges.ghosted else 0.0,
        kept=float(rng.uniform(0.65, 1.0)) if rng.random() < 0.5 else 1.0,
    )


def place_stack(
    rng: np.random.Generator,
    placement: Placement,
    *,
    plane: Plane,
    weighting: Weighting,
    field_of_view_mm: float,
    matrix: int,
    slices: int,
    thickness_mm: float,
    gap_mm: float,
) -> Stack:
    """Lay a stack over the joints, a little off as a technician does.

    The semicoronal stack runs along the sacrum; the axial one lies between true axial and
    perpendicular to the sacrum.
    """
    u, v, w = placement.axes_lps
    if plane is Plane.CORONAL:
        row, normal = -v, w
    else:
        turn = np.radians(rng.uniform(0, placement.tilt_deg))  # 0 is perpendicular to the sacrum
        normal = np.cos(turn) * v + np.sin(turn) * w
        row = np.cos(turn) * w - np.sin(turn) * v
    wobble = rotation(rng.normal(0, 2.5, size=3))
    column, row, normal = wobble @ u, wobble @ row, wobble @ normal
    pixel = field_of_view_mm / matrix
    step = thickness_mm + gap_mm
    shift = rng.normal(0, 5, 2) if plane is Plane.CORONAL else rng.normal((0, -12), 6)
    centre = placement.origin_lps + shift[0] * column + shift[1] * row + rng.normal(0, 2) * normal
    half = (matrix - 1) / 2 * pixel
    first = centre - half * (row + column) - (slices - 1) / 2 * step * normal
    affine = np.eye(4)
    affine[:3] = np.stack([normal * step, row * pixel, column * pixel, first], axis=1)
    return Stack(plane, weighting, affine, (slices, matrix, matrix), thickness_mm)


def acquire(rng: np.random.Generator, signal: Floats, points: Points, scanner: Scanner) -> Floats:
    """What the scanner makes of a noise-free slice: coil, k-space, ghost, filter, noise."""
    image = signal * _coil(points, scanner)
    if scanner.kept < 1:
        image = _zero_fill(image, scanner.kept)
    if scanner.blur_px > 0.2:
        image = gaussian_filter(image, scanner.blur_px)
    if scanner.ghost:
        shift = int(rng.integers(image.shape[1] // 5, image.shape[1] // 2))
        image = image + scanner.ghost * (np.roll(image, shift, 1) + np.roll(image, -shift, 1))
    if scanner.sharpen:
        image = image + scanner.sharpen * (image - gaussian_filter(image, 1.0))
    noise = rng.standard_normal((2, *image.shape), dtype=np.float32) * scanner.noise
    magnitude = np.hypot(image + noise[0], noise[1])
    return np.asarray(magnitude**scanner.gamma, dtype=np.float32)


def _coil(points: Points, scanner: Scanner) -> Floats:
    """Sensitivity at the points of a slice: fall-off, tilt, elements, standing wave."""
    far = np.clip(30 - points.w, 0, None) / 100
    tilt = scanner.coil_tilt
    field = np.exp(-scanner.coil_falloff * far) * (
        1 + tilt[0] * points.u / 100 + tilt[1] * points.v / 100
    )
    for u, v, w, brightness in scanner.coil_spots:
        away = (points.u - u) ** 2 + (points.v - v) ** 2 + (points.w - w) ** 2
        field = field * (1 + brightness * np.exp(-away / (2 * SPOT_MM**2)))
    depth, phase = scanner.standing_wave
    field = field * (1 + depth * np.cos(2 * np.pi * points.u / WAVE_MM + phase))
    return np.asarray(np.maximum(field, 0.1), dtype=np.float32)


def _zero_fill(image: Floats, kept: float) -> Floats:
    space = np.fft.rfft2(image)
    rows, columns = space.shape
    keep_r, keep_c = int(rows * kept / 2), int(columns * kept)
    space[keep_r : rows - keep_r] = 0
    space[:, keep_c:] = 0
    return np.abs(np.fft.irfft2(space, s=image.shape)).astype(np.float32)


def rotation(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`(3, 3)`: turns about x, then y, then z, by so many degrees each."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        turn = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix
