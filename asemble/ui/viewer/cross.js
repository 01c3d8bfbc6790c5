// A cross on the slice that the keyboard moves: Enter does there what a click does.

import { INK, stroke } from "./ink.js";
import { draftOf, gripAt, layEnd, layLine, movePoint } from "./joints.js";
import { markAt } from "./marks.js";
import { frameOf, onSlice, toCanvas } from "./viewport.js";

const CROSS_MM = 2; // of one step
/** @type {Record<string, Place>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** @type {(viewer: Pick<Viewer, "tool">) => boolean} */
export const usesCross = (viewer) => ["joints", "mark"].includes(viewer.tool);

/**
 * Whether the key was for the cross.
 * @type {(viewer: Viewer, pane: Pane, event: Pick<KeyboardEvent, "key" | "shiftKey">) => boolean}
 */
export function pressedForCross(viewer, pane, { key, shiftKey }) {
  if (!usesCross(viewer)) return false;
  const { data } = pane;
  if (shiftKey && STEPS[key]) {
    const [right, down] = onSlice(pane, [STEPS[key][1], STEPS[key][0]]); // as the reader sees it
    pane.cross = stepped(data, pane.cross, [down, right]);
    if (pane.held) movePoint(pane, pane.held, pane.cross);
    return true;
  }
  if (key !== "Enter" || !pane.cross) return false;
  if (viewer.tool === "mark") markAt(viewer, pane, pane.cross);
  else if (pane.held) dropHeld(viewer, pane, pane.held);
  else if (data.marking) {
    pane.held = gripAt(pane, toCanvas(data, frameOf(pane, 1), pane.cross));
    if (!pane.held) layEnd(viewer, pane, pane.cross);
  }
  return true;
}

/**
 * A step further, or from the middle; never off the slice.
 * @type {(data: Pick<Geometry, "rows" | "columns" | "pixel">, from: Place | null, by: Place) => Place}
 */
export function stepped({ rows, columns, pixel }, from, by) {
  const [row, column] = from ?? [(rows - 1) / 2, (columns - 1) / 2];
  /** @type {(value: number, last: number) => number} */
  const inside = (value, last) => Math.min(Math.max(value, 0), last);
  return [
    inside(row + (by[0] * CROSS_MM) / pixel[0], rows - 1),
    inside(column + (by[1] * CROSS_MM) / pixel[1], columns - 1),
  ];
}

/** @type {(viewer: Viewer, pane: Pane, held: Grip) => void} */
function dropHeld(viewer, pane, held) {
  if (draftOf(pane, held.joint)) layLine(viewer, pane, held.joint);
  pane.held = null;
}

/** @type {(viewer: Viewer, pane: Pane, painter: Painter) => void} */
export function drawCross(viewer, pane, { ink, at, ratio }) {
  if (!usesCross(viewer) || !pane.cross) return;
  const [x, y] = at(pane.cross);
  const arm = 9 * ratio;
  ink.beginPath();
  for (const [dx, dy] of [[arm, 0], [0, arm]]) {
    ink.moveTo(x - dx, y - dy);
    ink.lineTo(x + dx, y + dy);
  }
  stroke(ink, "#000", 3 * ratio);
  stroke(ink, pane.held ? INK.mark : INK.letter, 1.25 * ratio);
}
