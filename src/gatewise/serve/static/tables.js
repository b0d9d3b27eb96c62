// A file -> records, piece by piece: nothing here ever holds more than a piece and one record.

import { keysOf, writtenAt } from "./json_text.js";
import { size, t } from "./words.js";

const headSize = 1 << 18; // bytes that are looked at to guess how to read the rest
const pieceSize = 1 << 16; // bytes; a browser's own stream reads megabytes ahead
const longestRecord = 2_000_000; // characters; more is a quote that is never closed
export const delimiters = { comma: ",", semicolon: ";", tab: "\t", bar: "|" };
export const encodings = ["utf-8", "gb18030", "big5", "shift_jis", "euc-kr", "windows-1252", "windows-1251", "windows-1256", "utf-16le", "utf-16be"];

export class FileProblem extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }

  get sentence() {
    return t(this.key, { size: size(longestRecord), ...this.values });
  }
}

const isPacked = (file) => /\.gz$/i.test(file.name);

function bytesOf(file, onBytes = () => {}) {
  let place = 0;
  const stream = new ReadableStream({ async pull(out) {
    const piece = new Uint8Array(await file.slice(place, place + pieceSize).arrayBuffer());
    place += piece.length;
    onBytes(piece.length);
    if (piece.length) out.enqueue(piece);
    else out.close();
  } }, { highWaterMark: 0 });
  return isPacked(file) ? stream.pipeThrough(new DecompressionStream("gzip")) : stream;
}

async function* piecesOf(file, plan, onBytes) {
  const reader = bytesOf(file, onBytes).getReader(), decoder = new TextDecoder(plan.encoding, { fatal: true });
  try {
    for (;;) {
      const { value, done } = await reader.read();
      yield decoded(decoder, value, done);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {}); // not waited for: it may never end while a read is under way
  }
}

function decoded(decoder, bytes, isLast) {
  try {
    return decoder.decode(bytes, { stream: !isLast });
  } catch {
    throw new FileProblem("file.wrong_encoding", { encoding: decoder.encoding.toUpperCase() });
  }
}

// A browser unpacks the first member of a gzip file, and refuses what stands behind it.
const unreadable = (file, error) => new FileProblem(isPacked(file) && error instanceof TypeError ? "file.bad_gzip" : "file.unreadable");

async function headOf(file) {
  if (!isPacked(file)) {
    try {
      return new Uint8Array(await file.slice(0, headSize).arrayBuffer());
    } catch (error) {
      throw unreadable(file, error);
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
  } catch (error) {
    throw unreadable(file, error);
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
  const isAll = head.length < headSize, splitter = splitterOf(plan), records = splitter.push(text);
  if (isAll) records.push(...splitter.rest());
  if (kind === "jsonl") {
    if (records.length && records.every((record) => !record.object)) throw new FileProblem("file.not_json", { line: records[0].line });
    plan.columns = [...new Set(records.flatMap((record) => Object.keys(record.object || {})))];
    plan.preview = records.slice(0, 5).map((record) => plan.columns.map((name) => writtenText(record, name)));
  } else {
    if (records[0]?.problem) throw new FileProblem("file.bad_row", { line: records[0].line, reason: t(records[0].problem, records[0].values) });
    plan.columns = records.length ? records[0].cells : [];
    plan.preview = records.slice(1, 6).map((record) => record.cells);
  }
  if (!plan.columns.length) throw new FileProblem("file.empty");
  if (!plan.preview.length && isAll) throw splitter.problem ?? new FileProblem("file.no_rows");
  return plan;
}

const splitterOf = (plan) => (plan.kind === "jsonl" ? new LineSplitter() : new CellSplitter(plan.delimiter));

// All rows under the header: { line, cells } or { line, object, raw, keys }, some at a time.
// One that cannot be used has a problem, and the values that belong into its sentence.
export async function* rowsOf(file, plan, onBytes) {
  const splitter = splitterOf(plan);
  let isHeader = plan.kind !== "jsonl";
  const under = (records) => {
    const rows = records.slice(isHeader ? 1 : 0);
    isHeader &&= !records.length;
    for (const row of rows) checkWidth(row, plan.columns.length);
    return rows;
  };
  try {
    for await (const piece of piecesOf(file, plan, onBytes)) {
      const rows = under(splitter.push(piece));
      if (rows.length) yield rows;
    }
  } catch (error) {
    if (error.key === "file.wrong_encoding") error.values.line = splitter.line;
    throw error instanceof FileProblem ? error : unreadable(file, error);
  }
  const rest = under(splitter.end());
  if (rest.length) yield rest;
}

function checkWidth(row, nColumns) {
  if (row.cells?.slice(nColumns).some(Boolean)) Object.assign(row, { problem: "file.more_cells", values: { n: row.cells.length, columns: nColumns } });
}

export const cellText = (value) => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

// As the file has it: a number in its own digits.
export function writtenText({ object, raw, keys }, name) {
  const value = object?.[name];
  return typeof value === "number" ? writtenAt(raw, keys.findLast((key) => key.name === name)) : cellText(value);
}

class LineSplitter {
  #rest = "";
  #line = 0;

  push(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop();
    if (this.#rest.length > longestRecord) throw new FileProblem("file.too_wide", { line: this.#line + lines.length + 1 });
    return lines.flatMap((line) => this.#record(line));
  }

  rest() {
    return this.#rest ? this.#record(this.#rest) : [];
  }

  end() {
    return this.rest();
  }

  get line() {
    return this.#line + 1;
  }

  #record(text) {
    this.#line += 1;
    const line = this.#line, raw = text.trim();
    if (!raw) return [];
    try {
      const object = JSON.parse(raw);
      if (typeof object === "object" && object && !Array.isArray(object)) {
        const { keys, isTwice } = keysOf(raw);
        return [{ line, object, raw, keys, problem: isTwice ? "file.key_twice" : null }];
      }
    } catch { /* told below */ }
    return [{ line, problem: "file.bad_json" }];
  }
}

// As RFC 4180 has it: a quoted cell may hold separators, line ends, and quotes written twice.
export class CellSplitter {
  #delimiter;
  #cells = [];
  #cell = "";
  #state = "start"; // of a cell; or plain, quoted, quote (one that ends the cell or is the first of two), broken
  #line = 1;
  #begin = 1;
  #opened = 1; // the line of the last quote that opens a cell
  #before = ""; // what earlier pieces had of the record
  #size = 0;
  #afterReturn = false;

  constructor(delimiter) {
    this.#delimiter = delimiter;
  }

  push(piece) {
    const records = [];
    let text = piece, start = 0; // of the record
    for (let place = 0; place < text.length; place += 1) {
      const letter = text[place];
      const isSecond = letter === "\n" && this.#afterReturn;
      this.#afterReturn = letter === "\r";
      if (isSecond) {
        if (this.#state === "quoted") this.#cell += letter;
        else start = place + 1;
        continue;
      }
      const isEnd = letter === "\n" || letter === "\r";
      if (isEnd) this.#line += 1;
      this.#size += 1;
      if (this.#size > longestRecord) throw new FileProblem("file.too_wide", { line: this.#begin });
      if (this.#state === "quoted") {
        if (letter === "\"") this.#state = "quote";
        else this.#cell += letter;
      } else if (this.#state === "broken") {
        if (isEnd) this.#next();
      } else if (letter === "\"" && this.#state === "start") {
        this.#state = "quoted";
        this.#opened = this.#line;
      } else if (letter === "\"" && this.#state === "quote") {
        this.#cell += letter;
        this.#state = "quoted";
      } else if (letter === this.#delimiter) this.#endCell();
      else if (isEnd) records.push(...this.#endRecord());
      else if (this.#state === "quote") {
        records.push({ line: this.#begin, cells: [], problem: "file.after_quote", values: { line: this.#line } });
        text = this.#swallowed(text.slice(start, place)) + text.slice(place);
        [start, place] = [0, -1];
      } else {
        this.#cell += letter;
        this.#state = "plain";
      }
      if (this.#size === 0) start = place + 1;
    }
    this.#before += text.slice(start);
    return records;
  }

  rest() {
    if (this.#state === "quoted") this.problem = new FileProblem("file.never_closed", { line: this.#opened });
    return this.#state === "broken" ? [] : this.#endRecord();
  }

  end() {
    const records = this.rest();
    if (this.problem) throw this.problem;
    return records;
  }

  get line() {
    return this.#line;
  }

  // Of a record with a quote in the wrong place the first line is given up, and the others read anew.
  #swallowed(part) {
    const [, ...others] = (this.#before + part).split(/(\r\n|\r|\n)/);
    this.#line = this.#begin;
    this.#next();
    this.#state = "broken";
    return others.join("");
  }

  #next() {
    this.#cells = [];
    this.#cell = this.#before = "";
    this.#state = "start";
    this.#begin = this.#line;
    this.#size = 0;
  }

  #endCell() {
    this.#cells.push(this.#cell);
    this.#cell = "";
    this.#state = "start";
  }

  #endRecord() {
    this.#endCell();
    const record = { line: this.#begin, cells: this.#cells };
    this.#next();
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
