// Elements. What anybody wrote only ever becomes a text node, so that none of it becomes markup.

// make("p", {class: "lg-muted", onclick: act}, "words", otherNode); empty children are left out.
export const make = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
};

export const button = (words, onclick, properties = {}) =>
  make("button", { type: "button", class: "lg-button", onclick, ...properties }, words);

// A letter of the console's icon font, which readers aloud pass over.
export const icon = (name) =>
  make("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, name);
