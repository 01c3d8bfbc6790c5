// Painting one pane: slice, heatmap, reference lines, measures, marks, letters, scale.

import { contour } from "./contour.js";
import { drawCross } from "./cross.js";
import { cutLine } from "./geometry.js";
import { paintGreys } from "./greys.js";
import { INK, stroke, word } from "./ink.js";
import { drawJoints } from "./joints.js";
import { shownPanes } from "./layout.js";
import { sharesFrame } from "./linking.js";
import { drawMarks } from "./marks.js";
import { figure } from "./measure.js";
import { drawMeasures } from "./measuring.js";
import { drawOutlines } from "./outlines.js";
import { hasArrived } from "./pane.js";
import { frameOf, lettersOn, toCanvas } from "./viewport.js";

const SCALE_MM = 50;
const NARROW = 340; // pixels of a pane whose title fills its first line

/** @type {(canvas: HTMLCanvasElement | OffscreenCanvas) => any} */
const paperOf = (canvas) => canvas.getContext("2d");

/** @type {(viewer: Viewer, pane: Pane) => void} */
export function draw(viewer, pane) {
  const { canvas } = pane.parts;
  const ratio = globalThis.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight].map((n) => Math.round(n * ratio));
  if (!wide || !high || !hasArrived(pane)) return;
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const began = performance.now();
  /** @type {CanvasRenderingContext2D} */
  const ink = paperOf(canvas);
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, wide, high);
  ink.imageSmoothingQuality = "high";
  const frame = frameOf(pane, ratio);
  layOn(ink, frame, sliceSheet(pane));
  /** @type {Painter} */
  const painter = { ink, ratio, data: pane.data, at: (place) => toCanvas(pane.data, frame, place), frame };
  drawHeat(viewer, pane, painter);
  drawOutlines(viewer, pane, painter);
  drawCuts(viewer, pane, painter);
  drawMeasures(viewer, pane, painter);
  if (pane.data.marking) {
    drawJoints(viewer, pane, painter);
    drawMarks(viewer, pane, painter);
    drawCross(viewer, pane, painter);
  }
  drawLetters(painter, pane.data.letters && lettersOn(pane, pane.data.letters), wide, high);
  drawWindow(pane, painter, wide, high);
  canvas.dataset.window = [pane.black, pane.white].join();
  canvas.dataset.zoom = String(pane.zoom);
  canvas.dataset.ms = (performance.now() - began).toFixed(2);
}

/** @type {(ink: CanvasRenderingContext2D, frame: Frame, sheet: OffscreenCanvas) => void} */
function layOn(ink, { corner, across, down }, sheet) {
  ink.setTransform(across[0] / sheet.width, across[1] / sheet.width, down[0] / sheet.height, down[1] / sheet.height, ...corner);
  ink.drawImage(sheet, 0, 0);
  ink.resetTransform();
}

/**
 * The greys of the slice, kept until slice, window or inversion change.
 * @type {(pane: Drawn) => OffscreenCanvas}
 */
function sliceSheet(pane) {
  const { stack, index, black, white, inverted } = pane;
  const wanted = [stack.key, index, black, white, inverted].join();
  if (pane.sheet?.shows === wanted) return pane.sheet.canvas;
  const [, rows, columns] = stack.shape;
  pane.sheet ??= newSheet(rows, columns);
  const { canvas, pixels } = pane.sheet;
  paintGreys(new Uint32Array(pixels.data.buffer), stack, index * rows * columns, pane);
  paperOf(canvas).putImageData(pixels, 0, 0);
  pane.sheet.shows = wanted;
  return canvas;
}

/** @type {(rows: number, columns: number) => Sheet} */
function newSheet(rows, columns) {
  const canvas = new OffscreenCanvas(columns, rows);
  return { canvas, pixels: paperOf(canvas).createImageData(columns, rows), shows: "" };
}

/** @type {(viewer: Viewer, pane: Pane, painter: Painter) => void} */
function drawHeat(viewer, pane, painter) {
  const { heat, parts, index } = pane;
  parts.canvas.dataset.heat = "off";
  parts.heatWord.textContent = "";
  if (!viewer.heat.on || !heat) return;
  parts.canvas.dataset.heat = heat.empty[index] ? "none" : "shown";
  if (heat.empty[index]) {
    parts.heatWord.textContent = "No positive evidence on this slice.";
    return;
  }
  const [, rows, columns] = heat.shape;
  const values = heat.values.subarray(index * rows * columns, (index + 1) * rows * columns);
  const least = Math.round(viewer.heat.threshold * 255);
  if (viewer.heat.contour) drawContour(painter, values, rows, columns, Math.max(least, 1));
  else fillHeat(viewer, painter, values, rows, columns, least);
}

/** @type {(viewer: Viewer, painter: Painter, values: Uint8Array, rows: number, columns: number, least: number) => void} */
function fillHeat(viewer, { ink, frame }, values, rows, columns, least) {
  const { canvas, pixels } = newSheet(rows, columns);
  values.forEach((value, k) => {
    const [r, g, b, a] = viewer.colours[value];
    pixels.data.set([r, g, b, value < least ? 0 : a * viewer.heat.opacity], 4 * k);
  });
  paperOf(canvas).putImageData(pixels, 0, 0);
  layOn(ink, frame, canvas);
}

/** @type {(painter: Painter, values: Uint8Array, rows: number, columns: number, least: number) => void} */
function drawContour({ ink, frame, ratio }, values, rows, columns, least) {
  /** @type {(place: Place) => Point} */
  const at = (place) => toCanvas({ rows, columns }, frame, place);
  ink.beginPath();
  contour(values, rows, columns, least, (from, to) => {
    ink.moveTo(...at(from));
    ink.lineTo(...at(to));
  });
  stroke(ink, "#000", 3.5 * ratio); // a dark rim keeps it readable on bright marrow
  stroke(ink, "#fca50a", 1.75 * ratio);
}

/**
 * Where the slices that other panes show cut this one; of the active pane all of its slices, dotted.
 * @type {(viewer: Viewer, pane: Pane, painter: Painter) => void}
 */
function drawCuts(viewer, pane, painter) {
  if (viewer.lines === "none") return;
  for (const other of shownPanes(viewer)) {
    if (other === pane || !other.stack || !sharesFrame(pane.data, other.data)) continue;
    if (viewer.lines === "all" && other === viewer.active) {
      for (let slice = 0; slice < other.data.slices; slice++) drawCut(painter, cutLine(pane.data, pane.index, other.data, slice), [1, 5]);
    }
    drawCut(painter, cutLine(pane.data, pane.index, other.data, other.index), [6, 6]);
  }
}

/** @type {(painter: Painter, ends: [Place, Place] | null, dash: number[]) => void} */
function drawCut({ ink, at, ratio }, ends, dash) {
  if (!ends) return;
  ink.beginPath();
  ink.moveTo(...at(ends[0]));
  ink.lineTo(...at(ends[1]));
  stroke(ink, INK.line, ratio, dash.map((n) => n * ratio));
}

/**
 * Letters and scale keep to the canvas, wherever the slice was moved; above and below to its edges, where
 * the slice is covered least.
 * @type {(painter: Painter, letters: Letters | null, wide: number, high: number) => void}
 */
function drawLetters({ ink, ratio, frame }, letters, wide, high) {
  const [left, right, top, bottom] = letters ?? ["", "", "", ""];
  const pad = 12 * ratio;
  const size = 14 * ratio;
  const edge = {
    left: Math.max(frame.x, 0) + pad,
    right: Math.min(frame.x + frame.width, wide) - pad,
    top: wide < NARROW * ratio ? 5 * pad : pad, // below what stands on the pane
    bottom: high - pad,
  };
  word(ink, left, edge.left, high / 2, { size });
  word(ink, right, edge.right, high / 2, { size });
  word(ink, top, wide / 2, edge.top, { size });
  word(ink, bottom, wide / 2, edge.bottom, { size });
  const length = [SCALE_MM, 20, 10, 5].find((mm) => mm * frame.scale < wide / 2) ?? 5;
  ink.fillStyle = INK.letter;
  ink.fillRect(pad, high - pad, length * frame.scale, 2 * ratio);
  word(ink, `${length} mm`, pad, high - pad - 5 * ratio, { size: 12 * ratio, align: "left", baseline: "bottom" });
}

/** @type {(pane: Pane, painter: Painter, wide: number, high: number) => void} */
function drawWindow(pane, { ink, ratio }, wide, high) {
  const more = [pane.inverted ? "inverted" : "", pane.isMirrored ? "mirrored" : "", pane.turns ? `turned ${90 * pane.turns}°` : ""];
  const text = [`W ${figure(pane.white - pane.black)}`, `L ${figure((pane.white + pane.black) / 2)}`, ...more].filter(Boolean).join("  ");
  const isNarrow = wide < NARROW * ratio;
  const y = isNarrow ? high - 26 * ratio : 8 * ratio;
  word(ink, text, wide - 8 * ratio, y, { size: 11 * ratio, align: "right", baseline: isNarrow ? "bottom" : "top" });
}

/**
 * The scale of a heatmap, as its colours look on a dark slice.
 * @type {(canvas: HTMLCanvasElement, colours: Colour[]) => void}
 */
export function paintScale(canvas, colours) {
  if (!colours.length) return;
  const paper = paperOf(canvas);
  const pixels = paper.createImageData(256, 1);
  colours.forEach(([r, g, b, a], k) => {
    const cover = a / 255; // over black
    pixels.data.set([r * cover, g * cover, b * cover, 255], 4 * k);
  });
  paper.putImageData(pixels, 0, 0);
}
