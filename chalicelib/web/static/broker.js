/** The broker: a ticket for an order, and all orders with where they stand. */

import { create, get } from "./api.js";
import { h } from "./dom.js";
import { ago, count, money, plural, shortId, status } from "./format.js";
import { choice, field, form } from "./form.js";
import { listing } from "./list.js";
import { follow } from "./live.js";
import { cell, head, section } from "./parts.js";

const STATUSES = ["PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED", "PENDING_CANCEL", "CANCELED", "REJECTED", "EXPIRED"];
const COLUMNS = [["Order"], ["Status"], ["Side"], ["Instrument"], ["Quantity", "number"], ["Limit", "number"], ["Accepted"]];

export function showBroker(page) {
  const wanted = page.route.query.get("status");
  let only = STATUSES.includes(wanted) ? wanted : "";
  const filter = h("select", { id: "status", onchange: refilter },
    h("option", { value: "" }, "All"),
    STATUSES.map((name) => h("option", { value: name, selected: name === only }, status(name).textContent)));
  const list = listing({
    life: page.life, every: 2, read, draw: drawRow, keyOf: (order) => order.id,
    placeOf: (order) => order.created_at + order.id, wanted: (order) => !only || order.status === only,
    watch: (take, say, end) => follow(page.life, "orders/events?",
      { order: ({ order }) => take(order), gap: ({ id, detail }) => id || say(detail), end }),
    caption: "Orders, newest first", columns: COLUMNS,
    none: () => (only ? "No order has this status." : "No order was placed yet."),
    total: (number) => plural(number, "order"),
  });
  page.show("Broker",
    head("Broker", "An order is accepted once it is durable. The exchange may be slow or down; the order gets there."),
    h("div", { class: "split" },
      section("Order ticket", { class: "ticket" }, drawTicket(list.refresh)),
      section("Orders", { aside: h("div", { class: "filter" }, h("label", { for: "status" }, "Status"), filter) }, list.element)));

  async function read(cursor, life) {
    const answer = await get("orders", { status: only, limit: 20, cursor }, life);
    return { rows: answer.orders, next: answer.next_cursor };
  }

  function refilter() {
    only = filter.value;
    history.replaceState(null, "", only ? `#/broker?status=${only}` : "#/broker");
    list.reset();
  }
}

function drawTicket(placed) {
  const price = field({ name: "limit_price", label: "Limit price", inputmode: "decimal", "data-number": true });
  const ticket = form({
    label: "Order ticket", class: "stacked",
    fields: [
      choice({ name: "side", label: "Side", value: "buy", options: [["buy", "Buy"], ["sell", "Sell"]] }),
      choice({ name: "type", label: "Type", value: "limit", options: [["limit", "Limit"], ["market", "Market"]], onchange: showPrice }),
      field({ name: "instrument", label: "Instrument", hint: "An ISIN of 12 characters, as DE0007664039", class: "code", autocapitalize: "characters", spellcheck: "false" }),
      field({ name: "quantity", label: "Quantity", inputmode: "numeric", "data-number": true }),
      price,
    ],
    button: h("button", { type: "submit", class: "primary" }, "Submit order"),
    async send(values) {
      const order = await create("orders", values);
      placed();
      return ["Accepted. ", h("a", { href: `#/order/${order.id}` }, `Follow order ${shortId(order.id)}`)];
    },
  });
  function showPrice(event) {
    price.hidden = event.target.value === "market";
    price.querySelector("input").disabled = price.hidden;
  }
  return ticket;
}

function drawRow(order) {
  return h("tr", {},
    cell("Order", h("a", { class: "code", href: `#/order/${order.id}`, "aria-label": `Timeline of order ${shortId(order.id)}` }, shortId(order.id))),
    cell("Status", status(order.status)),
    cell("Side", order.side === "buy" ? "Buy" : "Sell"),
    cell("Instrument", [h("span", { class: "code" }, order.instrument), order.user && h("span", { class: "sub" }, order.user)]),
    cell("Quantity", count(order.quantity), "number"),
    cell("Limit", order.limit_price === null ? "market" : money(order.limit_price), "number"),
    cell("Accepted", ago(order.created_at)));
}
