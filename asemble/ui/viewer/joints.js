// Joint lines: both ends of a joint are clicked, then its ends and its bend may be dragged; so may
// those of a line that the networks propose, which is the reader's from then on. Python
// keeps the lines in millimetres and tells of each slice of the pane where they lie on it
// (`marking.slices`); it refuses what is no joint, and a click where a joint is missing.

import { INK, stroke, word } from "./ink.js";
import { say } from "./say.js";
import { frameOf, toCanvas } from "./viewport.js";

/** @type {Joint[]} the patient's */
const JOINTS = ["right", "left"];
const END_GRIP = 14; // pixels around an end or a bend
const NO_QUADRANTS = "Quadrants are marked on semicoronal slices whose geometry is known.";

/**
 * A pane as far as joint lines need it.
 * @typedef {Pick<Pane, "index" | "drafts"> & { data: { marking: Marking | null } }} Laid
 */

/** @type {(pane: Pick<Laid, "index" | "data">) => LinesHere} */
export const laidHere = (pane) => /** @type {Marking} */ (pane.data.marking).slices[pane.index];

/**
 * What is being drawn of a joint on this slice, until Python has answered.
 * @type {(pane: Laid, joint: Joint) => Draft | null}
 */
export function draftOf(pane, joint) {
  const draft = pane.drafts[joint];
  return draft?.slice === pane.index ? draft : null;
}

/**
 * Upper end, bend and lower end; fewer while the line is being drawn.
 * @type {(pane: Laid, joint: Joint) => Place[]}
 */
export const pointsOf = (pane, joint) => draftOf(pane, joint)?.points ?? laidHere(pane)[joint] ?? [];

/**
 * The joint whose end the next click sets, if one is missing on this slice.
 * @type {(pane: Laid) => Joint | undefined}
 */
export const nextJoint = (pane) =>
  JOINTS.find((joint) => pointsOf(pane, joint).length === 1) ?? JOINTS.find((joint) => !pointsOf(pane, joint).length);

/** @type {(viewer: Viewer, pane: Pane, place: Place) => void} */
export function layEnd(viewer, pane, place) {
  const joint = nextJoint(pane);
  if (!joint) return;
  const points = [...pointsOf(pane, joint), place];
  pane.drafts[joint] = { slice: pane.index, points };
  if (points.length > 1) layLine(viewer, pane, joint);
}

/** @type {(viewer: Viewer, pane: Pane, joint: Joint) => void} */
export function layLine(viewer, pane, joint) {
  const draft = pane.drafts[joint];
  if (!draft) return;
  const { slice, points } = draft;
  draft.said = say(viewer, { what: "lay", series: pane.data.id, slice, joint, points });
}

/**
 * The joint and which of its points lie under a place of the canvas, in pixels.
 * @type {(pane: Pane, point: Point) => Grip | null}
 */
export function gripAt(pane, [x, y]) {
  const frame = frameOf(pane, 1);
  for (const joint of JOINTS) {
    const points = pointsOf(pane, joint);
    for (const k of points.length === 3 ? [0, 2, 1] : []) {
      const [pointX, pointY] = toCanvas(pane.data, frame, points[k]);
      if (Math.hypot(x - pointX, y - pointY) < END_GRIP) return { joint, k };
    }
  }
  return null;
}

/** @type {(pane: Laid, grip: Grip, place: Place) => void} */
export function movePoint(pane, { joint, k }, place) {
  pane.drafts[joint] = { slice: pane.index, points: withPoint(pointsOf(pane, joint), k, place) };
}

/**
 * A line with one of its points moved. The bend follows an end by half, so that a straight line
 * stays one.
 * @type {(points: Place[], k: number, place: Place) => Place[]}
 */
export function withPoint(points, k, place) {
  const moved = structuredClone(points);
  const by = [place[0] - points[k][0], place[1] - points[k][1]];
  moved[k] = place;
  if (k !== 1) moved[1] = [points[1][0] + by[0] / 2, points[1][1] + by[1] / 2];
  return moved;
}

/**
 * Drafts that Python has answered give way to what it keeps.
 * @type {(viewer: Pick<Viewer, "heard">, pane: Pick<Pane, "drafts">) => void}
 */
export function dropDrafts(viewer, pane) {
  for (const joint of JOINTS) {
    const said = pane.drafts[joint]?.said;
    if (said !== undefined && said <= viewer.heard) delete pane.drafts[joint];
  }
}

/**
 * What to do next, and why the last line was refused.
 * @type {(pane: Laid) => string}
 */
export function layWords(pane) {
  if (!pane.data.marking) return "";
  const joint = nextJoint(pane);
  const isBegun = joint && pointsOf(pane, joint).length === 1;
  const next = joint ? `Patient's ${joint} joint: click ${isBegun ? "its other end" : "one end, then the other"}.` : "";
  return [pane.data.marking.note, next].filter(Boolean).join(" ");
}

/** @type {(pane: Laid) => string} */
export const quadrantWords = (pane) => (pane.data.marking ? "" : NO_QUADRANTS);

/** @type {(pane: Laid) => string} */
export function jointWords(pane) {
  if (!pane.data.marking) return NO_QUADRANTS;
  return nextJoint(pane) ? "" : `${laidHere(pane).words} Ends and bends can be dragged.`;
}

/** @type {(viewer: Viewer, pane: Pane, painter: Painter) => void} */
export function drawJoints(viewer, pane, { ink, at, ratio }) {
  const { canvas } = pane.parts;
  delete canvas.dataset.joints;
  if (!["joints", "mark"].includes(viewer.tool)) return;
  canvas.dataset.joints = JSON.stringify(Object.fromEntries(JOINTS.map((joint) => [joint, pointsOf(pane, joint)])));
  for (const joint of JOINTS) {
    const points = pointsOf(pane, joint).map(at);
    const isOwn = draftOf(pane, joint) || laidHere(pane).own.includes(joint);
    const isProposed = !draftOf(pane, joint) && laidHere(pane).proposed.includes(joint);
    const colour = isProposed ? INK.proposed : INK.mark;
    if (points.length > 1) drawLine(ink, points, ratio, colour, isProposed ? [9, 3, 2, 3] : isOwn ? [7, 4] : [2, 4]);
    if (isProposed) word(ink, "proposed", points[0][0], points[0][1] - 12 * ratio, { colour, size: 11 * ratio });
    if (viewer.tool !== "joints") continue;
    points.forEach((point, k) => {
      ink.beginPath();
      ink.arc(...point, (points.length === 3 && k === 1 ? 3.5 : 5) * ratio, 0, 2 * Math.PI);
      stroke(ink, colour, 2 * ratio);
    });
  }
}

/**
 * A line laid on this slice is dashed, one that other slices give it dotted, one that the networks
 * propose dashed and dotted, in a colour of its own and with its word; a tick halves each.
 * @type {(ink: CanvasRenderingContext2D, points: Point[], ratio: number, colour: string, dash: number[]) => void}
 */
function drawLine(ink, points, ratio, colour, dash) {
  ink.beginPath();
  points.forEach((point) => ink.lineTo(...point));
  const [middle, along] = halfWay(points);
  ink.moveTo(middle[0] - along[1] * 12 * ratio, middle[1] + along[0] * 12 * ratio);
  ink.lineTo(middle[0] + along[1] * 12 * ratio, middle[1] - along[0] * 12 * ratio);
  stroke(ink, "#000", 3 * ratio);
  stroke(ink, colour, 1.5 * ratio, dash.map((n) => n * ratio));
}

/**
 * The middle of a bent line, and the direction of the part that it lies on.
 * @type {(points: Point[]) => [middle: Point, along: Point]}
 */
export function halfWay(points) {
  const lengths = points.slice(1).map((point, k) => Math.hypot(point[0] - points[k][0], point[1] - points[k][1]));
  let rest = lengths.reduce((sum, length) => sum + length, 0) / 2;
  const part = Math.max(lengths.findIndex((length) => (rest -= length) <= 0), 0);
  const [from, to] = [points[part], points[part + 1]];
  /** @type {Point} */
  const along = [(to[0] - from[0]) / lengths[part], (to[1] - from[1]) / lengths[part]];
  return [[to[0] + rest * along[0], to[1] + rest * along[1]], along];
}
