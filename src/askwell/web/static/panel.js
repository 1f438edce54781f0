// The side panel: class buttons with their keys, and the state of the project in words.

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

  #drawClasses(classes) {
    const drawn = JSON.stringify(classes.map(({ id, name, key }) => [id, name, key]));
    this.classes = classes;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#buttons.clear();
    for (const { id, name, key } of classes) {
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
