// Texts and pictures in, the clipboard or a download out.

/** Copies `text`; where the browser denies that, marks it in `shown` for the person to copy. */
async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
    return;
  } catch { /* not allowed here, such as in a page from disk: the older way may be */ }
  const area = el("textarea", { class: "unseen", readonly: true, "aria-label": "To copy" });
  area.value = text;
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  let done = false;
  try { done = document.execCommand("copy"); } catch { /* not allowed either */ }
  area.remove();
  before?.focus();
  if (!done) getSelection().selectAllChildren(shown);
  say(done ? "Copied" : "The browser does not let this page copy: it is marked, press Ctrl+C");
}

/** A block of text with a button that copies it. */
function copyable(title, text, level = "h3") {
  const shown = el("pre", { tabindex: 0, "aria-label": title });
  shown.textContent = text;
  return [
    el(level, null, title),
    el("div", { class: "copy" }, shown,
      el("button", { type: "button", "aria-label": `Copy: ${title}`, click: () => copy(text, shown) }, "Copy")),
  ];
}

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name.replace(/[^A-Za-z0-9.-]+/g, "-") });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** What spreadsheets take for the start of a formula, at the start of a cell or of what they take for one: as src/report/csv.rs. */
const FORMULA = /(^|[;\t])(\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20\u2212\ufffd])/g;

/** Rows as CSV. No cell can start a formula in a spreadsheet. */
function csv(rows) {
  const cell = (value) => {
    if (value == null) return "";
    if (typeof value === "number") return String(Number(value.toPrecision(6)));
    const text = printable(value).replace(FORMULA, "$1'$2");
    return /[",;]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** JSON in one line, with line breaks; nothing else of it changes, but that treacherous characters are written as escapes. */
function readable(json) {
  let [out, depth, quoted] = ["", 0, false];
  const line = () => `\n${"  ".repeat(depth)}`;
  for (let i = 0; i < json.length; i++) {
    const letter = json[i];
    if (quoted) {
      out += letter;
      if (letter === "\\") out += json[++i];
      else if (letter === '"') quoted = false;
    } else if (letter === '"') { quoted = true; out += letter; }
    else if ("{[".includes(letter)) {
      if ("}]".includes(json[i + 1])) out += letter + json[++i];
      else { depth++; out += letter + line(); }
    } else if ("}]".includes(letter)) { depth--; out += line() + letter; }
    else if (letter === ",") out += letter + line();
    else if (letter === ":") out += ": ";
    else if (!/\s/.test(letter)) out += letter;
  }
  const escape = (one) => [...Array(one.length).keys()]
    .map((at) => `\\u${one.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
  return out.split("\n").map((part) => part.replace(TREACHEROUS, escape)).join("\n");
}
