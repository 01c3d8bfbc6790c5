// What the buttons and the keys do to the viewer as a whole.

import { levelled } from "./linking.js";
import { remember } from "./memory.js";
import { say } from "./say.js";
import { moveTo } from "./screen.js";

const CINE_MS = 125;
/** @type {Record<Tool, { text: string, key: string, title: string }>} */
export const TOOLS = {
  window: { text: "Window", key: "w", title: "Drag: right is wider, up is brighter. Double-click: this pane alone, and back." },
  pan: { text: "Pan", key: "p", title: "Drag to move the slice. Ctrl and wheel, or + and −: zoom." },
  ruler: { text: "Ruler", key: "r", title: "Drag from one point to the other." },
  region: { text: "Region", key: "c", title: "Drag a circle from its middle: mean, SD, and the ratio to a reference." },
  angle: { text: "Angle", key: "a", title: "Drag one arm from the vertex, then the other to its end." },
  arrow: { text: "Arrow", key: "t", title: "Drag from where the text is to stand to what it points at, then type." },
  outline: { text: "Outline", key: "d", title: "Draw around an area: its size, mean, SD, and the ratio to a reference." },
  reference: { text: "Reference", key: "v", title: "Drag a circle in normal marrow, to compare the region with." },
  joints: { text: "Joints", key: "j", title: "Click both ends of each joint, on an anterior and on a posterior slice; the lines between them are interpolated." },
  mark: { text: "Mark", key: "m", title: "Click the quadrant of a lesion. A click on its letter takes it away." },
};
export const ALL_TOOLS = /** @type {Tool[]} */ (Object.keys(TOOLS));

/** @type {(viewer: Viewer, tool: Tool) => void} */
export function chooseTool(viewer, tool) {
  viewer.tool = tool;
  viewer.parts.hint.textContent = TOOLS[tool].title;
  viewer.parts.jointRow.hidden = tool !== "joints";
  viewer.parts.markRow.hidden = tool !== "mark";
}

/** @type {(viewer: Viewer) => void} */
export function toggleCine(viewer) {
  if (viewer.cine !== null) clearInterval(viewer.cine);
  viewer.cine = viewer.cine !== null ? null : setInterval(() => {
    const pane = viewer.active;
    if (!pane || !viewer.root.isConnected) return toggleCine(viewer);
    moveTo(viewer, pane, (pane.index + 1) % pane.data.slices);
  }, CINE_MS);
}

/** @type {(viewer: Viewer) => void} */
export function toggleFull(viewer) {
  if (document.fullscreenElement) document.exitFullscreen();
  else viewer.root.requestFullscreen?.();
}

/** @type {Lines[]} */
const LINES = ["shown", "all", "none"];
export const LINES_WORDS = { shown: "of the slices that are shown", all: "of every slice of the active pane", none: "none" };

/** @type {(viewer: Viewer) => void} */
export function nextLines(viewer) {
  viewer.lines = LINES[(LINES.indexOf(viewer.lines) + 1) % LINES.length];
  remember({ lines: viewer.lines });
}

/** @type {(viewer: Viewer, pane: Pane) => void} */
export const toggleKeyImage = (viewer, pane) => { say(viewer, { what: "key", series: pane.data.id, slice: pane.index }); };

/**
 * The slices that stand side by side are of one level, and stay so while the reader scrolls.
 * @type {(viewer: Viewer) => void}
 */
export function levelHere(viewer) {
  if (!viewer.active) return;
  const offsets_mm = levelled(viewer.panes, viewer.active);
  for (const { data } of viewer.panes) data.offset_mm = offsets_mm[data.id] ?? data.offset_mm;
  viewer.linked = true;
  say(viewer, { what: "level", offsets_mm });
}
