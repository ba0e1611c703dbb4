/** The switches of the local exchange. On AWS there is no such exchange, and nothing is shown. */

import { Problem, get, put } from "./api.js";
import { fill, h } from "./dom.js";
import { choice } from "./form.js";
import { poll } from "./live.js";
import { section } from "./parts.js";

const CONTROL = "_local/exchange/control";
const MODES = [["normal", "Normal"], ["down", "Down"], ["slow_before", "Slow"], ["fail_after", "Loses answers"]];
const SAID = {
  normal: "It takes orders and answers at once.",
  down: "It takes nothing and says so. Orders wait, and are tried again.",
  slow_before: "It takes longer than we wait. Whether an order arrived has to be found out.",
  fail_after: "It accepts orders and then fails: its answers are lost on the way.",
};

/** Return the section, hidden until the exchange has told that it is there. */
export function exchangeSection(page) {
  const said = h("p", { class: "note", role: "status" });
  const switches = choice({ name: "mode", label: "The exchange is", quiet: true, options: MODES, onchange: change });
  const element = section("Local exchange", { note: "It runs on this machine and plays whatever you choose." }, switches, said);
  element.hidden = true;

  let changes = 0;

  async function change(event) {
    changes += 1;
    show(await put(CONTROL, { mode: event.target.value }).catch((error) => fill(said, error.message)));
  }

  // What was asked before a change is no news after it.
  async function look(life) {
    const before = changes;
    const control = await get(CONTROL, {}, life);
    if (changes === before) show(control);
  }

  function show(control) {
    if (!control) return;
    element.hidden = false;
    for (const input of switches.querySelectorAll("input")) input.checked = input.value === control.mode;
    const text = SAID[control.mode] ?? `It plays ${control.mode}.`;
    if (said.textContent !== text) fill(said, text);
  }

  const stop = new AbortController();
  poll(AbortSignal.any([page.life, stop.signal]), 5, look, (error) => {
    if (error instanceof Problem) stop.abort();
  });
  return element;
}
