"""A follow-up on the screen: two zones, a row each, a hidden order, and a sheet with the change."""

from pathlib import Path

import pytest
from mr_files import mr_image, slice_values, to_bytes
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[1]
BEFORE, NOW = "20240105", "20240329"


def files(day: str, **attributes: str) -> list[tuple[str, bytes, str]]:
    """A T1 and a STIR of one day."""
    made = []
    for number, description in ((1, "t1 tse cor"), (2, "stir cor")):
        for index in range(8):
            image = mr_image(index, series=f"1.{day}.{number}", StudyDate=day, **attributes)
            image.StudyInstanceUID, image.SeriesDescription = f"1.{day}", description
            image.SeriesNumber = number
            if number == 2:
                image.ScanningSequence, image.InversionTime = ["SE", "IR"], "160"
                image.RepetitionTime, image.EchoTime = "4000", "60"
            image.PixelData = (slice_values(index) + int(day) % 97 + number).tobytes()
            made.append((f"{day}{number}{index}.dcm", to_bytes(image), "application/dicom"))
    return made


def words(app: AppTest) -> str:
    said = [app.markdown, app.subheader, app.caption, app.error, app.warning, app.toggle]
    return "\n".join(
        str(each.label if each.type == "toggle" else each.value) for kind in said for each in kind
    )


def press(app: AppTest, label: str) -> AppTest:
    return next(each for each in app.button if each.label == label).click().run()


def uploaded(*, hides_order: bool = False, **attributes: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    app.toggle(key="with_prior").set_value(True).run()
    current, prior = app.file_uploader[:2]
    current.set_value(files(NOW))
    prior.set_value(files(BEFORE, **attributes))
    if hides_order:
        app.checkbox(key="hide_order").check()
    app.run()
    return press(app, "Read the upload")


def test_two_examinations_are_read_marked_and_compared() -> None:
    app = uploaded()
    assert "Current: 2 series read" in words(app)
    assert "12 weeks (84 days) before" in words(app)
    app.switch_page("pages/1_Read.py").run()
    said = words(app)
    assert "against an examination 12 weeks (84 days) before" in said
    assert "unverified" in said and "2.5" in said and "3.4" in said
    assert app.table[0].value["then"].tolist() == ["not scored"] * 5
    for toggle in [each for each in app.toggle if "Marking is complete" in each.label]:
        toggle.set_value(True)
    app.run()
    table = app.table[0].value
    assert table["then"].iloc[0] == "0 of 72" and table["change"].tolist() == ["0"] * 5
    assert not app.exception


def test_the_prior_of_another_patient_is_refused_on_the_page() -> None:
    app = uploaded(PatientID="CITY-9", PatientName="Roe^Rick")
    assert "The prior is not of the patient of the current study" in words(app)
    assert app.session_state["asemble"].study is None


@pytest.fixture(scope="module")
def hidden() -> AppTest:
    return uploaded(hides_order=True)


def test_a_hidden_order_is_told_nowhere_until_it_is_asked_for(hidden: AppTest) -> None:
    for page in ("app.py", "pages/1_Read.py", "pages/2_Assess.py", "pages/3_Report.py"):
        app = hidden.switch_page(page).run()
        said = words(app)
        assert not any(word in said for word in ("Current:", "Prior:", "weeks", "s01", "p01")), page
    app = hidden.switch_page("pages/1_Read.py").run()
    assert {"A", "B"} <= {each.value for each in app.subheader}
    press(app, "Show the order before both are scored")
    assert "shown before both examinations were scored" in words(app)
    assert {"Current", "Prior"} <= {each.value for each in app.subheader}
