// A file -> records, piece by piece: nothing here ever holds more than a piece and one record.

const headSize = 1 << 18; // bytes that are looked at to guess how to read the rest
const longestRecord = 2_000_000; // characters; more is a quote that is never closed
export const delimiters = { comma: ",", semicolon: ";", tab: "\t", bar: "|" };
export const encodings = ["utf-8", "gb18030", "big5", "shift_jis", "euc-kr", "windows-1252", "windows-1251", "windows-1256", "utf-16le", "utf-16be"];

export class FileProblem extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

function bytesOf(file, onBytes = () => {}) {
  const counted = new TransformStream({ transform(piece, out) {
    onBytes(piece.length);
    out.enqueue(piece);
  } });
  const stream = file.stream().pipeThrough(counted);
  return /\.gz$/i.test(file.name) ? stream.pipeThrough(new DecompressionStream("gzip")) : stream;
}

async function* piecesOf(file, plan, onBytes) {
  const reader = bytesOf(file, onBytes).pipeThrough(new TextDecoderStream(plan.encoding)).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // not waited for: it may never end while a read is under way
  }
}

async function headOf(file) {
  if (!/\.gz$/i.test(file.name)) {
    try {
      return new Uint8Array(await file.slice(0, headSize).arrayBuffer());
    } catch {
      throw new FileProblem("file.unreadable");
    }
  }
  const reader = bytesOf(file).getReader(), parts = [];
  let length = 0;
  try {
    while (length < headSize) {
      const { value, done } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
  } catch {
    throw new FileProblem("file.unreadable");
  } finally {
    reader.cancel().catch(() => {});
  }
  const head = new Uint8Array(length);
  let place = 0;
  for (const part of parts) {
    head.set(part, place);
    place += part.length;
  }
  return head;
}

function guessEncoding(head, language) {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  if (head.includes(0)) throw new FileProblem("file.not_text");
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true }); // its last letter may be cut
    return "utf-8";
  } catch {
    return language === "zh" ? "gb18030" : "windows-1252";
  }
}

function guessDelimiter(name, text) {
  if (/\.(tsv|tab)(\.gz)?$/i.test(name)) return "\t";
  const counts = new Map(Object.values(delimiters).map((one) => [one, 0]));
  let isQuoted = false;
  for (const letter of text) { // of the first line
    if (letter === "\"") isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (letter === "\n" || letter === "\r") break;
    else if (counts.has(letter)) counts.set(letter, counts.get(letter) + 1);
  }
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

// Guesses how a file is to be read: from its first bytes, in the browser.
export async function planFile(file, language, known = {}) {
  const head = await headOf(file);
  if (!head.length) throw new FileProblem("file.empty");
  const encoding = known.encoding || guessEncoding(head, language);
  const text = new TextDecoder(encoding).decode(head, { stream: true });
  const begin = text.trimStart();
  if (!begin) throw new FileProblem("file.empty");
  const kind = /\.(jsonl|ndjson)(\.gz)?$/i.test(file.name) || begin.startsWith("{") ? "jsonl" : "csv";
  const delimiter = known.delimiter || guessDelimiter(file.name, begin);
  const plan = { kind, encoding, delimiter, hasMark: head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf };
  const records = firstRecords(text, plan, head.length < headSize);
  if (kind === "jsonl") {
    const bad = records.find((record) => record.problem);
    if (records.length && records.every((record) => record.problem)) throw new FileProblem("file.not_json", { line: bad.line });
    plan.columns = [...new Set(records.flatMap((record) => Object.keys(record.object || {})))];
    plan.preview = records.slice(0, 5).map((record) => plan.columns.map((name) => cellText(record.object?.[name])));
  } else {
    plan.columns = records.length ? records[0].cells : [];
    plan.preview = records.slice(1, 6).map((record) => record.cells);
  }
  if (!plan.columns.length) throw new FileProblem("file.empty");
  if (!plan.preview.length && head.length < headSize) throw new FileProblem("file.no_rows");
  return plan;
}

function firstRecords(text, plan, isAll) {
  const splitter = plan.kind === "jsonl" ? new LineSplitter() : new CellSplitter(plan.delimiter);
  const records = splitter.push(text);
  return isAll ? [...records, ...splitter.end()] : records;
}

// All rows under the header: { line, cells } or { line, object }, some at a time.
export async function* rowsOf(file, plan, onBytes) {
  const splitter = plan.kind === "jsonl" ? new LineSplitter() : new CellSplitter(plan.delimiter);
  let isHeader = plan.kind !== "jsonl";
  try {
    for await (const piece of piecesOf(file, plan, onBytes)) {
      const records = splitter.push(piece);
      if (isHeader && records.length) {
        records.shift();
        isHeader = false;
      }
      if (records.length) yield records;
    }
  } catch (error) {
    if (error instanceof FileProblem) throw error;
    throw new FileProblem("file.unreadable");
  }
  const rest = splitter.end();
  if (isHeader) rest.shift();
  if (rest.length) yield rest;
}

export const cellText = (value) => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

class LineSplitter {
  #rest = "";
  #line = 0;

  push(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop();
    if (this.#rest.length > longestRecord) throw new FileProblem("file.too_wide", { line: this.#line + lines.length + 1 });
    return lines.flatMap((line) => this.#record(line));
  }

  end() {
    return this.#rest ? this.#record(this.#rest) : [];
  }

  #record(text) {
    this.#line += 1;
    if (!text.trim()) return [];
    try {
      const object = JSON.parse(text);
      if (typeof object === "object" && object && !Array.isArray(object)) return [{ line: this.#line, object }];
    } catch { /* told below */ }
    return [{ line: this.#line, problem: "file.bad_json", raw: text }];
  }
}

// As RFC 4180 has it: a quoted cell may hold separators, line ends, and quotes written twice.
export class CellSplitter {
  #delimiter;
  #cells = [];
  #cell = "";
  #state = "start"; // of a cell; or plain, quoted, quote (one that ends the cell or is the first of two)
  #line = 1;
  #begin = 1;
  #size = 0;
  #afterReturn = false;

  constructor(delimiter) {
    this.#delimiter = delimiter;
  }

  push(piece) {
    const records = [];
    for (const letter of piece) {
      const isSecond = letter === "\n" && this.#afterReturn;
      this.#afterReturn = letter === "\r";
      if (isSecond) {
        if (this.#state === "quoted") this.#cell += letter;
        continue;
      }
      const isEnd = letter === "\n" || letter === "\r";
      if (isEnd) this.#line += 1;
      this.#size += 1;
      if (this.#size > longestRecord) throw new FileProblem("file.too_wide", { line: this.#begin });
      if (this.#state === "quoted") {
        if (letter === "\"") this.#state = "quote";
        else this.#cell += letter;
      } else if (letter === "\"" && this.#state === "start") this.#state = "quoted";
      else if (letter === "\"" && this.#state === "quote") {
        this.#cell += letter;
        this.#state = "quoted";
      } else if (letter === this.#delimiter) this.#endCell();
      else if (isEnd) records.push(...this.#endRecord());
      else {
        this.#cell += letter;
        this.#state = "plain";
      }
    }
    return records;
  }

  end() {
    return this.#endRecord();
  }

  #endCell() {
    this.#cells.push(this.#cell);
    this.#cell = "";
    this.#state = "start";
  }

  #endRecord() {
    this.#endCell();
    const record = { line: this.#begin, cells: this.#cells };
    this.#cells = [];
    this.#begin = this.#line;
    this.#size = 0;
    return record.cells.length === 1 && !record.cells[0].trim() ? [] : [record];
  }
}

export function csvLine(cells, delimiter = ",") {
  const quoted = (cell) => {
    const text = cellText(cell);
    return text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text;
  };
  return `${cells.map(quoted).join(delimiter)}\r\n`;
}
