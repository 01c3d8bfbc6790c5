"""The plane of a stack: by its geometry, and between two planes by the words of its protocol."""

from collections.abc import Iterable

from asemble.core.geometry import possible_planes
from asemble.core.labels import Plane
from asemble.core.volume import Affine

_WORDS = {
    Plane.CORONAL: "cor coronal semicoronal coronaloblique coronale coronaal paracor paracoronal "
    "semicor kor koronar koronal koronalna parakoronar semikoronar frontal frontale coronais",
    Plane.AXIAL: "ax axial semiaxial axiale axiaal paraaxial semiax tra trans transv transverse "
    "transversal transversale trasversale transversaal paratransversal assiale axiais aksial "
    "poprzeczna",
    Plane.SAGITTAL: "sag sagittal sagital sagittale sagittaal sagitais parasagittal",
}
PLANE_WORDS = {plane: frozenset(words.split()) for plane, words in _WORDS.items()}
"""What protocols call the planes in English, German, French, Italian, Spanish, Dutch, Polish and
Portuguese."""


def plane_named(words: Iterable[str]) -> Plane | None:
    """The one plane that words of a protocol name, else None.

    >>> plane_named(["t2", "tirm", "tra"]), plane_named(["cor", "ax"])
    (<Plane.AXIAL: 'axial'>, None)
    """
    found = set(words)
    named = [plane for plane, names in PLANE_WORDS.items() if names & found]
    return named[0] if len(named) == 1 else None


def plane_by(
    affine: Affine, words: Iterable[str], *, source: str
) -> tuple[Plane | None, list[str]]:
    """The plane, None where neither geometry nor words settle it, and what to say about it.

    Args:
        affine: of the stack.
        words: of its protocol.
        source: where the words stand, for the sentence.
    """
    possible = possible_planes(affine)
    named = plane_named(words)
    if len(possible) == 1:
        plane = possible[0]
        if named in (None, plane):
            return plane, []
        return plane, [
            f"The {source} says {named}, the geometry {plane}: the geometry was trusted; "
            "correct the plane if it is wrong."
        ]
    between = f"The slices are tilted between {possible[0]} and {possible[1]}"
    if named in possible:
        return named, [f"{between}; the {source} says {named}, which was taken: check it."]
    return None, [f"{between}, and no word of the {source} says which they are: state the plane."]
