"""The environment variables of public cases; docs/operations.md lists it."""

import os
from enum import StrEnum

from asemble.cases import Table
from asemble.core.errors import ConfigError

USE_VARIABLE = "ASEMBLE_CASES"
URL_VARIABLE = "ASEMBLE_CASES_URL"
CACHE_VARIABLE = "ASEMBLE_CASES_CACHE"
SIZE_VARIABLE = "ASEMBLE_CASES_MIB"

USUAL_SIZE_MIB = 4096
"""The shipped table is half of it."""


class Use(StrEnum):
    """What may be done with public cases.

    ON: fetch them. CACHED: open those that are in the cache, connect to nothing. OFF: neither.
    """

    ON = "on"
    CACHED = "cached"
    OFF = "off"


def stated_use() -> Use | None:
    """What `ASEMBLE_CASES` says; None where it says nothing.

    Raises:
        ConfigError: it says something else.
    """
    said = os.environ.get(USE_VARIABLE, "").strip().lower()
    if not said:
        return None
    try:
        return Use(said)
    except ValueError as error:
        raise ConfigError(
            f"{USE_VARIABLE} does not say what to do with public cases.",
            hint=f"Say {', '.join(Use)}.",
            code="setting-invalid",
        ) from error


def bucket_url(table: Table) -> str:
    """Where the files are: `ASEMBLE_CASES_URL`, else the bucket that the table names."""
    return os.environ.get(URL_VARIABLE) or f"https://{table.index['bucket']}.s3.amazonaws.com"


def most_bytes() -> int:
    """How much the cache may hold: `ASEMBLE_CASES_MIB`.

    Raises:
        ConfigError: it is no number.
    """
    said = os.environ.get(SIZE_VARIABLE, "").strip() or str(USUAL_SIZE_MIB)
    if not said.isdecimal():
        raise ConfigError(
            f"{SIZE_VARIABLE} is no whole number.", hint="Say how many MiB.", code="setting-invalid"
        )
    return int(said) * 1024**2
