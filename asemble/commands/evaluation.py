"""`asemble evaluate`: the ensemble on simulated studies that no network has seen."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from asemble.commands.terminal import progress, writing
from asemble.core.labels import PATTERNS, Plane
from asemble.core.results import Heatmap, StudyPrediction
from asemble.core.study import Study
from asemble.evaluation.figures import (
    NOTICE,
    evaluation_card,
    figures,
    fit_fusion,
    member_metrics,
    table,
)
from asemble.evaluation.measures import ensemble_maps, measure_for_figures, measure_for_fusion
from asemble.evaluation.studies import (
    FIRST_TEST_SEED,
    FIRST_VALIDATION_SEED,
    plan,
    run_digest,
    run_studies,
)
from asemble.explain import explain, raw_maps
from asemble.models import Ensemble, load_ensemble
from asemble.models.cards import card_path, write_card
from asemble.models.fusion import PLANE_SETS, Fusion, save_fusion, uncalibrated
from asemble.models.weights import weights_directory
from asemble.predict import predict


def calibrate(count: int, *, weights: Path | None, records: Path, workers: int) -> None:
    """Fit the fusion on simulated validation studies and write `ensemble.json`.

    Raises:
        AsembleError: the weights are not right, too few studies, or nothing can be written.
    """
    ensemble = load_ensemble(weights)
    names = member_names(ensemble)
    ensemble.fusion = uncalibrated(ensemble.weights, names)  # in place of what this will write
    with writing():
        measured = run_studies(
            plan(max(count, len(PATTERNS)), FIRST_VALIDATION_SEED),
            lambda simulated: measure_for_fusion(
                simulated,
                lambda study: predict(study, ensemble),
                lambda series: raw_maps(series, ensemble).maps,
            ),
            records=records / "calibrate.jsonl",
            digest=run_digest(ensemble.weights),
            workers=workers,
            progress=progress("calibrating", "studies"),
        )
        fusion = fit_fusion(measured, ensemble.weights, names, first_seed=FIRST_VALIDATION_SEED)
        path = save_fusion(weights_directory(weights), fusion)
    print(NOTICE)
    for key in PLANE_SETS:
        print(f"{key}: {fusion.coefficients[key].round(3).tolist()}")
    print(f"Wrote {path.name}, fitted on {len(measured)} simulated studies.")


def measure(count: int, *, weights: Path | None, records: Path, workers: int, store: bool) -> None:
    """Print the figures of the ensemble on simulated test studies.

    Args:
        count: studies, the three kinds in turn.
        weights: folder of the weights.
        records: folder of records, from which a stopped run goes on.
        workers: processes that simulate.
        store: keep the figures in `ensemble.json` and in the cards.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(weights)

    def heatmaps(study: Study, prediction: StudyPrediction) -> Mapping[str, Mapping[str, Heatmap]]:
        maps = explain(study, prediction, ensemble)
        return ensemble_maps({series_id: maps[series_id].get for series_id in maps})

    with writing():
        measured = run_studies(
            plan(count, FIRST_TEST_SEED),
            lambda simulated: measure_for_figures(
                simulated, lambda study: predict(study, ensemble), heatmaps
            ),
            records=records / "studies.jsonl",
            digest=run_digest(ensemble.weights, fusion_facts(ensemble.fusion)),
            workers=workers,
            progress=progress("measuring", "studies"),
        )
        found = figures(measured)
        print(table(measured, found))
        if store:
            directory = weights_directory(weights)
            card = evaluation_card(measured, found, first_seed=FIRST_TEST_SEED)
            save_fusion(directory, replace(ensemble.fusion, evaluation=card))
            for name, member_card in ensemble.cards.items():
                metrics = member_metrics(found, Plane(member_card.plane), member_card.member)
                write_card(card_path(directory / name), member_card.with_metrics(metrics))
            print("Stored in ensemble.json and in the cards.", file=sys.stderr)


def member_names(ensemble: Ensemble) -> dict[Plane, list[str]]:
    """Names of the members by plane."""
    return {plane: [m.name for m in members] for plane, members in ensemble.planes.items()}


def fusion_facts(fusion: Fusion) -> dict[str, object]:
    """What of a fusion changes figures."""
    return {
        "coefficients": {key: fusion.coefficients[key].tolist() for key in PLANE_SETS},
        "references": fusion.references,
    }
