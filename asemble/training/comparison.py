"""Networks that are compared, each trained alike, then asked about test slices.

A finished run leaves its answers in its folder, whose name holds a digest of all that decides
them; a run that was stopped goes on from its checkpoint.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

import asemble.phantom
from asemble.core.errors import ConfigError
from asemble.core.labels import PATTERNS, Pattern, Plane, Weighting
from asemble.datasets import simulated
from asemble.datasets import slice_set as slice_sets
from asemble.datasets.simulated import PARTS, ExtraChannels, SliceRequest, simulate_slices
from asemble.datasets.slice_set import SliceSet
from asemble.imaging import intensity, slices
from asemble.metrics.slice_metrics import ScoredSlices
from asemble.models import asemblenet as body
from asemble.models import classifiers, evidence_head, members
from asemble.models.classifiers import COMPARISON, build_network, pretrained_network
from asemble.models.members import asemblenet
from asemble.phantom import Ingredient
from asemble.training import augment, losses
from asemble.training.config import CONFIGS, TrainingConfig, config_from_dict, read_config
from asemble.training.initial_weights import FROM_SCRATCH, Start
from asemble.training.loop import outputs, train
from asemble.training.losses import LESION_CHANNELS
from asemble.training.validation import pointing_rate

NETWORKS_FILE = CONFIGS / "table" / "networks.toml"
"""Which networks are compared, and how each is taught."""

ABLATIONS_FILE = CONFIGS / "table" / "ablations.toml"
"""Which parts of the simulator ASembleNet is taught without, and what it is shown beside."""

TEST_PARTS = ("test", "held-out")
"""Slices to be asked about: appearances as in training, and appearances that it never sampled."""

VALIDATIONS = 2
"""In a run: the last nearly always wins, and each costs as much as some hundred passes."""

FACTS_FILE = "run.json"
"""Written last, so a folder with it holds a finished run."""

SOURCES = (
    *(slices, intensity, simulated, slice_sets),
    *(body, evidence_head, members, classifiers),
    *(augment, losses),
)
"""Modules that decide which slices a network sees, what it is and what it is taught."""

_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


@dataclass(frozen=True, slots=True)
class Run:
    """One network on one plane.

    Args:
        name: in files.
        title: for people.
        taught_by: "labels" or "masks".
        cost: seconds for an image, relative to the other runs.
        config: how it is trained.
        pretrained: start from timm's ImageNet weights.
        test_cases: cases of each of `TEST_PARTS` to be asked about.
        beside: what the network sees with each slice.
        without: what the simulator left out of the slices that it learns from, and of no others.
        is_shuffled: a control that must fail: it learns from slices with the labels and masks of
            others.
    """

    name: str
    title: str
    taught_by: str
    cost: float
    config: TrainingConfig
    pretrained: bool
    test_cases: int
    beside: ExtraChannels = ExtraChannels.NOTHING
    without: Ingredient | None = None
    is_shuffled: bool = False

    @property
    def label(self) -> str:
        """Names the run in lines of progress."""
        return f"{self.config.plane.value} {self.name}"

    def folder(self, out: Path) -> Path:
        """Where in `out` its checkpoint and its answers lie."""
        facts = {
            "pretrained": self.pretrained,
            "test_cases": self.test_cases,
            "beside": self.beside,
            "without": self.without,
            **({"shuffled": True} if self.is_shuffled else {}),
        }
        digest = source_digest({**self.config.as_dict(), **facts})
        return out / f"{self.config.plane.value}-{self.name}-{digest}"

    def is_finished(self, out: Path) -> bool:
        """Whether its answers are there."""
        return (self.folder(out) / FACTS_FILE).exists()

    def requests(self) -> dict[str, SliceRequest]:
        """Slices by part: to learn from, to choose the best weights by, to be asked about."""
        cases = {
            "training": self.config.training_cases,
            "validation": self.config.validation_cases,
            **dict.fromkeys(TEST_PARTS, self.test_cases),
        }
        return {
            part: SliceRequest(
                self.config.plane,
                Weighting.FLUID,
                part,
                count,
                beside=self.beside,
                without=self.without if part == "training" else None,
            )
            for part, count in cases.items()
        }


def read_runs(
    file: Path = NETWORKS_FILE, *, passes: int, test_cases: int, pretrained: bool = False
) -> list[Run]:
    """The runs of a table, plane by plane, in the order of the file.

    Args:
        file: like `NETWORKS_FILE`.
        passes: images that each network sees in training.
        test_cases: of each part.
        pretrained: start the comparison networks from ImageNet weights.

    Raises:
        ConfigError: the file cannot be read, or asks for something that does not exist.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        return [
            Run(
                name=network["name"],
                title=network["title"],
                taught_by=network["taught_by"],
                cost=float(network["cost"]),
                config=_config(content, plane, network, passes),
                pretrained=pretrained and network["member"] in COMPARISON,
                test_cases=test_cases,
                beside=ExtraChannels(network.get("beside", ExtraChannels.NOTHING)),
                without=Ingredient(network["without"]) if "without" in network else None,
                is_shuffled=bool(network.get("shuffled", False)),
            )
            for plane in map(Plane, content["planes"])
            for network in content["networks"]
        ]
    except OSError as error:
        raise ConfigError(
            f"{file.name} cannot be read.", hint=f"{error.strerror}.", code="config-unreadable"
        ) from error
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{file.name} lacks {error}.", code="config-key-missing") from error
    except ValueError as error:  # of the TOML grammar, of UTF-8, or a word that means nothing
        raise ConfigError(
            f"{file.name} is not right: {error}.", code="config-value-invalid"
        ) from error


def _config(
    content: dict[str, Any], plane: Plane, network: dict[str, Any], passes: int
) -> TrainingConfig:
    member = read_config(CONFIGS / f"{plane.value}-asemblenet.toml")
    return config_from_dict(
        {
            "member": network["member"],
            "plane": plane.value,
            "passes": passes,
            "training_cases": member.training_cases,
            "batch": member.batch,
            "validate_every": -(-passes // VALIDATIONS),
            **content["all"],
            **content["taught_by"][network["taught_by"]],
            **{key: network[key] for key in ("seed", "imagenet") if key in network},
        }
    )


def finish(run: Run, out: Path, cache: Path, log: Callable[[str], None]) -> None:
    """Train a run to its end, ask it about the test slices, and write its answers.

    Args:
        run: what to train.
        out: folder of the runs.
        cache: folder of the slices.
        log: takes one line of progress at a time.

    Raises:
        ConfigError: ImageNet weights were asked for and could not be fetched.
    """
    folder = run.folder(out)
    config = run.config
    made = {part: simulate_slices(request, cache) for part, request in run.requests().items()}
    if run.is_shuffled:
        made["training"] = shuffled(made["training"], seed=config.seed)
    start = _start(run)
    result = train(
        config,
        made["training"],
        made["validation"],
        folder,
        log=lambda line: log(f"{run.label}: {line}"),
        command="asemble evaluate table",
        start=start,
    )
    network = start.network or build_network(config.member)
    network.load_state_dict(load_file(result.weights), strict=True)
    for part in TEST_PARTS:
        logits, evidence = outputs(network, made[part], config.preprocessing)
        probabilities = torch.softmax(logits.double() / result.card.temperature, dim=1).numpy()
        save_scored(folder / f"{part}.npz", score(made[part], probabilities, evidence))
    facts = {
        "passes": result.passes,
        "parameters": sum(p.numel() for p in network.parameters()),
        "seconds": result.card.training["seconds"],
    }
    (folder / FACTS_FILE).write_text(json.dumps(facts) + "\n", encoding="utf-8")
    for checkpoint in folder.glob("*.checkpoint"):  # a quarter of a gigabyte each
        checkpoint.unlink()


def shuffled(slices: SliceSet, *, seed: int) -> SliceSet:
    """The same slices with the labels and masks of other slices, drawn by chance."""
    order = np.random.default_rng(seed).permutation(len(slices))
    return SliceSet(slices.images, slices.lesions[order], slices.labels[order], slices.cases)


def _start(run: Run) -> Start:
    if run.pretrained:
        start = pretrained_network(run.config.member, seed=run.config.seed)
        return Start(start, "ImageNet, of timm")
    if run.beside is ExtraChannels.NOTHING:
        return FROM_SCRATCH
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.config.seed)
        return Start(asemblenet(run.beside.channels))


def score(
    asked: SliceSet, probabilities: np.ndarray[Any, Any], evidence: torch.Tensor
) -> ScoredSlices:
    """Answers beside their truth.

    Args:
        asked: the slices.
        probabilities: `(n, 3)`.
        evidence: `(n, 3, 128, 128)`.
    """
    channel = LESION_CHANNELS.index(_INFLAMMATORY)
    lesions = torch.from_numpy(asked.lesions[:, channel].astype(np.float32) / 255)
    maps = evidence[:, _INFLAMMATORY]
    rates = (pointing_rate(maps[i : i + 1], lesions[i : i + 1]) for i in range(len(asked)))
    hits = np.array([np.nan if rate is None else rate for rate in rates], dtype=np.float64)
    return ScoredSlices(
        np.array(asked.labels), np.array(asked.cases), probabilities.astype(np.float64), hits
    )


def save_scored(path: Path, scored: ScoredSlices) -> None:
    """Write answers, whole or not at all."""
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        labels=scored.labels,
        cases=scored.cases,
        probabilities=scored.probabilities,
        hits=scored.hits,
    )
    partial.replace(path)


def load_scored(path: Path) -> ScoredSlices:
    """What `save_scored` wrote."""
    with np.load(path) as arrays:
        return ScoredSlices(**arrays)


def read_facts(run: Run, out: Path) -> dict[str, Any]:
    """Passes, parameters and seconds of a finished run."""
    facts: dict[str, Any] = json.loads((run.folder(out) / FACTS_FILE).read_text(encoding="utf-8"))
    return facts


def source_digest(facts: dict[str, Any]) -> str:
    """A short name for the facts and for the source of simulator, slices, networks and losses."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    digest.update(repr([(part, people.first) for part, people in PARTS.items()]).encode())
    phantom = Path(asemble.phantom.__path__[0]).glob("*.py")
    files = [*sorted(phantom), *(Path(str(module.__file__)) for module in SOURCES)]
    for source in files:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
