// The rows of a file -> answers of the server -> a labelled file, some rows at a time.

import { postText, Refusal } from "./api.js";
import { withMembers } from "./json_text.js";
import { cellText, csvLine, rowsOf, writtenText } from "./tables.js";
import { t } from "./words.js";

const rowsAtOnce = 512;
const charactersAtOnce = 200_000;
const longestText = 250_000; // characters; a line of the body has at most a mebibyte
const mostDoubtful = 500; // handed over for review
const answerColumns = ["predicted", "probability", "in_scope", "decision", "reason"];

export const mostShown = 1000;

export class Answering {
  constructor(file, plan, { text, given, model }) {
    this.file = file;
    this.plan = plan;
    this.columns = { text, given };
    this.newNames = newNames(plan.columns);
    this.model = model;
    this.nRows = this.nAbstained = this.nUnusable = this.nGiven = this.nAgree = this.nBytes = 0;
    this.shown = [];
    this.isDone = this.isRunning = false;
    this.seconds = 0;
    this.doubtful = [];
    this.parts = [];
    this.pending = null; // rows that were read and have no answer yet
    const pieces = rowsOf(file, plan, (n) => { this.nBytes += n; });
    this.batches = inBatches(pieces, (row) => this.textOf(row) ?? "");
    this.#write(this.#header());
  }

  // Goes on until the end, or until the signal; may be called again after a failure.
  async run(signal, onProgress, onBusy) {
    while (!this.isDone) {
      const started = performance.now();
      this.pending ??= (await this.batches.next()).value ?? null;
      if (this.pending === null) {
        this.isDone = true;
        return;
      }
      const answers = await this.#ask(this.pending, signal, onBusy);
      this.pending.forEach((row, place) => this.#take(row, answers[place]));
      this.pending = null;
      this.seconds += (performance.now() - started) / 1000;
      onProgress();
    }
  }

  async #ask(rows, signal, onBusy) {
    const texts = rows.map((row) => this.textOf(row));
    const lines = texts.map((text) => `${JSON.stringify({ text: typeof text === "string" && text.length <= longestText ? text : "" })}\n`);
    const address = `/v1/file?${new URLSearchParams({ text: "text", format: "jsonl", model: this.model.name })}`;
    const told = await postText(address, lines.join(""), { kind: "application/x-ndjson", signal, onBusy });
    const answers = told.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    // The server tells in a row of its own what went wrong after it had begun.
    if (answers.length !== rows.length) throw new Refusal(500, t("error.refused"), answers.at(-1)?.reason || "");
    return answers.map((answer, place) => this.#answer(rows[place], texts[place], answer));
  }

  #answer(row, text, answer) {
    let reason = answer.reason ? String(answer.reason).replace(/^line \d+: /, "") : null;
    if (row.problem) reason = t(row.problem, row.values);
    else if (text !== undefined && typeof text !== "string") reason = t("file.not_a_text");
    else if (text && text.length > longestText) reason = `a text of more than ${longestText} characters`;
    return {
      label: reason ? null : answer.predicted, probability: reason ? null : answer.probability,
      inScope: reason ? null : answer.in_scope ?? null, decision: reason ? "abstain" : answer.decision, reason,
    };
  }

  textOf(row) {
    return row.cells ? row.cells[this.columns.text] : row.object?.[this.plan.columns[this.columns.text]] ?? undefined;
  }

  #givenOf(row) {
    const column = this.columns.given;
    if (column === null) return null;
    const label = row.cells ? row.cells[column] ?? "" : writtenText(row, this.plan.columns[column]);
    return label.trim() || null;
  }

  #take(row, answer) {
    const text = cellText(this.textOf(row));
    const given = this.#givenOf(row), found = { line: row.line, text, given, ...answer };
    this.nRows += 1;
    if (answer.reason) this.nUnusable += 1;
    else {
      if (isAbstained(found, this.model)) this.nAbstained += 1;
      if (given !== null) {
        this.nGiven += 1;
        this.nAgree += given === answer.label;
      }
      this.#doubt(found);
    }
    if (this.shown.length < mostShown) this.shown.push(found);
    this.#write(this.#line(row, answer));
  }

  // The most doubtful rows are kept: those whose label disagrees, then strange, then unsure ones.
  #doubt(found) {
    const { given, label, probability, inScope } = found;
    const isStrange = inScope !== null && inScope < this.model.outside_below;
    const order = given !== null && given !== label ? -probability : isStrange ? 1 + inScope : 2 + probability;
    this.doubtful.push({ order, ...found });
    if (this.doubtful.length >= 4 * mostDoubtful) this.#cut();
  }

  #cut() {
    this.doubtful.sort((one, other) => one.order - other.order);
    this.doubtful.length = Math.min(this.doubtful.length, mostDoubtful);
  }

  mostDoubtful() {
    this.#cut();
    return this.doubtful;
  }

  #header() {
    if (this.plan.kind === "jsonl") return "";
    return (this.plan.hasMark ? "\ufeff" : "") + csvLine([...this.newNames, ...answerColumns], this.plan.delimiter);
  }

  #line(row, answer) {
    const reason = answer.reason ? `line ${row.line}: ${answer.reason}` : null;
    const values = [answer.label, answer.probability, answer.inScope, answer.decision, reason];
    if (this.plan.kind !== "jsonl") {
      const cells = [...row.cells];
      while (cells.length < this.plan.columns.length) cells.push("");
      return csvLine([...cells.slice(0, this.plan.columns.length), ...values], this.plan.delimiter);
    }
    const members = Object.fromEntries(answerColumns.map((name, place) => [name, values[place] ?? null]));
    return `${withMembers(row.raw ?? "{}", row.keys ?? [], (name) => this.#nameOf(name), members)}\n`;
  }

  #nameOf(name) {
    const place = this.plan.columns.indexOf(name);
    return place >= 0 ? this.newNames[place] : answerColumns.includes(name) ? `input_${name}` : name;
  }

  // What is finished is given to the browser, which may put it on disk.
  #write(text) {
    this.parts.push(text);
    if (this.parts.length > 4096) this.parts = [new Blob(this.parts)];
  }

  blob() {
    this.parts = [new Blob(this.parts)];
    return this.parts[0];
  }

  get newName() {
    const [, stem, ending] = /^(.*?)(\.[^.]+)?(?:\.gz)?$/i.exec(this.file.name);
    return `${stem || "file"}.labelled${ending || ".csv"}`;
  }
}

export const isAbstained = (row, model) => row.reason === null && row.decision === "abstain" &&
  (row.label !== "abstain" || row.probability < model.abstain_below || (row.inScope !== null && row.inScope < model.outside_below));

// What is called as a column of the answer gets another name.
function newNames(columns) {
  const taken = new Set([...columns, ...answerColumns]);
  return columns.map((name) => {
    if (!answerColumns.includes(name)) return name;
    let free = `input_${name}`;
    while (taken.has(free)) free = `input_${free}`;
    taken.add(free);
    return free;
  });
}

async function* inBatches(pieces, textOf) {
  let batch = [], size = 0;
  for await (const rows of pieces) {
    for (const row of rows) {
      batch.push(row);
      size += String(textOf(row)).length;
      if (batch.length < rowsAtOnce && size < charactersAtOnce) continue;
      yield batch;
      [batch, size] = [[], 0];
    }
  }
  if (batch.length) yield batch;
}
