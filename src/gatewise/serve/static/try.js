// One text: the answer while it is typed, then a look inside.

import { complain, postJson } from "./api.js";
import { byId, data, debounced, el, fill, hide } from "./dom.js";
import { chance, number, percent, t } from "./words.js";
import { drawWorking } from "./working.js";

const pause = 350; // ms without a key, until the model is asked
const longerPause = 900; // until it is looked into, which takes longer
const longText = 800; // characters; longer ones are looked into on request
const fewLabels = 5;
const nNearest = 3;

export function startTry(shelf) {
  const box = byId("try-text"), answerBox = byId("try-answer"), workingBox = byId("try-working");
  const problem = byId("try-problem"), status = byId("try-status");
  let running = null, looking = null, shown = null, replayed = null, top = fewLabels;

  const ask = debounced(pause, async () => {
    const text = box.value;
    running?.abort();
    looking?.abort();
    look.cancel();
    if (!text.trim() || !shelf.chosen) {
      shown = replayed = null;
      status.textContent = "";
      hide(answerBox, workingBox, problem);
      return;
    }
    running = new AbortController();
    const { signal } = running, model = shelf.chosen;
    status.textContent = t("try.reading");
    answerBox.setAttribute("aria-busy", "true");
    try {
      const told = await postJson("/v1/predict", {
        texts: [text], model: model.name, top: Math.min(top, model.labels.length), nearest: Math.min(nNearest, model.n_nearest),
      }, { signal, onBusy: () => { status.textContent = t("error.busy"); } });
      hide(problem);
      if (told.checksum && told.checksum !== model.checksum) { // it was replaced meanwhile
        shelf.refresh();
        return;
      }
      shown = { model, text, prediction: told.predictions[0] };
      draw();
      if (shown.prediction.label === null) {
        replayed = null;
        hide(workingBox);
      } else if (replayed?.text !== text || replayed.model !== model) {
        if (replayed) workingBox.classList.add("old");
        if (text.length > longText) offer();
        else look();
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      status.textContent = "";
      shown = replayed = null;
      hide(answerBox, workingBox);
      complain(problem, error, () => ask());
    } finally {
      answerBox.removeAttribute("aria-busy");
    }
  });

  const look = debounced(longerPause - pause, async () => {
    looking?.abort();
    looking = new AbortController();
    const { signal } = looking, { text, model } = shown;
    if (!replayed) fillInside(el("p", { class: "faint" }, t("try.working_wait")));
    try {
      const replay = await postJson("/v1/replay", { text, model: model.name }, { signal });
      replayed = { text, model, replay };
      drawInside();
    } catch (error) {
      if (error.name === "AbortError") return;
      const said = el("div", { class: "problem", role: "alert" });
      complain(said, error, () => look());
      fillInside(said);
    }
  });

  function fillInside(...parts) {
    workingBox.classList.remove("old");
    fill(workingBox, el("h2", {}, t("try.working")), ...parts);
  }

  function offer() {
    replayed = null;
    const button = el("button", { type: "button", id: "try-look", on: { click: () => look() } }, t("try.working_show"));
    fillInside(el("p", { class: "row" }, el("span", { class: "faint" }, t("try.working_long")), button));
  }

  function drawInside() {
    fillInside();
    drawWorking(workingBox, replayed.replay);
  }

  function draw() {
    const { prediction, model } = shown, isHere = answerBox.contains(document.activeElement);
    if (prediction.label === null) {
      const known = prediction.reason === "no text" || prediction.reason === "no word or number in the text";
      const sentence = known ? t("try.no_text") : t("try.reason", { reason: prediction.reason });
      status.textContent = sentence;
      fill(answerBox, el("div", { class: "answer abstains" }, el("p", { class: "said" }, t("try.abstains")), el("p", {}, sentence)));
      return;
    }
    const abstains = prediction.decision === "abstain" && !(prediction.label === "abstain" && !isDoubtful(prediction, model));
    const sentence = abstains ? whyNot(prediction, model) : "";
    status.textContent = abstains
      ? `${t("try.abstains")}. ${sentence}`
      : `${prediction.label}, ${t("try.with", { chance: chance(prediction.probability) })}`;
    fill(answerBox,
      answerCard(prediction, abstains, sentence, model),
      el("div", { class: "columns" }, labelBars(prediction, model), nearest(prediction)));
    if (isHere) (answerBox.querySelector("button") ?? byId("h-labels")).focus(); // which was on one of its buttons
  }

  // What the decision rests on; a class may itself be called "abstain".
  const isDoubtful = (prediction, model) => prediction.probability < model.abstain_below ||
    (prediction.in_scope !== null && prediction.in_scope < model.outside_below);

  function whyNot(prediction, model) {
    const isStrange = prediction.in_scope !== null && prediction.in_scope < model.outside_below;
    return t(isStrange ? "try.strange" : "try.unsure");
  }

  function answerCard(prediction, abstains, sentence, model) {
    const parts = abstains
      ? [el("p", { class: "said" }, t("try.abstains")), el("p", {}, sentence),
        el("p", { class: "faint" }, t("try.best_guess", { label: prediction.label, chance: chance(prediction.probability) }))]
      : [el("p", { class: "said" }, data(prediction.label), el("small", {}, t("try.with", { chance: chance(prediction.probability) })))];
    if (prediction.in_scope !== null) parts.push(scopeMeter(prediction.in_scope, model.outside_below));
    return el("div", { class: abstains ? "answer abstains" : "answer" }, ...parts);
  }

  function scopeMeter(score, threshold) {
    const key = threshold > 0 ? "try.in_scope_means" : "try.in_scope_means_open";
    const name = t("try.in_scope_value", { score: number(score, 2) });
    return el("div", { class: "scope" },
      el("p", {}, name),
      el("div", { class: "meter", role: "meter", "aria-label": t("try.in_scope"), "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": score.toFixed(2) },
        el("i", { style: { width: `${100 * score}%` } }),
        threshold > 0 ? el("b", { style: { "inset-inline-start": `${100 * threshold}%` } }) : null),
      el("p", { class: "faint" }, t(key, { share: percent(score, score < 0.1 ? 1 : 0), threshold: number(threshold, 2) })));
  }

  function labelBars(prediction, model) {
    const rows = prediction.top.map(({ label, probability }) => el("li", {},
      data(label, "span", { class: "name" }),
      el("span", { class: "share" }, chance(probability)),
      el("span", { class: "bar", "aria-hidden": "true" }, el("i", { style: { width: `${100 * probability}%` } }))));
    const all = model.labels.length;
    const next = top >= all ? null : top < 20 && all > 20 ? 20 : all;
    const more = (n) => {
      const text = n === all ? t("try.all_labels", { n: number(n) }) : t("try.more_labels", { n: number(n) });
      return el("button", { type: "button", class: "plain", on: { click: () => { top = n; ask(); } } }, text);
    };
    const fewer = () => el("button", { type: "button", class: "plain", on: { click: () => { top = fewLabels; ask(); } } }, t("try.fewer_labels"));
    return el("section", { "aria-labelledby": "h-labels" },
      el("h2", { id: "h-labels", tabindex: -1 }, t("try.labels")),
      el("ol", { class: "bars" }, rows),
      model.abstain_below > 0 ? el("p", { class: "faint" }, t("try.abstain_below", { threshold: percent(model.abstain_below, 0) })) : null,
      el("p", { class: "row" }, next && rows.length < all ? more(next) : null, top > fewLabels && all > fewLabels ? fewer() : null));
  }

  function nearest(prediction) {
    if (!prediction.nearest.length) return null;
    const rows = prediction.nearest.map((record) => el("li", {},
      record.text === null ? el("p", { class: "faint" }, t("try.record", { n: number(record.row + 1) })) : data(record.text, "p", { class: "quote" }),
      el("p", { class: "faint" }, data(record.label, "bdi", { class: "tag" }), " ", t("try.similarity", { value: number(record.similarity, 2) }))));
    return el("section", { "aria-labelledby": "h-nearest" },
      el("h2", { id: "h-nearest" }, t("try.nearest")),
      el("p", { class: "faint" }, t("try.nearest_lead")),
      el("ul", { class: "near" }, rows));
  }

  box.addEventListener("input", () => ask());
  byId("try-clear").addEventListener("click", () => {
    box.value = "";
    box.focus();
    ask();
  });
  return {
    modelChanged() {
      top = fewLabels;
      ask();
    },
    languageChanged() {
      if (shown) draw();
      if (replayed) drawInside();
    },
  };
}
