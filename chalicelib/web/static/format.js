/** How numbers, moments and states are written. */

import { h } from "./dom.js";

const MONEY = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const COUNT = new Intl.NumberFormat();
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "medium" });
const SPANS = [["d", 86_400], ["h", 3_600], ["min", 60]];

export const money = (price) => MONEY.format(price);
export const count = (number) => COUNT.format(number);
export const clock = (moment) => CLOCK.format(new Date(moment));
export const day = (moment) => DAY.format(new Date(moment));

/** "1 order", "2 orders". */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A duration as people say it: 0.3 s, 42 s, 3 min, 2 h, 5 d. */
export function duration(seconds) {
  if (seconds < 10) return `${(Math.round(seconds * 10) / 10).toFixed(1)} s`;
  for (const [unit, size] of SPANS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.round(seconds)} s`;
}

/** How long ago a moment was; `keepAges` keeps it true. */
export function ago(moment) {
  return h("time", { datetime: moment, title: FULL.format(new Date(moment)), "data-ago": true }, age(moment));
}

/** The time of day, with the day where it is not today. */
export function moment(at) {
  const today = new Date().toDateString() === new Date(at).toDateString();
  return h("time", { datetime: at, title: FULL.format(new Date(at)) }, today ? clock(at) : `${day(at)}, ${clock(at)}`);
}

function age(at) {
  const seconds = (Date.now() - new Date(at)) / 1000;
  return seconds < 10 ? "just now" : `${duration(seconds)} ago`;
}

/** Write the ages on the page anew as time goes by. */
export function keepAges() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = age(time.dateTime);
      if (time.textContent !== text) time.textContent = text;
    }
  }, 5_000);
}

/** PENDING_NEW as "Pending new", with a mark of its own. */
export function status(name) {
  const text = name.charAt(0) + name.slice(1).toLowerCase().replaceAll("_", " ");
  return h("span", { class: "status", "data-status": name }, text);
}

export const shortId = (id) => id.slice(-8);
