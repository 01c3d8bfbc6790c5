"""`asemble train`: one member, on simulated studies or on images of one's own."""

# ruff: noqa: PLC0415  imports inside the verb are the point, see `asemble.cli`

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from asemble.commands.options import SliceCache, plain, verb
from asemble.core.errors import ConfigError

app = plain()


@verb(app)
def train(
    *,
    config: Annotated[Path, Argument(parser=Path, metavar="CONFIG", help="a TOML file")],
    out: Annotated[
        Path, Option("--out", parser=Path, metavar="DIR", help="for weights and card")
    ] = Path("weights"),
    cache: SliceCache = Path("cache/slices"),
    pelvises: Annotated[
        Path | None,
        Option(
            "--pelvises",
            parser=Path,
            metavar="DIR",
            help="real T1 stacks, where the configuration paints on them",
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        Option("--manifest", parser=Path, metavar="FILE", help="images of your own, as CSV"),
    ] = None,
    from_weights: Annotated[
        Path | None,
        Option(
            "--from-weights", parser=Path, metavar="PATH", help="go on from this file or folder"
        ),
    ] = None,
    freeze_body: Annotated[
        bool, Option("--freeze-body", help="learn in the evidence head alone")
    ] = False,
    force: Annotated[bool, Option("--force", help="replace existing weights")] = False,
) -> None:
    """Train one member on simulated studies or your own."""
    from asemble.commands.training import train_member, train_on_manifest

    if manifest is not None:
        train_on_manifest(
            config,
            manifest,
            out=out,
            from_weights=from_weights,
            freeze_body=freeze_body,
            force=force,
        )
        return
    if from_weights is not None or freeze_body:
        raise ConfigError(
            "--from-weights and --freeze-body are for a run with --manifest.",
            code="option-needs-manifest",
        )
    train_member(config, out=out, cache=cache, force=force, pelvises=pelvises)
