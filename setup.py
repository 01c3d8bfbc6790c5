"""Packs what stands at the top of the repository into the wheel: decision 36.

Everything else about the build is in `pyproject.toml`.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = "asemble/shipped"
"""Where `asemble.core.shipped` looks for it in an installed package."""
APP = ("app.py", "pages/*.py", ".streamlit/config.toml")
LIST = Path("weights/SHA256SUMS")


class BuildWithShipped(build_py):
    """The package, with the app and with the weights that their list signs for."""

    def run(self) -> None:
        """Build; an editable install reads the top of the repository itself."""
        super().run()
        if self.editable_mode:
            return
        names = [line.split("  ", 1)[1] for line in LIST.read_text("utf-8").splitlines()]
        weights = [LIST, *(LIST.parent / name for name in names)]
        app = [path for pattern in APP for path in sorted(Path().glob(pattern))]
        for path in (*weights, *app):
            target = Path(self.build_lib) / SHIPPED / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


setup(cmdclass={"build_py": BuildWithShipped})
