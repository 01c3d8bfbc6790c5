"""The pages, driven without a browser."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest

from asemble import io
from asemble.clinical import Answer
from asemble.clinical.marks import Joint, Lesion
from asemble.clinical.onset import ANSWERS, Onset
from asemble.core.labels import STANDING_NOTICE, Pattern, Plane, Weighting
from asemble.io import write_nifti
from asemble.predict import predict
from asemble.reading import Reading, as_document, edits, fingerprint
from asemble.reading.joint_lines import JointLines, Slice, frame_name, lay
from asemble.reading.marking import LAY_FIRST
from asemble.ui import cache
from asemble.ui.intake import SAMPLES
from asemble.ui.progress import time_left

ROOT = Path(__file__).parents[1]
PAGES = ("1_Read.py", "2_Assess.py", "3_Report.py", "4_Models.py")
CORONAL_LPS = np.array([[0, 0, 0.7, -3], [4.0, 0, 0, 0], [0, -0.5, 0, 9], [0, 0, 0, 1]])


def open_home() -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=240).run()


def visit(page: str) -> AppTest:
    return open_home().switch_page(str(Path("pages") / page)).run()


def words(app: AppTest) -> str:
    """Everything that the page says."""
    spoken = [element.proto.body for element in app.get("html")]
    for kind in (app.markdown, app.subheader, app.title, app.caption, app.error, app.warning):
        spoken += [element.value for element in kind]
    return "\n".join(spoken)


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(each for each in app.button if each.label == label)


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].set_value([(name, content, "application/octet-stream")]).run()
    return button(app, "Read the upload").click().run()


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A coronal stack of unequal sides and spacings."""
    path = tmp_path_factory.mktemp("nifti") / "stack.nii.gz"
    voxels = np.random.default_rng(3).normal(100, 20, (6, 40, 30)).astype(np.float32)
    write_nifti(path, voxels, CORONAL_LPS)
    return path.read_bytes()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_carries_the_standing_notice(page: str) -> None:
    app = visit(page)
    assert STANDING_NOTICE in words(app)
    assert not app.exception


def test_home_says_what_it_is_for_and_what_it_was_never_tested_on() -> None:
    app = open_home()
    assert STANDING_NOTICE in words(app)
    for limit in ("simulated", "children", "infection", "implants"):
        assert limit in words(app)
    assert not app.exception


@pytest.mark.parametrize("page", PAGES[:3])
def test_a_page_visited_without_a_study_leads_home(page: str) -> None:
    app = visit(page)
    assert "No study is open yet" in words(app)
    assert "Go to the home page" in [link.proto.label for link in app.get("page_link")]
    assert not app.exception


@pytest.mark.parametrize("page", ["", *PAGES])
def test_no_page_starts_with_weights_that_cannot_be_trusted(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASEMBLE_WEIGHTS", str(tmp_path))
    cache.ensemble.clear()
    app = visit(page) if page else open_home()
    assert "does not start" in words(app)
    assert len(app.error) == 1
    assert not app.button
    assert not app.exception
    cache.ensemble.clear()


def test_the_page_shows_one_table_with_a_row_for_each_reason() -> None:
    def page() -> None:
        from asemble.core.study import Refusal  # noqa: PLC0415  runs as a page of its own
        from asemble.ui.intake import left_out  # noqa: PLC0415

        reports = [Refusal(f"R{i}", "A report.", "report") for i in range(120)]
        left_out([*reports, Refusal("b", "A PDF.", "pdf")])

    app = AppTest.from_function(page, default_timeout=240).run()
    assert not app.exception
    assert app.expander[0].label == "121 files or images left out, and why"
    (table,) = app.dataframe
    assert table.value.to_numpy().tolist() == [
        ["R0 and 119 more", 120, "A report."],
        ["b", 1, "A PDF."],
    ]


def test_a_text_file_named_dcm_is_refused_in_a_sentence() -> None:
    app = upload(open_home(), "slice.dcm", b"these are not the images you are looking for\n" * 9)
    assert len(app.error) == 1
    assert app.error[0].value.rstrip().endswith(".")
    assert "Traceback" not in app.error[0].value
    assert not app.exception


def test_an_upload_is_reported_series_by_series(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti)
    assert "6 slices of 40 \N{MULTIPLICATION SIGN} 30" in words(app)
    assert "0.50 \N{MULTIPLICATION SIGN} 0.70 mm, 4.0 mm apart" in words(app)
    assert not app.exception


def test_uploaded_bytes_go_once_they_are_read(
    nifti: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores: list[MemoryUploadedFileManager] = []  # one a run of the page, here
    begin = MemoryUploadedFileManager.__init__

    def watched(self: MemoryUploadedFileManager, endpoint: str) -> None:
        stores.append(self)
        begin(self, endpoint)

    monkeypatch.setattr(MemoryUploadedFileManager, "__init__", watched)
    app = open_home()
    app.file_uploader[0].set_value([("stack.nii.gz", nifti, "application/gzip")]).run()
    assert any(stores[-1].file_storage.values())
    button(app, "Read the upload").click().run()
    assert "1 series read" in words(app)
    assert not any(stores[-1].file_storage.values())
    assert not app.file_uploader[0].value


def test_what_the_user_states_about_a_series_holds_on_the_other_pages(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti)
    next(box for box in app.selectbox if box.label == "Plane").set_value(Plane.AXIAL).run()
    next(box for box in app.selectbox if box.label == "Weighting").set_value(Weighting.FLUID).run()
    app.switch_page("pages/2_Assess.py").run()
    series = next(box for box in app.selectbox if box.label == "Series")
    assert series.options == ["Axial, Fluid-sensitive (s01)"]
    assert not app.exception


def test_a_file_name_with_markup_stays_text(nifti: bytes) -> None:
    app = upload(open_home(), "[click](http:example)<b>.nii.gz", nifti)
    assert not any("[click](" in each.value for each in app.markdown)


def test_closing_a_study_drops_it(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti)
    button(app, "Close this study").click().run()
    assert "series read" not in words(app)
    app.switch_page("pages/1_Read.py").run()
    assert "No study is open yet" in words(app)


def test_a_study_of_one_session_is_unknown_to_another(nifti: bytes) -> None:
    upload(open_home(), "stack.nii.gz", nifti)
    assert "No study is open yet" in words(visit("1_Read.py"))


def test_a_report_waits_for_no_ensemble_and_says_before_the_download_what_cannot_be_set(
    nifti: bytes,
) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/3_Report.py").run()
    assert "it was not run, and the report says so" in words(app)
    assert "The ensemble was not run" in app.code[0].value
    assert not app.warning
    app.text_input[0].set_value("\u5c71\u7530 \U00013000").run()
    assert any("U+13000" in each.value and "U+5C71" not in each.value for each in app.warning)
    assert "Read by \u5c71\u7530 \U00013000, " in app.code[0].value
    assert not app.exception


def test_a_red_flag_stands_out_and_answers_are_kept_between_pages(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    answer(app, "History", fever=Answer.YES)
    assert any("RED FLAG" in each.value for each in app.error)
    app.switch_page("app.py").run()
    app.switch_page("pages/2_Assess.py").run()
    assert any("RED FLAG" in each.value for each in app.error)


ADDS_UP = "What it adds up to"


def open_tab(app: AppTest, name: str) -> AppTest:
    app.session_state["questions"] = name
    return app.run()


def answer(app: AppTest, tab: str, **answers: object) -> AppTest:
    open_tab(app, tab)
    for name, value in answers.items():
        # By the last part of the key; `mri` is followed by the study instead.
        group = next(
            each
            for each in app.get("button_group")
            if each.key.endswith(f":{name}") or each.key.startswith(f"{name}:")
        )
        group.set_value(value).run()
    return app


def test_answers_add_up_to_a_probability_and_only_the_readers_mri_moves_it(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    open_tab(app, ADDS_UP)
    assert [each.value for each in app.metric] == ["30%"]  # nothing answered: the clinic's own
    answer(app, "History", hla_b27=Answer.YES, family_history=Answer.YES)
    open_tab(app, ADDS_UP)
    assert [each.value for each in app.metric] == ["56% to 95%"]
    assert any("Family history and HLA-B27 go together" in each.value for each in app.info)
    answer(app, ADDS_UP, mri="No")
    assert [each.value for each in app.metric] == ["21% to 73%"]
    assert "Classification criteria are not diagnostic criteria" in words(app)
    assert not app.exception


def test_one_age_answers_what_three_questions_asked(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    answer(app, "History", onset=Onset.BEFORE_45)
    reading = app.session_state["asemble"].reading
    assert reading.answers == ANSWERS[Onset.BEFORE_45]
    answer(app, "History", morning_stiffness=Answer.YES, stiff_in_the_morning=Answer.NO)
    (conflict,) = (each.value for each in app.warning)
    assert "Any morning stiffness: no" in conflict
    assert not app.exception


def test_no_probability_is_shown_while_a_red_flag_is_present(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    answer(app, "History", cancer=Answer.YES)
    open_tab(app, ADDS_UP)
    assert not app.metric
    assert any("No probability is shown while a red flag" in each.value for each in app.error)


def test_the_ensemble_is_not_asked_before_a_conclusion_is_recorded(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    assert "Ask the ensemble" not in [each.label for each in app.button]
    button(app, "Record and ask the ensemble").click().run()
    assert any("Choose a conclusion first" in each.value for each in app.error)
    assert "Your conclusion before the prediction" not in words(app)
    app.switch_page("pages/3_Report.py").run()
    assert "it was not run, and the report says so" in words(app)


def test_a_first_conclusion_is_kept_beside_the_prediction(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    chosen = next(each for each in app.get("button_group") if each.key == "first_conclusion")
    chosen.set_value("Unsure")
    button(app, "Record and ask the ensemble").click().run()
    assert "Your conclusion before the prediction: Unsure, confidence not chosen." in words(app)
    app.switch_page("pages/3_Report.py").run()
    assert (
        "Before the prediction was shown: Unsure, confidence not chosen; unchanged since."
        in words(app)
    )
    assert not app.exception


def test_reading_first_can_be_switched_off_for_a_demonstration(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    app.toggle[0].set_value(False).run()
    button(app, "Ask the ensemble").click().run()
    app.switch_page("pages/3_Report.py").run()
    assert "No conclusion was recorded before the prediction was shown." in words(app)
    assert not app.exception


def open_sample(kind: Pattern = Pattern.INFLAMMATORY) -> AppTest:
    """The home page with a sample open; each is simulated once a process."""
    app = open_home()
    return next(each for each in app.button if each.key == f"sample_{kind}").click().run()


@pytest.mark.parametrize("kind", [sample.kind for sample in SAMPLES])
def test_a_sample_case_opens_and_is_marked_synthetic(kind: Pattern) -> None:
    app = open_sample(kind)
    assert "3 series read" in words(app)
    assert words(app).count("SYNTHETIC") > len(SAMPLES)
    app.switch_page("pages/1_Read.py").run()
    assert not app.exception


@pytest.fixture(scope="module")
def asked() -> AppTest:
    """The sample, of which the ensemble was asked in a demonstration."""
    app = open_sample().switch_page("pages/2_Assess.py").run()
    app.toggle[0].set_value(False).run()
    return button(app, "Ask the ensemble").click().run(timeout=120)


@pytest.mark.parametrize("kind", Pattern)
def test_the_ensemble_calls_each_sample_what_it_is(asked: AppTest, kind: Pattern) -> None:
    if kind is Pattern.INFLAMMATORY:
        decision = asked.session_state["asemble"].assessment.prediction.decision
    else:
        decision = predict(cache.sample(kind), cache.ensemble()).decision
    assert decision == kind


def test_the_prediction_stands_beside_the_probability_and_does_not_move_it(asked: AppTest) -> None:
    before = open_tab(open_sample().switch_page("pages/2_Assess.py").run(), ADDS_UP)
    assert "Beside it, not in it" not in words(before)
    app = open_tab(asked.switch_page("pages/2_Assess.py").run(), ADDS_UP)
    added_up = next(each for each in app.metric if each.label == "After your answers")
    assert added_up.value == "30%"
    assert "Beside it, not in it: the ensemble's P(inflammatory) is" in words(app)
    assert not app.exception


def test_mimics_are_set_beside_the_disease_and_urgent_ones_stand_out(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    open_tab(app, "What else it could be")
    table = app.table[-1].value
    assert list(table.columns)[1:] == [
        "Axial spondyloarthritis",
        "Mechanical strain",
        "Osteitis condensans ilii",
    ]
    assert "66%" in table["Mechanical strain"].iloc[0]
    app.multiselect[0].set_value(["Infection"]).run()
    assert any("Infection: suspecting it asks for urgent review" in e.value for e in app.error)
    assert "Infection" in app.table[-1].value.columns
    assert not app.exception


def test_the_reader_chooses_the_key_images_of_the_report(asked: AppTest) -> None:
    app = asked.switch_page("pages/3_Report.py").run(timeout=60)
    images = next(each for each in app.multiselect if each.label == "Key images")
    assert [place[0] for place in images.value] == ["s02", "s03"]  # one a judged plane
    images.set_value([("s01", 3)]).run(timeout=60)
    assert not app.exception


def lay_joint_lines(app: AppTest, index: int) -> None:
    """What the viewer does: both joints on one slice of the first coronal series."""
    session = app.session_state["asemble"]
    series = next(each for each in session.study.series if each.plane is Plane.CORONAL)
    affine, (_, rows, columns) = series.volume.affine_lps, series.volume.shape
    middle = (affine @ [index, rows / 2, columns / 2, 1])[:3]
    at, lines = Slice.of(affine, index), JointLines(frame_name(series))
    for joint, beside in ((Joint.RIGHT, -50), (Joint.LEFT, 50)):
        ends = [middle + [beside, 0, 0] + up * affine[:3, 1] for up in (-40, 40)]
        lines = lay(lines, joint, ends, at)
    session.reading = edits.lay_joint_lines(session.reading, lines)


def test_a_lesion_is_marked_by_words_once_the_joints_are_laid_and_taken_away() -> None:
    app = open_sample().switch_page("pages/1_Read.py").run()
    lesion = next(box for box in app.selectbox if box.label == "Lesion")
    lesion.set_value(Lesion.FAT)
    button(app, "Mark or take away").click().run()
    assert "Findings: 0 marked" in {each.label for each in app.expander}
    assert LAY_FIRST in words(app)
    lay_joint_lines(app, next(each.value for each in app.number_input) - 1)
    button(app, "Mark or take away").click().run()
    assert "Findings: 1 marked" in {each.label for each in app.expander}
    assert LAY_FIRST not in words(app)
    assert app.table[0].value["from the joint"].tolist() == ["from the form"]
    assert "definite" in words(app)  # the definitions are counted from it
    assert any("1 mark is not counted" in each.value for each in app.warning)  # fat is read on T1
    button(app, "Mark or take away").click().run()
    assert "Findings: 0 marked" in {each.label for each in app.expander}
    assert not app.exception


def test_the_time_left_is_told_once_the_pace_is_known() -> None:
    assert time_left(0.05, 3) == ""
    assert time_left(0.5, 3) == ", about 3 s left"
    assert time_left(1, 3) == ""


def test_what_was_called_suggestive_in_one_study_is_not_said_of_the_next(nifti: bytes) -> None:
    app = open_sample()
    for suggestive in (True, False):
        app.switch_page("pages/1_Read.py").run()
        lay_joint_lines(app, next(each.value for each in app.number_input) - 1)
        button(app, "Mark or take away").click().run()
        toggle = next(each for each in app.toggle if "highly suggestive" in each.label)
        assert not toggle.value
        toggle.set_value(suggestive).run()
        app.switch_page("app.py").run()
        if suggestive:
            upload(app, "stack.nii.gz", nifti)
            button(app, "Discard it and open").click().run()
    assert not app.exception


def test_another_study_is_not_opened_over_a_reading_without_a_word(nifti: bytes) -> None:
    app = upload(open_home(), "stack.nii.gz", nifti).switch_page("pages/2_Assess.py").run()
    answer(app, "Images", erosion=Answer.YES)
    app.switch_page("app.py").run()
    sample = next(each for each in app.button if each.key == f"sample_{Pattern.NORMAL}")
    sample.click().run()
    assert any("discards your reading" in each.value for each in app.warning)
    assert "Uploaded study" in words(app)
    button(app, "Keep my reading").click().run()
    assert not any("discards your reading" in each.value for each in app.warning)
    app.switch_page("pages/2_Assess.py").run()
    assert "1 item towards inflammatory" in words(app)
    assert not app.exception


def open_reading(app: AppTest, content: bytes) -> None:
    for each in app.toggle:  # one that is on has gone
        each.set_value(True).run()
    field = next(each for each in app.file_uploader if each.label == "Open a saved reading")
    field.set_value([("reading.json", content, "application/json")]).run()


def test_a_saved_reading_comes_back_with_its_study_and_with_no_other(nifti: bytes) -> None:
    study = io.read_parts([io.Part("stack.nii.gz", lambda: BytesIO(nifti))])
    said = edits.answer(Reading(study=fingerprint(study)), "erosion", Answer.YES)
    saved = json.dumps(as_document(said)).encode()
    app = open_home()
    open_reading(app, saved)
    assert "A saved reading was opened; its study is not open yet." in words(app)
    upload(app, "stack.nii.gz", nifti)
    assert any("was restored" in each.value for each in app.success)
    app.switch_page("pages/2_Assess.py").run()
    assert "1 item towards inflammatory" in words(app)
    other = json.dumps(as_document(replace(said, study="0" * 12))).encode()
    for content, sentence in ((other, "is of study 000000000000"), (b"{}", "not a reading")):
        app.switch_page("app.py").run()
        open_reading(app, content)
        assert any(sentence in each.value for each in app.error)
    assert not app.exception
