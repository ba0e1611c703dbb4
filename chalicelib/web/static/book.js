/** The two sides of a book, one row for each price, with bars that add up from the best price outward. */

import { fill, h } from "./dom.js";
import { count, money, plural } from "./format.js";
import { empty } from "./parts.js";

const MOST_LEVELS = 12;

/** Draw one side. Orders come best first. */
export function drawSide(element, name, orders, me) {
  const content = JSON.stringify([orders, me]);
  if (element.dataset.drawn === content) return;
  element.dataset.drawn = content;
  const levels = levelsOf(orders, me);
  // Bids are mirrored, so that the two best prices face each other.
  const inOrder = (price, number) => (name === "Bids" ? [number, price] : [price, number]);
  const rows = levels.slice(0, MOST_LEVELS).map((level) => {
    const row = h("tr", { class: level.mine ? "mine" : null }, inOrder(
      h("td", { class: "number" }, money(level.price)),
      h("td", {}, count(level.count), level.mine > 0 && h("span", { class: "yours" }, " yours"))));
    // Not a style attribute, which the page's policy forbids.
    row.style.setProperty("--share", String(level.total / orders.length));
    return row;
  });
  fill(element,
    h("table", {}, h("caption", {}, name),
      h("thead", {}, h("tr", {}, inOrder(h("th", { scope: "col", class: "number" }, "Price"), h("th", { scope: "col" }, "Orders")))),
      h("tbody", {}, rows)),
    !rows.length && empty(`No ${name.toLowerCase()}.`),
    levels.length > MOST_LEVELS && h("p", { class: "quiet" }, `and ${plural(levels.length - MOST_LEVELS, "more price")}`));
}

/** Return the user's own orders of both sides. */
export const mineIn = (work, me) => [...work.asks, ...work.bids].filter((order) => order.user_id === me);

function levelsOf(orders, me) {
  const levels = [];
  for (const order of orders) {
    let level = levels.at(-1);
    if (level?.price !== order.price) {
      level = { price: order.price, count: 0, mine: 0, total: level?.total ?? 0 };
      levels.push(level);
    }
    level.count += 1;
    level.total += 1;
    if (order.user_id === me) level.mine += 1;
  }
  return levels;
}
