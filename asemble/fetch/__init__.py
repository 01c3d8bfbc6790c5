"""Fetching public cases (`asemble.cases`) over HTTPS, on a person's word only.

Nothing else in asemble connects to another machine.
"""

from asemble.fetch.bucket import Bucket
from asemble.fetch.fetching import Progress, fetch
from asemble.fetch.kept import Kept
from asemble.fetch.settings import Use, bucket_url, stated_use

__all__ = ["Bucket", "Kept", "Progress", "Use", "bucket_url", "fetch", "stated_use"]
