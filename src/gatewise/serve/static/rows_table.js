// The first rows of a labelled file, to be looked through.

import { isAbstained, mostShown } from "./answering.js";
import { data, debounced, el } from "./dom.js";
import { chance, number, t } from "./words.js";

const longestShown = 400; // characters of a text

export class RowsTable {
  constructor(answering) {
    this.answering = answering;
    this.sort = { column: null, isDown: false };
    this.columns = [
      { name: "line", value: (row) => row.line, cell: (row) => el("td", {}, number(row.line)) },
      { name: "text", value: (row) => row.text, cell: (row) => data(cut(row.text), "td", { class: "words text" }) },
      { name: "label", value: (row) => row.label ?? "", cell: (row) => data(row.label ?? "", "td", { class: "words" }) },
      { name: "chance", value: (row) => row.probability ?? -1, cell: (row) => el("td", {}, row.probability === null ? "" : chance(row.probability)) },
      { name: "scope", value: (row) => row.inScope ?? -1, cell: (row) => el("td", {}, row.inScope === null ? "" : number(row.inScope, 2)) },
      { name: "answer", value: (row) => this.#answerOf(row), cell: (row) => el("td", { class: "words" }, el("span", { class: `mark-${this.#kindOf(row)}` }, this.#answerOf(row))) },
    ];
    if (answering.columns.given !== null) {
      this.columns.splice(2, 0, { name: "given", value: (row) => row.given ?? "", cell: (row) => data(row.given ?? "", "td", { class: row.given !== null && row.given !== row.label ? "words differs" : "words" }) });
    }
    this.body = el("tbody");
    this.count = el("p", { class: "faint", role: "status" });
    this.element = el("section", { "aria-labelledby": "h-rows" }, el("h2", { id: "h-rows" }, t("file.rows")), this.#filters(), this.count,
      el("div", { class: "scroll long", tabindex: 0, role: "group", "aria-labelledby": "h-rows" },
        el("table", { id: "rows-table" }, el("thead", {}, this.#head()), this.body)));
    this.draw();
  }

  #kindOf(row) {
    return row.reason ? "unusable" : isAbstained(row, this.answering.model) ? "abstain" : "answered";
  }

  #answerOf(row) {
    return row.reason || t(`file.${this.#kindOf(row)}`);
  }

  #filters() {
    const draw = debounced(120, () => this.draw());
    this.find = el("input", { type: "search", id: "rows-find", on: { input: draw } });
    this.label = el("select", { id: "rows-label", on: { change: () => this.draw() } }, el("option", { value: "" }, t("file.every")));
    const decisions = ["answered", "abstain", "unusable_only", ...(this.answering.columns.given === null ? [] : ["disagree_only"])];
    this.decision = el("select", { id: "rows-decision", on: { change: () => this.draw() } },
      el("option", { value: "" }, t("file.every")), decisions.map((name) => el("option", { value: name.replace("_only", "") }, t(`file.${name}`))));
    const field = (id, key, input) => el("p", {}, el("label", { for: id }, t(key)), input);
    return el("div", { class: "fields" }, field("rows-find", "file.filter", this.find),
      field("rows-label", "file.filter_label", this.label), field("rows-decision", "file.filter_decision", this.decision));
  }

  #head() {
    return el("tr", {}, this.columns.map((column) => {
      const isWords = ["text", "label", "given", "answer"].includes(column.name);
      const button = el("button", { type: "button", on: { click: () => this.#sortBy(column, head) } }, t(`file.${column.name}`));
      const head = el("th", { scope: "col", class: isWords ? "words" : null }, button);
      return head;
    }));
  }

  #sortBy(column, head) {
    this.sort = { column, isDown: this.sort.column === column && !this.sort.isDown };
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", this.sort.isDown ? "descending" : "ascending");
    this.draw();
  }

  draw() {
    const { shown, nRows } = this.answering;
    const labels = [...new Set(shown.map((row) => row.label).filter((label) => label !== null))].sort();
    if (labels.length !== this.label.options.length - 1) {
      const before = this.label.value;
      this.label.replaceChildren(this.label.options[0], ...labels.map((label) => el("option", { value: `=${label}`, dir: "auto" }, label)));
      this.label.value = before;
    }
    const part = this.find.value.trim().toLocaleLowerCase(), label = this.label.value, decision = this.decision.value;
    const rows = shown.filter((row) => (!part || row.text.toLocaleLowerCase().includes(part)) && (!label || `=${row.label}` === label) &&
      (!decision || (decision === "disagree" ? row.given !== null && row.given !== row.label : this.#kindOf(row) === decision)));
    const { column, isDown } = this.sort;
    if (column) {
      const order = (one, other) => (typeof one === "number" ? one - other : one.localeCompare(other));
      rows.sort((one, other) => (isDown ? -1 : 1) * order(column.value(one), column.value(other)));
    }
    this.body.replaceChildren(...rows.map((row) => el("tr", {}, this.columns.map(({ cell }) => cell(row)))));
    const first = nRows > mostShown && !this.answering.isRunning ? ` ${t("file.rows_first", { n: number(mostShown), all: number(nRows) })}` : "";
    this.count.textContent = t("file.shown", { n: number(rows.length), all: number(shown.length) }) + first;
  }
}

const cut = (text) => (text.length > longestShown ? `${text.slice(0, longestShown)} …` : text);
