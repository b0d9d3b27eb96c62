// What all that touches reviews shares.

import { complain, getBlob, postJson, remove } from "./api.js";
import { el, save } from "./dom.js";
import { FileProblem } from "./tables.js";
import { number, t } from "./words.js";

const recordsAtOnce = 200;
const bytesAtOnce = 300_000;
const longestLabel = 1000; // characters, whole ones

// Instead of a label: the record is to be left out. `gatewise audit --apply` knows it too.
export const removed = "(remove)";

// Begins a review on the server, of all records or not at all.
export async function handOver(source, model, records) {
  const { id } = await postJson("/v1/reviews", { source: source.slice(0, 500), model });
  try {
    await addRecords(id, records);
  } catch (error) {
    await remove(`/v1/reviews/${id}`).catch(() => {}); // what stopped it is told
    throw error;
  }
  return id;
}

export function checkLabels({ given, suggested, corrected }, line) {
  for (const label of [given, suggested, corrected]) {
    const n = (label?.length ?? 0) > longestLabel ? [...label].length : 0;
    if (n > longestLabel) throw new FileProblem("correct.long_label", { line, n: number(n), most: number(longestLabel) });
  }
}

// Some at a time.
async function addRecords(id, records) {
  let start = 0;
  while (start < records.length) {
    let end = start, bytes = 0;
    while (end < records.length && end - start < recordsAtOnce && bytes < bytesAtOnce) {
      bytes += 200 + 3 * records[end].text.length;
      end += 1;
    }
    await postJson(`/v1/reviews/${id}/records`, { start, records: records.slice(start, end) });
    start = end;
  }
}

export function exportButtons(review, problem) {
  const button = (form, key) => el("button", { type: "button", "data-form": form, on: { click: async () => {
    try {
      save(await getBlob(`/v1/reviews/${review.id}/export?form=${form}`), `${review.source.replace(/\.[^.]*$/, "")}.${form === "audit" ? "audit" : "corrected"}.csv`);
    } catch (error) {
      complain(problem, error, null);
    }
  } } }, t(key));
  return [button("training", "correct.export_training"), review.n_lines ? button("audit", "correct.export_audit") : null];
}

export const toldLabel = (label) => (label === removed ? t("correct.removed") : label);
