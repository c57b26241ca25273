// What is asked of the server. Addresses are relative, so that the page works below any path.

/** Something could not be done: `wrong` says what, `remedy` what would help. */
export class Refused extends Error {
  constructor(wrong, remedy, status = 0) {
    super(remedy ? `${wrong}: ${remedy}` : wrong);
    Object.assign(this, { wrong, remedy, status });
  }
}

export class Net {
  constructor() {
    this.key = null;
    this.file = null;
  }

  async model() {
    return (await ask("api/model")).json();
  }

  /**
   * A photo's file onto the desk. Until all of it is here, the photo before stays.
   *
   * @returns what the server says of it, its gray in `view` and what the network sees in `labels`; null where another
   *     was opened meanwhile.
   */
  async open(file, limits, side) {
    if (file.size > limits.bytes) {
      const wrong = `a file of ${file.size.toLocaleString("en")} bytes, more than ${limits.bytes.toLocaleString("en")}`;
      throw new Refused(wrong, "start tfcolor app with a larger --max-bytes");
    }
    this.opening = file;
    const photo = await put(file);
    try {
      const parts = [`view?side=${side}`, "labels"].map((part) => ask(`api/photos/${photo.key}/${part}`));
      const [view, labels] = await Promise.all(parts);
      photo.view = await createImageBitmap(await view.blob());
      photo.labels = await bytes(labels);
    } catch (error) {
      leave(photo.key);
      throw error;
    }
    if (this.opening !== file) {
      leave(photo.key);
      return null;
    }
    this.leave();
    this.key = photo.key;
    this.file = file;
    return photo;
  }

  /** Lets the photo go; also while the page is being closed. */
  leave() {
    if (this.key) leave(this.key);
  }

  /** Something about the photo. One that has left the desk is put there again, and nobody notices. */
  async photo(path, body) {
    const { key } = this;
    try {
      return await ask(`api/photos/${key}/${path}`, body);
    } catch (error) {
      if (error.status !== 404) throw error;
      if (key === this.key) this.key = (await put(this.file)).key;
      return ask(`api/photos/${this.key}/${path}`, body);
    }
  }

  async color(store, sequence) {
    const answer = await this.photo("color", body(store, { sequence }));
    return { values: new Int16Array(await answer.arrayBuffer()), ...JSON.parse(answer.headers.get("X-Color")) };
  }

  async alike(row, column, contrast) {
    return bytes(await this.photo("alike", JSON.stringify({ row, column, contrast })));
  }

  async looks(store, seed) {
    return (await (await this.photo("looks", body(store, { seed }))).json()).looks;
  }

  async project(store) {
    return (await this.photo("project", body(store))).blob();
  }

  async openProject(file) {
    const answer = await this.photo("open", file);
    return { labels: await bytes(answer), ...JSON.parse(answer.headers.get("X-Edits")) };
  }

  async exportLabels(store) {
    return (await this.photo("labels.png", body(store))).blob();
  }

  async importLabels(file) {
    return bytes(await this.photo("labels/import", file));
  }

  /** The photo in colour: its file, and lines about what is other than in the original. */
  async result(store) {
    const answer = await this.photo("result", body(store));
    return { blob: await answer.blob(), notes: JSON.parse(decodeURIComponent(answer.headers.get("X-Notes"))) };
  }
}

/** A line of JSON, then the labels. In one array, which a browser sends sooner than a Blob. */
function body(store, more = {}) {
  const { hints, knobs, sample } = store;
  const line = new TextEncoder().encode(JSON.stringify({ hints, knobs, sample, ...more }) + "\n");
  const octets = new Uint8Array(line.length + (store.labels?.length ?? 0));
  octets.set(line);
  if (store.labels) octets.set(store.labels, line.length);
  return octets;
}

async function put(file) {
  return (await ask("api/photos", file)).json();
}

function leave(key) {
  navigator.sendBeacon(`api/photos/${key}/leave`);
}

async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, body === undefined ? {} : { method: "POST", body });
  } catch {
    throw new Refused("the server does not answer", "is tfcolor app still running? Your edits are kept on this page");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({ wrong: `the server failed (${answer.status})`, remedy: "try again" }));
  throw new Refused(said.wrong, said.remedy, answer.status);
}

async function bytes(answer) {
  return new Uint8Array(await answer.arrayBuffer());
}
