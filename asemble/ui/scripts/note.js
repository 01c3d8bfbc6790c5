// A part of a page that runs by itself tells `recovery.js` what the reading is after it.

/** @param {Mount<{ reading: string, count: number }>} mount */
export default function ({ data }) {
  globalThis.asembleRecovery?.write?.(data);
}
