/** What the page is made of: elements, and schemas as lists of fields. Text goes in as text, never as markup. */

/** Return an element. A class is in the tag, as in "p.about"; `onsubmit` and the like are listeners. */
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return element;
}

/** Return prose as paragraphs; what stands in backticks is code. */
export function prose(text) {
  return text.trim().split(/\n\s*\n/).map((paragraph) => h("p", {}, inline(paragraph)));
}

/** Return the parts of a line of prose. */
export function inline(text) {
  return text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
}

/** Return an example. */
export function json(value) {
  return h("pre", { tabindex: 0 }, typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

/** Return what a reference leads to, with what stands beside it; anything else as it stands. */
export function resolve(root, part) {
  if (!part?.$ref) return part;
  const { $ref, ...beside } = part;
  const found = $ref.slice(2).split("/").reduce((at, name) => at[name], root);
  return { ...found, ...beside, properties: { ...found.properties, ...beside.properties } };
}

/** Return a schema: in one line what it is, and below the fields it has. */
export function schema(root, part, depth = 0) {
  const full = resolve(root, part);
  return [h("span.type", {}, typeOf(root, part)), about(full), ...below(root, full, depth)];
}

/** Return the fields, items or alternatives of a schema. */
function below(root, part, depth) {
  const fields = Object.entries(part.properties ?? {});
  const inside = [];
  if (fields.length) inside.push(h("ul.fields", {}, fields.map(([name, one]) => field(root, part, name, one, depth))));
  for (const one of (part.oneOf ?? part.anyOf ?? []).map((one) => resolve(root, one))) {
    const code = one.properties?.code?.const;
    const title = code ?? (one.title && fields.length ? one.title : undefined);
    if (title) inside.push(h("p.about", {}, title));
    else if (hasFields(one)) inside.push(nested(root, one, one.title, depth));
  }
  for (const one of [part.items, part.additionalProperties]) {
    const full = one && resolve(root, one);
    if (full && hasFields(full)) inside.push(nested(root, full, full.title, depth));
  }
  return inside;
}

function field(root, owner, name, one, depth) {
  const full = resolve(root, one);
  const needed = owner.required?.includes(name);
  return h("li", {}, h("code", {}, name), " ", h("span.type", {}, typeOf(root, one)), " ",
    needed ? h("span.needed", {}, "required") : "", about(full), ...below(root, { ...full, description: "" }, depth + 1));
}

function nested(root, part, title, depth) {
  return h("details", { open: depth < 2 }, h("summary.type", {}, title ?? "fields"), about(part), ...below(root, part, depth + 1));
}

function hasFields(part) {
  return Boolean(part.properties && Object.keys(part.properties).length) || Boolean(part.items ?? part.additionalProperties);
}

function about(part) {
  return part.description ? h("span.about", {}, inline(part.description)) : "";
}

/** Return in words what a value is: its type, its form, its limits. */
export function typeOf(root, part) {
  if (part === undefined || part === true) return "any";
  if (part.$ref && !part.properties) {
    const full = resolve(root, part);
    if (full.type !== "object" && !full.oneOf) return typeOf(root, full);
    return part.$ref.split("/").pop();
  }
  if ("const" in part) return JSON.stringify(part.const);
  if (part.enum) return part.enum.map((one) => JSON.stringify(one)).join(" | ");
  const options = part.anyOf ?? (part.properties ? undefined : part.oneOf);
  if (options) return [...new Set(options.map((one) => typeOf(root, one)))].join(" or ");
  if (part.type === "array") return `array of ${typeOf(root, part.items)}${limits(part)}`;
  if (part.type === "object" && part.additionalProperties) return `object of ${typeOf(root, part.additionalProperties)}`;
  const type = [part.type ?? part.title ?? "object"].flat().join(" or ");
  return `${type}${part.format ? ` (${part.format})` : ""}${limits(part)}`;
}

const LIMITS = {
  minimum: "≥ ", exclusiveMinimum: "> ", maximum: "≤ ", exclusiveMaximum: "< ", multipleOf: "in steps of ",
  minLength: "length ≥ ", maxLength: "length ≤ ", minItems: "at least ", maxItems: "at most ", pattern: "like ",
  default: "by default ",
};

function limits(part) {
  const told = Object.entries(LIMITS)
    .filter(([name]) => name in part && part[name] !== null)
    .map(([name, word]) => word + part[name]);
  return told.length ? `, ${told.join(", ")}` : "";
}
