// Joint lines: both ends of a joint are clicked, then its ends and its bend may be dragged; so may
// those of a line that the networks propose, which is the reader's from then on. Python
// keeps the lines in millimetres and tells of each slice of the pane where they lie on it
// (`marking.slices`); it refuses what is no joint, and a click where a joint is missing.

const JOINTS = ["right", "left"]; // the patient's
const END_GRIP = 14; // pixels around an end or a bend
const NO_QUADRANTS = "Quadrants are marked on semicoronal slices whose geometry is known.";

const laidHere = (pane) => pane.data.marking.slices[pane.index];

// What is being drawn of a joint on this slice, until Python has answered.
const draftOf = (pane, joint) => (pane.drafts[joint]?.slice === pane.index ? pane.drafts[joint] : null);

// (row, column) of upper end, bend and lower end; fewer while the line is being drawn.
const pointsOf = (pane, joint) => draftOf(pane, joint)?.points ?? laidHere(pane)[joint] ?? [];

// The joint whose end the next click sets, if one is missing on this slice.
const nextJoint = (pane) =>
  JOINTS.find((joint) => pointsOf(pane, joint).length === 1) ?? JOINTS.find((joint) => !pointsOf(pane, joint).length);

function layEnd(viewer, pane, place) {
  const joint = nextJoint(pane);
  if (!joint) return;
  const points = [...pointsOf(pane, joint), place];
  pane.drafts[joint] = { slice: pane.index, points };
  if (points.length > 1) layLine(viewer, pane, joint);
}

function layLine(viewer, pane, joint) {
  const { slice, points } = pane.drafts[joint];
  pane.drafts[joint].said = say(viewer, { what: "lay", series: pane.data.id, slice, joint, points });
}

// The joint and which of its points lie under a place of the canvas, in pixels.
function gripAt(pane, [x, y]) {
  const frame = frameOf(pane, 1);
  for (const joint of JOINTS) {
    const points = pointsOf(pane, joint);
    for (const k of points.length === 3 ? [0, 2, 1] : []) {
      const [pointX, pointY] = toCanvas(pane, frame, points[k]);
      if (Math.hypot(x - pointX, y - pointY) < END_GRIP) return { joint, k };
    }
  }
  return null;
}

// The bend follows an end by half, so that a straight line stays one.
function movePoint(pane, { joint, k }, place) {
  const points = structuredClone(pointsOf(pane, joint));
  const by = [0, 1].map((axis) => place[axis] - points[k][axis]);
  points[k] = place;
  if (k !== 1) points[1] = points[1].map((value, axis) => value + by[axis] / 2);
  pane.drafts[joint] = { slice: pane.index, points };
}

// Drafts that Python has answered give way to what it keeps.
function dropDrafts(viewer, pane) {
  for (const joint of JOINTS) {
    if (pane.drafts[joint]?.said <= viewer.heard) delete pane.drafts[joint];
  }
}

// What to do next, and why the last line was refused.
function layWords(pane) {
  if (!pane.data.marking) return "";
  const joint = nextJoint(pane);
  const isBegun = joint && pointsOf(pane, joint).length === 1;
  const next = joint ? `Patient's ${joint} joint: click ${isBegun ? "its other end" : "one end, then the other"}.` : "";
  return [pane.data.marking.note, next].filter(Boolean).join(" ");
}

const quadrantWords = (pane) => (pane.data.marking ? "" : NO_QUADRANTS);

function jointWords(pane) {
  if (!pane.data.marking) return NO_QUADRANTS;
  return nextJoint(pane) ? "" : `${laidHere(pane).words} Ends and bends can be dragged.`;
}

function drawJoints(viewer, pane, { ink, at, ratio }) {
  const { canvas } = pane.parts;
  delete canvas.dataset.joints;
  if (!["joints", "mark"].includes(viewer.tool)) return;
  const shown = Object.fromEntries(JOINTS.map((joint) => [joint, pointsOf(pane, joint)]));
  canvas.dataset.joints = JSON.stringify(shown);
  for (const [joint, places] of Object.entries(shown)) {
    const points = places.map(at);
    const isOwn = draftOf(pane, joint) || laidHere(pane).own.includes(joint);
    const isProposed = !draftOf(pane, joint) && laidHere(pane).proposed.includes(joint);
    const colour = isProposed ? INK.proposed : INK.mark;
    if (points.length > 1) drawLine(ink, points, ratio, colour, isProposed ? [9, 3, 2, 3] : isOwn ? [7, 4] : [2, 4]);
    if (isProposed) word(ink, "proposed", ...points[0].map((n, axis) => n - [0, 12][axis] * ratio), { colour, size: 11 * ratio });
    if (viewer.tool !== "joints") continue;
    points.forEach((point, k) => {
      ink.beginPath();
      ink.arc(...point, (points.length === 3 && k === 1 ? 3.5 : 5) * ratio, 0, 2 * Math.PI);
      stroke(ink, colour, 2 * ratio);
    });
  }
}

// A line laid on this slice is dashed, one that other slices give it dotted, one that the networks
// propose dashed and dotted, in a colour of its own and with its word; a tick halves each.
function drawLine(ink, points, ratio, colour, dash) {
  ink.beginPath();
  points.forEach((point) => ink.lineTo(...point));
  const [middle, along] = halfWay(points);
  ink.moveTo(middle[0] - along[1] * 12 * ratio, middle[1] + along[0] * 12 * ratio);
  ink.lineTo(middle[0] + along[1] * 12 * ratio, middle[1] - along[0] * 12 * ratio);
  stroke(ink, "#000", 3 * ratio);
  stroke(ink, colour, 1.5 * ratio, dash.map((n) => n * ratio));
}

// The middle of a bent line, and the direction of the part that it lies on.
function halfWay(points) {
  const lengths = points.slice(1).map((point, k) => Math.hypot(point[0] - points[k][0], point[1] - points[k][1]));
  let rest = lengths.reduce((sum, length) => sum + length, 0) / 2;
  const part = Math.max(lengths.findIndex((length) => (rest -= length) <= 0), 0);
  const along = [0, 1].map((axis) => (points[part + 1][axis] - points[part][axis]) / lengths[part]);
  return [[0, 1].map((axis) => points[part + 1][axis] + rest * along[axis]), along];
}
