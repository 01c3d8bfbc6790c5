/**
 * Marching squares: in each square of four pixel centres, the line where `least` is crossed.
 * @param {ArrayLike<number>} values row by row
 * @param {number} rows
 * @param {number} columns
 * @param {number} least
 * @param {(from: Place, to: Place) => void} take gets each piece of the line
 */
export function contour(values, rows, columns, least, take) {
  /** @type {(place: Place) => number} */
  const at = ([row, column]) => values[row * columns + column];
  for (let row = 0; row < rows - 1; row++) {
    for (let column = 0; column < columns - 1; column++) {
      /** @type {Place[]} */
      const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
      /** @type {Place[]} */
      const ends = [];
      corners.forEach((corner, k) => {
        const next = corners[(k + 1) % 4];
        const [here, there] = [at(corner), at(next)];
        if (here >= least === there >= least) return;
        const share = (least - here) / (there - here);
        ends.push([corner[0] + share * (next[0] - corner[0]), corner[1] + share * (next[1] - corner[1])]);
      });
      for (let k = 0; k + 1 < ends.length; k += 2) take(ends[k], ends[k + 1]);
    }
  }
}
