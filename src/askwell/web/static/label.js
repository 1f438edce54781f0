// The labelling desk: which image is shown, and what a key does to it.
//
// `upcoming` are images that the server has leased to this annotator, the first one on screen;
// `past` are those answered, oldest first; `position` points into `past` while looking back, and
// into the list itself while reviewing. An answer is put into the outbox and the next image is
// shown at once; the server's acknowledgement brings further images and the state of the project.

import { onClicks } from "./actions.js";
import { onKeys } from "./keys.js";
import { Opinion } from "./opinion.js";
import { Outbox, ask, newKey } from "./outbox.js";
import { Panel } from "./panel.js";
import { placeText, reviewText, streamOf } from "./review.js";
import { banner, toast } from "./toast.js";
import { Prefetch, Viewer } from "./viewer.js";

const AHEAD = 5; // the image on screen and four prefetched
const EVERY_MS = 20000; // leases are renewed, and the trainer's progress is shown
const LONGEST_MS = 3600000;
const KINDS = { unsure: "Unsure", bad: "Bad image", later: "Later", flag: "Flagged", unflag: "No flag" };

const $ = (id) => document.getElementById(id);

export class Desk {
  #upcoming = [];
  #past = [];
  #position = null;
  #steps = []; // what undo takes back, newest last
  #shown = null; // the offer on screen
  #shownAt = 0;
  #done = false;
  #asking = false;
  #answers = 0;
  #lost = false;

  constructor(main) {
    this.annotator = Number(main.dataset.annotator);
    this.reviewing = main.dataset.mode === "review";
    this.list = JSON.parse(main.dataset.review);
    this.start_at = Number(main.dataset.start);
    this.back = main.dataset.back;
    this.images = new Prefetch();
    this.viewer = new Viewer($("stage"), $("frame"), {
      zoom: $("zoom"), brightness: $("brightness"), contrast: $("contrast"),
    });
    this.panel = new Panel((id) => this.label(id));
    this.opinion = new Opinion($("opinion"), $("reveal"));
    this.outbox = new Outbox(main.dataset.project, {
      acknowledged: (entries, answer) => this.#acknowledged(entries, answer),
      refused: (entry, sentence) => this.#refused(entry, sentence),
      trouble: (error, unsent) => this.#trouble(error, unsent),
    });
  }

  async start() {
    onKeys(this);
    onClicks(this);
    window.addEventListener("online", () => this.#beat());
    document.addEventListener("visibilitychange", () => document.hidden || this.#beat());
    setInterval(() => this.#beat(), EVERY_MS);
    this.outbox.send();
    if (this.reviewing) {
      this.#past = this.list;
      this.#position = this.start_at;
    } else {
      await this.#history();
    }
    await this.refill();
    this.#show();
  }

  get looking() {
    return this.#position !== null;
  }

  /** The image on screen, or null. */
  get shown() {
    return this.#shown;
  }

  // ---- answers -------------------------------------------------------------------------------

  label(id) {
    const chosen = this.panel.classes.find((each) => each.id === id);
    if (chosen && this.#ready()) this.#decide("label", chosen);
  }

  /** Looking back, "later" goes on: who leafs through answers does not mean to take them away. */
  skip(kind) {
    if (kind === "later" && this.looking) this.look(1);
    else if (this.#ready(true)) this.#decide(kind, null);
  }

  flag() {
    if (!this.#ready(true)) return;
    const entry = this.#shown;
    const kind = entry.flagged ? "unflag" : "flag";
    this.#send(entry, kind, null);
    this.#steps.push({ entry, kind, name: KINDS[kind], before: { flagged: entry.flagged } });
    entry.flagged = !entry.flagged;
    this.#paint();
    toast(KINDS[kind], this.#undoButton());
  }

  #decide(kind, chosen) {
    const entry = this.#shown;
    const first = !this.looking;
    const before = { kind: entry.kind, label: entry.label, settled: entry.settled };
    const replaces = entry.kind !== null && entry.kind !== kind;
    this.#send(entry, kind, chosen);
    const name = chosen?.name ?? KINDS[kind];
    if (this.looking && streamOf(entry, kind) === "adjudication") entry.settled = { by: "you", label: name };
    this.#steps.push({ entry, kind, name, before, first });
    Object.assign(entry, { kind, label: chosen?.id ?? null, returned: false });
    if (first) {
      this.#upcoming.shift();
      this.#past = this.#past.filter((each) => each.item !== entry.item);
      this.#past.push(entry);
    } else if (this.reviewing) {
      this.#position = Math.min(this.#position + 1, this.list.length);
    } else {
      this.#position = null;
    }
    toast(first || !replaces ? name : `Corrected: ${name}`, this.#undoButton());
    this.#show();
  }

  #send(entry, kind, chosen) {
    const took = Math.round(performance.now() - this.#shownAt);
    this.#answers += 1;
    this.outbox.add({
      type: "decision",
      settles: kind !== "flag" && kind !== "unflag",
      body: {
        key: newKey(),
        item: entry.item,
        annotator: this.annotator,
        kind,
        label: chosen?.id ?? null,
        lead_time_ms: Math.max(0, Math.min(took, LONGEST_MS)),
        stream: this.looking ? streamOf(entry, kind) : entry.stream,
        ranking: entry.ranking ?? null,
        predicted: entry.predicted ?? null,
        confidence: entry.confidence ?? null,
        acquisition: entry.acquisition ?? "",
        score: entry.score ?? null,
      },
    });
  }

  undo() {
    const step = this.#steps.pop();
    this.#answers += 1;
    this.outbox.add({ type: "undo", body: { key: newKey(), annotator: this.annotator } });
    if (!step) return; // an answer from before a reload: the server says which
    Object.assign(step.entry, step.before);
    if (step.kind !== "flag" && step.kind !== "unflag") this.outbox.unsettle(step.entry.item);
    this.#return(step.entry, step.first);
    toast(`Undone: ${step.name}`);
  }

  /** Show an image again whose answer was taken back. */
  #return(entry, unanswered) {
    if (unanswered) {
      entry.returned = true; // until the server has undone it, too, and offers it
      this.#past = this.#past.filter((each) => each.item !== entry.item);
      this.#upcoming = [entry, ...this.#upcoming.filter((each) => each.item !== entry.item)];
      this.#position = null;
    } else {
      const index = this.#past.findIndex((each) => each.item === entry.item);
      this.#position = index >= 0 ? index : this.reviewing ? this.#position : null;
    }
    this.#show();
  }

  #undoButton() {
    return { name: "Undo", run: () => this.undo() };
  }

  /** Whether the image is on screen: nobody answers what cannot be seen yet. */
  #ready(unseen = false) {
    if (this.#shown === null || this.#shown.trouble) return false;
    return unseen || this.images.get(this.#shown).ready;
  }

  // ---- which image ---------------------------------------------------------------------------

  look(step) {
    const last = this.reviewing ? this.list.length : this.#past.length;
    const now = this.#position ?? last;
    const next = Math.min(last, Math.max(0, now + step));
    if (next === now) return;
    this.#position = next === last && !this.reviewing ? null : next;
    this.#show();
  }

  /** Escape: the whole image first, then the image to be labelled, then the gallery. */
  leave() {
    if (this.reviewing) location.assign(this.back);
    this.viewer.reset();
    if (this.looking && !this.reviewing) {
      this.#position = null;
      this.#show();
    }
  }

  #current() {
    return (this.looking ? this.#past[this.#position] : this.#upcoming[0]) ?? null;
  }

  #show() {
    const entry = this.#current();
    const changed = entry?.item !== this.#shown?.item;
    this.#shown = entry;
    const around = this.looking
      ? this.#past.slice(Math.max(0, this.#position - 2), this.#position + 3)
      : [...this.#past.slice(-2), ...this.#upcoming];
    this.images.keep(around);
    if (changed || !entry) {
      this.opinion.hide();
      this.#shownAt = performance.now();
    }
    // Not ready: it may have failed while the server was away.
    if (changed || !entry || !this.images.get(entry).ready) this.#display(entry);
    this.#paint();
  }

  async #display(entry) {
    if (!entry) {
      this.viewer.show(null);
      return;
    }
    const image = this.images.get(entry);
    if (!image.ready) this.viewer.show(null);
    await image.loaded;
    if (this.#shown !== entry) return; // another image since
    if (image.failed) {
      await this.#unshowable(entry);
      return;
    }
    delete entry.trouble;
    this.viewer.show(image.element);
    this.#shownAt = performance.now();
    this.#paint();
  }

  async #unshowable(entry) {
    try {
      await ask("GET", `/image/${entry.item}`);
    } catch (error) {
      if (error.status >= 400) {
        if (this.looking) {
          entry.trouble = `This image cannot be shown: ${error.message}`;
          this.#paint();
          return;
        }
        toast(`Image ${entry.item} cannot be shown: ${error.message}`);
        this.#upcoming = this.#upcoming.filter((each) => each !== entry);
        await this.refill();
        this.#show();
      } else {
        this.#trouble(error, this.outbox.size);
      }
    }
  }

  #paint() {
    const entry = this.#shown;
    this.panel.mark(entry?.kind === "label" ? entry.label : null);
    this.panel.enable(Boolean(entry) && !entry.trouble);
    if (!this.reviewing) $("ask").textContent = entry || !this.#done ? "Which class is it?" : "No image is left";
    for (const kind of ["unsure", "bad", "later"]) {
      document.querySelector(`.skips [data-do=${kind}]`).classList.toggle("chosen", entry?.kind === kind);
    }
    document.querySelector("[data-do=flag]").setAttribute("aria-pressed", String(Boolean(entry?.flagged)));
    $("flagged").hidden = !entry?.flagged;
    $("why").textContent = this.looking ? reviewText(entry) : (entry?.why ?? "");
    $("place").hidden = !this.looking;
    $("place").textContent = this.looking ? placeText(entry, this.#place()) : "";
    $("waiting").hidden = Boolean(entry && !entry.trouble && this.images.get(entry).ready);
    $("waiting").textContent = entry ? (entry.trouble ?? "The image is on its way…") : this.#nothingText();
  }

  #place() {
    const { reviewing } = this;
    return { reviewing, index: this.#position, count: reviewing ? this.list.length : this.#past.length };
  }

  #nothingText() {
    if (this.reviewing) return "That was the last one.";
    if (this.#lost) return "Waiting for the server…";
    return this.#done ? this.panel.finished : "Looking for the next image…";
  }

  // ---- the server ----------------------------------------------------------------------------

  async #history() {
    try {
      const { entries } = await ask("GET", `/api/history?annotator=${this.annotator}&limit=200`);
      this.#past = entries;
    } catch (error) {
      this.#trouble(error, this.outbox.size);
    }
  }

  #beat() {
    if (document.hidden) return;
    if (this.outbox.size) this.outbox.send();
    else this.refill();
  }

  /** Ask for images; what comes while an answer is on its way would be out of date. */
  async refill() {
    if (this.#asking || this.outbox.size) return;
    this.#asking = true;
    const answers = this.#answers;
    try {
      const answer = await ask("GET", `/api/next?n=${this.reviewing ? 0 : AHEAD}&annotator=${this.annotator}`);
      this.#asking = false;
      if (answers === this.#answers) this.#take(answer);
    } catch (error) {
      this.#asking = false;
      this.#trouble(error, this.outbox.size);
      if (error.status === 0) setTimeout(() => this.refill(), 1000);
    }
  }

  #take(answer) {
    if (this.#lost) {
      this.#lost = false;
      banner(null);
      toast("The server is back.");
    }
    this.panel.show(answer.status);
    if (this.reviewing) return;
    const first = this.#upcoming[0];
    const known = new Map(this.#upcoming.map((entry) => [entry.item, entry]));
    let offers = answer.offers.filter((offer) => !this.outbox.holds(offer.item));
    this.#done = answer.offers.length === 0;
    offers = offers.map((offer) => Object.assign(known.get(offer.item) ?? {}, offer));
    if (this.outbox.size === 0) for (const offer of offers) offer.returned = false;
    const still = offers.find((offer) => offer.item === first?.item);
    if (first && (still || first.returned)) offers = [first, ...offers.filter((offer) => offer !== still)];
    this.#upcoming = offers;
    this.#show();
  }

  #acknowledged(entries, answer) {
    if (entries[0].type === "undo" && answer.item && !this.#steps.length) {
      const entry = this.#past.find((each) => each.item === answer.item.item) ?? answer.item;
      Object.assign(entry, answer.item);
      const unanswered = answer.item.kind === null;
      const asked = answer.offers.some((offer) => offer.item === answer.item.item);
      // An image that is asked of nobody any more is not shown as if it were.
      if (this.#shown?.item !== answer.item.item && (asked || !unanswered)) {
        this.#return(entry, unanswered && !this.reviewing);
      } else if (unanswered && !asked) {
        this.#past = this.#past.filter((each) => each !== entry || this.reviewing);
      }
      const { kind, label, path } = answer.undone;
      const name = this.panel.classes.find(({ id }) => id === label)?.name ?? KINDS[kind] ?? "a label";
      // Of an image that is to be judged again, the path might give the class away.
      toast(`Undone: ${name}${asked ? "" : `, ${path}`}`);
    } else if (entries[0].type === "undo" && !answer.item) {
      toast("There is nothing to undo.");
    }
    this.#take(answer);
  }

  #refused(entry, sentence) {
    toast(`Not stored: ${sentence}`);
    this.#steps = this.#steps.filter((step) => step.entry.item !== entry.body.item);
    const index = this.#past.findIndex((each) => each.item === entry.body.item);
    if (index >= 0 && !this.reviewing) this.#past.splice(index, 1);
    this.#position = this.reviewing ? this.#position : null;
    this.refill();
  }

  #trouble(error, unsent) {
    const kept = unsent === 1 ? "1 answer is" : `${unsent} answers are`;
    const safe = unsent ? ` ${kept} kept in this browser and sent when it does.` : "";
    if (error.status === 0) {
      this.#lost = true;
      banner(`The server does not answer. Is askwell still running?${safe}`);
      this.#paint();
    } else {
      this.#lost = true;
      banner(`${error.message}${unsent ? ` ${kept} kept in this browser.` : ""}`);
    }
  }
}
