"""Four sessions at once get exactly what each would get alone."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
from small_studies import two_plane_study

from asemble.core.results import ENSEMBLE, StudyPrediction
from asemble.core.study import Study
from asemble.explain import SeriesHeatmaps
from asemble.models import MEMBERS, Ensemble
from asemble.models.fusion import METHODS
from asemble.predict import assess

Assessed = tuple[StudyPrediction, dict[str, SeriesHeatmaps]]


def test_four_threads_give_exactly_the_results_of_running_alone(random_ensemble: Ensemble) -> None:
    studies = [two_plane_study(seed, slices=1 + seed % 2) for seed in range(4)]
    start = Barrier(len(studies))

    def assess_together(study: Study) -> Assessed:
        start.wait()
        return assess(study, random_ensemble)

    alone = [assess(study, random_ensemble) for study in studies]
    with ThreadPoolExecutor(len(studies)) as pool:
        together = list(pool.map(assess_together, studies))
    for (first, first_maps), (second, second_maps) in zip(alone, together, strict=True):
        assert first.probabilities == second.probabilities
        assert first.members == second.members
        assert first.series == second.series
        for series_id, maps in first_maps.items():
            for method in METHODS:
                for member in (*MEMBERS, ENSEMBLE):
                    values = maps.get(method, member).values
                    assert np.array_equal(values, second_maps[series_id].get(method, member).values)
    assert alone[0][0].probabilities != alone[1][0].probabilities
