/** What several views are made of. */

import { h } from "./dom.js";

/** Return the head of a view: its heading, one sentence, and what stands beside them. */
export function head(title, lede, ...aside) {
  return h("header", { class: "head" },
    h("div", {}, h("h1", { tabindex: "-1" }, title), lede && h("p", { class: "lede" }, lede)), aside);
}

/** Return a section with its heading; `aside` stands on the heading's line. */
export function section(title, { class: name, aside, note } = {}, ...children) {
  const id = `section-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return h("section", { class: name, "aria-labelledby": id },
    h("div", { class: "section-head" }, h("h2", { id }, title), aside),
    note && h("p", { class: "note" }, note),
    children);
}

/** Return a table: columns are [heading, kind], kind being "number", "unseen" or nothing; the body is for `keyed`. */
export function table(caption, columns) {
  const body = h("tbody");
  const headings = columns.map(([text, kind]) => (kind === "unseen"
    ? h("th", { scope: "col" }, h("span", { class: kind }, text)) : h("th", { scope: "col", class: kind }, text)));
  const element = h("div", { class: "scroller" },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, headings)), body));
  return { element, body };
}

/** Return a cell; `label` names it where the row becomes a block on a phone. */
export const cell = (label, content, kind) => h("td", { class: kind, "data-label": label }, content);

export const loading = () => h("p", { class: "quiet loading" }, "Loading …");
export const empty = (...content) => h("p", { class: "quiet empty" }, ...content);
export const fault = (error) => h("p", { class: "quiet fault", role: "alert" }, error.message);
