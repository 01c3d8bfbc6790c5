"""Fixtures shared by the tests."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from asemble.models import Ensemble

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    if not (SHARED / "data" / "dicom" / "manifest.json").exists():
        pytest.skip("the shared scanner files are not on this machine (../shared/data/dicom)")
    return SHARED


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights drawn by chance, with cards and fusion, as training leaves it."""
    from small_studies import write_random_weights  # noqa: PLC0415  torch only where it is used

    folder = tmp_path_factory.mktemp("weights")
    write_random_weights(folder)
    return folder


@pytest.fixture(scope="session")
def random_ensemble(random_weights: Path) -> "Ensemble":
    from asemble.models import load_ensemble  # noqa: PLC0415  torch only where it is used

    return load_ensemble(random_weights, device="cpu")
