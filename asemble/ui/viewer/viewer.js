// The viewer: several panes below one toolbar. Python sends each stack once (courier.js);
// everything the reader then does is done here. `__init__.py` describes `data`.

import { usesCross } from "./cross.js";
import { paintScale } from "./drawing.js";
import { add, makePane } from "./elements.js";
import { dropDrafts } from "./joints.js";
import { firstLayout, isOffered, resize } from "./hanging.js";
import { ALL_LAYOUTS } from "./layout.js";
import { areLevellable, areLinkable, areLinkableByHand, hasPair } from "./linking.js";
import { LETTERS } from "./marks.js";
import { recall } from "./memory.js";
import { takeStacks } from "./pane.js";
import { findPlace, forgetRest, keepPlaces, rest, restLater } from "./places.js";
import { refresh } from "./screen.js";
import { fillShelf, takeDrops } from "./shelf.js";
import { makeToolbar } from "./toolbar.js";
import { chooseTool } from "./tools.js";

/** @type {WeakMap<Element, Viewer>} */
const viewers = new WeakMap();

/** @param {Mount<ViewerData>} mount */
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = /** @type {HTMLElement} */ (parentElement.querySelector(".viewer"));
  let viewer = viewers.get(root);
  if (!viewer) {
    viewer = makeViewer(root);
    viewers.set(root, viewer);
  }
  const known = viewer;
  known.tell = (name, value) => setTriggerValue(name, value);
  known.heard = data.heard[known.name] ?? 0;
  known.queue = known.queue.filter((said) => said.number > known.heard);
  // Numbered: what is said again, because it was lost on the way, has to differ from what was said.
  known.rested = (slices) => setStateValue("slice", { slices, number: (known.reports += 1) });
  known.restsMs = data.rests_ms;
  update(known, data);
  listening(known, "addEventListener");
  known.arrived();
  // Streamlit cleans up after the last of many calls, and after one that another has overtaken.
  const call = (known.call = {});
  return () => known.call === call && listening(known, "removeEventListener");
}

/** @type {(viewer: Viewer, adds: "addEventListener" | "removeEventListener") => void} */
function listening(viewer, adds) {
  globalThis[adds]("asemble-stack", viewer.arrived);
  globalThis[adds]("asemble-flush", viewer.leaves);
  globalThis[adds]("resize", viewer.resized);
}

/** @type {(root: HTMLElement) => Viewer} */
function makeViewer(root) {
  /** @type {Viewer} */
  const viewer = {
    root, stage: document.createElement("div"),
    offers: null,
    shelf: { root: document.createElement("div"), of: "", pictures: undefined, buttons: [] },
    parts: /** @type {any} */ (null), // made below
    name: crypto.randomUUID?.() ?? String(Math.random()),
    panes: [], active: null, layout: "1", isNarrow: false, maximised: null, lines: recall().lines ?? "shown", tool: "window", linked: true, linkedByHand: false, cine: null, colours: [],
    heat: { on: false, opacity: 0.6, threshold: 0, contour: false },
    outlined: { bones: false, oedema: false },
    lesion: { lesion: Object.keys(LETTERS)[0], is_deep: false, is_intense: false },
    queue: [], said: 0, heard: 0, reports: 0, restsMs: null, rests: null, frame: null, call: null,
    tell: () => {}, rested: () => {},
    leaves: () => rest(viewer),
    arrived: () => {
      viewer.panes.forEach(takeStacks);
      fillShelf(viewer, viewer.offers);
      refresh(viewer);
    },
    resized: () => resize(viewer),
  };
  viewer.parts = makeToolbar(viewer);
  viewer.stage.className = "stage";
  viewer.shelf.root.className = "shelf";
  add(root, "div", { className: "body" }).append(viewer.shelf.root, viewer.stage);
  // What stands above may grow or go, and with it the height that is left.
  const page = /** @type {ShadowRoot} */ (root.getRootNode()).host?.closest('[data-testid="stMainBlockContainer"]');
  const watch = new ResizeObserver(viewer.resized);
  for (const each of [viewer.stage, page]) if (each) watch.observe(each);
  return viewer;
}

/** @type {(viewer: Viewer, data: ViewerData) => void} */
function update(viewer, data) {
  viewer.offers = data.shelf;
  hangAll(viewer, data.panes);
  viewer.colours = data.colours;
  viewer.panes.forEach((pane) => {
    dropDrafts(viewer, pane);
    findPlace(pane);
  });
  keepPlaces(viewer);
  // What the server does not know was lost on the way, or is on it: then the next data have it.
  if (viewer.panes.every(({ index, data }) => index === data.start)) forgetRest(viewer);
  else if (!viewer.rests) restLater(viewer);
  const { parts } = viewer;
  for (const layout of ALL_LAYOUTS) parts.layouts[layout].hidden = !isOffered(viewer, layout);
  parts.heatRow.hidden = !data.has_heat_row;
  parts.outlineRow.hidden = !data.panes.some((pane) => pane.outlines);
  const hasMarking = data.panes.some((pane) => pane.marking);
  parts.tools.joints.hidden = parts.tools.mark.hidden = !hasMarking;
  parts.linked.hidden = !hasPair(viewer.panes, areLinkable);
  parts.linkedByHand.hidden = !hasPair(viewer.panes, areLinkableByHand);
  parts.level.hidden = !hasPair(viewer.panes, areLevellable);
  parts.lines.hidden = viewer.panes.length < 2;
  if (usesCross(viewer) && !hasMarking) chooseTool(viewer, "window");
  paintScale(parts.colours, data.colours);
}

/**
 * Panes whose series stay are kept as the reader left them.
 * @type {(viewer: Viewer, all: PaneData[]) => void}
 */
function hangAll(viewer, all) {
  const before = viewer.panes;
  const isNew = before.length === 0;
  viewer.panes = all.map((data, k) => {
    const kept = before.find((pane) => pane.data.stack === data.stack);
    if (kept) return Object.assign(kept, { data });
    const pane = makePane(viewer, viewer.stage, data, k);
    takeDrops(viewer, pane);
    return pane;
  });
  const gone = before.filter((pane) => !viewer.panes.includes(pane));
  for (const pane of gone) {
    pane.watch?.disconnect();
    pane.parts.box.remove();
  }
  if (gone.length || viewer.panes.length !== before.length) viewer.linkedByHand = false;
  if (viewer.maximised && gone.includes(viewer.maximised)) viewer.maximised = null;
  if (viewer.active && gone.includes(viewer.active)) viewer.active = viewer.panes[before.indexOf(viewer.active)] ?? null;
  if (isNew) firstLayout(viewer);
  resize(viewer);
}
