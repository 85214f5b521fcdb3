/** What is painted of a picture onto the canvas: lines with their bands, stacked areas, holes, power caps, markers. */

/**
 * @typedef {import("./chart.js").Line} Line
 * @typedef {import("./chart.js").Hole} Hole
 * @typedef {import("./chart.js").Cap} Cap
 * @typedef {import("./chart.js").Marker} Marker
 * @typedef {{
 *   ctx: CanvasRenderingContext2D, left: number, top: number, width: number, height: number, ratio: number,
 *   from: number, to: number, highest: number, font: string, colours: Record<string, string>
 * }} Paper the plotting area in pixels of the canvas, of which `ratio` are one of the page
 */

const BAND = 0.26;
const AREA = 0.1;
const PAD = 6;
/** Points of a line that are stroked at once. */
const PIECE = 16;

/** @param {any} u the uPlot object @param {string} font @param {Record<string, string>} colours @returns {Paper} */
export function paperOf(u, font, colours) {
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  return {
    ctx: u.ctx,
    left,
    top,
    width,
    height,
    ratio,
    from: Number(u.scales.x.min),
    to: Number(u.scales.x.max),
    highest: Number(u.scales.y.max),
    font: font.replace(/^\d+/, (size) => String(Number(size) * ratio)),
    colours,
  };
}

/** Paint within the plotting area only. @param {Paper} paper @param {() => void} paint */
export function within({ ctx, left, top, width, height, font }, paint) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.font = font;
  ctx.lineJoin = "round";
  paint();
  ctx.restore();
}

/** Holes with their reason where there is room for it. @param {Paper} paper @param {Hole[]} holes @param {(hole: Hole) => string[]} words longest first */
export function paintHoles(paper, holes, words) {
  const { ctx, left, top, width, height, ratio, to, colours } = paper;
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  for (const hole of holes) {
    const begin = Math.max(xOf(paper, hole.begin), left);
    const end = Math.min(xOf(paper, hole.end ?? to), left + width);
    if (end < left || begin > left + width || end < begin) continue;
    const wide = Math.max(end - begin, ratio);
    ctx.fillStyle = colours.hole;
    ctx.fillRect(begin, top, wide, height);
    const text = words(hole).find((each) => ctx.measureText(each).width + 2 * PAD * ratio < wide);
    if (!text) continue;
    ctx.fillStyle = colours.text;
    ctx.fillText(text, begin + wide / 2, top + PAD * ratio);
  }
}

/** One line: from zero up faintly when it is alone, its band of lowest to highest, the mean. @param {Paper} paper @param {Line} line @param {boolean} alone */
export function paintLine(paper, line, alone) {
  const { ctx, ratio, colours } = paper;
  const colour = colours[line.colour];
  ctx.fillStyle = colour;
  ctx.strokeStyle = colour;
  // One that goes up and down in every pixel is thin enough to be seen as one.
  ctx.lineWidth = (alone ? (line.isStep ? 1.25 : 1) : 1.5) * ratio;
  const { low, high } = line;
  if (alone) {
    ctx.globalAlpha = AREA;
    ctx.fill(bandPath(paper, line.at, line.mean, null, line.isStep));
  }
  if (low && high) {
    ctx.globalAlpha = alone ? BAND : BAND * 0.7;
    ctx.fill(bandPath(paper, line.at, high, low, true));
  }
  ctx.globalAlpha = 1;
  strokeLine(paper, line.at, line.mean, line.isStep);
}

/**
 * Areas on one another, the first at the bottom.
 * @param {Paper} paper @param {ArrayLike<number>} at @param {(number | null)[][]} sums of the first, the first two, …
 * @param {number[]} colourOf @param {boolean} isStep
 */
export function paintStack(paper, at, sums, colourOf, isStep) {
  const { ctx, ratio, colours } = paper;
  for (let i = sums.length - 1; i >= 0; i--) {
    // On the surface first, so that areas below do not shine through.
    const area = bandPath(paper, at, sums[i], null, isStep);
    ctx.fillStyle = colours.surface;
    ctx.fill(area);
    ctx.globalAlpha = 0.62;
    ctx.fillStyle = colours[colourOf[i]];
    ctx.fill(area);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = colours[colourOf[i]];
    ctx.lineWidth = 1.25 * ratio;
    strokeLine(paper, at, sums[i], isStep);
  }
}

/** A line without its mean: where it was between lowest and highest, faint below. @param {Paper} paper @param {import("./lines.js").Drawn} line */
export function paintBand(paper, { at, mean, low, high, isStep }) {
  const { ctx, ratio, colours } = paper;
  ctx.fillStyle = colours.line;
  ctx.strokeStyle = colours.line;
  ctx.globalAlpha = 0.18;
  ctx.fill(bandPath(paper, at, mean, null, isStep));
  ctx.globalAlpha = 0.5;
  if (low && high) ctx.fill(bandPath(paper, at, high, low, true));
  ctx.globalAlpha = 1;
  ctx.lineWidth = ratio;
  strokeLine(paper, at, mean, isStep);
}

/** Ticks of a strip, with their words below it. @param {Paper} paper @param {number[]} moments @param {string[]} labels @param {number} room below, in pixels of the page */
export function paintTicks(paper, moments, labels, room) {
  const { ctx, top, width, height, ratio, colours, font } = paper;
  ctx.font = font;
  ctx.textBaseline = "middle";
  ctx.textAlign = "center";
  moments.forEach((at, i) => {
    const x = Math.round(xOf(paper, at));
    ctx.fillStyle = colours.grid;
    ctx.fillRect(x, top, ratio, height);
    const half = ctx.measureText(labels[i]).width / 2;
    ctx.fillStyle = colours.text;
    if (x >= half && x + half <= width) ctx.fillText(labels[i], x, top + height + (room / 2) * ratio);
  });
}

/** Power caps: dashed, with their watts; one that is higher than the chart is named at its upper edge. @param {Paper} paper @param {Cap[]} caps @param {(watts: number, isAbove: boolean) => string} words */
export function paintCaps(paper, caps, words) {
  const { ctx, left, top, width, ratio, to, highest, colours } = paper;
  ctx.textAlign = "right";
  for (const cap of caps) {
    const begin = Math.max(xOf(paper, cap.from), left);
    const end = Math.min(xOf(paper, cap.to ?? to), left + width);
    if (end <= begin) continue;
    const isAbove = cap.watts > highest;
    const y = isAbove ? top + ratio : Math.round(yOf(paper, cap.watts));
    ctx.strokeStyle = colours.cap;
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([7 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(begin, y);
    ctx.lineTo(end, y);
    if (!isAbove) ctx.stroke();
    ctx.setLineDash([]);
    const text = words(cap.watts, isAbove);
    if (ctx.measureText(text).width + 2 * PAD * ratio > end - begin) continue;
    const isBelowLine = y - top < 20 * ratio;
    ctx.textBaseline = isBelowLine ? "top" : "bottom";
    halo(paper, text, end - PAD * ratio, y + (isBelowLine ? 3 : -3) * ratio, colours.cap);
  }
}

/** Markers: a thin line, or a shaded span, with its text where no other is. @param {Paper} paper @param {Marker[]} markers */
export function paintMarkers(paper, markers) {
  const { ctx, left, top, width, height, ratio, colours } = paper;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  let free = left;
  for (const { begin, end, text } of markers) {
    const from = Math.round(xOf(paper, begin));
    const to = end === null ? from : Math.round(xOf(paper, end));
    if (to < left || from > left + width) continue;
    ctx.fillStyle = colours.marker;
    ctx.globalAlpha = 0.06;
    if (to > from) ctx.fillRect(from, top, to - from, height);
    ctx.globalAlpha = 0.55;
    for (const x of to > from ? [from, to] : [from]) ctx.fillRect(x, top, ratio, height);
    ctx.globalAlpha = 1;
    const x = Math.max(from, left) + 4 * ratio;
    const room = left + width - x - PAD * ratio;
    const short = ctx.measureText(text).width > room && text.length > 16 ? `${text.slice(0, 15)}…` : text;
    const wide = ctx.measureText(short).width;
    if (x < free || wide > room) continue;
    halo(paper, short, x, top + height - 4 * ratio, colours.marker);
    free = x + wide + 2 * PAD * ratio;
  }
}

function halo(
  /** @type {Paper} */ { ctx, ratio, colours },
  /** @type {string} */ text,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {string} */ colour,
) {
  ctx.strokeStyle = colours.surface;
  ctx.lineWidth = 3 * ratio;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** @param {Paper} paper @param {number} at */
export function xOf({ left, width, from, to }, at) {
  return left + ((at - from) / (to - from)) * width;
}

/** @param {Paper} paper @param {number} watts */
function yOf({ top, height, highest }, watts) {
  return top + height - (watts / highest) * height;
}

/** In short pieces: one long path takes a rasteriser without a GPU five times as long. */
function strokeLine(
  /** @type {Paper} */ paper,
  /** @type {ArrayLike<number>} */ at,
  /** @type {(number | null)[]} */ values,
  /** @type {boolean} */ isStep,
) {
  const { ctx } = paper;
  let isOpen = false;
  let before = 0;
  ctx.beginPath();
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const x = xOf(paper, at[i]);
    if (value !== null) {
      const y = yOf(paper, value);
      if (!isOpen) ctx.moveTo(x, y);
      else if (isStep) ctx.lineTo(x, before);
      if (isOpen || i + 1 === values.length) ctx.lineTo(x, y);
      if (i % PIECE === 0) {
        ctx.stroke();
        ctx.beginPath();
        ctx.moveTo(x, y);
      }
      before = y;
    } else if (isOpen) ctx.lineTo(x, before);
    isOpen = value !== null;
  }
  ctx.stroke();
}

/** The area between two lines, or down to zero; each run between holes is closed. */
function bandPath(
  /** @type {Paper} */ paper,
  /** @type {ArrayLike<number>} */ at,
  /** @type {(number | null)[]} */ upper,
  /** @type {(number | null)[] | null} */ lower,
  /** @type {boolean} */ isStep,
) {
  const path = new Path2D();
  const floor = yOf(paper, 0);
  for (let begin = 0; begin < upper.length; begin++) {
    if (upper[begin] === null) continue;
    let end = begin;
    while (end < upper.length && upper[end] !== null) end++;
    // A value holds until the next point, be it a hole.
    const close = xOf(paper, at[Math.min(end, upper.length - 1)]);
    path.moveTo(xOf(paper, at[begin]), yOf(paper, Number(upper[begin])));
    trace(paper, path, at, upper, begin, end, close, isStep);
    if (lower) {
      for (let i = end - 1; i >= begin; i--) {
        const y = yOf(paper, Number(lower[i]));
        path.lineTo(i === end - 1 ? close : xOf(paper, at[i + 1]), y);
        path.lineTo(xOf(paper, at[i]), y);
      }
    } else {
      path.lineTo(close, floor);
      path.lineTo(xOf(paper, at[begin]), floor);
    }
    path.closePath();
    begin = end;
  }
  return path;
}

/** @param {Paper} paper @param {Path2D} path @param {ArrayLike<number>} at @param {(number | null)[]} values @param {number} begin @param {number} end @param {number} close @param {boolean} isStep */
function trace(paper, path, at, values, begin, end, close, isStep) {
  for (let i = begin; i < end; i++) {
    const y = yOf(paper, Number(values[i]));
    path.lineTo(xOf(paper, at[i]), y);
    if (isStep || i === end - 1) path.lineTo(i === end - 1 ? close : xOf(paper, at[i + 1]), y);
  }
}
