import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const FOLDER = new URL("../../asemble/ui/viewer/", import.meta.url);
const IMPORTS = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith(".js"))
    .map((name) => {
      const text = readFileSync(new URL(name, FOLDER), "utf-8");
      return [name, [...text.matchAll(/^import [^"]* from "\.\/([^"]+)";$/gm)].map((found) => found[1])];
    }),
);

const floors = new Map();
function floorOf(name, above = []) {
  assert.ok(!above.includes(name), `${[...above, name].join(" -> ")} is a circle`);
  if (!floors.has(name)) floors.set(name, 1 + Math.max(-1, ...IMPORTS.get(name).map((each) => floorOf(each, [...above, name]))));
  return floors.get(name);
}

test("imports only ever point down, to the entry that nothing imports", () => {
  for (const name of IMPORTS.keys()) floorOf(name);
  const imported = new Set([...IMPORTS.values()].flat());
  const onTop = [...IMPORTS.keys()].filter((name) => !imported.has(name));
  assert.deepEqual(onTop.sort(), ["courier.js", "viewer.js"]);
});

test("what is only arithmetic imports nothing that draws", () => {
  for (const name of ["geometry.js", "viewport.js", "greys.js", "contour.js"]) assert.equal(floorOf(name), 0, name);
});
