// Which panes move together. Millimetres are compared inside one frame of reference alone; other
// panes the reader may link by hand, from the slices that stand side by side at that moment.

import { areParallel, dot, levelOf, matchingSlice, normalOf, step } from "./geometry.js";

const REPLANNED_COSINE = 0.94; // another examination was planned anew: within twenty degrees

/** @typedef {Pick<Pane, "number" | "index" | "anchor"> & { data: Geometry }} Stands */
/** @typedef {{ linked: boolean, linkedByHand: boolean }} Links */

/** @type {(one: Geometry, other: Geometry) => boolean} */
export const sharesFrame = (one, other) => Boolean(one.frame) && one.frame === other.frame;

/**
 * Whether an offset makes slices of two frames comparable.
 * @type {(one: Geometry, other: Geometry) => boolean}
 */
const haveOffsets = (one, other) => one.offset_mm !== null && other.offset_mm !== null;

/** @type {(one: Geometry, other: Geometry) => boolean} */
export const areLinkable = (one, other) =>
  sharesFrame(one, other) ? areParallel(one, other) : haveOffsets(one, other) && areParallel(one, other, REPLANNED_COSINE);

/**
 * Panes that only the reader can link.
 * @type {(one: Geometry, other: Geometry) => boolean}
 */
export const areLinkableByHand = (one, other) => !sharesFrame(one, other) && !areLinkable(one, other) && one.plane === other.plane;

/**
 * Panes whose slices a reader can put at one level.
 * @type {(one: Geometry, other: Geometry) => boolean}
 */
export const areLevellable = (one, other) => !sharesFrame(one, other) && areLinkable(one, other);

/** @type {(panes: Stands[], test: (one: Geometry, other: Geometry) => boolean) => boolean} */
export const hasPair = (panes, test) =>
  panes.some((one, k) => panes.slice(k + 1).some((two) => test(one.data, two.data)));

/**
 * The slice that `other` moves to with `pane`, or null where it stays.
 * @type {(links: Links, pane: Stands, other: Stands) => number | null}
 */
export function linkedSlice(links, pane, other) {
  const [one, two] = [pane.data, other.data];
  if (areLinkable(one, two)) return links.linked ? matchingSlice(one, pane.index, two) : null;
  if (!links.linkedByHand || !areLinkableByHand(one, two)) return null;
  const slices = (pane.index - pane.anchor) * slicesOf(two, one);
  return Math.min(Math.max(Math.round(other.anchor + slices), 0), two.slices - 1);
}

/**
 * How many slices of `other` one slice of `one` is; the same number where millimetres are unknown.
 * @type {(other: Geometry, one: Geometry) => number}
 */
export function slicesOf(other, one) {
  if (!one.affine || !other.affine) return 1;
  const normal = normalOf(one.affine);
  return dot(step(one.affine, 0), normal) / dot(step(other.affine, 0), normal);
}

/** @type {(viewer: Links & { panes: Stands[] }, isLinked: boolean) => void} */
export function linkByHand(viewer, isLinked) {
  viewer.linkedByHand = isLinked;
  for (const pane of viewer.panes) pane.anchor = pane.index;
}

/**
 * The offset of every series with which the slices that stand side by side now are of one level, the
 * active pane's staying as it is: "same level here". Series of one frame of reference share theirs.
 * @type {(panes: (Stands & { data: Geometry & { id: string } })[], active: Stands) => Record<string, number>}
 */
export function levelled(panes, active) {
  /** @type {Map<string | null, number>} */
  const byFrame = new Map();
  for (const { data, index } of panes) {
    if (!areLevellable(active.data, data) || byFrame.has(data.frame)) continue;
    const away = levelOf(active.data, active.index) - levelOf(data, index);
    byFrame.set(data.frame, (data.offset_mm ?? 0) + away);
  }
  return Object.fromEntries(panes.flatMap(({ data }) => {
    const offset = byFrame.get(data.frame);
    return offset === undefined ? [] : [[data.id, offset]];
  }));
}

/**
 * What the pane says of those whose millimetres are not its own.
 * @type {(viewer: Links & { panes: Stands[] }, pane: Stands) => string}
 */
export function linkWords(viewer, pane) {
  const others = viewer.panes.filter((other) => other !== pane && !sharesFrame(pane.data, other.data));
  if (!others.length) return "";
  /** @type {(panes: Stands[]) => string} */
  const name = (panes) => (panes.length > 1 ? "panes " : "pane ") + panes.map((other) => other.number + 1).join(" and ");
  const alike = others.filter((other) => areLinkableByHand(pane.data, other.data));
  const across = others.filter((other) => !alike.includes(other) && !areLinkable(pane.data, other.data));
  const words = [];
  if (alike.length) words.push(`${viewer.linkedByHand ? "linked by hand" : "not linked"} to ${name(alike)}`);
  if (across.length) words.push(`no reference lines of ${name(across)}`);
  if (!words.length) return "";
  const said = words.join(", ");
  return `${said[0].toUpperCase()}${said.slice(1)}: the files state no common frame of reference.`;
}
