/** The picture of a work that brought none: made from its number alone, so that it is the same for ever and everywhere. */

import { COMPOSITIONS } from "./compositions.js";

// Ground first, then four colours that go together on it.
const PALETTES = {
  lagoon: ["#ece7db", "#1d3f4f", "#5f9a9c", "#c8553d", "#e6b86f"],
  brick: ["#f1e9de", "#8c2f25", "#d5783f", "#2d2a32", "#dcc092"],
  harbour: ["#16202e", "#eec787", "#3f6d90", "#b4493f", "#e6e1d6"],
  moss: ["#e7e8dd", "#3a4a32", "#8a9a5b", "#c6a94f", "#2b2b26"],
  rose: ["#f4e8e4", "#a83e63", "#e0a09b", "#45304a", "#eabf79"],
  clay: ["#dfe1e0", "#36454f", "#b4632a", "#8fa3a8", "#f2efe9"],
  indigo: ["#f0eee6", "#2b2d69", "#6065b0", "#dda15a", "#bfcadd"],
  fjord: ["#dbe5e9", "#123c4c", "#34838a", "#f0e1c4", "#cf614a"],
  press: ["#f4f2ee", "#1a1a1a", "#8c8c86", "#d3d0c8", "#bf2b2f"],
  olive: ["#22261d", "#cfc08a", "#7f8d54", "#b5552c", "#ebe6d4"],
  plum: ["#2b1c2f", "#d68b8a", "#7d4d79", "#eed7b3", "#528b8b"],
  citrus: ["#faf3e3", "#dd5a32", "#eda51b", "#2a345c", "#a5c184"],
  terrazzo: ["#efeae2", "#3b5249", "#a2b292", "#dc7a5f", "#3e415c"],
  dusk: ["#eee0d6", "#58375a", "#bd6c83", "#efaf93", "#37607f"],
};
const FORMATS = [[400, 400], [400, 500], [375, 500], [500, 400], [500, 375], [420, 520]];
const pictures = new Map();

/** Return {source, text, width, height}: a data address, a description, and the size. */
export function picture(artworkId) {
  if (!pictures.has(artworkId)) pictures.set(artworkId, paint(artworkId));
  return pictures.get(artworkId);
}

function paint(artworkId) {
  const random = dice(artworkId);
  const [name, colours] = random.pick(Object.entries(PALETTES));
  const [kind, compose] = random.pick(Object.entries(COMPOSITIONS));
  const [width, height] = random.pick(FORMATS);
  const [ground, ...inks] = colours;
  const shapes = compose({ random, width, height, ground, strong: inks[0], inks: random.shuffle(inks) });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`
    + `<rect width="${width}" height="${height}" fill="${ground}"/>${shapes}</svg>`;
  const source = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  return { source, width, height, text: `Abstract picture: ${kind} in the colours of ${name}` };
}

/** Return chance that is the same for the same number (Mulberry32 over both halves of it). */
function dice(number) {
  let state = mix(mix(number % 2 ** 32) ^ Math.floor(number / 2 ** 32));
  const roll = () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low, high) => low + roll() * (high - low);
  const whole = (low, high) => Math.floor(between(low, high + 1));
  const pick = (list) => list[Math.floor(roll() * list.length)];
  const shuffle = (list) => {
    const mixed = [...list];
    for (let at = mixed.length - 1; at > 0; at -= 1) {
      const other = whole(0, at);
      [mixed[at], mixed[other]] = [mixed[other], mixed[at]];
    }
    return mixed;
  };
  return { roll, between, whole, pick, shuffle, chance: (share) => roll() < share };
}

/** Spread neighbouring numbers far apart (the finisher of MurmurHash3). */
function mix(word) {
  let hash = word | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
