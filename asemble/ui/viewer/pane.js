// What a pane shows: the numbers that have arrived, its window, its zoom.

import { changed, rangeOf } from "./greys.js";
import { recall, remember } from "./memory.js";
import { zoomed } from "./viewport.js";

/**
 * @param {Pane} pane
 * @returns {pane is Drawn}
 */
export function hasArrived(pane) {
  return pane.stack !== null;
}

/**
 * Take the numbers that have arrived for this pane.
 * @type {(pane: Pane) => void}
 */
export function takeStacks(pane) {
  const { data } = pane;
  /** @type {<Kind>(key: string | null) => Kind | null} */
  const brought = (key) => /** @type {any} */ (globalThis.asembleStacks?.get(key ?? "")) ?? null;
  /** @type {Stack | null} */
  const stack = brought(data.stack);
  if (stack && stack !== pane.stack) {
    const isNew = pane.stack?.key !== stack.key;
    pane.stack = stack;
    if (isNew) {
      setPreset(pane, 0);
      const [black, white] = recall().windows?.[data.title] ?? [0, 1];
      if (white > black) [pane.black, pane.white] = [black, white].map((share) => pane.black + share * (pane.white - pane.black));
    }
  }
  pane.heat = brought(data.heat);
  /** @type {Brought | null} */
  const found = brought(data.outlines);
  pane.outlines = found?.outlines ?? null;
  pane.hasOedema = found?.has_oedema ?? false;
}

/**
 * The browser remembers the window for the next series of this plane and weighting, in shares of the
 * usual one.
 * @type {(pane: Pick<Pane, "black" | "white" | "stack"> & { data: Pick<PaneData, "title"> }) => void}
 */
export function keepWindow({ black, white, stack, data: { title } }) {
  const usual = Object.values(stack?.windows ?? {})[0];
  if (!usual || usual[1] === usual[0]) return;
  const { [title]: _, ...windows } = recall().windows ?? {};
  /** @type {(value: number) => number} */
  const share = (value) => Number(((value - usual[0]) / (usual[1] - usual[0])).toFixed(4));
  if (share(black) !== 0 || share(white) !== 1) windows[title] = [share(black), share(white)];
  remember({ windows });
}

/**
 * By its name or number; the first is the usual one.
 * @type {(pane: Pane, preset: string | number) => void}
 */
export function setPreset(pane, preset) {
  const windows = pane.stack?.windows ?? {};
  const window = windows[typeof preset === "number" ? Object.keys(windows)[preset] : preset];
  if (window) [pane.black, pane.white] = window;
}

/**
 * By shares of the range of the series.
 * @type {(pane: Drawn, wider: number, higher: number) => void}
 */
export function changeWindow(pane, wider, higher) {
  Object.assign(pane, changed(pane, wider, higher, rangeOf(pane.stack)));
}

/** @type {(pane: Pane) => void} */
export function resetView(pane) {
  setPreset(pane, 0);
  Object.assign(pane, { zoom: 1, shift: [0, 0], inverted: false, turns: 0, isMirrored: false });
}

/**
 * What lies `from` the middle of the canvas stays where it is.
 * @type {(pane: Pane, factor: number, from?: Point) => void}
 */
export function zoomAt(pane, factor, from) {
  Object.assign(pane, zoomed(pane, factor, from));
}
