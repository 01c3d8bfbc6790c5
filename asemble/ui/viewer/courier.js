// Brings one stack of numbers to the page and nothing else, so that it is sent once: the viewer
// is told of slices, marks and jumps in small messages of its own. `stacks.py` writes the bytes. A
// large stack comes in pieces, each by a courier of its own, and is there with the last of them.

/** @param {Mount<Uint8Array>} mount */
export default function ({ data }) {
  const start = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const words = new TextDecoder().decode(data.subarray(4, 4 + start));
  /** @type {CourierHeader} */
  const header = JSON.parse(words);
  const bytes = data.slice(4 + start); // a copy begins at an even address, as 16 bits need
  const values = header.bits === 16 ? new Uint16Array(bytes.buffer) : bytes;
  const stacks = (globalThis.asembleStacks ??= new Map());
  const leave = header.from === undefined ? takeWhole(stacks, header, values) : takePiece(stacks, header, header.from, values);
  globalThis.dispatchEvent(new Event("asemble-stack"));
  return leave;
}

/** @type {(stacks: Map<string, Brought>, header: CourierHeader, values: Uint8Array | Uint16Array) => () => void} */
function takeWhole(stacks, header, values) {
  const stack = { ...header, values };
  stacks.set(header.key, stack);
  return () => {
    if (stacks.get(header.key) === stack) stacks.delete(header.key); // no later courier's
  };
}

/** @type {(stacks: Map<string, Brought>, header: CourierHeader, from: number, piece: Uint8Array | Uint16Array) => () => void} */
function takePiece(stacks, header, from, piece) {
  const all = (globalThis.asembleComing ??= new Map());
  const { from: _, values: length = 0, ...rest } = header;
  const { key } = rest;
  const coming = all.get(key) ?? {
    arrived: new Map(),
    stack: { ...rest, values: header.bits === 16 ? new Uint16Array(length) : new Uint8Array(length) },
  };
  all.set(key, coming);
  const { arrived, stack } = coming;
  stack.values.set(piece, from);
  arrived.set(from, { length: piece.length, of: header });
  if ([...arrived.values()].reduce((sum, each) => sum + each.length, 0) === length) stacks.set(key, stack);
  return () => {
    if (arrived.get(from)?.of !== header) return; // a later courier brought it
    arrived.delete(from);
    if (stacks.get(key) === stack) stacks.delete(key);
    if (!arrived.size && all.get(key)?.arrived === arrived) all.delete(key);
  };
}
