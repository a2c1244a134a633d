// The loudest sample of every 10 ms of both sides, sent in batches: what the waveforms are drawn from.

const BATCH = 5;

class Tap extends AudioWorkletProcessor {
  #size = Math.round(sampleRate / 100);
  #at = 0;
  #loudest = [0, 0];
  #batch = [];

  process(inputs) {
    const sides = [inputs[0][0], inputs[1][0]];
    const length = (sides[0] ?? sides[1])?.length ?? 128;
    for (let place = 0; place < length; place += 1) {
      for (const side of [0, 1]) {
        const sample = Math.abs(sides[side]?.[place] ?? 0);
        if (sample > this.#loudest[side]) this.#loudest[side] = sample;
      }
      this.#at += 1;
      if (this.#at === this.#size) this.#push(currentTime + (place + 1) / sampleRate);
    }
    return true;
  }

  #push(until) {
    this.#batch.push(...this.#loudest);
    this.#loudest.fill(0);
    this.#at = 0;
    if (this.#batch.length < 2 * BATCH) return;
    this.port.postMessage({ until, peaks: this.#batch });
    this.#batch = [];
  }
}

registerProcessor("tap", Tap);
