"""Why an upload is refused, held to a little time and memory."""

import time
import tracemalloc

from asemble.core.errors import InputError
from asemble.io import Part, limits, read_parts


def reason(data: bytes, name: str = "a", *, most_mib: float = 60, seconds: float = 5) -> str:
    """Why an upload is refused; holds the refusal to a little time and memory."""
    tracemalloc.start()
    began = time.process_time()
    try:
        study = read_parts([Part.from_bytes(name, data)])
        reasons = {refusal.reason for refusal in study.refused}
    except InputError as error:
        reasons = {str(error)}
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < most_mib * limits.MIB
    assert time.process_time() - began < seconds  # other work may run beside it
    (only,) = reasons
    assert only.endswith(".") and only.isprintable() and len(only) < 250
    return only
