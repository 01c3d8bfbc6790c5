"""The Models page: every number on it was measured and stored beside the weights."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from small_records import RECORDS
from streamlit.testing.v1 import AppTest

from asemble.core.labels import Plane
from asemble.evaluation.calibration_metrics import calibration_metrics
from asemble.evaluation.gallery import worst, write_strip
from asemble.evaluation.heatmap_metrics import heatmap_metrics
from asemble.evaluation.study_metrics import studies_measured, study_metrics
from asemble.metrics.estimates import Estimate, with_interval
from asemble.models import Ensemble, load_ensemble
from asemble.models.cards import NEVER_TESTED
from asemble.performance.records import Appearances, GateGroup, InputGateMetrics
from asemble.performance.store import GALLERY_FILE, keep, read_performance
from asemble.performance.tables import main_table
from asemble.ui import cache
from asemble.ui.model_facts import NOT_MEASURED, facts

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def measured_weights(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copytree(random_weights, tmp_path_factory.mktemp("measured") / "weights")
    records = {Appearances.TRAINING: RECORDS, Appearances.HELD_OUT: RECORDS[::-1]}
    group = GateGroup(
        name="thick slices",
        must_judge=True,
        studies=900,
        abstained=11,
        share=Estimate(0.0123, 0.01, 0.02, 900),
        pelvis=None,
        margin_shown=None,
        margin_upright=None,
        noted=0,
        codes={},
        reasons={"They do not look like the joints.": 11},
    )
    keep(
        folder,
        studies=studies_measured(records, dict.fromkeys(Appearances, 1)),
        explanations=dict.fromkeys(Appearances, heatmap_metrics(RECORDS)),
        calibration=dict.fromkeys(Appearances, calibration_metrics(RECORDS)),
        scope=InputGateMetrics(900, (group,)),
    )
    write_strip(folder / GALLERY_FILE, worst(RECORDS))
    return folder


@pytest.fixture(autouse=True)
def _own_weights() -> Iterator[None]:
    """No other test's weights here, and none of these elsewhere."""
    cache.ensemble.clear()
    cache.performance.clear()
    yield
    cache.ensemble.clear()
    cache.performance.clear()


def open_models(weights: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("ASEMBLE_WEIGHTS", str(weights))
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    app.switch_page(str(Path("pages") / "4_Models.py")).run()
    assert not app.exception
    return app


def open_tab(app: AppTest, name: str) -> AppTest:
    app.session_state["models"] = name
    app.run()
    assert not app.exception
    return app


def cells(app: AppTest) -> str:
    return "\n".join(table.value.to_string() for table in app.table)


def test_the_page_shows_what_was_stored_and_says_that_it_is_simulated(
    measured_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_models(measured_weights, monkeypatch)
    assert NEVER_TESTED in cells(app)
    auc = with_interval(study_metrics(RECORDS, first_seed=1).answers.auc)
    declined = "1.2% (1.0% to 2.0%)"  # of simulated joints
    for tab, shown in (("Test studies", auc), ("Input gate", declined), ("Heatmaps", "")):
        open_tab(app, tab)
        assert "imulated" in app.subheader[0].value
        assert shown in cells(app)


def test_the_worst_studies_are_shown_one_by_one_with_the_way_to_make_them_again(
    measured_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_tab(open_models(measured_weights, monkeypatch), "Worst studies")
    for number, failure in enumerate(worst(RECORDS[::-1])[:2], start=1):
        next(each for each in app.get("button_group") if each.key == "worst").set_value(number)
        app.run()
        (command,) = (code.value for code in app.code)
        assert f"--seed {failure['seed']}" in command
        assert sum("data:image" in each.proto.body for each in app.get("html")) == 1


def test_the_reliability_plot_follows_the_level_that_is_chosen(
    measured_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_tab(open_models(measured_weights, monkeypatch), "Calibration")
    assert len(app.get("plotly_chart")) == 1
    before = cells(app)
    next(box for box in app.selectbox if box.label == "Show").select_index(2).run()
    assert not app.exception
    assert cells(app) != before  # 7 studies, then 21 coronal slices


def test_what_was_not_measured_is_said_to_be_so(
    random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_models(random_weights, monkeypatch)
    assert NOT_MEASURED in cells(app)
    for tab, name in (
        ("Test studies", "studies"),
        ("Calibration", "calibration"),
        ("Heatmaps", "explanations"),
        ("Heatmap checks", "trust"),
        ("Input gate", "scope"),
        ("Comparison", "table"),
    ):
        said = [each.value for each in open_tab(app, tab).markdown]
        assert any(f"`asemble evaluate {name}`" in word for word in said)


def test_the_label_says_that_shipped_networks_saw_real_pelvises() -> None:
    coronal, _, axial = dict(facts(load_ensemble()))["Data"].partition("Axial")
    assert "real pelvises" in coronal
    assert "real" not in axial


def test_the_label_reads_its_numbers_from_the_cards_and_the_fusion(
    measured_weights: Path, random_ensemble: Ensemble
) -> None:
    lines = dict(facts(random_ensemble))
    assert lines["Budget"].startswith(NOT_MEASURED)  # random weights were never trained
    assert lines["Networks"].startswith("6: ")
    table = main_table(read_performance(measured_weights))
    assert len(table.rows) == 15
    shown = {row[0]: row[1:] for row in table.rows}
    maps = study_metrics(RECORDS, first_seed=1).planes[Plane.CORONAL].maps
    game = with_interval(maps["gradcam"]["ensemble"].pointing)
    assert shown["pointing, coronal, Grad-CAM"] == [game, game]
