// A short message at the foot of the page, read out by screen readers, gone after a while.

const SECONDS = 4; // and longer for longer messages
const LETTERS_A_SECOND = 12;
let timer;
let kept = { text: "", until: 0 }; // a notice that further messages leave standing

/** action: {name, run} puts a button beside the message. */
export function toast(message, action) {
  const box = document.querySelector("#toast");
  const text = document.createElement("span");
  text.textContent = message;
  if (Date.now() < kept.until && kept.text !== message) text.append(document.createElement("br"), kept.text);
  box.replaceChildren(text);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action.name;
    button.addEventListener("click", action.run);
    box.append(button);
  }
  box.hidden = false;
  hideAfter(message);
}

function hideAfter(message) {
  clearTimeout(timer);
  timer = setTimeout(() => (document.querySelector("#toast").hidden = true), 1000 * secondsFor(message));
}

function secondsFor(message) {
  return Math.max(SECONDS, 1 + message.length / LETTERS_A_SECOND);
}

/** A message that covers no other one and is covered by none: it stands below them for a while. */
export function notice(message) {
  const box = document.querySelector("#toast");
  const shown = box.querySelector("span");
  kept = { text: message, until: Date.now() + 1000 * secondsFor(message) };
  if (box.hidden || !shown) toast(message);
  else if (!shown.textContent.endsWith(message)) {
    shown.append(document.createElement("br"), message);
    hideAfter(shown.textContent);
  }
}

/** Take the message away before its time. */
export function quiet() {
  clearTimeout(timer);
  kept.until = 0;
  document.querySelector("#toast").hidden = true;
}

/** The banner at the top: what is wrong at the moment; null when all is well again. */
export function banner(message) {
  const box = document.querySelector("#banner");
  if (box.textContent !== (message ?? "")) box.textContent = message ?? "";
  box.hidden = !message;
}
