// What the page knows of every recording of the meeting, also of those whose lines it does not show:
// recording → { version, status }. mico-transcript keeps it; the others read it after "mico:lines".

const LIVE = new Set(["queued", "submitting", "processing"]);

export const known = new Map();

// Those still on their way: [recording, status].
export function live() {
  return [...known].filter(([, { status }]) => LIVE.has(status)).map(([recording, { status }]) => [recording, status]);
}

// "12:3:done 13:1:queued", as the server writes it.
export function learn(text) {
  for (const [recording, version, status] of parse(text)) known.set(recording, { version, status });
}

export function parse(text) {
  const items = text
    .split(" ")
    .filter(Boolean)
    .map((item) => item.split(":"));
  return items.map(([recording, version, status]) => [Number(recording), Number(version), status]);
}
