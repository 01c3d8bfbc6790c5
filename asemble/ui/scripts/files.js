// Hands one file to the reader: a header in JSON, then its bytes (`downloads.py` writes them).

/** @param {Mount<Uint8Array>} mount */
export default function ({ data }) {
  const start = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const { id, name, kind } = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + start)));
  const given = (globalThis.asembleGiven ??= new Set()); // a page that is drawn again gives none twice
  if (!given.has(id)) {
    given.add(id);
    const address = URL.createObjectURL(new Blob([data.slice(4 + start)], { type: kind }));
    Object.assign(document.createElement("a"), { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
  globalThis.dispatchEvent(new CustomEvent("asemble-saved", { detail: { id } }));
}
