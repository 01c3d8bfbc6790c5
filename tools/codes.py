"""Writes `docs/codes.md`: every code with its sentences, from where they are raised.

`python tools/codes.py`. Sentences stand in the code at the place that raises them, once; this page
is read from there. What is filled in stands as `…`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from inspect import signature
from pathlib import Path

from asemble.core import errors
from asemble.core.errors import AsembleError, WeightsError
from asemble.core.results import Level
from asemble.core.text_table import Table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "codes.md"
HINTS = ROOT / "asemble" / "io" / "hints.py"
REFUSED = "refused"
OPEN = "…"
"""Stands for what is filled in."""
ERRORS: dict[str, type[AsembleError]] = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, AsembleError)
}
WEIGHTS_REFUSED = signature(WeightsError).parameters["code"].default
"""Said of weights where no code is given."""
SECTIONS = {
    REFUSED: "What was given cannot be used, and nothing comes of it; or one file, series or line "
    "of a manifest cannot, which the sentence is about.",
    Level.NOT_JUDGED: "A series is shown, but the models do not judge it: `code` beside `why_not` "
    "in the JSON.",
    Level.NOTE: "A series is judged, and this is said: `notes` in the JSON.",
    Level.REASON: "Why the ensemble abstains from a study, or what limits its answer: the "
    "sentences are `reasons` in the JSON.",
}
INTRODUCTION = """\
# Codes

Written by `python tools/codes.py` from where they are raised; do not edit by hand.

Whatever asemble refuses, declines or notes has a code, which stays when its sentence is worded
anew. Programs read it in the JSON, in `/healthz`, in the log ([operations.md](operations.md)) and
from `asemble cases fetch --json`.
"""


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """A code where it is raised; `…` stands for what is filled in."""

    level: str
    code: str
    sentence: str
    hint: str


def page() -> str:
    """The page as Markdown."""
    found = sorted(set(every()))
    parts = [INTRODUCTION.strip()]
    for level, words in SECTIONS.items():
        rows = [
            [f"`{each.code}`", f"{each.sentence} {each.hint}".strip().replace("|", "\\|")]
            for each in found
            if each.level == level
        ]
        table = Table(["code", "what is said, and what to do"], rows).markdown()
        parts += [f"## {level.capitalize()}", words, table]
    return "\n\n".join(parts) + "\n"


def every() -> Iterator[Said]:
    """Every refusal and remark of the package."""
    for file in sorted((ROOT / "asemble").rglob("*.py")):
        tree = _tree(file)
        within = {
            id(node): function
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)  # inner functions come later, and win
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and len(node.args) > 0:
                yield from _call(file, node, ast.unparse(node.func), within.get(id(node)))
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_CHECKS":
                yield from _checks(file, node.value)


def _call(
    file: Path, node: ast.Call, name: str, function: ast.FunctionDef | None
) -> Iterator[Said]:
    options = {each.arg: each.value for each in node.keywords}
    level, code, sentence, hint = "", "", node.args[0], ""
    if name in ERRORS:
        level, code = REFUSED, WEIGHTS_REFUSED
        if "code" in options:
            code = _text(file, options["code"])
        if "hint" in options:
            hint = _text(file, options["hint"])
    elif name == "Refusal":
        level, code, sentence = REFUSED, _text(file, node.args[2]), node.args[1]
    elif name in ("problems.add", "manifest.problems.add"):
        level, code, sentence = REFUSED, _text(file, node.args[1]), node.args[2]
    elif name == "_refuse" and isinstance(sentence, ast.Constant):  # of `asemble.reading`
        level, code, sentence = REFUSED, _text(file, sentence), node.args[1]
        hint = _text(file, ast.Name("_AGAIN"))
    elif name == "Remark":
        level = Level.NOT_JUDGED
        if len(node.args) > 2 and isinstance(node.args[2], ast.Attribute):
            level = Level[node.args[2].attr]
        code, sentence = _text(file, sentence), node.args[1]
    if code and OPEN not in code:  # else it hands on what was refused elsewhere
        for words in _sentences(file, sentence, function) or [OPEN]:
            yield Said(level, code, words, hint)


def _checks(file: Path, checks: ast.expr) -> Iterator[Said]:
    """What the checks of a table may say, each under its code."""
    if isinstance(checks, ast.Dict):
        for key, value in zip(checks.keys, checks.values, strict=True):
            code = "" if key is None else _text(file, key)
            for words in _said_by(file, value):
                yield Said(Level.NOT_JUDGED, code, words, "")


def _sentences(file: Path, node: ast.expr, function: ast.FunctionDef | None) -> list[str]:
    """What an expression may say, also by what was assigned to it in its function."""
    words = _text(file, node)
    if words != OPEN or function is None or not isinstance(node, ast.Name):
        return [words] if words != OPEN else []
    return [
        words
        for each in ast.walk(function)
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == node.id
        for words in (
            _said_by(file, each.value.func)
            if isinstance(each.value, ast.Call)
            else _sentences(file, each.value, None)
        )
    ]


def _said_by(file: Path, name: ast.expr) -> list[str]:
    """Every sentence in a function of the module."""
    found = []
    for function in _tree(file).body:
        if isinstance(function, ast.FunctionDef) and function.name == ast.unparse(name):
            strings = [n for n in ast.walk(function) if isinstance(n, ast.Constant | ast.JoinedStr)]
            parts = {id(part) for n in strings for part in ast.walk(n) if part is not n}
            found += [_text(file, n) for n in strings if id(n) not in parts]
    return [words for words in found if words.endswith(".")]


def _text(file: Path, node: ast.expr) -> str:
    """What an expression says, as far as it stands there."""
    match node:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=values):
            return "".join(_text(file, each) for each in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(file, left) + _text(file, right)
        case ast.Name(id=name) | ast.FormattedValue(value=ast.Name(id=name)):
            return _constant(file, name)
        case ast.Attribute(value=ast.Name(id="hints"), attr=name):
            return _constant(HINTS, name)
    return OPEN


def _constant(file: Path, name: str) -> str:
    """A constant of a module or of one that it imports from; `…` for anything else."""
    for node in _tree(file).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=own)], value=value) if own == name:
                return _text(file, value)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=True):
                    if isinstance(target, ast.Name) and target.id == name:
                        return _text(file, value)
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("asemble"):
                if any((each.asname or each.name) == name for each in names):
                    other = ROOT / f"{module.replace('.', '/')}.py"
                    return _constant(other, name) if other.is_file() else OPEN
    return OPEN


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
