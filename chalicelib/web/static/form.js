/** Forms: labelled fields, the API's own words beside the field they are about, and one submission at a time. */

import { Problem } from "./api.js";
import { fill, h } from "./dom.js";
import { plural } from "./format.js";

let ids = 0;

/** Return a labelled input with room for a hint and for what the API has to say about it. */
export function field({ name, label, hint, control = "input", ...attributes }) {
  const id = `field-${(ids += 1)}`;
  const described = hint ? `${id}-hint ${id}-error` : `${id}-error`;
  return h("div", { class: "field", "data-field": name },
    h("label", { for: id }, label),
    h(control, { id, name, autocomplete: "off", "aria-describedby": described, ...attributes }),
    hint && h("p", { id: `${id}-hint`, class: "hint" }, hint),
    h("p", { id: `${id}-error`, class: "error" }));
}

/** Return a choice between a few options, as radio buttons that look like one switch. */
export function choice({ name, label, options, value, onchange, quiet = false }) {
  const id = `field-${(ids += 1)}`;
  return h("fieldset", { class: "field choice", "data-field": name, "aria-describedby": `${id}-error` },
    h("legend", { class: quiet ? "unseen" : null }, label),
    h("div", { class: "segments" }, options.map(([option, text]) => h("label", {},
      h("input", { type: "radio", name, value: option, checked: option === value, onchange }),
      h("span", {}, text)))),
    h("p", { id: `${id}-error`, class: "error" }));
}

/** Return a form. `send` gets the values; what it returns is told in the form's live region. */
export function form({ class: name, label, fields, button, send }) {
  const said = h("output", { class: "said" });
  const element = h("form", { class: name, "aria-label": label, novalidate: true },
    fields, h("div", { class: "actions" }, button), said);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    await submit(element, said, () => send(valuesOf(element), event.submitter?.value));
  });
  return element;
}

async function submit(element, said, send) {
  // Not by `disabled`, which would take the focus away.
  if (element.ariaBusy === "true") return;
  element.ariaBusy = "true";
  clear(element);
  fill(said);
  try {
    fill(said, await send());
  } catch (error) {
    fill(said, h("span", { class: "fault" }, explain(element, error)));
  } finally {
    element.ariaBusy = "false";
  }
}

/** Return what was typed: numbers as numbers where they are some; nothing for what was left empty. */
function valuesOf(element) {
  const values = {};
  for (const [name, text] of new FormData(element)) {
    if (text === "") continue;
    // What is no number goes as it was typed: the API knows best what is wrong with it.
    const isNumber = "number" in (element.elements[name].dataset ?? {}) && /^-?\d{1,15}([.]\d+)?$/.test(text.trim());
    values[name] = isNumber ? Number(text) : text;
  }
  return values;
}

/** Show each error beside its field, move to the first of them, and return one sentence about all. */
function explain(element, error) {
  if (!(error instanceof Problem)) {
    return `${error.message} It may have arrived all the same: send it once more, and it still happens only once.`;
  }
  const homeless = error.errors.filter(({ loc, msg }) => !place(element, String(loc[1]), msg));
  element.querySelector("[aria-invalid=true]")?.focus();
  if (!error.errors.length) return error.message;
  if (homeless.length) return homeless.map(({ loc, msg }) => `${loc.slice(1).join(" ")}: ${msg}`).join(". ");
  return `Not sent: ${plural(error.errors.length, "field needs", "fields need")} another look.`;
}

function place(element, name, message) {
  const home = [...element.querySelectorAll("[data-field]")].find((one) => one.dataset.field === name && !one.hidden);
  if (!home) return false;
  home.querySelector(".error").textContent = message;
  home.querySelector("input, textarea").setAttribute("aria-invalid", "true");
  return true;
}

function clear(element) {
  for (const error of element.querySelectorAll(".error")) error.textContent = "";
  for (const control of element.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/** Return a button that does one thing and tells beside it what came of it. */
export function action(label, act, { class: name = "link", describe } = {}) {
  const said = h("span", { class: "said", role: "status" });
  const button = h("button", { type: "button", class: name, "aria-label": describe }, label);
  button.addEventListener("click", async () => {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    try {
      fill(said, await act());
    } catch (error) {
      fill(said, h("span", { class: "fault" }, error.message));
    } finally {
      button.ariaBusy = "false";
    }
  });
  return h("span", { class: "action" }, button, said);
}
