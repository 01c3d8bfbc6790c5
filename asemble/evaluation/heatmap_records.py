"""The record of the heatmaps of a study: by each method, the controls and the cascade."""

from collections.abc import Mapping, Sequence

import numpy as np

from asemble.core.labels import Plane
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.evaluation.cam_methods import other_maps
from asemble.evaluation.cascade import cascade_maps
from asemble.evaluation.map_controls import control_maps, untrained
from asemble.evaluation.simulated_studies import SimulatedStudy
from asemble.evaluation.study_records import figures_record, shown_maps
from asemble.evaluation.study_types import StudyRecord
from asemble.explain import SeriesHeatmaps
from asemble.imaging.slices import prepare
from asemble.metrics.localisation import rank_correlation, structural_similarity
from asemble.models import Ensemble, Member
from asemble.models.fusion import GRADCAM
from asemble.predict import assess

DRAWS = 3
"""Fresh initialisations to which each network forgets in turn; their mean is kept."""

Untrained = Sequence[Mapping[Plane, tuple[Member, ...]]]
"""The members before training, once a draw."""


def untrained_draws(ensemble: Ensemble) -> Untrained:
    """The members of an ensemble as `DRAWS` trainings would have begun with them."""
    return [untrained(ensemble, draw=draw) for draw in range(DRAWS)]


def measure_for_explanations(
    simulated: SimulatedStudy, ensemble: Ensemble, draws: Untrained
) -> StudyRecord:
    """What `measure_for_figures` writes down, by all methods, and how maps change in the cascade.

    Without a second examination, and with the rules. The cascade is run on the slice of each series
    that holds the most oedema.

    Args:
        simulated: the study.
        ensemble: that is asked.
        draws: from `untrained_draws`.
    """
    prediction, heatmaps = assess(simulated.study, ensemble)
    maps = examined_maps(simulated, heatmaps, ensemble, draws)
    record = figures_record(simulated, prediction, maps)
    used = [judged.series_id for judged in prediction.series if judged.used]
    for id_, series in zip(used, record["series"], strict=True):
        truth = simulated.truth[id_]
        if truth.played:
            index = max(truth.played, key=lambda i: int(truth.oedema[i].sum()))
            one = simulated.study.series_by_id(id_)
            series["cascade"] = cascade(one, index, heatmaps[id_], ensemble, draws)
    return record


def examined_maps(
    simulated: SimulatedStudy,
    heatmaps: Mapping[str, SeriesHeatmaps],
    ensemble: Ensemble,
    draws: Untrained,
) -> dict[str, dict[str, Floats]]:
    """The maps that the app shows, those of other methods, and the controls."""
    found = {}
    for id_, of_series in shown_maps(heatmaps, simulated.truth).items():
        series, slices = simulated.study.series_by_id(id_), simulated.truth[id_].played
        found[id_] = {
            **of_series,
            **_other(series, slices, ensemble),
            **control_maps(series, slices, ensemble, draws[0]),
        }
    return found


def cascade(
    series: Series, index: int, heatmaps: SeriesHeatmaps, ensemble: Ensemble, draws: Untrained
) -> dict[str, dict[str, dict[str, float]]]:
    """How alike Grad-CAM stays while each member forgets layer after layer; the mean of draws.

    Both measures are the same for a map on any scale.
    """
    plane = Plane(str(series.plane))
    image = prepare(series.volume, plane).images[[index]]
    found = {}
    for at, member in enumerate(ensemble.planes[plane]):
        own = heatmaps.maps[GRADCAM, member.name][index]
        forgotten = [cascade_maps(member, fresh[plane][at], image) for fresh in draws]
        found[member.name] = {
            layer: {
                "rank": _mean([rank_correlation(own, maps[layer][0]) for maps in forgotten]),
                "ssim": _mean([structural_similarity(own, maps[layer][0]) for maps in forgotten]),
            }
            for layer in forgotten[0]
        }
    return found


def _other(series: Series, slices: Sequence[int], ensemble: Ensemble) -> dict[str, Floats]:
    plane = Plane(str(series.plane))
    stack = prepare(series.volume, plane)
    found = {}
    for member in ensemble.planes[plane]:
        for method, heat in other_maps(member, stack.images[list(slices)]).items():
            found[f"{method}/{member.name}"] = stack.grid.from_square(heat)
    return found


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
