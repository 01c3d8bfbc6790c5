import assert from "node:assert/strict";
import { test } from "node:test";

import { frameOf, inCanvas, lettersOn, mirrored, moved, onScreen, onSlice, pinched, placeUnder, toCanvas, toPlace, turnedBy, zoomed } from "../../asemble/ui/viewer/viewport.js";
import { coronal, isNear, numbers } from "./stacks.js";

const ALL_TURNED = [0, 1, 2, 3].flatMap((turns) => [false, true].map((isMirrored) => ({ turns, isMirrored })));

const paneOf = ({ zoom = 1, shift = [0, 0], turns = 0, isMirrored = false, wide = 400, high = 300, ...more } = {}) => ({
  data: coronal(more),
  zoom,
  shift,
  turns,
  isMirrored,
  parts: { canvas: { clientWidth: wide, clientHeight: high } },
});

test("a slice fits into its canvas and fills it in one direction", () => {
  for (const [wide, high] of [[400, 300], [300, 400], [77, 1000]]) {
    for (const { ratio, ...turned } of [1, 1.5, 2].flatMap((ratio) => ALL_TURNED.map((turned) => ({ ratio, ...turned })))) {
      const frame = frameOf(paneOf({ wide, high, ...turned }), ratio);
      assert.ok(frame.width <= wide * ratio + 1e-9 && frame.height <= high * ratio + 1e-9);
      assert.ok(isNear(frame.width, wide * ratio) || isNear(frame.height, high * ratio));
      assert.ok(isNear([frame.x + frame.width / 2, frame.y + frame.height / 2], [(wide * ratio) / 2, (high * ratio) / 2]));
    }
  }
});

test("pixels that are not square keep their shape in millimetres", () => {
  const pane = paneOf({ rows: 20, columns: 60, pixel: [3, 1] }); // a square of 60 mm
  const frame = frameOf(pane, 1);
  assert.ok(isNear(frame.width, frame.height));
  assert.ok(isNear(frame.scale * 60, frame.height));
});

test("the middles of the corner pixels lie half a pixel inside the frame", () => {
  const pane = paneOf({ rows: 10, columns: 10, wide: 100, high: 100 });
  assert.ok(isNear(toCanvas(pane.data, frameOf(pane, 1), [0, 0]), [5, 5]));
  assert.ok(isNear(toCanvas(pane.data, frameOf(pane, 1), [9, 9]), [95, 95]));
});

test("a place goes to the canvas and back, however it is magnified and moved", () => {
  const random = numbers(3);
  for (let k = 0; k < 100; k++) {
    const pane = paneOf({ ...ALL_TURNED[k % 8], zoom: 0.5 + 11 * random(), shift: [200 * random() - 100, 200 * random() - 100], pixel: [0.3 + random(), 0.3 + random()] });
    const frame = frameOf(pane, 1 + random());
    const place = [40 * random(), 30 * random()];
    assert.ok(isNear(toPlace(pane.data, frame, toCanvas(pane.data, frame, place)), place));
  }
});

test("a screen of twice as many pixels shows the same place under the same pointer", () => {
  const pane = paneOf({ zoom: 3, shift: [17, -40] });
  const [once, twice] = [1, 2].map((ratio) => toCanvas(pane.data, frameOf(pane, ratio), [12, 7]));
  assert.ok(isNear(twice, once.map((value) => 2 * value)));
});

test("zooming leaves what is under the pointer where it is", () => {
  const random = numbers(5);
  for (let k = 0; k < 100; k++) {
    const pane = paneOf({ zoom: 1 + random(), shift: [50 * random(), -50 * random()] });
    const pointer = [400 * random(), 300 * random()];
    const before = toPlace(pane.data, frameOf(pane, 1), pointer);
    Object.assign(pane, zoomed(pane, 0.6 + random(), [pointer[0] - 200, pointer[1] - 150]));
    assert.ok(isNear(toPlace(pane.data, frameOf(pane, 1), pointer), before));
  }
});

test("zoom ends at half and at twelve times, and there nothing moves", () => {
  assert.equal(zoomed({ zoom: 1, shift: [0, 0] }, 100).zoom, 12);
  assert.equal(zoomed({ zoom: 1, shift: [0, 0] }, 0.01).zoom, 0.5);
  assert.deepEqual(zoomed({ zoom: 12, shift: [7, 8] }, 2, [30, 40]), { zoom: 12, shift: [7, 8] });
});

test("dragging moves a slice by as many pixels as the pointer", () => {
  const pane = paneOf({ zoom: 2 });
  const before = toCanvas(pane.data, frameOf(pane, 1), [10, 10]);
  Object.assign(pane, moved(pane, 12, -9));
  assert.ok(isNear(toCanvas(pane.data, frameOf(pane, 1), [10, 10]), [before[0] + 12, before[1] - 9]));
});

test("what lies under two fingers stays under them while one of them moves away", () => {
  const pane = paneOf({ zoom: 1.5, shift: [5, 5] });
  const middled = ([x, y]) => [x - 200, y - 150];
  const [other, last, now] = [[100, 100], [160, 180], [190, 220]]; // 100, then 150 px apart
  const frame = frameOf(pane, 1);
  const places = [toPlace(pane.data, frame, other), toPlace(pane.data, frame, last)];
  Object.assign(pane, pinched(pane, middled(last), middled(now), middled(other)));
  assert.ok(isNear(pane.zoom, 1.5 * 1.5));
  assert.ok(isNear(toCanvas(pane.data, frameOf(pane, 1), places[0]), other));
  assert.ok(isNear(toCanvas(pane.data, frameOf(pane, 1), places[1]), now));
});

test("two fingers that move together move the slice and do not magnify it", () => {
  let view = { zoom: 2, shift: [0, 0] };
  view = pinched(view, [0, 0], [0, 20], [100, 0]);
  view = pinched(view, [100, 0], [100, 20], [0, 20]);
  assert.ok(isNear(view.zoom, 2));
  assert.ok(isNear(view.shift, [0, 20], 1));
});

test("a pointer is told from the upper left of what is drawn, inside the border", () => {
  const pane = paneOf({ rows: 10, columns: 10, wide: 100, high: 100 });
  Object.assign(pane.parts.canvas, { clientLeft: 2, clientTop: 3, getBoundingClientRect: () => ({ left: 50, top: 70 }) });
  assert.deepEqual(inCanvas(pane, { clientX: 57, clientY: 78 }), [5, 5]);
  assert.ok(isNear(placeUnder(pane, { clientX: 57, clientY: 78 }), [0, 0]));
});

test("turned and mirrored as the reader sees it, whatever was done before", () => {
  for (const turned of ALL_TURNED) {
    const before = onScreen(turned, [3, 1]);
    assert.deepEqual(onScreen(turnedBy(turned, 1), [3, 1]).map((v) => v + 0), [-before[1] + 0, before[0] + 0]);
    assert.deepEqual(onScreen(mirrored(turned), [3, 1]).map((v) => v + 0), [-before[0] + 0, before[1] + 0]);
    assert.deepEqual(onSlice(turned, before).map((v) => v + 0), [3, 1]);
  }
});

test("the letters stand at the edges that the patient's sides are seen at", () => {
  const letters = ["R", "L", "S", "I"];
  assert.deepEqual(lettersOn({ turns: 0, isMirrored: true }, letters), ["L", "R", "S", "I"]);
  assert.deepEqual(lettersOn({ turns: 1, isMirrored: false }, letters), ["I", "S", "R", "L"]);
  for (const turned of ALL_TURNED) {
    const pane = paneOf(turned);
    const [left, , top] = lettersOn(turned, letters);
    const frame = frameOf(pane, 1);
    const edges = { R: [19.5, 0], L: [19.5, 29], S: [0, 14.5], I: [39, 14.5] }; // middles of the edges of the slice
    const [x] = toCanvas(pane.data, frame, edges[left]);
    const [, y] = toCanvas(pane.data, frame, edges[top]);
    assert.ok(x < frame.x + frame.width / 10 && y < frame.y + frame.height / 10, JSON.stringify(turned));
  }
});
