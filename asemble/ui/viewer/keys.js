// The keys of a pane, and the list of them that the reader can ask for.

import { pressedForCross } from "./cross.js";
import { chooseLayout, isOffered, maximise } from "./hanging.js";
import { ALL_LAYOUTS, LAYOUTS } from "./layout.js";
import { linkByHand } from "./linking.js";
import { removeOne } from "./measuring.js";
import { changeWindow, hasArrived, keepWindow, resetView, setPreset, zoomAt } from "./pane.js";
import { moveTo, refresh } from "./screen.js";
import { ALL_TOOLS, chooseTool, levelHere, nextLines, toggleCine, toggleFull, toggleKeyImage, TOOLS } from "./tools.js";
import { mirrored, turnedBy } from "./viewport.js";

const PAGE = 5; // slices of Page Up and Page Down
const WINDOW_SHARE = 0.02; // of the range of the series for one key
const ZOOM = 1.2; // for one key

export const KEYS = [
  ["Wheel, ↑ ↓ ← →", "one slice"],
  ["Page Up, Page Down, Home, End", "five slices; first and last slice"],
  ["Drag, right-drag", "window and level"],
  [", .  and  < >", "level down and up; window narrower and wider"],
  ["1 2 3 4", "window presets"],
  ["i", "invert the greys"],
  ["Ctrl and wheel, + −, pinch", "zoom"],
  ["Shift and drag, middle-drag", "pan"],
  ["[ ]", "turn to the left and to the right"],
  ["x, y", "flip left and right; top and bottom"],
  ["0", "reset window, zoom and place"],
  ["z, double-click", "this pane alone, and back"],
  ["5 6 7 8 9", "one pane, two, four, one and three, rows"],
  ["g", "reference lines: of the slices that are shown, of all of the active pane, none"],
  ["w p r c a t d v j m", "window, pan, ruler, region, angle, arrow, outline, reference, joints, mark"],
  ["Shift and ↑ ↓ ← →, Enter", "joints, mark: move a cross, click there"],
  ["Delete", "take away what was measured: nearest to the pointer, else last"],
  ["k", "this slice in the report, or not any more"],
  ["h", "heatmap on and off"],
  ["b, o", "outlines of the bones, of oedema, on and off"],
  ["l", "link panes of one plane"],
  ["L", "link panes without a common frame of reference, from where they stand"],
  ["s", "panes of two time points: same level here"],
  ["Space", "cine"],
  ["f", "full screen"],
  ["One finger, two fingers", "slices; zoom and pan"],
  ["?", "this list"],
];

/** @type {(viewer: Viewer, pane: Pane, event: KeyboardEvent) => void} */
export function pressed(viewer, pane, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !hasArrived(pane)) return;
  if (!pressedForCross(viewer, pane, event)) {
    const acts = actsOf(viewer, pane);
    if (!Object.hasOwn(acts, event.key)) return;
    const { black, white } = pane;
    acts[event.key]();
    if (pane.black !== black || pane.white !== white) keepWindow(pane);
  }
  event.preventDefault();
  event.stopPropagation(); // Streamlit has keys of its own
  refresh(viewer);
}

/**
 * What each key does.
 * @type {(viewer: Viewer, pane: Drawn) => Record<string, () => void>}
 */
export function actsOf(viewer, pane) {
  /** @type {(index: number) => () => void} */
  const to = (index) => () => moveTo(viewer, pane, index);
  /** @type {Record<string, () => void>} */
  const acts = {
    ArrowUp: to(pane.index - 1), ArrowLeft: to(pane.index - 1),
    ArrowDown: to(pane.index + 1), ArrowRight: to(pane.index + 1),
    PageUp: to(pane.index - PAGE), PageDown: to(pane.index + PAGE),
    Home: to(0), End: to(pane.data.slices - 1),
    ",": () => changeWindow(pane, 0, -WINDOW_SHARE), ".": () => changeWindow(pane, 0, WINDOW_SHARE),
    "<": () => changeWindow(pane, -WINDOW_SHARE, 0), ">": () => changeWindow(pane, WINDOW_SHARE, 0),
    1: () => setPreset(pane, 0), 2: () => setPreset(pane, 1), 3: () => setPreset(pane, 2), 4: () => setPreset(pane, 3),
    "+": () => zoomAt(pane, ZOOM), "=": () => zoomAt(pane, ZOOM), "-": () => zoomAt(pane, 1 / ZOOM),
    0: () => resetView(pane),
    i: () => { pane.inverted = !pane.inverted; },
    h: () => { viewer.heat.on = !viewer.heat.on; },
    b: () => { viewer.outlined.bones = !viewer.outlined.bones; },
    o: () => { viewer.outlined.oedema = !viewer.outlined.oedema; },
    "[": () => { Object.assign(pane, turnedBy(pane, -1)); },
    "]": () => { Object.assign(pane, turnedBy(pane, 1)); },
    x: () => { Object.assign(pane, mirrored(pane)); },
    y: () => { Object.assign(pane, turnedBy(mirrored(pane), 2)); },
    z: () => maximise(viewer, pane),
    g: () => nextLines(viewer),
    s: () => levelHere(viewer),
    l: () => { viewer.linked = !viewer.linked; },
    L: () => linkByHand(viewer, !viewer.linkedByHand),
    f: () => toggleFull(viewer),
    k: () => toggleKeyImage(viewer, pane),
    Delete: () => removeOne(viewer, pane),
    " ": () => toggleCine(viewer),
    "?": () => viewer.parts.keys.showModal(),
  };
  for (const layout of ALL_LAYOUTS) {
    if (isOffered(viewer, layout)) acts[LAYOUTS[layout].key] = () => chooseLayout(viewer, layout);
  }
  for (const tool of ALL_TOOLS) {
    if (!viewer.parts.tools[tool].hidden) acts[TOOLS[tool].key] = () => chooseTool(viewer, tool);
  }
  return acts;
}
