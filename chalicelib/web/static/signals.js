/** Signals: the form with its preview, and all that were sent, as a list and as a chart. */

import { create, get, post } from "./api.js";
import { signalChart } from "./chart.js";
import { fill, h } from "./dom.js";
import { count, moment, plural, status } from "./format.js";
import { choice, field, form } from "./form.js";
import { listing } from "./list.js";
import { cell } from "./parts.js";

const COLUMNS = [["Sent"], ["Signal"], ["Status"], ["Valid for", "number"], ["Not for", "number"]];
const MOST_USERS = 40;
const REASONS = {
  opened: ["opens a position", "opened"],
  closed: ["closes the position", "closed"],
  not_traded: ["does not trade it there"],
  already_held: ["holds it already"],
  not_held: ["holds none"],
};

/** Return the form of a signal. `sent` is called after one was sent. */
export function signalForm(sent) {
  const strategies = h("datalist", { id: "strategies" });
  const instruments = h("datalist", { id: "instruments" });
  const result = h("div", { class: "result" });
  const element = form({
    label: "Signal", class: "stacked",
    fields: [
      field({ name: "strategy", label: "Strategy", list: "strategies" }),
      field({ name: "instrument", label: "Instrument", list: "instruments" }),
      choice({ name: "position", label: "Position", value: "BUY", options: [["BUY", "Buy"], ["SELL", "Sell"]] }),
      strategies, instruments,
    ],
    // The first one is what the Enter key does: it changes nothing.
    button: [h("button", { type: "submit", value: "preview", class: "plain" }, "Preview"),
      h("button", { type: "submit", value: "send", class: "primary" }, "Send signal")],
    async send(values, button) {
      fill(result);
      const isPreview = button !== "send";
      const answer = isPreview ? await post("signals?dry_run=true", values) : await create("signals", values);
      fill(result, drawVerdicts(answer.users, isPreview));
      if (!isPreview) sent();
      const valid = answer.users.filter((one) => one.verdict === "ACCEPTED").length;
      if (answer.status === "OPEN") return "Begun. It is completed in the background.";
      const whom = valid ? `valid for ${plural(valid, "user")}` : "valid for nobody";
      return isPreview ? `It would be ${whom}.` : `${valid ? "Accepted" : "Rejected"}: ${whom}.`;
    },
  });
  return {
    element: h("div", {}, element, result),
    suggest(profiles) {
      const parts = Object.values(profiles);
      offer(strategies, parts.flatMap((one) => Object.keys(one)));
      offer(instruments, parts.flatMap((one) => Object.values(one).flat()));
    },
  };
}

function offer(list, names) {
  fill(list, [...new Set(names)].sort().slice(0, 200).map((name) => h("option", { value: name })));
}

function drawVerdicts(users, isPreview) {
  const order = [...users].sort((a, b) => a.verdict.localeCompare(b.verdict) || a.user.localeCompare(b.user));
  return [h("ul", { class: "verdicts", "aria-label": "Verdict for each user", tabindex: "0" }, order.slice(0, MOST_USERS).map((one) => {
    const [before, after] = REASONS[one.reason] ?? [one.reason];
    const word = isPreview ? before : after ?? before;
    return h("li", { "data-verdict": one.verdict }, h("span", { class: "user" }, one.user), " ",
      one.order_id ? h("a", { href: `#/order/${one.order_id}` }, word) : h("span", { class: "reason" }, word));
  })), users.length > MOST_USERS && h("p", { class: "quiet" }, `and ${plural(users.length - MOST_USERS, "more user")}`)];
}

/** Return the list of signals with its chart, kept up to date. */
export function signalLog(page) {
  const chart = signalChart();
  const course = h("div", { hidden: true }, chart.element,
    h("p", { class: "key" }, h("span", { class: "accepted" }, "accepted"), h("span", { class: "rejected" }, "rejected")));
  const list = listing({
    life: page.life, every: 3, draw: drawSignal, keyOf: (signal) => signal.signal_id,
    caption: "Signals, newest first", columns: COLUMNS,
    none: () => "No signal was sent yet. Preview one to see whom it is for.", total: (number) => plural(number, "signal"),
    async read(cursor, life) {
      const answer = await get("signals", { limit: 50, cursor }, life);
      return { rows: answer.signals, next: answer.next_cursor };
    },
    after(rows) {
      course.hidden = !rows.length;
      if (rows.length) chart.show(rows);
    },
  });
  return { element: [course, h("div", { class: "window", role: "region", "aria-label": "Signals", tabindex: "0" }, list.element)], refresh: list.refresh };
}

function drawSignal(signal) {
  const known = (number) => (number === null ? "…" : count(number));
  return h("tr", {},
    cell("Sent", moment(signal.created_at)),
    cell("Signal", [h("span", {}, `${signal.position === "BUY" ? "Buy" : "Sell"} ${signal.instrument}`), h("span", { class: "sub" }, signal.strategy)]),
    cell("Status", status(signal.status)),
    cell("Valid for", known(signal.accepted), "number"), cell("Not for", known(signal.rejected), "number"));
}
