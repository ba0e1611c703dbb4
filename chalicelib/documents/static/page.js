/** Shows openapi.json as a page. Its addresses are relative to this page, whatever stands in front of it. */

import { h, inline, json, prose, resolve, schema, typeOf } from "./parts.js";

const METHODS = ["get", "put", "post", "delete", "patch"];
const ROOT = new URL("./", document.baseURI);

function routesOf(api, tag) {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]?.tags.includes(tag)).map((method) => ({ method, path, ...methods[method] })));
}

function drawRoute(api, route) {
  return h("section.route", { id: route.operationId, "aria-labelledby": `${route.operationId}-title` },
    h("h3", { id: `${route.operationId}-title` }, route.summary),
    h("p.path", {}, h("span.method.mono", {}, route.method.toUpperCase()), h("code", {}, route.path)),
    prose(route.description ?? ""),
    drawParameters(api, route.parameters ?? []),
    drawBody(api, route.requestBody),
    h("h4", {}, "Answers"),
    Object.entries(route.responses).map(([status, one]) => drawAnswer(api, status, resolve(api, one))),
    drawTry(route));
}

function drawParameters(api, parameters) {
  if (!parameters.length) return [];
  return [h("h4", {}, "Parameters"), h("ul.fields", {}, parameters.map((one) =>
    h("li", {}, h("code", {}, one.name), " ", h("span.type", {}, `${one.in}, ${typeOf(api, one.schema)}`), " ",
      one.required ? h("span.needed", {}, "required") : "", h("span.about", {}, inline(one.description)))))];
}

function drawBody(api, body) {
  if (!body) return [];
  return [h("h4", {}, "Body"), h("p", {}, body.description),
    Object.entries(body.content).flatMap(([type, content]) => drawContent(api, type, content))].flat();
}

function drawContent(api, type, content) {
  const examples = Object.entries(content.examples ?? {}).map(([name, one]) => [name, one.value]);
  if ("example" in content) examples.push(["Example", content.example]);
  return [h("p.type", {}, type), h("div", {}, ...schema(api, content.schema)),
    ...examples.map(([name, value]) => h("details", {}, h("summary.type", {}, name), json(value)))];
}

function drawAnswer(api, status, answer) {
  const headers = Object.entries(answer.headers ?? {}).map(([name, one]) => [name, resolve(api, one)]);
  return h("details", { open: status.startsWith("2") },
    h("summary", {}, h("span.status", {}, status), " ", inline(answer.description)),
    headers.length ? h("ul.fields", {}, headers.map(([name, one]) =>
      h("li", {}, h("code", {}, name), " ", h("span.type", {}, `header, ${typeOf(api, one.schema)}`), h("span.about", {}, one.description)))) : "",
    Object.entries(answer.content ?? {}).flatMap(([type, content]) => drawContent(api, type, content)));
}

function drawTry(route) {
  const inputs = (route.parameters ?? []).map((one) => {
    const value = one.required ? String(one.example ?? "") : "";
    const input = h("input", { name: one.name, value, placeholder: one.example ?? "", required: one.required, autocomplete: "off" });
    return { one, input };
  });
  const content = route.requestBody && Object.values(route.requestBody.content)[0];
  const body = content && h("textarea", { spellcheck: "false" }, JSON.stringify(Object.values(content.examples)[0].value, null, 2));
  const button = h("button", { type: "submit" }, "Send");
  const result = h("div", { role: "status" });
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); void send(route, inputs, body, button, result); } },
    inputs.map(({ one, input }) => h("label", {}, one.name, input)),
    body ? h("label", {}, "Body", body) : "", button, result);
  return h("details", {}, h("summary", {}, "Try it"), form);
}

async function send(route, inputs, body, button, result) {
  const query = new URLSearchParams();
  const headers = body ? { "Content-Type": "application/json" } : {};
  let path = route.path.slice(1);
  for (const { one, input } of inputs) {
    if (one.in === "path") path = path.replace(`{${one.name}}`, encodeURIComponent(input.value));
    else if (input.value && one.in === "query") query.set(one.name, input.value);
    else if (input.value) headers[one.name] = input.value;
  }
  const url = new URL(path + (query.size ? `?${query}` : ""), ROOT);
  button.disabled = true;
  try {
    const answer = await fetch(url, { method: route.method.toUpperCase(), headers, body: body?.value, redirect: "manual" });
    const text = await answer.text();
    result.replaceChildren(h("p", {}, h("span.status", {}, `${answer.status}`), ` ${answer.headers.get("content-type") ?? ""}`), json(pretty(text)));
  } catch (error) {
    result.replaceChildren(h("p.fault", {}, `Nothing came back: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function draw(api) {
  const markets = api.tags.map(({ name }) => ({ name, routes: routesOf(api, name) }));
  document.getElementById("routes").replaceChildren(...markets.flatMap(({ name, routes }) => [
    h("span.market", {}, name),
    h("ul", {}, routes.map((route) => h("li", {}, h("a", { href: `#${route.operationId}` }, route.summary)))),
  ]));
  document.getElementById("main").replaceChildren(...prose(api.info.description),
    ...markets.flatMap(({ name, routes }) => [h("h2", {}, name), ...routes.map((route) => drawRoute(api, route))]));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

const chosen = localStorage.getItem("rialto theme");
if (chosen) document.documentElement.dataset.theme = chosen;
try {
  const answer = await fetch(new URL("openapi.json", ROOT));
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  draw(await answer.json());
} catch (error) {
  document.getElementById("state").replaceChildren(h("span.fault", {}, `openapi.json could not be read: ${error.message}. `));
}
