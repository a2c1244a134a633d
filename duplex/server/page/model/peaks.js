// How loud both sides were, 10 ms by 10 ms, for as long as a call lasts and no longer than memory allows.

export const STEP_MS = 10;
const HOURS = 2;
const MOST = (HOURS * 3_600_000) / STEP_MS;
const FIRST = 6_000;
const COARSE = 16;

const quantise = (peak) => Math.min(255, Math.ceil(Math.sqrt(peak) * 255));

/** One side: bytes on a square root's scale, so that quiet sounds are kept apart. */
class Side {
  fine = new Uint8Array(FIRST);
  coarse = new Uint8Array(FIRST / COARSE + 1);

  set(place, peak) {
    if (place >= this.fine.length) this.#grow(place);
    this.fine[place] = peak;
    const above = Math.floor(place / COARSE);
    if (peak > this.coarse[above]) this.coarse[above] = peak;
  }

  #grow(place) {
    const size = Math.min(MOST, Math.max(place + 1, 2 * this.fine.length));
    const [fine, coarse] = [new Uint8Array(size), new Uint8Array(size / COARSE + 1)];
    fine.set(this.fine);
    coarse.set(this.coarse);
    [this.fine, this.coarse] = [fine, coarse];
  }

  max(from, to) {
    let peak = 0;
    let place = from;
    while (place < to) {
      const whole = place % COARSE === 0 && place + COARSE <= to;
      const value = whole ? this.coarse[place / COARSE] : this.fine[place];
      if (value > peak) peak = value;
      place += whole ? COARSE : 1;
    }
    return peak;
  }
}

export class Peaks {
  #sides = { user: new Side(), agent: new Side() };
  #begin = null;
  #count = 0;

  /** Milliseconds of sound that are kept, from the first peak on. */
  get duration() {
    return this.#count * STEP_MS;
  }

  /** When the axis begins, on the page's clock; null before the first peak. */
  get begin() {
    return this.#begin;
  }

  /** Peaks that end at `until` on the page's clock: [user, agent, user, ...], each 0..1. */
  add(until, peaks) {
    const steps = peaks.length / 2;
    this.#begin ??= until - steps * STEP_MS;
    const due = Math.round((until - this.#begin) / STEP_MS) - steps;
    // Clocks wander by a step; a hole is a hole.
    const first = Math.abs(due - this.#count) <= 3 ? this.#count : Math.max(due, this.#count);
    if (first + steps > MOST) return;
    for (let step = 0; step < steps; step += 1) {
      this.#sides.user.set(first + step, quantise(peaks[2 * step]));
      this.#sides.agent.set(first + step, quantise(peaks[2 * step + 1]));
    }
    this.#count = first + steps;
  }

  /** The loudest between two times of the axis, milliseconds; 0..1, as amplitude. */
  max(side, from, to) {
    const first = Math.max(0, Math.floor(from / STEP_MS));
    const last = Math.min(this.#count, Math.max(first + 1, Math.floor(to / STEP_MS)));
    return (this.#sides[side].max(first, last) / 255) ** 2;
  }

  /** The first time of the axis between two at which a side is at least as loud as `level`; null if never. */
  firstAbove(side, from, to, level) {
    const { fine } = this.#sides[side];
    const least = Math.sqrt(level) * 255;
    const last = Math.min(this.#count, to / STEP_MS);
    for (let place = Math.max(0, Math.floor(from / STEP_MS)); place < last; place += 1) {
      if (fine[place] >= least) return place * STEP_MS;
    }
    return null;
  }
}
