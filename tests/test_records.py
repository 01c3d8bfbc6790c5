"""What was stored or written by hand is checked before it is used."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from asemble.core.errors import ConfigError, WeightsError
from asemble.core.labels import Plane
from asemble.models.cards import read_card
from asemble.models.fusion import FUSION_FILE, load_fusion
from asemble.models.members import MEMBERS
from asemble.performance import pages
from asemble.performance.pages import as_markdown
from asemble.performance.store import (
    PERFORMANCE_FILE,
    keep,
    read_performance,
    write_performance,
)
from asemble.training.config import TrainingConfig, config_from_dict

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "weights"
NAMES = {plane: list(MEMBERS) for plane in (Plane.CORONAL, Plane.AXIAL)}
PAGES = {
    "studies": lambda found: pages.studies_parts(found, fusion_limits()),
    "calibration": pages.calibration_parts,
    "explanations": pages.explanations_parts,
    "trust": lambda found: pages.trust_parts(found, fusion_limits()),
    "measurements": pages.measurements_parts,
    "scope": pages.scope_parts,
    "table": pages.table_parts,
}
GOOD = {"member": "pvt", "plane": "axial"}


def fusion_limits() -> dict[str, float | None]:
    limits: dict[str, float | None] = json.loads((WEIGHTS / FUSION_FILE).read_text())["limits"]
    return limits


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"body_rate": 0}, "body_rate must be above 0, at most 1."),
        ({"average": 1}, "average must be from 0 to below 1."),
        ({"seed": -1}, "seed must be 0 or more."),
        ({"weight_decay": -0.1}, "weight_decay must be 0 or more."),
        ({"imagenet": 1}, "imagenet must be of type bool, not 1."),
        ({"passes": 24.0}, "passes must be of type int, not 24.0."),
        ({"preprocessing": "sharp"}, "preprocessing is 'sharp'. Use one of plain, abstract."),
        ({"from_folder": "weights"}, "from_sha256 must be beside from_folder."),
        ({"painted_slices": 3}, "from_folder must be there where slices are painted"),
    ],
)
def test_a_value_that_a_configuration_cannot_have_is_named(
    value: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_dict({**GOOD, **value})
    assert sentence in str(caught.value)
    with pytest.raises(ConfigError):
        replace(config_from_dict(GOOD), **value)


def test_every_number_of_a_configuration_says_what_it_has_to_be() -> None:
    known = TrainingConfig.__pydantic_fields__
    numbers = [f.name for f in fields(TrainingConfig) if known[f.name].annotation in (int, float)]
    assert len(numbers) > 10
    assert all(known[name].metadata and known[name].description for name in numbers)
    assert isinstance(config_from_dict({**GOOD, "learning_rate": 1}).learning_rate, float)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["coefficients"]["axial"][0].pop(),
        lambda c: c["coefficients"].pop("axial+coronal"),
        lambda c: c["coefficients"]["axial"][0].__setitem__(0, float("nan")),
        lambda c: c["references"]["gradcam"]["axial"].pop("pvt"),
        lambda c: c["references"]["gradcam"]["axial"].__setitem__("pvt", 0),
        lambda c: c["slices"]["axial"].__setitem__("slope", 0),
        lambda c: c["slices"]["axial"].__setitem__("shift", "1"),
        lambda c: c["slices"]["axial"].pop("rest_slope"),
        lambda c: c["interval"].__setitem__("floor", -1),
        lambda c: c["interval"].pop("nominal"),
        lambda c: c["counting"].__setitem__("coronal", 1.5),
        lambda c: c.__setitem__("limits", []),
    ],
)
def test_a_fusion_with_a_number_too_few_or_one_that_cannot_be_is_refused(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    content = json.loads((WEIGHTS / FUSION_FILE).read_text())
    change(content)
    (tmp_path / FUSION_FILE).write_text(json.dumps(content))
    with pytest.raises(WeightsError, match=r"ensemble\.json is damaged or incomplete"):
        load_fusion(tmp_path, content["weights"], NAMES)


def test_a_fusion_is_read_to_the_bit() -> None:
    content = json.loads((WEIGHTS / FUSION_FILE).read_text())
    fusion = load_fusion(WEIGHTS, content["weights"], NAMES)
    assert {k: v.tolist() for k, v in fusion.coefficients.items()} == content["coefficients"]
    assert fusion.limits == content["limits"]
    assert fusion.interval.multiplier == content["interval"]["multiplier"]
    assert fusion.references == content["references"]


def test_a_fusion_of_the_old_layout_is_refused_in_a_sentence(tmp_path: Path) -> None:
    content = json.loads((WEIGHTS / FUSION_FILE).read_text())
    del content["format"]
    (tmp_path / FUSION_FILE).write_text(json.dumps({**content, "evaluation": {}}))
    with pytest.raises(WeightsError, match=r"ensemble\.json has format 1, not 2"):
        load_fusion(tmp_path, content["weights"], NAMES)


def test_what_was_measured_is_read_as_it_was_written_and_refused_where_damaged(
    tmp_path: Path,
) -> None:
    stored = read_performance(WEIGHTS)
    assert stored.studies is not None
    write_performance(tmp_path, stored)
    assert read_performance(tmp_path) == stored
    assert keep(tmp_path, studies=None) == replace(stored, studies=None)
    content = json.loads((WEIGHTS / PERFORMANCE_FILE).read_text())
    for damaged in ("{", json.dumps({**content, "studies": {"sets": {}}})):
        (tmp_path / PERFORMANCE_FILE).write_text(damaged)
        with pytest.raises(WeightsError, match=r"performance\.json is damaged"):
            read_performance(tmp_path)
    (tmp_path / PERFORMANCE_FILE).write_text(json.dumps({**content, "format": 9}))
    with pytest.raises(WeightsError, match=r"performance\.json has format 9, not 1"):
        read_performance(tmp_path)


def test_the_pages_of_figures_say_what_is_stored() -> None:
    stored = read_performance(WEIGHTS)
    for verb, parts in PAGES.items():
        found = getattr(stored, verb)
        if found is not None:
            page = (ROOT / "docs" / f"{verb}.md").read_text(encoding="utf-8")
            assert page.endswith(f"\n\n{as_markdown(parts(found))}\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", "normal"),
        ("calibration", {"temperature": "1"}),
        ("calibration", 1),
        ("format", "1"),
        ("metrics", None),
        ("sha256", 7),
    ],
)
def test_a_card_with_a_value_of_another_kind_is_refused_by_its_field(
    name: str, value: object, tmp_path: Path
) -> None:
    content = json.loads((WEIGHTS / "axial-pvt.json").read_text())
    path = tmp_path / "axial-pvt.json"
    path.write_text(json.dumps({**content, name: value}))
    with pytest.raises(WeightsError, match=rf"axial-pvt\.json .*{name}"):
        read_card(path)
