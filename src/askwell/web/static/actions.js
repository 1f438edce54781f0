// What the buttons and keys of the labelling desk do, by name: `data-do="undo"`, or a key.

const $ = (id) => document.getElementById(id);

const ACTIONS = {
  back: (desk) => desk.look(-1),
  forward: (desk) => desk.look(1),
  undo: (desk) => desk.undo(),
  unsure: (desk) => desk.skip("unsure"),
  bad: (desk) => desk.skip("bad"),
  later: (desk) => desk.skip("later"),
  flag: (desk) => desk.flag(),
  "zoom-in": (desk) => desk.viewer.zoomBy(1.4),
  "zoom-out": (desk) => desk.viewer.zoomBy(1 / 1.4),
  fit: (desk) => desk.viewer.reset(),
  leave: (desk) => desk.leave(),
  reveal: (desk) => desk.opinion.toggle(desk.shown),
  help: () => ($("help").open ? $("help").close() : $("help").showModal()),
  brighter: (desk) => desk.viewer.adjust("brightness", 10),
  darker: (desk) => desk.viewer.adjust("brightness", -10),
  harder: (desk) => desk.viewer.adjust("contrast", 10),
  softer: (desk) => desk.viewer.adjust("contrast", -10),
  accept: (desk) => {
    const suggestion = desk.opinion.suggestion(desk.shown);
    if (suggestion === undefined) desk.opinion.toggle(desk.shown);
    else if (suggestion !== null) desk.label(suggestion);
  },
};

/** Do what has this name; nothing if nothing has. */
export function act(desk, name) {
  ACTIONS[name]?.(desk);
}

export function onClicks(desk) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    act(desk, button.dataset.do);
    // After the mouse, keys are for the image again; who moves by Tab keeps the place.
    if (event.detail > 0 && button.dataset.do !== "help") $("stage").focus({ preventScroll: true });
  });
}
