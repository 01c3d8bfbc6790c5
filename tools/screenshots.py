"""Make docs/screenshots again: `PYTHONPATH=tests python tools/screenshots.py`.

Needs Chromium and Playwright (requirements-dev.txt). Prints a newcomer's way from Home to the PDF
in clicks and seconds, then takes the tour of the app, dark and light, 1440x900 and 1280x720; with
`--path` the way alone.
"""

import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from playwright.sync_api import Page
from served_app import ROOT, look_at, serve
from tour import choose_theme, tour

PICTURES = ROOT / "docs" / "screenshots"
SIZES = {"": (1440, 900), "-laptop": (1280, 720)}
THEMES = {"": "Dark", "-light": "Light"}


def main() -> None:
    """Serve the app, walk through it, write the pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextmanager(serve)(Path(folder) / "log.txt") as address,
    ):
        with contextmanager(look_at)(address) as page:
            choose_theme(page, "Dark")
            count_path(page)
        if "--path" in sys.argv:
            return
        for (theme_suffix, theme), (suffix, (width, height)) in product(
            THEMES.items(), SIZES.items()
        ):
            with contextmanager(look_at)(address) as page:
                page.set_viewport_size({"width": width, "height": height})
                choose_theme(page, theme)
                for stop in tour(page):
                    page.screenshot(path=PICTURES / f"{stop}{theme_suffix}{suffix}.png")


def count_path(page: Page) -> None:
    """Go from Home to the PDF of a sample as a newcomer would, and print what each part took."""
    page.evaluate("addEventListener('click', e => { globalThis.clicks += e.isTrusted; }, true)")
    page.evaluate("globalThis.clicks = 0")
    began = time.monotonic()

    def say(where: str) -> None:
        clicks = page.evaluate("globalThis.clicks")
        print(f"{where}: {clicks} clicks, {time.monotonic() - began:.1f} s", flush=True)

    page.locator(".st-key-sample_inflammatory button").click()
    page.get_by_role("button", name="Read the slices").click()
    page.locator("canvas[data-ms]").first.wait_for()
    say("first slice")
    page.get_by_role("link", name="Assess", exact=True).click()
    page.locator(".st-key-first_conclusion").get_by_text("Unsure", exact=True).click()
    page.get_by_role("button", name="Record and ask the ensemble").click()
    page.get_by_text("Study probabilities").wait_for()
    say("the ensemble's answer")
    page.get_by_role("link", name="Report", exact=True).click()
    with page.expect_download():
        page.get_by_role("button", name="Download PDF", exact=True).click()
    say("PDF")


if __name__ == "__main__":
    main()
