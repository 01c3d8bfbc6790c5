"""What exists is documented: verbs, fields of the JSON; and every link leads."""

import json
import re
from pathlib import Path
from typing import Any

import codes
import pytest
from soak_studies import zip_study

from asemble.benchmark.studies import rendered_study
from asemble.cli import main

ROOT = Path(__file__).parents[1]
COMMANDS = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name != "CHANGELOG.md"
)


def test_the_readme_is_a_page_that_a_newcomer_reads() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) < 900
    first_screen = "\n".join(text.splitlines()[:24])
    assert "make app" in first_screen and "make test" in first_screen


def test_every_verb_of_the_command_line_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    verbs = re.findall(r"^  ([a-z]+)  ", shown, flags=re.MULTILINE)
    assert len(verbs) > 8
    assert not [verb for verb in verbs if f"asemble {verb}" not in COMMANDS]


def test_every_field_of_the_answer_is_documented(tmp_path: Path) -> None:
    study, answer = tmp_path / "study", tmp_path / "answer.json"
    study.mkdir()
    zip_study(rendered_study(6, seed=7), study / "study.zip", seed=7)
    (study / "notes.txt").write_text("No image.")
    main(["predict", str(study), "--json", str(answer)])
    content = json.loads(answer.read_text(encoding="utf-8"))
    assert [each["code"] for each in content["left_out"]] == ["format-unknown"]
    assert content["study"]["deciding_slice"] and content["series"][0]["measurements"]
    fields = _fields(content)
    assert not sorted(name for name in fields if f'"{name}"' not in COMMANDS)


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    page = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
    assert page == codes.page(), "python tools/codes.py"
    documented = set(re.findall(r"^\| `([a-z0-9-]+)` \|", page, flags=re.MULTILINE))
    source = "".join(path.read_text("utf-8") for path in (ROOT / "asemble").rglob("*.py"))
    raised = set(re.findall(r'\bcode="([a-z0-9-]+)"', source))
    assert len(raised) > 20 and raised <= documented
    assert all(f'"{code}"' in source for code in documented)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_documents_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [
        link
        for link in links
        if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists()
    ]
    assert not broken


def _fields(value: Any) -> set[str]:
    """Names of an answer, down to where they are names of series, members or measurements."""
    if isinstance(value, list):
        return {name for item in value for name in _fields(item)}
    if not isinstance(value, dict):
        return set()
    inner = {k: v for k, v in value.items() if k not in ("members", "weights", "measurements")}
    return {*value} | {name for item in inner.values() for name in _fields(item)}
