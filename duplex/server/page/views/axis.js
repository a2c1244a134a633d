// Which part of a call is shown, and how wide: zoom, scroll, and following its end. Pure.

const LEAST_MS = 1_000;
const FIRST_MS = 20_000;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200];
const ROOM = 0.04;

export class Axis {
  from = 0;
  span = FIRST_MS;
  /** The end stays in view while it grows. */
  follow = true;
  #end = 0;

  /** The call is so long now. */
  grow(end) {
    this.#end = end;
    if (this.follow) this.from = end - this.span * (1 - ROOM);
    this.#clamp();
  }

  #clamp() {
    const most = Math.max(FIRST_MS, this.#end * (1 + ROOM));
    this.span = Math.min(most, Math.max(LEAST_MS, this.span));
    this.from = Math.max(0, Math.min(this.from, this.#end - this.span * (1 - ROOM)));
  }

  get to() {
    return this.from + this.span;
  }

  /** Scroll by a share of what is shown. */
  scroll(share) {
    this.follow = false;
    this.from += share * this.span;
    this.#clamp();
    this.follow = share > 0 && this.to > this.#end;
  }

  /** Show `factor` times less; what is at `share` of the width stays there. */
  zoom(factor, share = this.follow ? 1 - ROOM : 0.5) {
    const at = this.from + share * this.span;
    this.span /= factor;
    this.#clamp();
    this.from = at - share * this.span;
    this.#clamp();
  }

  fit() {
    this.span = Math.max(FIRST_MS, this.#end * (1 + ROOM));
    this.from = 0;
    this.follow = true;
    this.#clamp();
  }

  /** Show a moment, a quarter from the left. */
  show(at) {
    this.follow = false;
    this.from = at - this.span / 4;
    this.#clamp();
  }

  /** Put the middle there. */
  centre(at) {
    this.show(at - this.span / 4);
  }

  x(ms, width) {
    return ((ms - this.from) / this.span) * width;
  }

  ms(x, width) {
    return this.from + (x / width) * this.span;
  }

  /** Times for a ruler, in seconds, at least so many pixels apart. */
  *ticks(width, apart) {
    const step = STEPS.find((each) => (each * 1000 * width) / this.span >= apart) ?? 3600;
    for (let tick = Math.ceil(this.from / 1000 / step); tick * step * 1000 <= this.to; tick += 1) {
      yield Number((tick * step).toFixed(1));
    }
  }
}
