// Answers given while looking back or reviewing: what others said is in sight then.

/** Which file it is, why it is on a list of likely mistakes, and what was said of it. */
export function reviewText(entry) {
  const { kind, path, away, doubt, others, settled } = entry ?? {};
  const said = others?.map(({ by, label }) => `${by}: ${label}`).join(", ");
  const labelled = kind === "label" || said; // before, its name might give the class away
  return [
    labelled && path && `${path}.`,
    away && `${away}.`,
    doubt && `The model says ${doubt.name}, ${Math.round(100 * doubt.probability)} %.`,
    settled && `Settled by ${settled.by}: ${settled.label}.`,
    said && `${said}. Your answer settles ${settled ? "it anew" : "what it is"}.`,
  ].filter(Boolean).join(" ");
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
