"""No identifier escapes: a study full of canaries goes through everything, and none comes out.

One place may show names of files: the table on the home page of what was left out and why, to
the person who uploaded them (`Refusal.name`). Everything else is searched for these names as well.
"""

import gc
import gzip
import io
import json
import logging
import os
import pickle
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import canary
import numpy as np
import pydicom
import pypdf
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from streamlit.testing.v1 import AppTest

from asemble.cli import main
from asemble.core.study import Study
from asemble.io import Part, read_parts, write_nifti
from asemble.models.weights import DIRECTORY_VARIABLE
from asemble.reading import Reading
from asemble.reading.serialisation import as_document
from asemble.report import reading_json, reading_pdf, reading_text
from asemble.ui import cache, key_images

ROOT = Path(__file__).parents[1]
PAGES = ("pages/1_Read.py", "pages/2_Assess.py", "pages/3_Report.py", "pages/4_Models.py")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return canary.study()


@pytest.fixture(scope="module")
def damaged() -> dict[str, bytes]:
    return canary.damaged()


@pytest.fixture(scope="module")
def read(files: dict[str, bytes]) -> Study:
    return read_parts([Part.from_bytes(f"{canary.NAME_WORD}.zip", canary.zipped(files))])


@pytest.fixture
def nothing_is_said(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> Iterator[None]:
    """Holds that no canary is printed, logged at any level or given as a warning."""
    with caplog.at_level(logging.DEBUG):
        yield
    printed = capfd.readouterr()
    warned = "".join(str(each.message) for each in recwarn)
    logged = "".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records)
    assert canary.found_in(printed.out + printed.err + warned + logged) == []


@contextmanager
def written() -> Iterator[list[str]]:
    """Collects the files that are opened for writing meanwhile, temporary ones included."""
    _WRITTEN.clear()
    yield _WRITTEN


_WRITTEN: list[str] = []


def _note_writing(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[2], int) and not isinstance(arguments[0], int):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes and not str(arguments[0]).startswith(("/dev/", "/proc/")):
            _WRITTEN.append(str(arguments[0]))


sys.addaudithook(_note_writing)


def test_the_study_carries_a_canary_in_every_attribute_of_annex_e(files: dict[str, bytes]) -> None:
    read_back = {name: pydicom.dcmread(io.BytesIO(data)) for name, data in files.items()}
    tags = {tag for image in read_back.values() for tag in canary.every_tag(image)}
    tags |= {element.tag for image in read_back.values() for element in image.file_meta}
    messages = {tag for tag in canary.annex_e() if tag >> 16 == 0}  # never in a file
    assert messages == {0x00001000, 0x00001001}
    assert set(canary.annex_e()) - messages - tags == set()
    assert len(canary.annex_e()) > 650
    absent = {pydicom.datadict.keyword_for_tag(tag) for tag in set(canary.dictionary()) - tags}
    assert absent <= canary.FUNCTIONAL
    for name, data in files.items():
        assert canary.NAME_WORD in name
        assert canary.WORD in data[:128].decode("latin-1")
        assert len(canary.found_in(data)) >= 4


def test_a_read_study_holds_no_canary(read: Study) -> None:
    assert [series.plane for series in read.series] == ["coronal", "coronal", "axial"]
    assert len(read.refused) == 2  # the capture and the report
    assert canary.found_in("".join(refusal.reason for refusal in read.refused)) == []
    assert all(canary.NAME_WORD in refusal.name for refusal in read.refused)
    without_names = replace(read, refused=())
    assert canary.found_in(repr(without_names)) == []
    assert canary.found_in(pickle.dumps(without_names)) == []


@pytest.mark.usefixtures("nothing_is_said")
def test_reading_says_nothing_of_what_it_reads_and_writes_nothing(
    files: dict[str, bytes],
) -> None:
    with written() as paths:
        read_parts([Part.from_bytes(name, data) for name, data in files.items()])
    assert paths == []


@pytest.mark.usefixtures("nothing_is_said")
def test_damaged_values_are_not_quoted(damaged: dict[str, bytes]) -> None:
    for name, data in damaged.items():
        try:
            study = read_parts([Part.from_bytes(name, data)])
        except Exception as error:
            assert canary.found_in(str(error)) == [], name
        else:
            assert canary.found_in(pickle.dumps(replace(study, refused=()))) == [], name


@pytest.mark.usefixtures("nothing_is_said")
def test_texts_in_nifti_and_pictures_stay_behind(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", np.random.default_rng(0).normal(size=(3, 20, 20)), np.eye(4))
    nifti = bytearray((tmp_path / "a.nii").read_bytes())
    for at, length in ((14, 18), (148, 80), (228, 24), (328, 16)):  # db, descrip, aux, intent
        nifti[at : at + length] = canary.WORD.encode().ljust(length, b"\0")
    values = np.random.default_rng(0).integers(0, 255, (30, 20)).astype(np.uint8)
    texts, exif, pictures = PngInfo(), Image.Exif(), {}
    texts.add_text("Author", canary.WORD)
    texts.add_itxt(canary.WORD, canary.WORD)
    exif[0x010E] = exif[0x013B] = canary.WORD
    for kind, options in (("PNG", {"pnginfo": texts}), ("JPEG", {"comment": canary.WORD})):
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, kind, exif=exif, **options)
        pictures[kind] = buffer.getvalue()
    for name, data in {"nii": bytes(nifti), **pictures}.items():
        assert canary.found_in(data) != [], name
        study = read_parts([Part.from_bytes(f"{canary.NAME_WORD}.{name}", data)])
        assert canary.found_in(repr(study)) == [], name
        assert canary.found_in(pickle.dumps(study)) == [], name


@pytest.mark.usefixtures("nothing_is_said")
def test_no_canary_leaves_by_the_command_line(
    files: dict[str, bytes],
    random_weights: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(random_weights))
    work = tmp_path_factory.mktemp("work")
    source = work / f"{canary.NAME_WORD}.zip"
    source.write_bytes(canary.zipped(files))
    out = work / "out"
    answer = ["--json", str(out / "answer.json"), "--heatmaps", str(out / "heat")]
    with written() as paths:
        assert main(["convert", str(source), str(out / "nifti")]) == 0
        assert main(["predict", str(source), *answer]) == 0
        assert main(["predict", str(work / f"{canary.NAME_WORD}_absent"), *answer]) == 2
    assert [path for path in paths if not Path(path).is_relative_to(out)] == []
    exported = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in exported} == {".gz", ".json"}
    answers = json.loads((out / "answer.json").read_text())["series"]
    assert [each["heatmap"] for each in answers] == [
        "s01-oedema.nii.gz",
        None,
        "s03-oedema.nii.gz",
    ]
    for path in exported:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert canary.found_in(content) == [], path.name
        assert canary.found_in(path.name) == []


@pytest.mark.usefixtures("nothing_is_said")
def test_no_canary_reaches_a_page_a_report_or_a_cache(
    files: dict[str, bytes],
    random_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(random_weights))
    cache.ensemble.clear()
    with written() as paths:
        app = AppTest.from_file(ROOT / "app.py", default_timeout=200).run()
        upload = (f"{canary.NAME_WORD}.zip", canary.zipped(files), "application/zip")
        app.file_uploader[0].set_value([upload]).run()
        _press(app, "Read the upload")
        _holds_no_canary(app, shows_names=True)
        app.switch_page("pages/2_Assess.py").run()
        app.toggle[0].set_value(False).run()
        _press(app, "Ask the ensemble")
        for page in PAGES:
            _holds_no_canary(app.switch_page(page).run(), shows_names=False)
    assert paths == []
    session = app.session_state["asemble"]
    study, assessed = session.study, session.assessment
    assert len(assessed.heatmaps) > 0
    _reports_hold_no_canary(study, assessed)
    assert {"stack", "why"} <= set(session.made)
    assert canary.found_in(pickle.dumps(session.made)) == []
    session.study = replace(study, refused=())  # `Refusal.name`, for the table on the home page
    assert canary.found_in(repr(session)) == []
    assert canary.found_in(pickle.dumps((session.study, assessed))) == []
    assert canary.found_in(json.dumps(as_document(session.reading))) == []
    cache.ensemble.clear()


def _press(app: AppTest, label: str) -> None:
    next(each for each in app.button if each.label == label).click().run()


def _holds_no_canary(app: AppTest, *, shows_names: bool) -> None:
    """Every message that this page sent to the browser, the table of the left-out files apart."""
    assert not app.exception
    tables = 0
    for node in app._tree:
        proto = getattr(node, "proto", None)
        if proto is None:
            continue
        content = proto.SerializeToString()
        if shows_names and canary.NAME_WORD.encode() in content:
            assert node.type in ("arrow_data_frame", "dataframe"), node.type
            tables += 1
            assert canary.found_in(content, names_too=False) == []
            continue
        assert canary.found_in(content) == [], node.type
    assert tables == int(shows_names)


def _reports_hold_no_canary(study: Study, assessed) -> None:  # type: ignore[no-untyped-def]
    prediction = assessed.prediction
    places = [(series_id, 0) for series_id in assessed.heatmaps]
    images = key_images.key_images(study, assessed, places)
    pdf = reading_pdf(Reading(), prediction, study, images=images)
    for content in (
        json.dumps(reading_json(Reading(), prediction, study), ensure_ascii=False),
        reading_text(Reading(), prediction, study),
        pdf,
    ):
        assert canary.found_in(content) == []
    document = pypdf.PdfReader(io.BytesIO(pdf))
    assert canary.found_in(repr(document.metadata) + repr(document.xmp_metadata)) == []
    streams = 0
    for number in range(1, int(document.trailer["/Size"])):
        part = pypdf.generic.IndirectObject(number, 0, document).get_object()
        assert canary.found_in(repr(part)) == []
        if isinstance(part, pypdf.generic.StreamObject):
            streams += 1
            assert canary.found_in(part.get_data()) == []
    assert streams > 4  # two pages, pictures and fonts
    assert canary.found_in("".join(page.extract_text() for page in document.pages)) == []


def test_a_study_is_freed_when_it_is_closed_or_its_session_ends(files: dict[str, bytes]) -> None:
    freed = []
    for is_closed in (True, False):
        app = AppTest.from_file(ROOT / "app.py", default_timeout=200).run()
        upload = (f"{canary.NAME_WORD}.zip", canary.zipped(files), "application/zip")
        app.file_uploader[0].set_value([upload]).run()
        _press(app, "Read the upload")
        voxels = app.session_state["asemble"].study.series[0].volume.voxels
        freed.append(weakref.ref(voxels))
        del voxels
        for page in ("pages/1_Read.py", "pages/2_Assess.py", "app.py"):
            app.switch_page(page).run()
        assert freed[-1]() is not None
        if is_closed:
            _press(app, "Close this study")
        else:
            del app
        gc.collect()
        assert freed[-1]() is None
