"use strict";
// Names come from the archive: they are set as text and never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const make = (tag, text, className) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};
const human = (bytes) => {
  if (bytes === null) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0, value = bytes;
  while (value >= 1024 && unit + 1 < units.length) { value /= 1024; unit += 1; }
  return (unit ? value.toFixed(1) : value) + " " + units[unit];
};
const entries = data.entries.map((entry, place) => ({
  place, id: entry[0], kind: data.kinds[entry[1]], schema: entry[2] < 0 ? null : data.names[entry[2]], tag: entry[3],
  owner: entry[4] < 0 ? null : data.names[entry[4]], bytes: entry[5], needs: entry[6], defn: entry[7],
}));
const shownName = (entry) => entry.schema === null ? entry.tag : entry.schema + "." + entry.tag;
const places = new Map(entries.map((entry) => [entry.id, entry.place]));
for (const entry of entries) {
  entry.neededBy = [];
  entry.text = (entry.id + " " + entry.kind + " " + shownName(entry) + " " + (entry.owner || "")).toLowerCase();
}
for (const entry of entries) {
  for (const id of entry.needs) {
    const place = places.get(id);
    if (place !== undefined) entries[place].neededBy.push(entry.id);
  }
}

by("title").textContent = data.title;
document.title = data.title;
for (const [label, value] of data.facts) by("facts").append(make("dt", label), make("dd", value));
for (const warning of data.warnings) by("warnings").append(make("p", warning, "warning"));

// Rectangles as square as they can be (Bruls, Huizing and van Wijk).
const squarify = (items, x, y, width, height) => {
  const total = items.reduce((sum, item) => sum + item.value, 0);
  const out = [];
  let rest = items.map((item) => ({ item, area: item.value / total * width * height }));
  const worst = (row, side, sum) =>
    Math.max(...row.map(({ area }) => Math.max(side * side * area / (sum * sum), sum * sum / (side * side * area))));
  while (rest.length) {
    const side = Math.min(width, height);
    let row = [], sum = 0, best = Infinity, n = 0;
    while (n < rest.length) {
      const next = row.concat([rest[n]]), nextSum = sum + rest[n].area;
      const quality = worst(next, side, nextSum);
      if (row.length && quality > best) break;
      row = next; sum = nextSum; best = quality; n += 1;
    }
    rest = rest.slice(n);
    const thickness = sum / side || 0;
    let at = 0;
    for (const { item, area } of row) {
      const length = area / thickness || 0;
      out.push(width >= height
        ? { item, x, y: y + at, width: thickness, height: length }
        : { item, x: x + at, y, width: length, height: thickness });
      at += length;
    }
    if (width >= height) { x += thickness; width -= thickness; } else { y += thickness; height -= thickness; }
  }
  return out;
};
const hue = (text) => {
  let hash = 0;
  for (const character of text || "") hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return hash % 360;
};
const TILES = 150;
const drawMap = () => {
  const map = by("map");
  map.replaceChildren();
  const withData = data.data.map((place) => entries[place]).filter((entry) => entry.bytes > 0);
  if (!withData.length) {
    map.append(make("p", data.data.length ? "The archive does not say how large its data is." : "No data."));
    return;
  }
  const items = withData.slice(0, TILES).map((entry) => ({ entry, value: entry.bytes }));
  const others = withData.slice(TILES).reduce((sum, entry) => sum + entry.bytes, 0);
  if (others) items.push({ entry: null, value: others });
  const total = items.reduce((sum, item) => sum + item.value, 0);
  for (const box of squarify(items, 0, 0, map.clientWidth, map.clientHeight)) {
    const { entry, value } = box.item;
    const name = entry ? shownName(entry) : (withData.length - TILES) + " more";
    const label = name + ": " + human(value) + ", " + (value / total * 100).toFixed(1) + " %";
    const tile = make("button", box.width > 42 && box.height > 16 ? name + " " + human(value) : "");
    tile.type = "button";
    tile.title = label;
    tile.setAttribute("aria-label", label);
    tile.style.left = box.x + "px";
    tile.style.top = box.y + "px";
    tile.style.width = box.width + "px";
    tile.style.height = box.height + "px";
    tile.style.background = entry ? "hsl(" + hue(entry.schema) + " 45% " + (30 + entry.place % 4 * 3) + "%)" : "#666";
    tile.addEventListener("click", () => {
      if (entry) choose(entry.place, true);
      else { by("order").value = "size"; refresh(); by("list").focus(); }
    });
    map.append(tile);
  }
};

const ROW = 28;
let shown = entries.map((entry) => entry.place);
let chosen = -1;
const list = by("list"), rows = by("rows");
const draw = () => {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ROW) + 10);
  rows.style.height = shown.length * ROW + "px";
  rows.replaceChildren();
  for (let n = first; n < last; n += 1) {
    const entry = entries[shown[n]];
    const row = make("div", undefined, "row");
    row.id = "row" + entry.place;
    row.setAttribute("role", "option");
    row.setAttribute("aria-setsize", shown.length);
    row.setAttribute("aria-posinset", n + 1);
    row.setAttribute("aria-selected", entry.place === chosen);
    row.style.top = n * ROW + "px";
    row.append(make("span", entry.id, "dim right"), make("span", entry.kind, "dim"), make("span", shownName(entry)),
      make("span", human(entry.bytes), "right"));
    row.title = entry.kind + " " + shownName(entry);
    row.addEventListener("click", () => { choose(entry.place, false); });
    rows.append(row);
  }
  const active = chosen >= 0 && by("row" + chosen);
  if (active) list.setAttribute("aria-activedescendant", active.id); else list.removeAttribute("aria-activedescendant");
};
const refresh = () => {
  const words = by("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = by("kind").value;
  shown = entries.filter((entry) =>
    (kind === "" || entry.kind === data.kinds[kind]) && words.every((word) => entry.text.includes(word)))
    .map((entry) => entry.place);
  if (by("order").value === "size") shown.sort((a, b) => (entries[b].bytes || 0) - (entries[a].bytes || 0) || a - b);
  if (by("order").value === "name") {
    shown.sort((a, b) => {
      const [one, two] = [shownName(entries[a]), shownName(entries[b])];
      return one < two ? -1 : one > two ? 1 : a - b;
    });
  }
  by("count").textContent = shown.length === entries.length ? entries.length + " entries"
    : shown.length + " of " + entries.length + " entries";
  list.scrollTop = 0;
  draw();
};
const LINKS = 200;
const links = (title, ids) => {
  if (!ids.length) return;
  by("detail").append(make("h4", title + " (" + ids.length + ")"));
  for (const id of ids.slice(0, LINKS)) {
    const place = places.get(id);
    if (place === undefined) { by("detail").append(make("div", id + " (not in the archive)", "dim")); continue; }
    const entry = entries[place];
    const link = make("button", id + "  " + entry.kind + " " + shownName(entry), "link");
    link.type = "button";
    link.addEventListener("click", () => choose(place, true));
    by("detail").append(link);
  }
  if (ids.length > LINKS) by("detail").append(make("div", "and " + (ids.length - LINKS) + " more", "dim"));
};
const choose = (place, scroll) => {
  chosen = place;
  const entry = entries[place];
  if (scroll) {
    if (!shown.includes(place)) { by("search").value = ""; by("kind").value = ""; refresh(); }
    const top = shown.indexOf(place) * ROW;
    if (top < list.scrollTop || top + ROW > list.scrollTop + list.clientHeight) {
      list.scrollTop = Math.max(0, top - list.clientHeight / 2);
    }
  }
  draw();
  const detail = by("detail");
  detail.replaceChildren(make("h3", entry.kind + " " + shownName(entry)));
  const facts = make("dl");
  const fact = (label, value) => { if (value) facts.append(make("dt", label), make("dd", value)); };
  fact("Entry", String(entry.id));
  fact("Owner", entry.owner);
  fact("Data", human(entry.bytes));
  detail.append(facts);
  if (entry.defn) detail.append(make("pre", entry.defn));
  else if (!data.definitions) detail.append(make("p", "Definitions are left out of this page: there are too many.", "dim"));
  links("Needs", entry.needs);
  links("Needed by", entry.neededBy);
  detail.scrollTop = 0;
};
const counts = new Map();
for (const entry of entries) counts.set(entry.kind, (counts.get(entry.kind) || 0) + 1);
const any = make("option", "All kinds");
any.value = "";
by("kind").append(any);
data.kinds.forEach((kind, n) => {
  const option = make("option", kind + " (" + (counts.get(kind) || 0) + ")");
  option.value = n;
  by("kind").append(option);
});
list.addEventListener("scroll", draw);
list.addEventListener("keydown", (event) => {
  const at = shown.indexOf(chosen), page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: shown.length - 1 }[event.key];
  if (to === undefined || !shown.length) return;
  event.preventDefault();
  choose(shown[Math.max(0, Math.min(shown.length - 1, to))], true);
});
for (const id of ["search", "kind", "order"]) by(id).addEventListener("input", refresh);
by("search").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && shown.length) { event.preventDefault(); list.focus(); choose(shown[0], true); }
});
document.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "SELECT"].includes(document.activeElement && document.activeElement.tagName);
  if (event.key === "/" && !typing) { event.preventDefault(); by("search").focus(); by("search").select(); }
  if (event.key === "Escape") { by("search").value = ""; by("kind").value = ""; refresh(); list.focus(); }
});
let waiting = 0;
window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => { drawMap(); draw(); }, 100); });
drawMap();
refresh();
// page.html#3457 begins with that entry.
const first = places.get(Number(location.hash.slice(1)));
if (first === undefined) by("detail").append(make("p", "Choose an entry to see its definition and dependencies.", "dim"));
else choose(first, true);
