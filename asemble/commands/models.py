"""`asemble models`: the networks, each file held against its list and its card."""

# ruff: noqa: PLC0415  imports inside the verb are the point, see `asemble.cli`

from typing import Annotated

from typer import Option

from asemble.commands.options import WeightsFolder, plain, verb
from asemble.commands.terminal import FAULT

app = plain()


@verb(app)
def models(
    *,
    weights: WeightsFolder = None,
    check: Annotated[
        bool, Option("--check", help="also train a tiny member twice: the files must agree")
    ] = False,
    sign: Annotated[
        bool, Option("--sign", help="write the list of SHA-256 anew, as the files are now")
    ] = False,
) -> int:
    """List the networks and check their files."""
    from asemble.commands.model_list import list_models, sign_weights
    from asemble.commands.weights_check import check_models

    if sign:
        sign_weights(weights)
    if check:
        return 0 if check_models(weights) else FAULT
    list_models(weights)
    return 0
