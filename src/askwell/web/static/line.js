// Whose turn it is: the images to be labelled, those that were, and which one is looked at.
//
// `upcoming` are images that the server has leased to this annotator, the first one on screen;
// `past` are those answered, oldest first; the position points into `past` while looking back.
// A review looks at a list of answers from the start, and never leaves it.

export class Line {
  upcoming = [];
  past = [];
  #position = null;
  #reviewing;

  /** @param list {entries, start} what is reviewed, and from where; null while labelling. */
  constructor(list) {
    this.#reviewing = list !== null;
    if (list) [this.past, this.#position] = [list.entries, list.start];
  }

  get looking() {
    return this.#position !== null;
  }

  /** The image that is to be on screen, or null. */
  get current() {
    return (this.looking ? this.past[this.#position] : this.upcoming[0]) ?? null;
  }

  /** The images that may be on screen next. */
  get around() {
    if (!this.looking) return [...this.past.slice(-2), ...this.upcoming];
    return this.past.slice(Math.max(0, this.#position - 2), this.#position + 3);
  }

  /** Where one is, for those who look back. */
  get place() {
    return { reviewing: this.#reviewing, index: this.#position, count: this.past.length };
  }

  /** Look back or forward; whether that leads anywhere. */
  look(step) {
    const last = this.past.length;
    const now = this.#position ?? last;
    const next = Math.min(last, Math.max(0, now + step));
    if (next === now) return false;
    this.#position = next === last && !this.#reviewing ? null : next;
    return true;
  }

  /** Back to the image to be labelled. */
  leave() {
    if (!this.#reviewing) this.#position = null;
  }

  /** Go on after an answer. */
  answered(entry) {
    if (!this.looking) {
      this.upcoming.shift();
      this.past = [...this.past.filter((each) => each.item !== entry.item), entry];
    } else if (this.#reviewing) {
      this.#position = Math.min(this.#position + 1, this.past.length);
    } else {
      this.#position = null;
    }
  }

  /** Have an image on screen again whose answer was taken back. */
  bringBack(entry, unanswered) {
    if (unanswered && !this.#reviewing) {
      entry.returned = true; // until the server has undone it, too, and offers it
      this.past = this.past.filter((each) => each.item !== entry.item);
      this.upcoming = [entry, ...this.upcoming.filter((each) => each.item !== entry.item)];
      this.#position = null;
    } else {
      const index = this.past.findIndex((each) => each.item === entry.item);
      this.#position = index >= 0 ? index : this.#reviewing ? this.#position : null;
    }
  }

  /** An answer that was looked back at does not stand: it is no answer any more. */
  forget(item) {
    if (!this.#reviewing) this.past = this.past.filter((each) => each.item !== item);
  }

  /** What the server offers now; the image on screen stays there if it may. */
  offered(offers, outbox) {
    const first = this.upcoming[0];
    const known = new Map(this.upcoming.map((entry) => [entry.item, entry]));
    const now = offers
      .filter((offer) => !outbox.holds(offer.item))
      .map((offer) => Object.assign(known.get(offer.item) ?? {}, offer));
    if (outbox.size === 0) for (const offer of now) offer.returned = false;
    const still = now.find((offer) => offer.item === first?.item);
    const stays = first && (still || first.returned);
    this.upcoming = stays ? [first, ...now.filter((offer) => offer !== still)] : now;
  }

  /** Leave out an image that cannot be shown. */
  drop(entry) {
    this.upcoming = this.upcoming.filter((each) => each !== entry);
  }
}
