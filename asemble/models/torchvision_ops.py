"""Lets torchvision import beside a torch that its compiled operators were not built for.

The registry's torchvision wheel for Linux is linked against CUDA torch. Beside a CPU torch its
operators do not load, and `import torchvision` (so `import timm`, `import pytorch_grad_cam`)
stops with `operator torchvision::nms does not exist`. Declaring the two missing operators first
makes all three import; this project calls neither. It must happen before their first import,
which `asemble.models` sees to by importing this module first.
"""

import importlib.util
from pathlib import Path

import torch

_MISSING = ("nms", "qnms")
"""The operators that torchvision registers a shape function for, whether or not they loaded."""

_declared: list[torch.library.Library] = []
"""A library forgets its declarations when it is collected, so it is kept here."""


def declare_missing_operators() -> bool:
    """Declare `nms` and `qnms` where torchvision's compiled operators do not load.

    Returns:
        Whether anything had to be declared; False on a machine where the operators load.
    """
    if _operators_load() or _declared:
        return False
    # torch ships no types for its operator library, here and below.
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in _MISSING:
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    _declared.append(library)
    return True


def _operators_load() -> bool:
    # Found without importing torchvision, whose import is what must not fail.
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    for compiled in sorted(Path(spec.origin).parent.glob("_C*")):
        try:
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]
        except OSError:
            continue
        return True
    return False
