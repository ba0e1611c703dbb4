/** Offer a work: what it is called, and what it shall cost. */

import { create, get, put } from "./api.js";
import { fill, h } from "./dom.js";
import { money } from "./format.js";
import { field, form } from "./form.js";
import { head } from "./parts.js";
import { marketBar, user } from "./who.js";
import { image, note } from "./works.js";

export function showOffer(page) {
  const frame = h("div", { class: "hung large" });
  const details = ["title", "artist", "description", "image_url"];
  const element = form({
    label: "Offer a work", class: "stacked",
    fields: [
      field({
        name: "artwork_id", label: "Number of the work", value: String(newNumber()), inputmode: "numeric", "data-number": true,
        hint: "A new one is as good as any. The picture follows from it.", oninput: preview, onchange: recall,
      }),
      field({ name: "title", label: "Title", maxlength: "200" }),
      field({ name: "artist", label: "Artist", maxlength: "200" }),
      field({ name: "description", label: "Description (optional)", control: "textarea", rows: "3" }),
      field({ name: "image_url", label: "Address of a photograph (optional)", type: "url", hint: "It is shown as a link, never loaded." }),
      field({ name: "price", label: "Price", inputmode: "decimal", "data-number": true }),
    ],
    button: h("button", { type: "submit", class: "primary" }, "Offer it"),
    send,
  });
  page.show("Offer a work",
    marketBar("offer", page.again),
    head("Offer a work", "One order is one piece. Whoever bids your price or more gets it."),
    h("div", { class: "work" }, frame, element));
  preview();

  async function send(values) {
    const told = Object.fromEntries(details.filter((name) => name in values).map((name) => [name, values[name]]));
    // First what it is, so that nobody sees it for sale without its name. A known work needs no words.
    if (Object.keys(told).length) note(await put(`market/artworks/${encodeURIComponent(values.artwork_id ?? "")}`, told));
    const { artwork_id, price } = values;
    const placed = await create("market/orders", { user_id: user(), artwork_id, price, direction: "sell" });
    element.reset();
    element.elements.artwork_id.value = String(newNumber());
    preview();
    return [`Offered for ${money(placed.price)}. `, h("a", { href: `#/work/${placed.artwork_id}` }, "See it on the wall")];
  }

  function preview() {
    const text = element.elements.artwork_id.value.trim();
    fill(frame, /^\d{1,16}$/.test(text) && image(Number(text)));
  }

  /** Fill in what is known of a work that was offered before, where nothing was typed yet. */
  async function recall() {
    const text = element.elements.artwork_id.value.trim();
    if (!/^\d{1,16}$/.test(text)) return;
    const known = await get(`market/artworks/${text}`, {}, page.life).catch(() => ({}));
    for (const name of details) if (known[name] && !element.elements[name].value) element.elements[name].value = known[name];
  }
}

const newNumber = () => crypto.getRandomValues(new Uint32Array(1))[0];
