"""In Chromium: files say what the screen says, nothing is lost, nothing stays after closing.

`make test-long` does the same with a hundred edits and with a connection lost for 80 s.
"""

import io
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flaky_line import FlakyLine, flaky_line
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect
from pypdf import PdfReader
from served_app import IN_CHROMIUM, PATIENCE_MS, Server, new_window, running
from soak_studies import zip_study
from tour import SAMPLE_JOINTS, click_slice, lay_joints

from asemble.benchmark.studies import rendered_study
from asemble.reading import MAX_COMMENT_CHARACTERS, Conclusion

pytestmark = IN_CHROMIUM

SLICES = 4
ITEMS = ("erosion", "fever", "onset_under_40", "athlete", "extensive_oedema")
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
SPEAKS_FROM_THE_NEXT_CLICK_ON = """() => {
  addEventListener("click", () => {
    dispatchEvent(new Event("offline"));
    setInterval(() => asembleKeeper.tell({}), 500);
  }, { capture: true, once: true });
}"""
"""As when the connection is lost for a moment, and other tabs close what this one shows."""
PRIVATE = "Quarrel with the ward about bed 14"
SESSION_ENDED = "The session has ended"


@dataclass
class Reader:
    """Someone at the screen, with what they did so far."""

    page: Page
    answers: dict[str, str] = field(default_factory=dict)
    marks: set[tuple[float, float]] = field(default_factory=set)

    def go(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()
        here = self.page.locator(".st-key-header [data-testid=stPageLink] strong")
        expect(here).to_have_text(name)

    def answer(self, item: str, said: str) -> None:
        self.go("Assess")
        self.page.locator(f".st-key-item_{item}").get_by_text(said, exact=True).click()
        if self.answers.get(item) == said.lower():
            del self.answers[item]
        else:
            self.answers[item] = said.lower()

    def mark(self, place: tuple[float, float]) -> None:
        self.go("Read")
        canvas = self.page.locator("canvas[data-ms]").first
        canvas.wait_for()
        self.page.get_by_role("button", name="Mark", exact=True).click()
        click_slice(canvas, place)
        self.marks ^= {place}
        expect(self.page.get_by_text(f"Findings: {len(self.marks)} marked")).to_be_visible()

    def comment(self, words: str) -> None:
        self.go("Report")
        self.comments.fill(words)

    def conclude(self, conclusion: Conclusion) -> None:
        self.go("Report")
        group = self.page.get_by_role("radiogroup", name="Your conclusion")
        group.get_by_text(conclusion.heading, exact=True).click()

    def be_sure(self, how: str) -> None:
        self.go("Report")
        self.page.locator(".st-key-confidence").get_by_text(how, exact=True).click()

    def look_around(self, name: str) -> None:
        self.go(name)

    def download(self, kind: str) -> bytes:
        self.go("Report")
        return self.download_here(kind)

    def download_here(self, kind: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=f"Download {kind}", exact=True).click()
        return Path(download.value.path()).read_bytes()

    @property
    def comments(self) -> Locator:
        return self.page.get_by_label("Comments")

    def shown_conclusion(self) -> str | None:
        chosen = self.page.get_by_role("radiogroup", name="Your conclusion").locator(
            "label:has(input:checked)"
        )
        return chosen.inner_text().strip() if chosen.count() else None

    def shown_confidence(self) -> str | None:
        pressed = self.page.locator(".st-key-confidence [aria-checked=true]")
        return pressed.inner_text().strip().lower() if pressed.count() else None

    def check_json(self, content: bytes) -> None:
        said = json.loads(content)
        conclusion = said["reading"]["conclusion"]
        heading = None if conclusion is None else Conclusion(conclusion).heading
        assert heading == self.shown_conclusion()
        assert said["reading"]["confidence"] == self.shown_confidence()
        assert said["reading"]["comments"] == self.comments.input_value()
        assert said["reading"]["answers"] == dict(sorted(self.answers.items()))
        assert sum(map(len, said["reading"]["marks"].values())) == len(self.marks)
        self.check_hash(said["hash"])

    def check_pdf(self, content: bytes) -> None:
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
        told = " ".join(" ".join(pages).split())
        heading = self.shown_conclusion() or "Conclusion not chosen"
        confidence = self.shown_confidence() or "not chosen"
        assert f"The reader's conclusion {heading} Confidence: {confidence}" in told
        comments = " ".join(self.comments.input_value().split())
        assert (f"Comments: {comments}" if comments else "Confidence") in told
        if not comments:
            assert "Comments:" not in told
        marks = {found for page in pages for found in re.findall(r"reading ([0-9a-f]{10})", page)}
        assert len(marks) == 1
        self.check_hash(marks.pop())

    def check_hash(self, mark: str) -> None:
        shown = self.page.get_by_text(f"of what this page shows: reading {mark}")
        expect(shown.first).to_be_visible()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated study; the same file again is the same study."""
    path = tmp_path_factory.mktemp("study") / "study.zip"
    zip_study(rendered_study(SLICES, seed=31, matrix=128), path, seed=31)
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of this file's own: it is killed at the end."""
    with running(tmp_path_factory.mktemp("server") / "log.txt") as server:
        yield server


@pytest.fixture(scope="module")
def line(server: Server) -> Iterator[FlakyLine]:
    with flaky_line(server.address) as line:
        yield line


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
def reader(browser: Browser, line: FlakyLine, archive: Path) -> Iterator[Reader]:
    """With a study open, its joints laid, the ensemble asked, an answer and a comment given."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.add_init_script(COUNTS_LISTENERS)
    with context.new_page() as page:
        page.goto(line.address)
        open_study(page, archive)
        reader = Reader(page)
        reader.go("Read")
        lay_joints(page, page.locator("canvas[data-ms]").first, SAMPLE_JOINTS)
        reader.go("Assess")
        page.locator(".st-key-read_first label").click()
        page.get_by_role("button", name="Ask the ensemble", exact=True).click()
        expect(page.get_by_text("Study probabilities")).to_be_visible()
        reader.answer("erosion", "Yes")
        reader.comment("first words")
        yield reader
    context.close()


def open_study(page: Page, archive: Path) -> None:
    page.locator('input[type="file"]').first.set_input_files(archive)
    page.get_by_role("button", name="Read the upload").click()
    expect(page.get_by_text("2 series read")).to_be_visible()


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


def test_a_reload_a_typed_address_and_back_find_the_same_reading(reader: Reader) -> None:
    page = reader.page
    reader.comment("before the reload")
    as_it_was = page.evaluate("JSON.stringify(sessionStorage)")
    page.reload()
    check_there(reader, "before the reload")
    # As when the first of two reloads has claimed the study and its answer did not arrive.
    page.evaluate("kept => Object.assign(sessionStorage, JSON.parse(kept))", as_it_was)
    page.reload()
    check_there(reader, "before the reload")
    page.goto(page.url.replace("Report", "Assess"))
    pressed = page.locator(".st-key-item_erosion [aria-checked=true]")
    expect(pressed).to_have_text(reader.answers["erosion"].capitalize())
    page.goto("about:blank")
    page.go_back()
    expect(pressed).to_be_visible()
    check_there(reader, "before the reload")


def test_a_second_tab_starts_empty_and_a_copied_one_has_to_ask(reader: Reader) -> None:
    page = reader.page
    reader.comment("in the first tab")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("No study is open yet")).to_be_visible()
    other.close()
    with page.expect_popup() as opened:
        page.evaluate("window.open(location.href)")  # which copies the storage of the tab
    copy = opened.value
    expect(copy.get_by_text("This study is open in another tab")).to_be_visible()
    check_there(reader, "in the first tab")
    copy.get_by_role("button", name="Continue here instead").click()
    expect(copy.get_by_label("Comments")).to_have_value("in the first tab")
    expect(page.get_by_text("This study was continued in another tab")).to_be_visible()
    page.close()
    reader.page = copy


def test_a_lost_connection_is_said_and_the_reading_goes_on(
    reader: Reader, line: FlakyLine, is_long: bool
) -> None:
    for seconds in (10, 80) if is_long else (10,):
        said = f"before {seconds} s"
        reader.comment(said)
        expect(reader.page.get_by_text(f"Comments: {said}")).to_be_visible()
        line.cut()
        began = time.monotonic()
        if seconds > 30:
            lost = reader.page.get_by_role("alertdialog", name="Connection lost")
            expect(lost).to_contain_text("Your answers are kept")
            reader.page.wait_for_timeout(1000 * (seconds - (time.monotonic() - began)))
            expect(lost).to_be_visible()
            assert "terminal" not in reader.page.locator("body").inner_text()
        else:
            reader.page.wait_for_timeout(1000 * seconds)
        line.mend()
        reader.comment(f"after {seconds} s")
        check_there(reader, f"after {seconds} s")
        reader.check_json(reader.download_here("JSON"))


def test_a_page_that_streamlit_has_given_up_is_loaded_again_and_finds_its_study(
    browser: Browser, server: Server, archive: Path
) -> None:
    sockets: list[WebSocketRoute] = []

    def joined(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    with new_window(browser) as page:
        page.route_web_socket(re.compile("_stcore/stream"), joined)
        page.goto(server.address)
        open_study(page, archive)
        page.get_by_role("link", name="Read", exact=True).click()
        canvas = page.locator("canvas[data-ms]").first
        canvas.wait_for()
        with page.expect_event("load"):
            sockets[-1].send(b"\xff")  # no message at all
        expect(canvas).to_be_visible()


def test_what_the_tab_says_by_itself_stops_no_run_that_its_reader_asked_for(
    browser: Browser, server: Server, archive: Path
) -> None:
    with new_window(browser) as page:
        page.goto(server.address)
        open_study(page, archive)
        Reader(page).go("Assess")
        page.locator(".st-key-read_first label").click()
        asks = page.get_by_role("button", name="Ask the ensemble", exact=True)
        expect(asks).to_be_visible()
        page.evaluate(SPEAKS_FROM_THE_NEXT_CLICK_ON)
        asks.click()
        expect(page.get_by_text("Study probabilities")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("alertdialog", name="Connection lost")).to_have_count(0)


def test_closing_leaves_nothing_on_screen_in_files_or_in_the_browser(
    reader: Reader, archive: Path
) -> None:
    page = reader.page
    reader.comment(PRIVATE)
    reader.answer("fever", "Yes") if "fever" not in reader.answers else None
    reader.go("Report")
    expect(page.get_by_text(f"Comments: {PRIVATE}")).to_be_visible()
    assert PRIVATE in stored(page)
    with page.expect_popup() as opened:
        page.evaluate("window.open(location.href)")
    copy = opened.value
    expect(copy.get_by_text("This study is open in another tab")).to_be_visible()
    reader.go("Home")
    page.get_by_role("button", name="Close this study").click()
    expect(page.get_by_text("No study open")).to_be_visible()
    expect(copy.get_by_text("This study is open in another tab")).to_have_count(0)
    copy.close()
    wait_for_stored(page, lambda stored: PRIVATE not in stored)
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    expect(page.get_by_text("No study open")).to_be_visible()
    open_study(page, archive)
    reader.answers.clear()
    reader.marks.clear()
    reader.go("Assess")
    expect(page.get_by_role("button", name="Record and ask the ensemble")).to_be_visible()
    expect(page.locator(".st-key-first_conclusion [aria-checked=true]")).to_have_count(0)
    expect(reader.comments).to_have_value("")
    expect(page.locator("[class*=st-key-item_] [aria-checked=true]")).to_have_count(0)
    page.locator(".st-key-read_first label").click()
    page.get_by_role("button", name="Ask the ensemble", exact=True).click()
    expect(page.get_by_text("Study probabilities")).to_be_visible()
    pdf = reader.download("PDF")
    reader.check_pdf(pdf)
    document = reader.download_here("JSON")
    reader.check_json(document)
    assert PRIVATE not in document.decode()
    assert "Quarrel" not in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


def test_a_second_study_is_opened_only_when_the_reader_says_so(
    reader: Reader, archive: Path
) -> None:
    page = reader.page
    reader.comment("not to be lost")
    reader.go("Home")
    page.locator('input[type="file"]').first.set_input_files(archive)
    page.get_by_role("button", name="Read the upload").click()
    expect(page.get_by_text("Opening another study discards your reading")).to_be_visible()
    page.get_by_role("button", name="Keep my reading").click()
    check_there(reader, "not to be lost")


def test_a_killed_server_is_said_and_the_reading_comes_back_with_its_study(
    browser: Browser, archive: Path, tmp_path: Path
) -> None:
    """Last of all: with a server of its own, so that no other test waits for it."""
    with new_window(browser) as page:
        with running(tmp_path / "one.txt") as doomed:
            page.goto(doomed.address)
            open_study(page, archive)
            reader = Reader(page)
            reader.go("Assess")
            page.locator(".st-key-first_conclusion").get_by_text("Mechanical").click()
            reader.comments.fill("kept by the tab")
            reader.answer("erosion", "No")
            wait_for_stored(page, lambda stored: "erosion" in stored)
            doomed.process.kill()
        expect(page.get_by_role("alertdialog", name="Connection lost")).to_be_visible()
        port = int(doomed.address.rpartition(":")[2])
        keeps_nothing = {"ASEMBLE_KEPT_MIB": "0"}
        with running(tmp_path / "two.txt", port=port, environment=keeps_nothing):
            expect(
                page.get_by_text(f"{SESSION_ENDED}: the server was started again")
            ).to_be_visible()
            expect(page.get_by_text('(under "Read first", not recorded yet)')).to_be_visible()
            expect(page.get_by_role("alertdialog", name="Connection lost")).to_have_count(0)
            reader.go("Home")
            open_study(page, archive)
            expect(page.get_by_text("Your reading of this study was restored")).to_be_visible()
            reader.go("Assess")
            expect(reader.comments).to_have_value("kept by the tab")
            pressed = page.locator(".st-key-item_erosion [aria-checked=true]")
            expect(pressed).to_have_text("No")
            page.goto("about:blank")
            page.wait_for_timeout(5000)  # longer than between two sweeps of the server
            page.go_back()
            expect(page.get_by_text(f"{SESSION_ENDED}: a study is kept for")).to_be_visible()
            expect(page.get_by_text("Open the same study again")).to_be_visible()


def check_there(reader: Reader, comments: str) -> None:
    reader.go("Report")
    expect(reader.comments).to_have_value(comments)


def wait_for_stored(page: Page, is_so: Callable[[str], bool]) -> None:
    for _ in range(PATIENCE_MS // 100):
        if is_so(stored(page)):
            return
        page.wait_for_timeout(100)
    pytest.fail("waited in vain")


def stored(page: Page) -> str:
    """All that the browser keeps for the app, whatever its kind."""
    return page.evaluate(
        """async () => {
          const bases = indexedDB.databases ? await indexedDB.databases() : [];
          const stores = [{ ...sessionStorage }, { ...localStorage }];
          return JSON.stringify([...stores, bases, document.cookie]);
        }"""
    )
