/**
 * Marks and lines, each with a number, until the server has heard of it: of two messages at once
 * Streamlit delivers the last alone.
 * @param {Pick<Viewer, "said" | "queue" | "name" | "tell">} viewer
 * @param {Omit<Said, "number">} what
 * @returns {number} its number
 */
export function say(viewer, what) {
  viewer.said += 1;
  viewer.queue.push({ number: viewer.said, ...what });
  viewer.tell("said", { viewer: viewer.name, queue: viewer.queue });
  return viewer.said;
}
