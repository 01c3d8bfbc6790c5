"""What a command writes replaces nothing unasked, follows no link and is its reader's alone."""

import stat
import sys
from pathlib import Path

import pytest

from asemble.cli import main
from asemble.commands.output_files import place_file, placing
from asemble.core.errors import InputError
from asemble.ui.intake import no_formula

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")


@pytest.fixture
def images(sample: Path) -> Path:
    return next(path for path in sorted(sample.iterdir()) if path.is_dir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_convert_replaces_nothing_unless_it_is_told_to(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    assert main(["convert", str(images), str(out)]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["s01.json", "s01.nii.gz"]
    (out / "s01.json").write_text("mine")
    (out / "s01.nii.gz").unlink()
    assert main(["convert", str(images), str(out)]) == 2
    assert "s01.json is there already" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["s01.json"]
    assert (out / "s01.json").read_text() == "mine"
    assert main(["convert", str(images), str(out), "--force"]) == 0
    assert (out / "s01.json").read_text() != "mine"


def test_predict_refuses_what_exists_before_it_reads_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text("mine")
    assert main(["predict", str(tmp_path / "absent"), "--json", str(answer)]) == 2
    assert "answer.json is there already" in capsys.readouterr().err
    assert answer.read_text() == "mine"


@posix
def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    place_file(b"answer", tmp_path / "a" / "b" / "answer.json", force=False)
    assert mode(tmp_path / "a" / "b" / "answer.json") == 0o600
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700


@posix
@pytest.mark.parametrize("force", [False, True])
def test_a_link_is_not_followed(tmp_path: Path, force: bool) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    out = tmp_path / "out"
    out.mkdir()
    (out / "answer.json").symlink_to(victim)
    if force:
        place_file(b"answer", out / "answer.json", force=True)
        assert not (out / "answer.json").is_symlink()
        assert (out / "answer.json").read_bytes() == b"answer"
    else:
        with pytest.raises(InputError, match="there already"):
            place_file(b"answer", out / "answer.json", force=False)
    assert victim.read_text() == "untouched"
    (tmp_path / "elsewhere").symlink_to(out)
    with pytest.raises(InputError, match="is a link"), placing(tmp_path / "elsewhere", force=force):
        pass


@posix
def test_a_link_that_appears_while_it_is_written_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    with (
        pytest.raises(InputError, match="there already"),
        placing(tmp_path / "out", force=False) as folder,
    ):
        (folder / "answer.json").write_text("answer")
        (tmp_path / "out" / "answer.json").symlink_to(victim)
    assert victim.read_text() == "untouched"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["answer.json"]


def test_a_terminal_is_told_names_and_never_obeys_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "\x1b[2J\x1b]52;c;aGk=\x07\u202egpj\x9b31m"
    assert main(["convert", str(tmp_path / name), str(tmp_path / "out")]) == 2
    with pytest.raises(SystemExit):
        main(["convert", "a", "b", name])
    said = capsys.readouterr()
    shown = said.err + said.out
    assert "2J" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", " =1", 'a",=1', "a;=1"]
)
def test_a_name_is_no_formula_in_a_table_that_is_downloaded(name: str) -> None:
    guarded = no_formula(name)
    assert guarded.replace("'", "") == name.replace("'", "")
    cells = [cell for part in guarded.split(";") for cell in part.split(",")]
    assert not any(cell.strip().startswith(("=", "+", "-", "@")) for cell in cells)
