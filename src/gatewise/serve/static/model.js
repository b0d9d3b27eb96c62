// What the model is, and its report.

import { complain, getBlob, hasToken } from "./api.js";
import { byId, data, el, hide, save } from "./dom.js";
import { currentLanguage, number, percent, t, time } from "./words.js";

export function startModel(shelf) {
  const box = byId("model-facts"), problem = byId("model-problem");

  function draw() {
    const model = shelf.chosen;
    if (!model) return;
    hide(problem);
    box.replaceChildren(
      reportCard(model),
      el("div", { class: "columns" }, accuracy(model), thresholds(model)),
      labels(model),
      training(model),
      versions(model),
      ask(model));
    box.hidden = false;
  }

  function reportCard(model) {
    const path = `/v1/models/${encodeURIComponent(model.name)}/report`;
    const parts = [data(model.name, "p", { class: "said" })];
    if (!model.has_report) parts.push(el("p", { class: "faint" }, t("model.report_none")));
    else {
      // A link cannot carry the token, so that the page is fetched instead.
      const open = hasToken()
        ? el("button", { type: "button", class: "main", id: "model-report", on: { click: () => fetchReport(path, model) } }, t("model.report_get"))
        : el("a", { class: "button main", id: "model-report", href: path, target: "_blank", rel: "noopener noreferrer" }, t("model.report_open"));
      parts.push(el("p", {}, t("model.report_means")), el("p", {}, open));
    }
    return el("div", { class: "answer" }, parts);
  }

  async function fetchReport(path, model) {
    hide(problem);
    try {
      save(await getBlob(path), `${model.name}-report.html`);
    } catch (error) {
      complain(problem, error, () => fetchReport(path, model));
    }
  }

  draw();
  return { modelChanged: draw, languageChanged: draw, shown: draw };
}

const section = (id, title, ...parts) => el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...parts);
const facts = (rows) => el("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined)
  .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { dir: "auto" }, value))));

function accuracy(model) {
  const held = model.facts.held_out;
  if (!held) return null;
  const names = ["blend", "lstm", "ngrams"].filter((name) => typeof held[name] === "number");
  return section("h-accuracy", t("model.accuracy", { n: number(held.n_records) }),
    el("ol", { class: "bars" }, names.map((name) => el("li", {},
      el("span", { class: "name" }, t(`model.part.${name}`)),
      el("span", { class: "share" }, percent(held[name])),
      el("span", { class: "bar", "aria-hidden": "true" }, el("i", { style: { width: `${100 * held[name]}%` } }))))));
}

function thresholds(model) {
  const written = (value) => (value > 0 ? number(value, 3) : t("model.never"));
  return section("h-thresholds", t("model.thresholds"), facts([
    [t("model.abstain_below"), written(model.abstain_below)],
    [t("model.outside_below"), written(model.outside_below)],
  ]));
}

function labels(model) {
  const list = el("ul", { class: "tags" });
  const find = el("input", { type: "search", id: "label-find", on: { input: draw } });
  function draw() {
    const part = find.value.trim().toLocaleLowerCase();
    list.replaceChildren(...model.labels.filter((label) => label.toLocaleLowerCase().includes(part)).map((label) => data(label, "li", { class: "tag" })));
  }
  draw();
  return section("h-model-labels", t("model.n_labels", { n: number(model.labels.length) }),
    model.labels.length > 12 ? el("p", { class: "row start" }, el("label", { for: "label-find" }, t("model.find_label")), find) : null,
    list);
}

function training(model) {
  const { n_records: nRecords, mean_length: length, notes } = model.facts;
  let language = model.language;
  try {
    language = new Intl.DisplayNames([currentLanguage()], { type: "language" }).of(model.language) || model.language;
  } catch { /* a family of languages that has no code */ }
  return section("h-training", t("model.data"), facts([
    [t("model.n_records"), nRecords && number(nRecords)],
    [t("model.language"), language],
    [t("model.mean_length"), length && number(length, 1)],
    [t("model.n_nearest"), number(model.n_nearest)],
    [t("model.seed"), String(model.seed)],
    [t("model.loaded_at"), time(model.loaded_at)],
  ]), notes?.length ? [el("h3", {}, t("model.notes")), el("ul", {}, notes.map((note) => el("li", { lang: "en" }, note)))] : null);
}

function versions(model) {
  return section("h-versions", t("model.versions"), facts([
    ...Object.entries(model.versions),
    [t("model.checksum"), el("code", {}, model.checksum)],
  ]));
}

function ask(model) {
  const body = JSON.stringify({ model: model.name, texts: ["..."] });
  const token = hasToken() ? " -H 'Authorization: Bearer TOKEN'" : "";
  const line = `curl ${location.origin}/v1/predict${token} -H 'Content-Type: application/json' -d '${body}'`;
  return section("h-copy", t("model.copy"), el("p", { class: "faint" }, t("model.copy_means")),
    el("pre", { tabindex: 0, dir: "ltr", role: "group", "aria-label": t("model.copy") }, line));
}
