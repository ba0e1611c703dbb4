/** The API of the same origin. Paths are relative to the page, so that a stage prefix does no harm. */

const PATIENCE = 30_000;

/** An answer that says no, as RFC 9457 has it. */
export class Problem extends Error {
  constructor(status, content) {
    super(content.detail ?? content.message ?? `The answer was ${status}.`);
    this.status = status;
    this.code = content.code;
    this.errors = content.errors ?? [];
  }
}

/** No answer, or none of the application's: whatever was asked for may or may not have happened. */
export class Unreachable extends Error {}

/** Read something. `life` is the signal that ends with the view. */
export function get(path, query = {}, life = undefined) {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(known).toString();
  return ask("GET", search ? `${path}?${search}` : path, { life });
}

/** Change something where a repetition does no harm. */
export const put = (path, body) => ask("PUT", path, { body });
export const post = (path, body) => ask("POST", path, { body });

/**
 * Create something, once. The Idempotency-Key is kept until an answer came: who sends the same again after a lost
 * answer, even after a reload, gets the first one's result instead of a second order.
 */
export async function create(path, body) {
  const slot = `rialto unanswered ${path}`;
  const text = JSON.stringify(body);
  const kept = JSON.parse(sessionStorage.getItem(slot) ?? "null");
  const key = kept?.text === text ? kept.key : newKey();
  sessionStorage.setItem(slot, JSON.stringify({ text, key }));
  try {
    const answer = await ask("POST", path, { body, key });
    sessionStorage.removeItem(slot);
    return answer;
  } catch (error) {
    if (error instanceof Problem && error.status < 500) sessionStorage.removeItem(slot);
    throw error;
  }
}

async function ask(method, path, { body, key, life } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const ends = [AbortSignal.timeout(PATIENCE), ...(life ? [life] : [])];
  let response;
  let content;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.any(ends) });
    content = await response.json();
  } catch (error) {
    if (life?.aborted) throw error;
    throw new Unreachable("No answer came.", { cause: error });
  }
  if (response.ok) return content;
  if (response.status >= 500 && !content.code) throw new Unreachable(content.message ?? "The service is not available.");
  throw new Problem(response.status, content);
}

// Not crypto.randomUUID: that one is there over https and on localhost only.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
