"""Fixtures shared by the tests."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    if not (SHARED / "data" / "dicom" / "manifest.json").exists():
        pytest.skip("the shared scanner files are not on this machine (../shared/data/dicom)")
    return SHARED
