// The side panel: class buttons with their keys, and the state of the project in words.

import { notice } from "./toast.js";

const DIGITS = 20; // 1 … 0 and Shift + 1 … 0

const $ = (id) => document.getElementById(id);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

export class Panel {
  classes = [];
  finished = "Every image has an answer.";
  #choose;
  #buttons = new Map();
  #drawn = "";
  // Class at each digit and letter: as it was when the page was loaded, whatever others change.
  #places = [];
  #letters = new Map();
  #enabled = true;

  constructor(choose) {
    this.#choose = choose;
  }

  show(status) {
    this.#drawClasses(status.classes);
    this.finished = status.finished;
    $("done").textContent = status.done;
    $("bar").max = Math.max(1, status.total);
    $("bar").value = status.labelled;
    $("numbers").replaceChildren(
      ...status.facts.map(([term, value, note]) => {
        const row = element("div");
        row.append(element("dt", term), element("dd", value));
        if (note) row.append(element("dd", note, "note"));
        return row;
      }),
    );
    $("advice").hidden = !status.advice.reason;
    $("advice").textContent = (status.advice.stop ? "You could stop. " : "") + status.advice.reason;
    $("advice").classList.toggle("stop", status.advice.stop);
    for (const { id, count } of status.classes) this.#buttons.get(id).querySelector(".tally").textContent = count;
  }

  /** Show which class an image has. */
  mark(id) {
    for (const [each, button] of this.#buttons) button.setAttribute("aria-pressed", String(each === id));
  }

  /** Whether there is an image to say something of. */
  enable(any) {
    this.#enabled = any;
    for (const button of document.querySelectorAll(".classes button, .skips button")) button.disabled = !any;
  }

  /** The class at a digit's place; undefined if there is none. */
  at(place) {
    return this.#active(this.#places[place]);
  }

  /** The class of a letter; undefined if there is none. */
  by(letter) {
    return this.#active(this.#letters.get(letter));
  }

  #active(id) {
    return this.classes.find((each) => each.id === id);
  }

  /** Others may merge or move classes: no key comes to mean another class under the fingers. */
  #keepKeys(classes) {
    const first = this.#places.length === 0;
    this.#places.push(...classes.map(({ id }) => id).filter((id) => !this.#places.includes(id)));
    for (const { id, shortcut } of classes) {
      if (shortcut && !this.#letters.has(shortcut)) this.#letters.set(shortcut, id);
    }
    if (first) return;
    const moved = classes.some(
      ({ id, shortcut }, place) => this.#places[place] !== id || this.#letterOf(id) !== shortcut,
    );
    if (moved) notice("The classes have changed. Their keys stay until you load the page anew.");
  }

  #letterOf(id) {
    return [...this.#letters].find(([, each]) => each === id)?.[0] ?? null;
  }

  #keyOf({ id }) {
    const letter = this.#letterOf(id);
    if (letter) return letter.toUpperCase();
    const place = this.#places.indexOf(id);
    return place < DIGITS ? `${place >= 10 ? "⇧" : ""}${(place + 1) % 10}` : "";
  }

  #drawClasses(classes) {
    const drawn = JSON.stringify(classes.map(({ id, name, key }) => [id, name, key]));
    this.classes = classes;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#buttons.clear();
    this.#keepKeys(classes);
    for (const each of classes) {
      const { id, name } = each;
      const key = this.#keyOf(each);
      const button = element("button", undefined, "class");
      button.type = "button";
      button.title = name; // the button shows three lines of it
      button.append(element("span", name));
      button.append(element("span", "", "tally"));
      if (key) button.append(element("kbd", key));
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", (event) => {
        this.#choose(id);
        if (event.detail > 0) $("stage").focus({ preventScroll: true });
      });
      this.#buttons.set(id, button);
    }
    $("classes").replaceChildren(...this.#buttons.values());
    $("classes").classList.toggle("many", classes.length > 6);
    this.enable(this.#enabled);
  }
}
