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
from asemble.core.errors import AsembleError
from asemble.core.labels import STANDING_NOTICE, Pattern, Plane, Weighting


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

    train = _verb(verbs, "train", "train one member on simulated studies", _train)
    train.add_argument("config", type=Path, metavar="CONFIG", help="a TOML file")
    train.add_argument("--out", type=Path, default=Path("weights"), help="default: weights")
    train.add_argument("--cache", type=Path, default=Path("cache/slices"), metavar="DIR")

    evaluate = _verb(verbs, "evaluate", "measure on held-out simulated studies")
    parts = evaluate.add_subparsers(required=True, metavar="WHAT")
    calibrate = _verb(parts, "calibrate", "fit how slices make a study", _evaluate_calibrate)
    calibrate.add_argument("--studies", type=_count_from_one, default=36, metavar="N")
    studies = _verb(parts, "studies", "figures with their intervals", _evaluate_studies)
    studies.add_argument("--count", type=_count_from_one, default=200, metavar="N")
    studies.add_argument("--store", action="store_true", help="keep the figures in ensemble.json")
    for part in (calibrate, studies):
        part.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
        part.add_argument("--workers", type=_count_from_one, default=2, metavar="N")
        part.add_argument(
            "--out",
            type=Path,
            default=Path("cache/evaluation"),
            metavar="DIR",
            help="records of finished studies, from which a run that was stopped goes on",
        )

    models = _verb(verbs, "models", "list the networks and check their files", _models)
    models.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    models.add_argument(
        "--check", action="store_true", help="also train a tiny member twice: the files must agree"
    )
    return top


def _sample(options: argparse.Namespace) -> None:
    from asemble.phantom import write_sample

    with writing():
        require_empty_folder(options.out)
        write_sample(options.out, kind=options.kind, seed=options.seed)


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
    from asemble.commands.training import train_member

    train_member(options.config, out=options.out, cache=options.cache)


def _evaluate_calibrate(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import calibrate

    calibrate(
        options.studies, weights=options.weights, records=options.out, workers=options.workers
    )


def _evaluate_studies(options: argparse.Namespace) -> None:
    from asemble.commands.evaluation import measure

    measure(
        options.count,
        weights=options.weights,
        records=options.out,
        workers=options.workers,
        store=options.store,
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
