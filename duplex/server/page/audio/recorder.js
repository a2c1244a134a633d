// A recording of the call: the user on the left, the agent on the right, compressed as it is made.

const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const BITRATE = 64_000;
const CHUNK_MS = 5_000;
const MOST_BYTES = 200 << 20;

export class Recorder {
  #recorder = null;
  #chunks = [];
  #bytes = 0;

  constructor(context, user, agent) {
    const type = globalThis.MediaRecorder && TYPES.find((each) => MediaRecorder.isTypeSupported(each));
    if (!type) return;
    const merged = context.createChannelMerger(2);
    user.connect(merged, 0, 0);
    agent.connect(merged, 0, 1);
    const out = context.createMediaStreamDestination();
    merged.connect(out);
    this.#recorder = new MediaRecorder(out.stream, { mimeType: type, audioBitsPerSecond: BITRATE });
    this.#recorder.addEventListener("dataavailable", ({ data }) => this.#keep(data));
  }

  #keep(data) {
    this.#chunks.push(data);
    this.#bytes += data.size;
    if (this.#bytes > MOST_BYTES && this.#recorder.state === "recording") this.#recorder.stop();
  }

  start() {
    if (this.#recorder?.state === "inactive" && !this.#chunks.length) this.#recorder.start(CHUNK_MS);
  }

  /** The recording so far as {blob, name}; null if there is none. */
  async stop() {
    if (!this.#recorder) return null;
    if (this.#recorder.state !== "inactive") {
      const stopped = new Promise((resolve) => this.#recorder.addEventListener("stop", resolve, { once: true }));
      this.#recorder.stop();
      await stopped;
    }
    if (!this.#bytes) return null;
    const type = this.#recorder.mimeType.split(";")[0];
    const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
    return { blob: new Blob(this.#chunks, { type }), name: `call-${stamp}.${type.split("/")[1]}` };
  }
}
