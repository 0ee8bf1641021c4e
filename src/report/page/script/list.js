// The insights and the page's state in, the rows that match, sorted, out.

const SORTS = {
  importance: ["most important first", (a, b) => a.place - b.place],
  severity: ["severity", (a, b) => b.rank - a.rank || a.place - b.place],
  when: ["newest first", (a, b) => b.from - a.from || a.place - b.place],
  what: ["name", (a, b) => compare(a.name, b.name) || a.from - b.from],
  rate: ["calls a minute", (a, b) => b.insight_average - a.insight_average || a.place - b.place],
  usual: ["usual calls a minute", (a, b) => b.baseline_average - a.baseline_average || a.place - b.place],
  change: ["change of rate", (a, b) => compare(b.change, a.change) || b.insight_average - a.insight_average],
  lasted: ["duration", (a, b) => (b.last - b.from) - (a.last - a.from) || a.place - b.place],
  where: ["account and region", (a, b) => compare(a.series.account, b.series.account) || compare(a.series.region, b.series.region) || a.place - b.place],
  who: ["identity", (a, b) => compare(a.identity, b.identity) || a.place - b.place],
};
/** Rows that are made at once; more when they are scrolled to. */
const ROWS = 150;

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What an insight is filtered by; of some there are several. */
const VALUES = {
  severity: (insight) => insight.severity,
  type: (insight) => insight.type,
  account: (insight) => insight.series.account,
  region: (insight) => insight.series.region,
  service: (insight) => insight.series.service,
  name: (insight) => insight.series.name,
  identity: (insight) => insight.identities,
};

/** Whether it is of the kind that is asked for: of this period, and to be heard of, where nothing else is said. */
function asked(insight, which) {
  return which === "all" || (which === "earlier" ? !insight.silent : which === "silent" ? !insight.earlier : !insight.silent && !insight.earlier);
}

/** The insights that match, but for the filter `but`. */
function matching(report, of, but) {
  const words = of.q.toLowerCase().split(/\s+/).filter(Boolean);
  const [from, to] = [of.from, of.to].map((text) => (text ? Date.parse(`${text}Z`) / 60000 : NaN));
  const filters = FILTERS.filter((key) => of[key] !== "" && key !== but);
  const incident = of.incident && report.incidents.find((one) => one.id === of.incident);
  return report.insights.filter((insight) =>
    (asked(insight, of.show) || Boolean(incident)) &&
    filters.every((key) => [VALUES[key](insight)].flat().includes(of[key])) &&
    words.every((word) => insight.text.includes(word)) &&
    !(insight.last < from) && !(insight.from > to) &&
    (!of.incident || incident?.insights.includes(insight.at)));
}

class List {
  constructor(report) {
    this.report = report;
    this.body = byId("rows");
    this.rows = new Map();
    this.shown = [];
    this.at = -1;
    this.more = byId("more");
    this.more.addEventListener("click", () => this.grow());
    new IntersectionObserver(([entry]) => { if (entry.isIntersecting) this.grow(); }, { rootMargin: "800px" }).observe(this.more);
    for (const head of document.querySelectorAll("#insights th[data-sort]")) {
      head.querySelector("button").addEventListener("click", () => {
        const key = head.dataset.sort;
        show({ sort: state.sort === key ? `-${key}` : key }, true);
      });
    }
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (!row || getSelection().toString() || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      show({ i: row.dataset.id });
    });
  }

  /** Shows what matches the state. */
  update() {
    const asked = state.sort.replace(/^-/, "");
    const key = Object.hasOwn(SORTS, asked) ? asked : "importance";
    const [, order] = SORTS[key];
    this.shown = matching(this.report, state).sort(state.sort.startsWith("-") ? (a, b) => order(b, a) : order);
    this.at = -1;
    for (const head of document.querySelectorAll("#insights th[data-sort]")) {
      // Most columns have the largest first, as their names have it; texts the first of the alphabet.
      const [first, other] = ["what", "where", "who"].includes(key) ? ["ascending", "descending"] : ["descending", "ascending"];
      if (head.dataset.sort === key) head.setAttribute("aria-sort", state.sort.startsWith("-") ? other : first);
      else head.removeAttribute("aria-sort");
    }
    this.body.replaceChildren();
    this.made = 0;
    this.grow();
  }

  growAll() {
    this.grow(Infinity);
  }

  grow(rows = ROWS) {
    const next = this.shown.slice(this.made, this.made + rows);
    this.body.append(...next.map((insight) => this.row(insight)));
    this.made += next.length;
    const left = this.shown.length - this.made;
    this.more.hidden = left === 0;
    this.more.textContent = `Show more (${left} left)`;
  }

  row(insight) {
    if (!this.rows.has(insight)) this.rows.set(insight, this.make(insight));
    const row = this.rows.get(insight);
    // Its address says how the list is filtered now.
    row.querySelector("a").setAttribute("href", linkTo({ i: insight.id }));
    return row;
  }

  make(insight) {
    const { account, region } = insight.series;
    const number = (style, label, text) => el("td", { role: "cell", class: `number ${style}`, "data-label": label }, text);
    return el("tr", { role: "row", "data-id": insight.id },
      el("td", { role: "cell", class: "severity-cell" }, severityOf(insight)),
      el("td", { role: "cell", class: "when" }, clock(insight.from)),
      el("td", { role: "cell", class: "what" },
        el("a", { class: "alien" }, insight.name),
        insight.direction === "down" && [" ", el("span", { class: "tag" }, "fall")],
        insight.silent && [" ", el("span", { class: "tag" }, insight.muted_by == null ? "told by others" : "muted")],
        insight.earlier && [" ", el("span", { class: "tag" }, "period before")]),
      number("rate", "a minute", figure(insight.insight_average)),
      number("usual", "usual", figure(insight.baseline_average)),
      number("change", "change", change(insight)),
      number("lasted", "lasted", insight.until == null ? "still open" : duration(insight.until - insight.from)),
      el("td", { role: "cell", class: "where" }, alien(account), " ", alien(region)),
      el("td", { role: "cell", class: "who" }, alien(insight.identity || "–")));
  }

  /** Marks the row `by` further on, and shows it. */
  move(by) {
    if (this.shown.length === 0) return;
    this.mark(Math.min(Math.max(this.at + by, 0), this.shown.length - 1));
    const row = this.row(this.shown[this.at]);
    row.querySelector("a").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  mark(at) {
    if (this.shown[this.at]) this.row(this.shown[this.at]).classList.remove("at");
    this.at = at;
    while (this.made <= at) this.grow();
    if (this.shown[at]) this.row(this.shown[at]).classList.add("at");
  }
}
