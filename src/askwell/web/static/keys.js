// The keyboard. Keys in text fields, held keys and keys of the browser are none of ours.

import { act } from "./actions.js";

const NAMES = {
  u: "unsure", b: "bad", l: "later", " ": "later", f: "flag", r: "reveal", z: "undo",
  Backspace: "undo", ArrowLeft: "back", ArrowRight: "forward", Enter: "accept", Escape: "leave",
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", "−": "zoom-out", "?": "help", h: "help",
  "[": "darker", "]": "brighter", "{": "softer", "}": "harder",
};
const PRESSES = new Set([" ", "Enter"]); // what a focused button takes for itself
const SLIDES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

export function onKeys(desk) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    const { target } = event;
    if (target.closest("input:not([type=range]), textarea, select, [contenteditable]")) return;
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if ((event.ctrlKey || event.metaKey) && !undo) return;
    const name = undo ? "undo" : keyOf(event, desk);
    if (document.querySelector("dialog[open]")) {
      if (name === "help") document.querySelector("dialog[open]").close();
      return;
    }
    if (target.closest("button, a, summary") && PRESSES.has(event.key)) {
      if (event.repeat) event.preventDefault(); // a held Enter would press it again and again
      return;
    }
    if (target.type === "range" && SLIDES.has(event.key)) return;
    if (name === null) return;
    event.preventDefault();
    const slides = /zoom|brighter|darker|harder|softer/.test(String(name));
    if (event.repeat && !slides) return; // a held key is one answer
    if (typeof name === "number") desk.label(name);
    else act(desk, name);
  });
}

/** A class's id, an action's name, or null. */
function keyOf(event, desk) {
  const digit = /^(Digit|Numpad)([0-9])$/.exec(event.code);
  if (digit) {
    const place = ((Number(digit[2]) + 9) % 10) + (event.shiftKey && digit[1] === "Digit" ? 10 : 0);
    return desk.panel.at(place)?.id ?? null;
  }
  const own = desk.panel.by(event.key.toLowerCase());
  if (own) return own.id;
  return NAMES[event.key] ?? NAMES[event.key.toLowerCase()] ?? null;
}
