/** Who sits here: a user id that this browser remembers. There is no log-in. */

import { h } from "./dom.js";

const SLOT = "rialto user";

/** Return the user id that orders are placed with. */
export const user = () => Number(localStorage.getItem(SLOT) ?? 1);

/** Return the line under the heading of the art market: its views, and the switch of who I am. */
export function marketBar(current, changed) {
  const links = [["gallery", "For sale"], ["offer", "Offer a work"], ["mine", "My orders"]];
  const input = h("input", {
    id: "who", name: "who", value: String(user()), inputmode: "numeric", autocomplete: "off", size: "6",
    onchange: () => {
      if (/^\d{1,16}$/.test(input.value.trim()) && Number.isSafeInteger(Number(input.value))) {
        localStorage.setItem(SLOT, input.value.trim());
        changed();
      } else input.value = String(user());
    },
  });
  return h("div", { class: "market-bar" },
    h("nav", { "aria-label": "Art market" }, links.map(([name, text]) =>
      h("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, text))),
    h("div", { class: "who" }, h("label", { for: "who" }, "I am user"), input));
}
