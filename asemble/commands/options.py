"""The verbs as typer commands, and the options that several of them share."""

import inspect
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar

from typer import Argument, BadParameter, Option, Typer
from typer.core import TyperCommand

from asemble.core.labels import STANDING_NOTICE, Weighting

Run = TypeVar("Run", bound=Callable[..., int | None])


class Verb(TyperCommand):
    """A command whose options never take the next option for their value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of any command, but `--json --force` is refused."""
        valued = {
            name
            for param in self.params
            if param.param_type_name == "option" and not getattr(param, "is_flag", False)
            for name in param.opts
        }
        before_end = args[: args.index("--")] if "--" in args else args
        for name, value in pairwise(before_end):
            if name in valued and value.startswith("--"):
                raise BadParameter("a value is missing.", ctx=ctx, param_hint=name)
        return super().parse_args(ctx, args)


def plain(**settings: Any) -> Typer:
    """An app in plain text: no colours, no boxes, nothing to complete."""
    return Typer(
        add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **settings
    )


def group(purpose: str, **settings: Any) -> Typer:
    """Verbs beside each other, with the standing notice in their help."""
    return plain(help=_with_notice(purpose), **settings)


def verb(app: Typer, name: str | None = None) -> Callable[[Run], Run]:
    """Makes a function a verb of `app`; its docstring and the standing notice are its help.

    Args:
        app: where it stands.
        name: as it is typed, where that is not the name of the function.
    """

    def add(run: Run) -> Run:
        purpose = inspect.getdoc(run) or ""
        return app.command(name or run.__name__, cls=Verb, help=_with_notice(purpose))(run)

    return add


def _with_notice(purpose: str) -> str:
    return f"{purpose}\n\n{STANDING_NOTICE}"


def count_from_zero(text: object) -> int:
    """A whole number, 0 or more."""
    return _count(str(text), 0)


def count_from_one(text: object) -> int:
    """A whole number, 1 or more."""
    return _count(str(text), 1)


def _count(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise BadParameter(f"{text!r} is not a whole number from {least} on")
    return int(text)


# Paths are parsed by `Path` itself: typer would look at the file, and refuse names that are not
# UTF-8.
Source = Annotated[Path, Argument(parser=Path, metavar="IN", help="file, folder or archive")]
Force = Annotated[bool, Option("--force", help="replace files that are there")]
StatedWeighting = Annotated[
    Weighting | None, Option("--weighting", help="of every series, whatever its file says")
]
WeightsFolder = Annotated[
    Path | None, Option("--weights", parser=Path, metavar="DIR", help="default: as shipped")
]
SliceCache = Annotated[
    Path, Option("--cache", parser=Path, metavar="DIR", help="of simulated slices")
]
