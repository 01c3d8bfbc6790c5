"""What is closed or has ended is let go of by the server's process, with nobody else's click."""

import io
import time
import urllib.request
import zipfile
from collections.abc import Iterator

import nibabel as nib
import numpy as np
import pytest
from served_app import ROOT, Server, running
from streamlit_client import StreamlitClient

SLICES, ROWS, COLUMNS = 12, 200, 240
VOXELS = SLICES * ROWS * COLUMNS
AROUND = 4000
"""Bytes of what stands before the voxels in a file or a message, at most."""

APP = """
import streamlit as st

if __name__ == "__main__":
    from asemble.ui import home

    home.show()
else:
    import gc

    import numpy as np
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from asemble.ui import server

    def held(_):
        "How many blocks of bytes there are that somebody refers to, as large as a series."
        blocks = {}
        for each in gc.get_objects():
            for block in gc.get_referents(each):
                if isinstance(block, np.ndarray):
                    blocks[id(block)] = block.nbytes
                elif isinstance(block, bytes | bytearray):
                    blocks[id(block)] = len(block)
        sizes = [VOXELS * bytes_each for bytes_each in (2, 4)]
        found = sum(any(0 <= n - size <= AROUND for size in sizes) for n in blocks.values())
        return PlainTextResponse(str(found))

    options = server.options()
    options["routes"].append(Route("/held", held))
    app = st.App(__file__, **options)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    app = folder / "app.py"
    app.write_text(APP.replace("VOXELS", str(VOXELS)).replace("AROUND", str(AROUND)))
    (folder / "pages").symlink_to(ROOT / "pages")
    options = ["--server.disconnectedSessionTTL=2"]
    with running(folder / "log", script=app, options=options) as server:
        yield server


@pytest.fixture(scope="module")
def upload() -> bytes:
    """A series of noise, as it lies in the file."""
    random = np.random.default_rng(1)
    voxels = random.integers(0, 4000, (COLUMNS, SLICES, ROWS), dtype=np.int16)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        image = nib.Nifti1Image(voxels, np.diag([0.9, 4.0, 0.9, 1.0]))
        archive.writestr("stir.nii", image.to_bytes())
    return packed.getvalue()


def held(server: Server) -> int:
    with urllib.request.urlopen(server.address + "/held", timeout=120) as answer:
        return int(answer.read())


def wait_until_let_go(server: Server) -> None:
    for _ in range(60):
        left = held(server)
        if not left:
            return
        time.sleep(1)
    pytest.fail(f"{left} blocks are still held")


def reader_of(server: Server, upload: bytes) -> StreamlitClient:
    """Somebody who looks at the slices."""
    reader = StreamlitClient(server.address)
    reader.wait()
    reader.upload("DICOM", "study.zip", upload)
    reader.click("Read the upload")
    reader.go_to("Read")
    assert held(server) >= 1
    return reader


def test_a_closed_study_is_let_go_of(server: Server, upload: bytes) -> None:
    with reader_of(server, upload) as reader:
        reader.go_to("Home")
        reader.click("Close this study")
        wait_until_let_go(server)


def test_a_study_is_let_go_of_when_the_time_to_come_back_is_over(
    server: Server, upload: bytes
) -> None:
    reader_of(server, upload).vanish()
    wait_until_let_go(server)


def test_an_upload_that_nobody_read_is_let_go_of_with_its_session(
    server: Server, upload: bytes
) -> None:
    reader = StreamlitClient(server.address)
    reader.wait()
    reader.upload("DICOM", "study.zip", upload)
    assert held(server) >= 1
    reader.close()
    wait_until_let_go(server)


def test_nothing_is_served_by_address(server: Server, upload: bytes) -> None:
    with reader_of(server, upload) as reader:
        for page in ("Home", "Read", "Assess", "Report", "Models"):
            reader.go_to(page)
            assert list(reader.elements("imgs")) == []
            assert list(reader.elements("download_button")) == []
