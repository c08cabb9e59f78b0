// The inside of a line of Markdown as nodes: emphasis, code, links. No pictures: they become links.
import { make } from "./dom.js";
import { link } from "./links.js";
import { visible } from "./plain.js";

const REACH = 2000; // characters looked ahead for an end, so that no text takes long to read
const DEEPEST = 6;
const MARKS = { "**": "strong", __: "strong", "~~": "s", "*": "em", _: "em" };
const BARE = /https?:\/\/[^\s<>"'`\\]+/iy;
const isWord = (char) => /[\p{L}\p{N}_]/u.test(char ?? "");

// The nodes of `text`; inside a link (`linked`) there are no others.
export const inline = (text, depth = 0, linked = false) => {
  const nodes = [];
  let at = 0, plain = "";
  const flush = () => {
    plain.split("\n").forEach((part, number) => {
      if (number) nodes.push(make("br"));
      if (part) nodes.push(visible(part));
    });
    plain = "";
  };
  while (at < text.length) {
    const found = piece(text, at, depth, linked);
    if (found) {
      flush();
      nodes.push(found.node);
      at = found.end;
    } else {
      if (text[at] === "\\" && /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "")) at += 1;
      plain += text[at];
      at += 1;
    }
  }
  flush();
  return nodes;
};

const piece = (text, at, depth, linked) => {
  const char = text[at];
  if (char === "`") return code(text, at);
  if ("*_~".includes(char)) return depth < DEEPEST ? emphasis(text, at, depth, linked) : null;
  if (linked) return null;
  if (char === "[" || (char === "!" && text[at + 1] === "[")) return bracket(text, at, depth);
  return char === "<" || char === "h" || char === "H" ? bare(text, at) : null;
};

const code = (text, at) => {
  let marks = 1;
  while (text[at + marks] === "`") marks += 1;
  const fence = "`".repeat(marks);
  const near = text.slice(at + marks, at + marks + REACH);
  const end = near.indexOf(fence);
  if (end < 0) return null;
  const inside = near.slice(0, end).trim() || near.slice(0, end);
  return { node: make("code", {}, visible(inside)), end: at + marks + end + marks };
};

const bracket = (text, at, depth) => {
  const start = text[at] === "!" ? at + 2 : at + 1;
  const close = closing(text, start, "[", "]");
  if (close < 0 || text[close + 1] !== "(") return null;
  const end = closing(text, close + 2, "(", ")");
  if (end < 0) return null;
  const address = text.slice(close + 2, end).trim().replace(/\s.*$/s, "").replace(/^<|>$/g, "");
  const words = text.slice(start, close);
  const inside = inline(words, depth, true);
  return { node: link(address, ...(inside.length ? inside : [visible(address)])), end: end + 1 };
};

const closing = (text, from, open, close) => {
  let depth = 0;
  for (let at = from; at < text.length && at < from + REACH; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === open) depth += 1;
    else if (text[at] === close && depth-- === 0) return at;
  }
  return -1;
};

const bare = (text, at) => {
  const pointed = text[at] === "<";
  if (!pointed && isWord(text[at - 1])) return null;
  BARE.lastIndex = pointed ? at + 1 : at;
  let address = BARE.exec(text)?.[0];
  if (!address) return null;
  if (pointed) {
    const end = at + 1 + address.length;
    return text[end] === ">" ? { node: link(address, visible(address)), end: end + 1 } : null;
  }
  address = address.replace(/[.,:;!?*_~]+$/, "");
  while (address.endsWith(")") && !address.includes("(")) address = address.slice(0, -1);
  return { node: link(address, visible(address)), end: at + address.length };
};

const emphasis = (text, at, depth, linked) => {
  const two = text.slice(at, at + 2);
  const mark = MARKS[two] ? two : text[at];
  if (!MARKS[mark] || (mark[0] === "_" && isWord(text[at - 1]))) return null;
  const start = at + mark.length;
  if (!text[start] || /\s/.test(text[start])) return null;
  const near = text.slice(start, start + REACH);
  let end = near.indexOf(mark, 1);
  while (end > 0 && !closes(near, end, mark)) end = near.indexOf(mark, end + 1);
  if (end < 0) return null;
  const node = make(MARKS[mark], {}, ...inline(near.slice(0, end), depth + 1, linked));
  return { node, end: start + end + mark.length };
};

const closes = (near, end, mark) => {
  if (/\s/.test(near[end - 1])) return false;
  const after = near[end + mark.length];
  if (mark.length === 1 && (after === mark || near[end - 1] === mark)) return false;
  return mark[0] !== "_" || !isWord(after);
};
