"""`asemble app`: the app, from wherever asemble is installed."""

import os
import subprocess
import sys

from asemble.core.shipped import shipped


def open_app(port: int | None) -> int:
    """Serve the app until it is stopped.

    Args:
        port: of this machine; None leaves it to Streamlit's settings, as every other option
            (`STREAMLIT_SERVER_…`).

    Returns:
        The exit code of the server, where this process does not become it.
    """
    # -P: a folder of the same name where the command is given must not hide the package.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(shipped("app.py"))]
    if port is not None:
        command.append(f"--server.port={port}")
    if os.name == "posix":  # so that signals reach the server
        os.execv(sys.executable, command)  # noqa: S606  this interpreter, this module
    return subprocess.run(command, check=False).returncode
