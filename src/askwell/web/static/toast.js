// A short message at the foot of the page, read out by screen readers, gone after a while.

const SECONDS = 4; // and longer for longer messages
const LETTERS_A_SECOND = 12;
let timer;

/** action: {name, run} puts a button beside the message. */
export function toast(message, action) {
  const box = document.querySelector("#toast");
  const text = document.createElement("span");
  text.textContent = message;
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
  const seconds = Math.max(SECONDS, 1 + message.length / LETTERS_A_SECOND);
  timer = setTimeout(() => (document.querySelector("#toast").hidden = true), seconds * 1000);
}

/** A message that must not cover another one: it stands below what is shown already. */
export function notice(message) {
  const box = document.querySelector("#toast");
  const shown = box.querySelector("span");
  if (box.hidden || !shown) {
    toast(message);
    return;
  }
  if (!shown.textContent.endsWith(message)) shown.append(document.createElement("br"), message);
  hideAfter(shown.textContent);
}

/** Take the message away before its time. */
export function quiet() {
  clearTimeout(timer);
  document.querySelector("#toast").hidden = true;
}

/** The banner at the top: what is wrong at the moment; null when all is well again. */
export function banner(message) {
  const box = document.querySelector("#banner");
  if (box.textContent !== (message ?? "")) box.textContent = message ?? "";
  box.hidden = !message;
}
