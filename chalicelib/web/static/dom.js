/** Elements without a framework. What people wrote becomes text and attributes here, never markup. */

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "readOnly"]);
const drawn = new WeakMap();

/** Return an HTML element. `onclick` and the like are listeners; null, undefined and false leave an attribute out. */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** Return an SVG element. */
export function s(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** Replace what is in the element. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false);
}

/**
 * Make the children those of the items, in their order. A node whose item is as before stays as it is, so that a
 * refresh takes away neither focus nor selection; a node that has to be drawn anew hands its focus on.
 */
export function keyed(parent, items, keyOf, draw) {
  const before = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const key = String(keyOf(item));
    const content = JSON.stringify(item);
    const old = before.get(key);
    if (old && drawn.get(old) === content) return old;
    const node = draw(item);
    node.dataset.key = key;
    drawn.set(node, content);
    if (old?.contains(document.activeElement)) handOn(old, node);
    return node;
  });
  const kept = new Set(nodes);
  for (const node of [...parent.children]) if (!kept.has(node)) node.remove();
  nodes.forEach((node, at) => {
    if (parent.children[at] !== node) parent.insertBefore(node, parent.children[at] ?? null);
  });
}

function handOn(old, node) {
  const controls = "a[href], button, input, select, textarea";
  const at = [...old.querySelectorAll(controls)].indexOf(document.activeElement);
  queueMicrotask(() => (node.querySelectorAll(controls)[at] ?? node.querySelector(controls))?.focus());
}
