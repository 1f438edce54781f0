// Answers on their way to the server. Each has a key that is made here, once: the server stores a
// key once, however often it comes. Answers leave in the order in which they were given, stay in
// this browser's storage until the server has acknowledged them, and survive a reload.

const BATCH = 20;
const PATIENCE_MS = 10000;
const PAUSES_MS = [300, 600, 1200, 2500, 5000];

/** 128 random bits; crypto.randomUUID is missing where the page is not served from this machine. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** JSON from the server; an Error with `status` (0: no answer) and a sentence otherwise. */
export async function ask(method, url, body) {
  let response, answer;
  try {
    response = await fetch(url, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    answer = await response.json();
  } catch (error) {
    throw Object.assign(new Error("The server does not answer."), { status: 0 });
  }
  if (response.ok) return answer;
  const sentence = answer.error ?? `The server answers ${response.status}.`;
  throw Object.assign(new Error(sentence), { status: response.status });
}

/** What the server will never take, however often it is sent: a class that is gone, say. */
const isRefusal = (status) => [400, 404, 409, 413, 422].includes(status);

export class Outbox {
  #entries;
  #store;
  #listener;
  #sending = false;
  #failures = 0;
  #batch = BATCH;

  /**
   * @param project names the storage; tabs of one project may share it, since keys are unique.
   * @param listener {acknowledged(entries, answer), refused(entry, sentence), trouble(error, n)}
   */
  constructor(project, listener) {
    this.#store = `askwell:${project}:outbox:`;
    this.#listener = listener;
    this.#entries = [];
    for (const name of Object.keys(localStorage).filter((key) => key.startsWith(this.#store))) {
      this.#entries.push(...JSON.parse(localStorage.getItem(name)));
      localStorage.removeItem(name);
    }
    this.#store += newKey();
    this.#save();
  }

  get size() {
    return this.#entries.length;
  }

  /** Whether an image has an answer that the server may not have yet. */
  holds(item) {
    return this.#entries.some((entry) => entry.settles && entry.body.item === item);
  }

  /** entry: {type: "decision" | "undo", body, settles}; sent as soon as may be. */
  add(entry) {
    this.#entries.push(entry);
    this.#save();
    this.send();
  }

  /** Take back the mark that an entry settles its image: it was undone. */
  unsettle(item) {
    for (const entry of this.#entries) if (entry.body.item === item) entry.settles = false;
    this.#save();
  }

  async send() {
    if (this.#sending || this.#entries.length === 0) return;
    this.#sending = true;
    const batch = this.#next();
    try {
      const answer = await this.#post(batch);
      this.#drop(batch);
      this.#failures = 0;
      this.#batch = BATCH;
      this.#sending = false;
      this.#listener.acknowledged(batch, answer);
      this.send();
    } catch (error) {
      this.#sending = false;
      if (error.status === undefined) throw error; // a fault of ours, not of the connection
      if (isRefusal(error.status) && batch.length > 1) {
        this.#batch = 1; // one of them is refused: find out which
        this.send();
      } else if (isRefusal(error.status)) {
        this.#drop(batch);
        this.#listener.refused(batch[0], error.message);
        this.send();
      } else {
        this.#listener.trouble(error, this.#entries.length);
        const pause = PAUSES_MS[Math.min(this.#failures++, PAUSES_MS.length - 1)];
        setTimeout(() => this.send(), pause);
      }
    }
  }

  /** The first entries of one type, so that an undo follows what it undoes. */
  #next() {
    const [first] = this.#entries;
    if (first.type === "undo") return [first];
    const end = this.#entries.findIndex((entry) => entry.type === "undo");
    return this.#entries.slice(0, Math.min(end < 0 ? Infinity : end, this.#batch));
  }

  #post(batch) {
    if (batch[0].type === "undo") return ask("POST", "/api/undo", batch[0].body);
    return ask("POST", "/api/decisions", { decisions: batch.map((entry) => entry.body) });
  }

  #drop(batch) {
    const keys = new Set(batch.map((entry) => entry.body.key));
    this.#entries = this.#entries.filter((entry) => !keys.has(entry.body.key));
    this.#save();
  }

  #save() {
    try {
      if (this.#entries.length) localStorage.setItem(this.#store, JSON.stringify(this.#entries));
      else localStorage.removeItem(this.#store);
    } catch {
      // Storage is full or forbidden: the answers are still in memory, and still sent.
    }
  }
}
