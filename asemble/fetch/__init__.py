"""Fetching public cases (`asemble.cases`) over HTTPS, on a person's word only.

Nothing else in asemble connects to another machine.
"""

from asemble.fetch.bucket import Bucket
from asemble.fetch.case_cache import CaseCache
from asemble.fetch.download import Progress, cancelled, fetch, megabytes
from asemble.fetch.settings import Use, bucket_url, stated_use

__all__ = [
    "Bucket",
    "CaseCache",
    "Progress",
    "Use",
    "bucket_url",
    "cancelled",
    "fetch",
    "megabytes",
    "stated_use",
]
