"""What is measured of the oedema of one series, and the SPARCC marks that it proposes.

All of it follows from the networks' maps and waits for the reader, who accepts it, changes it or
leaves it: no figure here is a finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from asemble.core.joints import Bone, Joint, JointLine, Mark


@dataclass(frozen=True, slots=True)
class Reference:
    """Normal marrow, against which oedema is held: the sacrum between its foramina.

    Args:
        slices: where enough of it is seen; oedema on another slice is held against the nearest.
        area_mm2: of it, on all these slices.
        why_not: one sentence why there is none; None where there is.
    """

    slices: tuple[int, ...]
    area_mm2: float
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class BoneOedema:
    """Oedema in one bone of one joint on one slice.

    Args:
        joint: the patient's side.
        bone: sacrum or ilium.
        area_mm2: of oedema.
        ratio: how many times as bright as normal marrow it is, in the median; None without
            reference.
        depth_mm: how far from the joint surface it reaches.
        is_deep: it reaches 1 cm or more (SPARCC).
        is_intense: it is as bright as the fluid of the series; None where no fluid is seen.
    """

    joint: Joint
    bone: Bone
    area_mm2: float
    ratio: float | None
    depth_mm: float
    is_deep: bool
    is_intense: bool | None


@dataclass(frozen=True, slots=True)
class SliceOedema:
    """One slice on which a joint is seen.

    Args:
        index: number in the order of the series' volume, from 0.
        bones: those with oedema.
        at_joints: share of the slice's evidence that lies in bone at the joints, 0 to 1; None
            where it shows no evidence.
    """

    index: int
    bones: tuple[BoneOedema, ...]
    at_joints: float | None = None

    @property
    def area_mm2(self) -> float:
        """Of all oedema on it."""
        return sum(one.area_mm2 for one in self.bones)


@dataclass(frozen=True, slots=True)
class JointOedema:
    """One joint over all slices.

    Args:
        joint: the patient's side.
        volume_ml: area of oedema times the distance between slices, summed over them.
        ratio: how many times as bright as normal marrow oedema is, the mean over its volume; None
            without reference or without oedema.
        depth_mm: the deepest of its slices; 0 without oedema.
    """

    joint: Joint
    volume_ml: float
    ratio: float | None
    depth_mm: float


@dataclass(frozen=True, slots=True)
class Measurements:
    """What is measured of one fluid-sensitive series that was judged.

    Args:
        reference: normal marrow.
        fluid_ratio: how many times as bright as normal marrow the fluid is that intense oedema is
            held against; None where none, or no reference, is seen.
        slices: those on which a joint is seen, in order.
        joints: right and left, those that are seen.
        joint_lines: where the bones meet, as a reader would lay them; none where the slices do not
            show left and right as well as head and feet.
        marks: every quadrant with oedema on every slice, as a reader would mark it, proposed.
        first_scored: first of the six slices that SPARCC would score; None where nothing can be
            proposed.
        why_no_sparcc: one sentence why; None where SPARCC is proposed.
    """

    reference: Reference
    fluid_ratio: float | None
    slices: Sequence[SliceOedema]
    joints: Sequence[JointOedema]
    joint_lines: Sequence[JointLine] = ()
    marks: Sequence[Mark] = ()
    first_scored: int | None = None
    why_no_sparcc: str | None = None

    @property
    def volume_ml(self) -> float:
        """Of all oedema at the joints."""
        return sum(one.volume_ml for one in self.joints)
