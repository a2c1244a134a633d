// Microphones and speakers.

import { insecure, microphoneProblem } from "./problem.js";

const KEPT = "duplex.devices";

/** The chosen devices' ids of the last visit: {audioinput, audiooutput}. */
export function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

export function remember(kind, id) {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...remembered(), [kind]: id }));
  } catch {
    // A browser that keeps nothing: the choice holds for this visit.
  }
}

/** Opens the microphone `id`, or any where it is not there. Throws a Problem. */
export async function openMicrophone(id) {
  if (!navigator.mediaDevices?.getUserMedia) throw insecure(location.origin);
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...audio, ...(id && { deviceId: { exact: id } }) } });
  } catch (error) {
    if (id && error.name !== "NotAllowedError") return openMicrophone(null);
    throw microphoneProblem(error);
  }
}

/** {audioinput: [{id, name}], audiooutput: [...]}; browsers tell names only to pages that may use the microphone. */
export async function devices() {
  const found = { audioinput: [], audiooutput: [] };
  const list = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  for (const { kind, deviceId, label } of list) {
    if (found[kind] && deviceId) found[kind].push({ id: deviceId, name: label || `Device ${found[kind].length + 1}` });
  }
  return found;
}

export const speakersCanBeChosen = () => "setSinkId" in HTMLMediaElement.prototype;
