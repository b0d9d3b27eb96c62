// One record after the other, decided by a key.

import { complain, getJson, postJson, Refusal } from "./api.js";
import { data, el, fill } from "./dom.js";
import { LabelBox } from "./label_box.js";
import { exportButtons, removed, toldLabel } from "./reviews.js";
import { chance, number, t } from "./words.js";

const page = 100;
const keys = [["a", "accept"], ["k", "keep"], ["/", "other"], ["x", "remove"], ["n", "next"], ["p", "previous"], ["u", "undo"]];

export class Desk {
  constructor(box, { review, shelf, problem, status, nInFile }) {
    Object.assign(this, { box, review, shelf, problem, status, nInFile });
    this.records = new Map(); // position -> record; read when they come near
    this.position = 0;
    this.undos = [];
    this.hasKeys = true;
    this.queue = Promise.resolve(); // decisions reach the server in the order in which they were made
    this.failed = new Map(); // position -> the decision that could not be kept
    this.acts = Promise.resolve(); // keys wait until the record that they are meant for is there
    this.turn = 0; // another one: what waits is dropped
    this.onKey = (event) => this.#key(event);
  }

  async open() {
    document.addEventListener("keydown", this.onKey);
    await this.#firstUndecided();
    this.draw();
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
    this.turn += 1;
    this.isClosed = true;
  }

  #soon(act) {
    const { turn } = this;
    this.acts = this.acts.then(() => (turn === this.turn ? act() : null));
  }

  async #firstUndecided() {
    const all = this.review.n_records;
    for (let start = 0; start < all; start += page) {
      await this.#read(start);
      for (let position = start; position < Math.min(all, start + page); position += 1) {
        if (this.records.get(position)?.corrected === null) {
          this.position = position;
          return;
        }
      }
    }
  }

  async #read(position) {
    if (this.records.has(position) || position >= this.review.n_records) return;
    const start = position - (position % page);
    const { records } = await getJson(`/v1/reviews/${this.review.id}/records?start=${start}&count=${page}`);
    for (const record of records) this.records.set(record.position, record);
  }

  async #go(position) {
    if (position < 0 || position >= this.review.n_records) return;
    try {
      await this.#read(position);
    } catch (error) {
      this.turn += 1;
      this.isStuck = true;
      complain(this.problem, error, () => this.#soon(() => this.#go(position)));
      return;
    }
    this.position = position;
    this.draw();
    if (this.isStuck) this.#goesOn();
  }

  #goesOn() {
    this.isStuck = false;
    if (this.failed.size) this.#notKept(this.failure);
    else this.problem.hidden = true;
  }

  get labels() {
    const model = this.shelf.models.find((one) => one.name === this.review.model);
    const found = new Set(model ? model.labels : []);
    for (const record of this.records.values()) {
      for (const label of [record.given, record.suggested, record.corrected]) if (label && label !== removed) found.add(label);
    }
    if (!model && this.shelf.chosen?.labels.some((label) => found.has(label))) this.shelf.chosen.labels.forEach((label) => found.add(label));
    return [...found].sort((one, other) => one.localeCompare(other));
  }

  async #decide(label) {
    const { position } = this, record = this.records.get(position);
    if (!record || label === null) return;
    this.undos.push({ position, before: record.corrected });
    this.#set(position, label);
    this.status.textContent = t("correct.saved", { label: toldLabel(label) });
    if (position + 1 < this.review.n_records) await this.#go(position + 1);
    else this.draw();
  }

  async #undo() {
    const last = this.undos.pop();
    if (!last) {
      this.status.textContent = t("correct.nothing_to_undo");
      return;
    }
    const label = this.records.get(last.position).corrected;
    this.#set(last.position, last.before);
    await this.#go(last.position);
    this.status.textContent = t("correct.undone", { what: toldLabel(label) });
  }

  // Shown at once; where the server cannot be told, the record is as before and the reader told.
  #set(position, label) {
    const record = this.records.get(position), before = record.corrected;
    this.#note(record, label);
    this.queue = this.queue.then(async () => {
      try {
        await postJson(`/v1/reviews/${this.review.id}/corrections`, { position, label });
        this.failed.delete(position);
        if (!this.failed.size && !this.isStuck) this.problem.hidden = true;
      } catch (error) {
        if (record.corrected === label) this.#note(record, before);
        this.failed.set(position, label);
        this.#notKept(error);
        this.status.textContent = "";
        this.#soon(() => this.#go(position));
      }
    });
  }

  // Stays until all these decisions are kept, or others on the same records.
  #notKept(error) {
    if (!(error instanceof Refusal)) throw error;
    this.failure = error;
    const places = [...this.failed.keys()].sort((one, other) => one - other).map((position) => number(position + 1)).join(", ");
    const told = new Refusal(error.status, t("correct.not_kept", { places, why: error.message }), error.told);
    complain(this.problem, told, () => {
      this.#retry();
      this.draw();
    });
  }

  #retry() {
    for (const [position, label] of this.failed) this.#set(position, label);
  }

  #note(record, label) {
    this.review.n_decided += (label !== null) - (record.corrected !== null);
    record.corrected = label;
  }

  #key(event) {
    if (event.target.closest?.("input, select, textarea, dialog") && event.target.id !== "desk-keys") return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      this.#soon(() => this.#undo());
      return;
    }
    if (!this.hasKeys || event.ctrlKey || event.metaKey || event.altKey || this.box.closest("section").hidden) return;
    const [, action] = keys.find(([key]) => key === event.key.toLowerCase()) || [];
    if (!action) return;
    event.preventDefault();
    this.#soon(() => this.#act(action));
  }

  #act(action) {
    const record = this.records.get(this.position);
    if (!record) return null;
    if (action === "accept") return this.#decide(record.suggested);
    if (action === "keep") return this.#decide(record.given);
    if (action === "remove") return this.#decide(removed);
    if (action === "next") return this.#go(this.position + 1);
    if (action === "previous") return this.#go(this.position - 1);
    if (action === "undo") return this.#undo();
    this.turn += 1; // what was typed after it is part of a label
    return this.labelBox.input.focus();
  }

  // What is chosen with the eyes on a record is not meant for the one that comes meanwhile.
  #here(act) {
    const { position } = this;
    this.#soon(() => (position === this.position ? act() : null));
  }

  draw() {
    const record = this.records.get(this.position), { review } = this;
    const focused = this.box.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    const isTyping = this.box.contains(document.activeElement) && document.activeElement.getAttribute("role") === "combobox";
    if (this.isClosed) return;
    const back = el("p", { class: "row" }, el("a", { href: "#correct" }, `← ${t("correct.back")}`), data(review.source, "span", { class: "faint" }));
    if (!record) {
      fill(this.box, back, el("p", { id: "desk-empty" }, t("correct.empty")));
      return;
    }
    this.labelBox = new LabelBox(this.labels, (label) => this.#here(async () => {
      await this.#decide(label);
      this.box.querySelector("[data-act=next]")?.focus();
    }));
    fill(this.box,
      back,
      this.nInFile > review.n_records ? el("p", { class: "note", id: "desk-cut" }, t("correct.cut", { n: number(review.n_records), all: number(this.nInFile) })) : null,
      this.#progress(),
      el("article", { class: "card", "aria-label": t("correct.record", { n: number(this.position + 1), all: number(review.n_records) }) },
        this.#about(record),
        data(record.text, "blockquote", { id: "desk-text", tabindex: 0 }),
        this.#says(record),
        this.#buttons(record)),
      this.#help());
    const again = isTyping ? null : focused && this.box.querySelector(`[data-act=${focused}]:not([disabled])`);
    if (again) again.focus();
    else if (focused || isTyping) this.box.querySelector("#desk-text").focus();
  }

  #progress() {
    const { review } = this;
    const told = t("correct.done_of", { done: number(review.n_decided), all: number(review.n_records) });
    const bar = el("progress", { max: review.n_records, "aria-label": told });
    bar.value = review.n_decided;
    const isDone = review.n_decided === review.n_records;
    return el("div", {}, bar, el("p", { class: "row" },
      el("span", { id: "desk-done" }, isDone ? t("correct.finished") : told), el("span", { class: "row start" }, exportButtons(review, this.problem))));
  }

  #about(record) {
    const { review } = this;
    return el("p", { class: "row faint" },
      el("span", { id: "desk-place" }, t("correct.record", { n: number(this.position + 1), all: number(review.n_records) }),
        record.line ? ` · ${t("correct.line", { n: number(record.line) })}` : ""),
      el("span", { id: "desk-decided", class: record.corrected === null ? null : "decided" },
        record.corrected === null ? t("correct.undecided") : t("correct.decided", { label: toldLabel(record.corrected) })));
  }

  #says(record) {
    const row = (key, label, share) => (label === null ? null : el("div", {}, el("dt", {}, t(key)),
      el("dd", {}, data(label, "bdi", { class: "tag" }), share === null ? null : ` ${chance(share)}`)));
    return el("div", {}, el("dl", { class: "says" }, row("correct.given", record.given, null), row("correct.suggested", record.suggested, record.probability)),
      el("p", { class: "faint" }, this.#why(record)));
  }

  #why(record) {
    if (record.why) return data(record.why, "span", { lang: "en" });
    const { given, suggested, probability, in_scope: score } = record;
    const model = this.shelf.models.find((one) => one.name === this.review.model);
    if (given && given !== suggested) return ""; // both stand above
    if (score !== null && score < (model?.outside_below ?? 0)) return t("correct.why.strange", { score: number(score, 2) });
    if (probability === null) return "";
    return t(probability < (model?.abstain_below ?? 0) ? "correct.why.unsure" : "correct.why.low", { chance: chance(probability) });
  }

  #buttons(record) {
    const button = (act, text, attributes = {}) => el("button", { type: "button", "data-act": act, ...attributes, on: { click: () => this.#here(() => this.#act(act)) } },
      text, this.hasKeys ? [" ", el("kbd", { "aria-hidden": "true" }, keys.find(([, name]) => name === act)[0])] : null);
    const labelled = (key, label) => t(key, { label: `\u2068${label}\u2069` }); // whatever its direction
    return el("div", {},
      el("p", { class: "row start" },
        record.suggested === null ? null : button("accept", labelled("correct.accept", record.suggested), { class: "main" }),
        record.given === null || record.given === record.suggested ? null : button("keep", labelled("correct.keep", record.given)),
        button("remove", t("correct.remove"))),
      this.labelBox.element,
      el("p", { class: "row start" },
        button("previous", t("correct.previous"), { disabled: this.position === 0 }),
        button("next", t("correct.next"), { disabled: this.position + 1 >= this.review.n_records }),
        button("undo", t("correct.undo"), { disabled: !this.undos.length })));
  }

  #help() {
    const box = el("input", { type: "checkbox", id: "desk-keys", "data-act": "keys", on: { change: () => {
      this.hasKeys = box.checked;
      this.draw();
    } } });
    box.checked = this.hasKeys;
    return el("details", { class: "help", open: this.isHelpOpen, on: { toggle: (event) => { this.isHelpOpen = event.target.open; } } },
      el("summary", {}, t("correct.keys")),
      el("p", {}, el("label", {}, box, " ", t("correct.keys_on"))),
      el("dl", { class: "keys-list" }, keys.map(([key, name]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, t(`correct.key.${name}`))))));
  }
}
