"""What is said of a heatmap: a sentence and a limit for each question, and the panel."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from passed_checks import LIMITS, trust_of
from small_studies import CORONAL, noise_series
from streamlit.testing.v1 import AppTest

from asemble.core.labels import Plane, Weighting
from asemble.evaluation.heatmap_checks import heatmap_checks, limit_of, limits_of_checks
from asemble.explain.check_texts import verdicts
from asemble.explain.checks import Agreement, Deletion, JointShare, Stability
from asemble.imaging.joint_bands import JOINT_BANDS
from asemble.io import write_nifti
from asemble.models.members import Kind
from asemble.performance.pages import as_markdown, trust_parts
from asemble.performance.tables import CHECKS
from asemble.ui import cache

ROOT = Path(__file__).parents[1]


def test_each_answer_is_a_sentence_with_its_figure() -> None:
    told = verdicts(trust_of(), LIMITS)
    assert [each.figure for each in told] == ["62%", "91%", "85%", "-0.71"]
    assert [each.limit for each in told] == ["40%", "50%", "80%", "-0.10"]
    assert all(each.sentence.endswith(".") and each.speaks_for for each in told)
    assert "80% at the least" in told[2].sentence and "0.79 and 0.85" in told[2].sentence
    assert "from 0.82 to 0.11" in told[3].sentence
    assert "-0.01 (-0.02 to +0.01)" in told[3].sentence


@pytest.mark.parametrize(
    "at, changes",
    [
        (0, {"agreement": Agreement(0.39)}),
        (0, {"agreement": Agreement(0.0, Kind.TRANSFORMER)}),
        (1, {"joint": JointShare(0.49, 0.11)}),
        (2, {"stability": Stability([0.79], 0.5, [0.5])}),
        (3, {"deletion": Deletion(0.82, 0.75, [0.82], 100.0)}),
        (3, {"deletion": Deletion(0.82, 0.5, [0.82, 0.82, 0.4], 100.0)}),
    ],
)
def test_a_figure_below_its_limit_speaks_against_the_map(
    at: int, changes: dict[str, object]
) -> None:
    speaks = [each.speaks_for for each in verdicts(trust_of(**changes), LIMITS)]
    assert speaks == [index != at for index in range(4)]


def test_where_nothing_can_be_said_that_is_said() -> None:
    nothing = trust_of(
        agreement=Agreement(None),
        joint=JointShare(None, None),
        stability=Stability([], 0.1, [0.1]),
        deletion=Deletion(0.1, None, (), 0.0),
    )
    told = verdicts(nothing, LIMITS)
    assert all(each.speaks_for is None and not each.figure for each in told)
    assert "Without geometry" in told[1].sentence
    assert all(each.speaks_for is None and not each.limit for each in verdicts(trust_of(), {}))


def look(value: float, *, right: bool) -> dict[str, object]:
    return {"shows": True, "right": right, **dict.fromkeys(CHECKS, value)}


def test_limits_come_from_right_maps_and_are_held_against_other_studies() -> None:
    validation = [
        {"looks": [look(v / 10, right=True), look(0.0, right=False)], "oedema": {}}
        for v in range(11)
    ]
    validation.append({"looks": [{"shows": False}], "oedema": {}})
    assert limit_of(validation, "joint") == pytest.approx(0.1)
    test = [
        {"looks": [look(0.6, right=True)], "oedema": {"coronal": [9, 10]}},
        {"looks": [look(0.05, right=False), look(0.7, right=False)], "oedema": {"axial": [3, 6]}},
    ]
    limits = limits_of_checks(validation)
    measured = heatmap_checks(validation, test, limits, bands=JOINT_BANDS, joint_cases=60)
    check = measured.checks["joint"]
    found = (check.auc, check.auc_high, check.right_below, check.wrong_below)
    # Where P is high, the one wrong map of 0.7 lies higher than the right one.
    assert [None if each is None else each.value for each in found] == [0.5, 0, 0, 0.5]
    assert (measured.right, measured.wrong, measured.wrong_high) == (1, 2, 1)
    oedema = measured.regions[Plane.CORONAL].oedema
    assert oedema is not None and oedema.value == 0.9
    page = as_markdown(trust_parts(measured, limits))
    assert "Simulated figures" in page and "0.50 (0.50 to 0.50)" in page


@pytest.fixture
def assessed(
    random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AppTest]:
    """The Assess page after the reveal, with weights drawn by chance."""
    monkeypatch.setenv("ASEMBLE_WEIGHTS", str(random_weights))
    cache.ensemble.clear()
    cache.performance.clear()
    path = tmp_path / "stir.nii.gz"
    write_nifti(path, noise_series(slices=6).volume.voxels, CORONAL)
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    content = (path.name, path.read_bytes(), "application/octet-stream")
    app.file_uploader[0].set_value([content]).run()
    button(app, "Read the upload").click().run()
    next(box for box in app.selectbox if box.label == "Weighting").set_value(Weighting.FLUID).run()
    app.switch_page("pages/2_Assess.py").run()
    assert "Is this heatmap to be trusted?" not in words(app)
    next(g for g in app.get("button_group") if g.key == "first_conclusion").set_value("Unsure")
    yield button(app, "Record and ask the ensemble").click().run()
    cache.ensemble.clear()
    cache.performance.clear()


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(each for each in app.button if each.label == label)


def words(app: AppTest) -> str:
    return "\n".join(each.value for kind in (app.markdown, app.caption) for each in kind)


def test_the_panel_answers_when_it_is_asked_and_keeps_the_answer_for_the_session(
    assessed: AppTest,
) -> None:
    assert not assessed.exception
    assert "Is this heatmap to be trusted?" in words(assessed)
    assert "Do different kinds of network agree?" not in words(assessed)
    button(assessed, "Test this heatmap").click().run()
    assert not assessed.exception
    asked = words(assessed)
    for told in verdicts(trust_of(), LIMITS):
        assert told.question in asked
    assert "All limits come from simulated MRI" in asked
    assert "takes no side" in asked  # no limit was measured for these weights
    assert "was not measured for these weights" in asked
    assessed.run()
    assert "Do different kinds of network agree?" in words(assessed)
    next(box for box in assessed.selectbox if box.label == "Heatmap").set_value("evidence").run()
    assert "Do different kinds of network agree?" not in words(assessed)
