"""What the networks say of bone, made into what is shown, written and counted.

A tissue map is `(slice, 6, row, column)`: how likely each place is each `Tissue`, on the square of
the prepared slices.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.core.labels import Tissue
from asemble.core.volume import Floats
from asemble.imaging.intensity import SQUASH, SQUASH_GAIN
from asemble.imaging.joint_bands import SUBCHONDRAL_MM
from asemble.imaging.slices import FIELD_MM

Bools = npt.NDArray[np.bool_]

BONES = (Tissue.SACRUM, Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM)
"""In the order of their numbers in `<id>-bones.nii.gz`."""
LEAST_SHARE = 0.55
"""Bone and joint together are bone from here on: chosen on real stacks (docs/decisions/0025)."""
FACING_MM = 4.0
"""Sacrum and ilium nearer than this to a place face each other across it."""
LEAST_JOINT_MM2 = 20.0
"""A slice with less joint than this shows none."""
LEAST_MARROW = 300
"""Cells of bone from which on its median says how bright its marrow is."""
BRIGHTER = (-0.7, 1.2)
"""Logs beyond which more says nothing more: cortex below, fluid above."""


def bone_labels(tissue: Floats) -> npt.NDArray[np.uint8]:
    """`(slice, row, column)`: 0, or the number of the bone; joint space goes to the nearer bone.

    >>> place = np.zeros((1, 6, 1, 2), np.float32)
    >>> place[0, [Tissue.LEFT_ILIUM, Tissue.JOINT_SPACE], 0, 1] = 0.3, 0.5
    >>> bone_labels(place).tolist()
    [[[0, 3]]]
    """
    bones = tissue[:, list(BONES)]
    total = bones.sum(axis=1) + tissue[:, Tissue.JOINT_SPACE]
    found = bones.argmax(axis=1) + 1
    return np.where(total > LEAST_SHARE, found, 0).astype(np.uint8)


def joints_seen(tissue: Floats) -> Bools:
    """`(slice, row, column)`: joints and the marrow beside them, empty where no joint is seen."""
    side = tissue.shape[-1]
    cell_mm = FIELD_MM / side
    labels = bone_labels(tissue)
    regions = np.zeros(labels.shape, dtype=np.bool_)
    for region, of_slice in zip(regions, labels, strict=True):
        sacrum, ilia = of_slice == Tissue.SACRUM, of_slice >= Tissue.RIGHT_ILIUM
        if not (sacrum.any() and ilia.any()):
            continue
        far = np.maximum(*(ndimage.distance_transform_edt(~one) for one in (sacrum, ilia)))
        joint = far * cell_mm <= FACING_MM
        if joint.sum() * cell_mm**2 >= LEAST_JOINT_MM2:
            near = ndimage.distance_transform_edt(~joint) * cell_mm <= SUBCHONDRAL_MM
            region[...] = near & (joint | (of_slice > 0))
    return regions


def brighter_than_marrow(images: Floats, tissue: Floats) -> Floats:
    """`(slice, row, column)`: log of how much brighter bone is than its own marrow on the slice.

    Zero outside bone, and in a bone of which the slice shows too little.

    Args:
        images: prepared slices `(slice, 256, 256)`, squashed.
        tissue: of the same slices.
    """
    share = np.clip(images / SQUASH_GAIN, 0, 0.99)
    side = tissue.shape[-1]
    step = images.shape[-1] // side
    ratio = SQUASH * share / (1 - share)
    ratio = ratio.reshape(len(images), side, step, side, step).mean(axis=(2, 4))
    labels = bone_labels(tissue)
    found = np.zeros(ratio.shape, dtype=np.float32)
    for values, of_slice, result in zip(ratio, labels, found, strict=True):
        for bone in (of_slice == Tissue.SACRUM, of_slice >= Tissue.RIGHT_ILIUM):
            if bone.sum() < LEAST_MARROW:
                continue
            median = max(float(np.median(values[bone])), 1e-3)
            logs = np.log(np.maximum(values[bone], 1e-3) / median)
            result[bone] = np.clip(logs, *BRIGHTER)
    return found
