import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import carry from "../../asemble/ui/viewer/courier.js";

let heard = 0;
globalThis.dispatchEvent = ({ type }) => (heard += type === "asemble-stack"); // a browser's

beforeEach(() => {
  heard = 0;
  delete globalThis.asembleStacks;
  delete globalThis.asembleComing;
});

function packed(header, numbers) {
  const words = new TextEncoder().encode(JSON.stringify(header));
  const values = new Uint8Array(numbers.buffer);
  const bytes = new Uint8Array(3 + 4 + words.length + values.length); // from an odd place on
  new DataView(bytes.buffer).setUint32(3, words.length, true);
  bytes.set(words, 7);
  bytes.set(values, 7 + words.length);
  return { data: bytes.subarray(3) };
}

const stackOf = (key) => globalThis.asembleStacks?.get(key);
const piece = (from, numbers, key = "s") => packed({ key, bits: 16, shape: [1, 1, 6], from, values: 6 }, Uint16Array.from(numbers));

test("numbers of 16 and of 8 bits arrive as they were sent", () => {
  carry(packed({ key: "s", bits: 16, slope: 2 }, Uint16Array.of(1, 65535)));
  carry(packed({ key: "h", bits: 8 }, Uint8Array.of(1, 255)));
  assert.deepEqual([...stackOf("s").values], [1, 65535]);
  assert.equal(stackOf("s").slope, 2);
  assert.deepEqual([...stackOf("h").values], [1, 255]);
  assert.equal(heard, 2);
});

test("a stack in pieces is there with the last of them, in whatever order they come", () => {
  carry(piece(4, [5, 6]));
  carry(piece(0, [1, 2]));
  assert.equal(stackOf("s"), undefined);
  carry(piece(2, [3, 4]));
  assert.deepEqual([...stackOf("s").values], [1, 2, 3, 4, 5, 6]);
});

test("a courier that leaves takes its stack with it, but not one that a later courier brought", () => {
  const leave = carry(packed({ key: "s", bits: 8 }, Uint8Array.of(1)));
  const leaveLater = carry(packed({ key: "s", bits: 8 }, Uint8Array.of(2)));
  leave();
  assert.deepEqual([...stackOf("s").values], [2]);
  leaveLater();
  assert.equal(stackOf("s"), undefined);
});

test("without one of its pieces a stack is gone, and back with it", () => {
  const leave = carry(piece(0, [1, 2, 3]));
  carry(piece(3, [4, 5, 6]));
  leave();
  assert.equal(stackOf("s"), undefined);
  carry(piece(0, [7, 8, 9]));
  assert.deepEqual([...stackOf("s").values], [7, 8, 9, 4, 5, 6]);
});

test("stacks that come in pieces at once do not mix, and leave nothing behind", () => {
  const leave = ["a", "b"].flatMap((key) => [carry(piece(0, [1, 2, 3], key)), carry(piece(3, [4, 5, 6], key))]);
  assert.notEqual(stackOf("a").values, stackOf("b").values);
  leave.forEach((each) => each());
  assert.equal(globalThis.asembleStacks.size + globalThis.asembleComing.size, 0);
});
