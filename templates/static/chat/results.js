// What a tool answered: JSON of a list or an object as a table with links, other text as Markdown.
import { button, make } from "./dom.js";
import { addressLink, isAddress } from "./links.js";
import { markdown } from "./markdown.js";
import { inWords, visible } from "./plain.js";

const ROWS = 20; // shown at first
const COLUMNS = 12;
const DEEPEST = 4;
const LONG = 300; // characters of a value shown at first
const isPlainObject = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value);

// A node for the tool's text.
export const result = (text) => {
  try {
    return valueNode(JSON.parse(text), 0);
  } catch (error) {
    if (error instanceof SyntaxError) return markdown(text);
    throw error;
  }
};

// Whether `result` shows the tool's text as a table or as facts.
export const isTable = (text) => {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
};

// Names and values, for arguments and single things.
export const facts = (thing, depth = 0) =>
  make("dl", { class: "lg-facts" }, Object.entries(thing).flatMap(([name, value]) =>
    [make("dt", {}, inWords(name)), make("dd", {}, valueNode(value, depth + 1))]));

const valueNode = (value, depth) => {
  if (value === null || value === undefined || value === "") return muted("none");
  if (typeof value === "boolean") return words(value ? "yes" : "no");
  if (typeof value === "number") return words(String(value));
  if (typeof value === "string") return textNode(value);
  if (depth >= DEEPEST) return make("code", {}, visible(JSON.stringify(value)));
  if (isPlainObject(value)) {
    return Object.keys(value).length ? facts(value, depth) : muted("nothing");
  }
  if (!value.length) return muted("nothing");
  return value.every(isPlainObject) ? tableOf(value, depth) : listOf(value, depth);
};

const words = (text) => make("span", {}, text);
const muted = (text) => make("span", { class: "lg-muted" }, text);

const textNode = (text) => {
  if (isAddress(text)) return addressLink(text);
  const shown = visible(text);
  if (shown.length <= LONG) return make("span", { class: "lg-chat-text", dir: "auto" }, shown);
  return make("details", { class: "lg-chat-text", dir: "auto" },
    make("summary", {}, `${shown.slice(0, LONG)}…`), shown);
};

const listOf = (items, depth) =>
  make("ul", { class: "lg-bullets" }, firstOf(items, (item) =>
    make("li", {}, valueNode(item, depth + 1))));

const tableOf = (rows, depth) => {
  const all = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const names = all.slice(0, COLUMNS);
  const isNumber = (name) => rows.every((row) => typeof (row[name] ?? 0) === "number");
  const kind = Object.fromEntries(names.map((name) => [name, isNumber(name) ? "lg-number" : null]));
  const line = (row) => make("tr", {}, names.map((name) =>
    make("td", { class: kind[name] }, name in row ? valueNode(row[name], depth + 1) : "")));
  const head = make("tr", {}, names.map((name) =>
    make("th", { scope: "col", class: kind[name] }, inWords(name))));
  const table = make("table", { class: "lg-table" }, make("thead", {}, head),
    make("tbody", {}, firstOf(rows, line, names.length)));
  const rest = all.length - names.length;
  return make("div", { class: "lg-chat-table lg-scroll", tabindex: "0", role: "region",
    "aria-label": `Table of ${rows.length}` }, table,
    rest > 0 && make("p", { class: "lg-help" }, `${rest} more columns are not shown.`));
};

// The first of many, and a button that puts the rest in its place.
const firstOf = (items, draw, columns = 0) => {
  const shown = items.slice(0, ROWS).map(draw);
  if (items.length <= ROWS) return shown;
  const more = button(`Show all ${items.length.toLocaleString("en")}`, () =>
    holder.replaceWith(...items.slice(ROWS).map(draw)));
  const holder = columns
    ? make("tr", {}, make("td", { colspan: columns }, more)) : make("li", {}, more);
  return [...shown, holder];
};
