import assert from "node:assert/strict";
import { test } from "node:test";

import { actsOf, KEYS } from "../../asemble/ui/viewer/keys.js";
import { keepWindow, resetView, setPreset, takeStacks } from "../../asemble/ui/viewer/pane.js";
import { findPlace, keepPlaces } from "../../asemble/ui/viewer/places.js";
import { say } from "../../asemble/ui/viewer/say.js";
import { ALL_TOOLS, TOOLS } from "../../asemble/ui/viewer/tools.js";

const paneOf = (data = {}, more = {}) => ({ data: { place: "1:a", jump: 0, start: 3, ...data }, index: 0, jump: null, ...more });

test("a series opens at the slice that the server names, later where the reader left it", () => {
  const pane = paneOf();
  findPlace(pane);
  assert.equal(pane.index, 3);
  pane.index = 7;
  keepPlaces({ panes: [pane] });
  const next = paneOf({ start: 5 });
  findPlace(next);
  assert.equal(next.index, 7);
});

test("a jump of the server since then counts for more, and only once", () => {
  const pane = paneOf({ place: "1:b" });
  findPlace(pane);
  pane.index = 7;
  keepPlaces({ panes: [pane] });
  pane.data = { ...pane.data, jump: 1, start: 2 };
  findPlace(pane);
  assert.equal(pane.index, 2);
  pane.index = 4;
  findPlace(pane);
  assert.equal(pane.index, 4);
});

test("what is said is numbered and repeated until the server has heard of it", () => {
  const told = [];
  const viewer = { name: "v", said: 0, queue: [], tell: (name, value) => told.push(structuredClone({ name, ...value })) };
  assert.equal(say(viewer, { what: "mark", series: "a" }), 1);
  assert.equal(say(viewer, { what: "lift", series: "a", slice: 2 }), 2);
  assert.deepEqual(told[1], {
    name: "said", viewer: "v",
    queue: [{ number: 1, what: "mark", series: "a" }, { number: 2, what: "lift", series: "a", slice: 2 }],
  });
});

const WINDOWS = { Usual: [10, 20], Narrow: [14, 16] };

test("a pane takes its window from the first preset when its stack arrives, and keeps the reader's", () => {
  const stack = { key: "s", windows: WINDOWS };
  globalThis.asembleStacks = new Map([["s", stack], ["h", { key: "h" }]]);
  const pane = paneOf({ stack: "s", heat: "h", outlines: null }, { stack: null });
  takeStacks(pane);
  assert.deepEqual([pane.black, pane.white, pane.heat.key, pane.outlines], [10, 20, "h", null]);
  setPreset(pane, "Narrow");
  globalThis.asembleStacks.set("s", { ...stack }); // brought once more
  takeStacks(pane);
  assert.deepEqual([pane.black, pane.white], [14, 16]);
  delete globalThis.asembleStacks;
});

test("a browser remembers the window of a plane and weighting, and nothing of the study", () => {
  const kept = new Map();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const title = "Coronal · T1";
  globalThis.asembleStacks = new Map([["s", { key: "s", windows: WINDOWS }], ["other", { key: "other", windows: { Usual: [100, 300] } }]]);
  const [pane, next] = ["s", "other"].map((stack) => paneOf({ stack, title, heat: null, outlines: null }, { stack: null }));
  takeStacks(pane);
  Object.assign(pane, { black: 5, white: 15 });
  keepWindow(pane);
  assert.deepEqual(JSON.parse([...kept.values()].join()), { windows: { [title]: [-0.5, 0.5] } });
  takeStacks(next);
  assert.deepEqual([next.black, next.white], [0, 200]);
  resetView(pane);
  keepWindow(pane);
  assert.deepEqual(JSON.parse([...kept.values()].join()), { windows: {} });
  delete globalThis.localStorage;
  delete globalThis.asembleStacks;
});

test("presets are chosen by name or number, and one that there is not changes nothing", () => {
  const pane = paneOf({}, { stack: { windows: WINDOWS }, black: 0, white: 1 });
  setPreset(pane, 1);
  assert.deepEqual([pane.black, pane.white], [14, 16]);
  setPreset(pane, 3);
  setPreset(pane, "Bone");
  assert.deepEqual([pane.black, pane.white], [14, 16]);
});

test("resetting brings window, zoom, place and greys back", () => {
  const pane = paneOf({}, { stack: { windows: WINDOWS }, black: 0, white: 1, zoom: 3, shift: [5, 5], inverted: true, turns: 1, isMirrored: true });
  resetView(pane);
  assert.deepEqual(
    [pane.black, pane.white, pane.zoom, pane.shift, pane.inverted, pane.turns, pane.isMirrored],
    [10, 20, 1, [0, 0], false, 0, false],
  );
});

const NAMES = {
  ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", PageUp: "Page-Up", PageDown: "Page-Down",
  " ": "Space", "-": "−", "=": "+", // that key without Shift
};

test("the list of keys names every key that does something", () => {
  const tools = Object.fromEntries(ALL_TOOLS.map((tool) => [tool, { hidden: false }]));
  const acts = actsOf({ parts: { tools }, panes: [] }, { index: 0, data: { slices: 9 } });
  const words = KEYS.flatMap(([names]) => names.replaceAll("Page ", "Page-").split(/ +/));
  const listed = words.map((word) => (word.length > 1 ? word.replace(/,$/, "") : word));
  for (const key of Object.keys(acts)) assert.ok(listed.includes(NAMES[key] ?? key), key);
});

test("no two tools share a key, and none takes that of another act", () => {
  const keys = ALL_TOOLS.map((tool) => TOOLS[tool].key);
  assert.equal(new Set(keys).size, keys.length);
  const hidden = Object.fromEntries(ALL_TOOLS.map((tool) => [tool, { hidden: true }]));
  const others = actsOf({ parts: { tools: hidden }, panes: [] }, { index: 0, data: { slices: 9 } });
  for (const key of keys) assert.ok(!Object.hasOwn(others, key), key);
});
