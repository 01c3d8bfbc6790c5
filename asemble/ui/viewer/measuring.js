// Drawing measures, keeping them with the reading, and taking them away. Python keeps them in
// millimetres; until it has heard of one, it is shown from the queue of what was said. Each is numbered
// here, so that it can be taken away before that.

import { INK, stroke, word } from "./ink.js";
import { numbersOf, shortWords, TITLES } from "./measure.js";
import { say } from "./say.js";
import { frameOf, toCanvas } from "./viewport.js";

const GRIP = 14; // pixels around a measure
const MOST_POINTS = 64; // of an outline
const MOST_CHARACTERS = 80; // beside an arrow

/**
 * @param {string} act
 * @returns {act is Kind}
 */
export const isKind = (act) => Object.hasOwn(TITLES, act);

/**
 * All measures of the pane's series, with those on their way to the server and the one in hand.
 * @type {(viewer: Pick<Viewer, "queue">, pane: Pick<Pane, "drawing"> & { data: Pick<PaneData, "id" | "measures"> }) => Measure[]}
 */
export function measuresOf({ queue }, { data, drawing }) {
  const said = queue.filter((each) => each.series === data.id);
  const gone = said.flatMap((each) => each.gone ?? []);
  const kept = data.measures.filter((each) => !gone.includes(each.number));
  const coming = said.filter((each) => each.what === "measure" && !gone.includes(each.measure ?? 0));
  const shown = coming.map(({ measure: number = 0, kind = "ruler", slice = 0, points = [], text = "" }) => ({ number, kind, slice, points, text }));
  return [...kept, ...shown, ...(drawing ? [drawing] : [])];
}

/**
 * The measure in hand while the pointer goes `here`; an angle takes its second arm with a second drag.
 * @type {(pane: Pick<Pane, "index" | "drawing">, kind: Kind, drag: Drag, here: Place) => Measure}
 */
export function drawn({ index: slice, drawing }, kind, { from, isSecond }, here) {
  /** @type {(points: Place[]) => Measure} */
  const measure = (points) => ({ number: 0, kind, slice, points, text: "" });
  if (kind === "angle") return measure(isSecond && drawing ? [drawing.points[0], drawing.points[1], here] : [here, from]);
  if (kind === "outline") return measure([...(drawing?.points ?? [from]), here]);
  return measure([from, here]);
}

/** @type {(pane: Pick<Pane, "index" | "drawing">) => boolean} */
export const waitsForArm = ({ drawing, index }) => drawing?.kind === "angle" && drawing.slice === index;

/**
 * The pointer was let go.
 * @type {(viewer: Viewer, pane: Pane, drag: Drag, isClick: boolean) => void}
 */
export function letGo(viewer, pane, drag, isClick) {
  const { drawing } = pane;
  if (!drawing || (drawing.kind === "angle" && !drag.isSecond && !isClick)) return;
  if (isClick && !drag.isSecond) pane.drawing = null;
  else if (drawing.kind === "arrow") askText(viewer, pane, drawing);
  else keep(viewer, pane, drawing);
}

/** @type {(viewer: Viewer, pane: Pane, measure: Measure) => void} */
function keep(viewer, pane, { kind, slice, points, text }) {
  pane.drawing = null;
  const least = kind === "outline" || kind === "angle" ? 3 : 2;
  const every = Math.ceil(points.length / MOST_POINTS);
  const kept = points.filter((_, k) => k % every === 0).map((place) => /** @type {Place} */ (place.map((value) => Number(value.toFixed(4)))));
  if (kept.length < least) return;
  const said = viewer.queue.filter((each) => each.series === pane.data.id);
  const taken = [...pane.data.measures.map((each) => each.number), ...said.flatMap((each) => [each.measure ?? 0, ...(each.gone ?? [])])];
  const measure = 1 + Math.max(0, ...taken);
  say(viewer, { what: "measure", series: pane.data.id, measure, kind, slice, points: kept, text });
}

/** @type {(viewer: Viewer, pane: Pane, arrow: Measure) => void} */
function askText(viewer, pane, arrow) {
  const { picture, canvas } = pane.parts;
  const field = Object.assign(document.createElement("input"), { type: "text", className: "note", maxLength: MOST_CHARACTERS, placeholder: "Text, no names" });
  picture.append(field);
  field.setAttribute("aria-label", "Text beside the arrow: no names, dates of birth or record numbers");
  let isDone = false;
  /** @type {(text: string | null) => void} */
  const done = (text) => {
    if (isDone) return;
    isDone = true;
    field.remove();
    pane.drawing = null;
    if (text !== null) keep(viewer, pane, { ...arrow, text: text.trim() });
    viewer.arrived();
  };
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") done(field.value);
    if (event.key === "Escape") done(null);
    if (isDone) canvas.focus({ preventScroll: true });
  };
  field.onblur = () => done(field.value);
  field.focus();
}

/**
 * The measure nearest to the pointer goes, else the last one of the slice.
 * @type {(viewer: Viewer, pane: Pane) => void}
 */
export function removeOne(viewer, pane) {
  if (pane.drawing) {
    pane.drawing = null;
    return;
  }
  const here = measuresOf(viewer, pane).filter((each) => each.slice === pane.index && each.number);
  const frame = frameOf(pane, 1);
  /** @type {(measure: Measure) => number} */
  const away = ({ points }) => Math.min(...points.map((place) => {
    const [x, y] = toCanvas(pane.data, frame, place);
    return pane.over ? Math.hypot(x - pane.over[0], y - pane.over[1]) : Infinity;
  }));
  const near = here.filter((each) => away(each) < GRIP).sort((one, other) => away(one) - away(other));
  const gone = near[0] ?? here.at(-1);
  if (gone) say(viewer, { what: "unmeasure", series: pane.data.id, gone: [gone.number] });
}

/** @type {(viewer: Viewer, pane: Pane) => void} */
export function removeHere(viewer, pane) {
  pane.drawing = null;
  const gone = measuresOf(viewer, pane).filter((each) => each.slice === pane.index).map((each) => each.number);
  if (gone.length) say(viewer, { what: "unmeasure", series: pane.data.id, gone });
}

/** @type {(viewer: Viewer, pane: Pane, painter: Painter) => void} */
export function drawMeasures(viewer, pane, painter) {
  const here = measuresOf(viewer, pane).filter((each) => each.slice === pane.index);
  const last = here.filter((each) => each.kind === "reference").at(-1);
  const shown = here.filter((each) => each.kind !== "reference" || each === last);
  for (const [k, number] of numbersOf(shown).entries()) {
    drawOne(painter, shown[k], [number, shortWords(pane.data, shown[k])].filter(Boolean).join(": "));
  }
}

/** @type {(painter: Painter, measure: Measure, words: string) => void} */
function drawOne({ ink, at, ratio }, { kind, points }, words) {
  const places = points.map(at);
  const colour = kind === "reference" ? INK.reference : INK.measure;
  const [first, second] = places;
  ink.beginPath();
  if (kind === "region" || kind === "reference") ink.arc(...first, Math.hypot(second[0] - first[0], second[1] - first[1]), 0, 2 * Math.PI);
  else places.forEach((place) => ink.lineTo(...place));
  if (kind === "outline") ink.closePath();
  if (kind === "arrow") {
    const way = Math.atan2(second[1] - first[1], second[0] - first[0]);
    for (const side of [-1, 1]) {
      ink.moveTo(...second);
      ink.lineTo(second[0] - 11 * ratio * Math.cos(way + side * 0.45), second[1] - 11 * ratio * Math.sin(way + side * 0.45));
    }
  }
  stroke(ink, "#000", 4 * ratio);
  stroke(ink, colour, 2 * ratio);
  if (!words) return;
  const [x, y] = kind === "arrow" ? first : places[places.length - 1];
  word(ink, words, x, y + (kind === "arrow" && second[1] > first[1] ? -13 : 13) * ratio, { colour, size: 12 * ratio });
}
