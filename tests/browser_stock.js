// The stock Pipecat client in a page, and what it was told. Bundled with the npm packages by the test.

import { LogLevel, PipecatClient, RTVIEvent, logger } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";

logger.setLevel?.(LogLevel.WARN);

/** The media manager that needs nothing from the network, with the media lines of the default one. */
class Microphone extends WavMediaManager {
  constructor() {
    super();
    this._supportsScreenShare = true;
  }

  get isSharingScreen() {
    return false;
  }
}

/** The loudness of a stream, 50 times a second, as [milliseconds, rms 0..1]. */
function listen(stream, levels) {
  const audio = new Audio();
  audio.srcObject = stream; // Chromium decodes nothing that no element plays
  audio.muted = true;
  void audio.play();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
    levels.push([performance.now(), Math.sqrt(power)]);
  }, 20);
}

export class Stock {
  constructor() {
    /** Every message of the server: {at, type, id, data}. */
    this.messages = [];
    /** Every event of the client's: {at, name, value}. */
    this.events = [];
    this.levels = [];
    this.transport = new SmallWebRTCTransport({ mediaManager: new Microphone() });
    this.client = new PipecatClient({ transport: this.transport, enableMic: true, enableCam: false });
    const handle = this.transport.handleMessage.bind(this.transport);
    this.transport.handleMessage = (text) => {
      this.messages.push({ at: performance.now(), ...JSON.parse(text) });
      handle(text);
    };
    for (const name of Object.values(RTVIEvent)) {
      this.client.on(name, (value) => this.events.push({ at: performance.now(), name, value: plain(value) }));
    }
    this.client.on(RTVIEvent.TrackStarted, (track, participant) => {
      if (!participant?.local && track.kind === "audio") listen(new MediaStream([track]), this.levels);
    });
  }

  connect(endpoint) {
    return this.client.connect({ webrtcRequestParams: { endpoint } });
  }

  start(endpoint) {
    return this.client.startBotAndConnect({ endpoint, requestData: { transport: "webrtc", body: {} } });
  }
}

function plain(value) {
  try {
    return JSON.parse(JSON.stringify(value ?? null));
  } catch {
    return String(value);
  }
}

globalThis.Stock = Stock;
