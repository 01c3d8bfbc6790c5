"""`asemble evaluate` on the command line: what can be measured, and with which options.

torch is imported only by what is asked for, so that `asemble --help` answers at once.
"""

# ruff: noqa: PLC0415  imports inside the verbs are the point, see above

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from asemble.commands.options import Verbs, add_verb, count_from_one

if TYPE_CHECKING:
    from asemble.commands.evaluation import Run


def add_evaluate(verbs: Verbs) -> None:
    """The verb and its parts."""
    evaluate = add_verb(verbs, "evaluate", "measure on held-out simulated studies")
    parts = evaluate.add_subparsers(required=True, metavar="WHAT")
    calibrate = add_verb(parts, "calibrate", "fit how slices make a study", _evaluate_calibrate)
    calibrate.add_argument("--studies", type=count_from_one, default=48, metavar="N")
    studies = add_verb(parts, "studies", "figures with their intervals", _evaluate_studies)
    studies.add_argument("--store", action="store_true", help="keep them in docs and the cards")
    explanations = add_verb(parts, "explanations", "where heatmaps point", _evaluate_explanations)
    calibration = add_verb(
        parts, "calibration", "how far probabilities are from frequencies", _evaluate_calibration
    )
    trust = add_verb(parts, "trust", "what the questions to a heatmap are worth", _evaluate_trust)
    measurements = add_verb(
        parts, "measurements", "areas, volumes and proposed SPARCC", _evaluate_measurements
    )
    for part in (studies, explanations, calibration, trust, measurements):
        part.add_argument(
            "--count", type=count_from_one, default=60, metavar="N", help="in each of two sets"
        )
        part.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")
    for part in (calibrate, studies, explanations, calibration, trust, measurements):
        part.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
        part.add_argument("--workers", type=count_from_one, default=2, metavar="N")
        part.add_argument(
            "--out",
            type=Path,
            default=Path("cache/evaluation"),
            metavar="DIR",
            help="records of finished studies, from which a run that was stopped goes on",
        )
        part.add_argument(
            "--keep",
            action="store_true",
            help="keep the simulated studies there, for other weights",
        )

    _add_comparisons(parts)
    _add_scope(parts)
    _add_external(parts)


def _add_comparisons(parts: Verbs) -> None:
    table = add_verb(parts, "table", "the comparison of the abstract, made again", _evaluate_table)
    table.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    table.add_argument(
        "--pretrained", action="store_true", help="start from ImageNet weights, fetched by timm"
    )
    ablations = add_verb(
        parts, "ablations", "what each part of the simulator is worth", _evaluate_ablations
    )
    for part, passes in ((table, 2_500), (ablations, 3_000)):
        part.add_argument("networks", type=Path, nargs="?", metavar="CONFIG", help="a TOML file")
        part.add_argument(
            "--passes",
            type=count_from_one,
            default=passes,
            metavar="N",
            help="slices that each network sees in training",
        )
        part.add_argument(
            "--cases",
            type=count_from_one,
            default=200,
            metavar="N",
            help="in each of two test sets",
        )
        part.add_argument(
            "--workers",
            type=count_from_one,
            default=2,
            metavar="N",
            help="networks trained at once",
        )
        part.add_argument(
            "--cache", type=Path, default=Path("cache/slices"), metavar="DIR", help="of slices"
        )
        part.add_argument(
            "--out",
            type=Path,
            default=Path("cache/table"),
            metavar="DIR",
            help="finished networks, from which a run that was stopped goes on",
        )
        part.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")


def _add_scope(parts: Verbs) -> None:
    scope = add_verb(parts, "scope", "what the ensemble declines to judge", _evaluate_scope)
    scope.add_argument(
        "--count", type=count_from_one, default=60, metavar="N", help="studies in each group"
    )
    scope.add_argument("--fit", action="store_true", help="fit scope.json first, from seeds")
    scope.add_argument(
        "--joints", type=Path, metavar="DIR", help="files or folders of real series of the joints"
    )
    scope.add_argument(
        "--files", type=Path, metavar="DIR", help="folders of real series of anything else"
    )
    scope.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    scope.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")


def _add_external(parts: Verbs) -> None:
    external = add_verb(parts, "external", "the ensemble on images of your own", _evaluate_external)
    external.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="CSV")
    external.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    external.add_argument(
        "--out", type=Path, default=Path("external"), metavar="DIR", help="default: external"
    )
    external.add_argument(
        "--split",
        choices=["training", "validation", "test", "all"],
        help="whose rows; default: test where the manifest has such rows, else all",
    )
    external.add_argument("--force", action="store_true", help="replace existing results")


def _evaluate_external(options: argparse.Namespace) -> None:
    from asemble.commands.external import evaluate_external

    evaluate_external(
        options.manifest,
        weights=options.weights,
        out=options.out,
        split=options.split,
        force=options.force,
    )


def _run(options: argparse.Namespace) -> "Run":
    from asemble.commands.evaluation import Run

    return Run(options.weights, options.out, options.workers, options.keep)


def _evaluate_calibrate(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import calibrate

    calibrate(options.studies, _run(options))


def _evaluate_studies(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import measure_studies

    measure_studies(options.count, _run(options), docs=options.docs, store=options.store)


def _evaluate_explanations(options: argparse.Namespace) -> None:
    from asemble.commands.explanations import measure_explanations

    measure_explanations(options.count, _run(options), docs=options.docs)


def _evaluate_trust(options: argparse.Namespace) -> None:
    from asemble.commands.trust import measure_trust

    measure_trust(options.count, _run(options), docs=options.docs)


def _evaluate_measurements(options: argparse.Namespace) -> None:
    from asemble.commands.measurements import measure_measurements

    measure_measurements(options.count, _run(options), docs=options.docs)


def _evaluate_calibration(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import measure_calibration

    measure_calibration(options.count, _run(options), docs=options.docs)


def _evaluate_scope(options: argparse.Namespace) -> None:
    from asemble.commands.scope import evaluate_scope, fit_scope

    if options.fit:
        fit_scope(weights=options.weights)
    evaluate_scope(
        options.count,
        weights=options.weights,
        joints=options.joints,
        files=options.files,
        docs=options.docs,
    )


def _evaluate_ablations(options: argparse.Namespace) -> None:
    from asemble.commands.ablations import make_ablations
    from asemble.training.comparison import ABLATIONS_FILE

    make_ablations(
        options.networks or ABLATIONS_FILE,
        passes=options.passes,
        test_cases=options.cases,
        workers=options.workers,
        cache=options.cache,
        out=options.out,
        docs=options.docs,
    )


def _evaluate_table(options: argparse.Namespace) -> None:
    from asemble.commands.table import make_table
    from asemble.training.comparison import NETWORKS_FILE

    make_table(
        options.networks or NETWORKS_FILE,
        passes=options.passes,
        test_cases=options.cases,
        pretrained=options.pretrained,
        workers=options.workers,
        weights=options.weights,
        cache=options.cache,
        out=options.out,
        docs=options.docs,
    )
