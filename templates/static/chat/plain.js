// Text as people should see it.

// Characters that turn the direction of what follows, or hide: they could show a person something
// else than what is sent. Joiners of scripts and of emoji stay.
const HIDING =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

export const visible = (text) =>
  String(text).replace(/\r\n?/g, "\n").replace(HIDING, (char) =>
    `[U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);

const SHORT = /\b(api|crm|icp|id|llm|ssic|uen|url|us)\b/gi;

// "find_companies" -> "Find companies", "uen" -> "UEN".
export const inWords = (name) => {
  const words = visible(name).replace(/[_-]+/g, " ").trim()
    .replace(SHORT, (short) => short.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export const shorten = (text, most) =>
  [...text].length > most ? `${[...text].slice(0, most - 1).join("").trimEnd()}…` : text;

// The words of a message's content, which is text or a list of blocks.
export const wordsOf = (content) => {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((block) => {
    if (typeof block === "string") return block;
    if (block?.type === "text") return String(block.text ?? "");
    const name = block?.metadata?.name ?? block?.metadata?.filename ?? "";
    return `(${block?.type ?? "attachment"}${name ? ` ${name}` : ""})`;
  }).join("\n");
};
