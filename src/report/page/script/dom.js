// Names, attributes and text in, elements out. Text reaches the page here and nowhere else, as text.

/** Characters that hide, turn the writing direction or move a cursor: the same as `printable` of src/words.rs. */
const TREACHEROUS = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f" +
    "\\u3164\\ufeff\\uffa0\\ufe00-\\ufe0f\\ufff9-\\ufffb\\u{e0000}-\\u{e0fff}]", "gu");

/** Text that strangers chose, safe to look at. */
function printable(text) {
  return String(text).replace(TREACHEROUS, "\ufffd");
}

/** The same for text in several lines. */
function printableLines(text) {
  return String(text).split("\n").map(printable).join("\n");
}

/** An element; `of` are attributes, listeners (functions) and `class`; children are elements or texts. */
function el(name, of, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(of ?? {})) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child == null || child === false) continue;
    element.append(child instanceof Node ? child : printable(child));
  }
  return element;
}

/** Text from the logs, whose writing direction stays its own. */
function alien(text, name = "bdi") {
  return el(name, { class: "alien" }, text);
}

function byId(id) {
  return document.getElementById(id);
}

/** The severity as a shape, a colour and a word. */
function severityOf(insight) {
  return el("span", { class: `severity ${insight.severity}` }, insight.severity);
}

/** A table: column heads (`[text, class]`) and rows of cells that are texts or elements. It stays one where it is laid out otherwise. */
function table(caption, heads, rows) {
  const cell = (value, at) => el("td", { role: "cell", class: heads[at][1] }, value);
  return el("table", { role: "table" },
    caption && el("caption", null, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads.map(([text, style]) => el("th", { role: "columnheader", scope: "col", class: style }, text)))),
    el("tbody", { role: "rowgroup" }, rows.map((row) => el("tr", { role: "row" }, row.map(cell)))));
}

let toastTimer = 0;
/** Says something for a moment, to screen readers too. */
function say(text) {
  byId("toast").textContent = printable(text);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { byId("toast").textContent = ""; }, 4000);
}

/** Says something to screen readers only. */
function announce(text) {
  byId("live").textContent = printable(text);
}
