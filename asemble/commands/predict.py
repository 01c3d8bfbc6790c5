"""`asemble predict`: the ensemble's prediction for a study, as JSON and heatmaps."""

# ruff: noqa: PLC0415  imports inside the verb are the point, see `asemble.cli`

from pathlib import Path
from typing import Annotated

from typer import Option

from asemble.commands.options import Force, Source, StatedWeighting, plain, verb
from asemble.core.labels import Plane

app = plain()


@verb(app)
def predict(
    *,
    source: Source,
    json: Annotated[
        Path, Option("--json", parser=Path, metavar="FILE", help="where the answer goes")
    ],
    heatmaps: Annotated[
        Path | None,
        Option("--heatmaps", parser=Path, metavar="DIR", help="write heatmaps as NIfTI"),
    ] = None,
    force: Force = False,
    plane: Annotated[
        Plane | None, Option("--plane", help="of every series, whatever its file says")
    ] = None,
    weighting: StatedWeighting = None,
) -> None:
    """What the ensemble says of a study."""
    from asemble.commands.prediction import predict_to_files

    predict_to_files(
        source, json, heatmaps_folder=heatmaps, plane=plane, weighting=weighting, force=force
    )
