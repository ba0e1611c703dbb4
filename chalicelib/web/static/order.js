/** One order of the broker: its terms, where it stands, and every transition and attempt with its time. */

import { get, post } from "./api.js";
import { fill, h, keyed } from "./dom.js";
import { count, duration, money, moment, plural, shortId, status } from "./format.js";
import { action } from "./form.js";
import { follow, poll } from "./live.js";
import { fault, head, loading, section } from "./parts.js";

const FINAL = ["FILLED", "CANCELED", "REJECTED", "EXPIRED"];
const CAUSES = {
  accepted: "Accepted, and durable from here on",
  placed: "Placed at the exchange",
  found: "Found at the exchange, from an attempt without an answer",
  refused: "Refused by the exchange",
  unavailable: "Exchange unavailable, nothing was sent",
  unknown: "No answer from the exchange",
  lost: "The worker died with it",
  cancel_requested: "Cancel requested",
  canceled: "Canceled",
  cancel_refused: "Cancel refused by the exchange",
  acknowledged: "Reported by the exchange as placed",
  partially_filled: "Filled in part",
  filled: "Filled",
  expired: "Expired at the exchange",
  dead_lettered: "Retries used up, a dead letter now",
  requeued: "Found waiting by the sweep and queued again",
  deferred: "Waits for the order that it closes",
};

export function showOrder(page) {
  const id = page.route.id;
  const path = `orders/${encodeURIComponent(id)}`;
  const facts = h("div", {}, loading());
  const steps = h("ol", { class: "timeline" });
  const next = h("p", { class: "note", role: "status" });
  const actions = h("div", { class: "actions" });
  const cancel = action("Cancel order", async () => {
    try {
      const order = await post(`${path}/cancel`);
      return order.status === "CANCELED" ? "Canceled." : "Cancel requested. The exchange decides.";
    } finally { read(); }
  }, { class: "plain" });
  page.show(`Order ${shortId(id)}`,
    h("p", { class: "crumb" }, h("a", { href: "#/broker" }, "All orders")),
    head(`Order ${shortId(id)}`, null),
    h("div", { class: "split even" },
      section("Terms", {}, facts, actions),
      section("Timeline", {}, steps, next)));

  const read = () => live.refresh();
  const feed = follow(page.life, `orders/events?ids=${encodeURIComponent(id)}&`, { order: read, end: read });
  const live = poll(page.life, 1.5, async (life) => {
    const [order, timeline] = await Promise.all([get(path, {}, life), get(`${path}/timeline`, {}, life)]);
    keyed(facts, [order], () => "facts", drawFacts);
    // It stays once it is there: what it has to tell of a cancel is read beside it.
    if (!cancel.isConnected && !FINAL.includes(order.status)) fill(actions, cancel);
    drawSteps(timeline);
  }, (error) => fill(facts, fault(error)), feed);

  function drawSteps(timeline) {
    const [first] = timeline.entries;
    const slowest = Math.max(1, ...timeline.entries.map((entry) => entry.latency_ms ?? 0));
    const entries = timeline.entries.map((entry, index) => ({
      ...entry, place: timeline.count - timeline.entries.length + index, share: (entry.latency_ms ?? 0) / slowest,
      offset: (Date.parse(entry.at) - Date.parse(first.at)) / 1000,
    }));
    keyed(steps, entries, (entry) => entry.place, drawStep);
    keyed(next, [{ ...timeline, entries: timeline.entries.length }], () => "next", drawNext);
  }
}

function drawNext({ count: ever, entries, next_attempt_at: attempt, dead_lettered_at: dead }) {
  const lost = ever - entries;
  return h("span", {},
    lost > 0 && `${plural(lost, "older entry is", "older entries are")} not kept. `,
    attempt && ["Next attempt at ", moment(attempt), ". "],
    dead && h("a", { href: "#/operations" }, "It waits among the dead letters."));
}

function drawFacts(order) {
  const limit = order.limit_price === null ? "At market" : `Limit ${money(order.limit_price)}`;
  const facts = [
    ["Status", status(order.status)],
    ["Order", `${order.side === "buy" ? "Buy" : "Sell"} ${count(order.quantity)}`],
    ["Instrument", h("span", { class: "code" }, order.instrument)],
    ["Price", limit],
    ["Filled", `${count(order.cum_qty)} of ${count(order.quantity)}${order.avg_px ? ` at ${money(order.avg_px)}` : ""}`],
    order.user && ["For", order.user],
    order.strategy && ["Strategy", order.strategy],
    order.reject_reason && ["Reason", order.reject_reason],
    ["Accepted", moment(order.created_at)],
    order.placed_at && ["Placed", moment(order.placed_at)],
    ["Id", h("span", { class: "code small" }, order.id)],
  ];
  return h("dl", { class: "facts" }, facts.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function drawStep(entry) {
  const bar = h("span", { class: "latency" });
  bar.style.setProperty("--share", String(entry.share));
  return h("li", { "data-cause": entry.cause },
    h("span", { class: "offset" }, `+${entry.offset.toFixed(3)} s`),
    h("div", { class: "step" },
      h("p", { class: "cause" }, CAUSES[entry.cause] ?? entry.cause),
      h("p", { class: "sub" }, status(entry.status), entry.attempt && `, attempt ${entry.attempt}`)),
    entry.latency_ms !== undefined && h("div", { class: "took" }, h("span", {}, entry.latency_ms < 1000 ? `${count(entry.latency_ms)} ms` : duration(entry.latency_ms / 1000)), bar));
}
