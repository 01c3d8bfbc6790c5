"""Waiting for a page to come to rest: what counts as unrest, and what is said of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from served_app import IN_CHROMIUM, new_window
from tour import wait_until_still

pytestmark = IN_CHROMIUM

SLIDE = '[{ opacity: 0 }, { opacity: 1 }], { duration: 300, id: "slide" }'


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    with new_window(browser) as page:
        page.set_content('<div data-testid="box"><span id="moving">here</span></div>')
        yield page


@pytest.mark.parametrize(
    "rests",
    [
        f"moving.animate({SLIDE}).pause()",
        f"moving.animate({SLIDE}).playbackRate = 0",
        f"moving.animate({SLIDE}); moving.remove()",
        "moving.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 300, iterations: Infinity })",
    ],
)
def test_what_never_ends_by_itself_is_not_waited_for(blank: Page, rests: str) -> None:
    blank.evaluate(f"const moving = document.getElementById('moving'); {rests};")
    wait_until_still(blank)


def test_an_animation_and_what_follows_it_are_waited_for(blank: Page) -> None:
    blank.evaluate(
        f"const moving = document.getElementById('moving'); moving.animate({SLIDE})"
        ".onfinish = () => setTimeout(() => (moving.textContent = 'there'), 100); 0"
    )
    wait_until_still(blank)
    expect(blank.locator("#moving")).to_have_text("there", timeout=1)


def test_a_page_without_rest_is_told_with_what_changes(blank: Page) -> None:
    blank.evaluate("setInterval(() => (document.getElementById('moving').title += 'x'), 50)")
    with pytest.raises(AssertionError, match=r"has no rest: .*title of span in box"):
        wait_until_still(blank, patience_ms=1500)
