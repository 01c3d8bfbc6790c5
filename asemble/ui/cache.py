"""What is made once.

Models and simulated samples are shared by all sessions; here is the only home of `st.cache_*`. What
is made of an open study is kept with it, in its session alone, and goes when it is closed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import streamlit as st

from asemble import io, phantom
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.explain import SeriesBones
from asemble.imaging import quality
from asemble.imaging.orientation import Turn
from asemble.models import Ensemble, load_ensemble
from asemble.performance.records import Performance
from asemble.performance.store import performance_of
from asemble.ui import state
from asemble.ui.outlines import outline_bytes
from asemble.ui.stacks import shelf_bytes, stack_bytes

SAMPLE_SEEDS: Mapping[Pattern, int] = MappingProxyType(
    {
        Pattern.NORMAL: 3_000_000,
        Pattern.INFLAMMATORY: 3_000_000,
        Pattern.MECHANICAL: 3_000_001,
    }
)
"""Of the sample cases: people whose bones no network has learned from, chosen by
`tools/simulator_samples.py` as the first that the shipped ensemble answers right."""


@st.cache_resource(scope="global", show_spinner="Loading and checking the weights")
def ensemble() -> Ensemble:
    """The models, once a process.

    Raises:
        WeightsError: a weight file and its card, or the study calibration, do not agree.
    """
    loaded = load_ensemble()
    _ = loaded.fusion, loaded.input_gate  # read and checked now, not when the first study is judged
    return loaded


@st.cache_resource(scope="global", show_spinner=False)
def performance() -> Performance:
    """What was measured of the models, once a process.

    Raises:
        WeightsError: it was changed since it was signed.
    """
    return performance_of(ensemble().signed)


@st.cache_resource(scope="global", show_spinner=False)
def sample(kind: Pattern) -> Study:
    """A simulated study, written as DICOM and read back through the door of every study."""
    with TemporaryDirectory(prefix="asemble-sample-") as folder:
        phantom.write_sample(Path(folder), kind=kind, seed=SAMPLE_SEEDS[kind])
        # The truth and its masks lie beside the series; they are not part of the study.
        return io.read_study(sorted({path.parent for path in Path(folder).glob("*/*.dcm")}))


def why_not_judged(
    study_key: str, plane: Plane | None, weighting: Weighting, series: Series
) -> str | None:
    """Why the models may not judge a series, found once: it looks at voxels."""
    key = (study_key, series.id, plane, weighting)
    return state.made("why", key, lambda: quality.why_not_judged(series), most=64)


def stack(key: str, plane: Plane | None, volume: Volume) -> bytes:
    """The series for the viewer, packed."""
    turn = Turn.to_display(volume.affine_lps, plane)
    return state.made("stack", key, lambda: stack_bytes(volume, key, turn), most=6)


def shelf(key: str, series: Sequence[Series]) -> bytes:
    """A small picture of each series for the viewer, packed."""
    return state.made("shelf", key, lambda: shelf_bytes(series, key), most=1)


def outlines(study_token: str, key: str, turn: Turn, found: SeriesBones) -> bytes:
    """Bones and oedema of a series that was looked at, for the viewer."""
    return state.made(
        "outlines", (study_token, key), lambda: outline_bytes(found, key, turn), most=6
    )
