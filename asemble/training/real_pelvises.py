"""Bones of real stacks of the pelvis, found by networks that know bone and cleaned up.

Nobody drew them: they are what trained networks say, made one piece a bone through the stack and
looked at. The stacks are the user's own to bring; `MISSING` says where openly licensed ones are.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from asemble.core.errors import InputError
from asemble.core.labels import Plane, Tissue, Weighting
from asemble.core.volume import Floats, Volume
from asemble.imaging.intensity import median_ratio, squash
from asemble.imaging.orientation import Turn
from asemble.imaging.slices import MASK_SIDE, SIDE, Grid
from asemble.io import read_study
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.optimised import optimised_for_inference

Bools = npt.NDArray[np.bool_]

WIDE_FIELD_MM = 240.0
"""Side of the square that is kept of a slice: what networks read, and room to move it."""
WIDE_PIXEL_MM = WIDE_FIELD_MM / SIDE
FIELDS_MM = (195.0, 225.0)
"""Bones are looked for in each of these fields, and averaged."""
ACROSS = (0.2, 0.6, 0.2)
"""Weights of a slice and its neighbours."""
LEAST_SHARE = 0.5
"""Bone and joint together are bone from here on."""
DOUBTFUL = 0.25
"""From this share of bone on, what was cleaned away may yet be bone."""
OPENING = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), 2)
"""Bone that is thinner than this, 4 mm, is a spur that networks see in fascia."""
FACING_MM = 4.0
"""Sacrum and ilium nearer than this to a place face each other across it."""
LEAST_JOINT_MM2 = 60.0
"""A slice with so much between two bones that face each other shows a joint."""
LEAST_BONE_MM2 = 60.0
"""A smaller piece of a bone in a slice is dropped."""
BRIGHTER_FAT = 1.22
"""Fat is brighter than the marrow of the slice by this factor."""
LEAST_FAT_MM2 = 200.0
"""Of one piece; what is smaller is fatty marrow."""
IN_FRONT_MM = 14.0
"""So far before the joints no slice shows the sacrum, and bowel that is taken for it is none."""
SOURCE = (
    "CPTAC-UCEC, National Cancer Institute Clinical Proteomic Tumor Analysis Consortium, The Cancer"
    " Imaging Archive, doi:10.7937/K9/TCIA.2018.3R3JUISW, CC BY 4.0"
)
"""Of the stacks that trained the shipped weights."""
MISSING = (
    "Coronal T1 stacks of the pelvis are needed. Those of the shipped weights are openly licensed "
    f"({SOURCE}): `asemble cases fetch --painted` brings them, and `asemble cases painted DIR` "
    "writes what was used."
)


@dataclass(frozen=True, slots=True, eq=False)
class RealPelvis:
    """One real stack on squares of `WIDE_FIELD_MM`, from front to back, with its bones.

    Args:
        images: `(slice, 256, 256)` float32, ratio to the foreground median.
        distance: `(slice, 3, 256, 256)` float16, mm from the surface of the sacrum, the right and
            the left ilium, in the slice; negative inside.
        doubtful: `(slice, 256, 256)` bool, what may be bone or not.
        joints: `(slice,)` bool, which slices show a joint.
        step_mm: between slices.
    """

    images: Floats
    distance: npt.NDArray[np.float16]
    doubtful: Bools
    joints: Bools
    step_mm: float

    @property
    def usable(self) -> npt.NDArray[np.int64]:
        """Slices whose bones are known: with a joint, or surely in front of the sacrum."""
        first = int(np.flatnonzero(self.joints)[0])
        in_front = np.arange(max(0, first - int(np.ceil(IN_FRONT_MM / self.step_mm))))
        return np.concatenate([in_front, np.flatnonzero(self.joints)])


def read_pelvises(
    folder: Path,
    networks: Sequence[EvidenceNetwork],
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> list[RealPelvis]:
    """The coronal T1 stacks in a folder, with their bones.

    Args:
        folder: of NIfTI files, or of one folder of DICOM files a patient.
        networks: coronal members, which know bone on T1.
        progress: told how many stacks are done, of how many.
        workers: processes; by default one a core.

    Raises:
        InputError: there is no folder, or no such stack in it.
    """
    volumes = _volumes(folder)
    ready = [optimised_for_inference(network) for network in networks]
    found = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done, pelvis in enumerate(pool.map(find_bones, volumes, repeat(ready)), start=1):
            if pelvis.joints.any():
                found.append(pelvis)
            if progress is not None:
                progress(done, len(volumes))
    if not found:
        raise InputError(
            "No stack of this folder shows the joints on coronal T1.",
            hint=MISSING,
            code="no-joints-on-t1",
        )
    return found


def find_bones(volume: Volume, networks: Sequence[EvidenceNetwork]) -> RealPelvis:
    """A coronal stack with its bones; one that shows no joint has none in `joints`."""
    spacing = volume.spacing_mm
    if spacing is None or volume.affine_lps is None:
        raise ValueError("bones are sought where it is known how the slices lie")
    if volume.affine_lps[1, 0] < 0:  # from the back to the front
        affine = volume.affine_lps.copy()
        affine[:3, 3] += (len(volume.voxels) - 1) * affine[:3, 0]
        affine[:3, 0] *= -1
        volume = Volume(volume.voxels[::-1], affine)
    shape = (len(volume.voxels), len(Tissue), SIDE, SIDE)
    total, looked = np.zeros(shape, np.float32), np.zeros((SIDE, SIDE), np.float32)
    for field in FIELDS_MM:
        squares = np.stack([squash(median_ratio(one)) for one in _squares(volume, field)])
        tissue = _tissue(squares, networks)
        step = MASK_SIDE / SIDE * WIDE_FIELD_MM / field  # cells of a map for a pixel kept
        wider = Grid(MASK_SIDE, MASK_SIDE, step, step)
        total += wider.to_square(tissue)
        looked += wider.to_square(np.ones((MASK_SIDE, MASK_SIDE), np.float32))
    total /= np.maximum(looked, 1e-3)
    images = np.stack([median_ratio(one) for one in _squares(volume, WIDE_FIELD_MM)])
    masks, doubtful = clean_bones(total, spacing[0])
    _without_fat(images, masks, doubtful)
    distance = np.stack([[_signed(one) for one in of_slice] for of_slice in masks])
    return RealPelvis(
        images,
        distance.astype(np.float16),
        doubtful,
        np.array([_joint_mm2(one) >= LEAST_JOINT_MM2 for one in distance]),
        spacing[0],
    )


def clean_bones(tissue: Floats, step_mm: float) -> tuple[Bools, Bools]:
    """Sacrum, right and left ilium, each one piece through the stack, and what is doubtful.

    Args:
        tissue: `(slice, 6, 256, 256)` on squares of `WIDE_FIELD_MM`, front to back.
        step_mm: between slices.

    Returns:
        `(slice, 3, 256, 256)` and `(slice, 256, 256)`.
    """
    smooth = ndimage.convolve1d(tissue, ACROSS, axis=0, mode="nearest")
    bones = smooth[:, Tissue.SACRUM : Tissue.LEFT_ILIUM + 1]
    joint = smooth[:, Tissue.JOINT_SPACE]
    total = bones.sum(axis=1) + joint
    # Joint space belongs to no bone here: distances to both bones tell what it is.
    is_bone = (total > LEAST_SHARE) & (joint < bones.max(axis=1))
    which = bones.argmax(axis=1)
    masks = np.zeros(bones.shape, np.bool_)
    for bone in range(3):
        opened = ndimage.binary_opening(is_bone & (which == bone), OPENING[None])
        masks[:, bone] = _largest(opened)
    columns = np.arange(tissue.shape[-1])
    middle = _middle(masks)
    masks[:, 1] &= columns < middle
    masks[:, 2] &= columns >= middle
    for at in range(len(masks)):
        for bone in range(3):
            pieces, _ = ndimage.label(masks[at, bone])
            small = np.bincount(pieces.ravel()) * WIDE_PIXEL_MM**2 < LEAST_BONE_MM2
            masks[at, bone] &= ~small[pieces]
    distance = np.stack([[_signed(one) for one in of_slice] for of_slice in masks])
    joints = np.array([_joint_mm2(one) >= LEAST_JOINT_MM2 for one in distance])
    doubtful = (total > DOUBTFUL) & ~masks.any(axis=1)
    doubtful &= ~np.stack([joint_between(of_slice) for of_slice in distance])
    if joints.any():
        front = max(0, int(np.flatnonzero(joints)[0]) - int(np.ceil(IN_FRONT_MM / step_mm)))
        masks[:front, 0] = False
        doubtful[:front] &= bones[:front, 1:].sum(axis=1) > DOUBTFUL
    return masks, doubtful


def _without_fat(images: Floats, masks: Bools, doubtful: Bools) -> None:
    """Take fat in front of the sacrum, brighter than marrow on T1, out of the bones, in place."""
    for image, of_slice, unsure in zip(images, masks, doubtful, strict=True):
        sacrum, ilia = of_slice[0], of_slice[1:].any(axis=0)
        marrows = [
            share * float(np.median(image[bone]))
            for bone, share in ((sacrum, 1.0), (ilia, 1.15))
            if bone.any()
        ]
        if not marrows:
            continue
        fat = ndimage.gaussian_filter(image, 3.0) > BRIGHTER_FAT * min(marrows)
        fat = ndimage.binary_opening(fat & (sacrum | unsure), OPENING)
        pieces, _ = ndimage.label(fat)
        large = np.bincount(pieces.ravel()) * WIDE_PIXEL_MM**2 >= LEAST_FAT_MM2
        large[0] = False  # what is no fat; a small piece is fatty marrow
        np.logical_and(of_slice, ~large[pieces], out=of_slice)
        np.logical_and(unsure, ~large[pieces], out=unsure)


def joint_between(distance: npt.NDArray[np.floating]) -> Bools:
    """`(row, column)`: outside both bones and near both, from `(3, row, column)` in mm."""
    ilium = np.minimum(distance[1], distance[2])
    near = (distance[0] < FACING_MM) & (ilium < FACING_MM)
    return np.asarray(near & (distance[0] > 0) & (ilium > 0))


def _volumes(folder: Path) -> list[Volume]:
    if not folder.is_dir():
        raise InputError(
            "There is no folder of real pelvises.", hint=MISSING, code="pelvises-missing"
        )
    volumes = []
    for one in sorted(folder.iterdir()):
        try:
            study = read_study(one)
        except InputError:  # a README, or a list of the files
            continue
        volumes += [
            series.volume
            for series in study.all_series
            if series.plane is Plane.CORONAL
            and series.weighting is Weighting.T1
            and series.volume.affine_lps is not None
        ]
    if not volumes:
        raise InputError(
            "This folder holds no coronal T1 stack.", hint=MISSING, code="no-coronal-t1"
        )
    return volumes


def _squares(volume: Volume, field_mm: float) -> Floats:
    _, rows, columns = volume.shape
    _, down, right = volume.spacing_mm or (1.0, 1.0, 1.0)
    turn = Turn.to_display(volume.affine_lps, Plane.CORONAL)
    if turn.is_transposed:
        rows, columns, down, right = columns, rows, right, down
    step = field_mm / SIDE
    return Grid(rows, columns, step / down, step / right, turn).to_square(volume.voxels)


def _tissue(images: Floats, networks: Sequence[EvidenceNetwork]) -> Floats:
    """`(slice, 6, 128, 128)`: mean of the networks."""
    total = np.zeros((len(images), len(Tissue), MASK_SIDE, MASK_SIDE), np.float32)
    torch.set_num_threads(1)  # as many processes as cores
    with torch.inference_mode():
        for at, image in enumerate(images):
            for network in networks:
                features = network.features(torch.from_numpy(image)[None, None])
                total[at] += torch.softmax(network.head.places(features)[0], dim=1)[0].numpy()
    return np.asarray(total / len(networks), dtype=np.float32)


def _middle(masks: Bools) -> float:
    """Column between the two ilia."""
    sides = masks[:, 1:].sum(axis=(0, 2))
    columns = np.arange(masks.shape[-1])
    return float(((sides * columns).sum(axis=1) / np.maximum(sides.sum(axis=1), 1)).mean())


def _largest(mask: Bools) -> Bools:
    pieces, count = ndimage.label(mask)
    if count == 0:
        return mask
    return np.asarray(pieces == 1 + np.bincount(pieces.ravel())[1:].argmax())


def _signed(mask: Bools) -> Floats:
    """Distance from the edge of a mask in mm, negative inside; far where there is none."""
    if not mask.any():
        return np.full(mask.shape, 99.0, np.float32)
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    edge = np.where(mask, 0.5 - inside, outside - 0.5)
    return np.asarray(ndimage.gaussian_filter(edge, 0.8) * WIDE_PIXEL_MM, dtype=np.float32)


def _joint_mm2(distance: npt.NDArray[np.floating]) -> float:
    return float(joint_between(distance).sum() * WIDE_PIXEL_MM**2)
