"""What members are taught of bone, and how slices are changed on the way."""

import numpy as np
import pytest
import torch
from torch import nn

from asemble.core.labels import Pattern, Plane, Tissue, Weighting
from asemble.datasets.people import lesson
from asemble.models.evidence_head import FEATURES, EvidenceHead
from asemble.phantom.training_slices import SimulatedSlice
from asemble.training.segmentation import Batch, bone_loss, changed


class Head(nn.Module):
    """A network that hands its images' mean on as every feature."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.head = EvidenceHead((4, 4, 4, 4))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(images, 2).expand(-1, FEATURES, -1, -1)


def batch(*, fluid: bool, lesions: float = 0.0) -> Batch:
    tissue = torch.zeros(2, 128, 128, dtype=torch.int64)
    tissue[:, 40:60, 10:20], tissue[:, 40:60, 100:110] = Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM
    images = torch.ones(2, 1, 256, 256)
    images[:, :, 80:120, 20:40] = 3.0  # the right one is the brighter
    masks = torch.full((2, 2, 128, 128), lesions)
    return Batch(images, tissue, masks, torch.tensor([0, 1]), torch.full((2,), fluid))


def test_a_mirrored_slice_keeps_right_right() -> None:
    many = batch(fluid=True)
    for seed in range(6):  # some of them are mirrored
        found = changed(many, torch.Generator().manual_seed(seed))
        for image, tissue in zip(found.images[:, 0], found.tissue, strict=True):
            at = {
                side: float(torch.nonzero(tissue == side)[:, 1].float().mean())
                for side in (Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM)
            }
            assert at[Tissue.RIGHT_ILIUM] < at[Tissue.LEFT_ILIUM]
            assert image.isfinite().all()


def test_changes_depend_on_their_generator_alone() -> None:
    many = batch(fluid=True)
    first = changed(many, torch.Generator().manual_seed(1))
    torch.rand(1)  # the process's own random numbers go on, as they do in a run that is resumed
    again = changed(many, torch.Generator().manual_seed(1))
    other = changed(many, torch.Generator().manual_seed(2))
    assert torch.equal(first.images, again.images) and torch.equal(first.tissue, again.tissue)
    assert not torch.equal(first.images, other.images)


def test_t1_teaches_bones_and_nothing_of_lesions() -> None:
    network = Head()
    without, _ = bone_loss(network, batch(fluid=False))  # type: ignore[arg-type]
    with_lesions, _ = bone_loss(network, batch(fluid=False, lesions=1.0))  # type: ignore[arg-type]
    assert float(without) == pytest.approx(float(with_lesions))
    fluid, _ = bone_loss(network, batch(fluid=True))  # type: ignore[arg-type]
    lesions, _ = bone_loss(network, batch(fluid=True, lesions=1.0))  # type: ignore[arg-type]
    assert abs(float(fluid) - float(lesions)) > 0.1


def test_lesions_teach_nothing_of_where_bone_is() -> None:
    network = Head()
    features = network.features(batch(fluid=True).images)
    logits, evidence = network.head.answer(features)
    (logits.sum() + evidence.sum()).backward()
    assert network.head.tissue.weight.grad is None


def test_a_slice_is_kept_in_cells_of_two_pixels_with_what_is_something_first() -> None:
    tissue = np.zeros((256, 256), np.uint8)
    tissue[10, 20:22] = Tissue.SACRUM  # half of one cell
    oedema = np.zeros((256, 256), np.float32)
    oedema[10, 20:22] = 1.0
    kind = np.full((256, 256), 2, np.uint8)
    image = np.random.default_rng(0).random((256, 256), dtype=np.float32)
    one = SimulatedSlice(image, Plane.AXIAL, Weighting.T1, tissue, oedema, kind, Pattern.MECHANICAL)
    kept = lesson(one)
    assert kept.tissue[5, 10] == Tissue.SACRUM and (kept.tissue > 0).sum() == 1
    assert kept.lesions[:, 5, 10].tolist() == [0, 255] and (kept.lesions > 0).sum() == 1
    assert (kept.label, kept.fluid, kept.image.dtype) == (2, False, np.float16)
