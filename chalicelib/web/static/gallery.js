/** Works for sale: a wall of pictures, newest or by price, that goes on as one scrolls. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { ago, money, plural } from "./format.js";
import { choice } from "./form.js";
import { listing } from "./list.js";
import { head } from "./parts.js";
import { marketBar } from "./who.js";
import { image, note, untitled } from "./works.js";

const SORTS = [["newest", "Newest"], ["price_asc", "Price, low first"], ["price_desc", "Price, high first"]];
const PAGE = 24;

export function showGallery(page) {
  const wanted = page.route.query.get("sort");
  let sort = SORTS.some(([name]) => name === wanted) ? wanted : "newest";
  const end = new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting && list.hasMore) list.loadMore();
  }, { rootMargin: "800px" });
  page.life.addEventListener("abort", () => end.disconnect());
  const list = listing({
    life: page.life, every: 5, read, draw: drawWork, keyOf: (work) => work.order_id,
    body: h("ul", { class: "wall", "aria-label": "Works for sale" }),
    none: () => ["Nothing is for sale at the moment. ", h("a", { href: "#/offer" }, "Offer the first work"), "."],
    total: (number) => `${plural(number, "work is", "works are")} for sale. That is all.`,
    after: watchEnd,
  });
  page.show("Works for sale",
    marketBar("gallery", page.again),
    head("Works for sale", "Every offer on the market. The first bid that meets the price takes it.",
      choice({ name: "sort", label: "Order of the works", quiet: true, options: SORTS, value: sort, onchange: resort })),
    list.element);

  async function read(cursor, life) {
    const answer = await get("market/artworks", { sort, limit: PAGE, cursor }, life);
    answer.artworks.forEach(note);
    return { rows: answer.artworks, next: answer.next_cursor };
  }

  function resort(event) {
    sort = event.target.value;
    history.replaceState(null, "", `#/gallery?sort=${sort}`);
    list.reset();
  }

  // Observed anew after each page: an end that is still in sight has to be told again.
  function watchEnd() {
    end.disconnect();
    if (list.hasMore) end.observe(list.foot);
  }
}

function drawWork(work) {
  return h("li", {}, h("a", { class: "piece", href: `#/work/${work.artwork_id}` },
    h("span", { class: "hung" }, image(work.artwork_id)),
    h("span", { class: "label" },
      h("span", { class: "title" }, work.title ?? untitled(work.artwork_id)),
      h("span", { class: "price" }, money(work.price)),
      h("span", { class: "artist" }, work.artist ?? "Artist unknown"),
      h("span", { class: "seller" }, `user ${work.user_id}, `, ago(work.listed_at)))));
}
