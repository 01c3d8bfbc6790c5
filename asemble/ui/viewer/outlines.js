// What the networks found, as outlines: each bone in a colour and a kind of line of its own, so that
// neither alone has to tell them apart. `outlines.py` writes the lines.

const FOUND_BY = "Found by the networks, which learned from simulated MRI; not drawn by a reader.";
const LINES = {
  sacrum: { words: "sacrum", colour: "#56b4e9", dash: [] },
  right_ilium: { words: "right ilium", colour: "#3fd0a0", dash: [8, 5] },
  left_ilium: { words: "left ilium", colour: "#e59ac4", dash: [2, 4] },
  oedema: { words: "oedema", colour: "#f0e442", dash: [9, 3, 2, 3] },
};

const linesShown = ({ outlined }) =>
  Object.entries(LINES).filter(([layer]) => (layer === "oedema" ? outlined.oedema : outlined.bones));

function drawOutlines(viewer, pane, { ink, at, ratio }) {
  const { canvas, outlineWord } = pane.parts;
  const wanted = linesShown(viewer);
  const here = pane.outlines?.[pane.index];
  const shown = wanted.filter(([layer]) => here?.[layer]);
  canvas.dataset.outlines = shown.map(([layer]) => layer).join(" ");
  outlineWord.textContent = outlineWords(wanted, here, shown, pane.hasOedema);
  for (const [layer, { colour, dash }] of shown) {
    ink.beginPath();
    for (const line of here[layer]) {
      ink.moveTo(...at(line[0]));
      for (const point of line) ink.lineTo(...at(point));
      ink.closePath();
    }
    stroke(ink, "#000", 3 * ratio); // a dark rim keeps it readable on bright marrow
    stroke(ink, colour, 1.6 * ratio, dash.map((n) => n * ratio));
  }
}

function outlineWords(wanted, here, shown, hasOedema) {
  if (!wanted.length) return "";
  if (!here) return "No outlines here: the networks did not look at this series.";
  if (!hasOedema && wanted.some(([layer]) => layer === "oedema")) {
    return "No oedema here: the networks look for it on fluid-sensitive series alone.";
  }
  return shown.length ? "" : "The networks found nothing of it on this slice.";
}

function showLegend(viewer) {
  const wanted = linesShown(viewer);
  const names = wanted.map(([layer]) => layer).join(" ");
  const { legend, foundBy } = viewer.parts;
  foundBy.hidden = !wanted.length;
  if (legend.dataset.shows === names) return;
  legend.dataset.shows = names;
  legend.replaceChildren(...wanted.map(([, { words, colour, dash }]) => {
    const entry = Object.assign(document.createElement("span"), {
      innerHTML: `<svg viewBox="0 0 32 10"><path d="M0 5H32" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}"/></svg>`,
    });
    entry.firstChild.setAttribute("aria-hidden", "true");
    entry.append(words);
    return entry;
  }));
}
