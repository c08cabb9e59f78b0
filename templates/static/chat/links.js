// Links to the web and to our own pages. Anything else stays words.
import { make } from "./dom.js";
import { visible } from "./plain.js";

// The address as a URL when it may be followed, else null. Our own pages are written with the
// installation's address (data-home) and opened where the reader is signed in.
export const followable = (address) => {
  let url;
  try { url = new URL(address, location.origin); } catch { return null; }
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  if (!isWeb || url.username || url.password) return null;
  const isOurs = url.origin === document.getElementById("chat")?.dataset.home;
  return isOurs ? new URL(url.pathname + url.search + url.hash, location.origin) : url;
};

// A link with `words` (text or nodes); where it leads out, it says where to, whatever it is called.
export const link = (address, ...words) => {
  const url = followable(address);
  if (!url) return make("span", {}, ...words);
  if (url.origin === location.origin) {
    return make("a", { class: "lg-link", href: url.href, rel: "noopener" }, ...words);
  }
  const outside = make(
    "a",
    { class: "lg-link", href: url.href, rel: "noopener noreferrer nofollow", target: "_blank" },
    ...words,
  );
  if (outside.textContent.includes(url.host)) return outside;
  return make("span", {}, outside, " ", make("span", { class: "lg-muted" }, `(${url.host})`));
};

// Whether all of `text` is one address: of the web, or of one of our pages.
export const isAddress = (text) =>
  /^(https?:\/\/|\/(admin|api)\/)[^\s<>"]+$/i.test(text) && followable(text) !== null;

// A page of the console is named by what it does: its address says nothing to a reader.
export const addressLink = (text) => {
  const url = followable(text);
  const isOurs = url.origin === location.origin;
  if (isOurs && url.pathname.startsWith("/admin/")) return link(text, "Open");
  return link(text, visible(isOurs ? url.pathname + url.search : text));
};
