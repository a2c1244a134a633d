// What the browser measures of the connection. Pure.

const newest = (report, type, wanted = () => true) => [...report.values()].filter((each) => each.type === type && wanted(each)).at(-1);

/** The counters of an RTCStatsReport that matter here. */
export function counters(report) {
  const inbound = newest(report, "inbound-rtp", ({ kind }) => kind === "audio") ?? {};
  const playout = newest(report, "media-playout") ?? {};
  const pair = newest(report, "candidate-pair", ({ nominated, state }) => nominated && state === "succeeded") ?? {};
  const local = report.get(pair.localCandidateId) ?? {};
  return {
    received: inbound.packetsReceived ?? 0,
    lost: inbound.packetsLost ?? 0,
    jitter: inbound.jitter ?? null,
    held: inbound.jitterBufferDelay ?? 0,
    emitted: inbound.jitterBufferEmittedCount ?? 0,
    concealed: inbound.concealedSamples ?? 0,
    samples: inbound.totalSamplesReceived ?? 0,
    played: playout.totalSamplesCount ?? 0,
    playing: playout.totalPlayoutDelay ?? 0,
    bytesIn: pair.bytesReceived ?? 0,
    bytesOut: pair.bytesSent ?? 0,
    trip: pair.currentRoundTripTime ?? null,
    path: local.candidateType ? `${local.candidateType}/${local.protocol}` : null,
  };
}

const share = (part, whole) => (whole > 0 ? part / whole : null);
const milliseconds = (seconds) => (seconds === null ? null : seconds * 1000);

/** The time between two sets of counters, `seconds` apart: milliseconds, shares 0..1 and kbit/s; null if unknown. */
export function between(before, after, seconds) {
  const lost = Math.max(0, after.lost - before.lost);
  const buffer = milliseconds(share(after.held - before.held, after.emitted - before.emitted));
  const device = milliseconds(share(after.playing - before.playing, after.played - before.played));
  return {
    buffer,
    device,
    playout: buffer === null ? null : buffer + (device ?? 0),
    jitter: milliseconds(after.jitter),
    trip: milliseconds(after.trip),
    lost: share(lost, lost + after.received - before.received),
    concealed: share(after.concealed - before.concealed, after.samples - before.samples),
    down: ((after.bytesIn - before.bytesIn) * 8) / 1000 / seconds,
    up: ((after.bytesOut - before.bytesOut) * 8) / 1000 / seconds,
    path: after.path,
  };
}
