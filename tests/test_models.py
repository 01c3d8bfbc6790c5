"""The networks and the ensemble."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from asemble.core.errors import ConfigError, WeightsError
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Plane, Tissue
from asemble.models import MEMBERS, Ensemble, load_ensemble
from asemble.models.cards import Card, input_facts
from asemble.models.evidence_head import FEATURES, TOP_CELLS, EvidenceHead
from asemble.models.imagenet import DEPTHS, as_timm
from asemble.models.members import member_spec
from asemble.models.optimised import optimised_for_inference
from asemble.models.output import output_of
from asemble.models.weights import save_weights, weights_name

LIMITS = {"asemblenet": 4_000_000, "efficientnet": 3_000_000, "pvt": 3_000_000}


def untrained_card(plane: Plane, name: str, temperature: float) -> Card:
    return Card(
        member=name,
        plane=plane.value,
        architecture=member_spec(name).architecture,
        classes=tuple(p.value for p in PATTERNS),
        input=input_facts(),
        training={},
        data={},
        metrics={},
        calibration={"temperature": temperature},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights")
    for plane in JUDGED_PLANES:
        for name, spec in MEMBERS.items():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(len(name) + (plane is Plane.AXIAL))
                state = spec.build().state_dict()
            card = untrained_card(plane, name, 1.0 if name == "efficientnet" else 2.0)
            save_weights(out / weights_name(plane, name), state, card)
    return out


@pytest.fixture(scope="module")
def ensemble(folder: Path) -> Ensemble:
    return load_ensemble(folder, device="cpu")


def images(slices: int) -> np.ndarray:
    return np.random.default_rng(0).random((slices, 256, 256), dtype=np.float32)


@pytest.mark.parametrize("name", list(MEMBERS))
def test_every_member_makes_three_logits_of_three_maps_of_evidence(name: str) -> None:
    network = member_spec(name).build().eval()
    with torch.inference_mode():
        logits, evidence = network.with_evidence(torch.rand(2, 1, 256, 256))
    assert logits.shape == (2, 3)
    assert evidence.shape == (2, 3, 128, 128)
    top = evidence.flatten(2).topk(TOP_CELLS, dim=2).values.mean(dim=2)
    torch.testing.assert_close(logits, top * network.head.scale + network.head.bias)
    assert sum(p.numel() for p in network.parameters()) <= LIMITS[name]


@pytest.mark.parametrize("name", list(MEMBERS))
def test_every_weight_of_a_member_takes_part(name: str) -> None:
    network = member_spec(name).build().train()
    features = network.features(torch.rand(2, 1, 256, 256))
    answers = (*network.head.answer(features), *network.head.places(features))
    sum(answer.square().mean() for answer in answers).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None]
    assert idle == []


@pytest.mark.parametrize("name", list(MEMBERS))
def test_grad_cam_reads_a_map_of_128_in_every_member(name: str) -> None:
    # Imported here: alphabetical order would put it before asemble.models, which it needs.
    from pytorch_grad_cam import GradCAM  # noqa: PLC0415
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: PLC0415

    spec = member_spec(name)
    network = spec.build().eval()
    shapes = []
    layer = network.head.fuse
    layer.register_forward_hook(lambda module, given, made: shapes.append(tuple(made.shape)))
    with GradCAM(network, [layer]) as cam:
        heat = cam(torch.rand(1, 1, 256, 256), [ClassifierOutputTarget(1)])
    assert shapes[0][0] == 1 and shapes[0][2:] == (128, 128)
    assert heat.shape == (1, 256, 256)
    assert np.isfinite(heat).all()


def test_the_head_points_where_the_features_are() -> None:
    head = EvidenceHead((4, 4, 4, 4)).eval()
    quiet = [torch.zeros(1, 4, side, side) for side in (128, 64, 32, 16)]
    spot = [m.clone() for m in quiet]
    spot[0][..., 50, 9] = 30.0
    with torch.inference_mode():
        change = (head(spot)[1] - head(quiet)[1]).abs().sum(dim=1)[0]
    row, column = np.unravel_index(int(change.argmax()), (128, 128))
    assert abs(int(row) - 50) <= 1 and abs(int(column) - 9) <= 1


def test_an_unknown_member_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="asemblenet, efficientnet, pvt"):
        member_spec("vgg")


def test_probabilities_are_calibrated_and_evidence_is_as_seen(ensemble: Ensemble) -> None:
    slices = images(3)
    outputs = ensemble.infer(Plane.CORONAL, slices)
    assert list(outputs) == list(MEMBERS)
    for member in ensemble.planes[Plane.CORONAL]:
        with torch.inference_mode():
            features = member.network.features(member.inputs(slices))
            found = output_of(member.network, features, slices)
        warmth = 1.0 if member.name == "efficientnet" else 2.0
        expected = torch.softmax(found.logits / warmth, dim=1)
        np.testing.assert_allclose(outputs[member.name].probabilities, expected, atol=1e-5)
        np.testing.assert_allclose(outputs[member.name].evidence, found.evidence, atol=1e-4)


class _Marked(nn.Module):
    """A network that calls the left half of the square left ilium, and finds no lesion."""

    def __init__(self) -> None:
        super().__init__()
        self.head = EvidenceHead((4, 4, 4, 4)).eval()

    def features(self) -> torch.Tensor:
        marked = torch.zeros(1, FEATURES, 128, 128)
        marked[..., :64] = 1.0
        return marked

    def mark(self) -> "_Marked":
        with torch.no_grad():
            for layer in (self.head.tissue, self.head.evidence, self.head.oedema):
                layer.weight.zero_()
                layer.bias.zero_()
            self.head.tissue.weight[Tissue.LEFT_ILIUM] = 1.0
            self.head.tissue.bias[Tissue.REST] = 6.0
        return self


def test_a_lesion_counts_the_more_the_brighter_its_bone_is_there() -> None:
    network = _Marked().mark()
    image = np.full((1, 256, 256), 0.4, np.float32)
    image[0, 100:110, 20:30] = 0.8  # in bone
    image[0, 100:110, 200:210] = 0.8  # outside
    found = output_of(network, network.features(), image)  # type: ignore[arg-type]
    lesions = found.evidence[0, 1:] - found.evidence[0, 1:, :1, :1]
    assert (lesions[:, 51, 12] > 2).all() and (found.oedema[0, 51, 12] > 2)
    assert found.oedema[0, 51, 102] == 0
    assert found.evidence[0, 0].max() == found.evidence[0, 0].min()  # nothing speaks for health


def test_bone_is_named_by_its_side_and_lesions_outside_it_lose() -> None:
    network = _Marked().mark()
    found = output_of(network, network.features(), np.full((1, 256, 256), 0.4, np.float32))  # type: ignore[arg-type]
    assert found.tissue[0].argmax(axis=0)[5, 5] == Tissue.LEFT_ILIUM
    assert found.evidence[0, 1, 5, 5] > found.evidence[0, 1, 5, 100]


def test_a_slice_is_judged_alike_alone_and_among_others(ensemble: Ensemble) -> None:
    slices = images(34)  # more than one batch
    together = ensemble.infer(Plane.AXIAL, slices)
    alone = ensemble.infer(Plane.AXIAL, slices[33:])
    for name in MEMBERS:
        assert (together[name].probabilities[33:] == alone[name].probabilities).all()
        assert (together[name].evidence[33:] == alone[name].evidence).all()


def test_a_network_made_ready_says_the_same_without_its_normalisations(
    ensemble: Ensemble,
) -> None:
    for member in ensemble.planes[Plane.CORONAL]:
        ready = optimised_for_inference(member.network)
        left = [name for name, m in ready.named_modules() if isinstance(m, nn.BatchNorm2d)]
        assert left == ["head.norm"]  # comes after a sum, not after a convolution
        assert not any(p.requires_grad for p in ready.parameters())
        with torch.inference_mode():
            for found, expected in zip(
                ready.with_evidence(member.inputs(images(2))),
                member.network.with_evidence(member.inputs(images(2))),
                strict=True,
            ):
                assert float((found - expected).abs().max()) < 1e-4


def test_no_slices_give_no_answers(ensemble: Ensemble) -> None:
    output = ensemble.infer(Plane.AXIAL, images(0))["pvt"]
    assert output.probabilities.shape == (0, 3)
    assert output.evidence.shape == (0, 3, 128, 128)


def test_members_count_by_their_skill_and_equally_where_it_is_unknown(ensemble: Ensemble) -> None:
    def with_aucs(*aucs: float | None) -> Mapping[str, float]:
        members = tuple(
            replace(member, card=replace(member.card, metrics={"validation_auc": auc}))
            for member, auc in zip(ensemble.planes[Plane.AXIAL], aucs, strict=True)
        )
        planes = {Plane.AXIAL: members}
        return Ensemble(planes, signed=ensemble.signed, device="cpu").shares(Plane.AXIAL)

    shares = with_aucs(0.9, 0.8, 0.5)
    assert list(shares) == list(MEMBERS)
    # The quantiles of 0.9 and 0.8 are 1.2816 and 0.8416.
    assert list(shares.values()) == pytest.approx([0.6987, 0.3013, 0.0], abs=1e-4)
    for unknown in ((None, None, None), (0.5, 0.4, 1.0)):
        assert list(with_aucs(*unknown).values()) == pytest.approx([1 / 3] * 3)


def test_the_ensemble_names_each_weight_file_with_its_checksum(
    ensemble: Ensemble, folder: Path
) -> None:
    assert set(ensemble.weights) == {p.name for p in folder.glob("*.safetensors")}
    assert (
        ensemble.cards["axial-pvt.safetensors"].sha256 == ensemble.weights["axial-pvt.safetensors"]
    )


def test_slices_of_another_size_are_a_programmers_mistake(ensemble: Ensemble) -> None:
    with pytest.raises(ValueError, match="images must be"):
        ensemble.infer(Plane.CORONAL, np.zeros((1, 128, 128), np.float32))
    with pytest.raises(ValueError, match="sagittal"):
        ensemble.infer(Plane.SAGITTAL, images(1))


def test_a_device_that_is_not_here_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no device 'tpu'"):
        load_ensemble(folder, device="tpu")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no SHA256SUMS"):
        load_ensemble(tmp_path)


def test_torchvision_timm_and_grad_cam_import_whatever_torch_they_were_built_for() -> None:
    code = (
        "import asemble.models, torchvision, timm, pytorch_grad_cam; "
        "from asemble.models.torchvision_ops import declare_missing_operators; "
        "print(declare_missing_operators())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"  # nothing is left to declare


def test_weights_of_the_imagenet_package_have_a_place_each_in_timm() -> None:
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    first = {"_depthwise_conv": None, "_bn1": norm, "_project_conv": None, "_bn2": norm}
    others = {"_expand_conv": None, "_bn0": norm, **first}
    published = ["_conv_stem.weight", *(f"_bn0.{value}" for value in norm), "_fc.weight"]
    for block in range(sum(DEPTHS)):
        for layer, values in (others if block else first).items():
            published += [f"_blocks.{block}.{layer}.{v}" for v in values or ("weight",)]
    found = as_timm({name: torch.zeros(1) for name in published})
    body = member_spec("efficientnet").build().body.body
    assert set(body.state_dict()) <= set(found)
    beyond = {name.split(".")[0] + "." + name.split(".")[1] for name in found} - {
        name.split(".")[0] + "." + name.split(".")[1] for name in body.state_dict()
    }
    assert beyond == {"blocks.5", "blocks.6"}  # the stages below stride 16
