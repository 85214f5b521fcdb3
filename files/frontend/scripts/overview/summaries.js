/** The `overview.json` of all collectors: asked for at most once a minute, and what was good is kept. */

import { FileError } from "../published/fetching.js";
import { loadOverview } from "../published/overview.js";

const EVERY_MS = 60_000;

export class Summaries {
  /** @param {string[]} collectors */
  constructor(collectors) {
    this.collectors = collectors;
    /** @type {Map<string, import("../published/overview.js").Overview>} */
    this.overviews = new Map();
    /** @type {Map<string, FileError>} */
    this.errors = new Map();
    /** Grows with every change of what is known. */
    this.version = 0;
    /** @type {Map<string, number>} */
    this.askedAt = new Map();
  }

  /**
   * Read again what may be newer; never throws. Returns whether any answer changed what is known.
   * @param {boolean} all whether the visitor asked
   */
  async refresh(all) {
    const found = await Promise.all(this.collectors.map((name) => this.#isDue(name, all) && this.#load(name)));
    if (!found.some(Boolean)) return false;
    this.version++;
    return true;
  }

  #isDue(/** @type {string} */ collector, /** @type {boolean} */ all) {
    // A server that did not answer is asked with everything else, so that all notices go at once.
    if (all || this.errors.get(collector)?.kind === "offline") return true;
    const last = this.askedAt.get(collector);
    return last === undefined || performance.now() - last >= EVERY_MS;
  }

  async #load(/** @type {string} */ collector) {
    this.askedAt.set(collector, performance.now());
    const before = this.errors.get(collector);
    try {
      const found = await loadOverview(collector);
      this.errors.delete(collector);
      // The same file again: what is drawn of it stays.
      if (found.writtenAt > 0 && found.writtenAt === this.overviews.get(collector)?.writtenAt)
        return before !== undefined;
      this.overviews.set(collector, found);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.errors.set(collector, error);
    }
    return true;
  }
}
