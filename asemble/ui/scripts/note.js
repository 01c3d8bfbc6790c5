// A part of a page that runs by itself tells the keeper what the reading is after it.

export default function ({ data }) {
  globalThis.asembleKeeper?.write?.(data);
}
