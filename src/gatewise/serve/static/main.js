// Which view is shown, of which model, in which language.

import { complain, getJson } from "./api.js";
import { startCorrect } from "./correct.js";
import { byId, el, hide } from "./dom.js";
import { startFile } from "./file.js";
import { startModel } from "./model.js";
import { startTry } from "./try.js";
import { currentLanguage, loadWords, t } from "./words.js";

const views = ["try", "file", "correct", "model"];
const started = {};
const shelf = { models: [], limits: {}, chosen: null, refresh: () => loadModels() };

function viewOf(address) {
  const [name, ...rest] = address.replace(/^#/, "").split("/");
  return views.includes(name) ? [name, rest] : ["try", []];
}

function show(byUser) {
  if (location.hash === "#main") { // the link that skips the navigation
    byId("main").focus();
    history.replaceState(null, "", address);
    return;
  }
  const [name, rest] = viewOf(location.hash);
  current = name;
  address = location.hash || `#${name}`;
  for (const view of views) {
    byId(`view-${view}`).hidden = view !== name;
    const link = byId(`nav-${view}`);
    if (view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${t(`nav.${name}`)} · gatewise`;
  started[name]?.shown?.(rest);
  if (byUser) {
    scrollTo(0, 0);
    byId(`h-${name}`).focus({ preventScroll: true });
  }
}
let current = "try", address = "#try";

async function loadModels() {
  const banner = byId("banner");
  try {
    const told = await getJson("/v1/models");
    Object.assign(shelf, told);
    hide(banner);
  } catch (error) {
    complain(banner, error, loadModels);
    return;
  }
  const box = byId("model-choice");
  const before = shelf.chosen?.name ?? sessionStorage.getItem("gatewise.model");
  shelf.chosen = shelf.models.find((model) => model.name === before) || shelf.models[0];
  box.replaceChildren(...shelf.models.map((model) => el("option", { value: model.name }, model.name)));
  box.value = shelf.chosen.name;
  byId("model-choice-box").hidden = shelf.models.length < 2;
  for (const view of Object.values(started)) view.modelChanged?.();
}

async function begin() {
  try {
    await loadWords();
  } catch {
    byId("banner").textContent = "The server cannot be reached.";
    byId("banner").hidden = false;
    return;
  }
  byId("language-choice").value = currentLanguage();
  byId("language-choice").addEventListener("change", async (event) => {
    try {
      await loadWords(event.target.value);
    } catch {
      event.target.value = currentLanguage();
      return;
    }
    for (const view of Object.values(started)) view.languageChanged?.();
    document.title = `${t(`nav.${current}`)} · gatewise`;
  });
  byId("model-choice").addEventListener("change", (event) => {
    shelf.chosen = shelf.models.find((model) => model.name === event.target.value);
    sessionStorage.setItem("gatewise.model", shelf.chosen.name);
    for (const view of Object.values(started)) view.modelChanged?.();
  });
  Object.assign(started, {
    try: startTry(shelf), file: startFile(shelf), correct: startCorrect(shelf), model: startModel(shelf),
  });
  addEventListener("hashchange", () => show(true));
  show(false);
  await loadModels();
  document.documentElement.dataset.ready = "yes";
}

// A mistake of ours must not look like an answer that takes long.
for (const kind of ["error", "unhandledrejection"]) {
  addEventListener(kind, () => {
    byId("banner").textContent = t("error.page");
    byId("banner").hidden = false;
  });
}
begin();
