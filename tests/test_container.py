"""The Dockerfile, as far as it can be checked where no image can be built."""

import json
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
STEPS = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and line[0] != "#"]


def steps(instruction: str) -> list[str]:
    return [rest for name, rest in STEPS if name == instruction]


def copied() -> list[str]:
    """What comes out of the repository."""
    sources = [rest.split()[:-1] for rest in steps("COPY") if not rest.startswith("--from")]
    return [source for group in sources for source in group]


def test_everything_that_the_image_copies_exists_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {"app.py", "pages", "asemble", "weights", ".streamlit"} <= set(copied())
    for source in copied():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied())


def test_the_image_installs_by_hash_and_torch_for_a_cpu() -> None:
    installs = " ".join(" ".join(steps("RUN")).split())
    assert "pip install --require-hashes -r /tmp/requirements.lock" in installs
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in installs
    assert steps("FROM") == ["$BASE AS packages", "$BASE"]  # a digest is stated once for both
    assert [default.split("=")[0] for default in steps("ARG")] == ["BASE"]


def test_the_image_runs_unprivileged_and_is_asked_for_its_health() -> None:
    assert int(steps("USER")[-1]) > 0
    (health,) = steps("HEALTHCHECK")
    assert "/healthz" in health
    command = json.loads(steps("CMD")[-1])  # the exec form: signals reach the server
    assert command[:5] == ["python", "-m", "streamlit", "run", "app.py"]
    port = next(part for part in command if part.startswith("--server.port")).split("=")[1]
    assert port in health
    assert steps("EXPOSE") == [port]


def test_the_settings_keep_studies_on_this_machine() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    server = settings["server"]
    assert server["address"] == "localhost"
    assert server["allowedHosts"] == ["localhost", "127.0.0.1", "::1"]
    assert server["enableXsrfProtection"] and server["enableCORS"]
    assert not server["enableStaticServing"] and not server["enableAgentApi"]
    assert server["disconnectedSessionTTL"] == 15 * 60  # as SECURITY.md and the README say
    assert not settings["browser"]["gatherUsageStats"]
    assert settings["client"]["showErrorDetails"] == "none"
    assert not settings["logger"]["enableRich"]
    assert settings["logger"]["messageFormat"] == "%(message)s"
