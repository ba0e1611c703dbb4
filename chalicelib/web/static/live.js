/** Keeps what is shown up to date: asks again and again, rests in a hidden tab, backs off from a fault and tells it. */

import { Unreachable } from "./api.js";

const LONGEST_PAUSE = 30;
const lost = new Map();
const connection = new EventTarget();

/**
 * Run the task now and then every so many seconds until `life` ends. `refresh` runs it at once, after a change.
 * A task that throws Unreachable makes the connection count as lost; any other error is the task's own to show.
 * While a feed is alive, the task rests once it succeeded.
 */
export function poll(life, seconds, task, onError = reportError, feed = {}) {
  let timer = null;
  let running = false;
  let again = false;
  let failures = 0;

  async function run() {
    clearTimeout(timer);
    if (running) { again = true; return; }
    if (life.aborted) return;
    running = true;
    try {
      await task(life);
      failures = 0;
      settle(run);
    } catch (error) {
      if (life.aborted) return;
      failures += 1;
      if (error instanceof Unreachable) tell(run, pause());
      else { settle(run); onError(error); }
    } finally {
      running = false;
    }
    if (again) { again = false; run(); } else if (!document.hidden && (failures || !feed.alive)) timer = setTimeout(run, pause() * 1000);
  }

  const pause = () => Math.max(seconds, failures && Math.min(LONGEST_PAUSE, seconds * 2 ** failures));
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : run()), { signal: life });
  life.addEventListener("abort", () => { clearTimeout(timer); settle(run); });
  run();
  return { refresh: run };
}

/**
 * Follow server-sent events while the view is seen, over any break: a feed for `poll`. The path ends with "?" or "&",
 * `on` takes data by the event's name, `end` is called if no more can come.
 */
export function follow(life, path, { end, ...on }) {
  const feed = { alive: true };
  let [source, cursor, answered] = [null, ""];

  function open() {
    source?.close();
    if (document.hidden || life.aborted || !feed.alive) return settle(open);
    source = new EventSource(path + (cursor && `cursor=${cursor}`));
    source.onopen = () => { answered = true; settle(open); };
    source.onerror = () => {
      feed.alive = source.readyState !== source.CLOSED;
      if (!feed.alive) { open(); end(); }
      // Every answer ends: only one that never began is a fault.
      else if (!answered) tell(open, 1);
      answered = false;
    };
    for (const [name, take] of Object.entries(on)) {
      source.addEventListener(name, (event) => { cursor = event.lastEventId; take(JSON.parse(event.data)); });
    }
  }
  document.addEventListener("visibilitychange", open, { signal: life });
  life.addEventListener("abort", open);
  open();
  return feed;
}

/** Call back now and whenever the connection is lost (with the seconds until the next try) or there again (null). */
export function watchConnection(show) {
  connection.addEventListener("change", () => show(lost.size ? Math.min(...lost.values()) : null));
}

/** Try everything again that waits for its next turn. */
export function retryNow() {
  for (const refresh of lost.keys()) refresh();
}

addEventListener("online", retryNow);

function tell(who, seconds) {
  lost.set(who, seconds);
  connection.dispatchEvent(new Event("change"));
}

function settle(who) {
  if (lost.delete(who)) connection.dispatchEvent(new Event("change"));
}

function reportError(error) {
  // Not ours to hide: a fault in a view shows in the console, and the next turn tries again.
  console.error(error);
}
