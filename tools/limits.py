"""Writes `docs/limits.md` from `asemble/io/limits.py`: `python tools/limits.py`.

With `--measure` it measures what a study at the limits costs; else those figures stay.
"""

import ast
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from asemble.io import limits

DOCS = Path(__file__).parents[1] / "docs"

INTRODUCTION = """\
# Limits of reading

Written by `python tools/limits.py` from `asemble/io/limits.py`, the one place where they are set;
do not edit by hand. What breaks a limit is refused with a sentence, and the rest of the upload is
read. Archives are unpacked in steps of at most 1 MiB, in memory, never to a disk.

Compressed pixels (RLE, JPEG, JPEG-LS, JPEG 2000, PNG) are decoded in processes of their own, with
a clock for each image and, where the system has it, limits of processor time and memory. Once its
libraries are imported a decoder can open no file and no connection (Linux, macOS), and on Linux on
x86-64 and ARM64 a filter leaves it a short list of system calls (`asemble/io/decode/sandbox.py`).
Windows has none of these limits, and macOS neither enforces the one of memory nor has the filter:
there only the clock and the sizes that are checked beforehand bound a decoder.

| limit | value | why |
|---|---:|---|
"""


COST = """
## What a study at the limits costs

Written by `python tools/limits.py --measure`, which reads and checks one
(`python -m asemble.benchmark.ceiling`). Reading takes at most twice the voxels in float32, which
`tests/test_ceiling.py` holds for every way in which a file may store them, and checks hold a few
slices at a time. All studies of a server share one budget of such memory
([operations.md](operations.md)).

"""
MEASURED = "### Measured\n\n"


def main() -> None:
    """Write the page."""
    figures = None
    if "--measure" in sys.argv[1:]:
        from asemble.benchmark import ceiling  # noqa: PLC0415  the test of the page needs it not

        figures = ceiling.table() + "\n"
    (DOCS / "limits.md").write_text(page(figures), encoding="utf-8")


def page(figures: str | None = None) -> str:
    """The page as Markdown, with new figures or those that it has."""
    rows = [f"| `{name}` | {_said(name)} | {why} |" for name, why in _table()]
    if figures is None:
        figures = (DOCS / "limits.md").read_text(encoding="utf-8").split(MEASURED)[1]
    return INTRODUCTION + "\n".join(rows) + "\n" + COST + MEASURED + figures


def _table() -> Iterator[tuple[str, str]]:
    """Each constant with the words below it."""
    body = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    for node, below in pairwise(body):
        match node, below:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=words)),
            ):
                yield name, " ".join(str(words).split())


def _said(name: str) -> str:
    value = getattr(limits, name)
    if "BYTES_A" in name:
        return f"{value} bytes"
    if name.endswith("_BYTES"):
        return f"{value // limits.MIB:,} MiB" if value >= limits.MIB else f"{value // 1024} KiB"
    return f"{value:g} s" if name.endswith("_SECONDS") else f"{value:,}"


if __name__ == "__main__":
    main()
