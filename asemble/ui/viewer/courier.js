// Brings one stack of numbers to the page and nothing else, so that it is sent once: the viewer
// is told of slices, marks and jumps in small messages of its own. `stacks.py` writes the bytes. A
// large stack comes in pieces, each by a courier of its own, and is there with the last of them.

export default function ({ data }) {
  const start = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const words = new TextDecoder().decode(data.subarray(4, 4 + start));
  const header = JSON.parse(words);
  const bytes = data.slice(4 + start); // a copy begins at an even address, as 16 bits need
  const values = header.bits === 16 ? new Uint16Array(bytes.buffer) : bytes;
  const stacks = (globalThis.asembleStacks ??= new Map());
  const leave = header.from === undefined ? takeWhole(stacks, header, values) : takePiece(stacks, header, values);
  globalThis.dispatchEvent(new Event("asemble-stack"));
  return leave;
}

function takeWhole(stacks, header, values) {
  const stack = { ...header, values };
  stacks.set(header.key, stack);
  return () => stacks.get(header.key) === stack && stacks.delete(header.key); // no later courier's
}

function takePiece(stacks, header, piece) {
  const coming = (globalThis.asembleComing ??= new Map());
  const { key, from, values: length, ...rest } = header;
  if (!coming.has(key)) coming.set(key, { arrived: new Map(), stack: { key, ...rest, values: new piece.constructor(length) } });
  const { arrived, stack } = coming.get(key);
  stack.values.set(piece, from);
  arrived.set(from, { length: piece.length, of: header });
  if ([...arrived.values()].reduce((sum, each) => sum + each.length, 0) === length) stacks.set(key, stack);
  return () => {
    if (arrived.get(from)?.of !== header) return; // a later courier brought it
    arrived.delete(from);
    if (stacks.get(key) === stack) stacks.delete(key);
    if (!arrived.size && coming.get(key)?.arrived === arrived) coming.delete(key);
  };
}
