"""`asemble convert`: each series as NIfTI with a JSON sidecar, without identifiers."""

# ruff: noqa: PLC0415  imports inside the verb are the point, see `asemble.cli`

from pathlib import Path
from typing import Annotated

from typer import Argument

from asemble.commands.options import Force, Source, plain, verb
from asemble.commands.output_files import placing
from asemble.commands.terminal import progress, tell_refusals, writing

app = plain()


@verb(app)
def convert(
    *,
    source: Source,
    out: Annotated[Path, Argument(parser=Path, metavar="OUT", help="a folder")],
    force: Force = False,
) -> None:
    """Write each series as NIfTI with a JSON sidecar."""
    from asemble import io

    study = io.read_study(source, progress=progress("reading", "files"))
    tell_refusals(study.refused)
    with writing(), placing(out, force=force) as folder:
        io.convert(study, folder)
