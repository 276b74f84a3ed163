// WAV files, 16 bit, mono: a header in front of the samples.

const HEADER = 44; // bytes

/**
 * Samples between -1 and 1 as 16-bit integers; louder ones are clipped.
 * @param {Float32Array} samples
 */
export function toPcm(samples) {
  const pcm = new Int16Array(samples.length);
  for (let n = 0; n < samples.length; n++) pcm[n] = Math.round(Math.max(-1, Math.min(1, samples[n])) * 32767);
  return pcm;
}

/**
 * A whole file as a Blob.
 * @param {Int16Array<ArrayBuffer>[]} parts the samples, one part after the other
 * @param {number} rate samples per second
 */
export function wav(parts, rate) {
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const view = new DataView(new ArrayBuffer(HEADER));
  const text = (/** @type {number} */ at, /** @type {string} */ letters) => {
    for (const [n, letter] of [...letters].entries()) view.setUint8(at + n, letter.charCodeAt(0));
  };
  text(0, "RIFF");
  view.setUint32(4, HEADER - 8 + bytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format that follow
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, bytes, true);
  return new Blob([view.buffer, ...parts], { type: "audio/wav" });
}
