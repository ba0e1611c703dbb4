/** The frame of the page: which view a hash leads to, the theme, and what is said when the connection is lost. */

import { showBroker } from "./broker.js";
import { fill, h } from "./dom.js";
import { keepAges } from "./format.js";
import { showGallery } from "./gallery.js";
import { retryNow, watchConnection } from "./live.js";
import { showMine } from "./mine.js";
import { showOffer } from "./offer.js";
import { showOperations } from "./operations.js";
import { showOrder } from "./order.js";
import { empty, head } from "./parts.js";
import { showStrategies } from "./strategies.js";
import { showWork } from "./work.js";

const VIEWS = {
  gallery: ["gallery", showGallery],
  work: ["gallery", showWork],
  offer: ["gallery", showOffer],
  mine: ["gallery", showMine],
  broker: ["broker", showBroker],
  order: ["broker", showOrder],
  strategies: ["strategies", showStrategies],
  operations: ["operations", showOperations],
};
const THEMES = { "": "Automatic", light: "Light", dark: "Dark" };
const main = document.querySelector("main");
let leave = new AbortController();

function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  return { name: name || "gallery", id: decode(rest.join("/")), query: new URLSearchParams(query) };
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function show(moved) {
  leave.abort();
  leave = new AbortController();
  const here = route();
  const [market, view] = VIEWS[here.name] ?? ["gallery", showNothing];
  document.documentElement.dataset.market = market;
  main.dataset.view = here.name;
  for (const link of document.querySelectorAll("#markets a")) {
    if (link.hash === `#/${market}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view({
    route: here,
    life: leave.signal,
    show(title, ...content) { fill(main, ...content); this.retitle(title); },
    retitle(title) { document.title = `${title} – Rialto`; },
    again: () => show(false),
  });
  if (!moved) return;
  scrollTo(0, 0);
  main.querySelector("h1").focus({ preventScroll: true });
}

function showNothing(page) {
  page.show("Not found", head("There is nothing here"), empty("Perhaps the address was cut off. ", h("a", { href: "#/gallery" }, "To the gallery")));
}

function drawTheme(button) {
  const current = document.documentElement.dataset.theme ?? "";
  button.dataset.theme = current;
  button.querySelector(".now").textContent = THEMES[current];
}

function switchTheme(button) {
  const order = Object.keys(THEMES);
  const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "") + 1) % order.length];
  if (next) document.documentElement.dataset.theme = next;
  else delete document.documentElement.dataset.theme;
  localStorage.setItem("rialto theme", next);
  drawTheme(button);
}

function showConnection(seconds) {
  const bar = document.querySelector("#connection");
  document.documentElement.dataset.connection = seconds === null ? "live" : "lost";
  if (seconds === null) fill(bar);
  else if (!bar.firstChild) {
    fill(bar, h("strong", {}, "Connection lost."), " What you see may be out of date. Trying again by itself. ",
      h("button", { type: "button", class: "link", onclick: retryNow }, "Try now"));
  }
}

const theme = document.querySelector("#theme");
theme.addEventListener("click", () => switchTheme(theme));
drawTheme(theme);
// Not a jump by hash: that belongs to the views.
document.querySelector("#skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
watchConnection(showConnection);
keepAges();
addEventListener("hashchange", () => show(true));
show(false);
