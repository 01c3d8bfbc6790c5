"""One list of SHA-256 for a folder of weights: nothing in it is read that the list does not sign.

`SHA256SUMS` stands beside the weights and names every file there: weights, cards, the study
calibration, the scope, the figures of both. Whoever writes one of them through this package signs
it (`sign`); what was changed by any other hand is refused before anything is judged. The list of
the weights that asemble ships is pinned in turn by `shipped.sha256`, which stands in the code.
Both have the format of `sha256sum --check`, run in the folder of the first and in the repository.

A clinic that trains weights of its own has a list of its own, and is told that these are not the
shipped weights.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asemble.core.errors import WeightsError
from asemble.core.labels import OWN_WEIGHTS, SHIPPED_WEIGHTS
from asemble.core.shipped import shipped

LIST = "SHA256SUMS"
"""Stands beside the weights."""
SHIPPED_DIRECTORY = shipped("weights")
"""The weights that asemble ships."""
PIN = Path(__file__).with_name("shipped.sha256")
"""Holds the SHA-256 of their list."""
SUFFIX = ".safetensors"
"""Of weight files; the card of each has the same name with `.json`."""
BESIDE = ("ensemble.json", "scope.json", "performance.json", "gallery.jpg")
"""What else stands in a folder of weights; other files in it are never read."""

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[^\\\r\n/][^\\\r\n]*)")

CHANGED = "weights-changed"
MISSING = "weights-missing"
UNSIGNED = "weights-unsigned"
NOT_SHIPPED = "weights-not-shipped"
OTHER_FORMAT = "weights-of-another-format"
"""Codes of what is refused; they stay when the sentences are worded anew."""

FETCH_AGAIN = "Fetch the weights again, or train them with `asemble train`."
_SIGN = "If you put it there yourself, sign the folder: asemble models --sign --weights DIR"


@dataclass(frozen=True, slots=True)
class Signed:
    """A folder of weights whose files are those of its list.

    Args:
        folder: where they lie.
        digests: SHA-256 in hex of each file, by its path in the folder.
        digest: SHA-256 in hex of the list itself.
        is_shipped: whether it is the list that the code pins.
    """

    folder: Path
    digests: Mapping[str, str]
    digest: str
    is_shipped: bool

    @property
    def words(self) -> str:
        """Whose weights these are, for a sentence."""
        return SHIPPED_WEIGHTS if self.is_shipped else OWN_WEIGHTS

    def read(self, path: Path) -> bytes:
        """The content of a file of the folder, as it was signed.

        Raises:
            WeightsError: it is not in the list, or not the file that was signed.
        """
        name = path.relative_to(self.folder).as_posix()
        if name not in self.digests:
            raise WeightsError(f"{name} is not in {LIST}.", hint=_SIGN, code=UNSIGNED)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise WeightsError(f"{name} is missing.", hint=FETCH_AGAIN, code=MISSING) from None
        except OSError as error:
            raise WeightsError(f"{name} cannot be read.", hint=FETCH_AGAIN, code=MISSING) from error
        if _sha256(content) != self.digests[name]:
            raise WeightsError(
                f"{name} was changed: it is not the file that {LIST} names.",
                hint=FETCH_AGAIN,
                code=CHANGED,
            )
        return content


def open_signed(folder: Path, *, must_be_shipped: bool) -> Signed:
    """Hold every file of a folder against its list.

    Args:
        folder: of the weights.
        must_be_shipped: refuse a list that the code does not pin.

    Raises:
        WeightsError: there is no list, a file is missing, changed or not in it, or the list is
            another than it has to be.
    """
    content = _list(folder)
    signed = Signed(folder, _parsed(content), _sha256(content), _sha256(content) == pinned())
    if must_be_shipped and not signed.is_shipped:
        raise WeightsError(
            f"{LIST} was changed: these are not the weights that asemble ships.",
            hint="Fetch them again; to use your own, name their folder with ASEMBLE_WEIGHTS.",
            code=NOT_SHIPPED,
        )
    for name in sorted({*_present(folder), *signed.digests}):
        signed.read(folder / name)
    return signed


def is_signed(folder: Path) -> bool:
    """Whether the folder has a list."""
    return (folder / LIST).is_file()


def sign(path: Path) -> None:
    """Put a file that this package has just written into the list of its folder.

    Its other lines stay as they were. The shipped list is pinned anew.
    """
    folder = path.parent
    if folder.resolve().parent == SHIPPED_DIRECTORY:  # a folder of weights to go on from
        folder = folder.parent
    digests = dict(_parsed(_list(folder))) if is_signed(folder) else {}
    name = path.resolve().relative_to(folder.resolve()).as_posix()
    _write(folder, {**digests, name: _sha256(path.read_bytes())})


def sign_all(folder: Path) -> Signed:
    """Write the list of a folder anew, for the files that lie there now."""
    _write(folder, {name: _sha256((folder / name).read_bytes()) for name in _present(folder)})
    return open_signed(folder, must_be_shipped=False)


def pinned() -> str:
    """The SHA-256 of the shipped list."""
    return PIN.read_text(encoding="ascii").split()[0]


def _present(folder: Path) -> list[str]:
    """Files that a list has to name, by their path in the folder: also those one folder below."""
    weights = [*folder.glob(f"*{SUFFIX}"), *folder.glob(f"*/*{SUFFIX}")]
    cards = [path.with_suffix(".json") for path in weights]
    found = [*weights, *cards, *(folder / name for name in BESIDE)]
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def _list(folder: Path) -> bytes:
    try:
        return (folder / LIST).read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The weights folder has no {LIST}: nobody has signed for its files.",
            hint="Fetch the weights again; if they are your own: asemble models --sign --weights "
            "DIR",
            code=UNSIGNED,
        ) from error


def _parsed(content: bytes) -> dict[str, str]:
    lines = content.decode("utf-8", errors="replace").splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    if not lines or not all(found):
        raise WeightsError(f"{LIST} is damaged.", hint=FETCH_AGAIN, code=CHANGED)
    return {each["name"]: each["digest"] for each in found if each}


def _write(folder: Path, digests: Mapping[str, str]) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    content = "".join(lines).encode()
    partial = folder / f"{LIST}.partial"
    partial.write_bytes(content)
    partial.replace(folder / LIST)
    if folder.resolve() == SHIPPED_DIRECTORY:
        PIN.write_text(f"{_sha256(content)}  weights/{LIST}\n", encoding="ascii")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
