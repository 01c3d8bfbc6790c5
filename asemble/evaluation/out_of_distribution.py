"""Pictures that are no sacroiliac joints, drawn by chance: what the input gate must refuse.

Each function draws one stack `(slice, 256, 256)` of ratios to tissue, 0 and up, whose slices
continue each other as a scanner's do.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.volume import Floats
from asemble.imaging.slices import SIDE

Draw = Callable[[np.random.Generator, int], Floats]
"""From a generator and a count of slices to a stack."""


def clouds(rng: np.random.Generator, slices: int) -> Floats:
    """Noise whose spectrum falls with frequency as that of natural pictures does."""
    power = rng.uniform(0.6, 1.8)
    first, last = _spectral(rng, power), _spectral(rng, power)
    mix = np.linspace(0, 1, slices)[:, None, None]
    return np.asarray(np.clip(1 + 0.4 * (first * (1 - mix) + last * mix), 0, None), np.float32)


def leaves(rng: np.random.Generator, slices: int) -> Floats:
    """Shapes of every size laid over each other, as things in a photograph; some mirrored."""
    base = np.full((SIDE, SIDE), rng.uniform(0, 1), np.float32)
    drift = np.zeros((slices, SIDE, SIDE), np.float32)
    shapes = [_shape(rng) for _ in range(int(rng.integers(15, 90)))]
    is_mirrored = rng.random() < 0.5
    for index in range(slices):
        image = base.copy()
        for centre, axes, angle, grey, kind, way in shapes:
            at = centre + way * (index - slices / 2)
            _paint(image, at, axes, angle, grey, kind=kind)
        drift[index] = (image + image[:, ::-1]) / 2 if is_mirrored else image
    return _textured(rng, drift)


def nested(rng: np.random.Generator, slices: int) -> Floats:
    """A round body of rings around folds and holes, as a head, or two limbs of marrow and muscle.

    Seen from above, from the front or from the side: what differs is where it is cut.
    """
    centres = [(128.0, 128.0)] if rng.random() < 0.65 else [(70.0, 128.0), (186.0, 128.0)]
    radii = rng.uniform(70, 125, 2) if len(centres) == 1 else rng.uniform(35, 62, 2)
    rings = np.sort(rng.uniform(0.15, 1, int(rng.integers(2, 7))))[::-1]
    greys = rng.uniform(0.1, 2.5, len(rings))
    folds = _spectral(rng, rng.uniform(0.8, 1.4))
    folding = rng.uniform(0, 0.12)
    holes = [_shape(rng) for _ in range(int(rng.integers(0, 5)))]
    stack = np.zeros((slices, SIDE, SIDE), np.float32)
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    for index in range(slices):
        size = 1 - rng.uniform(0.2, 0.5) * (abs(index - slices / 2) / slices)
        for column, row in centres:
            far = np.hypot((down - row) / radii[0], (right - column) / radii[1]) / size
            far = far + folding * folds
            for ring, grey in zip(rings, greys, strict=True):
                stack[index][far < ring] = grey
        for centre, axes, angle, grey, kind, _ in holes:
            pair = centre.copy()
            pair[0] = SIDE - centre[0]
            for at in (centre, pair):  # a body is symmetric about its middle
                _paint(stack[index], at * 0.5 + 64, axes * 0.3, angle, grey, kind=kind)
    return _textured(rng, stack)


def column(rng: np.random.Generator, slices: int) -> Floats:
    """A spine from the side: blocks and discs in a curved row, the canal behind them."""
    stack = np.full((slices, SIDE, SIDE), rng.uniform(0.3, 1.0), np.float32)
    blocks, grey, disc = int(rng.integers(4, 9)), rng.uniform(0.6, 1.6), rng.uniform(0.2, 2)
    bend, lean, middle = rng.normal(0, 35), rng.normal(0, 25), rng.uniform(90, 165)
    high = SIDE * 1.1 / blocks
    wide = high * rng.uniform(0.9, 1.4)
    fluid = rng.uniform(0.3, 4)
    for index in range(slices):
        offset = (index - slices / 2) * 1.5
        for number in range(blocks + 1):
            t = number / blocks * 2 - 1
            at = np.array([middle + bend * t * t + lean * t + offset, number * high])
            angle = np.degrees(np.arctan2(2 * bend * t + lean, SIDE))
            _paint(stack[index], at, np.array([wide, high * 0.4]), -angle, grey, kind=1)
            _paint(
                stack[index],
                at + np.array([0, high / 2]),
                np.array([wide, high * 0.1]),
                -angle,
                disc,
                kind=1,
            )
            canal = at + np.array([wide * 1.6, 0])
            _paint(stack[index], canal, np.array([wide * 0.35, high * 0.6]), -angle, fluid, kind=0)
    return _textured(rng, stack)


def gratings(rng: np.random.Generator, slices: int) -> Floats:
    """Stripes, chessboards and ramps."""
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    turn = rng.uniform(0, np.pi)
    along, across = (
        right * np.cos(turn) + down * np.sin(turn),
        down * np.cos(turn) - right * np.sin(turn),
    )
    period = rng.uniform(12, 120)
    kind = rng.integers(3)
    if kind == 0:
        image = 1 + np.sin(2 * np.pi * along / period)
    elif kind == 1:
        image = 1 + np.sign(
            np.sin(2 * np.pi * along / period) * np.sin(2 * np.pi * across / period)
        )
    else:
        image = np.clip(along / SIDE + 0.2, 0, None) * 2
    return _textured(rng, np.repeat(image[None], slices, axis=0))


def writing(rng: np.random.Generator, slices: int) -> Floats:
    """A picture of a screen: lines of text, frames and plots, the same on every slice."""
    page = np.full((SIDE, SIDE), 10, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    for line in range(int(rng.integers(5, 14))):
        words = "".join(chr(int(c)) for c in rng.integers(97, 123, int(rng.integers(5, 25))))
        at = (int(rng.integers(2, 60)), int(line * SIDE / 14 + 14))
        cv2.putText(page, words, at, font, float(rng.uniform(0.3, 0.8)), 200, 1)
    for _ in range(int(rng.integers(0, 5))):
        corners = rng.integers(0, SIDE, 4)
        cv2.rectangle(page, corners[:2].tolist(), corners[2:].tolist(), 150, 1)
    image = (page / 100).astype(np.float32)
    if rng.random() < 0.5:
        image = 2.1 - image
    return np.repeat(image[None], slices, axis=0)


FAMILIES: Mapping[str, Draw] = {
    "clouds": clouds,
    "leaves": leaves,
    "nested": nested,
    "column": column,
    "gratings": gratings,
    "writing": writing,
}
"""By name."""


def _spectral(rng: np.random.Generator, power: float) -> Floats:
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = np.inf
    shape = frequency.shape
    wave = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency**power
    image = np.fft.irfft2(wave, s=(SIDE, SIDE))
    return np.asarray(image / image.std(), np.float32)


Points = npt.NDArray[np.float64]
Shape = tuple[Points, Points, float, float, int, Points]


def _shape(rng: np.random.Generator) -> Shape:
    size = 6 * (rng.random() + 0.02) ** -0.8
    axes = np.clip(size * rng.uniform(0.5, 2, 2), 2, 90)
    return (
        rng.uniform(0, SIDE, 2),
        axes,
        float(rng.uniform(0, 180)),
        float(rng.uniform(0, 2.5)),
        int(rng.integers(2)),
        rng.normal(0, 1.5, 2),
    )


def _paint(
    image: Floats, at: Points, axes: Points, angle: float, grey: float, *, kind: int
) -> None:
    centre = (float(at[0]), float(at[1]))
    if kind == 0:
        size = (max(1, int(axes[0])), max(1, int(axes[1])))
        cv2.ellipse(image, (int(at[0]), int(at[1])), size, angle, 0, 360, grey, -1)
        return
    corners = cv2.boxPoints((centre, (float(2 * axes[0]), float(2 * axes[1])), angle))
    cv2.fillConvexPoly(image, corners.astype(np.int32), grey)


def _textured(rng: np.random.Generator, stack: Floats) -> Floats:
    grain = 1 + rng.uniform(0, 0.2) * _spectral(rng, rng.uniform(0.3, 1.2))
    return np.asarray(np.clip(stack * grain, 0, None), np.float32)
