// What this browser remembers from study to study: how the reader likes to look, nothing of a study.

const KEY = "asemble.viewer";

/** @returns {Remembered} */
export function recall() {
  try {
    return JSON.parse(globalThis.localStorage?.getItem(KEY) ?? "{}") ?? {};
  } catch {
    return {}; // no storage here, or somebody else's words in it
  }
}

/** @type {(news: Remembered) => void} */
export function remember(news) {
  try {
    globalThis.localStorage?.setItem(KEY, JSON.stringify({ ...recall(), ...news }));
  } catch {
    // a browser that keeps nothing shows the same viewer
  }
}
