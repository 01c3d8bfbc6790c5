"""NIfTI pairs: a `.hdr` and an `.img` file of one stem that came in as two files."""

from dataclasses import dataclass, field

from asemble.core.errors import FileError
from asemble.core.study import Refusal
from asemble.io.archive.unpack import Unpacked

_HEADER_BYTES = 348
_NO_PARTNER = {
    ".hdr": FileError(
        "This is the header of an image pair without its .img file.",
        hint="Upload both.",
        code="half-of-pair",
    ),
    ".img": FileError(
        "This .img file has no .hdr file of the same name beside it.",
        hint="Upload both.",
        code="half-of-pair",
    ),
}
_ANALYZE = FileError(
    "This is an Analyze 7.5 pair, which does not say which side is left.",
    hint="Convert it to NIfTI with a tool that knows where it came from.",
    code="analyze-pair",
)


@dataclass(slots=True)
class Pairs:
    """Halves that wait for their partner, by name without its ending."""

    _waiting: dict[str, dict[str, Unpacked]] = field(default_factory=dict)

    def add(self, item: Unpacked) -> tuple[bytes, bytes] | None:
        """Header and pixels if `item` makes a pair complete, else None.

        Args:
            item: for which `is_half` is true.

        Raises:
            FileError: a half of that name is waiting already.
        """
        stem, ending = _split(item)
        halves = self._waiting.setdefault(stem, {})
        if ending in halves:
            raise FileError(
                "Another half of an image pair in the upload has the same name.",
                hint="Upload the pairs with their folders, or one by one.",
                code="pair-name-twice",
            )
        halves[ending] = item
        if len(halves) < 2 or _is_analyze(halves[".hdr"].data):
            return None
        del self._waiting[stem]
        return halves[".hdr"].data, halves[".img"].data

    def refusals(self) -> list[Refusal]:
        """One for each half that is still alone, and for each pair that is not NIfTI."""
        refused = []
        for halves in self._waiting.values():
            names = sorted(item.name for item in halves.values())
            header = halves.get(".hdr")
            if header is not None and _is_analyze(header.data):
                refused.append(Refusal.because(_ANALYZE, header.name, len(names)))
            else:
                (ending,) = halves
                refused.append(Refusal.because(_NO_PARTNER[ending], names[0]))
        return refused


def is_half(item: Unpacked) -> bool:
    """Whether a file is half of a pair: its header by content, its pixels by name alone."""
    return _is_nifti_half(item.data) or _split(item)[1] == ".img" or _is_analyze(item.data)


def _split(item: Unpacked) -> tuple[str, str]:
    """The stem of a name and `.hdr` or `.img`; both parts may be compressed on their own."""
    name = item.name.lower().removesuffix(".gz")
    stem, dot, ending = name.rpartition(".")
    if _is_nifti_half(item.data) or _is_analyze(item.data):
        return (stem if dot + ending == ".hdr" else name), ".hdr"
    return (stem, ".img") if dot + ending == ".img" else (name, "")


def _is_nifti_half(data: bytes) -> bool:
    return data[344:348] == b"ni1\0" or data[4:8] == b"ni2\0"


def _is_analyze(data: bytes) -> bool:
    """Whether this is a header of Analyze 7.5: its own size at the start, and no NIfTI magic."""
    size = _HEADER_BYTES.to_bytes(4, "little")
    return (
        data[:4] in (size, size[::-1])
        and _HEADER_BYTES <= len(data) <= 2 * _HEADER_BYTES
        and data[344:347] not in (b"ni1", b"n+1")
    )
