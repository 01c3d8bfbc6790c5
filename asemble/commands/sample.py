"""`asemble sample`: one simulated study as DICOM."""

# ruff: noqa: PLC0415  imports inside the verb are the point, see `asemble.cli`

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from asemble.commands.options import count_from_zero, plain, verb
from asemble.commands.terminal import require_empty_folder, writing
from asemble.core.errors import InputError
from asemble.core.labels import Pattern

app = plain()


@verb(app)
def sample(
    *,
    out: Annotated[Path, Argument(parser=Path, metavar="OUT", help="a folder, absent or empty")],
    kind: Annotated[Pattern, Option("--kind", help="what the person has")],
    seed: Annotated[
        int, Option("--seed", parser=count_from_zero, metavar="N", help="the same, the same study")
    ],
    appearance: Annotated[
        str | None,
        Option("--appearance", metavar="NAME", help="one that training never samples, by its name"),
    ] = None,
) -> None:
    """Write one simulated study as DICOM."""
    from asemble.phantom import HELD_OUT, write_sample

    if appearance not in (None, *HELD_OUT):
        raise InputError(
            f"There is no appearance {appearance!r}.",
            hint=f"Say {', '.join(HELD_OUT)}.",
            code="appearance-unknown",
        )
    with writing():
        require_empty_folder(out)
        write_sample(out, kind=kind, seed=seed, appearance=appearance)
