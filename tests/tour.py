"""A reader's way through the app, stop by stop."""

from collections.abc import Iterator, Sequence

from playwright.sync_api import Locator, Page, expect
from served_app import PATIENCE_MS

BACKGROUNDS = {"Dark": "rgb(13, 16, 20)", "Light": "rgb(247, 248, 249)"}
"""Of each theme."""
UNFINISHED = "[data-testid=stSkeleton], [data-stale=true]"
"""What Streamlit shows while a page is still being computed."""
QUIET_MS = 400
"""A page that changes nothing for so long has drawn its charts and images."""
STILL = """async ({ quiet, patience }) => {
  const nameOf = (node) => {
    const element = node.nodeType === 1 ? node : node.parentElement;
    const named = element?.closest("[data-testid], [class*=st-key-]");
    const name = named?.dataset.testid ?? String(named?.className).match(/st-key-\\S+/)?.[0] ?? "";
    return `${element?.localName ?? "document"} in ${name}`;
  };
  // An animation that is paused, endless or of an element that is gone is nothing to wait for.
  const moving = () => document.getAnimations().filter((each) =>
    each.playState === "running" && each.playbackRate !== 0 && each.effect?.target?.isConnected &&
    each.effect.getComputedTiming().endTime !== Infinity);
  const began = performance.now();
  const changes = [];
  let changed = began;
  const observer = new MutationObserver((records) => {
    changed = performance.now();
    for (const { type, target, attributeName } of records) {
      const ms = Math.round(changed - began);
      changes.push(`${attributeName ?? type} of ${nameOf(target)} at ${ms} ms`);
    }
    changes.splice(0, changes.length - 20);
  });
  const everything = { subtree: true, childList: true, attributes: true, characterData: true };
  observer.observe(document, everything);
  try {
    for (;;) {
      const now = performance.now();
      const isQuiet = now - changed >= quiet;
      const loads = document.fonts.status !== "loaded";
      const moves = moving();
      if (isQuiet && !loads && !moves.length) return [];
      if (now - began > patience) {
        return [
          ...(loads ? ["fonts are loading"] : []),
          ...moves.map(({ animationName, transitionProperty, effect }) =>
            `${animationName ?? transitionProperty ?? "motion"} of ${nameOf(effect.target)}`),
          ...(isQuiet ? [] : changes),
        ];
      }
      await new Promise((resume) => setTimeout(resume, 50));
    }
  } finally {
    observer.disconnect();
  }
}"""
"""Says what still moves or changes after so much patience; nothing where all came to rest."""


SAMPLE_JOINTS = ((0.255, 0.383), (0.322, 0.700), (0.799, 0.331), (0.776, 0.690))
"""Ends of the right and the left joint on the middle slice of the sample: shares of its width and
height."""


def lay_joints(page: Page, canvas: Locator, ends: Sequence[tuple[float, float]]) -> None:
    """Click both ends of both joints on the slice that is shown."""
    page.get_by_role("button", name="Joints", exact=True).click()
    for place in ends:
        click_slice(canvas, place)
    expect(page.get_by_text("Both joints: drawn here.").first).to_be_visible()


def click_slice(canvas: Locator, place: tuple[float, float]) -> None:
    """Click a place of a square slice, in shares of its width and height."""
    wide, high = (canvas.evaluate(f"e => e.client{side}") for side in ("Width", "Height"))
    side = min(wide, high)
    x, y = (wide - side) / 2 + place[0] * side, (high - side) / 2 + place[1] * side
    canvas.click(position={"x": x, "y": y})


def choose_theme(page: Page, name: str) -> None:
    """Take the `Dark` or the `Light` theme from the menu of the home page, once it has settled."""
    page.get_by_text("Start with a simulated case").wait_for()
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUNDS["Dark"])
    menu = page.get_by_role("button", name="Main menu")
    expect(menu).to_have_attribute("aria-expanded", "false")
    wait_until_still(page)  # the page itself opens and shuts the menu at first
    switch_theme(page, name)


def switch_theme(page: Page, name: str) -> None:
    """Take a theme from the menu of a page that has settled."""
    page.get_by_role("button", name="Main menu").click()
    page.get_by_role("menuitemradio", name=name).click()
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUNDS[name])
    wait_until_still(page)


def wait_until_still(page: Page, patience_ms: float = PATIENCE_MS) -> None:
    """Until nothing moves and nothing changes: a click on what moves may miss it."""
    restless = page.evaluate(STILL, {"quiet": QUIET_MS, "patience": patience_ms})
    assert not restless, f"after {patience_ms:.0f} ms the page has no rest: {'; '.join(restless)}"


def tour(page: Page) -> Iterator[str]:
    """From the home page to the model cards with the inflammatory sample; the name of each stop."""
    yield _settled(page, "home")
    page.locator(".st-key-sample_inflammatory button").click()
    page.get_by_role("button", name="Read the slices").wait_for()
    yield _settled(page, "opened")
    page.get_by_role("button", name="Read the slices").click()
    page.locator("canvas[data-ms]").nth(1).wait_for()
    yield _settled(page, "read")
    lay_joints(page, page.locator("canvas[data-ms]").nth(1), SAMPLE_JOINTS)
    page.get_by_text("Findings: 0 marked").click()
    wait_until_still(page)
    page.get_by_role("button", name="Mark or take away").click()
    page.get_by_text("Findings: 1 marked").scroll_into_view_if_needed()
    yield _settled(page, "findings")
    page.get_by_role("link", name="Assess", exact=True).click()
    page.locator(".st-key-first_conclusion").get_by_text("Unsure", exact=True).click()
    yield _settled(page, "read-first")
    page.get_by_role("button", name="Record and ask the ensemble").click()
    page.get_by_text("Study probabilities").wait_for()
    page.get_by_label("Show heatmap").check()
    for item in ("extensive_oedema", "erosion"):
        page.locator(f".st-key-item_{item}").get_by_text("Yes", exact=True).click()
    page.get_by_role("tab", name="History").click()
    page.locator(".st-key-item_onset").get_by_text("under 40", exact=True).click()
    page.get_by_text("3 items towards inflammatory").wait_for()
    yield _settled(page, "assess")
    page.get_by_role("tab", name="What it adds up to").click()
    yield _settled(page, "assess-adds-up")
    page.get_by_role("tab", name="What else it could be").click()
    yield _settled(page, "assess-mimics")
    page.get_by_text("Agreement of the members").scroll_into_view_if_needed()
    yield _settled(page, "assess-results")
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_text("These files say").wait_for()
    yield _settled(page, "report")
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_text("Intended use").wait_for()
    yield _settled(page, "models")
    page.get_by_role("tab", name="Model cards").click()
    page.get_by_text("SHA-256 verified").wait_for(state="attached")
    yield _settled(page, "models-cards")


def _settled(page: Page, stop: str) -> str:
    page.mouse.move(0, 0)
    page.get_by_role("note").wait_for()
    expect(page.locator(UNFINISHED)).to_have_count(0)
    wait_until_still(page)
    return stop
