/** A day's watts as small as a word: the line of means, the band up to the greatest; a hole stays a hole. */

const HEIGHT = 24;
const SVG = "http://www.w3.org/2000/svg";

/**
 * What to draw, as path data in steps by HEIGHT, from zero to the greatest watts.
 * @param {(number | null)[]} mean @param {(number | null)[]} high
 */
export function sparkPaths(mean, high) {
  const top = mean.reduce((/** @type {number} */ most, watts, i) => Math.max(most, watts ?? 0, high[i] ?? 0), 1);
  const y = (/** @type {number} */ watts) => (HEIGHT - 1 - (watts / top) * (HEIGHT - 2)).toFixed(1);
  let line = "";
  let band = "";
  let area = "";
  for (let begin = 0; begin < mean.length; begin++) {
    if (mean[begin] === null) continue;
    let end = begin;
    let means = "";
    let highs = "";
    for (; end < mean.length; end++) {
      const watts = mean[end];
      if (watts === null) break;
      means += `V${y(watts)}H${end + 1}`;
      highs += `V${y(Math.max(high[end] ?? 0, watts))}H${end + 1}`;
    }
    line += `M${begin},${y(Number(mean[begin]))}${means}`;
    area += `M${begin},${HEIGHT}${means}V${HEIGHT}Z`;
    band += `M${begin},${HEIGHT}${highs}V${HEIGHT}Z`;
    begin = end;
  }
  return { line, area, band };
}

/** Sparklines, each drawn when it is seen for the first time, and again when its figures are others. */
export class Sparklines {
  constructor() {
    /** @type {Map<Element, import("../published/overview.js").Summary | null>} what is still to be drawn */
    this.waiting = new Map();
    /** @type {WeakMap<Element, import("../published/overview.js").Summary | null>} */
    this.known = new WeakMap();
    /** @type {WeakSet<Element>} */
    this.seen = new WeakSet();
    this.observer = new IntersectionObserver((changes) => this.#changed(changes), { rootMargin: "50%" });
    // A printer sees all.
    addEventListener("beforeprint", () => {
      for (const svg of [...this.waiting.keys()]) this.#draw(svg);
    });
  }

  /** An empty one, to be filled by `show`. */
  made() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "spark");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    for (const name of ["band", "area", "line"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      svg.append(path);
    }
    this.observer.observe(svg);
    return svg;
  }

  /** @param {Element} svg @param {import("../published/overview.js").Summary | null} summary @param {() => string} words */
  show(svg, summary, words) {
    if (this.known.has(svg) && this.known.get(svg) === summary) return;
    this.known.set(svg, summary);
    svg.setAttribute("aria-label", words());
    this.waiting.set(svg, summary);
    if (this.seen.has(svg)) this.#draw(svg);
  }

  /** @param {Element} svg */
  drop(svg) {
    this.observer.unobserve(svg);
    this.waiting.delete(svg);
  }

  #changed(/** @type {IntersectionObserverEntry[]} */ changes) {
    for (const { target, isIntersecting } of changes) {
      if (isIntersecting) this.seen.add(target);
      else this.seen.delete(target);
      if (isIntersecting && this.waiting.has(target)) this.#draw(target);
    }
  }

  #draw(/** @type {Element} */ svg) {
    const summary = this.waiting.get(svg);
    this.waiting.delete(svg);
    const { mean, high } = summary ?? { mean: [], high: [] };
    svg.setAttribute("viewBox", `0 0 ${Math.max(mean.length, 1)} ${HEIGHT}`);
    const paths = sparkPaths(mean, high);
    for (const path of svg.children) {
      path.setAttribute("d", paths[/** @type {"line" | "area" | "band"} */ (path.getAttribute("class"))]);
    }
  }
}
