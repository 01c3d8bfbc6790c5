"""A training configuration: one TOML file a member, read strictly."""

import math
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from asemble.core.errors import ConfigError
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.imaging.intensity import Preprocessing
from asemble.models import imagenet
from asemble.models.classifiers import TRAINABLE
from asemble.models.members import MEMBERS

CONFIGS = Path(__file__).parent / "configs"
"""A file for each member and plane; in `check` and `table` what is trained but never shipped."""

Count = Annotated[int, Field(ge=1, description="at least 1")]
Natural = Annotated[int, Field(ge=0, description="0 or more")]
Positive = Annotated[float, Field(gt=0, description="above 0")]
Weight = Annotated[float, Field(ge=0, description="0 or more")]
Share = Annotated[float, Field(ge=0, lt=1, description="from 0 to below 1")]
"""Kinds of numbers; the description says in a refusal what they have to be."""


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid"))
class TrainingConfig:
    """Everything that decides a training run, beside the slices.

    Args:
        member: name in the table of members, or of the networks that they are compared with.
        plane: coronal or axial.
        seed: of initialisation, order and augmentation.
        training_cases: simulated people to learn from, six slices each; the same people, in the
            same order, for every member and seed (`asemble.datasets.people`). For the networks of
            the comparison cases of three slices (`asemble.datasets.simulated`).
        further: whether the people are those of the set "further", as many of them mechanical as
            inflammatory.
        painted_slices: slices with oedema painted on real pelvises (`asemble.training.painted`),
            learned from together with the simulated ones; 0 for none.
        from_folder: of the weights that the run goes on from, as the command line is started;
            empty for a run from scratch.
        from_sha256: of the weight file in it: the run refuses any other.
        start_share: how much of the weights that the run began at is in those that it leaves; the
            mean of both does better on other images than either (Wortsman 2022, arXiv:2109.01903).
        validation_cases: further cases, for early stopping and calibration.
        passes: images seen, counting repeats; the budget.
        batch: images in a step.
        learning_rate: at its peak.
        warmup: share of the steps in which the rate rises from nothing.
        weight_decay: of AdamW, on matrices and kernels only.
        validate_every: passes between two validations.
        patience: validations without a better loss before the run stops early.
        heatmap_weight: of the positive-weighted cross entropy on evidence maps. This and the three
            after it weigh validation, and learning from slices whose bones are not known; what
            simulated people teach a member has the weights of `asemble.training.segmentation`, but
            for `label_weight`.
        positive_weight: of a lesion cell against a cell without one.
        dice_weight: of one minus the Dice overlap of evidence and lesions.
        label_weight: of the cross entropy on slice labels.
        average: decay a step of the running mean of the weights, which is what is validated and
            kept; 0 keeps the weights themselves.
        imagenet: whether the body begins at ImageNet, which a package brings for one member
            (`asemble.models.imagenet`).
        body_rate: learning rate of the body, as a share of that of the rest.
        preprocessing: "plain", or "abstract" for cut borders and CLAHE.
    """

    member: str
    plane: Annotated[Plane, Field(strict=False)]
    seed: Natural = 0
    training_cases: Count = 4_200
    further: bool = False
    painted_slices: Natural = 0
    from_folder: str = ""
    from_sha256: str = ""
    start_share: Share = 0.0
    validation_cases: Count = 400
    passes: Count = 30_000
    batch: Count = 32
    learning_rate: Positive = 2.0e-3
    warmup: Share = 0.05
    weight_decay: Weight = 0.02
    validate_every: Count = 5_000
    patience: Natural = 5
    heatmap_weight: Weight = 12.0
    positive_weight: Positive = 8.0
    dice_weight: Weight = 0.5
    label_weight: Weight = 0.5
    average: Share = 0.0
    imagenet: bool = False
    body_rate: Annotated[float, Field(gt=0, le=1, description="above 0, at most 1")] = 1.0
    preprocessing: Annotated[Preprocessing, Field(strict=False)] = Preprocessing.PLAIN

    @model_validator(mode="wrap")
    @classmethod
    def _in_a_sentence(cls, given: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(given)
        except ValidationError as error:
            raise _refusal(error) from error

    def __post_init__(self) -> None:
        """What depends on more than one field, or on the networks that there are."""
        if self.member not in TRAINABLE:
            raise ConfigError(
                f"member is {self.member!r}.",
                hint=f"It must be one of {', '.join(TRAINABLE)}.",
                code="config-value-invalid",
            )
        if self.plane not in JUDGED_PLANES:
            raise ConfigError(
                f"plane is {self.plane.value!r}.",
                hint="Use coronal or axial.",
                code="config-value-invalid",
            )
        if self.imagenet and self.member != imagenet.MEMBER:
            raise ConfigError(
                f"imagenet is true, and {self.member} has no weights of ImageNet.",
                hint=f"Only {imagenet.MEMBER} begins there.",
                code="no-imagenet-weights",
            )
        if bool(self.from_folder) != bool(self.from_sha256):
            raise ConfigError("from_sha256 must be beside from_folder.", code="config-key-missing")
        if self.painted_slices and not self.from_folder:
            raise ConfigError(
                "from_folder must be there where slices are painted: its networks find the bones.",
                code="config-key-missing",
            )

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole budget."""
        return math.ceil(self.passes / self.batch)

    @property
    def validate_every_steps(self) -> int:
        """Optimiser steps between two validations."""
        return max(1, round(self.validate_every / self.batch))

    def as_dict(self) -> dict[str, Any]:
        """By name, for a card or a checkpoint."""
        return {
            f.name: str(value) if isinstance(value, Plane | Preprocessing) else value
            for f in fields(self)
            for value in [getattr(self, f.name)]
        }


def read_config(path: Path) -> TrainingConfig:
    """Read the TOML file of a member, whose keys are the fields of `TrainingConfig`.

    Raises:
        ConfigError: it cannot be read, has an unknown key, a value of the wrong kind, or is of a
            network that is no member.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The configuration {path.name} cannot be read.",
            hint=f"{error.strerror}.",
            code="config-unreadable",
        ) from error
    except ValueError as error:  # of the TOML grammar, or of UTF-8
        raise ConfigError(f"{path.name} is not TOML: {error}.", code="config-not-toml") from error
    config = config_from_dict(content)
    if config.member not in MEMBERS:
        raise ConfigError(
            f"{config.member} is compared with the members, and is none of them.",
            hint="`asemble evaluate table` trains it.",
            code="comparison-not-a-member",
        )
    return config


def config_from_dict(content: dict[str, Any]) -> TrainingConfig:
    """A configuration from keys and plain values.

    Raises:
        ConfigError: a key is unknown or missing, or a value is of the wrong kind.

    >>> config_from_dict({"member": "pvt", "plane": "axial"}).steps
    938
    """
    return TrainingConfig(**content)


def _refusal(error: ValidationError) -> ConfigError:
    """What is wrong first: keys that nobody knows, keys that are missing, then a value."""
    known = TrainingConfig.__pydantic_fields__  # type: ignore[attr-defined]  # of pydantic
    found = error.errors(include_url=False)
    unknown = [str(each["loc"][0]) for each in found if each["type"] == _UNKNOWN]
    if unknown:
        return ConfigError(
            f"The configuration has unknown keys: {', '.join(sorted(unknown))}.",
            hint=f"Known keys: {', '.join(known)}.",
            code="config-key-unknown",
        )
    missing = [str(each["loc"][0]) for each in found if each["type"] == "missing"]
    if missing:
        return ConfigError(
            f"The configuration does not say {' and '.join(missing)}.", code="config-key-missing"
        )
    first = found[0]
    name, value = str(first["loc"][0]), first["input"]
    kind: Any = known[name].annotation
    if first["type"] == "enum":
        return ConfigError(
            f"{name} is {value!r}.",
            hint=f"Use one of {', '.join(kind)}.",
            code="config-value-invalid",
        )
    if first["type"].endswith("_type"):
        return ConfigError(
            f"{name} must be of type {kind.__name__}, not {value!r}.", code="config-value-invalid"
        )
    return ConfigError(f"{name} must be {known[name].description}.", code="config-value-invalid")


_UNKNOWN = "unexpected_keyword_argument"
"""What pydantic calls a key that is no field."""
