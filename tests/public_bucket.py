"""A server on this machine, laid out and answering like the public bucket, and a table of it."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from mr_files import AXIAL, mr_image, to_bytes

from asemble.core.errors import CaseError

LISTING = """<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>idc-open-data</Name>\
<Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>{most}</MaxKeys>\
<IsTruncated>{truncated}</IsTruncated>{more}{contents}</ListBucketResult>"""

CASES = {"A-1": {1: "coronal", 2: "axial"}, "B-2": {3: "coronal"}}
"""Numbers and planes of the series of each."""
CITATION = "Somebody. (2020). Some pelvises [Data set]. https://doi.org/10.1/x"


@dataclass
class FakeBucket:
    """What the server has, how it misbehaves, and what it was asked.

    Args:
        files: of each folder, by name.
        cut_after: bytes of a file after which the line breaks, at each answer; None for never.
        damaged: names of files that arrive altered.
        redirect: where everything is said to have moved.
        status: of every answer, if not the right one.
        page: keys in one listing.
        listing: an answer instead of the right listing.
        asked: path and Range of each request.
    """

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    cut_after: int | None = None
    damaged: set[str] = field(default_factory=set)
    redirect: str = ""
    status: int = 200
    page: int = 1000
    listing: str = ""
    has_ranges: bool = True
    in_parts: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def etag(self, content: bytes) -> str:
        digest = hashlib.md5(content).hexdigest()
        return f'"{digest}-2"' if self.in_parts else f'"{digest}"'

    def ranges_asked(self) -> list[str]:
        return [stated for _, stated in self.asked if stated]


@contextmanager
def serving(bucket: FakeBucket) -> Iterator[str]:
    """The address at which the bucket is served."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 * 1024  # head and body in one packet: two would wait for each other

        def do_GET(self) -> None:
            bucket.asked.append((self.path, self.headers.get("Range", "")))
            parts = urlsplit(self.path)
            if bucket.redirect:
                self.send(301, b"", Location=bucket.redirect)
            elif bucket.status != 200:
                self.send(bucket.status, b"<Error/>")
            elif parts.path == "/":
                self.send(200, self.listed(parse_qs(parts.query)).encode())
            else:
                _, folder, name = parts.path.split("/")
                content = bucket.files.get(folder, {}).get(name)
                if content is None:
                    self.send(404, b"<Error/>")
                else:
                    self.send_file(name, content)

        def listed(self, question: Mapping[str, list[str]]) -> str:
            assert question["list-type"] == ["2"]
            prefix = question["prefix"][0]
            names = sorted(bucket.files.get(prefix.rstrip("/"), {}))
            start = int(question.get("continuation-token", ["0"])[0])
            end = start + bucket.page
            contents = "".join(
                f"<Contents><Key>{prefix}{escape(name)}</Key>"
                f"<LastModified>2023-01-01T00:00:00.000Z</LastModified>"
                f"<ETag>{escape(bucket.etag(content), {chr(34): '&quot;'})}</ETag>"
                f"<Size>{len(content)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
                for name in names[start:end]
                for content in [bucket.files[prefix.rstrip("/")][name]]
            )
            is_truncated = end < len(names)
            more = f"<NextContinuationToken>{end}</NextContinuationToken>" if is_truncated else ""
            return bucket.listing or LISTING.format(
                prefix=prefix, count=len(names[start:end]), most=bucket.page, more=more,
                truncated=str(is_truncated).lower(), contents=contents,
            )  # fmt: skip

        def send_file(self, name: str, content: bytes) -> None:
            status, headers = 200, {"ETag": bucket.etag(content)}
            stated = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            body = content[:-1] + b"?" if name in bucket.damaged else content
            if stated and bucket.has_ranges and self.headers.get("If-Range") == headers["ETag"]:
                start = int(stated[1])
                status, body = 206, body[start:]
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send(status, body, cut_after=bucket.cut_after, **headers)

        def send(
            self, status: int, body: bytes, *, cut_after: int | None = None, **headers: str
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut_after])
            if cut_after is not None and cut_after < len(body):
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def folder_of(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def uid_of(number: int) -> str:
    return f"1.2.826.0.1.{number}"


def put_case(bucket: FakeBucket, numbers: Mapping[int, str], **attributes: Any) -> None:
    """Series of one study into the bucket: five slices each, of the plane that is named."""
    for number, plane in numbers.items():
        orientation = {"orientation": AXIAL} if plane == "axial" else {}
        bucket.files[folder_of(number)] = {
            f"{number:04x}{index:04x}.dcm": to_bytes(
                mr_image(index, series=uid_of(number), SeriesNumber=number,
                         SeriesDescription=f"t1 tse {plane[:3]}", **orientation, **attributes)
            )
            for index in range(5)
        }  # fmt: skip


def filled_bucket() -> FakeBucket:
    made = FakeBucket()
    for numbers in CASES.values():
        put_case(made, numbers)
    return made


def table_text(bucket: FakeBucket, cases: Mapping[str, Mapping[int, str]], **change: Any) -> str:
    """The table of these cases, each with the numbers and planes of its series.

    Args:
        bucket: has their files.
        cases: by id.
        change: facts of every series that are said otherwise.
    """
    lines = [
        '[index]\npackage = "none"\nversion = "0"\nbucket = "nowhere"\n',
        f'[[source]]\ndoi = "10.1/x"\nname = "SOME"\ntitle = "Some"\ncitation = "{CITATION}"\n',
    ]
    for case, numbers in cases.items():
        lines.append(
            f'[[case]]\nid = "{case}"\ncollection = "some"\npatient = "P-{case}"\n'
            f'study_uid = "1.2.3"\nstudy = "PELVIS"\nseen = "not stated"\n'
        )
        for number, plane in numbers.items():
            files = bucket.files[folder_of(number)]
            facts = {
                "uid": uid_of(number), "folder": folder_of(number), "modality": "MR",
                "description": f"t1 tse {plane[:3]}", "body_part": "PELVIS", "plane": plane,
                "weighting": "t1", "after_contrast": False, "files": len(files),
                "bytes": sum(map(len, files.values())), "licence": "CC BY 4.0", "doi": "10.1/x",
            } | change  # fmt: skip
            pairs = (f"{name} = {_toml(value)}" for name, value in facts.items())
            lines.append("[[case.series]]\n" + "\n".join(pairs) + "\n")
    return "\n".join(lines)


def require_sentences(error: CaseError) -> None:
    assert error.message.rstrip().endswith(".") and error.hint.endswith(".")
    assert "Error" not in error.message and "Traceback" not in error.message


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)


def write_table(path: Path, bucket: FakeBucket, cases: Mapping[str, Any], **change: Any) -> Path:
    path.write_text(table_text(bucket, cases, **change), encoding="utf-8")
    return path
