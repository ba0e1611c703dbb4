/** Users × instruments: which strategies trade there, and which of them hold a position. */

import { fill, h } from "./dom.js";
import { count, plural } from "./format.js";
import { empty } from "./parts.js";

const MOST_ROWS = 60;
const MOST_COLUMNS = 40;

/** Return the matrix with its filter and legend. `narrowed` is called when another user or instrument is looked for. */
export function matrix(narrowed) {
  let profiles = {};
  let positions = [];
  let hasMore = false;
  let drawn = "";
  const names = { user: new Set(), instrument: new Set() };
  const element = h("div");
  const search = h("input", { id: "filter", type: "search", oninput: () => { draw(); narrowed(); }, autocomplete: "off" });
  const filter = h("div", { class: "filter" }, h("label", { for: "filter" }, "User or instrument"), search);
  const legend = [h("span", { class: "tag" }, "A"), " strategy A trades it ", h("span", { class: "tag open" }, "A"), " and holds it"];

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const content = JSON.stringify([profiles, positions, wanted]);
    if (content === drawn) return;
    drawn = content;
    const cells = collect(profiles, positions);
    const rows = sorted(new Set([...cells.keys(), ...Object.keys(profiles)]));
    const columns = sorted(new Set([...cells.values()].flatMap((row) => [...row.keys()])));
    rows.forEach((name) => names.user.add(name));
    columns.forEach((name) => names.instrument.add(name));
    if (!rows.length) {
      fill(element, empty("There are no profiles yet. ", h("code", {}, "rialto profiles generate --load"), " makes some."));
      return;
    }
    const named = wanted ? columns.filter((name) => name.toLowerCase().includes(wanted)) : [];
    const found = rows.filter((user) => user.toLowerCase().includes(wanted) || named.some((name) => cells.get(user)?.has(name)));
    const shown = found.slice(0, MOST_ROWS);
    // Without a column of that name it is users who are looked for: then all that these trade.
    const used = named.length ? named : columns.filter((name) => shown.some((user) => cells.get(user)?.has(name)));
    const short = shortener([...cells.values()].flatMap((row) => [...row.values()].flatMap((tags) => [...tags.keys()])));
    fill(element,
      shown.length ? drawTable(shown, used.slice(0, MOST_COLUMNS), cells, short) : empty("No user and no instrument is called so."),
      found.length > MOST_ROWS && h("p", { class: "foot" }, `${count(MOST_ROWS)} of ${plural(found.length, "user")}. Filter to see others.`),
      hasMore && h("p", { class: "foot" }, `Only ${count(positions.length)} open positions are shown. Name one user or instrument to see all of theirs.`));
  }

  return {
    element, filter, legend,
    showProfiles(answer) { profiles = answer; draw(); },
    showPositions(answer, isPart) { positions = answer; hasMore = isPart; draw(); },
    /** The one user or instrument that is named in full, as the API's filter has it. */
    only() {
      const name = search.value.trim();
      return names.user.has(name) ? { user: name } : names.instrument.has(name) ? { instrument: name } : {};
    },
  };
}

/** Return user → instrument → strategy → the open position, or null where it only trades. */
function collect(profiles, positions) {
  const cells = new Map();
  const at = (user, instrument) => {
    if (!cells.has(user)) cells.set(user, new Map());
    const row = cells.get(user);
    if (!row.has(instrument)) row.set(instrument, new Map());
    return row.get(instrument);
  };
  for (const [user, strategies] of Object.entries(profiles)) {
    for (const [strategy, instruments] of Object.entries(strategies)) {
      for (const instrument of instruments) at(user, instrument).set(strategy, null);
    }
  }
  for (const position of positions) at(position.user, position.instrument).set(position.strategy, position);
  return cells;
}

function drawTable(rows, columns, cells, short) {
  return h("div", { class: "scroller matrix", role: "region", "aria-label": "Users by instruments", tabindex: "0" },
    h("table", {}, h("caption", { class: "unseen" }, "Strategies of each user by instrument"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "User"), columns.map((name) => h("th", { scope: "col" }, h("span", {}, name))))),
      h("tbody", {}, rows.map((user) => h("tr", {}, h("th", { scope: "row" }, user),
        columns.map((name) => h("td", {}, drawTags(cells.get(user)?.get(name), short))))))));
}

function drawTags(tags, short) {
  return tags && sorted(tags.keys()).map((strategy) => {
    const position = tags.get(strategy);
    const about = position ? `${strategy}: open, order ${position.order_status ?? "unknown"}` : `${strategy} trades it`;
    return h("span", { class: position ? "tag open" : "tag", title: about },
      short(strategy), position && h("span", { class: "unseen" }, " open"));
  });
}

/** Return how to write strategies in little room: without the words that all of them begin with. */
function shortener(strategies) {
  const names = [...new Set(strategies)];
  let prefix = names[0]?.replace(/[^_\s-]*$/, "") ?? "";
  while (prefix && !names.every((name) => name.startsWith(prefix))) prefix = prefix.replace(/[^_\s-]*[_\s-]$/, "");
  return (name) => name.slice(prefix.length) || name;
}

const sorted = (names) => [...names].sort((a, b) => a.localeCompare(b));
