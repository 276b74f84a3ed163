// Which microphones there are, and which one the person has chosen. Remembered in this browser.

const CHOICE = "mico-microphone";
// Names that some browsers give to whatever the system uses at the moment: never opened, since it changes in silence.
const ALIASES = ["default", "communications"];

// [{id, label}]; empty as long as the browser tells no names, which it does once it was allowed to listen.
export async function microphones() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const inputs = all.filter(({ kind, label }) => kind === "audioinput" && label);
  return inputs
    .filter(({ deviceId }) => !ALIASES.includes(deviceId))
    .map((one) => ({ id: one.deviceId, label: one.label }));
}

// The id of the chosen one; "" if nobody has chosen.
export function chosen() {
  return localStorage.getItem(CHOICE) ?? "";
}

export function choose(id) {
  localStorage.setItem(CHOICE, id);
}

/**
 * The id of the device itself, where the settings name only an alias of it.
 * @param {MediaTrackSettings} settings of the track that the browser gave
 */
export async function ownId({ deviceId, groupId }) {
  if (!ALIASES.includes(deviceId)) return deviceId;
  const all = await navigator.mediaDevices.enumerateDevices();
  const same = all.find(
    (one) => one.kind === "audioinput" && one.groupId === groupId && !ALIASES.includes(one.deviceId),
  );
  return same?.deviceId ?? deviceId;
}
