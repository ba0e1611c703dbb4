/** The families of pictures. Each gets its chance, size and colours, and returns the shapes on the ground. */

import { at, contour, disc, each, path, rect, smooth, times } from "./shapes.js";

function lagoon({ random, width, height, ground, inks }) {
  const horizon = height * random.between(0.42, 0.62);
  const sun = [width * random.between(0.25, 0.75), horizon - height * random.between(0.02, 0.26)];
  const size = width * random.between(0.09, 0.17);
  const hills = times(random.whole(2, 3), (layer) => {
    const rise = contour(random, width, height * 0.035);
    const top = horizon - height * (0.13 - layer * 0.05);
    const ridge = each(13, (step) => [(step * width) / 12, top + rise((step * width) / 12)]);
    return path(`${smooth(ridge)}V${at(horizon)}H0Z`, inks[layer % 2], ` opacity="${0.55 + layer * 0.2}"`);
  });
  const glints = times(random.whole(9, 14), (row) => {
    const y = horizon + (height - horizon) * (0.05 + (row / 13) ** 1.3 * 0.9);
    const reach = size * (1.3 - row * 0.05) * random.between(0.5, 1.25);
    return rect(sun[0] - reach + random.between(-8, 8), y, reach * 2, 2.2 + row * 0.35, inks[3], ' rx="1.6"');
  });
  return disc(...sun, size, inks[3]) + hills + rect(0, horizon, width, height - horizon, inks[0])
    + rect(0, horizon, width, height - horizon, ground, ' opacity="0.08"') + glints;
}

function fields({ random, width, height, ground, inks }) {
  const margin = width * random.between(0.07, 0.1);
  const count = random.whole(2, 3);
  const shares = each(count, () => random.between(0.7, 1.8));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const room = height - margin * (count + 1);
  let top = margin;
  const bodies = shares.map((share, index) => {
    const tall = (room * share) / total;
    // One stroke of the brush under the other, none quite as long as the next.
    const step = tall / Math.round(tall / random.between(5, 8));
    const strokes = times(Math.round(tall / step), (row) => {
      const [from, to] = [margin + random.between(-4, 4), width - margin + random.between(-4, 4)];
      return rect(from, top + row * step, to - from, step + 1, inks[index], ` opacity="${at(random.between(0.72, 1) * 100) / 100}"`)
        + (random.chance(0.4) ? rect(from + random.between(2, 90), top + row * step, width * random.between(0.2, 0.5), 1.4, ground, ' opacity="0.16"') : "");
    });
    top += tall + margin;
    return strokes;
  });
  return rect(0, 0, width, height, inks[3], ' opacity="0.3"') + rect(0, 0, width, height, ground, ' opacity="0.15"')
    + bodies.join("");
}

function tiles({ random, width, height, inks }) {
  const across = random.whole(3, 5);
  const size = width / across;
  const down = Math.ceil(height / size - 0.01);
  const tile = (x, y) => {
    const [back, front] = random.shuffle(inks);
    const base = random.chance(0.6) ? rect(x, y, size + 0.5, size + 0.5, back) : "";
    const kind = random.whole(0, 4);
    if (kind === 0) return base + disc(x + size / 2, y + size / 2, size * random.pick([0.2, 0.34, 0.5]), front);
    const turn = ` transform="rotate(${random.whole(0, 3) * 90} ${at(x + size / 2, y + size / 2)})"`;
    const quarter = (r) => `M${at(x, y)}h${at(r)}a${at(r, r)} 0 0 1 ${at(-r, r)}Z`;
    if (kind === 1) return base + path(quarter(size), front, turn);
    if (kind === 2) return base + path(quarter(size), front, turn) + path(quarter(size / 2), back, turn);
    if (kind === 3) return base + path(`M${at(x, y)}h${at(size)}a${at(size / 2, size / 2)} 0 0 1 ${at(-size)} 0Z`, front, turn);
    return base + path(`M${at(x, y)}h${at(size)}v${at(size)}Z`, front, turn);
  };
  return times(down, (row) => times(across, (column) => tile(column * size, row * size)));
}

function ridges({ random, width, height, ground, inks, strong }) {
  const count = random.whole(14, 22);
  const peak = width * random.between(0.36, 0.64);
  const spread = width * random.between(0.14, 0.24);
  const lines = times(count, (index) => {
    const y = height * (0.3 + (0.6 * index) / count);
    const rise = contour(random, width, height * 0.05);
    const points = each(23, (step) => {
      const x = width * (0.08 + (0.84 * step) / 22);
      const swell = Math.exp(-(((x - peak) / spread) ** 2));
      return [x, y - Math.abs(rise(x)) * (0.05 + swell * 1.9) - swell * height * 0.04 - random.between(0, 2)];
    });
    return path(smooth(points), ground, ` stroke="${strong}" stroke-width="2" stroke-linejoin="round"`);
  });
  return disc(width * random.between(0.25, 0.75), height * 0.2, width * random.between(0.08, 0.13), inks[2]) + lines;
}

/** A frond as if cut with scissors: round lobes to both sides of a spine. */
function frond(random, x, y, reach) {
  const lobes = random.whole(4, 6);
  const turn = random.between(0, 6.3);
  const bend = random.between(-0.3, 0.3);
  const side = (way) => each(lobes, (lobe) => {
    const out = 0.6 * Math.sin(Math.PI * (0.2 + (lobe / lobes) * 0.72)) * random.between(0.85, 1.1);
    return [[0.14, out * 0.7], [0.36, out], [0.62, out * 0.86], [0.82, out * 0.5], [1, 0.1]]
      .map(([along, far]) => [((lobe + along) / lobes) * 2 - 1 - far * 0.25, way * far]);
  }).flat();
  const outline = [[-1, 0.06], ...side(1), [1.02, 0], ...side(-1).reverse(), [-1, -0.06]];
  const turned = outline.map(([along, far]) => {
    const [px, py] = [along * reach, (far + bend * Math.sin((Math.PI * (along + 1)) / 2)) * reach];
    return [x + px * Math.cos(turn) - py * Math.sin(turn), y + px * Math.sin(turn) + py * Math.cos(turn)];
  });
  return smooth(turned, true);
}

function cutouts({ random, width, height, ground, inks }) {
  const split = random.between(0.35, 0.65);
  const level = random.between(0.3, 0.7);
  const sheets = rect(0, 0, width * split, height * level, inks[0]) + rect(width * split, 0, width, height * level, inks[1])
    + rect(0, height * level, width * (1 - split), height, inks[2]);
  const places = random.shuffle([[0.25, 0.25], [0.72, 0.24], [0.28, 0.72], [0.73, 0.74], [0.5, 0.5]]);
  const leaves = places.slice(0, random.whole(3, 5)).map(([x, y], index) => {
    const spot = [width * (x + random.between(-0.05, 0.05)), height * (y + random.between(-0.05, 0.05))];
    return path(frond(random, ...spot, width * random.between(0.17, 0.23)), index % 2 ? ground : inks[3]);
  });
  return sheets + leaves.join("");
}

function orbits({ random, width, height, ground, inks }) {
  const half = (x, y, r, fill, turn) =>
    path(`M${at(x - r, y)}a${at(r, r)} 0 0 1 ${at(2 * r)} 0Z`, fill, ` transform="rotate(${turn} ${at(x, y)})"`);
  const body = (x, y, reach) => {
    const rings = random.whole(4, 7);
    const turn = random.whole(0, 7) * 45;
    return times(rings, (ring) => {
      const r = (reach * (rings - ring)) / rings;
      const back = ring % 2 ? ground : inks[(ring + 1) % 4];
      return disc(x, y, r, back) + half(x, y, r, inks[ring % 4], turn + (ring % 2) * 180);
    });
  };
  const [x, y] = [width * random.between(0.36, 0.64), height * random.between(0.38, 0.62)];
  const main = Math.min(width, height) * random.between(0.34, 0.42);
  const small = main * random.between(0.28, 0.42);
  const corner = [x < width / 2 ? width - small * 1.25 : small * 1.25, y < height / 2 ? height - small * 1.25 : small * 1.25];
  return body(x, y, main) + body(...corner, small);
}

function blocks({ random, width, height, ground, inks }) {
  const gap = width * 0.014;
  const divide = (x, y, w, h, depth) => {
    const small = Math.max(w, h) < width * 0.24;
    if (depth === 0 || small || (depth < 4 && random.chance(0.12))) {
      const fill = random.chance(0.3) ? ground : random.pick(inks);
      return rect(x + gap / 2, y + gap / 2, w - gap, h - gap, fill);
    }
    const cut = random.pick([0.28, 0.382, 0.5, 0.618, 0.72]);
    return w > h ? divide(x, y, w * cut, h, depth - 1) + divide(x + w * cut, y, w * (1 - cut), h, depth - 1)
      : divide(x, y, w, h * cut, depth - 1) + divide(x, y + h * cut, w, h * (1 - cut), depth - 1);
  };
  return rect(0, 0, width, height, random.chance(0.5) ? inks[0] : ground) + divide(gap, gap, width - 2 * gap, height - 2 * gap, 5);
}

function waves({ random, width, height, inks, strong }) {
  const count = random.whole(11, 17);
  const sway = width * random.between(0.03, 0.07);
  const beats = random.between(1, 2.2);
  const drift = random.between(0.12, 0.4);
  const start = random.between(0, 6.3);
  const accent = inks.find((ink) => ink !== strong);
  return times(count, (index) => {
    const edge = (offset) => each(15, (step) => {
      const y = (height * 1.04 * step) / 14 - height * 0.02;
      const x = (width * (index + offset)) / count + sway * Math.sin((y / height) * beats * 6.3 + start + index * drift);
      return [x, y];
    });
    const outline = `${smooth(edge(0.2))}L${smooth(edge(0.8).reverse()).slice(1)}Z`;
    return path(outline, index % 5 === 2 ? accent : strong);
  });
}

function stems({ random, width, height, ground, inks }) {
  const floor = height * random.between(0.84, 0.92);
  const count = random.whole(3, 5);
  const backdrop = disc(width * random.between(0.35, 0.65), height * 0.4, width * random.between(0.28, 0.38), inks[3]);
  const plants = times(count, (index) => {
    const x = (width * (index + 0.5 + random.between(-0.12, 0.12))) / count;
    const top = height * random.between(0.12, 0.38);
    const ink = inks[index % 3];
    const pairs = random.whole(4, 7);
    const reach = (width / count) * random.between(0.4, 0.58);
    const leaves = times(pairs, (pair) => {
      const y = top + ((floor - top) * (pair + 0.35)) / (pairs + 0.4);
      const size = reach * (0.5 + (0.5 * (pair + 1)) / pairs);
      const side = (way) => path(
        `M${at(x, y)}q${at(way * size * 0.35, -size * 0.85, way * size, -size * 0.62)}q${at(-way * size * 0.12, size * 0.62, -way * size, size * 0.62)}Z`, ink);
      return side(-1) + side(1);
    });
    return rect(x - 1.3, top - reach * 0.2, 2.6, floor - top + reach * 0.2, ink) + leaves;
  });
  return backdrop + rect(0, floor, width, height - floor, inks[0]) + rect(0, floor, width, height - floor, ground, ' opacity="0.15"') + plants;
}

export const COMPOSITIONS = { lagoon, fields, tiles, ridges, cutouts, orbits, blocks, waves, stems };
