// Forms that speak to the JSON interface: `data-api="POST /api/classes"`, fields by name, then
// the page again (or `data-then`). A refusal is shown beside the form, as the sentence it is.

import { ask } from "./outbox.js";
import { quiet } from "./toast.js";

export function startForms() {
  for (const form of document.querySelectorAll("form[data-api]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (form.dataset.confirm && !confirm(question(form))) return;
      submit(form, event.submitter);
    });
  }
  reopen();
  for (const select of document.querySelectorAll("select[data-go]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
}

/** What was unfolded when a form in it was sent is unfolded again. */
function reopen() {
  const id = sessionStorage.getItem("askwell:open");
  sessionStorage.removeItem("askwell:open");
  const folded = id ? document.getElementById(id) : null;
  if (folded) folded.open = true;
  const place = sessionStorage.getItem("askwell:pair");
  sessionStorage.removeItem("askwell:pair");
  // What was decided is gone from the list: the next one has its place.
  if (place) document.querySelectorAll(".pair")[Number(place)]?.querySelector("button")?.focus();
}

/** The question before a form is sent, with what was chosen in it: {into} is the field's words. */
function question(form) {
  return form.dataset.confirm.replace(/\{(\w+)\}/g, (_, name) => {
    const field = form.elements.namedItem(name);
    return field.selectedOptions?.[0]?.text ?? field.value;
  });
}

async function submit(form, submitter) {
  const [method, url] = form.dataset.api.split(" ");
  const problem = form.querySelector("[role=alert]") ?? document.querySelector("#banner");
  problem.hidden = true;
  quiet(); // what was said of the form before
  form.classList.add("busy");
  try {
    const answer = await ask(method, url, fields(form, submitter));
    const said = answer.said ?? form.dataset.said;
    if (said) sessionStorage.setItem("askwell:said", said);
    sessionStorage.setItem("askwell:open", form.closest("details")?.id ?? "");
    const pairs = [...document.querySelectorAll(".pair")];
    if (form.closest(".pair")) sessionStorage.setItem("askwell:pair", pairs.indexOf(form.closest(".pair")));
    if (form.dataset.show) {
      document.querySelector(form.dataset.show).value = answer.value;
      form.classList.remove("busy");
    } else if (form.dataset.then) location.assign(form.dataset.then);
    else location.reload();
  } catch (error) {
    form.classList.remove("busy");
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

/** Fields by name: numbers where `data-number` says so, lines of a text where `data-lines` does. */
function fields(form, submitter) {
  const body = {};
  for (const [name, value] of new FormData(form, submitter)) {
    const element = form.elements.namedItem(name); // elements.item is a method
    const kind = (element instanceof RadioNodeList ? element[0] : element)?.dataset ?? {};
    if (kind.lines !== undefined) body[name] = value.split("\n").map((line) => line.trim()).filter(Boolean);
    else if (kind.percent !== undefined) body[name] = value === "" ? null : Number(value) / 100;
    else if (kind.number !== undefined) body[name] = value === "" ? null : Number(value);
    else body[name] = value === "" && kind.empty !== undefined ? null : value;
  }
  return body;
}
