// Quadrants of the joints on a semicoronal slice, as SPARCC divides them. The reader lays a line
// along each joint, from its upper to its lower end; half and bone of a click follow from it.

const JOINTS = ["right", "left"]; // the patient's
const GUIDE_MM = { upper: [-22, 38], lower: [22, 28] }; // down and sideways from the middle, at first
const REACH_MM = 45; // a click further from both lines belongs to neither joint
const LETTERS = {
  "bone marrow oedema": "B",
  erosion: "E",
  "fat lesion": "F",
  backfill: "K",
  ankylosis: "A",
  sclerosis: "S",
};

// The lines on a slice: its own, or those of the nearest slice that has some.
function guidesOf(pane, slice) {
  const drawn = Object.keys(pane.guides).map(Number);
  if (!drawn.length) return firstGuides(pane.data);
  const far = drawn.map((other) => Math.abs(other - slice));
  return pane.guides[drawn[far.indexOf(Math.min(...far))]];
}

function firstGuides(data) {
  const [row, column] = [(data.rows - 1) / 2, (data.columns - 1) / 2];
  const sideways = { right: data.right, left: -data.right }; // of the image, -1 is to the left
  return Object.fromEntries(
    JOINTS.map((joint) => [
      joint,
      Object.values(GUIDE_MM).map(([down, side]) => [
        row + down / data.pixel[0],
        column + (sideways[joint] * side) / data.pixel[1],
      ]),
    ]),
  );
}

// {joint, half, bone} of a (row, column) place, or null far from both joints.
function quadrantAt(data, guides, place) {
  const mm = ([row, column]) => [row * data.pixel[0], column * data.pixel[1]];
  const at = mm(place);
  let found = null;
  for (const joint of JOINTS) {
    const [upper, lower] = guides[joint].map(mm);
    const line = [lower[0] - upper[0], lower[1] - upper[1]];
    const rest = [at[0] - upper[0], at[1] - upper[1]];
    const share = (line[0] * rest[0] + line[1] * rest[1]) / (line[0] ** 2 + line[1] ** 2);
    const near = Math.min(Math.max(share, 0), 1);
    const far = Math.hypot(rest[0] - near * line[0], rest[1] - near * line[1]);
    if (found && far >= found.far) continue;
    const side = line[0] * rest[1] - line[1] * rest[0]; // above 0 on the right of the image
    const outwards = joint === "right" ? data.right : -data.right;
    const bone = side * outwards > 0 ? "iliac" : "sacral";
    found = { joint, half: share < 0.5 ? "upper" : "lower", bone, far };
  }
  if (found.far > REACH_MM) return null;
  const { far, ...quadrant } = found;
  return quadrant;
}

// Where the letters of a quadrant stand: a centimetre off the middle of its half of the line.
function quadrantPlace(data, guides, { joint, half, bone }) {
  const [upper, lower] = guides[joint];
  const share = half === "upper" ? 0.25 : 0.75;
  const outwards = joint === "right" ? data.right : -data.right;
  const aside = (bone === "iliac" ? outwards : -outwards) * 10;
  return [
    upper[0] + share * (lower[0] - upper[0]),
    upper[1] + share * (lower[1] - upper[1]) + aside / data.pixel[1],
  ];
}

const signOf = (mark) => LETTERS[mark.lesion] + (mark.is_deep ? "d" : "") + (mark.is_intense ? "i" : "");
