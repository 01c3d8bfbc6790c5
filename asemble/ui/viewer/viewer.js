// The viewer: several panes below one toolbar. Python sends each stack once (courier.js);
// everything the reader then does is done here. `__init__.py` describes `data`.

import { usesCross } from "./cross.js";
import { paintScale } from "./drawing.js";
import { makePane } from "./elements.js";
import { dropDrafts } from "./joints.js";
import { areLinkable, areLinkableByHand, hasPair } from "./linking.js";
import { LETTERS } from "./marks.js";
import { takeStacks } from "./pane.js";
import { findPlace, forgetRest, keepPlaces, rest, restLater } from "./places.js";
import { refresh } from "./screen.js";
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
}

/** @type {(root: HTMLElement) => Viewer} */
function makeViewer(root) {
  /** @type {Viewer} */
  const viewer = {
    root, stage: document.createElement("div"), parts: /** @type {any} */ (null), // made below
    name: crypto.randomUUID?.() ?? String(Math.random()),
    panes: [], active: null, tool: "window", linked: true, linkedByHand: false, cine: null, colours: [],
    heat: { on: false, opacity: 0.6, threshold: 0, contour: false },
    outlined: { bones: false, oedema: false },
    lesion: { lesion: Object.keys(LETTERS)[0], is_deep: false, is_intense: false },
    queue: [], said: 0, heard: 0, reports: 0, restsMs: null, rests: null, frame: null, call: null,
    tell: () => {}, rested: () => {},
    leaves: () => rest(viewer),
    arrived: () => {
      viewer.panes.forEach(takeStacks);
      refresh(viewer);
    },
  };
  viewer.parts = makeToolbar(viewer);
  viewer.stage.className = "stage";
  root.append(viewer.stage);
  return viewer;
}

/** @type {(viewer: Viewer, data: ViewerData) => void} */
function update(viewer, data) {
  const isSame =
    viewer.panes.length === data.panes.length &&
    viewer.panes.every((pane, i) => pane.data.stack === data.panes[i].stack);
  if (!isSame) {
    viewer.panes.forEach((pane) => pane.watch?.disconnect());
    viewer.stage.replaceChildren();
    viewer.panes = data.panes.map((each, i) => makePane(viewer, viewer.stage, each, i));
    viewer.active = viewer.panes[0];
    viewer.linkedByHand = false;
  }
  viewer.colours = data.colours;
  viewer.panes.forEach((pane, i) => {
    pane.data = data.panes[i];
    dropDrafts(viewer, pane);
    findPlace(pane);
  });
  keepPlaces(viewer);
  // What the server does not know was lost on the way, or is on it: then the next data have it.
  if (viewer.panes.every(({ index, data }) => index === data.start)) forgetRest(viewer);
  else if (!viewer.rests) restLater(viewer);
  const { parts } = viewer;
  parts.heatRow.hidden = !data.has_heat_row;
  parts.outlineRow.hidden = !data.panes.some((pane) => pane.outlines);
  const hasMarking = data.panes.some((pane) => pane.marking);
  parts.tools.joints.hidden = parts.tools.mark.hidden = !hasMarking;
  parts.linked.hidden = !hasPair(viewer.panes, areLinkable);
  parts.linkedByHand.hidden = !hasPair(viewer.panes, areLinkableByHand);
  if (usesCross(viewer) && !hasMarking) chooseTool(viewer, "window");
  paintScale(parts.colours, data.colours);
}
