// The viewer: its toolbar, its keys, and what its panes share. Python sends each stack once
// (courier.js); everything the reader then does is done here. `__init__.py` describes `data`.

const CINE_MS = 125;
const TOOLS = {
  window: ["Window", "w", "Drag: right is wider, up is brighter. Double-click: reset."],
  pan: ["Pan", "p", "Drag to move the slice. Ctrl and wheel, or + and −: zoom."],
  ruler: ["Ruler", "r", "Drag from one point to the other."],
  region: ["Region", "c", "Drag a circle from its middle: mean, SD, and the ratio to a reference."],
  reference: ["Reference", "v", "Drag a circle in normal marrow, to compare the region with."],
  joints: ["Joints", "j", "Click both ends of each joint, on an anterior and on a posterior slice; the lines between them are interpolated."],
  mark: ["Mark", "m", "Click the quadrant of a lesion. A click on its letter takes it away."],
};
const KEYS = [
  ["Wheel, ↑ ↓ ← →", "one slice"],
  ["Page Up, Page Down, Home, End", "five slices; first and last slice"],
  ["Drag, right-drag", "window and level"],
  [", .  and  < >", "level down and up; window narrower and wider"],
  ["1 2 3 4", "window presets"],
  ["i", "invert the greys"],
  ["Ctrl and wheel, + −, pinch", "zoom"],
  ["Shift and drag, middle-drag", "pan"],
  ["0, double-click", "reset window, zoom and place"],
  ["w p r c v j m", "window, pan, ruler, region, reference, joints, mark"],
  ["Shift and ↑ ↓ ← →, Enter", "joints, mark: move a cross, click there"],
  ["Delete", "take ruler and regions away"],
  ["h", "heatmap on and off"],
  ["b, o", "outlines of the bones, of oedema, on and off"],
  ["l", "link panes of one plane"],
  ["L", "link panes without a common frame of reference, from where they stand"],
  ["Space", "cine"],
  ["f", "full screen"],
  ["One finger, two fingers", "slices; zoom and pan"],
  ["?", "this list"],
];

const viewers = new WeakMap();
const places = (globalThis.asemblePlaces ??= new Map());

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  let viewer = viewers.get(root);
  if (!viewer) {
    viewer = makeViewer(root);
    viewers.set(root, viewer);
  }
  viewer.tell = (name, value) => setTriggerValue(name, value);
  viewer.heard = data.heard[viewer.name] ?? 0;
  viewer.queue = viewer.queue.filter((said) => said.number > viewer.heard);
  // Numbered: what is said again, because it was lost on the way, has to differ from what was said.
  viewer.rested = (slices) => setStateValue("slice", { slices, number: (viewer.reports += 1) });
  viewer.restsMs = data.rests_ms;
  update(viewer, data);
  listening(viewer, "addEventListener");
  viewer.arrived();
  // Streamlit cleans up after the last of many calls, and after one that another has overtaken.
  const call = (viewer.call = {});
  return () => viewer.call === call && listening(viewer, "removeEventListener");
}

function listening(viewer, adds) {
  globalThis[adds]("asemble-stack", viewer.arrived);
  globalThis[adds]("asemble-flush", viewer.leaves);
}

function makeViewer(root) {
  const viewer = {
    root, name: crypto.randomUUID?.() ?? String(Math.random()), queue: [], said: 0, heard: 0, reports: 0, panes: [], tool: "window", linked: true, linkedByHand: false, active: null, cine: null, colours: [],
    heat: { on: false, opacity: 0.6, threshold: 0, contour: false },
    outlined: { bones: false, oedema: false },
    lesion: { lesion: Object.keys(LETTERS)[0], is_deep: false, is_intense: false },
  };
  viewer.arrived = () => {
    viewer.panes.forEach(takeStacks);
    refresh(viewer);
  };
  viewer.leaves = () => rest(viewer);
  makeToolbar(viewer);
  viewer.stage = root.appendChild(Object.assign(document.createElement("div"), { className: "stage" }));
  return viewer;
}

function update(viewer, data) {
  const same =
    viewer.panes.length === data.panes.length &&
    viewer.panes.every((pane, i) => pane.data.stack === data.panes[i].stack);
  if (!same) {
    viewer.panes.forEach((pane) => pane.watch.disconnect());
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
  parts.joints.hidden = parts.mark.hidden = !data.panes.some((pane) => pane.marking);
  parts.linked.hidden = !hasPair(viewer, areLinkable);
  parts.linkedByHand.hidden = !hasPair(viewer, areLinkableByHand);
  if (usesCross(viewer) && parts.mark.hidden) chooseTool(viewer, "window");
  paintBar(viewer);
}

function makeToolbar(viewer) {
  const parts = (viewer.parts = {});
  const make = (tag, name, parent, props = {}) =>
    (parts[name] = parent.appendChild(Object.assign(document.createElement(tag), props)));
  const button = (name, text, title, act, parent = parts.bar) => {
    make("button", name, parent, { type: "button", textContent: text, title });
    parts[name].onclick = () => { act(); refresh(viewer); };
  };
  const labelled = (name, text, parent, tag, props) => {
    const label = parent.appendChild(Object.assign(document.createElement("label"), { textContent: text }));
    parts[name] = Object.assign(document.createElement(tag), props);
    if (props.type === "checkbox") label.prepend(parts[name]);
    else label.append(parts[name]);
    return parts[name];
  };
  make("div", "bar", viewer.root, { className: "bar" });
  parts.bar.setAttribute("role", "toolbar");
  parts.bar.setAttribute("aria-label", "Viewer");
  for (const [tool, [text, key, title]] of Object.entries(TOOLS)) {
    button(tool, text, `${title} (${key})`, () => chooseTool(viewer, tool));
  }
  labelled("preset", "", parts.bar, "select", { title: "Window presets (1 to 4)" }).onchange = () => {
    viewer.active.stack && setPreset(viewer.active, parts.preset.value);
    redraw(viewer);
  };
  parts.preset.setAttribute("aria-label", "Window preset of the pane last used");
  button("invert", "Invert", "Invert the greys (i)", () => (viewer.active.inverted = !viewer.active.inverted));
  button("reset", "Reset", "Window, zoom and place as at first (0)", () => resetView(viewer.active));
  button("clear", "Clear", "Take ruler and regions away (Delete)", () => clearMeasures(viewer));
  button("cine", "Cine", "Run through the slices (Space)", () => toggleCine(viewer));
  button("linked", "Link", "Panes of one plane move together by millimetres (l)", () => (viewer.linked = !viewer.linked));
  button("linkedByHand", "Link anyway", "Panes without a common frame of reference move together from where they stand now (L)", () => linkByHand(viewer, !viewer.linkedByHand));
  button("full", "Full screen", "Full screen (f)", () => toggleFull(viewer));
  button("help", "?", "Keys", () => parts.keys.showModal());

  make("div", "jointRow", viewer.root, { className: "bar", hidden: true });
  make("span", "jointHint", parts.jointRow, { className: "muted", textContent: TOOLS.joints[2] });
  button("lift", "Remove this slice's lines", "Of both joints, on the slice of the pane last used", () => {
    const { data, index } = viewer.active;
    viewer.active.drafts = {};
    if (data.marking) say(viewer, { what: "lift", series: data.id, slice: index });
  }, parts.jointRow);

  make("div", "markRow", viewer.root, { className: "bar", hidden: true });
  const lesion = labelled("lesion", "Lesion", parts.markRow, "select", {});
  for (const name of Object.keys(LETTERS)) lesion.add(new Option(`${name} (${LETTERS[name]})`, name));
  lesion.onchange = () => (viewer.lesion.lesion = lesion.value);
  for (const [name, text] of [["is_deep", "deep, 1 cm or more (d)"], ["is_intense", "intense, as the reference (i)"]]) {
    labelled(name, text, parts.markRow, "input", { type: "checkbox" }).onchange = () => (viewer.lesion[name] = parts[name].checked);
  }
  make("span", "markHint", parts.markRow, { className: "muted", textContent: TOOLS.mark[2] });

  make("div", "heatRow", viewer.root, { className: "bar", hidden: true });
  labelled("heatOn", "Show heatmap", parts.heatRow, "input", { type: "checkbox" });
  labelled("opacity", "Opacity", parts.heatRow, "input", { type: "range", min: 0.1, max: 1, step: 0.05 });
  labelled("threshold", "From", parts.heatRow, "input", { type: "range", min: 0, max: 0.95, step: 0.05 });
  make("span", "thresholdValue", parts.heatRow, { className: "figure" });
  labelled("contour", "Contour", parts.heatRow, "input", { type: "checkbox" });
  make("span", "scale", parts.heatRow, { className: "scale" });
  parts.scale.append("0");
  make("canvas", "colours", parts.scale, { className: "colours", width: 256, height: 1 });
  parts.scale.append("1, the study's strongest");
  for (const name of ["heatOn", "contour"]) parts[name].onchange = () => takeHeat(viewer);
  for (const name of ["opacity", "threshold"]) parts[name].oninput = () => takeHeat(viewer);

  make("div", "outlineRow", viewer.root, { className: "bar", hidden: true });
  for (const name of ["bones", "oedema"]) {
    labelled(name, `Show ${name}`, parts.outlineRow, "input", { type: "checkbox" }).onchange = () => {
      viewer.outlined[name] = parts[name].checked;
      refresh(viewer);
    };
  }
  make("span", "legend", parts.outlineRow, { className: "legend" });
  make("span", "foundBy", parts.outlineRow, { className: "muted", textContent: FOUND_BY });

  make("dialog", "keys", viewer.root, { className: "keys" });
  const table = parts.keys.appendChild(document.createElement("table"));
  for (const words of KEYS) {
    const row = table.insertRow();
    words.forEach((text) => (row.insertCell().textContent = text));
  }
  button("close", "Close", "Escape", () => parts.keys.close(), parts.keys);
}

function takeHeat(viewer) {
  const { heatOn, opacity, threshold, contour } = viewer.parts;
  viewer.heat = {
    on: heatOn.checked, contour: contour.checked,
    opacity: Number(opacity.value), threshold: Number(threshold.value),
  };
  refresh(viewer);
}

function chooseTool(viewer, tool) {
  viewer.tool = tool;
  viewer.parts.jointRow.hidden = tool !== "joints";
  viewer.parts.markRow.hidden = tool !== "mark";
}

function clearMeasures(viewer) {
  for (const pane of viewer.panes) Object.assign(pane, { ruler: null, region: null, reference: null });
}

function toggleCine(viewer) {
  if (viewer.cine) clearInterval(viewer.cine);
  viewer.cine = viewer.cine ? null : setInterval(() => {
    const pane = viewer.active;
    if (!viewer.root.isConnected) return toggleCine(viewer);
    moveTo(viewer, pane, (pane.index + 1) % pane.data.slices);
  }, CINE_MS);
}

function toggleFull(viewer) {
  if (document.fullscreenElement) document.exitFullscreen();
  else viewer.root.requestFullscreen?.();
}

function pressed(viewer, pane, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !pane.stack) return;
  if (pressedForCross(viewer, pane, event)) {
    event.preventDefault();
    event.stopPropagation();
    refresh(viewer);
    return;
  }
  const to = (index) => () => moveTo(viewer, pane, index);
  const preset = (number) => () => setPreset(pane, Object.keys(pane.stack.windows)[number]);
  const acts = {
    ArrowUp: to(pane.index - 1), ArrowLeft: to(pane.index - 1),
    ArrowDown: to(pane.index + 1), ArrowRight: to(pane.index + 1),
    PageUp: to(pane.index - PAGE), PageDown: to(pane.index + PAGE),
    Home: to(0), End: to(pane.data.slices - 1),
    ",": () => changeWindow(pane, 0, -0.02), ".": () => changeWindow(pane, 0, 0.02),
    "<": () => changeWindow(pane, -0.02, 0), ">": () => changeWindow(pane, 0.02, 0),
    1: preset(0), 2: preset(1), 3: preset(2), 4: preset(3),
    "+": () => zoomAt(pane, 1.2), "=": () => zoomAt(pane, 1.2), "-": () => zoomAt(pane, 1 / 1.2),
    0: () => resetView(pane),
    i: () => (pane.inverted = !pane.inverted),
    h: () => (viewer.heat.on = !viewer.heat.on),
    b: () => (viewer.outlined.bones = !viewer.outlined.bones),
    o: () => (viewer.outlined.oedema = !viewer.outlined.oedema),
    l: () => (viewer.linked = !viewer.linked),
    L: () => linkByHand(viewer, !viewer.linkedByHand),
    f: () => toggleFull(viewer),
    Delete: () => clearMeasures(viewer),
    " ": () => toggleCine(viewer),
    "?": () => viewer.parts.keys.showModal(),
  };
  for (const [tool, [, key]] of Object.entries(TOOLS)) {
    if (!viewer.parts[tool].hidden) acts[key] = () => chooseTool(viewer, tool);
  }
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation(); // Streamlit has keys of its own
  act();
  refresh(viewer);
}

// Marks and lines, each with a number, until the server has heard of it: of two messages at once
// Streamlit delivers the last alone.
function say(viewer, what) {
  viewer.said += 1;
  viewer.queue.push({ number: viewer.said, ...what });
  viewer.tell("said", { viewer: viewer.name, queue: viewer.queue });
  return viewer.said;
}

function moveTo(viewer, pane, index) {
  pane.index = Math.min(Math.max(index, 0), pane.data.slices - 1);
  for (const other of viewer.panes) {
    if (other !== pane) other.index = linkedSlice(viewer, pane, other) ?? other.index;
  }
  keepPlaces(viewer);
  refresh(viewer);
  restLater(viewer);
}

// Where the reader left each series. The browser remembers it from page to page, since a reader may
// leave faster than the server hears of it: the next viewer goes on from there and tells. Only a
// jump that the server made since then counts for more.
function findPlace(pane) {
  const { place, jump, start } = pane.data;
  if (pane.jump === jump) return;
  const left = places.get(place);
  pane.index = left?.jump === jump ? left.index : start;
  pane.jump = jump;
}

function keepPlaces(viewer) {
  for (const { data, index, jump } of viewer.panes) places.set(data.place, { index, jump });
}

// The server hears of the slices when the reader rests on them, and before the reader leaves.
function restLater(viewer) {
  forgetRest(viewer);
  if (viewer.restsMs) viewer.rests = setTimeout(() => rest(viewer), viewer.restsMs);
}

function forgetRest(viewer) {
  clearTimeout(viewer.rests);
  viewer.rests = null;
}

function rest(viewer) {
  if (!viewer.rests) return;
  forgetRest(viewer);
  if (!viewer.root.isConnected) return; // a viewer that is gone would call its page back
  viewer.rested(Object.fromEntries(viewer.panes.map((pane) => [pane.data.id, pane.index])));
}

// Words and controls at once, pixels with the next frame.
function refresh(viewer) {
  const { parts, heat, panes } = viewer;
  for (const tool of Object.keys(TOOLS)) parts[tool].setAttribute("aria-pressed", viewer.tool === tool);
  for (const name of ["linked", "linkedByHand"]) parts[name].setAttribute("aria-pressed", viewer[name]);
  parts.cine.setAttribute("aria-pressed", Boolean(viewer.cine));
  parts.invert.setAttribute("aria-pressed", Boolean(viewer.active?.inverted));
  Object.assign(parts.heatOn, { checked: heat.on });
  for (const name of ["bones", "oedema"]) parts[name].checked = viewer.outlined[name];
  showLegend(viewer);
  parts.opacity.value = heat.opacity;
  parts.threshold.value = heat.threshold;
  parts.thresholdValue.textContent = heat.threshold.toFixed(2);
  const hasHeat = panes.some((pane) => pane.heat);
  for (const name of ["heatOn", "opacity", "threshold", "contour"]) parts[name].disabled = !hasHeat;
  const names = Object.keys(viewer.active?.stack?.windows ?? {});
  if (parts.preset.options.length !== names.length) parts.preset.replaceChildren(...names.map((name) => new Option(name)));
  for (const pane of panes) {
    const { data, index } = pane;
    const place = data.places[index];
    pane.parts.place.textContent = `Slice ${index + 1} of ${data.slices}${place ? ", " + place : ""}`;
    pane.parts.linkWord.textContent = linkWords(viewer, pane);
    pane.parts.scrubber.value = index;
    pane.parts.absent.hidden = Boolean(pane.stack);
    pane.parts.canvas.dataset.slice = index;
    pane.parts.canvas.setAttribute("aria-label", `${data.title}, slice ${index + 1} of ${data.slices}`);
  }
  redraw(viewer);
}

function redraw(viewer) {
  if (viewer.frame) return;
  viewer.frame = requestAnimationFrame(() => {
    viewer.frame = null;
    for (const pane of viewer.panes) {
      draw(viewer, pane);
      showStrip(viewer, pane);
      const words = { joints: jointWords, mark: quadrantWords }[viewer.tool] ?? measuredWords;
      if (pane.stack) pane.parts.measured.textContent = [words(pane), ...markWords(viewer, pane)].filter(Boolean).join(" ");
    }
  });
}

function paintBar(viewer) {
  if (!viewer.colours.length) return;
  const paper = viewer.parts.colours.getContext("2d");
  const pixels = paper.createImageData(256, 1);
  viewer.colours.forEach(([r, g, b, a], k) => {
    const cover = a / 255; // over black, as it looks on a dark slice
    pixels.data.set([r * cover, g * cover, b * cover, 255], 4 * k);
  });
  paper.putImageData(pixels, 0, 0);
}
