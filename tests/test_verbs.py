"""The verbs of the command line: what each says of itself, and how it takes its arguments."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from asemble.cli import VERBS, app, main
from asemble.core.labels import STANDING_NOTICE

ROOT = Path(__file__).parents[1]


def commands() -> Iterator[tuple[list[str], Any]]:
    """Each command with the words that call it."""
    waiting: list[tuple[list[str], Any]] = [([], get_command(app))]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        if isinstance(command, TyperGroup):
            waiting += [([*words, name], each) for name, each in command.commands.items()]


def test_every_verb_is_a_module_of_its_name() -> None:
    words = [words for words, _ in commands()]
    assert {first for first, *_ in filter(None, words)} == set(VERBS)
    assert ["evaluate", "external"] in words and ["cases", "fetch"] in words
    for verb in VERBS:
        assert (ROOT / "asemble" / "commands" / f"{verb}.py").is_file()


def test_help_is_plain_text_that_explains_every_option_and_ends_with_the_notice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for words, command in commands():
        with pytest.raises(SystemExit) as stopped:
            main([*words, "--help"])
        said = capsys.readouterr().out
        assert stopped.value.code == 0
        assert said.isascii() and "\x1b" not in said, words
        assert STANDING_NOTICE in " ".join(said.split())
        for param in command.params:
            assert param.help, (words, param.name)
            assert param.help.split()[0] in said


def test_an_option_never_takes_the_next_option_for_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["predict", "study", "--json", "--force"])
    assert stopped.value.code == 2
    assert "--json: a value is missing" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_with_the_arguments_is_told_below_how_they_are_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments, sentence in (
        (["predict", "x"], "asemble predict: error: Missing option '--json'."),
        (["predct"], "asemble: error: No such command 'predct'. Did you mean 'predict'?"),
        ([], "asemble: error: Missing command."),
        (["evaluate", "studies", "--count", "0"], "'0' is not a whole number from 1 on"),
        (["manifest", "a", "b", "--plane", "sagittal"], "is not one of 'coronal', 'axial'."),
        (["predict", "a", "--json", "b", "--plane", "odd"], "'odd' is not one of 'coronal', "),
        (["cases", "fetch"], "asemble cases fetch: error: Invalid value for ID: name a case"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        said = capsys.readouterr().err
        assert stopped.value.code == 2
        usage, error = said.splitlines()
        assert usage.startswith("Usage: asemble")
        assert sentence in error


def test_a_name_that_is_not_utf_8_is_a_name_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(tmp_path / "\udcff.dcm")  # as Python gives the byte 0xFF of an argument
    assert main(["convert", name, str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_help_that_nobody_reads_to_its_end_is_no_fault() -> None:
    for arguments in (["evaluate", "--help"], ["cases", "list", "--json"]):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "asemble", *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(write)
        assert (done.returncode, done.stderr) == (0, b"")
