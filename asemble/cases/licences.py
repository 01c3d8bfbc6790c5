"""Which licences let anybody use an image, and where their words stand."""

from asemble.core.errors import CaseError

OPEN_LICENCES = {
    "CC BY 3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC0 1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
}
"""By the names that the Imaging Data Commons gives them. Never one that forbids commercial use."""


def require_open(name: str, licence: str) -> None:
    """Refuse what not everybody may use.

    Args:
        name: of the case, for the message.
        licence: as the table states it; empty where it states none.

    Raises:
        CaseError: `no-licence` or `licence-not-open`.

    >>> require_open("A", "CC BY 4.0")
    """
    if not licence:
        raise CaseError(
            f"The table states no licence for {name}, so it is not fetched.",
            hint="Fetch cases whose licence is stated.",
            code="no-licence",
        )
    if licence not in OPEN_LICENCES:
        raise CaseError(
            f"{name} is under {licence!r}, which is not among the open licences "
            f"({', '.join(OPEN_LICENCES)}), so it is not fetched.",
            hint="Fetch cases under an open licence.",
            code="licence-not-open",
        )
