// A file: how to read it, the progress, and what came out.

import { Answering, mostShown } from "./answering.js";
import { complain } from "./api.js";
import { acceptFiles, byId, data, el, fill, hide, save } from "./dom.js";
import { checkLabels, handOver } from "./reviews.js";
import { RowsTable } from "./rows_table.js";
import { delimiters, encodings, FileProblem, planFile } from "./tables.js";
import { currentLanguage, duration, number, percent, size, t } from "./words.js";

const textNames = /^(text|texts|message|content|body|sentence|utterance|query|review|comment|description|文本|内容|正文|评论)$/i;
const labelNames = /^(label|labels|category|class|intent|topic|target|标签|类别|分类)$/i;

export function startFile(shelf) {
  const problem = byId("file-problem"), planBox = byId("file-plan"), progressBox = byId("file-progress");
  const resultBox = byId("file-result"), status = byId("file-status");
  let file = null, plan = null, answering = null, table = null, running = null;

  function complainOf(error) {
    if (!(error instanceof FileProblem)) throw error;
    fill(problem, el("strong", {}, error.sentence));
  }

  async function take(chosen, known) {
    running?.abort();
    hide(problem, planBox, progressBox, resultBox);
    status.textContent = "";
    answering = table = null;
    file = chosen;
    try {
      plan = await planFile(file, currentLanguage(), known);
    } catch (error) {
      complainOf(error);
      return;
    }
    drawPlan();
    if (!known) byId("file-start").focus();
  }

  function drawPlan() {
    const guess = (pattern) => plan.columns.findIndex((name) => pattern.test(name.trim()));
    const columns = plan.columns.map((name, place) => el("option", { value: place, dir: "auto" }, name || `#${place + 1}`));
    const text = el("select", { id: "file-text" }, columns);
    text.value = String(Math.max(0, guess(textNames)));
    const given = el("select", { id: "file-given", "aria-describedby": "file-given-hint" }, el("option", { value: "" }, t("file.no_label_column")), columns.map((one) => one.cloneNode(true)));
    const guessed = guess(labelNames);
    given.value = guessed < 0 || String(guessed) === text.value ? "" : String(guessed);
    [...given.options].forEach((option, place) => { option.value = place ? String(place - 1) : ""; });
    given.value = guessed < 0 || String(guessed) === text.value ? "" : String(guessed);
    const again = (key) => (event) => take(file, { encoding: plan.encoding, delimiter: plan.delimiter, [key]: event.target.value });
    const encoding = el("select", { id: "file-encoding", on: { change: again("encoding") } }, encodings.map((name) => el("option", { value: name }, name.toUpperCase())));
    encoding.value = plan.encoding;
    const delimiter = el("select", { id: "file-delimiter", on: { change: again("delimiter") } },
      Object.entries(delimiters).map(([name, sign]) => el("option", { value: sign }, t(`file.delimiter.${name}`))));
    delimiter.value = plan.delimiter;
    const field = (id, key, input, ...more) => el("p", {}, el("label", { for: id }, t(key)), input, ...more);
    fill(planBox,
      el("h2", {}, t("file.plan")),
      el("p", { class: "faint" }, data(file.name), ` · ${size(file.size)}`),
      el("div", { class: "fields" },
        field("file-text", "file.text_column", text),
        field("file-given", "file.label_column", given, el("span", { id: "file-given-hint", class: "faint" }, t("file.label_hint"))),
        field("file-encoding", "file.encoding", encoding),
        plan.kind === "csv" ? field("file-delimiter", "file.delimiter", delimiter) : null),
      el("details", { open: true, id: "file-preview" }, el("summary", {}, t("file.preview")), preview()),
      el("p", { class: "spaced" }, el("button", { type: "button", class: "main", id: "file-start", on: { click: () => start(Number(text.value), given.value === "" ? null : Number(given.value)) } }, t("file.start"))));
  }

  function preview() {
    const cell = (value) => (value.length > 120 ? `${value.slice(0, 120)} …` : value);
    return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("file.preview") }, el("table", {},
      el("thead", {}, el("tr", {}, plan.columns.map((name) => data(name, "th", { scope: "col", class: "words" })))),
      el("tbody", {}, plan.preview.map((row) => el("tr", {}, plan.columns.map((_, place) => data(cell(row[place] ?? ""), "td", { class: "words cut" })))))));
  }

  function start(text, given) {
    hide(resultBox);
    table = null;
    answering = new Answering(file, plan, { text, given, model: shelf.chosen });
    return run();
  }

  async function run() {
    running = new AbortController();
    const mine = answering, { signal } = running;
    mine.isRunning = true;
    hide(problem);
    status.textContent = "";
    byId("file-start").disabled = true;
    byId("file-preview").open = false; // what comes out of it stands higher then
    drawProgress(true);
    addEventListener("beforeunload", stay);
    try {
      await mine.run(signal, () => {
        if (mine === answering && !signal.aborted) drawProgress(true);
      }, () => { status.textContent = t("error.busy"); });
      mine.isRunning = false;
    } catch (error) {
      mine.isRunning = false;
      if (mine !== answering) return;
      if (error instanceof FileProblem) { // going on would not help
        hide(progressBox);
        complainOf(error);
      } else {
        drawProgress(false);
        complain(problem, error, null);
      }
      if (error.name === "AbortError") status.textContent = t("file.stopped", { rows: number(mine.nRows) });
      if (mine.nRows) drawResult();
      return;
    } finally {
      removeEventListener("beforeunload", stay);
      if (byId("file-start")) byId("file-start").disabled = false;
    }
    if (mine !== answering) return;
    hide(progressBox);
    if (!mine.nRows) complainOf(new FileProblem("file.no_rows"));
    else if (mine.nUnusable === mine.nRows) complainOf(new FileProblem("file.no_texts", { name: plan.columns[mine.columns.text] }));
    if (mine.nRows) {
      drawResult();
      byId("file-download").focus();
    }
    status.textContent = t("file.done", { rows: number(mine.nRows), seconds: duration(mine.seconds) });
  }

  const stay = (event) => event.preventDefault();

  function drawProgress(isRunning) {
    const share = Math.min(1, answering.nBytes / Math.max(1, file.size)), { nRows, seconds } = answering;
    const told = t("file.working", { rows: number(nRows), percent: percent(share, 0), rate: number(seconds ? nRows / seconds : 0) });
    if (!progressBox.hidden && isRunning && byId("file-stop")) { // the button keeps the focus
      byId("file-bar").value = share;
      byId("file-told").textContent = told;
    } else {
      const button = isRunning
        ? el("button", { type: "button", id: "file-stop", on: { click: () => running.abort() } }, t("file.stop"))
        : el("button", { type: "button", id: "file-continue", class: "main", on: { click: run } }, t("file.continue"));
      const text = isRunning ? told : t("file.paused", { rows: number(nRows) });
      const bar = el("progress", { id: "file-bar", max: 1, "aria-label": t("file.progress") });
      bar.value = share;
      const isHere = progressBox.contains(document.activeElement);
      fill(progressBox, bar, el("p", { class: "row" }, el("span", { id: isRunning ? "file-told" : "file-paused" }, text), button));
      if (isHere) button.focus();
    }
    if (isRunning && nRows && answering.nRows <= 2 * mostShown) drawResult();
  }

  function drawResult() {
    if (table?.answering === answering) {
      table.draw();
      byId("file-summary").replaceChildren(...summary());
    } else drawTable();
    byId("file-summary").hidden = byId("file-actions").hidden = answering.isRunning;
  }

  function drawTable() {
    table = new RowsTable(answering);
    fill(resultBox,
      el("ul", { id: "file-summary", class: "summary" }, summary()),
      el("p", { class: "row start", id: "file-actions" },
        el("button", { type: "button", class: "main", id: "file-download", on: { click: () => save(answering.blob(), answering.newName) } }, t("file.download")),
        el("button", { type: "button", id: "file-review", on: { click: review } }, t("file.review"))),
      table.element);
  }

  function summary() {
    const { nRows, nAbstained, nUnusable, nGiven, nAgree, seconds } = answering;
    const told = [t(answering.isDone ? "file.done" : "file.stopped", { rows: number(nRows), seconds: duration(seconds) }),
      t("file.abstained", { n: number(nAbstained), percent: percent(nAbstained / nRows) })];
    if (nUnusable) told.push(t("file.unusable", { n: number(nUnusable) }));
    if (nGiven) told.push(t("file.agree", { percent: percent(nAgree / nGiven), n: number(nGiven) }));
    return told.map((one) => el("li", {}, one));
  }

  async function review(event) {
    const button = event.target, mine = answering;
    button.disabled = true;
    status.textContent = t("file.reviewing");
    hide(problem);
    try {
      const records = mine.mostDoubtful().map((row) => ({
        text: row.text, line: row.line, given: row.given, suggested: row.label, probability: row.probability, in_scope: row.inScope,
      }));
      records.forEach((record) => checkLabels(record, record.line));
      const number = await handOver(file.name, mine.model.name, records);
      location.hash = `#correct/${number}`;
    } catch (error) {
      if (error instanceof FileProblem) complainOf(error);
      else complain(problem, error, null);
    } finally {
      button.disabled = false;
      status.textContent = "";
    }
  }

  acceptFiles(byId("file-drop"), byId("file-input"), (chosen) => take(chosen));
  return {
    languageChanged() {
      if (!plan || planBox.hidden) return;
      const [text, given] = [byId("file-text").value, byId("file-given").value];
      const { open: isOpen } = byId("file-preview"), { disabled } = byId("file-start");
      drawPlan();
      byId("file-text").value = text;
      byId("file-given").value = given;
      byId("file-preview").open = isOpen;
      byId("file-start").disabled = disabled; // as long as it works
      if (!progressBox.hidden) {
        hide(progressBox);
        drawProgress(answering.isRunning);
      }
      if (table && answering) {
        table = null;
        drawResult();
      }
    },
  };
}
