"""Writes `docs/limits.md` beside this file from `asemble/io/limits.py`: `python docs/limits.py`."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from asemble.io import limits

HERE = Path(__file__).parent

INTRODUCTION = """\
# Limits of reading

Written by `python docs/limits.py` from `asemble/io/limits.py`, the one place where they are set;
do not edit by hand. What breaks a limit is refused with a sentence, and the rest of the upload is
read. Archives are unpacked in steps of at most 1 MiB, in memory, never to a disk.

Compressed pixels (RLE, JPEG, JPEG-LS, JPEG 2000, PNG) are decoded in processes of their own, with
a clock for each image and, where the system has it, limits of processor time and memory. Windows
has neither limit, and macOS does not enforce the one of memory: there only the clock and the sizes
that are checked beforehand bound a decoder.

| limit | value | why |
|---|---:|---|
"""


def main() -> None:
    """Write the page."""
    (HERE / "limits.md").write_text(page(), encoding="utf-8")


def page() -> str:
    """The page as Markdown."""
    rows = [f"| `{name}` | {_said(name)} | {why} |" for name, why in _table()]
    return INTRODUCTION + "\n".join(rows) + "\n"


def _table() -> Iterator[tuple[str, str]]:
    """Each constant with the words below it."""
    body = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    for node, below in pairwise(body):
        if isinstance(node, ast.Assign) and isinstance(below, ast.Expr):
            assert isinstance(node.targets[0], ast.Name)
            assert isinstance(below.value, ast.Constant)
            yield node.targets[0].id, " ".join(str(below.value.value).split())


def _said(name: str) -> str:
    value = getattr(limits, name)
    if name == "DECODER_BYTES_A_BYTE":
        return f"{value} bytes"
    if name.endswith("_BYTES"):
        return f"{value // limits.MIB:,} MiB" if value >= limits.MIB else f"{value // 1024} KiB"
    return f"{value:g} s" if name.endswith("_SECONDS") else f"{value:,}"


if __name__ == "__main__":
    main()
