"""`asemble bench`: how fast it is, side by side with what else runs."""

# ruff: noqa: PLC0415  imports inside the verb are the point, see `asemble.cli`

from pathlib import Path
from typing import Annotated

from typer import BadParameter, Option

from asemble.commands.options import count_from_one, plain, verb

app = plain()

PARTS = ("a", "b", "c", "d", "e", "f")


def letters(text: str) -> str:
    """Some of `PARTS`, each once."""
    chosen = dict.fromkeys(text.split(","))
    if not set(chosen) <= set(PARTS):
        raise BadParameter(f"{text!r} is not some of {','.join(PARTS)}")
    return ",".join(chosen)


@verb(app)
def bench(
    *,
    only: Annotated[
        str,
        Option(
            "--only",
            parser=letters,
            metavar="LETTERS",
            help="a: heatmaps, b: operations a second, c: reading, d: cold start, e: growth, "
            "f: CUDA; as a,c",
        ),
    ] = ",".join(PARTS),
    turns: Annotated[
        int,
        Option("--turns", parser=count_from_one, metavar="N", help="timed repetitions of each"),
    ] = 5,
    quick: Annotated[bool, Option("--quick", help="small inputs, to see that it runs")] = False,
    out: Annotated[
        Path | None,
        Option(
            "--out",
            parser=Path,
            metavar="FILE",
            help="write a page, with its JSON in measurements/",
        ),
    ] = None,
) -> None:
    """How fast it is, side by side with what else runs."""
    from asemble.commands.benchmark_page import measure

    measure(only.split(","), turns=turns, is_quick=quick, page=out)
