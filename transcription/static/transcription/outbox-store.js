// The browser's database (IndexedDB) of stretches that the server does not have yet. This module only reads and writes;
// outbox.js decides what is sent and when.
//
// There are two tables: `stretches`, by id, and `pieces` of their sound, by [id, number]: Int16Arrays. The sound of a
// stretch is the first `samples` of its pieces, in order.

/**
 * @typedef {object} Stretch
 * @property {string} id a UUID, the server's `client_id`
 * @property {string} [speaker] the participant's id; Outbox adds it
 * @property {string} title of the meeting
 * @property {string} url where it is sent
 * @property {string} take id of the recording session, from Record to Stop
 * @property {number} began ms since 1970, by this computer's clock: only for their order
 * @property {number} offsetMs when it begins in the meeting
 * @property {"open" | "ready" | "refused"} state "open": still being spoken
 * @property {number} [samples] how many are stored
 * @property {string} [refusal] the server's sentence, if it is refused
 * @property {boolean} [goesOn] it was cut while the person spoke on: the next one, which is stored too, follows at once
 * @property {boolean} [recovered] its page was closed before it was complete
 */

/** @typedef {Int16Array<ArrayBuffer>} Pcm */

const NAME = "mico-outbox";

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {string} id */
const piecesOf = (id) => IDBKeyRange.bound([id, 0], [id, Infinity]);

export class OutboxStore {
  /** Rejects if the browser gives the page no database. */
  static async open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("stretches", { keyPath: "id" }).createIndex("speaker", "speaker");
      request.result.createObjectStore("pieces");
    };
    return new OutboxStore(await answered(request));
  }

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  /**
   * Writes in one transaction; resolves when it is on the disk. Rejects with the transaction's error
   * (QuotaExceededError: the disk is full).
   * @param {(stretches: IDBObjectStore, pieces: IDBObjectStore) => void} write
   */
  change(write) {
    return new Promise((/** @type {(done?: undefined) => void} */ resolve, reject) => {
      const transaction = this.database.transaction(["stretches", "pieces"], "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
      write(transaction.objectStore("stretches"), transaction.objectStore("pieces"));
    });
  }

  /**
   * Stores a stretch, and a piece of its sound if there is one.
   * @param {Stretch} stretch
   * @param {number} [number] of the piece
   * @param {Pcm} [pcm]
   */
  keep(stretch, number, pcm) {
    return this.change((stretches, pieces) => {
      stretches.put(stretch);
      if (pcm?.length) pieces.put(pcm, [stretch.id, number]);
    });
  }

  /** @param {string} id */
  remove(id) {
    return this.change((stretches, pieces) => {
      stretches.delete(id);
      pieces.delete(piecesOf(id));
    });
  }

  /**
   * All stretches of a speaker, without their sound.
   * @param {string} speaker
   * @returns {Promise<Stretch[]>}
   */
  of(speaker) {
    return answered(this.database.transaction("stretches").objectStore("stretches").index("speaker").getAll(speaker));
  }

  /**
   * The samples of a stretch, in parts.
   * @param {Stretch} stretch
   */
  async sound({ id, samples }) {
    const pieces = this.database.transaction("pieces").objectStore("pieces");
    let left = samples;
    return (await answered(/** @type {IDBRequest<Pcm[]>} */ (pieces.getAll(piecesOf(id))))).map((piece) => {
      const part = piece.subarray(0, Math.max(0, left));
      left -= part.length;
      return part;
    });
  }
}
