"""Every page in both themes against the rules of WCAG 2 A and AA that axe-core can check."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from served_app import IN_CHROMIUM
from tour import LIGHT, choose_theme, tour

pytestmark = IN_CHROMIUM

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]}}


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_no_page_breaks_a_rule_of_wcag_aa(page: Page, theme: str) -> None:
    choose_theme(page, theme)
    broken = []
    for where in tour(page):
        for rule in Axe().run(page, options=RULES).response["violations"]:
            for node in rule["nodes"]:
                broken.append(f"{where}: {rule['id']}: {node['html'][:150]} {node['any'][:1]}")
    assert not broken, "\n".join(broken)


def test_the_theme_is_dark_at_first_and_a_choice_of_light_is_kept(page: Page) -> None:
    choose_theme(page, "Light")  # expects the dark one before
    expect(page.locator(".stApp")).to_have_css("background-color", LIGHT)
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_text("The cards, one a network").wait_for()
    expect(page.locator(".stApp")).to_have_css("background-color", LIGHT)
    page.goto(page.url.rsplit("/", 1)[0])
    page.get_by_text("Start with a sample case").wait_for()
    expect(page.locator(".stApp")).to_have_css("background-color", LIGHT)
