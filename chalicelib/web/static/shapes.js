/** The shapes that pictures are made of, as the text of SVG elements. Only numbers and our own colours go in. */

export const at = (...values) => values.map((value) => Math.round(value * 10) / 10).join(" ");
export const rect = (x, y, w, h, fill, more = "") =>
  `<rect x="${at(x)}" y="${at(y)}" width="${at(w)}" height="${at(h)}" fill="${fill}"${more}/>`;
export const disc = (x, y, r, fill, more = "") => `<circle cx="${at(x)}" cy="${at(y)}" r="${at(r)}" fill="${fill}"${more}/>`;
export const path = (d, fill, more = "") => `<path d="${d}" fill="${fill}"${more}/>`;
export const each = (count, make) => Array.from({ length: count }, (_, index) => make(index));
export const times = (...how) => each(...how).join("");

/** A smooth line through the points: a Catmull-Rom spline as Bézier curves. */
export function smooth(points, closed = false) {
  const point = (index) => (closed ? points.at(index % points.length)
    : points[Math.max(0, Math.min(points.length - 1, index))]);
  let d = `M${at(...points[0])}`;
  for (let index = 0; index < points.length - (closed ? 0 : 1); index += 1) {
    const [before, from, to, after] = [point(index - 1), point(index), point(index + 1), point(index + 2)];
    d += `C${at(from[0] + (to[0] - before[0]) / 6, from[1] + (to[1] - before[1]) / 6,
      to[0] - (after[0] - from[0]) / 6, to[1] - (after[1] - from[1]) / 6, ...to)}`;
  }
  return closed ? `${d}Z` : d;
}

/** Hills or waves: a sum of three sines from edge to edge. */
export function contour(random, width, height) {
  const parts = [1, 2.3, 4.1].map((pace) => [pace * random.between(0.6, 1.4), random.between(0, 6.3), height / pace]);
  return (x) => parts.reduce((sum, [pace, phase, size]) => sum + size * Math.sin((x / width) * pace * 6.3 + phase), 0);
}
