"""What a reader marks on the slices: a lesion in a quadrant of a joint on one slice.

Definitions and scores are counted from these marks alone.
"""

from collections.abc import Iterable

from asemble.core.joints import QUADRANTS, Bone, Half, Joint, Lesion, Mark, Quadrant

__all__ = [
    "QUADRANTS",
    "Bone",
    "Half",
    "Joint",
    "Lesion",
    "Mark",
    "Quadrant",
    "longest_run",
    "of_lesion",
    "quadrants_of",
    "toggled",
]


def toggled(marks: Iterable[Mark], mark: Mark) -> tuple[Mark, ...]:
    """`marks` with `mark`, or without it where it stands there already.

    The same lesion in the same place with another depth or intensity is replaced.

    >>> oedema = Mark(Lesion.OEDEMA, 3, QUADRANTS[0])
    >>> deep = Mark(Lesion.OEDEMA, 3, QUADRANTS[0], is_deep=True)
    >>> toggled((oedema,), deep) == (deep,), toggled((deep,), deep)
    (True, ())
    """
    marks = tuple(marks)
    if mark in marks:
        return tuple(other for other in marks if other != mark)
    place = (mark.lesion, mark.slice, mark.quadrant)
    rest = [other for other in marks if (other.lesion, other.slice, other.quadrant) != place]
    return (*rest, mark)


def of_lesion(marks: Iterable[Mark], lesion: Lesion) -> list[Mark]:
    """The marks of one lesion."""
    return [mark for mark in marks if mark.lesion is lesion]


def quadrants_of(marks: Iterable[Mark]) -> set[Quadrant]:
    """The quadrants that are marked on any slice."""
    return {mark.quadrant for mark in marks}


def longest_run(marks: Iterable[Mark]) -> int:
    """Most consecutive slices on which one quadrant is marked.

    >>> place = QUADRANTS[0]
    >>> longest_run([Mark(Lesion.OEDEMA, at, place) for at in (3, 4, 6)])
    2
    """
    places = {(mark.quadrant, mark.slice) for mark in marks}
    best = 0
    for quadrant, at in places:
        if (quadrant, at - 1) in places:
            continue
        length = 1
        while (quadrant, at + length) in places:
            length += 1
        best = max(best, length)
    return best
