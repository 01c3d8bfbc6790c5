"""`asemble cases`: real cases that others published."""

# ruff: noqa: PLC0415  imports inside the verbs are the point, see `asemble.cli`

from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option

from asemble.commands.options import group, verb

app = group("Real, openly licensed cases that others published.", subcommand_metavar="WHAT ...")

Kept = Annotated[
    Path | None,
    Option("--cache", parser=Path, metavar="DIR", help="instead of the user's cache"),
]


@verb(app, "list")
def list_(
    *,
    json: Annotated[bool, Option("--json", help="with all that is known")] = False,
    cache: Kept = None,
) -> None:
    """What there is, and what is in the cache."""
    from asemble.commands.public_cases import list_cases

    list_cases(as_json=json, cache=cache)


@verb(app)
def fetch(
    *,
    ids: Annotated[
        list[str] | None,
        Argument(metavar="ID", help="a case, a collection or a SeriesInstanceUID"),
    ] = None,
    every: Annotated[bool, Option("--all", help="every case of the table")] = False,
    painted: Annotated[
        bool,
        Option("--painted", help="the series on which oedema was painted for training"),
    ] = False,
    licences: Annotated[
        list[str] | None, Option("--licence", metavar="NAME", help='only so, as "CC BY 4.0"')
    ] = None,
    base_url: Annotated[
        str | None, Option("--base-url", metavar="URL", help="a mirror of the bucket")
    ] = None,
    json: Annotated[bool, Option("--json", help="print the outcome as JSON")] = False,
    cache: Kept = None,
) -> int:
    """Fetch cases over HTTPS into the cache."""
    from asemble.commands.public_cases import fetch_cases

    if not (ids or every or painted):
        raise BadParameter("name a case, or say --painted or --all", param_hint="ID")
    return fetch_cases(
        ids or (),
        every=every,
        painted=painted,
        licences=licences or (),
        cache=cache,
        base_url=base_url,
        as_json=json,
    )


@verb(app)
def empty(
    *,
    ids: Annotated[
        list[str] | None, Argument(metavar="ID", help="as for fetch; none: everything")
    ] = None,
    cache: Kept = None,
) -> None:
    """Remove cases from the cache."""
    from asemble.commands.public_cases import empty_cases

    empty_cases(ids or (), cache=cache)


@verb(app)
def painted(
    *,
    out: Annotated[Path, Argument(parser=Path, metavar="OUT", help="a folder, absent or empty")],
    cache: Kept = None,
) -> None:
    """Write the parts of series that training used, as NIfTI."""
    from asemble.commands.public_cases import write_painted

    write_painted(out, cache=cache)
