/** My open orders, with a way to cancel each, and my transactions. */

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { ago, money, moment, plural } from "./format.js";
import { action } from "./form.js";
import { listing } from "./list.js";
import { cell, head, section } from "./parts.js";
import { marketBar, user } from "./who.js";
import { buyerOf, workLink } from "./works.js";

export function showMine(page) {
  const me = user();
  const said = h("p", { class: "said", role: "status" });
  const mine = (path, field) => async (cursor, life) => {
    const answer = await get(path, { user_id: me, limit: 20, cursor }, life);
    return { rows: answer[field], next: answer.next_cursor };
  };
  const orders = listing({
    life: page.life, every: 3, read: mine("market/orders", "orders"), keyOf: (order) => order.order_id,
    caption: "Open orders", columns: [["Work"], ["Order"], ["Price", "number"], ["Placed"], ["Cancel", "unseen"]],
    draw: (order) => drawOrder(order, () => cancel(order)), total: (number) => plural(number, "open order"),
    none: () => ["You have no open order. ", h("a", { href: "#/gallery" }, "Look around"), " or ", h("a", { href: "#/offer" }, "offer a work"), "."],
  });
  const transactions = listing({
    life: page.life, every: 6, read: mine("market/transactions", "transactions"), keyOf: (one) => one.transaction_id,
    caption: "Transactions", columns: [["Work"], ["Side"], ["Price", "number"], ["When"]],
    draw: (one) => drawTransaction(one, me), total: (number) => plural(number, "transaction"),
    none: () => "You have bought and sold nothing yet.",
  });
  page.show("My orders",
    marketBar("mine", page.again),
    head("My orders", `What user ${me} has in the market, and what came of it.`),
    section("Open orders", {}, orders.element, said),
    section("Transactions", {}, transactions.element));

  async function cancel(order) {
    try {
      await post(`market/orders/${order.order_id}/cancel`);
      fill(said, `Canceled the ${side(order.direction)} of ${money(order.price)}.`);
    } catch (error) {
      // Not beside the button: the row goes as soon as the order does.
      fill(said, h("span", { class: "fault" }, error.message));
    }
    orders.refresh();
    transactions.refresh();
  }
}

const side = (direction) => (direction === "buy" ? "bid" : "offer");

function drawOrder(order, cancel) {
  const what = `${side(order.direction)} of ${money(order.price)}`;
  return h("tr", {},
    cell("Work", workLink(order.artwork_id)),
    cell("Order", order.direction === "buy" ? "Bid" : "Offer"),
    cell("Price", money(order.price), "number"),
    cell("Placed", ago(order.created_at)),
    cell("", action("Cancel", cancel, { describe: `Cancel the ${what} for work ${order.artwork_id}` })));
}

function drawTransaction(one, me) {
  const role = h("span", {}, "…");
  buyerOf(one).then((buyer) => { role.textContent = buyer === me ? "Bought" : "Sold"; }, () => { role.textContent = "–"; });
  return h("tr", {},
    cell("Work", workLink(one.artwork_id)), cell("Side", role),
    cell("Price", money(one.price), "number"), cell("When", moment(one.executed_at)));
}
