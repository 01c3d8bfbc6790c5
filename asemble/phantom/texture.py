"""Random patterns of a slice: marrow, fat, strands of muscle."""

import cv2
import numpy as np
import numpy.typing as npt

from asemble.phantom.person import Person
from asemble.phantom.view import View

Floats = npt.NDArray[np.float32]

COARSE = 4
"""Smooth noise is worked out at every fourth pixel and interpolated."""


class Texture:
    """Random patterns of one slice, shared by its layers."""

    def __init__(self, rng: np.random.Generator, view: View) -> None:
        self.rng, self.view = rng, view
        self.px = 0.78 / view.pixel_mm  # patterns are in units of the usual pixel
        shape = (view.rows, view.columns)
        self.grain = self.noise(1.3)
        self.patch = self.noise(5.0)
        self.cloud = self.noise(26.0)
        self.rough = self.noise(3.0)
        self.marrow = np.exp(
            rng.uniform(0.06, 0.12) * self.cloud
            + rng.uniform(0.05, 0.11) * self.patch
            + rng.uniform(0.04, 0.11) * self.grain
        ).astype(np.float32)
        self.mesh = self.noise(2.2)
        white = rng.standard_normal((256, 256), dtype=np.float32)
        self.strands = np.asarray(cv2.GaussianBlur(white, (0, 0), 0.7), dtype=np.float32)
        self.strands /= self.strands.std()
        self.shape = shape

    def of_person(self, person: Person) -> None:
        """Smooth noise of the person, at the middle of the slice."""
        view = self.view
        wide = view.points(2 * COARSE)
        self.bend = [
            view.widen(one) for one in person.bend.at(wide) * np.float32(person.n["bend_mm"])
        ]
        self.broad = [view.widen(one) for one in person.broad.at(wide)]
        self.frays = [view.widen(one) for one in person.noise.at(view.points(COARSE))]

    def noise(self, scale_px: float) -> Floats:
        """Noise with bumps of some pixels."""
        scale = max(1.0, scale_px * self.px)
        rows, columns = self.view.rows, self.view.columns
        small = self.rng.standard_normal(
            (int(rows / scale) + 3, int(columns / scale) + 3), dtype=np.float32
        )
        wide = cv2.resize(
            small,
            (int(small.shape[1] * scale) + 1, int(small.shape[0] * scale) + 1),
            interpolation=cv2.INTER_CUBIC,
        )
        r, c = (
            int(self.rng.integers(0, wide.shape[k] - n + 1)) for k, n in enumerate((rows, columns))
        )
        cut = wide[r : r + rows, c : c + columns]
        return np.asarray((cut - cut.mean()) / (cut.std() + 1e-6), dtype=np.float32)

    def fibres(
        self, middle: tuple[float, float], *, across: float, along: float, warp: float
    ) -> Floats:
        """Strands that radiate from a place (row, column), about `across` pixels wide."""
        r = np.arange(self.view.rows, dtype=np.float32)[:, None] - np.float32(middle[0])
        c = np.arange(self.view.columns, dtype=np.float32)[None] - np.float32(middle[1])
        far = np.sqrt(r * r + c * c)
        angle = np.arctan2(r, c) + np.float32(warp) * self.broad[0]
        mean_far = np.float32(max(20.0, float(far.mean())))
        a = angle * (mean_far / np.float32(across * self.px)) + 800
        s = far / np.float32(along * self.px) + 3 * self.patch * np.float32(0.12)
        return self._strands_at(a, s)

    def weave(self, slope: float, *, across: float, along: float) -> Floats:
        """Wavy strands, alike on both sides: what fat, fascia and muscle look like close by."""
        r = np.arange(self.view.rows, dtype=np.float32)[:, None]
        c = np.abs(np.arange(self.view.columns, dtype=np.float32)[None] - self.view.columns / 2)
        a = (r - np.float32(slope) * c) / np.float32(across * self.px) + 2.5 * self.cloud
        s = (c + np.float32(slope) * r) / np.float32(along * self.px) + 0.4 * self.patch
        return self._strands_at(a + 0.5 * self.patch + 300, s + 50)

    def _strands_at(self, a: Floats, s: Floats) -> Floats:
        return np.asarray(
            cv2.remap(
                self.strands,
                np.mod(a, 255).astype(np.float32),
                np.mod(s, 255).astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_WRAP,
            )
        )
