// The page's state in, the filters that show it out; what a person chooses in, the state out.

const LABELS = { severity: "Severity", type: "Type", account: "Account", region: "Region", service: "Service", name: "Name", identity: "Identity" };

/** A name for each identity: short, with its account where others have the same, whole where that does not tell them apart either. */
function identityNames(identities) {
  const names = new Map();
  const forms = [shortIdentity, (identity) => `${shortIdentity(identity)} in ${identity.split(":")[4]}`, (identity) => identity];
  for (const form of forms) {
    const numbers = new Map();
    for (const identity of identities) numbers.set(form(identity), (numbers.get(form(identity)) ?? 0) + 1);
    for (const identity of identities) if (!names.has(identity) && numbers.get(form(identity)) === 1) names.set(identity, form(identity));
  }
  return names;
}

class Filters {
  constructor(report) {
    this.report = report;
    this.search = byId("search");
    let typing = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => show({ q: this.search.value.trim() }, true), 120);
    });
    this.selects = Object.fromEntries(FILTERS.map((key) => [key, byId(`f-${key}`)]));
    this.selects.show = byId("f-show");
    this.selects.sort = byId("f-sort");
    for (const [key, select] of Object.entries(this.selects)) {
      select.addEventListener("change", () => show({ [key]: select.value }));
    }
    for (const key of ["from", "to"]) byId(`f-${key}`).addEventListener("change", (event) => show({ [key]: event.target.value }));
    // Where there is room, all are seen; the fold is for narrow screens.
    const wide = matchMedia("(min-width: 52.01rem)");
    const unfold = () => { if (wide.matches) byId("more-filters").open = true; };
    wide.addEventListener("change", unfold);
    unfold();
    byId("clear").addEventListener("click", () => this.clear());
    for (const cell of document.querySelectorAll("[data-filter]")) this.link(cell);
  }

  /** Lets a name of the overview narrow the list. */
  link(cell) {
    const { filter, value } = cell.dataset;
    const text = cell.textContent;
    const link = el("a", { href: linkTo({ [filter]: value }), click: (event) => {
      event.preventDefault();
      show({ [filter]: value, i: "" });
      byId("list-title").scrollIntoView();
    } }, alien(text));
    cell.replaceChildren(link);
  }

  clear() {
    const { sort } = state;
    show({ ...DEFAULTS, sort, i: "" });
    this.search.value = "";
  }

  /** Lists what there is to choose, with how many each would show. */
  update(shown) {
    for (const key of FILTERS) this.choices(key);
    const { show: which, sort } = this.selects;
    const number = (name) => this.report.insights.filter((insight) => asked(insight, name)).length;
    which.replaceChildren(...[["", "this period"], ["earlier", "also the period before"], ["silent", "also muted, told by others"], ["all", "everything"]]
      .map(([value, text]) => el("option", { value, selected: value === state.show }, `${text} (${number(value)})`)));
    which.value = state.show;
    which.closest("label").hidden = number("all") === number("");
    if (!sort.options.length) {
      sort.append(...Object.entries(SORTS).flatMap(([key, [text]]) => el("option", { value: key }, text)));
    }
    sort.value = state.sort.replace(/^-/, "");
    for (const select of Object.values(this.selects)) select.classList.toggle("set", select !== sort && select.value !== "");
    for (const key of ["from", "to"]) byId(`f-${key}`).value = state[key];
    if (document.activeElement !== this.search) this.search.value = state.q;
    const narrowed = [...FILTERS, "q", "from", "to", "show", "incident"].some((key) => state[key] !== "");
    byId("clear").hidden = !narrowed;
    // Of one incident, what is muted is shown too.
    const incident = this.report.incidents.find((one) => one.id === state.incident);
    const all = this.report.insights.filter((insight) => asked(insight, state.show) || incident?.insights.includes(insight.at)).length;
    const text = narrowed ? `${shown.length} of ${counted(all, "insight")}` : counted(all, "insight");
    byId("list-count").textContent = text + (state.incident ? ", one incident only" : "");
    byId("none").hidden = shown.length > 0;
    if (shown.length === 0) byId("none").replaceChildren(...(narrowed ? ["No insight matches these filters."] : this.elsewhere()));
    announce(text);
  }

  /** What there is where the list has nothing, though nothing narrows it. */
  elsewhere() {
    const number = (name) => this.report.insights.filter((insight) => asked(insight, name)).length;
    const link = (name, text) => number(name) > 0 && el("a", { href: linkTo({ show: name }) }, `${grouped(String(number(name)))} ${text}`);
    const links = [link("earlier", "in the one before"), link("silent", "muted, or told by others")].filter(Boolean);
    return ["None in this period", ...links.flatMap((one) => [", ", one]), "."];
  }

  choices(key) {
    const numbers = new Map();
    for (const insight of matching(this.report, state, key)) {
      for (const value of [VALUES[key](insight)].flat()) if (value !== "") numbers.set(value, (numbers.get(value) ?? 0) + 1);
    }
    if (state[key] && !numbers.has(state[key])) numbers.set(state[key], 0);
    const values = [...numbers].sort(key === "severity"
      ? ([a], [b]) => SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b)
      : ([a], [b]) => compare(a, b));
    const names = key === "identity" ? identityNames(values.map(([value]) => value)) : null;
    const text = (value) => (key === "type" ? TYPES[value] : names?.get(value)) ?? value;
    const select = this.selects[key];
    select.replaceChildren(el("option", { value: "" }, "all"),
      ...values.map(([value, number]) => el("option", { value, selected: value === state[key] }, `${printable(text(value)).slice(0, 80)} (${number})`)));
    select.value = state[key];
  }
}
