"""The parsers under hypothesis: whatever comes in, a study or one plain sentence comes out."""

from collections.abc import Iterator

import pytest
from fuzz_files import CANARIES, whole_files
from fuzz_inputs import make_input
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept_decoders import KeptDecoders
from mr_files import mr_image, to_bytes

from asemble.core.errors import FileError, InputError
from asemble.core.study import Refusal
from asemble.io import Part, read_parts
from asemble.io.archive.unpack import Unpacked, shown, unpack
from asemble.io.decode import processes
from asemble.io.dicom import prescan


@pytest.fixture(scope="module", autouse=True)
def _kept_decoders() -> Iterator[None]:
    pool = KeptDecoders()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "pool", lambda: pool)
        yield
    pool.close()


QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
STARTS = st.sampled_from(
    [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x08\0\x05\0CS",
     bytes(128) + b"DICM", bytes(344) + b"n+1\0", bytes(257) + b"ustar\0"]
)  # fmt: skip


def outcome(name: str, data: bytes) -> list[str]:
    try:
        return [refusal.reason for refusal in read_parts([Part.from_bytes(name, data)]).refused]
    except InputError as error:
        return [str(error)]


def assert_plain(sentences: list[str]) -> None:
    for sentence in sentences:
        assert sentence.endswith(".") and sentence.isprintable() and len(sentence) < 400
        assert not [canary for canary in CANARIES if canary in sentence]


@QUICK
@given(start=STARTS, rest=st.binary(max_size=600), name=st.text(max_size=20))
def test_bytes_of_any_kind(start: bytes, rest: bytes, name: str) -> None:
    assert_plain(outcome(name, start + rest))


@QUICK
@given(index=st.integers(0, 10**6), seed=st.integers(1000, 2000))
def test_spoilt_files_of_every_kind(index: int, seed: int) -> None:
    made = make_input(seed, index)
    assert_plain(outcome(made.name, made.data))


@QUICK
@given(data=st.binary(max_size=3000), at=st.integers(0, 1500))
def test_the_walk_over_dicom_ends_inside_the_file(data: bytes, at: int) -> None:
    whole = to_bytes(mr_image(0))
    spoilt = whole[:at] + data + whole[at:]
    try:
        found = prescan.read_structure(spoilt).pixels
    except FileError:
        return
    assert found is None or 0 <= found.element < found.start <= len(spoilt) + 12


@QUICK
@given(place=st.floats(0, 1), piece=st.binary(min_size=1, max_size=8), data=st.data())
def test_unpacking_yields_files_or_refusals(
    place: float, piece: bytes, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["zip", "tar", "gzip"]))
    name, whole = data.draw(st.sampled_from(whole_files()[kind]))
    at = int(place * len(whole))
    for item in unpack([Part.from_bytes(name, whole[:at] + piece + whole[at + len(piece) :])]):
        assert isinstance(item, Unpacked | Refusal)
        assert item.name.isprintable()


@QUICK
@given(name=st.text(max_size=400))
def test_a_shown_name_is_printable_and_short(name: str) -> None:
    assert shown(name).isprintable()
    assert len(shown(name)) <= 200
