// The page's one module: forms everywhere, and the labelling desk where there is one.

import { startForms } from "./forms.js";
import { Desk } from "./label.js";
import { toast } from "./toast.js";

startForms();
const said = sessionStorage.getItem("askwell:said");
if (said) {
  sessionStorage.removeItem("askwell:said");
  toast(said);
}
const desk = document.querySelector("[data-view=label]");
if (desk) new Desk(desk).start();
