/** Charts as SVG, drawn to the width they have. The numbers stand beside each of them as text, too. */

import { fill, h, s } from "./dom.js";
import { count, day, clock, money } from "./format.js";

const STEPS = [1, 2, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000];
const MOST_BARS = 28;
const LEAST_BARS = 14;

/** Return a figure whose picture follows its width. `draw(width)` returns the SVG; `update` draws anew. */
function figure(name, draw) {
  const element = h("figure", { class: `chart ${name}` });
  const update = () => element.clientWidth && fill(element, draw(element.clientWidth));
  new ResizeObserver(update).observe(element);
  return { element, update };
}

function canvas(width, height, label, ...shapes) {
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, shapes);
}

const line = (x1, y1, x2, y2, name) => s("line", { x1, y1, x2, y2, class: name });
const text = (x, y, content, anchor = "start") => s("text", { x, y, "text-anchor": anchor }, content);

/** Prices of the transactions over time: a price holds until the next one is paid. */
export function priceChart() {
  let trades = [];
  const chart = figure("price", (width) => drawPrices(trades, width));
  return { element: chart.element, show(newest) { trades = [...newest].reverse(); chart.update(); } };
}

function drawPrices(trades, width) {
  const prices = trades.map((trade) => trade.price);
  const longest = Math.max(...prices.map((price) => money(price).length));
  const [height, left, right, top, bottom] = [220, 6, 24 + longest * 9, 16, 28];
  const moments = trades.map((trade) => Date.parse(trade.executed_at));
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const reach = high - low || high || 1;
  const room = moments.at(-1) - moments[0] || 1;
  const x = (moment) => left + ((moment - moments[0]) / room) * (width - left - right);
  const y = (price) => top + (1 - (price - low + (high === low ? reach / 2 : 0)) / reach) * (height - top - bottom);
  const points = trades.map((_, index) => [x(moments[index]), y(prices[index])]);
  const steps = points.map(([px, py], index) => (index ? `H${px}V${py}` : `M${px} ${py}`)).join("");
  const [endX, endY] = points.at(-1);
  const label = `${trades.length} transactions from ${money(prices[0])} to ${money(prices.at(-1))}, `
    + `lowest ${money(low)}, highest ${money(high)}`;
  const levels = high === low ? [low] : [low, high];
  return canvas(width, height, label,
    levels.map((level) => [line(left, y(level), width - right + 8, y(level), "grid"),
      // The last price has its own label: no other may lie under it.
      Math.abs(y(level) - endY) > 18 && text(width - right + 14, y(level) + 4, money(level))]),
    s("path", { d: `${steps}H${width - right + 8}`, class: "line" }),
    points.map(([px, py], index) => s("circle", { cx: px, cy: py, r: 3.5, class: "dot" },
      s("title", {}, `${money(prices[index])}, ${day(moments[index])} ${clock(moments[index])}`))),
    s("circle", { cx: endX, cy: endY, r: 5, class: "dot last" }),
    s("text", { x: width - right + 14, y: endY + 5, class: "strong" }, money(prices.at(-1))),
    axis(moments, left, width - right, height));
}

/** Signals over time: accepted ones upward, rejected ones downward. */
export function signalChart() {
  let signals = [];
  const chart = figure("signals", (width) => drawSignals(signals, width));
  return { element: chart.element, show(newest) { signals = newest; chart.update(); } };
}

function drawSignals(signals, width) {
  const [height, right, bottom] = [200, 34, 26];
  const moments = signals.map((signal) => Date.parse(signal.created_at));
  const [first, last] = [Math.min(...moments), Math.max(...moments)];
  const step = 1000 * (STEPS.find((seconds) => (last - first) / 1000 / seconds < MOST_BARS) ?? STEPS.at(-1));
  const bars = Math.min(MOST_BARS * 4, Math.max(LEAST_BARS, Math.floor(last / step) - Math.floor(first / step) + 1));
  const begin = (Math.floor(last / step) - bars + 1) * step;
  const sums = Array.from({ length: bars }, () => ({ ACCEPTED: 0, REJECTED: 0, OPEN: 0 }));
  signals.forEach((signal, index) => { const sum = sums[Math.floor((moments[index] - begin) / step)]; if (sum) sum[signal.status] += 1; });
  const up = Math.max(1, ...sums.map((sum) => sum.ACCEPTED));
  const down = Math.max(1, ...sums.map((sum) => sum.REJECTED));
  const unit = (height - bottom - 24) / (up + down);
  const zero = 12 + up * unit;
  const pace = (width - right) / bars;
  const bar = (index, amount, name) => amount > 0 && s("rect", {
    x: index * pace + 1.5, width: Math.max(1, pace - 3), height: amount * unit - 1, class: name,
    y: name === "accepted" ? zero - amount * unit : zero + 1,
  }, s("title", {}, `${count(amount)} ${name}, ${clock(begin + index * step)}`));
  const total = (status) => signals.filter((signal) => signal.status === status).length;
  return canvas(width, height, `${total("ACCEPTED")} signals accepted, ${total("REJECTED")} rejected`,
    sums.map((sum, index) => [bar(index, sum.ACCEPTED, "accepted"), bar(index, sum.REJECTED, "rejected")]),
    line(0, zero, width - right, zero, "zero"),
    text(width - right + 8, zero - up * unit + 10, count(up)), text(width - right + 8, zero + down * unit, count(down)),
    axis([begin, begin + bars * step], 0, width - right, height));
}

function axis(moments, left, right, height) {
  const [from, to] = [moments[0], moments.at(-1)];
  const write = (moment) => (to - from > 86_400_000 ? day(moment) : clock(moment));
  return [text(left, height - 6, write(from)), to > from && text(right, height - 6, write(to), "end")];
}

/** The course of one number, small enough for a table row. */
export function spark(values) {
  const [width, height] = [96, 24];
  const high = Math.max(1, ...values);
  const points = values.map((value, index) =>
    `${width - (values.length - 1 - index) * (width / 47) - 2},${height - 2 - (value / high) * (height - 4)}`);
  return s("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    line(0, height - 1.5, width, height - 1.5), s("polyline", { points: points.join(" ") }));
}
