/** What is known of works and orders, remembered, so that lists can name a work without asking twice. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { picture } from "./picture.js";

const titles = new Map();
const buyers = new Map();

/** Remember a title that an answer brought along. */
export function note({ artwork_id: id, title }) {
  if (title) titles.set(id, Promise.resolve(title));
}

/** Return the title of a work, or its number where it has none. */
export async function titleOf(id) {
  if (!titles.has(id)) {
    titles.set(id, get(`market/artworks/${id}`).then((work) => work.title ?? null));
    titles.get(id).catch(() => titles.delete(id));
  }
  return (await titles.get(id)) ?? untitled(id);
}

/** Return who bought in a transaction: a transaction itself names its two orders only. */
export function buyerOf({ transaction_id: id, buy_order_id: order }) {
  if (!buyers.has(id)) {
    buyers.set(id, get(`market/orders/${order}`).then((found) => found.user_id));
    buyers.get(id).catch(() => buyers.delete(id));
  }
  return buyers.get(id);
}

export const untitled = (id) => `Untitled, No. ${id}`;

/** Return the generated picture of a work; beside a title in words it says nothing new. */
export function image(id, { alt } = {}) {
  const { source, text, width, height } = picture(id);
  const element = h("img", { src: source, alt: alt ?? text, width, height, decoding: "async" });
  // Every picture fits the same square.
  element.style.setProperty("--share", String(width / Math.max(width, height)));
  return element;
}

/** Return a link to a work, with its small picture and its title as soon as that is known. */
export function workLink(id) {
  const title = h("span", { class: "title" }, untitled(id));
  titleOf(id).then((known) => { title.textContent = known; }, () => {});
  return h("a", { class: "work-link", href: `#/work/${id}` }, image(id, { alt: "" }), title);
}
