"""Writes requirements.lock, requirements-dev.lock and sbom.cdx.json: `make lock`.

The locks name every package that is installed, those that others ask for too, with the SHA-256 of
each of its files, for Python 3.11 to 3.13 on Linux, macOS and Windows. They are resolved by uv, for
all of these at once, from the pinned requirements*.txt. The bill of materials (CycloneDX 1.6) is
made of requirements.lock by cyclonedx-py.
"""

import itertools
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
LOCKS = {"requirements.lock": "requirements.txt", "requirements-dev.lock": "requirements-dev.txt"}
SBOM = "sbom.cdx.json"

CPU_TORCH = """
[[dependency-metadata]]
name = "torch"
version = "2.13.0"
requires-dist = [
    "filelock", "typing-extensions>=4.10.0", "setuptools>=77.0.3", "sympy>=1.13.3",
    "networkx>=2.5.1", "jinja2", "fsspec>=0.8.5",
]
"""
"""What torch for a CPU asks for. The file on PyPI for Linux asks for gigabytes of CUDA as well."""
CPU_WHEELS = {
    "torch==2.13.0": (
        # torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl, of download.pytorch.org/whl/cpu
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
    ),
}
"""Files for Linux, which PyPI does not have: its own are for CUDA, so their hashes are left out."""
INDEX = "https://pypi.org/simple"
FILE = re.compile(r'/([^/"#]+)#sha256=([0-9a-f]{64})"')


def main() -> None:
    """Write all three."""
    with TemporaryDirectory() as folder:
        config = Path(folder) / "uv.toml"
        config.write_text(CPU_TORCH)
        for lock, asked in LOCKS.items():
            resolve(config, asked, ROOT / lock)
    bill = ["-m", "cyclonedx_py", "requirements", "--output-reproducible", "--spec-version", "1.6"]
    run(sys.executable, *bill, "-o", SBOM, "requirements.lock")


def resolve(config: Path, asked: str, lock: Path) -> None:
    """Write one lock."""
    also = [] if lock.name == "requirements.lock" else ["--constraint", "requirements.lock"]
    run(
        *(sys.executable, "-m", "uv", "pip", "compile", asked, *also, "--output-file", lock.name),
        *("--config-file", str(config), "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-header", "--no-annotate", "--upgrade", "--quiet"),
        *("--index-url", INDEX),
    )
    text = lock.read_text()
    for pinned, hashes in CPU_WHEELS.items():
        cuda = cuda_hashes(*pinned.split("=="))
        lines = text.split(f"{pinned} \\\n", 1)[1].splitlines()
        found = [
            line.split(":")[1].removesuffix(" \\") for line in itertools.takewhile(is_hash, lines)
        ]
        wanted = [*hashes, *(each for each in found if each not in cuda)]
        before = "".join(f"{line}\n" for line in lines[: len(found)])
        after = " \\\n".join(f"    --hash=sha256:{each}" for each in wanted)
        text = text.replace(before, f"{after}\n", 1)
    lock.write_text(f"# Written by `make lock`; tools/lock.py says how. Do not edit.\n{text}")


def cuda_hashes(name: str, version: str) -> set[str]:
    """Of the files for Linux on PyPI."""
    with urllib.request.urlopen(f"{INDEX}/{name}/", timeout=60) as answer:  # noqa: S310  https
        files = FILE.findall(answer.read().decode())
    begin = f"{name}-{version}-"
    return {digest for file, digest in files if file.startswith(begin) and "linux" in file}


def is_hash(line: str) -> bool:
    """Whether a line of a lock is a hash."""
    return line.startswith("    --hash=")


def run(*command: str, check: bool = True) -> None:
    """In the repository."""
    subprocess.run(command, cwd=ROOT, check=check)


if __name__ == "__main__":
    main()
