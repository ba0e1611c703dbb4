/** One work: its picture and its label, the book, the prices that were paid, and the ways to buy and to sell it. */

import { create, get, post } from "./api.js";
import { fill, h, keyed } from "./dom.js";
import { money, moment } from "./format.js";
import { action, choice, field, form } from "./form.js";
import { poll } from "./live.js";
import { drawSide, mineIn } from "./book.js";
import { priceChart } from "./chart.js";
import { cell, empty, fault, loading, section, table } from "./parts.js";
import { marketBar, user } from "./who.js";
import { image, note, untitled } from "./works.js";

const PATIENCE = 20;

export function showWork(page) {
  const id = page.route.id;
  const number = Number(id);
  const title = h("h1", { tabindex: "-1" }, untitled(id));
  const about = h("div", { class: "about" });
  const best = h("p", { class: "best" });
  const state = h("div", {}, loading());
  const bids = h("div", { class: "side bids" });
  const asks = h("div", { class: "side asks" });
  const own = h("ul", { class: "own" });
  const chart = priceChart();
  const paid = h("div", { class: "paid" });
  const trades = table("Last transactions", [["Paid"], ["Price", "number"]]);
  let bestAsk = null;

  const buy = form({
    label: "Buy now", class: "buy", fields: [best],
    button: h("button", { type: "submit", class: "primary" }, "Buy now"),
    send: () => (bestAsk ? order("buy", bestAsk.price, buy) : "Nobody offers it at the moment."),
  });
  const limit = form({
    label: "Bid or offer", class: "limit",
    fields: [
      choice({ name: "direction", label: "Bid or offer", quiet: true, value: "buy", options: [["buy", "Bid"], ["sell", "Offer"]] }),
      field({ name: "price", label: "At a price of", inputmode: "decimal", "data-number": true }),
    ],
    button: h("button", { type: "submit", class: "plain" }, "Place order"),
    send: ({ direction, price }) => order(direction, price, limit),
  });
  page.show("Work",
    marketBar("work", page.again),
    h("article", { class: "work" },
      h("div", { class: "hung large" }, /^\d{1,16}$/.test(id) && image(number)),
      h("div", { class: "wall-text" }, title, about, state, buy, limit, own)),
    h("div", { class: "columns" },
      section("Book", { note: "Best price first; at the same price the earlier order." }, h("div", { class: "book" }, bids, asks)),
      section("Prices paid", {}, paid)));

  /** Place an order; what the market makes of it is told in the same form a moment later. */
  async function order(direction, price, where) {
    const placed = await create("market/orders", { user_id: user(), artwork_id: number, price, direction });
    live.refresh();
    follow(page.life, placed, live.refresh).then((text) => { if (text) fill(where.querySelector("output"), text); });
    return `Your ${direction === "buy" ? "bid of" : "offer at"} ${money(price)} is in the book.`;
  }

  const live = poll(page.life, 4, async (life) => {
    const work = await get(`market/artworks/${encodeURIComponent(id)}`, {}, life);
    note(work);
    fill(state);
    draw(work);
  }, (error) => { buy.hidden = limit.hidden = true; fill(state, fault(error)); });

  function draw(work) {
    const name = work.title ?? untitled(id);
    if (title.textContent !== name) { title.textContent = name; page.retitle(name); }
    keyed(about, [{ ...work, asks: 0, bids: 0, last_transactions: 0 }], () => "about", drawAbout);
    bestAsk = work.asks.find((ask) => ask.user_id !== user()) ?? null;
    const button = buy.querySelector("button");
    button.ariaDisabled = String(bestAsk === null);
    button.textContent = bestAsk ? `Buy now for ${money(bestAsk.price)}` : "Buy now";
    keyed(best, [bestAsk ?? { order_id: "" }], (ask) => ask.order_id, drawBest);
    drawSide(bids, "Bids", work.bids, user());
    drawSide(asks, "Offers", work.asks, user());
    keyed(own, mineIn(work, user()), (one) => one.order_id, drawOwn);
    drawPaid(work.last_transactions);
  }

  function drawOwn(one) {
    const what = `${one.direction === "buy" ? "bid" : "offer"} of ${money(one.price)}`;
    return h("li", {}, `Your ${what} `, action("Cancel", async () => {
      const text = await post(`market/orders/${one.order_id}/cancel`).then(() => `Canceled your ${what}.`, (error) => error.message);
      // Not beside the button: the line goes as soon as the order does.
      fill(limit.querySelector("output"), text);
      live.refresh();
    }, { describe: `Cancel your ${what}` }));
  }

  function drawPaid(transactions) {
    if (!transactions.length) { fill(paid, empty("It was never sold here.")); return; }
    if (!chart.element.isConnected) fill(paid, chart.element, trades.element);
    chart.show(transactions);
    keyed(trades.body, transactions, (one) => one.transaction_id, (one) => h("tr", {},
      cell("Paid", moment(one.executed_at)), cell("Price", money(one.price), "number")));
  }
}

function drawBest(ask) {
  if (!ask.order_id) return h("span", { class: "seller" }, "Not for sale at the moment.");
  return h("span", {}, h("span", { class: "amount" }, money(ask.price)), " ",
    h("span", { class: "seller" }, `offered by user ${ask.user_id}`));
}

function drawAbout(work) {
  return h("div", {},
    h("p", { class: "artist" }, work.artist ?? "Artist unknown"),
    work.description && h("p", { class: "description" }, work.description),
    work.image_url && original(work.image_url));
}

/** The page asks no other host for anything: a picture elsewhere is a link. */
function original(address) {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  return h("p", { class: "original" },
    h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, `See the original at ${url.host}`));
}

/** Watch an order for a while; return what to tell once it was filled. */
async function follow(life, placed, changed) {
  const until = Date.now() + PATIENCE * 1000;
  return new Promise((resolve) => {
    const stop = new AbortController();
    life.addEventListener("abort", () => stop.abort());
    poll(stop.signal, 1, async (watching) => {
      const now = await get(`market/orders/${placed.order_id}`, {}, watching);
      if (now.status === "open" && Date.now() < until) return;
      stop.abort();
      changed();
      if (now.status !== "filled") { resolve(null); return; }
      const price = money(now.transaction.price);
      resolve(placed.direction === "buy" ? `Bought for ${price}. It is yours.` : `Sold for ${price}.`);
    });
  });
}
