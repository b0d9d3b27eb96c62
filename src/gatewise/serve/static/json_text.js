// A JSON object as it is written: what JavaScript would change on reading it stays.

const marks = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/g;

// The keys of an object that JSON.parse could read: name, from where to where it stands, and where
// its value ends.
export function keysOf(text) {
  const keys = [], open = []; // of what is open: the names in an object; null in a list
  let isTwice = false, mayBeKey = false;
  for (const { 0: mark, index } of text.matchAll(marks)) {
    if (open.length === 1 && keys.length && (mark === "," || mark === "}")) keys.at(-1).end = index;
    if (mark === "{" || mark === "[") open.push(mark === "{" ? new Set() : null);
    else if (mark === "}" || mark === "]") open.pop();
    else if (mark !== "," && mayBeKey) {
      const name = JSON.parse(mark), names = open.at(-1);
      isTwice ||= names.has(name);
      names.add(name);
      if (open.length === 1) keys.push({ name, from: index, to: index + mark.length });
    }
    mayBeKey = (mark === "{" || mark === ",") && Boolean(open.at(-1));
  }
  return { keys, isTwice };
}

// What stands behind a key, without the colon.
export const writtenAt = (text, { to, end }) => text.slice(to, end).replace(/^\s*:/, "").trim();

// The object with other names for some of its keys, and more members behind its own.
export function withMembers(text, keys, nameOf, members) {
  let told = "", place = 0;
  for (const { name, from, to } of keys) {
    const wanted = nameOf(name);
    if (wanted === name) continue;
    told += text.slice(place, from) + JSON.stringify(wanted);
    place = to;
  }
  return `${told}${text.slice(place, -1)}${keys.length ? "," : ""}${JSON.stringify(members).slice(1)}`;
}
