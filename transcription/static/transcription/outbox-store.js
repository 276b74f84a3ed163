// What was spoken and is not on the server yet, in this browser's database. Only reads and writes; when what is
// sent is decided in outbox.js.
//
//   stretches  id, speaker (participant), title, url, take, offsetMs, began, samples, state: "open" (still being spoken),
//              "ready", "refused" (with the server's sentence in `refusal`); recovered: its page ended in the middle
//   pieces     [id, number] → 16 bit samples. A stretch is the first `samples` of its pieces, in order.

const NAME = "mico-outbox";

const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export class OutboxStore {
  static async open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("stretches", { keyPath: "id" }).createIndex("speaker", "speaker");
      request.result.createObjectStore("pieces");
    };
    return new OutboxStore(await answered(request));
  }

  constructor(database) {
    this.database = database;
  }

  // One transaction, on the disk when it resolves. Rejects with why not (QuotaExceededError: the disk is full).
  change(write) {
    return new Promise((/** @type {(done?: undefined) => void} */ resolve, reject) => {
      const transaction = this.database.transaction(["stretches", "pieces"], "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
      write(transaction.objectStore("stretches"), transaction.objectStore("pieces"));
    });
  }

  // Keeps a stretch as it is now, and a piece of its sound.
  keep(stretch, number, pcm) {
    return this.change((stretches, pieces) => {
      stretches.put(stretch);
      if (pcm?.length) pieces.put(pcm, [stretch.id, number]);
    });
  }

  remove(id) {
    return this.change((stretches, pieces) => {
      stretches.delete(id);
      pieces.delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
    });
  }

  // All stretches of a speaker, without their sound.
  of(speaker) {
    return answered(this.database.transaction("stretches").objectStore("stretches").index("speaker").getAll(speaker));
  }

  get(id) {
    return answered(this.database.transaction("stretches").objectStore("stretches").get(id));
  }

  // Int16Arrays.
  async sound({ id, samples }) {
    const range = IDBKeyRange.bound([id, 0], [id, Infinity]);
    const pieces = await answered(this.database.transaction("pieces").objectStore("pieces").getAll(range));
    let left = samples;
    return pieces.map((piece) => {
      const part = piece.subarray(0, Math.max(0, left));
      left -= part.length;
      return part;
    });
  }
}
