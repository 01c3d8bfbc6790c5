"""Time the viewer while it scrolls: `PYTHONPATH=tests python tools/frames.py`.

Four series of 24x512x512 in the 2x2 layout, all of one frame of reference, scrolled by the wheel as
fast as the screen shows frames. Prints how long drawing all panes took, how much processor time the
page took for a step in all (scripts, styles, layout), how far apart frames came, how many were
dropped, and how many messages the browser sent to the server meanwhile (none). Without a graphics
card Chromium also composes the screen on the processor, which is no part of the page's work.
"""

import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from mr_files import AXIAL, CORONAL, mr_image, set_pixels, to_bytes
from playwright.sync_api import CDPSession, WebSocket
from served_app import chromium, new_window, serve

SLICES, SIDE, PIXEL_MM, STEP_MM = 24, 512, 0.43, 4.0
FLUID: Mapping[str, Any] = {"ScanningSequence": ["SE", "IR"], "InversionTime": "150"}
SERIES: tuple[tuple[str, tuple[float, ...], Mapping[str, Any]], ...] = (
    ("t1 cor", CORONAL, {}),
    ("stir cor", CORONAL, FLUID),
    ("stir ax", AXIAL, FLUID),
    ("t1 ax", AXIAL, {}),
)
STEPS = 600
FRAME_MS = 1000 / 60
WORK = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")

SCROLL = """async ([canvas, ...others], steps) => {
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  let before = await frame();
  for (let k = 0; k < steps; k++) {
    const deltaY = Math.floor(k / 20) % 2 ? -50 : 50;
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY, cancelable: true }));
    const now = await frame();
    await new Promise((resume) => setTimeout(resume, 0));  // the viewer draws in that frame, too
    const ms = [canvas, ...others].reduce((sum, each) => sum + Number(each.dataset.ms), 0);
    times.push([ms, now - before]);
    before = now;
  }
  return times;
}"""


def main() -> None:
    """Serve the app, open the series, scroll, print."""
    with (
        tempfile.TemporaryDirectory() as name,
        contextmanager(serve)(Path(name) / "log.txt") as address,
        chromium() as browser,
        new_window(browser) as page,
    ):
        sent: list[object] = []

        def opened(socket: WebSocket) -> None:
            socket.on("framesent", lambda frame: sent.append(frame))  # noqa: PLW0108  Playwright marks the listener

        page.on("websocket", opened)
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.goto(address)
        page.locator('input[type="file"]').set_input_files(_write(Path(name) / "four.zip"))
        page.get_by_role("button", name="Read the upload").click()
        page.get_by_role("button", name="Read the slices").click()
        page.get_by_role("button", name="Four panes").click()
        canvases = page.locator("canvas[data-ms]:visible")
        canvases.nth(3).wait_for()
        canvases.first.hover()
        page.wait_for_timeout(3000)
        tools = page.context.new_cdp_session(page)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        before, worked_s = len(sent), _worked_s(tools)
        drawn, apart = np.array(canvases.evaluate_all(SCROLL, STEPS)).T
        messages, worked_s = len(sent) - before, _worked_s(tools) - worked_s
    dropped = int(np.maximum(np.rint(apart / FRAME_MS) - 1, 0).sum())
    print(f"{STEPS} steps through four series of {SLICES}x{SIDE}x{SIDE} in 2x2 at 1920x1080")
    for title, values in (("drawing all panes", drawn), ("from frame to frame", apart)):
        median, most = np.median(values), np.percentile(values, 95)
        print(f"{title}: median {median:.1f} ms, 95th percentile {most:.1f} ms")
    print(f"processor time of the page: mean {1000 * worked_s / STEPS:.1f} ms a step")
    print(f"dropped frames: {dropped} of {STEPS + dropped}; messages to the server: {messages}")


def _worked_s(tools: CDPSession) -> float:
    metrics = tools.send("Performance.getMetrics")["metrics"]
    return float(sum(each["value"] for each in metrics if each["name"] in WORK))


def _write(path: Path) -> Path:
    """Waves and noise; pictures of nobody."""
    random = np.random.default_rng(1)
    row, column = np.mgrid[:SIDE, :SIDE]
    with zipfile.ZipFile(path, "w") as archive:
        for number, (words, orientation, more) in enumerate(SERIES):
            right, down = np.array(orientation[:3]), np.array(orientation[3:])
            corner = -PIXEL_MM * SIDE / 2 * (right + down)
            for index in range(SLICES):
                image = mr_image(
                    index,
                    series=f"1.2.3.{number}",
                    orientation=orientation,
                    SeriesDescription=words,
                    SeriesNumber=number + 1,
                    FrameOfReferenceUID="1.2.826.0.1.77",
                    PixelSpacing=[PIXEL_MM, PIXEL_MM],
                    **more,
                )
                place = corner + (index - SLICES / 2) * STEP_MM * np.cross(right, down)
                image.ImagePositionPatient = [float(v) for v in place]
                waves = np.sin(column / 30 + number) * np.cos(row / (20 + index))
                grey = 600 + 300 * waves + random.integers(0, 80, (SIDE, SIDE))
                set_pixels(image, grey.astype(np.uint16))
                archive.writestr(f"{number}-{index}.dcm", to_bytes(image))
    return path


if __name__ == "__main__":
    main()
