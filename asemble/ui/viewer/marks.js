// Marks: a click on a slice goes to Python, which knows the quadrant by the joint lines, refuses it
// without them, and asks where it lies far from the joint. A mark stays where it was clicked.

import { INK, stroke, word } from "./ink.js";
import { laidHere, layWords } from "./joints.js";
import { say } from "./say.js";
import { frameOf, toCanvas } from "./viewport.js";

const MARK_GRIP = 12; // pixels around the letters of a mark
/** @type {Record<string, string>} */
export const LETTERS = {
  "bone marrow oedema": "B",
  erosion: "E",
  "fat lesion": "F",
  backfill: "K",
  ankylosis: "A",
  sclerosis: "S",
};

/** @type {(mark: Pick<Mark, "lesion" | "is_deep" | "is_intense" | "moved">) => string} */
export const signOf = (mark) =>
  LETTERS[mark.lesion] + (mark.is_deep ? "d" : "") + (mark.is_intense ? "i" : "") + (mark.moved ? "!" : "");

/** @type {(pane: Pane) => Mark[]} */
const marksHere = (pane) => (pane.data.marking?.marks ?? []).filter((mark) => mark.slice === pane.index);

/**
 * A click on the letters of a mark of the same lesion takes it away, whatever a line says by now.
 * @type {(viewer: Viewer, pane: Pane, place: Place) => void}
 */
export function markAt(viewer, pane, place) {
  if (!pane.data.marking) return;
  const frame = frameOf(pane, 1);
  const [x, y] = toCanvas(pane.data, frame, place);
  const here = marksHere(pane).find((mark) => {
    if (!mark.place || mark.lesion !== viewer.lesion.lesion) return false;
    const [markX, markY] = toCanvas(pane.data, frame, mark.place);
    return Math.hypot(x - markX, y - markY) < MARK_GRIP;
  });
  const isRefused = laidHere(pane).refusal && !viewer.queue.length; // a line may be on its way
  if (isRefused && !here) return;
  say(viewer, { what: "mark", series: pane.data.id, slice: pane.index, place, of: here?.of ?? null, ...viewer.lesion });
}

/** @type {(viewer: Viewer, pane: Pane, what: "record" | "leave") => void} */
export function answer(viewer, pane, what) {
  const question = pane.data.marking?.question;
  if (question) say(viewer, { what, series: pane.data.id, question: question.number });
}

/**
 * What the letters on the slice cannot say: where a mark counts, and that its line has moved.
 * @type {(viewer: Viewer, pane: Pane) => string[]}
 */
export function markWords(viewer, pane) {
  return marksHere(pane).flatMap((mark) => {
    if (mark.moved) return [`${signOf(mark)} ${mark.moved}.`];
    if (mark.place && viewer.tool !== "mark") return [];
    return [`${signOf(mark)} ${mark.quadrant}${mark.place ? "" : ", from the form"}.`];
  });
}

/** @type {(viewer: Viewer, pane: Pane, painter: Painter) => void} */
export function drawMarks(viewer, pane, { ink, at, ratio }) {
  for (const { x, y, signs } of signsAt(marksHere(pane), at, MARK_GRIP * ratio)) {
    word(ink, signs.join(" "), x, y, { colour: INK.mark, size: 13 * ratio });
  }
  const onTheirWay = viewer.queue.filter((said) => said.what === "mark" && said.series === pane.data.id && !said.of);
  for (const ring of [...onTheirWay, askedOf(viewer, pane)]) {
    if (!ring?.place || ring.slice !== pane.index) continue;
    ink.beginPath();
    ink.arc(...at(ring.place), 6 * ratio, 0, 2 * Math.PI);
    stroke(ink, INK.mark, 2 * ratio);
  }
}

/**
 * Where letters stand: those of marks at one place stand side by side.
 * @type {(marks: Mark[], at: (place: Place) => Point, grip: number) => { x: number, y: number, signs: string[] }[]}
 */
export function signsAt(marks, at, grip) {
  /** @type {{ x: number, y: number, signs: string[] }[]} */
  const groups = [];
  for (const mark of marks) {
    if (!mark.place) continue;
    const [x, y] = at(mark.place);
    const near = groups.find((group) => Math.hypot(group.x - x, group.y - y) < grip);
    if (near) near.signs.push(signOf(mark));
    else groups.push({ x, y, signs: [signOf(mark)] });
  }
  return groups;
}

/**
 * Over the lower edge of the slice, or the upper one where the click lies low: what the reader must
 * know or answer before the next click.
 * @type {(viewer: Viewer, pane: Pane) => void}
 */
export function showStrip(viewer, pane) {
  const { strip, said, question } = pane.parts;
  const asked = askedOf(viewer, pane);
  question.hidden = !asked;
  const words = asked ? askedWords(pane, asked) : nextWords(viewer.tool, pane);
  if (said.textContent !== words) said.textContent = words;
  strip.hidden = !words;
  strip.classList.toggle("above", asked !== null && asked.place[0] > pane.data.rows / 2);
}

/** @type {(tool: Tool, pane: Pane) => string} */
function nextWords(tool, pane) {
  if (tool === "joints") return layWords(pane);
  return tool === "mark" && pane.data.marking ? laidHere(pane).refusal : "";
}

/**
 * The question that waits for an answer.
 * @type {(viewer: Viewer, pane: Pane) => Question | null}
 */
function askedOf(viewer, pane) {
  const question = pane.data.marking?.question;
  const isAnswered = viewer.queue.some((said) => said.question === question?.number);
  return question && !isAnswered ? question : null;
}

/** @type {(pane: Pane, question: Question) => string} */
function askedWords(pane, { slice, words }) {
  return slice === pane.index ? words : `Slice ${slice + 1}: ${words}`;
}
