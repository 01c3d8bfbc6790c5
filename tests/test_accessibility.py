"""Every page in both themes against the rules of WCAG 2 A and AA that axe-core can check."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from served_app import IN_CHROMIUM
from tour import BACKGROUNDS, choose_theme, switch_theme, tour

pytestmark = IN_CHROMIUM

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]},
    "resultTypes": ["violations"],  # what passed would be listed node by node, in half the time
}
COLOURS = {**RULES, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""Those of the rules that a second theme can break: it changes colours, and nothing else."""


def test_no_page_breaks_a_rule_of_wcag_aa(page: Page) -> None:
    choose_theme(page, "Dark")
    broken, themes = [], list(BACKGROUNDS)
    for where in tour(page):
        broken += [f"{where}, {themes[0]}: {rule}" for rule in _violations(page, RULES)]
        themes.reverse()
        switch_theme(page, themes[0])
        broken += [f"{where}, {themes[0]}: {rule}" for rule in _violations(page, COLOURS)]
    assert not broken, "\n".join(broken)


def _violations(page: Page, rules: dict[str, object]) -> list[str]:
    return [
        f"{rule['id']}: {node['html'][:150]} {node['any'][:1]}"
        for rule in Axe().run(page, options=rules).response["violations"]
        for node in rule["nodes"]
    ]


def test_the_theme_is_dark_at_first_and_a_choice_of_light_is_kept(page: Page) -> None:
    choose_theme(page, "Light")  # expects the dark one before
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUNDS["Light"])
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_text("Model cards").wait_for()
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUNDS["Light"])
    page.goto(page.url.rsplit("/", 1)[0])
    page.get_by_text("Start with a simulated case").wait_for()
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUNDS["Light"])
