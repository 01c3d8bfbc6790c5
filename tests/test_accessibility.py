"""Every page in both themes against the rules of WCAG 2 A and AA that axe-core can check."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from served_app import IN_CHROMIUM

pytestmark = IN_CHROMIUM

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]}}
UNFINISHED = "[data-testid=stSkeleton], [data-stale=true]"
DARK, LIGHT = "rgb(13, 16, 20)", "rgb(247, 248, 249)"


def choose_theme(page: Page, name: str) -> None:
    expect(page.locator(".stApp")).to_have_css("background-color", DARK)
    menu = page.get_by_role("button", name="Main menu")
    expect(menu).to_have_attribute("aria-expanded", "false")
    page.wait_for_timeout(1000)  # the page itself opens and shuts the menu at first
    menu.click()
    page.get_by_role("menuitemradio", name=name).click()
    page.keyboard.press("Escape")


def walk(page: Page) -> Iterator[str]:
    """Through every page of the app as far as a reader comes; stops where there is most to see."""
    yield "Home"
    page.locator(".st-key-sample_inflammatory button").click()
    page.get_by_role("button", name="Read the slices").wait_for()
    yield "Home, a study open"
    page.get_by_role("button", name="Read the slices").click()
    page.locator("canvas[data-ms]").nth(2).wait_for()
    page.get_by_text(re.compile("^Findings")).click()
    page.get_by_role("button", name="Mark or take away").click()
    page.get_by_text("Findings: 1 marked").wait_for()
    yield "Read"
    page.get_by_role("link", name="Assess", exact=True).click()
    page.locator(".st-key-first_conclusion").get_by_text("Unsure", exact=True).click()
    yield "Assess, read first"
    page.get_by_role("button", name="Record and ask the ensemble").click()
    page.get_by_text("Study probabilities").wait_for()
    page.get_by_label("Show heatmap").check()
    yield "Assess"
    for tab in ("What it adds up to", "What else it could be"):
        page.get_by_role("tab", name=tab).click()
        yield tab
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_text("These files say").wait_for()
    yield "Report"
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_text("The cards, one a network").wait_for()
    yield "Models"


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_no_page_breaks_a_rule_of_wcag_aa(page: Page, theme: str) -> None:
    page.get_by_text("Start with a sample case").wait_for()
    choose_theme(page, theme)
    broken = []
    for where in walk(page):
        page.wait_for_function(f"!document.querySelector('{UNFINISHED}')")
        page.wait_for_timeout(500)
        for rule in Axe().run(page, options=RULES).response["violations"]:
            for node in rule["nodes"]:
                broken.append(f"{where}: {rule['id']}: {node['html'][:150]} {node['any'][:1]}")
    assert not broken, "\n".join(broken)


def test_the_theme_is_dark_at_first_and_a_choice_of_light_is_kept(page: Page) -> None:
    page.get_by_text("Start with a sample case").wait_for()
    choose_theme(page, "Light")
    expect(page.locator(".stApp")).to_have_css("background-color", LIGHT)
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_text("The cards, one a network").wait_for()
    expect(page.locator(".stApp")).to_have_css("background-color", LIGHT)
    page.goto(page.url.rsplit("/", 1)[0])
    page.get_by_text("Start with a sample case").wait_for()
    expect(page.locator(".stApp")).to_have_css("background-color", LIGHT)
