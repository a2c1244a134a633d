// How loud both sides are, 0..1, once a frame: what the rings around the button show.

const QUIETEST = -50;

function level(analyser, samples) {
  analyser.getFloatTimeDomainData(samples);
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const dbfs = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, (dbfs - QUIETEST) / (-10 - QUIETEST)));
}

export class Meter {
  #context = null;
  #analysers = {};
  #frame = 0;

  /** `report(user, agent)` is called on every animation frame until `stop`. Call it from a click. */
  start(report) {
    this.#context = new AudioContext();
    const samples = new Float32Array(512);
    const read = (who) => (this.#analysers[who] ? level(this.#analysers[who], samples) : 0);
    const step = () => {
      report(read("user"), read("agent"));
      this.#frame = requestAnimationFrame(step);
    };
    step();
  }

  watch(who, stream) {
    if (!this.#context) return;
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 512;
    this.#context.createMediaStreamSource(stream).connect(analyser);
    this.#analysers[who] = analyser;
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#context?.close();
    this.#context = null;
    this.#analysers = {};
  }
}
