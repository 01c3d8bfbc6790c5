"""A series that is too large for one message reaches the viewer in pieces, or a sentence does."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from served_app import IN_CHROMIUM, new_window, running

from asemble.core.volume import Volume
from asemble.ui.stacks import pieces, stack_bytes

pytestmark = IN_CHROMIUM

PAGE = """
import streamlit as st

if __name__ == "__main__":
    import numpy as np
    from asemble.core.labels import Plane, Weighting
    from asemble.core.study import Series
    from asemble.core.volume import Volume
    from asemble.ui import stacks, viewer

    stacks.PIECE_BYTES, stacks.MAX_SHOWN_VOXELS = 1000, 3000

    def pane(id, *shape):
        voxels = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        series = Series(id, "", Volume(voxels, None), None, Weighting.FLUID, modality="MR")
        return viewer.Pane(series, 0)

    st.button("Again")
    viewer.show([pane("cut", 5, 20, 30), pane("large", 5, 20, 31)], study_key="k", key="v")
else:
    from asemble.ui import server

    server.load_models = lambda: None  # which takes seconds
    app = st.App(__file__, **server.options())
"""

STACKS = "[...(globalThis.asembleStacks ?? new Map()).values()].map((each) => [...each.values])"


def test_pieces_are_put_together_and_what_is_too_large_is_said(
    browser: Browser, tmp_path: Path
) -> None:
    script = tmp_path / "page.py"
    script.write_text(PAGE)
    with (
        running(tmp_path / "log", script=script) as server,
        new_window(browser) as page,
    ):
        page.goto(server.address)
        expect(page.get_by_text("up to 3,000 of one are shown")).to_be_visible()
        expect(page.get_by_text("The images are on their way")).to_have_count(1)
        expect(page.get_by_text("The images are on their way")).to_be_hidden()
        assert page.evaluate(STACKS) == [np.arange(3000).tolist()]
        page.get_by_role("button", name="Again").click()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        assert page.evaluate(STACKS) == [np.arange(3000).tolist()]


@pytest.mark.parametrize("most", [2, 6, 7, 100])
def test_no_voxel_is_lost_between_two_pieces(most: int) -> None:
    whole = stack_bytes(Volume(np.arange(30.0).reshape(2, 3, 5), None), "a")
    cut = list(pieces(whole, most * 2))
    values = b"".join(each[4 + int.from_bytes(each[:4], "little") :] for each in cut)
    assert values == whole[-60:]
