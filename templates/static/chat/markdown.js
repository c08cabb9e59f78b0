// Markdown as nodes: paragraphs, headings, lists, quotes, tables, code. Raw HTML stays words.
import { make } from "./dom.js";
import { inline } from "./inline.js";
import { visible } from "./plain.js";

const LONGEST = 100000; // characters; more is shown as it came
const DEEPEST = 6; // lists in lists, quotes in quotes
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)]) +(?=\S)/;
const CELLS_BELOW = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

export const markdown = (text) => {
  const box = make("div", { class: "lg-chat-prose", dir: "auto" });
  if (text.length > LONGEST) box.append(make("pre", {}, visible(text)));
  else box.append(...blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0));
  return box;
};

const blocks = (lines, depth) => {
  const nodes = [];
  for (let at = 0; at < lines.length;) {
    const found = blank(lines, at) ?? fence(lines, at) ?? heading(lines, at) ?? rule(lines, at)
      ?? quote(lines, at, depth) ?? list(lines, at, depth) ?? table(lines, at)
      ?? paragraph(lines, at);
    if (found.node) nodes.push(found.node);
    at = found.end;
  }
  return nodes;
};

const blank = (lines, at) => (lines[at].trim() ? null : { end: at + 1 });

const fence = (lines, at) => {
  const mark = FENCE.exec(lines[at])?.[1];
  if (!mark) return null;
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end += 1;
  const inside = lines.slice(at + 1, end).join("\n");
  const node = make("pre", { class: "lg-scroll", tabindex: "0" }, make("code", {}, visible(inside)));
  return { node, end: end + 1 };
};

const heading = (lines, at) => {
  const found = HEADING.exec(lines[at]);
  if (!found) return null;
  const level = Math.min(found[1].length + 2, 6); // the page has a first and second level of its own
  return { node: make(`h${level}`, {}, ...inline(found[2].replace(/\s#+\s*$/, ""))), end: at + 1 };
};

const rule = (lines, at) => (RULE.test(lines[at]) ? { node: make("hr"), end: at + 1 } : null);

const quote = (lines, at, depth) => {
  if (!QUOTE.test(lines[at]) || depth >= DEEPEST) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { node: make("blockquote", {}, ...blocks(inside, depth + 1)), end };
};

const list = (lines, at, depth) => {
  const first = ITEM.exec(lines[at]);
  if (!first || depth >= DEEPEST) return null;
  const isNumbered = /\d/.test(first[2]);
  const properties = isNumbered ? { start: String(parseInt(first[2], 10)) } : {};
  const node = make(isNumbered ? "ol" : "ul", properties);
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || item[1].length > first[1].length + 1 || /\d/.test(item[2]) !== isNumbered) break;
    const inside = [lines[end].slice(item[0].length)];
    end += 1;
    while (end < lines.length && belongs(lines, end, item[1].length)) {
      inside.push(lines[end].slice(Math.min(item[0].length, indent(lines[end]))));
      end += 1;
    }
    node.append(make("li", {}, ...tight(blocks(inside, depth + 1))));
  }
  return { node, end };
};

const indent = (line) => /^ */.exec(line)[0].length;

// Whether a line goes on with the item above: it is further in, or an empty one before such.
const belongs = (lines, at, least) => {
  const line = lines[at].trim() ? lines[at] : lines[at + 1] ?? "";
  return indent(line) > least + 1 && line.trim() !== "";
};

// An item's first paragraph without its box, so that short items stand close together.
const tight = (nodes) =>
  (nodes[0]?.tagName === "P" ? [...nodes[0].childNodes, ...nodes.slice(1)] : nodes);

const table = (lines, at) => {
  const isTable = lines[at].includes("|") && CELLS_BELOW.test(lines[at + 1] ?? "")
    && lines[at + 1].includes("-");
  if (!isTable) return null;
  const names = cells(lines[at]);
  if (cells(lines[at + 1]).length !== names.length) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) end += 1;
  const rows = lines.slice(at + 2, end).map((line) => cells(line).slice(0, names.length));
  const row = (tag, line) => make("tr", {}, line.map((cell) => make(tag, {}, ...inline(cell))));
  const node = make("table", { class: "lg-table" }, make("thead", {}, row("th", names)),
    make("tbody", {}, rows.map((line) => row("td", line))));
  return { node: make("div", { class: "lg-scroll", tabindex: "0" }, node), end };
};

const cells = (line) =>
  line.trim().replace(/^\|/, "").replace(/\|$/, "").split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

const paragraph = (lines, at) => {
  let end = at + 1;
  const starts = (line) => FENCE.test(line) || HEADING.test(line) || QUOTE.test(line)
    || ITEM.test(line) || RULE.test(line);
  while (end < lines.length && lines[end].trim() && !starts(lines[end])) end += 1;
  const text = lines.slice(at, end).map((line) => line.trim()).join("\n");
  return { node: make("p", {}, ...inline(text)), end };
};
