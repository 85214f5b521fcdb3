/**
 * Writes what is deployed of the page's scripts and styles: one file of each for every view, since a browser takes longer
 * to ask for fifty small files than to read one. They are in the repository, so that no host needs Node; with `--check`
 * nothing is written, and those that are not what their sources would make are named.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
/** The style sheets of each view, beside those of all. */
const STYLES = {
  about: ["about"],
  calendar: ["reports", "calendar"],
  compare: ["chart", "spans", "compare"],
  daily: ["chart", "reports", "daily"],
  files: ["files"],
  machine: ["chart", "spans", "machine"],
  overview: ["chart", "overview"],
};
const CHART_LIBRARY = "site/vendor/uplot-1.6.32/uPlot.min.css";
const BANNER = "/* Built by `npm run build` from the sources beside files/frontend/site. */";
const COMMON = /** @type {const} */ ({
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  write: false,
  charset: "utf8",
  target: "es2022",
  logLevel: "error",
});

/** @param {string} view @param {string[]} styles @returns {Promise<[string, string][]>} path below `site/`, content */
async function filesOf(view, styles) {
  const sheets = ["tokens", "base", ...styles, "print"].map((name) => `styles/${name}.css`);
  const all = styles.includes("chart") ? [...sheets, CHART_LIBRARY] : sheets;
  const [script, style] = await Promise.all([
    build({ ...COMMON, entryPoints: [`scripts/views/${view}.js`], format: "esm", banner: { js: BANNER } }),
    build({
      ...COMMON,
      stdin: { contents: all.map((path) => `@import "./${path}";`).join("\n"), resolveDir: HERE, loader: "css" },
      banner: { css: BANNER },
    }),
  ]);
  return [
    [`scripts/${view}.js`, script.outputFiles[0].text],
    [`styles/${view}.css`, style.outputFiles[0].text],
  ];
}

const isCheck = process.argv.includes("--check");
const files = await Promise.all(Object.entries(STYLES).map(([view, styles]) => filesOf(view, styles)));
for (const [path, content] of files.flat()) {
  const target = join(HERE, "site", path);
  const found = await readFile(target, "utf8").catch(() => null);
  if (found === content) continue;
  if (isCheck) {
    process.stderr.write(`files/frontend/site/${path} is not what its sources make: run npm run build\n`);
    process.exitCode = 1;
    continue;
  }
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
}
