// Answers given while looking back or reviewing: what others said is in sight then.

/** What others said of an image, and what an answer will mean. */
export function othersText(entry) {
  if (!entry?.others?.length) return "";
  const said = entry.others.map(({ by, label }) => `${by}: ${label}`).join(", ");
  return `${said}. Your answer settles what it is.`;
}

/** A second label would only make a tie: with the first one in sight it settles the image. */
export function streamOf(entry, kind) {
  return entry.others?.length && (kind === "label" || kind === "bad") ? "adjudication" : "review";
}

/** Where one is in the past answers, or in the gallery that is reviewed. */
export function placeText(entry, { reviewing, index, count }) {
  if (!entry) return "The end of this list";
  if (reviewing) return `${index + 1} of ${count}`;
  return `${count - index} back · a class key corrects · Esc goes on`;
}
