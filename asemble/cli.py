"""The verbs of asemble for a terminal; other programs call them, so they are a contract.

Exit codes: 0 done (abstaining is an answer, not an error), 2 the input was refused with one clear
line on standard error, 1 a fault of ours.

Each verb is a module of `asemble.commands`, imported when it is asked for. It imports torch and
the like inside its function only, so that `asemble --help` answers at once.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from types import TracebackType
from typing import Annotated, Any

from typer import Exit, Option, TyperException
from typer.core import TyperGroup
from typer.main import get_command

from asemble import __version__
from asemble.commands.options import group
from asemble.commands.terminal import REFUSED, Printable
from asemble.core.errors import AsembleError
from asemble.core.faults import Fault

VERBS = (
    *("sample", "convert", "predict", "cases", "manifest", "train", "evaluate", "bench"),
    *("app", "models"),
)
"""Each a module of `asemble.commands`, in the order of the help."""


class Modules(Mapping[str, Any]):
    """The command of each verb, imported at its first use."""

    def __getitem__(self, name: str) -> Any:
        if name not in VERBS:
            raise KeyError(name)
        return get_command(import_module(f"asemble.commands.{name}").app)

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


class Verbs(TyperGroup):
    """All verbs, none of them imported yet."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": Modules()})


app = group(
    "",
    cls=Verbs,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"asemble {__version__}")
        raise Exit


@app.callback()
def asemble(
    version: Annotated[
        bool, Option("--version", callback=_print_version, is_eager=True, help="print it")
    ] = False,
) -> None:
    """The command without a verb."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Args:
        arguments: without the program's name; None takes them from the process, which then
            reports a fault of ours in one line and ends with code 1.

    Raises:
        SystemExit: with 2 for wrong arguments, with 0 after `--help` or `--version`.
    """
    if arguments is None:
        sys.excepthook = tell_fault
        arguments = sys.argv[1:]
    with (
        redirect_stdout(Printable(sys.stdout)),
        redirect_stderr(Printable(sys.stderr)),
    ):
        try:
            with get_command(app).make_context("asemble", list(arguments)) as context:
                code: int | None = context.command.invoke(context)
        except AsembleError as error:
            print(f"asemble: {' '.join(str(error).split())}", file=sys.stderr)
            return REFUSED
        except Exit as stopped:
            sys.exit(stopped.exit_code)
        except TyperException as error:
            tell_wrong(error)
            sys.exit(REFUSED)
    return code or 0


def tell_wrong(error: TyperException) -> None:
    """What is wrong with the arguments, below how they are given."""
    context = getattr(error, "ctx", None)
    if context is not None:
        print(context.get_usage(), file=sys.stderr)
    path = "asemble" if context is None else context.command_path
    sentence = error.format_message().replace("Value error, ", "", 1)  # so pydantic begins them
    print(f"{path}: error: {sentence}", file=sys.stderr)


def tell_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """One line about a fault of ours: its class and place, never its message."""
    if issubclass(kind, KeyboardInterrupt):
        print("asemble: stopped.", file=sys.stderr)
        return
    fault = Fault.of(error.with_traceback(trace))
    print(f"asemble: a fault of ours: {fault}. Please report it.", file=sys.stderr)
