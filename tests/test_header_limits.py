"""Headers: what is longer than its kind needs is never parsed, and parsing waits for nobody."""

import struct
import threading
import tracemalloc

import numpy as np
import pydicom
import pytest
from mr_files import mr_image, to_bytes
from pydicom.uid import ImplicitVRLittleEndian
from test_structure import implicit

from asemble.core import memory_budget
from asemble.core.errors import FileError, InputError
from asemble.io import Part, limits, read_parts
from asemble.io.dicom import prescan
from asemble.io.dicom.reader import quiet_parser

MIB = limits.MIB


def in_implicit(tag: int, value: bytes) -> bytes:
    """A small MR file in which one element, of a length of 32 bits, is `value`."""
    image = mr_image(0)
    image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data = to_bytes(image)
    start = data.index(b"\x08\0\x05\0") if b"\x08\0\x05\0" in data else data.index(b"\x08\0\x08\0")
    meta, at, pieces = data[:start], start, []
    while at < len(data):
        group, number, length = struct.unpack_from("<HHL", data, at)
        if group << 16 | number != tag:
            pieces.append((group << 16 | number, data[at : at + 8 + length]))
        at += 8 + length
    pieces.append((tag, implicit(tag, value)))
    return meta + b"".join(piece for _, piece in sorted(pieces))


LONG = {
    "ImageType": (0x00080008, b"A\\B\\C\\"),
    "PatientName": (0x00100010, b"ab cd "),
    "SeriesDescription": (0x0008103E, b"a1 b2 c3 "),
    "ImagePositionPatient": (0x00200032, b"1\\2\\"),
    "InstanceNumber": (0x00200013, b"1\\2\\"),
    "ImageComments": (0x00204000, b"abcdefgh"),
    "Rows": (0x00280010, b"\0\1"),
}


@pytest.mark.parametrize("keyword", LONG)
def test_an_element_of_megabytes_is_refused_by_name_and_costs_its_file_alone(keyword: str) -> None:
    tag, unit = LONG[keyword]
    data = in_implicit(tag, unit * (8 * MIB // len(unit)))
    read_parts([Part.from_bytes("whole", to_bytes(mr_image(0)))])  # imports are not counted
    tracemalloc.start()
    with pytest.raises(InputError, match=f"^{keyword} of this DICOM file is longer") as refused:
        read_parts([Part.from_bytes("long", data)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.code == prescan.TOO_LONG
    assert peak < 2 * len(data)  # its values took a hundred times that


def test_a_long_value_costs_its_file_and_the_rest_is_read() -> None:
    tag, unit = LONG["ImageType"]
    parts = [to_bytes(mr_image(i)) for i in range(3)] + [in_implicit(tag, unit * 10_000)]
    study = read_parts([Part.from_bytes(str(i), data) for i, data in enumerate(parts)])
    assert [series.volume.shape[0] for series in study.series] == [3]
    assert [each.code for each in study.refused] == [prescan.TOO_LONG]


def test_a_long_element_that_nobody_needs_is_passed_over() -> None:
    item = pydicom.Dataset()
    item.RealWorldValueSlope, item.RealWorldValueIntercept = 2.0, 0.0
    item.RealWorldValueLUTData = [float(i) for i in range(65_536)]
    plain = mr_image(0)
    plain.RealWorldValueMappingSequence = [item]
    (series,) = read_parts([Part.from_bytes("lut", to_bytes(plain))]).series
    assert series.volume.voxels.max() == 2 * plain.pixel_array.max()


def test_a_private_element_that_is_too_long_is_passed_over() -> None:
    image = mr_image(0)
    block = image.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", b"SV10" + bytes(2 * limits.MAX_VENDOR_BYTES))
    assert len(read_parts([Part.from_bytes("a", to_bytes(image))]).series) == 1


def test_tables_have_the_room_that_their_kind_needs() -> None:
    lut = pydicom.Dataset()
    lut.add_new("LUTDescriptor", "US", [0, 0, 16])  # 0 stands for 65,536 entries
    lut.add_new("LUTData", "OW", np.arange(65_536, dtype="<u2")[::-1].tobytes())
    image = mr_image(0)
    image.ModalityLUTSequence = [lut]
    (series,) = read_parts([Part.from_bytes("table", to_bytes(image))]).series
    assert series.volume.voxels.max() == 65_535 - image.pixel_array.min()


def test_a_header_of_many_long_elements_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HEADER_BYTES", 256 * 1024)
    item = pydicom.Dataset()
    for number in range(20):
        item.add_new(0x00204000 + number, "LT", "x" * 60_000)
    image = mr_image(0)
    image.SharedFunctionalGroupsSequence = [item]
    with pytest.raises(InputError, match="header of this DICOM file is longer") as refused:
        read_parts([Part.from_bytes("a", to_bytes(image))])
    assert refused.value.code == prescan.TOO_LONG


def of_elements(count: int, an_item: int) -> bytes:
    """A small MR file with so many elements more, in items of so many, that are all kept."""
    item = b"".join(implicit(0x00209000 + i, b"ab12") for i in range(an_item))
    items = implicit(0xFFFEE000, item) * (count // (an_item + 1))
    return in_implicit(0x52009229, items)


def in_room(monkeypatch: pytest.MonkeyPatch, mib: int) -> memory_budget.MemoryBudget:
    small = memory_budget.MemoryBudget(mib * MIB, wait_s=0)
    monkeypatch.setattr(memory_budget, "shared", lambda: small)
    monkeypatch.setattr(limits, "FIRST_BYTES", MIB)
    return small


@pytest.mark.parametrize("an_item", [0, 1, 9, 500])
def test_the_memory_of_small_elements_is_in_the_room_of_their_upload(
    monkeypatch: pytest.MonkeyPatch, an_item: int
) -> None:
    data = of_elements(60_000, an_item)
    parts = [Part.from_bytes("a", data)]
    read_parts([Part.from_bytes("whole", to_bytes(mr_image(0)))])  # imports are not counted
    tracemalloc.start()
    read_parts(parts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000 * limits.BYTES_AN_ELEMENT + 2 * len(data)
    small = in_room(monkeypatch, peak // MIB // 2)
    with pytest.raises(InputError) as refused:
        read_parts(parts)
    assert refused.value.code == memory_budget.NO_ROOM
    assert small.used == 0


def test_the_elements_of_all_headers_of_an_upload_have_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_UPLOAD_ELEMENTS", 2_000)
    whole = [to_bytes(mr_image(index)) for index in (1, 2, 3)]
    parts = [*whole, of_elements(1_500, 9), of_elements(1_500, 9), to_bytes(mr_image(4))]
    study = read_parts([Part.from_bytes(str(i), data) for i, data in enumerate(parts)])
    assert sum(series.volume.shape[0] for series in study.series) == 4
    assert {each.code for each in study.refused} == {prescan.TOO_MANY_IN_UPLOAD}
    assert "hold more than 2,000 elements, so this file" in study.refused[0].reason
    assert sum(each.files for each in study.refused) == 2


def test_a_file_of_too_many_elements_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ELEMENTS", 1_000)
    parts = [of_elements(1_500, 9), to_bytes(mr_image(0))]
    study = read_parts([Part.from_bytes(str(i), data) for i, data in enumerate(parts)])
    assert len(study.series) == 1
    assert [each.code for each in study.refused] == [prescan.TOO_MANY]


def test_pixels_in_too_many_pieces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAGMENTS", 100)
    stored = memoryview(b"\xfe\xff\0\xe0\0\0\0\0" * 101)
    with pytest.raises(FileError, match="more than 100 pieces of pixels") as refused:
        prescan.fragments(stored)
    assert refused.value.code == prescan.TOO_MANY


def test_a_file_is_parsed_while_another_one_is() -> None:
    done = threading.Event()

    def read() -> None:
        read_parts([Part.from_bytes("a", to_bytes(mr_image(0)))])
        done.set()

    with quiet_parser():  # as in the middle of somebody else's header
        thread = threading.Thread(target=read)
        thread.start()
        assert done.wait(60)
    thread.join()


def test_the_parser_is_quiet_until_the_last_has_left_and_then_as_before() -> None:
    before = pydicom.config.settings.reading_validation_mode
    first, second = quiet_parser(), quiet_parser()
    with first:
        with second:
            pass
        assert pydicom.config.settings.reading_validation_mode == pydicom.config.IGNORE
    assert pydicom.config.settings.reading_validation_mode == before
