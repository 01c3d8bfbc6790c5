// What the networks found, as outlines: each bone in a colour and a kind of line of its own, so that
// neither alone has to tell them apart. `outlines.py` writes the lines.

import { stroke } from "./ink.js";

const FOUND_BY = "Found by the networks, which learned from simulated MRI; not drawn by a reader.";

/** @typedef {{ words: string, colour: string, dash: number[] }} Line */
/** @type {Record<Layer, Line>} */
const LINES = {
  sacrum: { words: "sacrum", colour: "#56b4e9", dash: [] },
  right_ilium: { words: "right ilium", colour: "#3fd0a0", dash: [8, 5] },
  left_ilium: { words: "left ilium", colour: "#e59ac4", dash: [2, 4] },
  oedema: { words: "oedema", colour: "#f0e442", dash: [9, 3, 2, 3] },
};

/** @type {(viewer: Pick<Viewer, "outlined">) => Layer[]} */
const layersShown = ({ outlined }) =>
  /** @type {Layer[]} */ (Object.keys(LINES)).filter((layer) => (layer === "oedema" ? outlined.oedema : outlined.bones));

/** @type {(viewer: Viewer, pane: Pane, painter: Painter) => void} */
export function drawOutlines(viewer, pane, { ink, at, ratio }) {
  const { canvas, outlineWord } = pane.parts;
  const wanted = layersShown(viewer);
  const here = pane.outlines?.[pane.index];
  const shown = wanted.filter((layer) => here?.[layer]);
  canvas.dataset.outlines = shown.join(" ");
  outlineWord.textContent = outlineWords(wanted, Boolean(here), shown.length > 0, pane.hasOedema);
  for (const layer of shown) {
    const { colour, dash } = LINES[layer];
    ink.beginPath();
    for (const line of here?.[layer] ?? []) {
      ink.moveTo(...at(line[0]));
      for (const point of line) ink.lineTo(...at(point));
      ink.closePath();
    }
    stroke(ink, "#000", 3 * ratio); // a dark rim keeps it readable on bright marrow
    stroke(ink, colour, 1.6 * ratio, dash.map((n) => n * ratio));
  }
}

/** @type {(wanted: Layer[], wereLookedFor: boolean, areShown: boolean, hasOedema: boolean) => string} */
function outlineWords(wanted, wereLookedFor, areShown, hasOedema) {
  if (!wanted.length) return "";
  if (!wereLookedFor) return "No outlines here: the networks did not look at this series.";
  if (!hasOedema && wanted.includes("oedema")) {
    return "No oedema here: the networks look for it on fluid-sensitive series alone.";
  }
  return areShown ? FOUND_BY : "The networks found nothing of it on this slice.";
}

/** @type {(viewer: Viewer) => void} */
export function showLegend(viewer) {
  const wanted = layersShown(viewer);
  const names = wanted.join(" ");
  const { legend } = viewer.parts;
  if (legend.dataset.shows === names) return;
  legend.dataset.shows = names;
  legend.replaceChildren(...wanted.map((layer) => {
    const { words, colour, dash } = LINES[layer];
    const entry = Object.assign(document.createElement("span"), {
      innerHTML: `<svg viewBox="0 0 32 10" aria-hidden="true"><path d="M0 5H32" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}"/></svg>`,
    });
    entry.append(words);
    return entry;
  }));
}
