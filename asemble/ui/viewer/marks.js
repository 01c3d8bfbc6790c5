// Marks: a click on a slice goes to Python, which knows the quadrant by the joint lines, refuses it
// without them, and asks where it lies far from the joint. A mark stays where it was clicked.

const MARK_GRIP = 12; // pixels around the letters of a mark
const LETTERS = {
  "bone marrow oedema": "B",
  erosion: "E",
  "fat lesion": "F",
  backfill: "K",
  ankylosis: "A",
  sclerosis: "S",
};

const signOf = (mark) =>
  LETTERS[mark.lesion] + (mark.is_deep ? "d" : "") + (mark.is_intense ? "i" : "") + (mark.moved ? "!" : "");

const marksHere = (pane) => pane.data.marking.marks.filter((mark) => mark.slice === pane.index);

// A click on the letters of a mark of the same lesion takes it away, whatever a line says by now.
function markAt(viewer, pane, place) {
  if (!pane.data.marking) return;
  const frame = frameOf(pane, 1);
  const [x, y] = toCanvas(pane, frame, place);
  const here = marksHere(pane).find((mark) => {
    if (!mark.place || mark.lesion !== viewer.lesion.lesion) return false;
    const [markX, markY] = toCanvas(pane, frame, mark.place);
    return Math.hypot(x - markX, y - markY) < MARK_GRIP;
  });
  const isRefused = laidHere(pane).refusal && !viewer.queue.length; // a line may be on its way
  if (isRefused && !here) return;
  say(viewer, { what: "mark", series: pane.data.id, slice: pane.index, place, of: here?.of ?? null, ...viewer.lesion });
}

function answer(viewer, pane, what) {
  say(viewer, { what, series: pane.data.id, question: pane.data.marking.question.number });
}

// What the letters on the slice cannot say: where a mark counts, and that its line has moved.
function markWords(viewer, pane) {
  if (!pane.data.marking) return [];
  return marksHere(pane).flatMap((mark) => {
    if (mark.moved) return [`${signOf(mark)} ${mark.moved}.`];
    if (mark.place && viewer.tool !== "mark") return [];
    return [`${signOf(mark)} ${mark.quadrant}${mark.place ? "" : ", from the form"}.`];
  });
}

function drawMarks(viewer, pane, { ink, at, ratio }) {
  const groups = []; // letters at one place stand side by side
  for (const mark of marksHere(pane)) {
    if (!mark.place) continue;
    const [x, y] = at(mark.place);
    const near = groups.find((group) => Math.hypot(group.x - x, group.y - y) < MARK_GRIP * ratio);
    if (near) near.signs.push(signOf(mark));
    else groups.push({ x, y, signs: [signOf(mark)] });
  }
  for (const { x, y, signs } of groups) word(ink, signs.join(" "), x, y, { colour: INK.mark, size: 13 * ratio });
  const rings = viewer.queue.filter((said) => said.what === "mark" && said.series === pane.data.id && !said.of);
  for (const { slice, place } of [...rings, askedOf(viewer, pane)].filter(Boolean)) {
    if (slice !== pane.index) continue;
    ink.beginPath();
    ink.arc(...at(place), 6 * ratio, 0, 2 * Math.PI);
    stroke(ink, INK.mark, 2 * ratio);
  }
}

// Over the lower edge of the slice, or the upper one where the click lies low: what the reader must
// know or answer before the next click.
function showStrip(viewer, pane) {
  const { strip, said, question } = pane.parts;
  const asked = askedOf(viewer, pane);
  question.hidden = !asked;
  const words = asked ? askedWords(pane, asked) : (nextWords[viewer.tool]?.(pane) ?? "");
  if (said.textContent !== words) said.textContent = words;
  strip.hidden = !words;
  strip.classList.toggle("above", Boolean(asked) && asked.place[0] > pane.data.rows / 2);
}

const nextWords = {
  joints: layWords,
  mark: (pane) => (pane.data.marking ? laidHere(pane).refusal : ""),
};

// The question that waits for an answer.
function askedOf(viewer, pane) {
  const question = pane.data.marking?.question;
  const isAnswered = viewer.queue.some((said) => said.question === question?.number);
  return question && !isAnswered ? question : null;
}

function askedWords(pane, { slice, words }) {
  return slice === pane.index ? words : `Slice ${slice + 1}: ${words}`;
}
