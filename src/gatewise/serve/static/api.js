// Requests to the server that sent the page, and what its refusals mean.

import { byId } from "./dom.js";
import { t } from "./words.js";

const kept = "gatewise.token";
const tries = 5;
let asking = null; // while the token is asked for, all requests wait for the same answer

export class Refusal extends Error {
  constructor(status, sentence, told) {
    super(sentence);
    this.status = status; // 0: nobody answered
    this.told = told; // what the server itself says
  }
}

// Without the token there is nothing to see; a browser closes a dialog on Escape whatever it is told.
byId("token-dialog").addEventListener("close", () => {
  if (asking && !byId("token-dialog").open) byId("token-dialog").showModal();
});

export const hasToken = () => sessionStorage.getItem(kept) !== null;

function askForToken(isWrong) {
  asking ??= new Promise((resolve) => {
    const dialog = byId("token-dialog"), input = byId("token-input");
    byId("token-problem").hidden = !isWrong;
    input.value = "";
    byId("token-form").addEventListener("submit", () => {
      sessionStorage.setItem(kept, input.value.trim());
      asking = null;
      resolve();
    }, { once: true });
    if (!dialog.open) dialog.showModal();
    input.focus();
  });
  return asking;
}

const wait = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, 1000 * seconds);
  signal?.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(signal.reason);
  }, { once: true });
});

// Asks until there is an answer that more asking would not change.
async function ask(path, { method = "GET", body, kind = "application/json", signal, onBusy } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const headers = {}, token = sessionStorage.getItem(kept);
    if (body !== undefined) headers["Content-Type"] = kind;
    if (token !== null) headers.Authorization = `Bearer ${encodable(token)}`;
    let answer;
    try {
      answer = await fetch(path, { method, headers, body, signal, cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal(0, t("error.gone"), "");
    }
    if (answer.ok) return answer;
    if (answer.status === 401) {
      // Meanwhile another request may have brought the right one.
      if (sessionStorage.getItem(kept) === token) await askForToken(token !== null);
      continue;
    }
    if ((answer.status === 429 || (answer.status === 503 && !willNotPass(answer))) && attempt < tries) {
      onBusy?.();
      await answer.body?.cancel();
      await wait(Math.min(5, Number(answer.headers.get("Retry-After")) || 1), signal);
      continue;
    }
    throw await refusal(answer);
  }
}

// The server says when to ask again where that may help; a proxy before it may not.
const willNotPass = (answer) => !answer.headers.has("Retry-After") && /json/.test(answer.headers.get("Content-Type"));

const encodable = (token) => token.replace(/[^!-~]/g, "");

async function refusal(answer) {
  let told = "", id = "";
  try {
    const body = await answer.json();
    told = typeof body.error === "string" ? body.error : "";
    id = body.request_id || "";
  } catch { /* not one of ours, then */ }
  const known = { 413: "error.too_long", 422: "error.refused", 429: "error.busy_long", 503: willNotPass(answer) ? "error.unable" : "error.stopping", 408: "error.stopping" };
  const key = known[answer.status] || (id ? "error.broken" : told ? "error.refused" : "error.other");
  return new Refusal(answer.status, t(key, { id, status: answer.status }), id ? "" : told);
}

export async function getJson(path, options = {}) {
  const answer = await ask(path, options);
  return answer.status === 204 ? null : readAs("json", answer);
}
export const postJson = (path, value, options = {}) => getJson(path, { ...options, method: "POST", body: JSON.stringify(value) });
export const remove = (path) => getJson(path, { method: "DELETE" });
export const getBlob = async (path) => readAs("blob", await ask(path));
export const postText = async (path, body, options) => readAs("text", await ask(path, { ...options, method: "POST", body }));

// The connection may break in the middle of an answer too.
async function readAs(form, answer) {
  try {
    return await answer[form]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, t("error.gone"), "");
  }
}

// Says what went wrong in a box, with a button where trying again may help.
export function complain(box, error, again) {
  if (error.name === "AbortError") return;
  if (!(error instanceof Refusal)) throw error;
  const parts = [Object.assign(document.createElement("strong"), { textContent: error.message })];
  if (error.told) parts.push(Object.assign(document.createElement("span"), { textContent: error.told, lang: "en", dir: "auto" }));
  if (again) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: t("error.again") });
    button.addEventListener("click", again);
    parts.push(button);
  }
  box.replaceChildren(...parts);
  box.hidden = false;
}
