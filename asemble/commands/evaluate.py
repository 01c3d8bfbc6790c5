"""`asemble evaluate`: what can be measured, each under a name of its own."""

# ruff: noqa: PLC0415  imports inside the verbs are the point, see `asemble.cli`

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from asemble.commands.options import SliceCache, WeightsFolder, count_from_one, group, verb

if TYPE_CHECKING:
    from asemble.commands.evaluate_studies import Run

app = group("Measure on held-out simulated studies.", subcommand_metavar="WHAT ...")

Count = Annotated[
    int, Option("--count", parser=count_from_one, metavar="N", help="in each of two sets")
]
Workers = Annotated[
    int, Option("--workers", parser=count_from_one, metavar="N", help="studies at once")
]
Records = Annotated[
    Path,
    Option(
        "--out",
        parser=Path,
        metavar="DIR",
        help="records of finished studies, from which a run that was stopped goes on",
    ),
]
Keep = Annotated[bool, Option("--keep", help="keep the simulated studies there, for other weights")]
Docs = Annotated[Path, Option("--docs", parser=Path, metavar="DIR", help="of the page")]
Networks = Annotated[Path | None, Argument(parser=Path, metavar="CONFIG", help="a TOML file")]
Passes = Annotated[
    int,
    Option(
        "--passes",
        parser=count_from_one,
        metavar="N",
        help="slices that each network sees in training",
    ),
]
Cases = Annotated[
    int, Option("--cases", parser=count_from_one, metavar="N", help="in each of two test sets")
]
AtOnce = Annotated[
    int, Option("--workers", parser=count_from_one, metavar="N", help="networks trained at once")
]
Finished = Annotated[
    Path,
    Option(
        "--out",
        parser=Path,
        metavar="DIR",
        help="finished networks, from which a run that was stopped goes on",
    ),
]

RECORDS, DOCS = Path("cache/evaluation"), Path("docs")
SLICES, TABLE = Path("cache/slices"), Path("cache/table")


@verb(app)
def calibrate(
    *,
    studies: Annotated[
        int, Option("--studies", parser=count_from_one, metavar="N", help="simulated")
    ] = 48,
    weights: WeightsFolder = None,
    workers: Workers = 2,
    out: Records = RECORDS,
    keep: Keep = False,
) -> None:
    """Fit how slices make a study."""
    from asemble.commands.evaluate_studies import calibrate as fit

    fit(studies, _run(weights, out, workers, keep=keep))


@verb(app)
def studies(
    *,
    store: Annotated[bool, Option("--store", help="keep them in docs and the cards")] = False,
    count: Count = 60,
    docs: Docs = DOCS,
    weights: WeightsFolder = None,
    workers: Workers = 2,
    out: Records = RECORDS,
    keep: Keep = False,
) -> None:
    """Figures with their intervals."""
    from asemble.commands.evaluate_studies import measure_studies

    measure_studies(count, _run(weights, out, workers, keep=keep), docs=docs, store=store)


@verb(app)
def explanations(
    *,
    count: Count = 60,
    docs: Docs = DOCS,
    weights: WeightsFolder = None,
    workers: Workers = 2,
    out: Records = RECORDS,
    keep: Keep = False,
) -> None:
    """Where heatmaps point."""
    from asemble.commands.evaluate_heatmaps import measure_explanations

    measure_explanations(count, _run(weights, out, workers, keep=keep), docs=docs)


@verb(app)
def calibration(
    *,
    count: Count = 60,
    docs: Docs = DOCS,
    weights: WeightsFolder = None,
    workers: Workers = 2,
    out: Records = RECORDS,
    keep: Keep = False,
) -> None:
    """How far probabilities are from frequencies."""
    from asemble.commands.evaluate_studies import measure_calibration

    measure_calibration(count, _run(weights, out, workers, keep=keep), docs=docs)


@verb(app)
def trust(
    *,
    count: Count = 60,
    docs: Docs = DOCS,
    weights: WeightsFolder = None,
    workers: Workers = 2,
    out: Records = RECORDS,
    keep: Keep = False,
) -> None:
    """Accuracy of the heatmap checks."""
    from asemble.commands.evaluate_heatmap_checks import measure_trust

    measure_trust(count, _run(weights, out, workers, keep=keep), docs=docs)


@verb(app)
def measurements(
    *,
    count: Count = 60,
    docs: Docs = DOCS,
    weights: WeightsFolder = None,
    workers: Workers = 2,
    out: Records = RECORDS,
    keep: Keep = False,
) -> None:
    """Areas, volumes and proposed SPARCC."""
    from asemble.commands.evaluate_oedema import measure_measurements

    measure_measurements(count, _run(weights, out, workers, keep=keep), docs=docs)


@verb(app)
def table(
    *,
    networks: Networks = None,
    weights: WeightsFolder = None,
    pretrained: Annotated[
        bool, Option("--pretrained", help="start from ImageNet weights, fetched by timm")
    ] = False,
    passes: Passes = 2_500,
    cases: Cases = 200,
    workers: AtOnce = 2,
    cache: SliceCache = SLICES,
    out: Finished = TABLE,
    docs: Docs = DOCS,
) -> None:
    """The comparison of the abstract, made again."""
    from asemble.commands.evaluate_table import make_table
    from asemble.training.comparison import NETWORKS_FILE

    make_table(
        networks or NETWORKS_FILE,
        passes=passes,
        test_cases=cases,
        pretrained=pretrained,
        workers=workers,
        weights=weights,
        cache=cache,
        out=out,
        docs=docs,
    )


@verb(app)
def ablations(
    *,
    networks: Networks = None,
    passes: Passes = 3_000,
    cases: Cases = 200,
    workers: AtOnce = 2,
    cache: SliceCache = SLICES,
    out: Finished = TABLE,
    docs: Docs = DOCS,
) -> None:
    """Ablations: ASembleNet trained without single parts of the simulator."""
    from asemble.commands.evaluate_ablations import make_ablations
    from asemble.training.comparison import ABLATIONS_FILE

    make_ablations(
        networks or ABLATIONS_FILE,
        passes=passes,
        test_cases=cases,
        workers=workers,
        cache=cache,
        out=out,
        docs=docs,
    )


@verb(app)
def scope(
    *,
    count: Annotated[
        int,
        Option("--count", parser=count_from_one, metavar="N", help="studies in each group"),
    ] = 60,
    fit: Annotated[bool, Option("--fit", help="fit scope.json first, from seeds")] = False,
    joints: Annotated[
        Path | None,
        Option(
            "--joints",
            parser=Path,
            metavar="DIR",
            help="files or folders of real series of the joints",
        ),
    ] = None,
    files: Annotated[
        Path | None,
        Option(
            "--files",
            parser=Path,
            metavar="DIR",
            help="folders of real series of anything else",
        ),
    ] = None,
    weights: WeightsFolder = None,
    docs: Docs = DOCS,
) -> None:
    """What the ensemble declines to judge."""
    from asemble.commands.evaluate_input_gate import evaluate_scope, fit_scope

    if fit:
        fit_scope(weights=weights)
    evaluate_scope(count, weights=weights, joints=joints, files=files, docs=docs)


@verb(app)
def external(
    *,
    manifest: Annotated[Path, Option("--manifest", parser=Path, metavar="FILE", help="CSV")],
    weights: WeightsFolder = None,
    out: Annotated[Path, Option("--out", parser=Path, metavar="DIR", help="of the results")] = Path(
        "external"
    ),
    split: Annotated[
        Literal["training", "validation", "test", "all"] | None,
        Option(
            "--split",
            help="whose rows; default: test where the manifest has such rows, else all",
        ),
    ] = None,
    force: Annotated[bool, Option("--force", help="replace existing results")] = False,
) -> None:
    """The ensemble on images of your own."""
    from asemble.commands.evaluate_external import evaluate_external

    evaluate_external(manifest, weights=weights, out=out, split=split, force=force)


def _run(weights: Path | None, out: Path, workers: int, *, keep: bool) -> "Run":
    from asemble.commands.evaluate_studies import Run

    return Run(weights, out, workers, keep)
