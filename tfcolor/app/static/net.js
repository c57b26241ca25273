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

  /** A photo's file onto the desk; what the server says of it. */
  async open(file, limits) {
    if (file.size > limits.bytes) {
      const wrong = `a file of ${file.size.toLocaleString("en")} bytes, more than ${limits.bytes.toLocaleString("en")}`;
      throw new Refused(wrong, "start tfcolor app with a larger --max-bytes");
    }
    const photo = await (await ask("api/photos", file)).json();
    this.leave();
    this.key = photo.key;
    this.file = file;
    return photo;
  }

  /** Lets the photo go; also while the page is being closed. */
  leave() {
    if (this.key) navigator.sendBeacon(`api/photos/${this.key}/leave`);
  }

  /** Something about the photo. One that has left the desk is put there again, and nobody notices. */
  async photo(path, body) {
    try {
      return await ask(`api/photos/${this.key}/${path}`, body);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.key = (await (await ask("api/photos", this.file)).json()).key;
      return ask(`api/photos/${this.key}/${path}`, body);
    }
  }

  async view(side) {
    return (await this.photo(`view?side=${side}`)).blob();
  }

  async labels() {
    return bytes(await this.photo("labels"));
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

/** A line of JSON, then the labels. */
function body(store, more = {}) {
  const { hints, knobs, sample } = store;
  return new Blob([JSON.stringify({ hints, knobs, sample, ...more }) + "\n", store.labels ?? ""]);
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
