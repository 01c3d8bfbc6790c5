"""Every package that is installed is locked by hash, and the bill of materials names the same."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """By package: what is pinned, and the hashes of its files."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        requirement = Requirement(line.split("--hash")[0].strip())
        found[canonicalize_name(requirement.name)] = (requirement, HASH.findall(line))
    return found


def pinned(name: str) -> dict[str, Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    asked = [Requirement(line) for line in lines if line and line[0] not in "-#"]
    return {canonicalize_name(each.name): each for each in asked}


def test_each_lock_holds_all_that_is_pinned_and_every_line_has_hashes() -> None:
    for lock, asked in (
        ("requirements.lock", "requirements.txt"),
        ("requirements-dev.lock", "requirements-dev.txt"),
    ):
        found = locked(lock)
        for requirement, hashes in found.values():
            assert [each.operator for each in requirement.specifier] == ["=="]
            assert hashes
            assert len(set(hashes)) == len(hashes)
        for name, requirement in pinned(asked).items():
            assert found[name][0].specifier == requirement.specifier, name
    development = locked("requirements-dev.lock")
    for name, (requirement, _) in locked("requirements.lock").items():
        assert development[name][0].specifier == requirement.specifier, name


def test_what_others_ask_for_is_locked_too_wherever_it_is_installed() -> None:
    """Of the packages that are here, on this system; torch's CUDA is not among them."""
    found = locked("requirements.lock")
    waiting = list(pinned("requirements.txt"))
    seen: set[str] = set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        assert name in found, name
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        asked = [Requirement(need) for need in needs]
        waiting += [
            each.name
            for each in asked
            if (each.marker is None or each.marker.evaluate({"extra": ""}))
            and not re.match(r"nvidia-|triton$|cuda-", canonicalize_name(each.name))
        ]
    assert len(seen) > len(pinned("requirements.txt"))


def test_no_lock_brings_cuda() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert not [name for name in locked(lock) if re.match(r"nvidia-|triton$|cuda", name)]


def test_the_bill_of_materials_names_what_is_locked() -> None:
    bill = json.loads((ROOT / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    named = {canonicalize_name(each["name"]): each for each in bill["components"]}
    found = locked("requirements.lock")
    assert set(named) == set(found)
    for name, (requirement, hashes) in found.items():
        assert str(requirement.specifier) == f"=={named[name]['version']}"
        files = named[name]["externalReferences"][0]["hashes"]
        assert {each["content"] for each in files} == set(hashes)
