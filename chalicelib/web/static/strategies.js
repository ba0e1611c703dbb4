/** Strategies: send a signal, see what became of all of them, who holds what, and every closed round trip. */

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { duration, moment, plural } from "./format.js";
import { listing } from "./list.js";
import { poll } from "./live.js";
import { matrix } from "./matrix.js";
import { cell, fault, head, loading, section } from "./parts.js";
import { signalForm, signalLog } from "./signals.js";

const LOG = [["User"], ["Strategy"], ["Instrument"], ["Bought"], ["Sold"], ["Held", "number"], ["Closed by"]];
const MOST_POSITIONS = 500;

export function showStrategies(page) {
  const signals = signalLog(page);
  const form = signalForm(() => { signals.refresh(); positions.refresh(); log.refresh(); });
  const grid = matrix(() => positions.refresh());
  const log = orderLog(page);
  const state = h("div", {}, loading());
  page.show("Strategies",
    head("Strategies", "One signal opens or closes a position for every user it is valid for, and places their orders."),
    h("div", { class: "split" },
      section("Signal", { class: "ticket" }, form.element),
      section("Signals so far", {}, signals.element)),
    section("Who trades and holds what", { aside: grid.filter, note: grid.legend }, state, grid.element),
    section("Order log", { note: "Closed round trips, newest first, kept for ever." }, log.element));

  poll(page.life, 30, async (life) => {
    const profiles = await get("strategies/profiles", {}, life);
    grid.showProfiles(profiles);
    form.suggest(profiles);
    fill(state);
  }, (error) => fill(state, fault(error)));
  const positions = poll(page.life, 4, async (life) => grid.showPositions(...await readPositions(grid.only(), life)));
}

/** Return open positions, of one user or instrument if one is named, and whether there are more than one can show. */
async function readPositions(only, life) {
  let found = [];
  let cursor = null;
  do {
    const answer = await get("positions", { ...only, limit: 100, cursor }, life);
    found = found.concat(answer.positions);
    cursor = answer.next_cursor;
  } while (cursor && found.length < MOST_POSITIONS);
  return [found, cursor !== null];
}

function orderLog(page) {
  return listing({
    life: page.life, every: 5, draw: drawTrip, caption: "Order log", columns: LOG,
    keyOf: (entry) => [entry.user, entry.buy_signal_id, entry.sold_at].join(" "),
    none: () => "No position was closed yet.", total: (number) => plural(number, "round trip"),
    async read(cursor, life) {
      const answer = await get("order-log", { limit: 15, cursor }, life);
      return { rows: answer.entries, next: answer.next_cursor };
    },
  });
}

function drawTrip(entry) {
  const held = (Date.parse(entry.sold_at) - Date.parse(entry.bought_at)) / 1000;
  return h("tr", {},
    cell("User", entry.user), cell("Strategy", entry.strategy), cell("Instrument", entry.instrument),
    cell("Bought", moment(entry.bought_at)), cell("Sold", moment(entry.sold_at)),
    cell("Held", duration(held), "number"),
    cell("Closed by", entry.closed_by === entry.strategy ? "itself" : entry.closed_by));
}
