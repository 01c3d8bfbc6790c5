"""The only home of `st.cache_*`.

Models and simulated samples are shared by all sessions. Images of an open study are cached for
its own session alone: without `scope="session"` they would be shared between users.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import streamlit as st

from asemble import io, phantom
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.explain import SeriesHeatmaps
from asemble.imaging import quality
from asemble.imaging.orientation import Turn, as_shown
from asemble.models import Ensemble, load_ensemble
from asemble.ui.outlines import outline_bytes
from asemble.ui.stacks import Stack, stack_bytes

SAMPLE_SEEDS: Mapping[Pattern, int] = MappingProxyType(
    {
        Pattern.NORMAL: 3_000_000,
        Pattern.INFLAMMATORY: 3_000_000,
        Pattern.MECHANICAL: 3_000_001,
    }
)
"""Of the sample cases: people whose bones no network has learned from, chosen by
`docs/simulator/samples.py` as the first that the shipped ensemble answers right."""


@st.cache_resource(scope="global", show_spinner="Loading and checking the weights")
def ensemble() -> Ensemble:
    """The models, once a process.

    Raises:
        WeightsError: a weight file and its card, or the study calibration, do not agree.
    """
    loaded = load_ensemble()
    _ = loaded.fusion, loaded.scope  # read and checked now, not when the first study is judged
    return loaded


@st.cache_resource(scope="global", show_spinner=False)
def sample(kind: Pattern) -> Study:
    """A simulated study, written as DICOM and read back through the door of every study."""
    with TemporaryDirectory(prefix="asemble-sample-") as folder:
        phantom.write_sample(Path(folder), kind=kind, seed=SAMPLE_SEEDS[kind])
        # The truth and its masks lie beside the series; they are not part of the study.
        return io.read_study(sorted({path.parent for path in Path(folder).glob("*/*.dcm")}))


@st.cache_data(scope="session", max_entries=64, show_spinner=False)
def why_not_judged(
    study_key: str, series_id: str, plane: Plane | None, weighting: Weighting, _series: Series
) -> str | None:
    """Why the models may not judge a series, found once for this session: it looks at voxels."""
    return quality.why_not_judged(_series)


@st.cache_data(scope="session", max_entries=6, show_spinner=False)
def stack(study_key: str, series_id: str, plane: Plane | None, _volume: Volume) -> Stack:
    """The series for the viewer, kept for this session alone."""
    shown = as_shown(_volume, plane)
    key = f"{study_key}:{series_id}:{plane}"
    slices, rows, columns = shown.shape
    return Stack(key, (slices, rows, columns), stack_bytes(shown, key))


@st.cache_data(scope="session", max_entries=6, show_spinner=False)
def outlines(
    study_token: str, series_id: str, key: str, _turn: Turn, _heatmaps: SeriesHeatmaps
) -> bytes:
    """Bones and oedema of a judged series for the viewer, kept for this session alone."""
    return outline_bytes(_heatmaps, key, _turn)
