"""The answer of S3 to "what lies below this prefix?" (ListObjectsV2), read with suspicion."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from asemble.core.errors import CaseError

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Object:
    """A file in the bucket.

    Args:
        folder: its prefix, without the slash.
        name: what follows; a plain file name.
        bytes: as listed.
        etag: as listed, without its quotes.
    """

    folder: str
    name: str
    bytes: int
    etag: str

    @property
    def md5(self) -> str | None:
        """What its ETag says of its content; None where it was uploaded in parts, and says nothing.

        >>> Object("f", "a.dcm", 3, "900150983cd24fb0d6963f7d28e17f72-2").md5 is None
        True
        """
        return self.etag if _MD5.fullmatch(self.etag) else None


@dataclass(frozen=True, slots=True)
class Listing:
    """One answer: files, and the token that asks for more of them (empty at the end)."""

    objects: tuple[Object, ...]
    more: str


def read_listing(answer: bytes, folder: str) -> Listing:
    """The files that an answer lists below `folder`.

    Raises:
        CaseError: `listing`, where it is not such an answer, or names what is no plain file there.
    """
    parser = XMLParser(target=_WithoutDoctype())  # noqa: S314  entities need a doctype
    try:
        parser.feed(answer)
        root = parser.close()
        objects = tuple(_objects(root, folder))
    except (ParseError, ValueError, LookupError) as error:
        raise _refusal() from error
    more = ""
    if _text(root, "IsTruncated") == "true":
        more = _text(root, "NextContinuationToken")
        if not more:
            raise _refusal()
    return Listing(objects, more)


class _WithoutDoctype(TreeBuilder):
    """Builds a tree of elements; without a document type there are no entities to expand."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ValueError("a listing has no document type")


def _objects(root: Element, folder: str) -> Iterator[Object]:
    if root.tag != f"{NAMESPACE}ListBucketResult":
        raise ValueError("no listing")
    for entry in root.iter(f"{NAMESPACE}Contents"):
        prefix, _, name = _text(entry, "Key").rpartition("/")
        if prefix == folder and not name:
            continue  # some tools leave an object that stands for the folder itself
        if prefix != folder or not _NAME.fullmatch(name):
            raise ValueError("a key that is no file of the folder")
        size = int(_text(entry, "Size"))
        if size < 0:
            raise ValueError("a negative size")
        yield Object(folder, name, size, _text(entry, "ETag").strip('"').lower())


def _text(element: Element, name: str) -> str:
    return (element.findtext(f"{NAMESPACE}{name}") or "").strip()


def _refusal() -> CaseError:
    return CaseError(
        "The server answered with something that is no list of the case's files.",
        hint="A proxy or portal may stand between: ask whoever runs the network.",
        code="listing",
    )
