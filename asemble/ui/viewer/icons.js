// Small drawings for the buttons of the toolbar, on a square of 16; their names stand beside them for
// who cannot see them.

/** @type {Record<string, string>} */
const PATHS = {
  Window: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  Pan: "M8 2v12M2 8h12M6 4l2-2 2 2M6 12l2 2 2-2M4 6L2 8l2 2M12 6l2 2-2 2",
  Ruler: "M2 11L11 2l3 3-9 9zM5 8l1.5 1.5M7.5 5.5L9 7",
  Region: "M8 2.5a5.5 5.5 0 1 0 .01 0zM8 7.5v1",
  Reference: "M8 2.5a5.5 5.5 0 1 0 .01 0zM5.5 8h5M8 5.5v5",
  Angle: "M3 13L11 3M3 13h11M7.5 8a6 6 0 0 1 2 5",
  Arrow: "M14 14L3 3M3 8V3h5",
  Outline: "M4 5c2-4 6-2 8 0s2 6-1 7-3-1-5 0-5-2-2-7z",
  Joints: "M5 2c2 3-2 6 0 12M11 2c-2 3 2 6 0 12",
  Mark: "M8 2v4M8 10v4M2 8h4M10 8h4",
  Invert: "M2 3h12v10H2zM8 3h6v10H8z",
  "Rotate left": "M4 8a4.5 4.5 0 1 1 1.3 3.2M4 3.5V8h4.5",
  "Rotate right": "M12 8a4.5 4.5 0 1 0-1.3 3.2M12 3.5V8H7.5",
  "Flip left and right": "M8 2v12M6 4v8H2zM10 4v8h4z",
  "Flip top and bottom": "M2 8h12M4 6h8V2zM4 10h8v4z",
  Reset: "M3 8a5 5 0 1 1 1.5 3.5M3 3v5h5M8 6v2.5l2 1",
  Clear: "M3 5h10M6 5V3h4v2M4.5 5l.7 9h5.6l.7-9",
  Cine: "M4 3l9 5-9 5z",
  Link: "M6.5 9.5l3-3M7 5l2-2a2.8 2.8 0 0 1 4 4l-2 2M9 11l-2 2a2.8 2.8 0 0 1-4-4l2-2",
  "Reference lines": "M2 8h12M4 4h8M4 12h8",
  "Add to the report": "M3 2h7l3 3v9H3zM8 6v5M5.5 8.5h5",
  "Full screen": "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  "One pane": "M2 3h12v10H2z",
  "Two panes": "M2 3h12v10H2zM8 3v10",
  "Four panes": "M2 3h12v10H2zM8 3v10M2 8h12",
  "One large pane and three": "M2 3h12v10H2zM10 3v10M10 6.3h4M10 9.7h4",
  "A row for each time point": "M2 3h12v10H2zM2 8h12",
};
const FILLED = new Set(["Window", "Invert"]); // one half of it

/** @type {(name: string) => string} */
export function iconOf(name) {
  const path = PATHS[name];
  if (!path) return "";
  const [first, second] = [path.slice(0, path.indexOf("z") + 1), path.slice(path.indexOf("z") + 1)];
  const filled = FILLED.has(name) ? `<path d="${name === "Invert" ? second : first}" fill="currentColor"/>` : "";
  return `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/>${filled}</svg>`;
}
