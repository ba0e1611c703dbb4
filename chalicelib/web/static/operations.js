/** For the people on call: queues, dead letters and their way back, invariants, and the local exchange's switches. */

import { get, post } from "./api.js";
import { spark } from "./chart.js";
import { fill, h, keyed } from "./dom.js";
import { ago, count, duration, moment, plural, shortId, status } from "./format.js";
import { action } from "./form.js";
import { exchangeSection } from "./exchange.js";
import { poll } from "./live.js";
import { cell, empty, fault, head, loading, section, table } from "./parts.js";

const QUEUES = [["Queue"], ["Waiting", "number"], ["In flight", "number"], ["Oldest", "number"], ["Dead letters", "number"], ["Last minutes"]];
const LETTERS = [["Reason"], ["Queue"], ["Order"], ["Attempts", "number"], ["Since"]];
const MOST_SAMPLES = 48;

export function showOperations(page) {
  const history = new Map();
  const { element: queueTable, body: queueBody } = table("Queues", QUEUES);
  const state = h("div", {}, loading());
  const letters = deadLetters(page, () => live.refresh());
  queueTable.hidden = true;
  page.show("Operations",
    head("Operations", "What waits, what failed, and whether the promises hold."),
    section("Queues", {}, state, queueTable),
    section("Dead letters", { note: "What used up its retries waits here. A redrive sends it on its way again." }, letters.element),
    invariants(page),
    exchangeSection(page));

  const live = poll(page.life, 3, async (life) => {
    const { queues } = await get("operations/queues", {}, life);
    fill(state);
    queueTable.hidden = false;
    for (const queue of queues) remember(queue);
    keyed(queueBody, queues.map((queue) => ({ ...queue, course: history.get(queue.name) })), (queue) => queue.name, drawQueue);
    await letters.show(queues, life);
  }, (error) => fill(state, fault(error)));

  function remember(queue) {
    const course = history.get(queue.name) ?? [];
    history.set(queue.name, [...course, queue.depth + queue.in_flight].slice(-MOST_SAMPLES));
  }
}

function drawQueue(queue) {
  return h("tr", {},
    h("th", { scope: "row", "data-label": "Queue" }, queue.name),
    cell("Waiting", count(queue.depth), "number"),
    cell("In flight", count(queue.in_flight), "number"),
    cell("Oldest", queue.oldest_age_seconds ? duration(queue.oldest_age_seconds) : "–", "number"),
    cell("Dead letters", h("span", { class: queue.dead_letters ? "alarm" : null }, count(queue.dead_letters)), "number"),
    cell("Last minutes", spark(queue.course)));
}

function deadLetters(page, moved) {
  const said = h("p", { class: "said", role: "status" });
  const buttons = h("div", { class: "actions" });
  const { element: shown, body } = table("Dead letters", LETTERS);
  const none = h("div");
  shown.hidden = true;

  async function redrive(queue) {
    const { redriven, remaining } = await post("operations/dead-letters/redrive", { queue });
    fill(said, `${plural(redriven, "letter")} of ${queue} sent on the way again${remaining ? `, ${count(remaining)} remain` : ""}.`);
    moved();
  }

  async function show(queues, life) {
    const dead = queues.filter((queue) => queue.dead_letters > 0);
    const answers = await Promise.all(dead.map(({ name }) => get("operations/dead-letters", { queue: name }, life)));
    const rows = answers.flatMap((answer) => answer.letters.map((letter) => ({ ...letter, queue: answer.queue })));
    keyed(buttons, dead.map(({ name, dead_letters: number }) => ({ name, number })), ({ name }) => name, ({ name, number }) =>
      action(`Redrive ${plural(number, "letter")} of ${name}`, () => redrive(name), { class: "plain" }));
    keyed(body, rows, (letter) => letter.message_id, drawLetter);
    shown.hidden = !rows.length;
    fill(none, dead.length ? null : empty("There are none."));
  }
  return { element: [none, shown, buttons, said], show };
}

function drawLetter(letter) {
  return h("tr", {},
    cell("Reason", [h("span", { class: "reason" }, letter.reason.replaceAll("_", " ")), !letter.order_id && h("span", { class: "sub code" }, letter.body.slice(0, 80))]),
    cell("Queue", letter.queue),
    cell("Order", letter.order_id ? [h("a", { class: "code", href: `#/order/${letter.order_id}` }, shortId(letter.order_id)), " ", status(letter.order_status)] : "–"),
    cell("Attempts", letter.attempts === undefined ? "–" : count(letter.attempts), "number"),
    cell("Since", ago(letter.dead_lettered_at ?? letter.sent_at)));
}

function invariants(page) {
  const list = h("ul", { class: "invariants" });
  const when = h("p", { class: "note" });
  const state = h("div", {}, loading());
  const run = action("Run now", async () => {
    const { complete } = await post("operations/invariants/run");
    await live.refresh();
    return complete ? "Done." : "Begun.";
  }, { class: "plain", describe: "Check the invariants now" });
  const live = poll(page.life, 10, async (life) => {
    const seen = await get("operations/invariants", {}, life);
    fill(state);
    keyed(when, [{ at: seen.as_of, complete: seen.complete }], () => "when", ({ at, complete }) => h("span", {},
      at ? ["Checked at ", moment(at), complete ? "." : ". A new check is on its way."] : "Not checked yet."));
    keyed(list, seen.invariants, (one) => one.name, drawInvariant);
  }, (error) => fill(state, fault(error)));
  return section("Invariants", { aside: run }, when, state, list);
}

function drawInvariant(one) {
  const broken = one.violations.length;
  const words = one.name.replaceAll("_", " ");
  return h("li", { "data-holds": `${!broken}` },
    h("span", { class: "name" }, words[0].toUpperCase() + words.slice(1)),
    h("span", { class: "verdict" }, broken ? plural(broken, "violation") : "holds"),
    h("span", { class: "sub" }, `${count(one.checked)} checked${one.in_flight ? `, ${count(one.in_flight)} in flight` : ""}`),
    broken > 0 && h("span", { class: "sub code" }, one.violations.slice(0, 5).join(", ")));
}
