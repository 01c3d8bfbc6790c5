"""The verbs of asemble for a terminal; other programs call them, so they are a contract.

Exit codes: 0 done (abstaining is an answer, not an error), 2 the input was refused with one clear
line on standard error, 1 a fault of ours.

torch is imported only by the verbs that need it, so that `asemble --help` answers at once.
"""

# ruff: noqa: PLC0415  imports inside the verbs are the point, see above

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import TracebackType

from asemble import __version__
from asemble.commands.cases_options import add_cases
from asemble.commands.evaluate_options import add_evaluate
from asemble.commands.options import Verbs, add_verb, count_from_one, count_from_zero
from asemble.commands.placing import placing
from asemble.commands.terminal import (
    FAULT,
    REFUSED,
    Printable,
    progress,
    require_empty_folder,
    tell_refusals,
    writing,
)
from asemble.core.errors import AsembleError, ConfigError, InputError
from asemble.core.faults import Fault
from asemble.core.labels import JUDGED_PLANES, STANDING_NOTICE, Pattern, Plane, Weighting

BENCH_PARTS = ("a", "b", "c", "d", "e", "f")
"""Of `asemble bench`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Args:
        arguments: without the program's name; None takes them from the process, which then
            reports a fault of ours in one line and ends with code 1.
    """
    if arguments is None:
        sys.excepthook = tell_fault
    with (
        redirect_stdout(Printable(sys.stdout)),
        redirect_stderr(Printable(sys.stderr)),
    ):
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
    """One line about a fault of ours: its class and place, never its message."""
    if issubclass(kind, KeyboardInterrupt):
        print("asemble: stopped.", file=sys.stderr)
        return
    fault = Fault.of(error.with_traceback(trace))
    print(f"asemble: a fault of ours: {fault}. Please report it.", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="asemble", description=STANDING_NOTICE)
    top.add_argument("--version", action="version", version=f"asemble {__version__}")
    verbs = top.add_subparsers(required=True, metavar="VERB")

    sample = add_verb(verbs, "sample", "write one simulated study as DICOM", _sample)
    sample.add_argument("out", type=Path, metavar="OUT", help="a folder, absent or empty")
    sample.add_argument("--kind", type=Pattern, choices=list(Pattern), required=True)
    sample.add_argument("--seed", type=count_from_zero, required=True)
    sample.add_argument(
        "--appearance", metavar="NAME", help="one that training never samples, by its name"
    )

    convert = add_verb(verbs, "convert", "write each series as NIfTI with a JSON sidecar", _convert)
    convert.add_argument("source", type=Path, metavar="IN", help="file, folder or archive")
    convert.add_argument("out", type=Path, metavar="OUT", help="a folder")
    convert.add_argument("--force", action="store_true", help="replace files that are there")

    predict = add_verb(verbs, "predict", "what the ensemble says of a study", _predict)
    predict.add_argument("source", type=Path, metavar="IN", help="file, folder or archive")
    predict.add_argument("--json", type=Path, required=True, metavar="FILE")
    predict.add_argument("--heatmaps", type=Path, metavar="DIR", help="write heatmaps as NIfTI")
    predict.add_argument("--force", action="store_true", help="replace files that are there")
    predict.add_argument(
        "--plane", type=Plane, choices=list(Plane), help="of every series, whatever its file says"
    )
    predict.add_argument(
        "--weighting",
        type=Weighting,
        choices=list(Weighting),
        help="of every series, whatever its file says",
    )

    add_cases(verbs)
    _add_manifest(verbs)
    _add_train(verbs)

    add_evaluate(verbs)
    _add_bench(verbs)

    app = add_verb(verbs, "app", "open the app in a browser", _app)
    app.add_argument("--port", type=count_from_one, metavar="N", help="default: 8501")

    models = add_verb(verbs, "models", "list the networks and check their files", _models)
    models.add_argument("--weights", type=Path, metavar="DIR", help="default: as shipped")
    models.add_argument(
        "--check", action="store_true", help="also train a tiny member twice: the files must agree"
    )
    models.add_argument(
        "--sign", action="store_true", help="write the list of SHA-256 anew, as the files are now"
    )
    return top


def _add_manifest(verbs: Verbs) -> None:
    manifest = add_verb(verbs, "manifest", "list labelled images of your own as CSV", _manifest)
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
        type=count_from_zero,
        metavar="N",
        help="draw training, validation and test, whole patients each",
    )
    manifest.add_argument("--force", action="store_true", help="replace an existing file")


def _add_train(verbs: Verbs) -> None:
    train = add_verb(verbs, "train", "train one member on simulated studies or your own", _train)
    train.add_argument("config", type=Path, metavar="CONFIG", help="a TOML file")
    train.add_argument("--out", type=Path, default=Path("weights"), help="default: weights")
    train.add_argument("--cache", type=Path, default=Path("cache/slices"), metavar="DIR")
    train.add_argument(
        "--pelvises",
        type=Path,
        metavar="DIR",
        help="real T1 stacks, where the configuration paints on them",
    )
    train.add_argument("--manifest", type=Path, metavar="FILE", help="images of your own, as CSV")
    train.add_argument(
        "--from-weights", type=Path, metavar="PATH", help="go on from this file or folder"
    )
    train.add_argument(
        "--freeze-body", action="store_true", help="learn in the evidence head alone"
    )
    train.add_argument("--force", action="store_true", help="replace existing weights")


def _add_bench(verbs: Verbs) -> None:
    bench = add_verb(verbs, "bench", "how fast it is, side by side with what else runs", _bench)
    bench.add_argument(
        "--only",
        type=_letters,
        default=BENCH_PARTS,
        metavar="LETTERS",
        help="a: heatmaps, b: operations a second, c: reading, d: cold start, e: growth, "
        "f: CUDA; as a,c",
    )
    bench.add_argument(
        "--turns", type=count_from_one, default=5, metavar="N", help="timed repetitions of each"
    )
    bench.add_argument("--quick", action="store_true", help="small inputs, to see that it runs")
    bench.add_argument(
        "--out", type=Path, metavar="FILE", help="write a page, with its JSON in measurements/"
    )


def _letters(text: str) -> tuple[str, ...]:
    letters = tuple(dict.fromkeys(text.split(",")))
    if not set(letters) <= set(BENCH_PARTS):
        raise argparse.ArgumentTypeError(f"{text!r} is not some of {','.join(BENCH_PARTS)}")
    return letters


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
    with writing(), placing(options.out, force=options.force) as folder:
        io.convert(study, folder)


def _predict(options: argparse.Namespace) -> None:
    from asemble.commands.prediction import predict_to_files

    predict_to_files(
        options.source,
        options.json,
        heatmaps_folder=options.heatmaps,
        plane=options.plane,
        weighting=options.weighting,
        force=options.force,
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
    train_member(
        options.config,
        out=options.out,
        cache=options.cache,
        force=options.force,
        pelvises=options.pelvises,
    )


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


def _bench(options: argparse.Namespace) -> None:
    from asemble.commands.bench import bench

    bench(options.only, turns=options.turns, is_quick=options.quick, page=options.out)


def _app(options: argparse.Namespace) -> int:
    from asemble.commands.app import open_app

    return open_app(options.port)


def _models(options: argparse.Namespace) -> int | None:
    from asemble.commands.check import check_models
    from asemble.commands.models import list_models, sign_weights

    if options.sign:
        sign_weights(options.weights)
    if options.check:
        return None if check_models(options.weights) else FAULT
    list_models(options.weights)
    return None
