"""The card beside each weight file: what the network is, and how it came to be."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict, TypeAdapter, ValidationError

from asemble.core.errors import WeightsError
from asemble.core.labels import PATTERNS, Plane, Weighting
from asemble.imaging.intensity import SQUASH, Preprocessing
from asemble.imaging.slices import FIELD_MM, SIDE
from asemble.models.signing import FETCH_AGAIN, OTHER_FORMAT, sign

FORMAT = 1
"""Raised when a field changes its meaning."""

INTENDED_USE = (
    "Education and research: reading sacroiliac MRI beside an ensemble that can be taken apart. "
    "Not for diagnosis, treatment, screening or triage."
)
NEVER_TESTED = (
    "Real healthy people, real mechanical disease, children, pregnancy, implants, infection, "
    "tumour, fracture, gadolinium. External validation: none."
)


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one weight file.

    Args:
        member: name in the table of members.
        plane: of the slices that it was trained on.
        architecture: as the table of members says it.
        classes: in the order of the outputs.
        input: what a slice must be: side, field_mm, squash, weighting, preprocessing.
        training: command, config, seed, passes, slices, seconds, software.
        data: what it was trained and validated on, in words and numbers.
        metrics: of the validation slices at the end of training, by name.
        calibration: `{"temperature": t}`; logits are divided by t.
        sha256: of the weight file, in hex.
        format: version of these fields.
    """

    member: str
    plane: str
    architecture: str
    classes: tuple[str, ...]
    input: Mapping[str, Any]
    training: Mapping[str, Any]
    data: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    calibration: Mapping[str, Annotated[float, Strict()]]
    sha256: str = ""
    format: Annotated[int, Strict()] = FORMAT

    @property
    def temperature(self) -> float:
        """What the logits are divided by before they become probabilities."""
        return float(self.calibration["temperature"])

    @property
    def preprocessing(self) -> Preprocessing:
        """How prepared slices are changed before this network reads them."""
        return Preprocessing(self.input["preprocessing"])

    def with_use(self) -> "Card":
        """The same card with what the network is for, and on what it was never tested."""
        return replace(
            self, data={**self.data, "intended_use": INTENDED_USE, "never_tested": NEVER_TESTED}
        )


def input_facts(preprocessing: Preprocessing = Preprocessing.PLAIN) -> dict[str, Any]:
    """What every network of this version reads, for the `input` of a card."""
    return {
        "side": SIDE,
        "channels": 1,
        "field_mm": FIELD_MM,
        "intensity": "x / foreground median, then x / (x + squash) / 0.8",
        "squash": SQUASH,
        "weighting": Weighting.FLUID.value,
        "preprocessing": preprocessing.value,
    }


def card_path(weights: Path) -> Path:
    """Where the card of a weight file lies."""
    return weights.with_suffix(".json")


def write_card(path: Path, card: Card) -> None:
    """Write `card`, whole or not at all, and sign it."""
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(asdict(card), indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    sign(path)


def read_card(path: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> Card:
    """Read a card and check it against this version of the package.

    Args:
        path: of the card.
        read: gives the content of a file; `Signed.read` where it has to be the signed one.

    Raises:
        WeightsError: it is missing, changed since it was signed, or of another version.
    """
    name = path.name
    try:
        content = json.loads(read(path))
    except FileNotFoundError:
        raise WeightsError(f"The model card {name} is missing.", hint=FETCH_AGAIN) from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"The model card {name} is unreadable.", hint=FETCH_AGAIN) from error
    if isinstance(content, dict):
        content.pop("checksum", None)  # of itself, in cards from before there was a list
        metrics = content.get("metrics")
        if isinstance(metrics, dict):  # once with copies of what `asemble evaluate` measured
            measured = {k: v for k, v in metrics.items() if not isinstance(v, dict)}
            content["metrics"] = measured
    if not isinstance(content, dict) or set(content) != {f.name for f in fields(Card)}:
        raise WeightsError(f"The model card {name} lacks or adds fields.", hint=FETCH_AGAIN)
    try:
        card = _CARD.validate_python(content)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]["loc"][0]
        raise WeightsError(
            f"The model card {name} holds something else than a card does: see {wrong!r}.",
            hint=FETCH_AGAIN,
        ) from error
    _check_fits(card, name)
    return card


_CARD = TypeAdapter(Card)


def _check_fits(card: Card, name: str) -> None:
    """Whether this version of the package would use the weights as they were trained."""
    if card.format != FORMAT:
        raise WeightsError(
            f"The model card {name} has format {card.format}, not {FORMAT}.",
            hint=FETCH_AGAIN,
            code=OTHER_FORMAT,
        )
    if card.plane not in list(Plane):
        raise WeightsError(f"The model card {name} names no plane.", hint=FETCH_AGAIN)
    if card.classes != tuple(p.value for p in PATTERNS):
        raise WeightsError(f"The model card {name} has other classes.", hint=FETCH_AGAIN)
    if card.input.get("preprocessing") not in list(Preprocessing) or dict(
        card.input
    ) != input_facts(card.preprocessing):
        raise WeightsError(f"The model card {name} asks for another input.", hint=FETCH_AGAIN)
    temperature = card.calibration.get("temperature", math.nan)
    if not (math.isfinite(temperature) and temperature > 0):
        raise WeightsError(f"The model card {name} has no calibration.", hint=FETCH_AGAIN)
