"""`asemble cases` on the command line."""

# ruff: noqa: PLC0415  imports inside the verbs are the point, see `asemble.cli`

import argparse
from pathlib import Path

from asemble.commands.options import Verbs, add_verb


def add_cases(verbs: Verbs) -> None:
    """The verbs of public cases."""
    cases = add_verb(verbs, "cases", "real, openly licensed cases that others published")
    below = cases.add_subparsers(required=True, metavar="WHAT")

    listed = add_verb(below, "list", "what there is, and what is in the cache", _list)
    listed.add_argument("--json", action="store_true", help="with all that is known")

    fetched = add_verb(below, "fetch", "fetch cases over HTTPS into the cache", _fetch)
    fetched.add_argument(
        "ids", nargs="*", metavar="ID", help="a case, a collection or a SeriesInstanceUID"
    )
    fetched.add_argument("--all", action="store_true", help="every case of the table")
    fetched.add_argument(
        "--painted", action="store_true", help="the series on which oedema was painted for training"
    )
    fetched.add_argument(
        "--licence", action="append", default=[], metavar="NAME", help='only so, as "CC BY 4.0"'
    )
    fetched.add_argument("--base-url", metavar="URL", help="a mirror of the bucket")
    fetched.add_argument("--json", action="store_true", help="print the outcome as JSON")
    fetched.set_defaults(refuse=fetched.error)

    emptied = add_verb(below, "empty", "remove cases from the cache", _empty)
    emptied.add_argument("ids", nargs="*", metavar="ID", help="as for fetch; none: everything")

    painted = add_verb(
        below, "painted", "write the parts of series that training used, as NIfTI", _painted
    )
    painted.add_argument("out", type=Path, metavar="OUT", help="a folder, absent or empty")

    for verb in (listed, fetched, emptied, painted):
        verb.add_argument("--cache", type=Path, metavar="DIR", help="instead of the user's cache")


def _list(options: argparse.Namespace) -> None:
    from asemble.commands.cases import list_cases

    list_cases(as_json=options.json, cache=options.cache)


def _fetch(options: argparse.Namespace) -> int:
    from asemble.commands.cases import fetch_cases

    if not (options.ids or options.all or options.painted):
        options.refuse("name a case, or say --painted or --all")
    return fetch_cases(
        options.ids,
        every=options.all,
        painted=options.painted,
        licences=options.licence,
        cache=options.cache,
        base_url=options.base_url,
        as_json=options.json,
    )


def _empty(options: argparse.Namespace) -> None:
    from asemble.commands.cases import empty_cases

    empty_cases(options.ids, cache=options.cache)


def _painted(options: argparse.Namespace) -> None:
    from asemble.commands.cases import write_painted

    write_painted(options.out, cache=options.cache)
