"""`asemble app`: the app, from wherever asemble is installed."""

import os
import subprocess
import sys
from typing import Annotated

from typer import Option

from asemble.commands.options import count_from_one, plain, verb
from asemble.core.shipped import shipped

app = plain()


@verb(app, "app")
def open_app(
    *,
    port: Annotated[
        int | None,
        Option(
            "--port",
            parser=count_from_one,
            metavar="N",
            help="default: 8501; STREAMLIT_... variables set the rest",
        ),
    ] = None,
) -> int:
    """Open the app in a browser."""
    # -P: a folder of the same name where the command is given must not hide the package.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(shipped("app.py"))]
    if port is not None:
        command.append(f"--server.port={port}")
    if os.name == "posix":  # becomes the server, so that signals reach it
        os.execv(sys.executable, command)  # noqa: S606  this interpreter, this module
    return subprocess.run(command, check=False).returncode
