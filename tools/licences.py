"""Writes `docs/licences.md` beside this file from the installed packages: `make licences`.

Direct requirements are those of `requirements.txt`; indirect ones are what these need on the
machine where this runs, so their list differs a little from system to system.
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

DOCS = Path(__file__).parents[1] / "docs"

INTRODUCTION = """\
# Licences of what asemble needs at run time

Written by `make licences` from the metadata of the installed packages; do not edit by hand.
asemble itself is under Apache-2.0 (see `LICENSE`). No requirement is under the GPL or AGPL:
`pylibjpeg-libjpeg` (GPLv3) is left out on purpose.

- The metadata of python-gdcm name the licence of its packaging; GDCM itself is under a BSD licence.
- opencv-python-headless (needed by grad-cam) bundles FFmpeg under LGPL-2.1.
- The metadata of paperang-p2-fonts-cjk name the licence of its packaging; the font in it, WenQuanYi
  Micro Hei, says Apache-2.0.
- certifi, tqdm and musculoskeletal-models are under MPL-2.0, which concerns changes to their own
  files only.
- On Linux the default wheel of torch brings NVIDIA's CUDA libraries, which have their own
  proprietary licence; the CPU wheel (see the README) does not.
"""


def main() -> None:
    """Write the table."""
    direct = [_name(line) for line in _requirements()]
    indirect = sorted(set(_closure(direct)) - set(direct))
    text = "\n".join(
        [INTRODUCTION, "## Direct", "", *_table(direct), "", "## Indirect", "", *_table(indirect)]
    )
    (DOCS / "licences.md").write_text(text + "\n", encoding="utf-8")


def _requirements() -> list[str]:
    text = (DOCS.parent / "requirements.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _closure(names: list[str]) -> Iterator[str]:
    waiting, seen = list(names), set(names)
    while waiting:
        for line in distribution(waiting.pop()).requires or ():
            needed = Requirement(line)
            name = _name(needed.name)
            if name in seen or (needed.marker and not needed.marker.evaluate({"extra": ""})):
                continue
            try:
                distribution(name)
            except PackageNotFoundError:
                continue
            seen.add(name)
            waiting.append(name)
            yield name


def _table(names: list[str]) -> list[str]:
    rows = [f"| {name} | {_licence(distribution(name))} |" for name in names]
    return ["| package | licence, as its metadata say |", "|---|---|", *rows]


def _licence(package: Distribution) -> str:
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = metadata.get_all("Classifier") or []
    if named := [c.rsplit(" :: ", 1)[1] for c in classifiers if c.startswith("License ::")]:
        return ", ".join(named)
    if "License" in metadata and (stated := metadata["License"]):
        return stated.splitlines()[0]
    return "not stated"


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", Requirement(requirement).name).lower()


if __name__ == "__main__":
    main()
