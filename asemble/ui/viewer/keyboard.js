// A cross on the slice that the keyboard moves: Enter does there what a click does.

const CROSS_MM = 2; // of one step
const STEPS_OF_CROSS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const usesCross = (viewer) => ["joints", "mark"].includes(viewer.tool);

// Whether the key was for the cross.
function pressedForCross(viewer, pane, { key, shiftKey }) {
  if (!usesCross(viewer)) return false;
  const { data } = pane;
  if (shiftKey && STEPS_OF_CROSS[key]) {
    const from = pane.cross ?? [(data.rows - 1) / 2, (data.columns - 1) / 2];
    const last = [data.rows - 1, data.columns - 1];
    pane.cross = from.map((value, axis) =>
      Math.min(Math.max(value + (STEPS_OF_CROSS[key][axis] * CROSS_MM) / data.pixel[axis], 0), last[axis]));
    if (pane.held) movePoint(pane, pane.held, pane.cross);
    return true;
  }
  if (key !== "Enter" || !pane.cross) return false;
  if (viewer.tool === "mark") markAt(viewer, pane, pane.cross);
  else if (pane.held) dropHeld(viewer, pane);
  else if (data.marking) {
    pane.held = gripAt(pane, toCanvas(pane, frameOf(pane, 1), pane.cross));
    if (!pane.held) layEnd(viewer, pane, pane.cross);
  }
  return true;
}

function dropHeld(viewer, pane) {
  if (draftOf(pane, pane.held.joint)) layLine(viewer, pane, pane.held.joint);
  pane.held = null;
}

function drawCross(viewer, pane, { ink, at, ratio }) {
  if (!usesCross(viewer) || !pane.cross) return;
  const [x, y] = at(pane.cross);
  const arm = 9 * ratio;
  ink.beginPath();
  for (const [dx, dy] of [[arm, 0], [0, arm]]) {
    ink.moveTo(x - dx, y - dy);
    ink.lineTo(x + dx, y + dy);
  }
  stroke(ink, "#000", 3 * ratio);
  stroke(ink, pane.held ? INK.mark : INK.letter, 1.25 * ratio);
}
