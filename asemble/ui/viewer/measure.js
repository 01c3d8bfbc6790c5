// What the ruler and the regions read. Values are those of the series, not of the screen.

// Mean, standard deviation (of all pixels in it) and number of pixels whose centres lie within
// `radius` mm of the (row, column) `centre`; null where there is none.
function readRegion(stack, data, { slice, centre, radius }) {
  const [, rows, columns] = stack.shape;
  const [high, wide] = [radius / data.pixel[0], radius / data.pixel[1]];
  let [count, sum, squares] = [0, 0, 0];
  for (let row = Math.max(0, Math.ceil(centre[0] - high)); row <= Math.min(rows - 1, centre[0] + high); row++) {
    for (let column = Math.max(0, Math.ceil(centre[1] - wide)); column <= Math.min(columns - 1, centre[1] + wide); column++) {
      if (distanceMm(data.pixel, centre, [row, column]) > radius) continue;
      const value = stack.values[(slice * rows + row) * columns + column] * stack.slope + stack.intercept;
      count += 1;
      sum += value;
      squares += value * value;
    }
  }
  if (!count) return null;
  const mean = sum / count;
  return { count, mean, sd: Math.sqrt(Math.max(squares / count - mean * mean, 0)) };
}

const figure = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

// The sentence below a pane. Without voxel sizes lengths are in pixels, and it says so.
function measuredWords(pane) {
  const { data, stack } = pane;
  const words = [];
  const where = (mark) => (mark.slice === pane.index ? "" : ` (slice ${mark.slice + 1})`);
  if (pane.ruler) {
    const long = distanceMm(data.pixel, pane.ruler.from, pane.ruler.to);
    words.push(`Ruler${where(pane.ruler)}: ${long.toFixed(1)} ${data.unit}`);
  }
  const read = {};
  for (const [name, title] of [["region", "Region"], ["reference", "Reference"]]) {
    if (!pane[name]) continue;
    read[name] = readRegion(stack, data, pane[name]);
    if (!read[name]) continue;
    const { mean, sd, count } = read[name];
    words.push(`${title}${where(pane[name])}: mean ${figure(mean)}, SD ${figure(sd)}, ${count} pixels`);
  }
  if (read.region && read.reference && read.reference.mean > 0) {
    words.push(`Ratio: ${(read.region.mean / read.reference.mean).toFixed(2)}`);
  }
  return words.join(" · ");
}
