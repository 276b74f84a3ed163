// The microphones of this computer, and the person's choice, which this browser remembers.

const CHOICE = "mico-microphone";
// Some browsers give these ids to the device that the system uses at the moment. They are never opened by that id,
// because the system could replace the device without notice.
const ALIASES = ["default", "communications"];

/** The microphones, with ids and names. Empty until the person has allowed one: before that, browsers tell no names. */
export async function microphones() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const inputs = all.filter(({ kind, label }) => kind === "audioinput" && label);
  return inputs
    .filter(({ deviceId }) => !ALIASES.includes(deviceId))
    .map((one) => ({ id: one.deviceId, label: one.label }));
}

/** The id of the chosen microphone; "" if none was chosen. */
export function chosen() {
  return localStorage.getItem(CHOICE) ?? "";
}

/** @param {string} id */
export function choose(id) {
  localStorage.setItem(CHOICE, id);
}

/**
 * The device's own id, where the settings have an alias of it.
 * @param {MediaTrackSettings} settings of the track that the browser opened
 */
export async function ownId({ deviceId, groupId }) {
  if (!ALIASES.includes(deviceId)) return deviceId;
  const all = await navigator.mediaDevices.enumerateDevices();
  const same = all.find(
    (one) => one.kind === "audioinput" && one.groupId === groupId && !ALIASES.includes(one.deviceId),
  );
  return same?.deviceId ?? deviceId;
}
