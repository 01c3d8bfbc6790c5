"""Make the screenshots of this folder again: `python docs/screenshots/make.py`.

Needs Chromium and Playwright (requirements-dev.txt). Starts the app on a free port, opens the
inflammatory sample case and walks through the pages: dark and light, 1440x900 and 1280x720.
"""

import socket
import subprocess
import sys
import time
import urllib.request
from itertools import product
from pathlib import Path
from urllib.error import URLError

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHROMIUM = "/usr/bin/chromium"
SIZES = {"": (1440, 900), "-laptop": (1280, 720)}
THEMES = ("Dark", "Light")
PATIENCE_MS = 180_000
UNFINISHED = "[data-testid=stSkeleton], [data-stale=true]"
"""What Streamlit shows while a page is still being computed."""
SETTLE_MS = 1500
"""Fonts, charts and images are drawn after the page has its text."""


def main() -> None:
    """Serve the app, walk through it, write the pictures."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    with subprocess.Popen(command, cwd=ROOT) as server, sync_playwright() as playwright:
        try:
            wait_for(f"{address}/_stcore/health")
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
            )
            for (suffix, (width, height)), theme in product(SIZES.items(), THEMES):
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_default_timeout(PATIENCE_MS)
                page.goto(address)
                page.get_by_text("Start with a sample case").wait_for()
                page.wait_for_timeout(SETTLE_MS)
                page.get_by_role("button", name="Main menu").click()
                page.get_by_role("menuitemradio", name=theme).click()
                page.keyboard.press("Escape")
                page.evaluate("document.activeElement.blur()")
                walk(page, suffix if theme == "Dark" else f"-light{suffix}")
                page.close()
            browser.close()
        finally:
            server.terminate()


def walk(page: Page, suffix: str) -> None:
    """From the home page to the model cards, one picture a page."""
    page.get_by_text("Start with a sample case").wait_for()
    shoot(page, f"home{suffix}")
    page.locator(".st-key-sample_inflammatory button").click()
    page.get_by_role("button", name="Read the slices").wait_for()
    shoot(page, f"opened{suffix}")
    page.get_by_role("button", name="Read the slices").click()
    page.locator("canvas[data-ms]").nth(2).wait_for()
    shoot(page, f"read{suffix}")
    page.get_by_role("link", name="Assess").click()
    page.locator(".st-key-first_conclusion").get_by_text("Unsure", exact=True).click()
    shoot(page, f"read-first{suffix}")
    page.get_by_role("button", name="Record and ask the ensemble").click()
    page.get_by_text("Study probabilities").wait_for()
    page.get_by_label("Show heatmap").check()
    for item in ("extensive_oedema", "erosion", "onset_under_40"):
        page.locator(f".st-key-item_{item}").get_by_text("Yes", exact=True).click()
    page.get_by_text("3 items towards inflammatory").wait_for()
    shoot(page, f"assess{suffix}")
    page.get_by_role("tab", name="What it adds up to").click()
    shoot(page, f"assess-adds-up{suffix}")
    page.get_by_text("How far the members agree").scroll_into_view_if_needed()
    shoot(page, f"assess-results{suffix}")
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_text("Your reading").wait_for()
    page.get_by_text("These files say").wait_for()
    shoot(page, f"report{suffix}")
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_text("The cards, one a network").wait_for()
    shoot(page, f"models{suffix}")


def shoot(page: Page, name: str) -> None:
    """One picture of the window as it stands."""
    page.mouse.move(0, 0)
    page.get_by_role("note").wait_for()
    page.wait_for_function(f"!document.querySelector('{UNFINISHED}')")
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=HERE / f"{name}.png")


def wait_for(url: str) -> None:
    """Until the server answers."""
    for _ in range(480):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    raise TimeoutError("the app did not start")


if __name__ == "__main__":
    main()
