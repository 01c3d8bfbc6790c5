"""The Models page: every number on it was measured and stored beside the weights."""

from pathlib import Path
from shutil import copytree

import pytest
from small_records import RECORDS
from streamlit.testing.v1 import AppTest

from asemble.commands.evaluate_studies import studies_content
from asemble.evaluation.calibration_metrics import calibration_figures
from asemble.evaluation.gallery import GALLERY_FILE, worst, write_strip
from asemble.evaluation.heatmap_metrics import explanations
from asemble.evaluation.study_metrics import IN_DISTRIBUTION, SETS, SHIFTED, figures
from asemble.models import Ensemble
from asemble.models.cards import NEVER_TESTED
from asemble.models.fusion import load_fusion, store_measurement
from asemble.ui import cache
from asemble.ui.facts import NOT_MEASURED, facts, main_figures, short

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def measured_weights(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copytree(random_weights, tmp_path_factory.mktemp("measured") / "weights")
    found = figures(RECORDS)
    records = {IN_DISTRIBUTION: RECORDS, SHIFTED: RECORDS[::-1]}
    store_measurement(folder, "studies", studies_content(records, dict.fromkeys(SETS, found)))
    for name, measured in (
        ("explanations", explanations(RECORDS)),
        ("calibration", calibration_figures(RECORDS)),
    ):
        store_measurement(folder, name, {"sets": dict.fromkeys(SETS, measured)})
    share = {"must_judge": True, "studies": 900, "share": 0.0123, "low": 0.01, "high": 0.02}
    reasons = {"They do not look like the joints.": 11}
    group = {**share, "reasons": reasons}
    store_measurement(folder, "scope", {"groups": {"thick slices": group}})
    write_strip(folder / GALLERY_FILE, worst(RECORDS))
    return folder


def open_models(weights: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("ASEMBLE_WEIGHTS", str(weights))
    cache.ensemble.clear()
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    app.switch_page(str(Path("pages") / "4_Models.py")).run()
    cache.ensemble.clear()
    assert not app.exception
    return app


def cells(app: AppTest) -> str:
    return "\n".join(table.value.to_string() for table in app.table)


def test_the_page_shows_what_was_stored_and_says_that_it_is_simulated(
    measured_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_models(measured_weights, monkeypatch)
    study = figures(RECORDS)["study AUC"]
    assert study is not None
    shown = cells(app)
    assert short(study.as_dict()) in shown
    assert "1.2% (1.0% to 2.0%)" in shown  # of simulated joints were declined
    assert NEVER_TESTED in shown
    for heading in app.subheader[:6]:
        assert "imulated" in heading.value
    failures = worst(RECORDS[::-1])
    commands = [code.value for code in app.code if code.value.startswith("asemble sample")]
    assert len(commands) == len(failures)
    assert f"--seed {failures[0]['seed']}" in commands[0]
    pictures = [each for each in app.get("html") if "data:image" in each.proto.body]
    assert len(pictures) == len(failures)


def test_the_reliability_plot_follows_the_level_that_is_chosen(
    measured_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_models(measured_weights, monkeypatch)
    assert len(app.get("plotly_chart")) == 1
    before = cells(app)
    box = next(box for box in app.selectbox if box.label == "Show")
    monkeypatch.setenv("ASEMBLE_WEIGHTS", str(measured_weights))
    box.select_index(2).run()
    assert not app.exception
    assert cells(app) != before  # 7 studies, then 21 coronal slices


def test_what_was_not_measured_is_said_to_be_so(
    random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_models(random_weights, monkeypatch)
    assert NOT_MEASURED in cells(app)
    words = [each.value for each in app.markdown]
    for name in ("studies", "explanations", "trust", "calibration", "scope", "table"):
        assert any(f"`asemble evaluate {name}`" in word for word in words)


def test_the_label_reads_its_numbers_from_the_cards_and_the_fusion(
    measured_weights: Path, random_ensemble: Ensemble
) -> None:
    lines = dict(facts(random_ensemble))
    assert lines["Budget"].startswith(NOT_MEASURED)  # random weights were never trained
    assert lines["Networks"].startswith("6: ")
    names = {plane: [m.name for m in ms] for plane, ms in random_ensemble.planes.items()}
    fusion = load_fusion(measured_weights, random_ensemble.weights, names)
    table = main_figures(fusion)
    assert all(len(column) == len(table[""]) for column in table.values())
    assert NOT_MEASURED not in table[SHIFTED]
    row = table[""].index("pointing, coronal, gradcam")
    game = figures(RECORDS)["pointing, coronal, gradcam"]
    assert game is not None
    assert table[IN_DISTRIBUTION][row] == short(game.as_dict())
