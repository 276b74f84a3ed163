// ZIP archives, without compression, to save several files as one.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/**
 * CRC-32.
 * @param {Uint8Array} bytes
 */
function checksum(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

/**
 * Little-endian numbers of 2 or 4 bytes.
 * @param {number[][]} fields pairs of value and number of bytes
 */
function numbers(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return view.buffer;
}

/**
 * @param {{ name: string, blob: Blob }[]} files with different names
 */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let at = 0;
  for (const { name, blob } of files) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const label = new TextEncoder().encode(name);
    // version, flags (names are UTF-8), method (stored), time, date (1 January 1980), CRC, sizes, no extra field
    const about = [
      [20, 2],
      [0x0800, 2],
      [0, 2],
      [0, 2],
      [0x21, 2],
      [checksum(bytes), 4],
      [bytes.length, 4],
    ];
    about.push([bytes.length, 4], [label.length, 2], [0, 2]);
    const header = numbers([0x04034b50, 4], ...about);
    parts.push(header, label, bytes);
    directory.push(numbers([0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), label);
    at += header.byteLength + label.length + bytes.length;
  }
  const length = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const { length: n } = files;
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [n, 2], [n, 2], [length, 4], [at, 4], [0, 2]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
