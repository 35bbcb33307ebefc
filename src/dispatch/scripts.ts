/** The scripts of a thread, as its inspector tells of them. */

export interface Script {
  readonly url: string;
  /** Empty without a source map. */
  readonly sourceMapURL: string;
}

/** V8 writes the fields in this order. */
const PARSED = /^\{"method":"Debugger\.scriptParsed","params":\{"scriptId":"(\d+)"/;

const UNKNOWN: Script = { url: "", sourceMapURL: "" };

/** A thread has some hundred scripts, and inline maps are long: only what a frame asks for is parsed. */
export class Scripts {
  readonly #messages = new Map<string, string>();
  readonly #parsed = new Map<string, Script>();

  /** False when the message tells of no script. */
  add(message: string): boolean {
    const id = PARSED.exec(message)?.[1];
    if (id === undefined) return false;
    this.#messages.set(id, message);
    return true;
  }

  get(id: string): Script {
    let script = this.#parsed.get(id);
    if (script === undefined) {
      const message = this.#messages.get(id);
      script = message === undefined ? UNKNOWN : (JSON.parse(message) as { readonly params: Script }).params;
      this.#parsed.set(id, script);
    }
    return script;
  }
}
