"""Public cases: real, openly licensed series that others published, as the table names them.

Only the nouns: what there is, under which licence, and how it is credited. `asemble.fetch` brings
the files. Nobody read these cases for asemble (docs/public_cases.md).
"""

from asemble.cases.licences import OPEN_LICENCES, require_open
from asemble.cases.table import Case, CaseSeries, Source, Table, credits_of, load_table

__all__ = [
    "OPEN_LICENCES",
    "Case",
    "CaseSeries",
    "Source",
    "Table",
    "credits_of",
    "load_table",
    "require_open",
]
