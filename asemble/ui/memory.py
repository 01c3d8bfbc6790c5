"""How a server parts its memory.

What the machine or the container has is parted once, at start: for the process itself and its
networks, for studies (`asemble.core.memory_budget`), for uploads that nobody has read yet
(`uploads.py`), and the rest for decoders and for what nobody foresaw. The process is then held
below it by the system, so that what remains is one session's fault and not the end of all.
"""

import os

from asemble.core import memory_budget
from asemble.core.memory_budget import MIB
from asemble.ui import logs
from asemble.ui.uploads import Uploads

BASE = 1536 * MIB
"""Python, torch and the shipped networks at work take 1.0 to 1.3 GiB."""
STUDIES, UPLOADS = 1 / 2, 1 / 3
"""Shares of the rest."""
LEAST = 512 * MIB
"""For studies and for uploads, however small the machine says it is."""
MEMORY = "ASEMBLE_MEMORY_MIB"
"""What the process may have, where the system does not say; 0 for no bound."""


def bound() -> None:
    """Part the memory, and have the system hold the process below it."""
    stated = os.environ.get(MEMORY, "")
    memory = int(stated) * MIB if stated.isdigit() else memory_budget.machine_bytes()
    if not memory:
        return
    rest = max(memory - BASE, 0)
    studies, uploads = (max(LEAST, int(share * rest)) for share in (STUDIES, UPLOADS))
    memory_budget.bound(studies)
    Uploads.total = uploads
    hold_below(BASE + studies + uploads)
    logs.event("memory", mib=memory // MIB, studies_mib=studies // MIB, uploads_mib=uploads // MIB)


def hold_below(size: int) -> None:
    """Let allocations fail beyond `size`, in whoever asks for more.

    RLIMIT_DATA, not RLIMIT_AS: it counts what is written to (heaps, mappings, stacks of threads),
    of which a server has 1 GiB. Of addresses, torch and its threads take many times that without
    ever using them, so that no limit would fit both a busy server and an idle one.
    """
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    except (ValueError, OSError):  # a platform that knows the name but not the limit
        return
