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
