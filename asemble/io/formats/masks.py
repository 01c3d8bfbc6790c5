"""Lesion masks: read from NIfTI or PNG, and laid on the grid of the image that they belong to."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from asemble.core.errors import FileError
from asemble.core.study import Refusal
from asemble.core.volume import Volume
from asemble.io.archive.parts import parts_of
from asemble.io.archive.unpack import unpack
from asemble.io.formats import nifti, raster

GRID_TOLERANCE = 0.25
"""How far a corner voxel of the mask may lie from one of the image, in voxels: files round."""

_SAVE_ON_GRID = "Save the mask on the grid of its image."


def read_mask(path: Path) -> Volume:
    """The mask in a file: 1 in the lesion, 0 elsewhere.

    Args:
        path: NIfTI, or PNG for a single slice; every value above 0 is lesion.

    Raises:
        InputError: the file is missing, damaged or of another kind.
    """
    items = list(unpack(parts_of(path)))
    if len(items) != 1:
        raise FileError(f"A mask is one file, not {len(items)}.", code="mask-not-one-file")
    (item,) = items
    if isinstance(item, Refusal):
        raise FileError(item.reason, code=item.code)
    if item.data[:3] == b"\xff\xd8\xff":
        raise FileError(
            "A JPEG blurs the edge of a mask.", hint="Save it as PNG or NIfTI.", code="mask-jpeg"
        )
    if raster.looks_like_picture(item.data):
        return Volume((raster.read_picture(item.data) > 0)[None].astype(np.float32), None)
    if nifti.looks_like_nifti(item.data):
        return nifti.read_mask(item.data)
    raise FileError("This mask is neither NIfTI nor PNG.", code="mask-format-unknown")


def lay_on(mask: Volume, image: Volume) -> npt.NDArray[np.bool_]:
    """The mask as `(slice, row, column)` of the image.

    Where both files state their geometry, axes that are stored in another order or direction are
    brought to the order of the image; else the two must be stored alike.

    Raises:
        FileError: the mask has another shape, or lies on another grid.
    """
    lesion = mask.voxels > 0
    if mask.affine_lps is not None and image.affine_lps is not None:
        to_image = np.linalg.inv(image.affine_lps) @ mask.affine_lps
        steps = np.rint(to_image[:3, :3])
        if not np.array_equal(np.abs(steps) @ np.abs(steps).T, np.eye(3)):
            raise FileError(
                "The mask lies across the slices of its image.",
                hint=_SAVE_ON_GRID,
                code="mask-off-grid",
            )
        lesion = lesion.transpose(np.abs(steps).argmax(axis=1))
        _require_shape(lesion.shape, image.shape)
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(mask.shape) - 1)
        lies_at = corners @ to_image[:3, :3].T + to_image[:3, 3]
        backwards = steps.sum(axis=1) < 0
        first = np.where(backwards, np.array(image.shape) - 1, 0)
        if round(float(np.abs(lies_at - (corners @ steps.T + first)).max()), 6) > GRID_TOLERANCE:
            raise FileError(
                "The mask lies elsewhere than its image.", hint=_SAVE_ON_GRID, code="mask-off-grid"
            )
        return np.ascontiguousarray(np.flip(lesion, tuple(np.flatnonzero(backwards))))
    _require_shape(lesion.shape, image.shape)
    return lesion


def _require_shape(mask: tuple[int, ...], image: tuple[int, ...]) -> None:
    if mask != image:
        has, its = (" x ".join(str(n) for n in shape) for shape in (mask, image))
        raise FileError(
            f"The mask has {has} slices, rows and columns, its image {its}.",
            hint=_SAVE_ON_GRID,
            code="mask-of-another-shape",
        )
