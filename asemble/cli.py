"""The verbs of asemble for a terminal; other programs call them, so they are a contract.

Exit codes: 0 done (abstaining is an answer, not an error), 2 the input was refused with one clear
line on standard error, 1 a fault of ours.

torch is imported only by the verbs that need it, so that `asemble --help` answers at once.
"""

# ruff: noqa: PLC0415  imports inside the verbs are the point, see above

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from asemble import __version__
from asemble.commands.terminal import (
    FAULT,
    REFUSED,
    progress,
    require_empty_folder,
    tell_refusals,
    writing,
)
from asemble.core.errors import AsembleError, ConfigError, InputError
from asemble.core.labels import JUDGED_PLANES, STANDING_NOTICE, Pattern, Plane, Weighting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Args:
        arguments: without the program's name; None takes them from the process, which then
            reports a fault of ours in one line and ends with code 1.
    """
    if arguments is None:
        sys.excepthook = tell_fault
    options = parser().parse_args(arguments)
    try:
        code: int | None = options.verb(options)
    except AsembleError as error:
        print(f"asemble: {' '.join(str(error).split())}", file=sys.stderr)
        return REFUSED
    return code or 0


def tell_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """One line about a fault of ours: its class and place, never its message.

    A message may quote the data that caused it, and data may name a person.
    """
    if issubclass(kind, KeyboardInterrupt):
        print("asemble: stopped.", file=sys.stderr)
        return
    package = Path(__file__).parent
    frames = [f for f in traceback.extract_tb(trace) if Path(f.filename).is_relative_to(package)]
    place = ""
    if frames:
        file = Path(frames[-1].filename).relative_to(package.parent).as_posix()
        place = f" in {file}, line {frames[-1].lineno}, {frames[-1].name}"
    print(f"asemble: a fault of ours: {kind.__name__}{place}. Please report it.", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="asemble", description=STANDING_NOTICE)
    top.add_argument("--version", action="version", version=f"asemble {__version__}")
    verbs = top.add_subparsers(required=True, metavar="VERB")

    sample = _verb(verbs, "sample", "write one simulated study as DICOM", _sample)
    sample.add_argument("out", type=Path, metavar="OUT", help="a folder, absent or empty")
    sample.add_argument("--kind", type=Pattern, choices=list(Pattern), required=True)
    sample.add_argument("--seed", type=_count_from_zero, required=True)
    sample.add_argument(
        "--appearance", metavar="NAME", help="one that training never samples, by its name"
    )

    convert = _verb(verbs, "convert", "write each series as NIfTI with a JSON sidecar", _convert)
    convert.add_argument("source", type=Path, metavar="IN", help="file, folder or archive")
    convert.add_argument("out", type=Path, metavar="OUT", help="a folder")

    predict = _verb(verbs, "predict", "what the ensemble says of a study", _predict)
    predict.add_argument("source", type=Path, metavar="IN", help="file, folder or archive")
    predict.add_argument("--json", type=Path, required=True, metavar="FILE")
    predict.add_argument("--heatmaps", type=Path, metavar="DIR", help="write heatmaps as NIfTI")
    predict.add_argument(
        "--plane", type=Plane, choices=list(Plane), help="of every series, whatever its file says"
    )
    predict.add_argument(
        "--weighting",
        type=Weighting,
        choices=list(Weighting),
        help="of every series, whatever its file says",
    )

    _add_manifest(verbs)
    _add_train(verbs)

    evaluate = _verb(verbs, "evaluate", "measure on held-out simulated studies")
    parts = evaluate.add_subparsers(required=True, metavar="WHAT")
    calibrate = _verb(parts, "calibrate", "fit how slices make a study", _evaluate_calibrate)
    calibrate.add_argument("--studies", type=_count_from_one, default=48, metavar="N")
    studies = _verb(parts, "studies", "figures with their intervals", _evaluate_studies)
    studies.add_argument("--store", action="store_true", help="keep them in docs and the cards")
    explanations = _verb(parts, "explanations", "where heatmaps point", _evaluate_explanations)
    calibration = _verb(
        parts, "calibration", "how far probabilities are from frequencies", _evaluate_calibration
    )
    for part in (studies, explanations, calibration):
        part.add_argument(
            "--count", type=_count_from_one, default=60, metavar="N", help="in each of two sets"
        )
        part.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")
    for part in (calibrate, studies, explanations, calibration):
        part.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
        part.add_argument("--workers", type=_count_from_one, default=2, metavar="N")
        part.add_argument(
            "--out",
            type=Path,
            default=Path("cache/evaluation"),
            metavar="DIR",
            help="records of finished studies, from which a run that was stopped goes on",
        )

    _add_comparisons(parts)
    _add_scope(parts)
    _add_external(parts)

    models = _verb(verbs, "models", "list the networks and check their files", _models)
    models.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    models.add_argument(
        "--check", action="store_true", help="also train a tiny member twice: the files must agree"
    )
    return top


def _add_manifest(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    manifest = _verb(verbs, "manifest", "list labelled images of your own as CSV", _manifest)
    manifest.add_argument("folder", type=Path, metavar="FOLDER", help="by plane and class")
    manifest.add_argument("out", type=Path, metavar="OUT", help="a CSV file")
    manifest.add_argument("--plane", type=Plane, choices=list(JUDGED_PLANES), help="of all images")
    manifest.add_argument(
        "--weighting", type=Weighting, choices=list(Weighting), help="of all images"
    )
    manifest.add_argument(
        "--patient-pattern",
        metavar="REGEX",
        help="finds the patient in the name of a file: its first group, or all of it",
    )
    manifest.add_argument(
        "--split-seed",
        type=_count_from_zero,
        metavar="N",
        help="draw training, validation and test, whole patients each",
    )
    manifest.add_argument("--force", action="store_true", help="replace an existing file")


def _add_train(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = _verb(verbs, "train", "train one member on simulated studies or your own", _train)
    train.add_argument("config", type=Path, metavar="CONFIG", help="a TOML file")
    train.add_argument("--out", type=Path, default=Path("weights"), help="default: weights")
    train.add_argument("--cache", type=Path, default=Path("cache/slices"), metavar="DIR")
    train.add_argument("--manifest", type=Path, metavar="FILE", help="images of your own, as CSV")
    train.add_argument(
        "--from-weights", type=Path, metavar="PATH", help="go on from this file or folder"
    )
    train.add_argument(
        "--freeze-body", action="store_true", help="learn in the evidence head alone"
    )
    train.add_argument("--force", action="store_true", help="replace existing weights")


def _add_comparisons(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    table = _verb(parts, "table", "the comparison of the abstract, made again", _evaluate_table)
    table.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    table.add_argument(
        "--pretrained", action="store_true", help="start from ImageNet weights, fetched by timm"
    )
    ablations = _verb(
        parts, "ablations", "what each part of the simulator is worth", _evaluate_ablations
    )
    for part, passes in ((table, 4_000), (ablations, 3_000)):
        part.add_argument("networks", type=Path, nargs="?", metavar="CONFIG", help="a TOML file")
        part.add_argument(
            "--passes",
            type=_count_from_one,
            default=passes,
            metavar="N",
            help="slices that each network sees in training",
        )
        part.add_argument(
            "--cases",
            type=_count_from_one,
            default=200,
            metavar="N",
            help="in each of two test sets",
        )
        part.add_argument(
            "--workers",
            type=_count_from_one,
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


def _add_scope(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    scope = _verb(parts, "scope", "what the ensemble declines to judge", _evaluate_scope)
    scope.add_argument(
        "--count", type=_count_from_one, default=60, metavar="N", help="studies in each group"
    )
    scope.add_argument("--fit", action="store_true", help="fit scope.json first, from seeds")
    scope.add_argument(
        "--files", type=Path, metavar="DIR", help="folders of real series of anything else"
    )
    scope.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    scope.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")


def _add_external(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    external = _verb(parts, "external", "the ensemble on images of your own", _evaluate_external)
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


def _sample(options: argparse.Namespace) -> None:
    from asemble.phantom import HELD_OUT, write_sample

    if options.appearance not in (None, *HELD_OUT):
        raise InputError(
            f"There is no appearance {options.appearance!r}.", hint=f"Say {', '.join(HELD_OUT)}."
        )
    with writing():
        require_empty_folder(options.out)
        write_sample(
            options.out, kind=options.kind, seed=options.seed, appearance=options.appearance
        )


def _convert(options: argparse.Namespace) -> None:
    from asemble import io

    study = io.read_study(options.source, progress=progress("reading", "files"))
    tell_refusals(study.refused)
    with writing():
        io.convert(study, options.out)


def _predict(options: argparse.Namespace) -> None:
    from asemble.commands.prediction import predict_to_files

    predict_to_files(
        options.source,
        options.json,
        heatmaps_folder=options.heatmaps,
        plane=options.plane,
        weighting=options.weighting,
    )


def _train(options: argparse.Namespace) -> None:
    from asemble.commands.training import train_member, train_on_manifest

    if options.manifest is not None:
        train_on_manifest(
            options.config,
            options.manifest,
            out=options.out,
            from_weights=options.from_weights,
            freeze_body=options.freeze_body,
            force=options.force,
        )
        return
    if options.from_weights is not None or options.freeze_body:
        raise ConfigError("--from-weights and --freeze-body are for a run with --manifest.")
    train_member(options.config, out=options.out, cache=options.cache, force=options.force)


def _manifest(options: argparse.Namespace) -> None:
    from asemble.commands.manifest import folder_to_manifest

    folder_to_manifest(
        options.folder,
        options.out,
        plane=options.plane,
        weighting=options.weighting,
        patient_pattern=options.patient_pattern,
        split_seed=options.split_seed,
        force=options.force,
    )


def _evaluate_external(options: argparse.Namespace) -> None:
    from asemble.commands.external import evaluate_external

    evaluate_external(
        options.manifest,
        weights=options.weights,
        out=options.out,
        split=options.split,
        force=options.force,
    )


def _evaluate_calibrate(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import Run, calibrate

    calibrate(options.studies, Run(options.weights, options.out, options.workers))


def _evaluate_studies(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import Run, measure_studies

    run = Run(options.weights, options.out, options.workers)
    measure_studies(options.count, run, docs=options.docs, store=options.store)


def _evaluate_explanations(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import Run, measure_explanations

    run = Run(options.weights, options.out, options.workers)
    measure_explanations(options.count, run, docs=options.docs)


def _evaluate_calibration(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import Run, measure_calibration

    run = Run(options.weights, options.out, options.workers)
    measure_calibration(options.count, run, docs=options.docs)


def _evaluate_scope(options: argparse.Namespace) -> None:
    from asemble.commands.scope import evaluate_scope, fit_scope

    if options.fit:
        fit_scope(weights=options.weights)
    evaluate_scope(options.count, weights=options.weights, files=options.files, docs=options.docs)


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


def _models(options: argparse.Namespace) -> int | None:
    from asemble.commands.check import check_models
    from asemble.commands.models import list_models

    if options.check:
        return None if check_models(options.weights) else FAULT
    list_models(options.weights)
    return None


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    purpose: str,
    verb: Callable[[argparse.Namespace], int | None] | None = None,
) -> argparse.ArgumentParser:
    added = verbs.add_parser(name, help=purpose, description=f"{purpose}. {STANDING_NOTICE}")
    if verb is not None:
        added.set_defaults(verb=verb)
    return added


def _count_from_zero(text: str) -> int:
    return _count(text, 0)


def _count_from_one(text: str) -> int:
    return _count(text, 1)


def _count(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
    return int(text)
