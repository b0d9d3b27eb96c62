// Reviews: which there are, and where a new one comes from.

import { complain, getJson, remove } from "./api.js";
import { acceptFiles, byId, data, el, fill, hide } from "./dom.js";
import { Desk } from "./desk.js";
import { checkLabels, exportButtons, handOver } from "./reviews.js";
import { cellText, FileProblem, planFile, rowsOf } from "./tables.js";
import { currentLanguage, number, t, time } from "./words.js";

const mostRecords = 10_000;
const needed = ["line", "given", "suggested", "corrected", "text"];

export function startCorrect(shelf) {
  const listBox = byId("correct-list"), reviewsBox = byId("correct-reviews"), deskBox = byId("correct-desk");
  const problem = byId("correct-problem"), status = byId("correct-status");
  let desk = null, reviews = null, nInFile = 0; // records in the file that was chosen last

  async function showList() {
    desk?.close();
    desk = null;
    hide(deskBox);
    listBox.hidden = false;
    try {
      ({ reviews } = await getJson("/v1/reviews"));
      hide(problem);
      drawList();
    } catch (error) {
      complain(problem, error, showList);
    }
  }

  function drawList() {
    if (!reviews) return;
    fill(reviewsBox, el("h2", {}, t("correct.reviews")), reviews.length
      ? el("ul", { class: "cards" }, reviews.map(card))
      : el("p", { class: "faint" }, t("correct.none")));
  }

  function card(review) {
    const told = t("correct.done_of", { done: number(review.n_decided), all: number(review.n_records) });
    const bar = el("progress", { max: Math.max(1, review.n_records), "aria-label": told });
    bar.value = review.n_decided;
    return el("li", {},
      el("h3", {}, data(review.source)),
      el("p", { class: "faint" }, review.model ? [data(review.model), " · "] : null, time(review.made_at)),
      bar, el("p", {}, told),
      el("p", { class: "row start" },
        el("a", { class: "button main", href: `#correct/${review.id}`, "aria-label": `${t("correct.open")}: ${review.source}` }, t("correct.open")),
        ...exportButtons(review, problem),
        el("button", { type: "button", class: "plain", "aria-label": `${t("correct.delete")}: ${review.source}`, on: { click: () => forget(review) } }, t("correct.delete"))));
  }

  async function forget(review) {
    if (!confirm(t("correct.delete_sure", { source: review.source }))) return;
    try {
      await remove(`/v1/reviews/${review.id}`);
      status.textContent = t("correct.deleted");
    } catch (error) {
      complain(problem, error, null);
    }
    await showList();
    byId("h-correct").focus();
  }

  async function open(id) {
    listBox.hidden = true;
    desk?.close();
    desk = null;
    try {
      const { reviews: all } = await getJson("/v1/reviews");
      const review = all.find((one) => one.id === id);
      if (!review) {
        history.replaceState(null, "", "#correct");
        await showList();
        fill(problem, el("strong", {}, t("correct.not_there", { n: id })));
        return;
      }
      hide(problem);
      desk = new Desk(deskBox, { review, shelf, problem, status, nInFile });
      nInFile = 0;
      await desk.open();
    } catch (error) {
      complain(problem, error, () => open(id));
    }
  }

  async function take(file) {
    hide(problem);
    try {
      const { records, nAll } = await auditRecords(file);
      const id = await handOver(file.name, "", records);
      nInFile = nAll;
      location.hash = `#correct/${id}`;
    } catch (error) {
      if (error instanceof FileProblem) fill(problem, el("strong", {}, error.sentence));
      else complain(problem, error, () => take(file));
    }
  }

  acceptFiles(byId("correct-drop"), byId("correct-input"), take);
  return {
    languageChanged() {
      drawList();
      desk?.draw();
    },
    modelChanged() {
      desk?.draw();
    },
    shown([id]) {
      if (/^\d+$/.test(id ?? "")) open(Number(id));
      else showList();
    },
  };
}

// An audit.csv -> records, the most suspicious first, as it has them; what is filled in stays.
async function auditRecords(file) {
  const plan = await planFile(file, currentLanguage(), {});
  const places = Object.fromEntries(plan.columns.map((name, place) => [name, place]));
  const missing = needed.filter((name) => !(name in places));
  if (missing.length || plan.kind !== "csv") throw new FileProblem("correct.no_audit", { columns: missing.join(", ") });
  const records = [];
  let nAll = 0;
  for await (const rows of rowsOf(file, plan)) {
    for (const { line: fileLine, cells, problem, values } of rows) {
      if (problem) throw new FileProblem("file.bad_row", { line: fileLine, reason: t(problem, values) });
      nAll += 1;
      if (nAll > mostRecords) continue;
      const cell = (name) => cellText(cells[places[name]]).trim() || null;
      const line = Number(cell("line"));
      const probability = Number(cell("suggested_probability") ?? NaN);
      records.push({
        text: cellText(cells[places.text]), line: Number.isInteger(line) && line > 0 ? line : null,
        given: cell("given"), suggested: cell("suggested"), why: cell("why")?.slice(0, 1000) ?? null, corrected: cell("corrected"),
        probability: probability >= 0 && probability <= 1 ? probability : null,
      });
      checkLabels(records.at(-1), fileLine);
    }
  }
  if (!records.length) throw new FileProblem("correct.no_rows");
  return { records, nAll };
}
