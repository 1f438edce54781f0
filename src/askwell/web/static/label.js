// The labelling desk: what is on screen, and what a key does to it.
//
// An answer is put into the outbox and the next image of the line is shown at once; the server's
// acknowledgement brings further images and the state of the project.

import { onClicks } from "./actions.js";
import { onKeys } from "./keys.js";
import { Line } from "./line.js";
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
  #line;
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
    const list = { entries: JSON.parse(main.dataset.review), start: Number(main.dataset.start) };
    this.#line = new Line(this.reviewing ? list : null);
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
    if (!this.reviewing) await this.#history();
    await this.refill();
    this.#show();
  }

  get looking() {
    return this.#line.looking;
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
    this.#line.answered(entry);
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
    this.#line.bringBack(entry, unanswered);
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
    if (this.#line.look(step)) this.#show();
  }

  /** Escape: the whole image first, then the image to be labelled, then the gallery. */
  leave() {
    if (this.reviewing) location.assign(this.back);
    this.viewer.reset();
    if (this.looking && !this.reviewing) {
      this.#line.leave();
      this.#show();
    }
  }

  #show() {
    const entry = this.#line.current;
    const changed = entry?.item !== this.#shown?.item;
    this.#shown = entry;
    this.images.keep(this.#line.around);
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
        this.#line.drop(entry);
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
    $("place").textContent = this.looking ? placeText(entry, this.#line.place) : "";
    $("waiting").hidden = Boolean(entry && !entry.trouble && this.images.get(entry).ready);
    $("waiting").textContent = entry ? (entry.trouble ?? "The image is on its way…") : this.#nothingText();
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
      this.#line.past = entries;
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
    this.#done = answer.offers.length === 0;
    this.#line.offered(answer.offers, this.outbox);
    this.#show();
  }

  #acknowledged(entries, answer) {
    if (entries[0].type === "undo" && answer.item && !this.#steps.length) {
      const entry = this.#line.past.find((each) => each.item === answer.item.item) ?? answer.item;
      Object.assign(entry, answer.item);
      const unanswered = answer.item.kind === null;
      const asked = answer.offers.some((offer) => offer.item === answer.item.item);
      // An image that is asked of nobody any more is not shown as if it were.
      if (this.#shown?.item !== answer.item.item && (asked || !unanswered)) {
        this.#return(entry, unanswered);
      } else if (unanswered && !asked) {
        this.#line.forget(entry.item);
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
    this.#line.forget(entry.body.item);
    this.#line.leave();
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
