/** A span of a machine as a CSV file, in the form of the published ones, made in the page from what was read exactly. */

/**
 * @typedef {[number, number]} Span
 */

const MS_WATTS_PER_WH = 3_600_000n;
const NANO = 1_000_000_000n;

/** @param {{ at: ArrayLike<number>, watts: ArrayLike<number> }} samples @param {Span} span */
export function csvOfSamples({ at, watts }, [from, to]) {
  const lines = ["timestamp,consumption"];
  for (let i = 0; i < at.length; i++) {
    if (at[i] >= from && at[i] < to) lines.push(`${new Date(at[i]).toISOString()},${watts[i]}`);
  }
  return `${lines.join("\n")}\n`;
}

/** @param {import("../published/rows.js").Rows} rows @param {Span} span whole rows */
export function csvOfRows({ at, energyMsW, coveredMs, low, high, samples }, [from, to]) {
  const lines = ["timestamp,mean_w,min_w,max_w,energy_wh,covered_s,samples"];
  for (let i = 0; i < at.length; i++) {
    if (at[i] < from || at[i] >= to) continue;
    const mean = coveredMs[i] > 0 ? (energyMsW[i] / coveredMs[i]).toFixed(3) : "";
    const covered = (coveredMs[i] / 1000).toFixed(3);
    lines.push(
      [new Date(at[i]).toISOString(), mean, low[i], high[i], wattHours(energyMsW[i]), covered, samples[i]].join(),
    );
  }
  return `${lines.join("\n")}\n`;
}

/** Nine decimals, half up, so that it reads back as the same energy. @param {number} energyMsW whole */
function wattHours(energyMsW) {
  const nano = (BigInt(energyMsW) * NANO * 2n + MS_WATTS_PER_WH) / (2n * MS_WATTS_PER_WH);
  return `${nano / NANO}.${String(nano % NANO).padStart(9, "0")}`;
}

/** `node01-20261124T113000Z-20261124T114000Z-job-42.csv` @param {string} name @param {Span} span @param {string} label */
export function fileName(name, span, label) {
  const ends = span.map((at) =>
    new Date(at)
      .toISOString()
      .replace(/\.\d+Z$/, "Z")
      .replaceAll(/[-:]/g, ""),
  );
  const words = label
    .normalize("NFKD")
    .replaceAll(/[^A-Za-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return `${[name, ...ends, ...(words ? [words] : [])].join("-")}.csv`;
}

/** Hand a file to the visitor. @param {string} name @param {string} text */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then, and holds on to what it reads.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
