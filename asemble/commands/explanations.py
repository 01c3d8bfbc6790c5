"""`asemble evaluate explanations`: where maps point, by which method, and whether they forget.

Measured on the inflammatory ones of the test studies, whose oedema is known, with records of their
own: the methods and the controls cost more than the prediction.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from asemble.commands.evaluation import (
    PEOPLE,
    Run,
    digest_of,
    keep,
    shown_maps,
)
from asemble.commands.terminal import progress, writing
from asemble.core.labels import Pattern, Plane
from asemble.core.results import StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Floats
from asemble.evaluation.explanations import card_metrics, explanations
from asemble.evaluation.figures import IN_DISTRIBUTION, SETS, SHIFTED
from asemble.evaluation.measures import Cascade, Maps, measure_for_explanations
from asemble.evaluation.pages import explanations_parts
from asemble.evaluation.studies import PlannedCase, Record, plan, run_studies
from asemble.explain import raw_maps
from asemble.explain.cascade import cascade_maps
from asemble.explain.controls import control_maps, untrained
from asemble.explain.methods import OTHER_METHODS, other_maps
from asemble.imaging.slices import prepare
from asemble.metrics.heatmaps import rank_correlation, structural_similarity
from asemble.models import Ensemble, load_ensemble
from asemble.models.cards import card_path, write_card
from asemble.models.fusion import GRADCAM
from asemble.models.weights import weights_directory
from asemble.phantom import HELD_OUT
from asemble.predict import predict

DRAWS = 3
"""Fresh initialisations to which each network forgets in turn; their mean is kept."""

MEASURED = {"maps": 1, "methods": sorted(OTHER_METHODS), "draws": DRAWS}
"""What a record here depends on beside the ensemble; raise the number when a measure changes."""


def measure_explanations(count: int, run: Run, *, docs: Path) -> None:
    """Write where maps point and how they forget, on both sets of simulated test studies.

    Args:
        count: studies in each set, of which the inflammatory ones are used.
        run: where from and how.
        docs: folder for the page and its numbers.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    records = examined(count, run, ensemble)
    sets = {name: explanations(records[name]) for name in SETS}
    parts = explanations_parts(sets)
    directory = weights_directory(run.weights)
    with writing():
        keep("explanations", parts, {"sets": sets}, run, docs)
        for name, card in ensemble.cards.items():
            metrics = card_metrics(sets, Plane(card.plane), card.member)
            write_card(card_path(directory / name), card.with_metrics(metrics))
    print("\n\n".join(parts))


def examined(count: int, run: Run, ensemble: Ensemble) -> dict[str, list[Record]]:
    """The records of the inflammatory studies of both sets, measured where they are not yet."""
    plans = {
        IN_DISTRIBUTION: _inflammatory(plan(count, PEOPLE[IN_DISTRIBUTION])),
        SHIFTED: _inflammatory(plan(count, PEOPLE[SHIFTED], appearances=list(HELD_OUT))),
    }
    maps, cascade = examined_maps(ensemble), cascade_of(ensemble)
    with writing():
        measured = run_studies(
            [case for cases in plans.values() for case in cases],
            lambda simulated: measure_for_explanations(
                simulated, lambda study: predict(study, ensemble), maps, cascade
            ),
            records=run.records / "explanations.jsonl",
            digest=digest_of(ensemble, explanations=MEASURED),
            workers=run.workers,
            keep=run.keep,
            progress=progress("measuring", "studies"),
        )
    first = len(plans[IN_DISTRIBUTION])
    return {IN_DISTRIBUTION: measured[:first], SHIFTED: measured[first:]}


def examined_maps(ensemble: Ensemble) -> Maps:
    """The maps that the app shows, those of other methods, and the controls."""
    fresh, shown = untrained(ensemble), shown_maps(ensemble)

    def maps(
        study: Study, prediction: StudyPrediction, played: Mapping[str, Sequence[int]]
    ) -> dict[str, dict[str, Floats]]:
        found = {}
        for id_, of_series in shown(study, prediction, played).items():
            series, slices = study.series_by_id(id_), played[id_]
            found[id_] = {
                **of_series,
                **_other(series, slices, ensemble),
                **control_maps(series, slices, ensemble, fresh),
            }
        return found

    return maps


def cascade_of(ensemble: Ensemble) -> Cascade:
    """How alike Grad-CAM stays while each member forgets layer after layer; the mean of draws."""
    draws = [untrained(ensemble, draw=draw) for draw in range(DRAWS)]

    def cascade(series: Series, index: int) -> dict[str, dict[str, dict[str, float]]]:
        plane = Plane(str(series.plane))
        image = prepare(series.volume, plane).images[[index]]
        trained = raw_maps(series, ensemble).maps
        found = {}
        for at, member in enumerate(ensemble.planes[plane]):
            own = trained[GRADCAM, member.name][index]
            forgotten = [cascade_maps(member, fresh[plane][at], image) for fresh in draws]
            found[member.name] = {
                layer: {
                    "rank": _mean([rank_correlation(own, maps[layer][0]) for maps in forgotten]),
                    "ssim": _mean(
                        [structural_similarity(own, maps[layer][0]) for maps in forgotten]
                    ),
                }
                for layer in forgotten[0]
            }
        return found

    return cascade


def _other(series: Series, slices: Sequence[int], ensemble: Ensemble) -> dict[str, Floats]:
    plane = Plane(str(series.plane))
    stack = prepare(series.volume, plane)
    found = {}
    for member in ensemble.planes[plane]:
        for method, heat in other_maps(member, stack.images[list(slices)]).items():
            found[f"{method}/{member.name}"] = stack.grid.from_square(heat)
    return found


def _inflammatory(cases: Sequence[PlannedCase]) -> list[PlannedCase]:
    return [case for case in cases if case.kind is Pattern.INFLAMMATORY]


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
