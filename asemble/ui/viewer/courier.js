// Brings one stack of numbers to the page and nothing else, so that it is sent once: the viewer
// is told of slices, marks and jumps in small messages of its own. `stacks.py` writes the bytes.

export default function ({ data }) {
  const start = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const words = new TextDecoder().decode(data.subarray(4, 4 + start));
  const header = JSON.parse(words);
  const bytes = data.slice(4 + start); // a copy begins at an even address, as 16 bits need
  const values = header.bits === 16 ? new Uint16Array(bytes.buffer) : bytes;
  const stacks = (globalThis.asembleStacks ??= new Map());
  const stack = { ...header, values };
  stacks.set(header.key, stack);
  globalThis.dispatchEvent(new Event("asemble-stack"));
  return () => stacks.get(header.key) === stack && stacks.delete(header.key); // no later courier's
}
