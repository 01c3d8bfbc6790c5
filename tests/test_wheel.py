"""The wheel, installed in an empty environment elsewhere, judges and serves as the clone does."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.request
import venv
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

ROOT = Path(__file__).parents[1]
BUILT_FROM = (
    *("pyproject.toml", "setup.py", "MANIFEST.in", "requirements.txt", "README.md", "LICENSE"),
    *("asemble", "weights", "app.py", "pages", ".streamlit"),
)
STARTS_WITHIN_S = 120

pytestmark = pytest.mark.timeout(600)


def run(*command: object, where: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=where,
        env=clean(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def clean(more: dict[str, str]) -> dict[str, str]:
    """Without what tells Python or asemble where to look."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "ASEMBLE_"))}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **more}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `python -m build` makes it: from the source distribution, not from the clone."""
    folder = tmp_path_factory.mktemp("build")
    source, out = folder / "source", folder / "out"
    for name in BUILT_FROM:
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, target)
    (source / "weights" / "unfinished.checkpoint").write_bytes(b"of a training that was stopped")
    backend = "import sys, setuptools.build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
    run(sys.executable, "-c", backend, "build_sdist", out, where=source)
    with tarfile.open(next(out.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run(sys.executable, "-c", backend, "build_wheel", out, where=unpacked)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has asemble from the wheel alone.

    The packages that asemble needs are those of the environment that runs the tests.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(folder, with_pip=False)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    run(
        *(sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet"),
        *("--no-deps", "--no-index", wheel),
        where=folder,
    )
    at = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(scripts / "python", "-c", at, where=folder).strip())
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts


@pytest.fixture(scope="module")
def study(sample: Path, is_long: bool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a simulated person: a few slices, in the long form of this test every one."""
    if is_long:
        return sample
    folder = tmp_path_factory.mktemp("few")
    for path in sorted((sample / "semicoronal-stir").glob("*.dcm"))[8:12]:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_what_stands_at_the_top_of_the_repository_is_in_the_wheel(installed: Path) -> None:
    place = "from asemble.core.shipped import shipped; print(shipped(''))"
    top = Path(run(installed / "python", "-c", place, where=installed).strip())
    assert installed.parent.resolve() in top.parents
    packed = {p.relative_to(top).as_posix(): p for p in top.rglob("*") if p.is_file()}
    packed = {name: path for name, path in packed.items() if "__pycache__" not in name}
    lines = (ROOT / "weights" / "SHA256SUMS").read_text().splitlines()
    signed = [line.split("  ")[1] for line in lines]
    pages = [path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py")]
    assert set(packed) == {
        *("app.py", ".streamlit/config.toml", "weights/SHA256SUMS", *pages),
        *(f"weights/{name}" for name in signed),
    }
    for name, path in packed.items():
        assert path.read_bytes() == (ROOT / name).read_bytes(), name


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    files = [path for path in (ROOT / "asemble").rglob("*") if path.is_file()]
    for_checks = ("__pycache__", ".d.ts")  # types of the viewer's modules, which nothing loads
    here = [path.relative_to(ROOT).as_posix() for path in files]
    needed = [name for name in here if not any(part in name for part in for_checks)]
    assert len(needed) > 200
    assert not set(needed) - packed


def test_the_installed_wheel_predicts_what_the_clone_does(
    installed: Path, study: Path, tmp_path: Path
) -> None:
    def answer(name: str, *command: object, environment: dict[str, str]) -> dict[str, Any]:
        out = tmp_path / name
        run(*command, "predict", study, "--json", out, where=tmp_path, environment=environment)
        content: dict[str, Any] = json.loads(out.read_text())
        del content["seconds"]
        return content

    here = {"PYTHONPATH": str(ROOT)}
    clone = answer("clone.json", sys.executable, "-m", "asemble", environment=here)
    elsewhere = answer("wheel.json", installed / "asemble", environment={})
    assert elsewhere == clone
    assert elsewhere["weights_list"]["shipped"]
    assert elsewhere["study"]["probabilities"] is not None


def test_weights_that_changed_are_refused_in_the_installed_package_too(
    installed: Path, tmp_path: Path
) -> None:
    place = "from asemble.core.shipped import shipped; print(shipped('weights/ensemble.json'))"
    path = Path(run(installed / "python", "-c", place, where=tmp_path).strip())
    before = path.read_bytes()
    path.write_bytes(before.replace(b"0", b"1", 1))
    try:
        done = subprocess.run(
            [installed / "asemble", "models"],
            cwd=tmp_path,
            env=clean({}),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_bytes(before)
    assert done.returncode == 2
    assert "ensemble.json was changed" in done.stderr


def test_the_app_is_served_from_any_folder(installed: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [installed / "asemble", "app", "--port", str(port)],
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=clean({"STREAMLIT_SERVER_HEADLESS": "true"}),
        )
    try:
        assert health(port, process)["weights"] == "shipped", log.read_text()
    finally:
        process.terminate()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in log.read_text()


def health(port: int, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """What the server says of itself once its models are loaded."""
    for _ in range(STARTS_WITHIN_S * 2):
        assert process.poll() is None, "the app stopped while starting"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as said:
                content: dict[str, Any] = json.load(said)
                return content
        except HTTPError as error:  # 503: the models are being loaded
            assert json.load(error)["models"] == "loading"
        except (URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    pytest.fail(f"the models were not ready within {STARTS_WITHIN_S} s")
