// What the model thinks of the image on screen: hidden until asked for, so that people judge first.

import { ask } from "./outbox.js";

const MOST = 5; // classes with a bar of their own
const MEASURES = "This image measures the model: judge by yourself, or the accuracy comes out too good.";

const percent = (share) => `${(100 * share).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

export class Opinion {
  #box;
  #button;
  #suggested = undefined; // {item, label}: only what is on screen can be accepted

  constructor(box, button) {
    this.#box = box;
    this.#button = button;
  }

  /** The class that the model suggests; undefined while hidden, null where there is none. */
  suggestion(entry) {
    return this.#suggested?.item === entry?.item ? this.#suggested?.label : undefined;
  }

  hide() {
    this.#suggested = undefined;
    this.#box.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }

  async toggle(entry) {
    if (!this.#box.hidden || !entry) {
      this.hide();
      return;
    }
    this.#box.replaceChildren(element("p", "Asking the model…"));
    this.#box.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#suggested = { item: entry.item, label: null };
    const suggested = this.#suggested;
    try {
      const opinion = await ask("GET", `/api/opinion/${entry.item}`);
      if (this.#suggested !== suggested) return; // hidden again, or another image
      this.#draw(opinion);
      suggested.label = opinion.probabilities[0]?.id ?? null;
    } catch (error) {
      if (this.#suggested === suggested) this.#box.replaceChildren(element("p", error.message));
    }
  }

  #draw(opinion) {
    const [best] = opinion.probabilities;
    const head = element("p", undefined, "opinion-head");
    if (best) {
      head.append(element("strong", best.name), ` ${percent(best.probability)}`);
      head.append(element("span", ` says ${opinion.model}.`, "note"));
      head.append(element("span", " Enter takes it.", "note by-key"));
    } else {
      head.append(opinion.model);
    }
    const shown = opinion.probabilities.slice(0, MOST);
    const rows = shown.map(({ name, probability }) => bar(name, [[probability, ""]], percent(probability)));
    const others = opinion.probabilities.length - shown.length;
    const rest = 1 - shown.reduce((sum, each) => sum + each.probability, 0);
    if (others > 0) rows.push(bar(`${others} others`, [[rest, ""]], percent(Math.max(0, rest))));
    this.#box.replaceChildren(head);
    if (!best) return;
    const notes = [opinion.reliability, opinion.measures && MEASURES].filter(Boolean);
    if (notes.length) this.#box.append(element("p", notes.join(" "), "note opinion-notes"));
    const columns = element("div", undefined, "opinion-columns");
    const left = element("div", undefined, "opinion-bars");
    left.append(...rows);
    columns.append(left);
    this.#box.append(columns);
    if (opinion.words === undefined) { // of a labelled image: a model that was not taught the label
      left.append(element("p", opinion.path, "note path"));
      return;
    }
    const right = element("div", undefined, "opinion-bars");
    const { epistemic, aleatoric, largest } = opinion;
    right.append(
      bar("Uncertainty", [[epistemic / largest, "epistemic"], [aleatoric / largest, "aleatoric"]],
        percent((epistemic + aleatoric) / largest)),
      key("epistemic", `${percent(epistemic / largest)} epistemic: what more labels may settle`),
      key("aleatoric", `${percent(aleatoric / largest)} aleatoric: what it takes for ambiguous`),
      element("p", opinion.words, "note"),
      element("p", opinion.path, "note path"),
    );
    columns.append(right);
  }
}

function bar(name, parts, value) {
  const row = element("div", undefined, "count-row");
  const track = element("span", undefined, "count-bar");
  for (const [share, className] of parts) {
    const fill = element("span", undefined, className || undefined);
    fill.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
    track.append(fill);
  }
  row.append(element("span", name, "count-name"), track, element("span", value, "count-number"));
  return row;
}

function key(className, text) {
  const line = element("p", text, "note");
  line.prepend(element("span", undefined, `swatch ${className}`));
  return line;
}
