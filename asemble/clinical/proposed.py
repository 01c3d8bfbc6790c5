"""Image items that marks speak for. They are proposed: the reader accepts them or does not.

Marks say what is there. What is not there they say only where every slice was looked at.
"""

from collections.abc import Iterable, Mapping

from asemble.clinical.definitions import asas_definite_active_2021
from asemble.clinical.marks import Lesion, Mark, of_lesion

SMALL_SLICES = 2
"""Small oedema is seen on one or two slices."""

_BY_LESION = {
    Lesion.EROSION: "erosion",
    Lesion.BACKFILL: "backfill",
    Lesion.ANKYLOSIS: "ankylosis",
}


def proposed_items(marks: Iterable[Mark], *, of_every_slice: bool) -> Mapping[str, str]:
    """Items to be answered yes, by id, with what speaks for each.

    Args:
        marks: of one fluid-sensitive series and of one T1.
        of_every_slice: whether what is not marked was looked for and not found.

    >>> from asemble.clinical.marks import QUADRANTS
    >>> proposed_items([Mark(Lesion.EROSION, 7, QUADRANTS[0])], of_every_slice=False)
    {'erosion': 'erosion on slice 8'}
    """
    marks = list(marks)
    oedema = of_lesion(marks, Lesion.OEDEMA)
    found: dict[str, str] = {}
    met = [each for each in asas_definite_active_2021(marks).conditions if each.is_met]
    if met:
        found["extensive_oedema"] = "; ".join(condition.sentence for condition in met)
    elif oedema and of_every_slice and len({mark.slice for mark in oedema}) <= SMALL_SLICES:
        found["small_oedema"] = f"oedema {_on(oedema)} and on no other"
    deep = [mark for mark in oedema if mark.is_deep]
    if deep:
        found["deep_oedema"] = f"deep oedema {_on(deep)}"
    for lesion, item_id in _BY_LESION.items():
        if of_it := of_lesion(marks, lesion):
            found[item_id] = f"{lesion} {_on(of_it)}"
    deep_fat = [mark for mark in of_lesion(marks, Lesion.FAT) if mark.is_deep]
    if deep_fat:
        found["sharp_fat"] = f"deep fat lesion {_on(deep_fat)}; a mark does not say how sharp it is"
    return found


def _on(marks: Iterable[Mark]) -> str:
    numbers = sorted({mark.slice + 1 for mark in marks})
    return f"on slice{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
