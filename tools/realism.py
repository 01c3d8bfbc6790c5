"""Real and simulated slices side by side, and a blind test: `make realism REAL=DIR`.

Writes `panel.png` (which is which stands beside each row) and `test.html`, a page that works
without a network and asks of slices in random order: simulated or real? Both are T1, straight
coronal, 0.9 mm in plane, 4 mm thick, over the joints, and go the same way from there on. The
simulated people have bones that training never shows. The folder is not committed: it holds images
of patients under a licence that asks for their source to be named, which panel and page do.
"""

import argparse
import base64
import html
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from asemble import io
from asemble.core.errors import AsembleError, InputError
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.datasets import seeds
from asemble.imaging.intensity import squash
from asemble.imaging.orientation import as_shown
from asemble.imaging.slices import resample_slice
from asemble.phantom import render_slice, sample_case
from asemble.phantom.acquisition import Stack

ATTRIBUTION = (
    "Real slices: CPTAC-UCEC, National Cancer Institute Clinical Proteomic Tumor Analysis "
    "Consortium, The Cancer Imaging Archive, doi:10.7937/K9/TCIA.2018.3R3JUISW, CC BY 4.0; "
    "cropped, resampled."
)
"""Of the set that the project knows; name another with --attribution."""
FIRST_SEED = seeds.TEST.first + 500
"""Simulated people of the test set."""
PIXEL_MM, THICKNESS_MM, PIXELS = 0.91, 4.0, 240
"""Of the real set, and enough pixels to fill the field of a prepared slice wherever it lies."""
PEOPLE, DEPTHS = 3, (0.35, 0.45, 0.55, 0.65)
"""Rows of each kind in the panel, and where in the real stacks its slices lie."""
DEPTH_MM = (-16.0, 16.0)
"""Where simulated slices lie, front to back of the middle of the joints."""
SIDE = 256

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One slice of the test.

    Args:
        picture: `(256, 256)`.
        simulated: the answer.
    """

    picture: Picture
    simulated: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Write panel and test; 2 where the real set is missing."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--real", type=Path, help="folder of real coronal T1 series")
    parser.add_argument("--out", type=Path, default=Path("realism"))
    parser.add_argument("--count", type=int, default=40, help="slices of the test")
    parser.add_argument("--seed", type=int, default=0, help="another one draws another test")
    parser.add_argument("--attribution", default=ATTRIBUTION, help="of the real set")
    options = parser.parse_args(arguments)
    try:
        stacks = real_stacks(options.real)
    except AsembleError as error:
        print(f"realism: {error}", file=sys.stderr)
        return 2
    rng = np.random.default_rng([options.seed, 11])
    options.out.mkdir(parents=True, exist_ok=True)
    order = rng.permutation(len(stacks))
    shown, asked = order[:PEOPLE], order[PEOPLE:] if len(stacks) > PEOPLE else order
    rows = []
    for number, which in enumerate(shown):
        rows.append(("real", [real_slice(stacks[which], depth, rng) for depth in DEPTHS]))
        depths = np.linspace(*DEPTH_MM, len(DEPTHS))
        rows.append(("simulated", [simulated_slice(number, float(d), rng) for d in depths]))
    cv2.imwrite(str(options.out / "panel.png"), panel(rows, options.attribution))
    slices = []
    for number in range(options.count):
        if number % 2:
            depth = float(rng.uniform(*DEPTH_MM))
            picture = simulated_slice(PEOPLE + 1000 * options.seed + number, depth, rng)
        else:
            stack = stacks[asked[number // 2 % len(asked)]]
            picture = real_slice(stack, float(rng.uniform(DEPTHS[0], DEPTHS[-1])), rng)
        slices.append(Slice(picture, bool(number % 2)))
    shuffled = [slices[at] for at in rng.permutation(len(slices))]
    page = test_page(shuffled, options.attribution)
    (options.out / "test.html").write_text(page, encoding="utf-8")
    print(f"Wrote panel.png and test.html into {options.out}.")
    return 0


def real_stacks(folder: Path | None) -> list[npt.NDArray[np.float32]]:
    """Every coronal series of T1, or of no known weighting, as `(slice, row, column)`, front first.

    Raises:
        InputError: there is none.
    """
    hint = (
        "Name a folder of coronal T1 series with REAL=DIR (--real DIR); `asemble cases fetch` "
        "brings openly licensed ones."
    )
    if folder is None or not folder.is_dir():
        raise InputError("The real set is missing.", hint=hint, code="real-set-missing")
    stacks = []
    for source in sorted(folder.iterdir()):
        try:
            study = io.read_study(source)
        except InputError:
            continue  # a licence, a list of files
        for series in study.series:
            volume = series.volume
            if series.plane is not Plane.CORONAL or series.weighting is Weighting.FLUID:
                continue
            if volume.affine_lps is None or volume.shape[0] < 8:
                continue
            forward = volume.affine_lps[1, 0] > 0
            voxels = as_shown(volume, Plane.CORONAL).voxels
            mm = volume.spacing_mm
            if mm is None or abs(mm[1] - mm[2]) > 0.01:
                continue
            stacks.append(_at_pixel(voxels if forward else voxels[::-1], mm[1]))
    if not stacks:
        raise InputError(
            f"No coronal T1 series was found in {folder}.", hint=hint, code="no-coronal-t1"
        )
    return stacks


def real_slice(stack: npt.NDArray[np.float32], depth: float, rng: np.random.Generator) -> Picture:
    """A slice at a share of the depth of a stack, moved a little."""
    at = round(depth * (len(stack) - 1))
    moved = np.roll(stack[at], tuple(rng.integers(-6, 7, 2)), (0, 1))
    return shown(moved)


def simulated_slice(number: int, depth_mm: float, rng: np.random.Generator) -> Picture:
    """A straight coronal T1 slice of a person without lesions."""
    case = sample_case(FIRST_SEED + number, kind=Pattern.NORMAL)
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = 5.2, -PIXEL_MM, PIXEL_MM, 1
    centre = case.placement.origin_lps + np.array([rng.normal(0, 3), depth_mm, rng.normal(0, 8)])
    affine[:3, 3] = centre - affine[:3, 1:3].sum(axis=1) * (PIXELS - 1) / 2
    stack = Stack(Plane.CORONAL, Weighting.T1, affine, (1, PIXELS, PIXELS), THICKNESS_MM)
    return shown(render_slice(case, stack, 0, rng).image)


def shown(image: npt.NDArray[np.floating]) -> Picture:
    """A slice as the app shows it, over 200 mm."""
    grey = np.clip(squash(resample_slice(image, (PIXEL_MM, PIXEL_MM))), 0, 1)
    return np.asarray(255 * grey).astype(np.uint8)


def panel(rows: Sequence[tuple[str, Sequence[Picture]]], attribution: str) -> Picture:
    """Rows of slices, each with its kind, and the source of the real ones below."""
    made = []
    for kind, pictures in rows:
        row = np.hstack(list(pictures)).copy()
        _write(row, kind, (6, 18))
        made.append(row)
    foot = np.zeros((44, made[0].shape[1]), np.uint8)
    words, line, at = attribution.split(), "", 16
    for word in [*words, ""]:
        if not word or cv2.getTextSize(f"{line} {word}", 0, 0.4, 1)[0][0] > foot.shape[1] - 12:
            _write(foot, line, (6, at), 0.4)
            line, at = word, at + 16
        else:
            line = f"{line} {word}".strip()
    return np.vstack([*made, foot])


def test_page(slices: Sequence[Slice], attribution: str) -> str:
    """The blind test as one file; answers are in it, but not to be read by chance."""
    pictures = []
    for one in slices:
        _, coded = cv2.imencode(".png", one.picture)
        pictures.append(base64.b64encode(coded.tobytes()).decode("ascii"))
    key = base64.b64encode(bytes(int(o.simulated) ^ (37 * n + 11) & 255 for n, o in
                                 enumerate(slices))).decode("ascii")  # fmt: skip
    return (
        PAGE.replace("@@PICTURES@@", json.dumps(pictures))
        .replace("@@KEY@@", key)
        .replace("@@ATTRIBUTION@@", html.escape(attribution))
    )


def _at_pixel(stack: npt.NDArray[np.floating], pixel_mm: float) -> npt.NDArray[np.float32]:
    if abs(pixel_mm - PIXEL_MM) < 0.005:
        return np.asarray(stack, np.float32)
    scale = pixel_mm / PIXEL_MM
    resized = [cv2.resize(np.asarray(s, np.float32), None, fx=scale, fy=scale) for s in stack]
    return np.stack(resized)


def _write(image: Picture, text: str, at: tuple[int, int], size: float = 0.5) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 0, 3, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Simulated or real?</title>
<style>
body { background: #14171a; color: #e8eaec; font: 16px system-ui, sans-serif; text-align: center;
  margin: 24px auto; max-width: 720px }
img { width: 512px; max-width: 100%; image-rendering: auto; background: #000 }
button { font: inherit; margin: 12px; padding: 8px 24px }
small { color: #aab0b6 }
</style>
<h1>Simulated or real?</h1>
<p>T1, straight coronal, over the sacroiliac joints. Half of the slices are simulated.</p>
<p id="at" aria-live="polite"></p>
<div id="ask"><img id="slice" alt="the slice to judge"><br>
<button id="one">1 Simulated</button><button id="two">2 Real</button></div>
<div id="end" hidden><p id="score"></p><ol id="list" style="text-align:left"></ol></div>
<p><small>@@ATTRIBUTION@@ Simulated slices: no patient. Education and research only.</small></p>
<script>
const pictures = @@PICTURES@@;
const key = [...atob("@@KEY@@")].map((c, n) => c.charCodeAt(0) ^ ((37 * n + 11) & 255));
const said = [];
const by = id => document.getElementById(id);
function wilson(k, n) {
  const z = 1.96, p = k / n, d = 1 + z * z / n;
  const m = p + z * z / (2 * n), s = z * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return [(m - s) / d, (m + s) / d];
}
function show() {
  if (said.length < pictures.length) {
    by("at").textContent = `Slice ${said.length + 1} of ${pictures.length}`;
    by("slice").src = "data:image/png;base64," + pictures[said.length];
    return;
  }
  const right = said.filter((s, n) => s === key[n]).length, n = said.length;
  const [low, high] = wilson(right, n).map(p => (100 * p).toFixed(0));
  by("at").textContent = "";
  by("ask").hidden = true; by("end").hidden = false;
  by("score").textContent = `${right} of ${n} right: ${(100 * right / n).toFixed(0)}% `
    + `(95% interval ${low}% to ${high}%). 50% is guessing.`;
  said.forEach((s, n) => {
    const item = document.createElement("li");
    item.textContent = `${key[n] ? "simulated" : "real"}, you said `
      + `${s ? "simulated" : "real"}${s === key[n] ? "" : " (wrong)"}`;
    by("list").append(item);
  });
}
function answer(simulated) {
  if (said.length < pictures.length) { said.push(simulated); show(); }
}
by("one").onclick = () => answer(1);
by("two").onclick = () => answer(0);
addEventListener("keydown", e => {
  if (e.repeat) return;
  if (e.key === "1") answer(1);
  if (e.key === "2") answer(0);
});
show();
</script></html>
"""
"""The test; `@@…@@` are filled in."""

if __name__ == "__main__":
    sys.exit(main())
