"""What the figures were measured on."""

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")
"""Of the processor, that decide which precision pays."""
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
"""Without one of them bfloat16 is emulated."""
PACKAGES = ("torch", "timm", "grad-cam", "numpy", "pydicom", "streamlit")
"""Whose versions are told."""
_CPUINFO = Path("/proc/cpuinfo")
_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine with its software.

    Args:
        processor: its name.
        cores: that this process may use.
        flags: those of `FLAGS` that it has.
        memory_gib: physical memory.
        system: of which kind it is.
        versions: of Python and `PACKAGES`.
        accelerator: the name of the CUDA device, empty where there is none.
    """

    processor: str
    cores: int
    flags: tuple[str, ...]
    memory_gib: float
    system: str
    versions: dict[str, str]
    accelerator: str

    @property
    def has_bfloat16(self) -> bool:
        """Whether the processor itself computes in bfloat16."""
        return any(flag in self.flags for flag in BFLOAT16_FLAGS)

    def words(self) -> str:
        """One paragraph."""
        having = ", ".join(self.flags) or "none of " + ", ".join(FLAGS)
        packages = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        accelerator = self.accelerator or "no CUDA device"
        return (
            f"{self.processor}, {self.cores} cores ({having}), {self.memory_gib:.0f} GiB, "
            f"{accelerator}; {self.system}; {packages}."
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def this_machine() -> Machine:
    """The machine that this runs on."""
    said = _cpuinfo()
    has = set(said.get("flags", "").split())
    return Machine(
        processor=said.get("model name", platform.processor() or platform.machine()),
        cores=cores(),
        flags=tuple(flag for flag in FLAGS if flag in has),
        memory_gib=_memory_bytes() / _GIB,
        system=platform.system(),
        versions={
            "Python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        accelerator=torch.cuda.get_device_name(0) if torch.cuda.is_available() else "",
    )


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    """Processes that wanted a core in the last minute, this one among them; 0 where unknown."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _cpuinfo() -> dict[str, str]:
    """What Linux says of its first processor; empty elsewhere."""
    if not _CPUINFO.exists():
        return {}
    first = _CPUINFO.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _memory_bytes() -> int:
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
