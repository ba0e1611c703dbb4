/** Lists that are read page by page and kept up to date. */

import { fill, h, keyed } from "./dom.js";
import { poll } from "./live.js";
import { empty, fault, loading, table } from "./parts.js";

const MOST_TOLD = 300;

/**
 * Return a list on the page: {element, refresh, reset, loadMore, hasMore}.
 * `read(cursor, life)` gives {rows, next}; `keyOf` tells rows apart; `draw(row)` makes the node of one. It is a table
 * with these columns, unless `body` is given. `none` is said of an empty list, `total` of one that was read to its end.
 * `watch` may return a feed of changed rows, see live.js; `placeOf` sorts, `wanted` filters.
 */
export function listing({ life, every, read, keyOf, draw, caption, columns, body, none, total, watch, after = () => {}, ...order }) {
  const list = paged(read, keyOf, order);
  const shown = body ? { element: body, body } : table(caption, columns);
  const state = h("div", {}, loading());
  const foot = h("p", { class: "foot" });
  const said = h("p", { class: "note", role: "status" });
  const more = h("button", { type: "button", class: "plain", onclick: loadMore }, "Show more");
  shown.element.hidden = true;

  function render() {
    const { rows, hasMore } = list;
    keyed(shown.body, rows, keyOf, draw);
    shown.element.hidden = !rows.length;
    // Of a filtered list a page may be empty while there is more behind it.
    fill(state, rows.length || hasMore ? null : empty(none()));
    if (hasMore && !more.isConnected) fill(foot, more);
    if (!hasMore) fill(foot, rows.length > 0 && total(rows.length));
    after(rows);
  }
  async function loadMore() {
    try {
      await list.more(life);
      render();
    } catch (error) {
      if (!life.aborted) fill(state, fault(error));
    }
  }
  const feed = watch?.((row) => (list.take(row) ? refresh() : list.isRead && render()), (text) => fill(said, text), () => refresh());
  const { refresh } = poll(life, every, async () => { await list.refresh(life); render(); },
    (error) => fill(state, fault(error)), feed);
  return {
    element: [shown.element, state, foot, said], foot, refresh, loadMore,
    get hasMore() { return list.hasMore; },
    reset() { list.reset(); refresh(); },
  };
}

/** What was read stays, and a refresh renews the first page. */
function paged(read, keyOf, { placeOf, wanted }) {
  // Newer than what is read.
  const told = new Map();
  let rows = [];
  let next;
  let reading = false;
  let age = 0;
  function folded() {
    const kept = new Map(rows.map((row) => [keyOf(row), row]));
    const last = next && rows.length ? placeOf(rows.at(-1)) : "";
    for (const [key, row] of told) if (kept.has(key) || placeOf(row) > last) kept.set(key, row);
    return [...kept.values()].filter(wanted).sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1));
  }
  return {
    get rows() { return told.size ? folded() : rows; },
    get isRead() { return next !== undefined; },
    get hasMore() { return next !== null; },
    async refresh(life) {
      const begun = age;
      const first = await read(undefined, life);
      if (begun !== age) return;
      // What follows the first page stays only if it still joins on to it.
      const last = first.rows.length ? keyOf(first.rows.at(-1)) : null;
      const at = rows.findIndex((row) => keyOf(row) === last);
      const fresh = new Set(first.rows.map(keyOf));
      const behind = at < 0 ? [] : rows.slice(at + 1).filter((row) => !fresh.has(keyOf(row)));
      if (!behind.length) next = first.next;
      rows = [...first.rows, ...behind];
    },
    /** Take a changed row. Return whether to read, too: not all are kept. */
    take(row) {
      told.delete(keyOf(row));
      told.set(keyOf(row), row);
      if (told.size > MOST_TOLD) told.delete(told.keys().next().value);
      return told.size === MOST_TOLD;
    },
    async more(life) {
      if (reading || !next) return;
      reading = true;
      const begun = age;
      try {
        const page = await read(next, life);
        if (begun !== age) return;
        const known = new Set(rows.map(keyOf));
        rows = [...rows, ...page.rows.filter((row) => !known.has(keyOf(row)))];
        next = page.next;
      } finally {
        reading = false;
      }
    },
    /** Begin anew: what was asked for before counts no more. */
    reset() { rows = []; next = undefined; age += 1; },
  };
}
