// The rows above the panes.

import { add } from "./elements.js";
import { chooseLayout } from "./hanging.js";
import { iconOf } from "./icons.js";
import { KEYS } from "./keys.js";
import { ALL_LAYOUTS, LAYOUTS } from "./layout.js";
import { linkByHand } from "./linking.js";
import { LETTERS } from "./marks.js";
import { removeHere } from "./measuring.js";
import { keepWindow, resetView, setPreset } from "./pane.js";
import { say } from "./say.js";
import { redraw, refresh } from "./screen.js";
import { ALL_TOOLS, chooseTool, levelHere, LINES_WORDS, nextLines, toggleCine, toggleFull, toggleKeyImage, TOOLS } from "./tools.js";
import { mirrored, turnedBy } from "./viewport.js";

/** @type {(viewer: Viewer) => ViewerParts} */
export function makeToolbar(viewer) {
  /** @type {(parent: Node, text: string, title: string, act: () => void) => HTMLButtonElement} */
  const button = (parent, text, title, act) => {
    const icon = iconOf(text);
    const made = add(parent, "button", { type: "button", title: icon ? `${text}. ${title}` : title });
    if (icon) {
      made.innerHTML = icon;
      made.setAttribute("aria-label", text);
    } else made.textContent = text;
    made.onclick = () => { act(); refresh(viewer); };
    return made;
  };
  /** @type {(act: (pane: Pane) => void) => () => void} */
  const onActive = (act) => () => { if (viewer.active) act(viewer.active); };
  const keys = makeKeys(button);

  const bar = add(viewer.root, "div", { className: "bar" });
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "Viewer");
  const group = () => add(bar, "span", { className: "group" });
  const [layoutGroup, toolGroup, windowGroup, moveGroup] = [group(), group(), group(), group()];
  layoutGroup.classList.add("layouts");
  const layouts = /** @type {ViewerParts["layouts"]} */ ({});
  for (const layout of ALL_LAYOUTS) {
    const { words, key } = LAYOUTS[layout];
    layouts[layout] = button(layoutGroup, words, `(${key})`, () => chooseLayout(viewer, layout));
  }
  const tools = /** @type {ViewerParts["tools"]} */ ({});
  for (const tool of ALL_TOOLS) {
    const { text, key, title } = TOOLS[tool];
    tools[tool] = button(toolGroup, text, `${title} (${key})`, () => chooseTool(viewer, tool));
  }
  const preset = add(add(windowGroup, "label"), "select", { title: "Window presets (1 to 4)" });
  preset.onchange = () => {
    onActive((pane) => {
      setPreset(pane, preset.value);
      keepWindow(pane);
    })();
    redraw(viewer);
  };
  preset.setAttribute("aria-label", "Window preset of the pane last used");
  const invert = button(windowGroup, "Invert", "The greys (i)", onActive((pane) => { pane.inverted = !pane.inverted; }));
  button(windowGroup, "Rotate left", "([)", onActive((pane) => { Object.assign(pane, turnedBy(pane, -1)); }));
  button(windowGroup, "Rotate right", "(])", onActive((pane) => { Object.assign(pane, turnedBy(pane, 1)); }));
  button(windowGroup, "Flip left and right", "(x)", onActive((pane) => { Object.assign(pane, mirrored(pane)); }));
  button(windowGroup, "Flip top and bottom", "(y)", onActive((pane) => { Object.assign(pane, turnedBy(mirrored(pane), 2)); }));
  button(windowGroup, "Reset", "Window, zoom and place as at first (0)", onActive((pane) => {
    resetView(pane);
    keepWindow(pane);
  }));
  button(windowGroup, "Clear", "Take all that was measured on this slice away; Delete takes one", onActive((pane) => removeHere(viewer, pane)));
  const keyImage = button(windowGroup, "Add to the report", "This slice, or not any more (k)", onActive((pane) => toggleKeyImage(viewer, pane)));
  const cine = button(moveGroup, "Cine", "Run through the slices (Space)", () => toggleCine(viewer));
  const linked = button(moveGroup, "Link", "Panes of one plane move together by millimetres (l)", () => { viewer.linked = !viewer.linked; });
  const linkedByHand = button(moveGroup, "Link anyway", "Panes without a common frame of reference move together from where they stand now (L)", () => linkByHand(viewer, !viewer.linkedByHand));
  const level = button(moveGroup, "Same level here", "The slices that stand side by side now lie at one level; panes of two time points move together from here (s)", () => levelHere(viewer));
  const lines = button(moveGroup, "Reference lines", `${Object.values(LINES_WORDS).join("; ")} (g)`, () => nextLines(viewer));
  button(moveGroup, "Full screen", "(f)", () => toggleFull(viewer));
  button(moveGroup, "?", "Keys", () => keys.showModal());
  const hint = add(bar, "span", { className: "hint", textContent: TOOLS.window.title });

  const rows = { ...makeJointRow(viewer, button), ...makeMarkRow(viewer), ...makeHeatRow(viewer), ...makeOutlineRow(viewer) };
  viewer.root.append(keys);
  return { bar, tools, layouts, hint, preset, invert, keyImage, cine, linked, linkedByHand, level, lines, keys, ...rows };
}

/** @typedef {(parent: Node, text: string, title: string, act: () => void) => HTMLButtonElement} MakeButton */

/** @type {(viewer: Viewer) => HTMLElement} */
const makeRow = (viewer) => add(viewer.root, "div", { className: "bar", hidden: true });

/** @type {(row: Node, text: string) => HTMLInputElement} */
function checkbox(row, text) {
  const label = add(row, "label", { textContent: text });
  const box = Object.assign(document.createElement("input"), { type: "checkbox" });
  label.prepend(box);
  return box;
}

/** @type {(row: Node, text: string, min: number, max: number) => HTMLInputElement} */
const slider = (row, text, min, max) =>
  add(add(row, "label", { textContent: text }), "input", { type: "range", min: String(min), max: String(max), step: "0.05" });

/** @type {(viewer: Viewer, button: MakeButton) => Pick<ViewerParts, "jointRow">} */
function makeJointRow(viewer, button) {
  const jointRow = makeRow(viewer);
  button(jointRow, "Remove this slice's lines", "Of both joints, on the slice of the pane last used", () => {
    if (!viewer.active) return;
    const { data, index } = viewer.active;
    viewer.active.drafts = {};
    if (data.marking) say(viewer, { what: "lift", series: data.id, slice: index });
  });
  return { jointRow };
}

/** @type {(viewer: Viewer) => Pick<ViewerParts, "markRow">} */
function makeMarkRow(viewer) {
  const markRow = makeRow(viewer);
  const lesion = add(add(markRow, "label", { textContent: "Lesion" }), "select");
  for (const name of Object.keys(LETTERS)) lesion.add(new Option(`${name} (${LETTERS[name]})`, name));
  lesion.onchange = () => { viewer.lesion.lesion = lesion.value; };
  const deep = checkbox(markRow, "deep, 1 cm or more (d)");
  deep.onchange = () => { viewer.lesion.is_deep = deep.checked; };
  const intense = checkbox(markRow, "intense, as the reference (i)");
  intense.onchange = () => { viewer.lesion.is_intense = intense.checked; };
  return { markRow };
}

/** @type {(viewer: Viewer) => Pick<ViewerParts, "heatRow" | "heatOn" | "opacity" | "threshold" | "thresholdValue" | "contour" | "colours">} */
function makeHeatRow(viewer) {
  const heatRow = makeRow(viewer);
  const heatOn = checkbox(heatRow, "Show heatmap");
  const opacity = slider(heatRow, "Opacity", 0.1, 1);
  const threshold = slider(heatRow, "From", 0, 0.95);
  const thresholdValue = add(heatRow, "span", { className: "figure" });
  const contour = checkbox(heatRow, "Contour");
  const scale = add(heatRow, "span", { className: "scale" });
  scale.append("0");
  const colours = add(scale, "canvas", { className: "colours", width: 256, height: 1 });
  scale.append("1, the study's strongest");
  const take = () => {
    viewer.heat = {
      on: heatOn.checked, contour: contour.checked,
      opacity: Number(opacity.value), threshold: Number(threshold.value),
    };
    refresh(viewer);
  };
  heatOn.onchange = contour.onchange = take;
  opacity.oninput = threshold.oninput = take;
  return { heatRow, heatOn, opacity, threshold, thresholdValue, contour, colours };
}

/** @type {(viewer: Viewer) => Pick<ViewerParts, "outlineRow" | "bones" | "oedema" | "legend">} */
function makeOutlineRow(viewer) {
  const outlineRow = makeRow(viewer);
  const bones = checkbox(outlineRow, "Show bones");
  const oedema = checkbox(outlineRow, "Show oedema");
  bones.onchange = oedema.onchange = () => {
    viewer.outlined = { bones: bones.checked, oedema: oedema.checked };
    refresh(viewer);
  };
  const legend = add(outlineRow, "span", { className: "legend" });
  return { outlineRow, bones, oedema, legend };
}

/** @type {(button: MakeButton) => HTMLDialogElement} */
function makeKeys(button) {
  const keys = Object.assign(document.createElement("dialog"), { className: "keys" });
  const table = add(keys, "table");
  for (const words of KEYS) {
    const row = table.insertRow();
    words.forEach((text) => { row.insertCell().textContent = text; });
  }
  button(keys, "Close", "Escape", () => keys.close());
  return keys;
}
