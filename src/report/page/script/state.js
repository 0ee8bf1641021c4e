// The URL's fragment in, what is shown out, and back: whoever has the link sees the same.

const DEFAULTS = {
  q: "", severity: "", type: "", account: "", region: "", service: "", name: "", identity: "", incident: "",
  from: "", to: "", show: "", sort: "importance", i: "", span: "", y: "", view: "",
};
/** What is about the graph of the open insight. */
const OF_GRAPH = ["i", "span", "y", "view"];
/** What narrows the list. */
const FILTERS = ["severity", "type", "account", "region", "service", "name", "identity"];

let state = { ...DEFAULTS };
let written = null;
let onChange = () => {};

function readState() {
  const read = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, read.get(key) ?? DEFAULTS[key]]));
}

/** The fragment of a state. */
function fragment(of) {
  const write = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) if (of[key] !== DEFAULTS[key]) write.set(key, of[key]);
  return `#${write}`;
}

/** What is shown now, but for `changes`. What a graph was zoomed to is about that insight only. */
function changed(changes) {
  const other = "i" in changes && changes.i !== state.i;
  return { ...state, ...(other ? { view: DEFAULTS.view } : null), ...changes };
}

/** The fragment of what is shown now, but for `changes`. */
function linkTo(changes) {
  return fragment(changed(changes));
}

/** Shows something else. With `replace`, going back does not stop here. */
function show(changes, replace) {
  const before = state;
  state = changed(changes);
  const target = fragment(state);
  if (target !== (location.hash || "#")) {
    written = target;
    if (replace) location.replace(target); else location.hash = target;
  }
  onChange(before);
}

function followState(listener) {
  onChange = listener;
  state = readState();
  addEventListener("hashchange", () => {
    if (location.hash === written) { written = null; return; }
    written = null;
    const before = state;
    state = readState();
    onChange(before);
  });
}
