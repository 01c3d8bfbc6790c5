"""In Chromium: every file says what the screen says, and pages say the same.

`make test-long` does the same with a hundred edits.
"""

import random
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from reader_at_screen import SLICES, Reader, reading, write_study
from served_app import IN_CHROMIUM, PATIENCE_MS

from asemble.reading import MAX_COMMENT_CHARACTERS, Conclusion

pytestmark = IN_CHROMIUM

ITEMS = ("erosion", "fever", "night_pain", "athlete", "extensive_oedema")
MARKED = ((0.28, 0.45), (0.72, 0.45), (0.72, 0.58))
"""Places beside the joints of the sample: shares of the slice's width and height."""
LOSE_SLICES = """() => {
  globalThis.lostSlices = 0;
  globalThis.sendAll = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (new TextDecoder().decode(data).includes('"slices"')) lostSlices += 1;
    else sendAll.call(this, data);
  };
}"""
"""From now on no message arrives that tells of slices."""
COUNTS_LISTENERS = """
const add = addEventListener, remove = removeEventListener;
globalThis.flushers = new Set();
globalThis.addEventListener = (name, listener, options) => {
  if (name === "asemble-flush") {
    flushers.add(listener);
    options?.signal?.addEventListener("abort", () => flushers.delete(listener));
  }
  return add(name, listener, options);
};
globalThis.removeEventListener = (name, listener, options) => {
  flushers.delete(listener);
  return remove(name, listener, options);
};
"""


@pytest.fixture(scope="module")
def reader(
    browser: Browser, address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    archive = write_study(tmp_path_factory.mktemp("study") / "study.zip")
    with reading(browser, address, archive, before=COUNTS_LISTENERS) as reader:
        yield reader


def random_edit(reader: Reader, chance: random.Random) -> Callable[[], None]:
    words = "".join(chance.choices("abcde ≥µ", k=chance.randint(0, 60)))
    return chance.choice(
        [
            lambda: reader.answer(chance.choice(ITEMS), chance.choice(["Yes", "No"])),
            lambda: reader.mark(chance.choice(MARKED)),
            lambda: reader.comment(words),
            lambda: reader.comment(words),
            lambda: reader.conclude(chance.choice(list(Conclusion))),
            lambda: reader.be_sure(chance.choice(["Low", "Moderate", "High"])),
            lambda: reader.look_around(chance.choice(["Home", "Read", "Assess", "Models"])),
        ]
    )


def test_after_any_edit_and_any_wait_every_file_says_what_the_screen_says(
    reader: Reader, is_long: bool
) -> None:
    chance = random.Random(17)
    edits = 100 if is_long else 12
    for _ in range(edits):
        random_edit(reader, chance)()
        reader.page.wait_for_timeout(chance.choice([0, 0, chance.uniform(0, 2000)]))
        reader.check_json(reader.download("JSON"))
        reader.check_pdf(reader.download_here("PDF"))
    print(f"{edits} edits, {edits} JSON and {edits} PDF files, each equal to the screen")


def test_a_text_that_is_too_long_is_cut_with_a_sentence(reader: Reader) -> None:
    reader.comment("x" * (MAX_COMMENT_CHARACTERS + 7))
    expect(reader.page.get_by_text("the last 7 were left out")).to_be_visible()
    assert reader.comments.input_value() == "x" * MAX_COMMENT_CHARACTERS
    reader.check_json(reader.download_here("JSON"))
    reader.comment("short again")
    expect(reader.page.get_by_text("were left out")).to_have_count(0)


def test_a_field_for_text_listens_once_however_often_it_is_drawn(reader: Reader) -> None:
    drawn = reader.page.locator("canvas[data-ms]").first  # the viewer listens as well
    reader.go("Assess")
    drawn.wait_for()
    before = reader.page.evaluate("() => flushers.size")
    for said in ("Yes", "No", "Yes"):
        reader.answer("erosion", said)
        reader.comment(f"drawn again: {said}")
    reader.go("Report")
    reader.go("Assess")
    drawn.wait_for()
    assert before >= 1
    assert reader.page.evaluate("() => flushers.size") == before


def test_a_slice_is_kept_from_page_to_page_in_both_directions(reader: Reader) -> None:
    for here, there, key in (("Read", "Assess", "End"), ("Assess", "Read", "Home")):
        reader.go(here)
        canvas = reader.page.locator("canvas[data-ms]").first
        canvas.press(key)
        wanted = {"End": str(SLICES - 1), "Home": "0"}[key]
        expect(canvas).to_have_attribute("data-slice", wanted)
        reader.go(there)
        same = reader.page.locator("canvas[data-ms]").first
        expect(same).to_have_attribute("data-slice", wanted)


def wait_for(page: Page, condition: str, argument: object = None) -> None:
    """Asked from here: Playwright's own waiting evaluates a text in the page, whose policy forbids
    it."""
    ends = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(condition, argument):
        assert time.monotonic() < ends, f"never: {condition}"
        page.wait_for_timeout(100)


def test_a_slice_that_the_server_did_not_hear_of_is_kept_and_told_later(reader: Reader) -> None:
    page, first = reader.page, reader.page.locator("canvas[data-ms]").first
    reader.go("Read")
    page.evaluate(LOSE_SLICES)
    first.press("End")
    reader.go("Assess")
    expect(first).to_have_attribute("data-slice", str(SLICES - 1))
    wait_for(page, "() => lostSlices >= 2")  # what Read said on the way out, and Assess after it
    page.evaluate("() => { WebSocket.prototype.send = sendAll; }")
    series = first.get_attribute("data-series")
    reader.go("Read")
    expect(first).to_have_attribute("data-slice", str(SLICES - 1))
    wait_for(
        page,
        "([id, at]) => JSON.parse(sessionStorage['asemble.reading']).reading.slices[id] === at",
        [series, SLICES - 1],
    )
    page.reload()  # now the server alone remembers
    expect(first).to_have_attribute("data-slice", str(SLICES - 1))
