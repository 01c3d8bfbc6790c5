"""In Chromium: reloads, tabs and lost connections lose nothing; nothing stays after closing.

`make test-long` loses a connection for 80 s, too.
"""

import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flaky_line import FlakyLine, flaky_line
from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from pypdf import PdfReader
from reader_at_screen import Reader, check_there, open_study, reading, write_study
from served_app import IN_CHROMIUM, PATIENCE_MS, Server, new_window, running

pytestmark = IN_CHROMIUM

SPEAKS_FROM_THE_NEXT_CLICK_ON = """() => {
  addEventListener("click", () => {
    dispatchEvent(new Event("offline"));
    setInterval(() => asembleRecovery.tell({}), 500);
  }, { capture: true, once: true });
}"""
"""As when the connection is lost for a moment, and other tabs close what this one shows."""
PRIVATE = "Quarrel with the ward about bed 14"
SESSION_ENDED = "The session has ended"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study") / "study.zip")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log.txt") as server:
        yield server


@pytest.fixture(scope="module")
def line(server: Server) -> Iterator[FlakyLine]:
    with flaky_line(server.address) as line:
        yield line


@pytest.fixture(scope="module")
def reader(browser: Browser, line: FlakyLine, archive: Path) -> Iterator[Reader]:
    with reading(browser, line.address, archive) as reader:
        yield reader


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
    for seconds in (4, 80) if is_long else (4,):
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
    answered = page.locator("[class*=st-key-item_] [aria-checked=true]")
    expect(answered.filter(has_text=re.compile("Yes|No"))).to_have_count(0)
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
    page.get_by_text("Open another study").click()
    page.locator('[class*="st-key-upload"] input[type="file"]').set_input_files(archive)
    page.get_by_role("button", name="Read the upload").click()
    expect(page.get_by_text("Opening another study discards your reading")).to_be_visible()
    page.get_by_role("button", name="Keep my reading").click()
    check_there(reader, "not to be lost")


def test_a_killed_server_is_said_and_the_reading_comes_back_with_its_study(
    browser: Browser, server: Server, line: FlakyLine, archive: Path, tmp_path: Path
) -> None:
    """Last of all: it kills the server of all others."""
    line.cut()
    with new_window(browser) as page:
        page.goto(server.address)
        open_study(page, archive)
        reader = Reader(page)
        reader.go("Assess")
        page.locator(".st-key-first_conclusion").get_by_text("Mechanical").click()
        reader.comments.fill("kept by the tab")
        reader.answer("erosion", "No")
        wait_for_stored(page, lambda stored: "erosion" in stored)
        server.process.kill()
        server.process.wait()
        expect(page.get_by_role("alertdialog", name="Connection lost")).to_be_visible()
        port = int(server.address.rpartition(":")[2])
        keeps_nothing = {"ASEMBLE_KEPT_MIB": "0"}
        with running(tmp_path / "log.txt", port=port, environment=keeps_nothing):
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
