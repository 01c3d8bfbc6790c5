// The elements of a pane.

import { answer } from "./marks.js";
import { listen } from "./pointers.js";
import { redraw, refresh } from "./screen.js";

const ARRIVE_WITHIN_MS = 60000;
const ON_THEIR_WAY = "The images are on their way.";
const NOT_ARRIVED = "The images have not arrived. Reload the page.";

/**
 * A new element at the end of another.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Node} parent
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [props]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function add(parent, tag, props = {}) {
  return parent.appendChild(Object.assign(document.createElement(tag), props));
}

/** @type {(viewer: Viewer, root: HTMLElement, data: PaneData, number: number) => Pane} */
export function makePane(viewer, root, data, number) {
  const box = add(root, "div", { className: "pane" });
  const picture = add(box, "div", { className: "picture" });
  const canvas = add(picture, "canvas", { tabIndex: 0 });
  const head = add(picture, "div", { className: "head" });
  if (data.row) add(head, "span", { className: "title", textContent: data.row });
  add(head, "span", { className: "title", textContent: data.title });
  if (data.badge) add(head, "span", { className: "badge", textContent: data.badge });
  const keyWord = add(head, "span", { className: "badge", textContent: "IN THE REPORT", hidden: true });
  add(head, "span", { className: "subtitle", textContent: data.subtitle });
  canvas.setAttribute("role", "img");
  canvas.dataset.series = data.id;
  const absent = add(picture, "div", { className: "absent", textContent: data.refused || ON_THEIR_WAY });
  absent.setAttribute("role", "status");
  if (!data.refused) setTimeout(() => { absent.textContent = NOT_ARRIVED; }, ARRIVE_WITHIN_MS);
  const strip = add(picture, "div", { className: "strip" });
  strip.setAttribute("role", "status");
  const said = add(strip, "span", { className: "said" });
  const question = add(strip, "span", { hidden: true });
  const words = add(picture, "div", { className: "words" });
  const row = add(box, "div", { className: "row" });
  const place = add(row, "span", { className: "place" });
  const scrubber = add(row, "input", { type: "range", min: "0", max: String(data.slices - 1) });
  scrubber.setAttribute("aria-label", `Slice of ${data.title}`);
  const linkWord = add(words, "div");
  if (data.unknown) add(words, "div", { textContent: data.unknown });
  const heatWord = add(words, "div", { className: "heat-word" });
  const outlineWord = add(words, "div", { className: "heat-word" });
  const measured = add(words, "div", { className: "measured" });
  measured.setAttribute("aria-live", "polite");
  /** @type {Pane} */
  const pane = {
    data, number, index: data.start, jump: null, anchor: data.start,
    parts: { box, picture, canvas, absent, strip, said, question, place, scrubber, measured, heatWord, outlineWord, linkWord, keyWord },
    zoom: 1, shift: [0, 0], black: 0, white: 1, inverted: false, turns: 0, isMirrored: false,
    stack: null, heat: null, outlines: null, hasOedema: false, sheet: null, drawing: null, over: null,
    drafts: {}, cross: null, held: null, drag: null, wheel: 0, pointers: new Map(), clicked: null, watch: null,
  };
  addAnswers(viewer, pane);
  listen(viewer, pane);
  pane.watch = new ResizeObserver(() => redraw(viewer));
  pane.watch.observe(canvas);
  return pane;
}

/** @type {(viewer: Viewer, pane: Pane) => void} */
function addAnswers(viewer, pane) {
  /** @type {(what: "record" | "leave", text: string) => void} */
  const offer = (what, text) => {
    add(pane.parts.question, "button", { type: "button", textContent: text }).onclick = () => {
      answer(viewer, pane, what);
      pane.parts.canvas.focus({ preventScroll: true });
      refresh(viewer);
    };
  };
  offer("record", "Record it");
  offer("leave", "Do not record");
}
