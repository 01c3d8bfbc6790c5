"""The soak test in small: three sessions at once, one after another's data, one that vanishes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from soak_sessions import Ending, Record, Session, Watcher
from soak_studies import SoakStudy, expect, load_study, save_expected, zip_study
from streamlit.proto.Element_pb2 import Element

from asemble.benchmark.studies import rendered_study, stretched
from asemble.models import load_ensemble
from asemble.ui.stacks import stack_bytes

SLICES = 3


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> list[SoakStudy]:
    folder = tmp_path_factory.mktemp("studies")
    ensemble = load_ensemble(device="cpu")
    source = rendered_study(SLICES, seed=31, matrix=128)
    for seed in (1, 2, 3):
        path = folder / f"{seed}.zip"
        zip_study(stretched(source, SLICES, seed=seed), path, seed=seed)
        save_expected(path, expect(path, ensemble))
    return [load_study(path) for path in sorted(folder.glob("*.zip"))]


def test_three_sessions_at_once_are_each_shown_their_own_study(
    address: str, studies: list[SoakStudy]
) -> None:
    record = Record()
    sessions = [Session(address, record) for _ in studies]
    endings = (Ending.READ, Ending.READ, Ending.VANISHED)
    with ThreadPoolExecutor(len(sessions)) as tabs:
        list(tabs.map(Session.read, sessions, studies, endings))
    for session in sessions:
        session.close()
    assert record.faults == []
    assert record.endings[Ending.READ] == 2
    assert (record.predictions, record.heats >= 8, record.stacks >= 8) == (2, True, True)


def test_another_study_s_images_and_heatmaps_are_noticed(studies: list[SoakStudy]) -> None:
    mine, other = studies[:2]
    record = Record()
    watcher = Watcher(record)
    watcher.study = replace(mine, expected=replace(mine.expected, stacks=other.expected.stacks))
    key = next(iter(mine.expected.stacks))
    element = Element()
    series = rendered_study(1, seed=31, matrix=64).series[0]
    element.bidi_component.bytes = stack_bytes(series.volume, key)
    watcher.see(element)
    assert record.faults == [f"{mine.name}: was sent images that are not its own"]
