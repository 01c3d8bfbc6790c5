"""The networks, their weights and the ensemble; torch and timm enter the house here."""

from asemble.models import torchvision_ops

torchvision_ops.declare_missing_operators()  # before timm and grad-cam import torchvision

from asemble.models.cards import Card  # noqa: E402  (after the line above, on purpose)
from asemble.models.ensemble import Ensemble, Member, MemberOutput, load_ensemble  # noqa: E402
from asemble.models.members import MEMBERS, MemberSpec  # noqa: E402

__all__ = [
    "MEMBERS",
    "Card",
    "Ensemble",
    "Member",
    "MemberOutput",
    "MemberSpec",
    "load_ensemble",
]
