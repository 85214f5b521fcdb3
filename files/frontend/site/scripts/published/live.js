/** The last hours of one machine, followed: its days' files and what happened in them. */

import { daysTouching, spanOfDay } from "../time.js";
import { CsvReader } from "./csv.js";
import { FileError, serverNow } from "./fetching.js";
import { fileOf, hasDay, loadEvents } from "./fleet.js";
import { FollowedFile } from "./follow.js";

/** Rows may still come for a day so long after it has ended; then its file is left alone. */
const SETTLED_MS = 120_000;
/** Events are read again when the machine's state changes, and so often without. */
const EVENTS_MS = 60_000;

/**
 * @typedef {import("./fleet.js").Machine} Machine
 * @typedef {{ file: FollowedFile<CsvReader>, settled: boolean, events: Awaited<ReturnType<typeof loadEvents>> | null, eventsKey: string }} Day
 */

/** One machine's samples of the last `spanMs`; kept when a refresh fails. */
export class LiveSamples {
  constructor() {
    /** @type {Map<string, Day>} */
    this.days = new Map();
    /** @type {FileError | null} what the last refresh stumbled over */
    this.error = null;
  }

  /** Read what is new; never throws FileError. @param {Machine} machine @param {number} spanMs */
  async refresh(machine, spanMs) {
    const now = serverNow();
    const wanted = daysTouching(now - spanMs, now, machine.zone).filter((day) => hasDay(machine, day));
    for (const day of this.days.keys()) if (!wanted.includes(day)) this.days.delete(day);
    this.error = null;
    await Promise.all(wanted.map((day) => this.#day(machine, day, now)));
  }

  async #day(/** @type {Machine} */ machine, /** @type {string} */ day, /** @type {number} */ now) {
    const known = this.days.get(day) ?? {
      file: new FollowedFile(fileOf(machine, `${day}.csv`), () => new CsvReader()),
      settled: false,
      events: null,
      eventsKey: "",
    };
    const settled = now > spanOfDay(day, machine.zone)[1] + SETTLED_MS;
    const { state, since } = machine.reading;
    const key = [state, since, settled || Math.floor(now / EVENTS_MS)].join();
    try {
      await Promise.all([
        known.settled ? null : known.file.refresh(),
        known.eventsKey === key
          ? null
          : loadEvents(machine, day).then((events) => {
              known.events = events;
              known.eventsKey = key;
            }),
      ]);
      known.settled = settled;
      this.days.set(day, known);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.error ??= error;
      // A file that is gone is not shown any longer; one that cannot be reached now is.
      if (error.kind === "missing") this.days.delete(day);
    }
  }

  /** All samples read, with the events, in order. */
  read() {
    const days = [...this.days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, day]) => day);
    const readers = days.map(({ file }) => file.reader);
    /** @type {Map<string, import("./fleet.js").Happening>} */
    const events = new Map();
    // What spans midnight is in both days' files: the later one knows its end.
    for (const day of days) for (const each of day.events?.events ?? []) events.set(`${each.kind} ${each.begin}`, each);
    return {
      samples: {
        at: readers.flatMap(({ at }) => Array.from(at)),
        watts: readers.flatMap(({ watts }) => Array.from(watts)),
      },
      intervalMs: days[0]?.events?.intervalMs ?? null,
      events: [...events.values()],
      bad: readers.reduce((sum, { bad }) => sum + bad, 0),
      firstBad: readers.find(({ firstBad }) => firstBad)?.firstBad ?? null,
    };
  }
}
