// Both sides' sound: played, measured for the circle and the waveforms, and recorded.

import { Recorder } from "./recorder.js";

const SAMPLES = 512;
const WORKLET = new URL("tap.worklet.js", import.meta.url);

/** A side of the call; its source may change, what hangs on it stays. */
class Side {
  #source = null;

  constructor(context) {
    this.context = context;
    this.out = context.createGain();
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = SAMPLES;
    this.analyser.smoothingTimeConstant = 0.6;
    this.out.connect(this.analyser);
  }

  use(stream) {
    this.#source?.disconnect();
    this.#source = stream && this.context.createMediaStreamSource(stream);
    this.#source?.connect(this.out);
  }
}

export class Sound {
  #voice;
  #context = null;
  #sides = {};
  #recorder = null;
  #samples = new Float32Array(SAMPLES);
  #delay = Infinity;
  #until = 0;

  /** `voice` is the audio element that plays the agent. */
  constructor(voice) {
    this.#voice = voice;
  }

  /** Call it from a click, or the browser stays silent. `onPeaks(performance time, [user, agent, user, ...])`. */
  start(onPeaks) {
    const context = (this.#context = new AudioContext({ latencyHint: "interactive" }));
    this.#sides = { user: new Side(context), agent: new Side(context) };
    this.#recorder = new Recorder(context, this.#sides.user.out, this.#sides.agent.out);
    this.#delay = Infinity;
    context.resume();
    this.#tap(context, onPeaks).catch((error) => console.warn("no waveforms:", error));
  }

  async #tap(context, onPeaks) {
    if (!context.audioWorklet) return; // an insecure page
    await context.audioWorklet.addModule(WORKLET);
    if (context !== this.#context) return;
    const tap = new AudioWorkletNode(context, "tap", { numberOfInputs: 2, channelCount: 1, channelCountMode: "explicit" });
    this.#sides.user.out.connect(tap, 0, 0);
    this.#sides.agent.out.connect(tap, 0, 1);
    tap.connect(context.destination); // its output is silence; what leads nowhere is not run
    tap.port.onmessage = ({ data: { until, peaks } }) => onPeaks(this.#pageTime(until), peaks);
  }

  /** Messages come late, never early: the least delay seen is the best guess at none. */
  #pageTime(seconds) {
    const delay = performance.now() - seconds * 1000;
    if (delay - this.#delay > 500 || seconds < this.#until) this.#delay = delay; // the context had been asleep
    this.#delay = Math.min(this.#delay, delay);
    this.#until = seconds;
    return seconds * 1000 + this.#delay;
  }

  user(stream) {
    this.#sides.user?.use(stream);
  }

  agent(stream) {
    this.#voice.srcObject = stream;
    this.#voice.play().catch(() => {}); // where it may not play at once, `autoplay` starts it later
    this.#sides.agent?.use(stream);
    this.#recorder?.start();
  }

  /** Milliseconds from the browser to the loudspeaker, as far as it knows. */
  get outputDelay() {
    return (this.#context?.outputLatency ?? 0) * 1000;
  }

  async playOn(id) {
    await this.#voice.setSinkId?.(id);
  }

  /** How loud a side is now, 0..1 from -55 to -10 dBFS. */
  level(side) {
    const analyser = this.#sides[side]?.analyser;
    if (!analyser) return 0;
    analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const dbfs = 10 * Math.log10(sum / SAMPLES + 1e-12);
    return Math.min(1, Math.max(0, (dbfs + 55) / 45));
  }

  /** The side's spectrum now, into `bins`: 0..255 each. */
  spectrum(side, bins) {
    const analyser = this.#sides[side]?.analyser;
    if (analyser) analyser.getByteFrequencyData(bins);
    else bins.fill(0);
  }

  /** Ends all; resolves with the recording as {blob, name}, or null. */
  async stop() {
    const [context, recorder] = [this.#context, this.#recorder];
    this.#context = this.#recorder = null;
    this.#sides = {};
    this.#voice.srcObject = null;
    const recording = (await recorder?.stop()) ?? null;
    await context?.close();
    return recording;
  }
}
