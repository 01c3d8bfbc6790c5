import assert from "node:assert/strict";
import { test } from "node:test";

import { draftOf, dropDrafts, halfWay, jointWords, layWords, movePoint, nextJoint, pointsOf, quadrantWords, withPoint } from "../../asemble/ui/viewer/joints.js";
import { isNear } from "./stacks.js";

const LINE = [[10, 10], [20, 12], [30, 10]];
const paneOf = ({ right = null, left = null, index = 0, note = "" } = {}) => ({
  index,
  drafts: {},
  data: { marking: { note, marks: [], question: null, slices: Array(3).fill({ right, left, own: [], proposed: [], words: "Both joints: laid here", refusal: "" }) } },
});

test("a bend follows an end by half, so that a straight line stays one", () => {
  const straight = [[0, 0], [10, 10], [20, 20]];
  assert.deepEqual(withPoint(straight, 2, [20, 40]), [[0, 0], [10, 20], [20, 40]]);
  assert.deepEqual(withPoint(straight, 0, [-10, 0]), [[-10, 0], [5, 10], [20, 20]]);
});

test("a bend that is dragged leaves the ends where they are", () => {
  assert.deepEqual(withPoint(LINE, 1, [22, 17]), [[10, 10], [22, 17], [30, 10]]);
});

test("what Python told is never changed by dragging", () => {
  const pane = paneOf({ right: LINE });
  const before = structuredClone(LINE);
  movePoint(pane, { joint: "right", k: 0 }, [0, 0]);
  assert.deepEqual(LINE, before);
  assert.deepEqual(pointsOf(pane, "right")[0], [0, 0]);
});

test("a line being drawn stands on its own slice alone, until Python has answered", () => {
  const pane = paneOf({ right: LINE });
  movePoint(pane, { joint: "right", k: 2 }, [40, 10]);
  assert.deepEqual(pointsOf(pane, "right")[2], [40, 10]);
  pane.index = 1;
  assert.equal(draftOf(pane, "right"), null);
  assert.deepEqual(pointsOf(pane, "right"), LINE);
});

test("drafts go once the server has heard of them, and not before", () => {
  const pane = paneOf();
  pane.drafts = { right: { slice: 0, points: [], said: 4 }, left: { slice: 0, points: [] } };
  dropDrafts({ heard: 3 }, pane);
  assert.ok(pane.drafts.right);
  dropDrafts({ heard: 4 }, pane);
  assert.deepEqual(Object.keys(pane.drafts), ["left"]); // not said yet
});

test("the joint that is begun is finished first, then the right comes before the left", () => {
  assert.equal(nextJoint(paneOf()), "right");
  assert.equal(nextJoint(paneOf({ right: LINE })), "left");
  assert.equal(nextJoint(paneOf({ right: LINE, left: LINE })), undefined);
  assert.equal(nextJoint(paneOf({ left: [[1, 1]] })), "left");
});

test("the reader is told what to click next, after why the last line was refused", () => {
  assert.equal(layWords(paneOf()), "Patient's right joint: click one end, then the other.");
  assert.equal(layWords(paneOf({ right: [[1, 1]] })), "Patient's right joint: click its other end.");
  assert.equal(layWords(paneOf({ right: LINE, left: LINE, note: "Too short." })), "Too short.");
  assert.match(jointWords(paneOf({ right: LINE, left: LINE })), /Ends and bends can be dragged\.$/);
});

test("where no quadrants can be told, that is said", () => {
  const pane = { index: 0, drafts: {}, data: { marking: null } };
  assert.equal(layWords(pane), "");
  assert.equal(jointWords(pane), quadrantWords(pane));
  assert.notEqual(quadrantWords(pane), "");
});

test("the tick halves a line by its length, across the part that it lies on", () => {
  const [straight, along] = halfWay([[0, 0], [10, 0], [40, 0]]);
  assert.ok(isNear(straight, [20, 0]) && isNear(along, [1, 0]));
  const [bent, direction] = halfWay([[0, 0], [30, 0], [30, 10]]);
  assert.ok(isNear(bent, [20, 0]) && isNear(direction, [1, 0]));
  assert.ok(isNear(halfWay([[3, 4], [9, 12]])[0], [6, 8])); // being drawn: two ends
});
