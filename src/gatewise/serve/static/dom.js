// Elements, made without markup in strings: a text is never read as HTML.

export const byId = (id) => document.getElementById(id);

export function el(name, attributes = {}, ...children) {
  const element = name.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [kind, act] of Object.entries(value)) element.addEventListener(kind, act);
    else if (key === "style") for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  element.hidden = false;
}

export function hide(...elements) {
  for (const element of elements) {
    element.hidden = true;
    element.replaceChildren();
  }
}

// Any language may stand in the data, whatever that of the page.
export const data = (text, name = "span", attributes = {}) => el(name, { dir: "auto", ...attributes }, String(text));

export function debounced(wait, act) {
  let timer = 0;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(act, wait, ...values);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// A box that files can be dropped on, and the input in it.
export function acceptFiles(box, input, take) {
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  for (const kind of ["dragenter", "dragover"]) {
    box.addEventListener(kind, (event) => {
      event.preventDefault();
      box.classList.add("over-it");
    });
  }
  box.addEventListener("dragleave", () => box.classList.remove("over-it"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over-it");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
