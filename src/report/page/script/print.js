// The first of the insights that are shown in, their graphs for paper out: inflated while nobody waits, drawn when printing begins.

const ON_PAPER = 24;
/** Of A4 and Letter between their margins, in pixels of CSS. */
const PAPER_WIDTH = 660;

class Paper {
  constructor(report, list, graphs) {
    Object.assign(this, { report, list, graphs, place: byId("paper"), ready: new Map() });
    this.soon();
    addEventListener("beforeprint", () => this.draw());
    addEventListener("afterprint", () => this.clear());
  }

  /** Prepares what is shown now, while nobody waits. */
  soon() {
    delete document.documentElement.dataset.paper;
    const later = window.requestIdleCallback ?? ((then) => setTimeout(then, 300));
    later(() => this.prepare(this.list.shown));
  }

  /** Inflates what would be printed. */
  async prepare(shown) {
    for (const insight of shown.slice(0, ON_PAPER)) {
      if (this.list.shown !== shown) return;
      if (this.ready.has(insight)) continue;
      try {
        const [details, tracks] = await Promise.all([detailsOf(this.report, insight), tracksOf(this.report, insight)]);
        this.ready.set(insight, { details, tracks });
      } catch { /* it says so when it is opened */ }
    }
    if (this.list.shown === shown) document.documentElement.dataset.paper = this.ready.size;
  }

  draw() {
    // Some browsers ask twice.
    if (this.theme) this.clear();
    // Paper is light.
    this.theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    for (const listener of onTheme) listener();
    for (const graph of this.graphs()) graph?.resize(PAPER_WIDTH);
    // Nobody can unfold paper, or scroll it for more rows.
    const one = !byId("insight").hidden;
    this.folded = [...byId(one ? "insight" : "overview").querySelectorAll("details:not([open], .screen)")];
    for (const fold of this.folded) fold.open = true;
    if (one) return;
    this.list.growAll();
    for (const insight of this.list.shown.slice(0, ON_PAPER)) {
      const { details, tracks } = this.ready.get(insight) ?? {};
      if (!details) continue;
      const figure = el("figure", null, el("figcaption", null, severityOf(insight), " ", alien(insight.name, "b"), " ",
        alien(`${insight.series.account} ${insight.series.region}`), el("br"), alien(details.why?.text ?? "")));
      this.place.append(figure);
      if (!tracks) continue;
      const range = stretch(insight, tracks, spanFor(insight));
      const columns = samples(tracks, lineOf(tracks, insight.direction, details.why?.window_minutes), ...range);
      drawChart(figure, { insight, others: [], columns, range, log: false, width: PAPER_WIDTH, height: 150 });
    }
    const drawn = this.place.childElementCount;
    if (drawn === 0) return;
    const order = SORTS[state.sort.replace(/^-/, "")]?.[0] ?? SORTS.importance[0];
    const all = counted(this.list.shown.length, "insight");
    this.place.prepend(el("h2", null, drawn < this.list.shown.length
      ? `The first ${drawn} of ${all}, sorted by: ${order}${state.sort.startsWith("-") ? ", reversed" : ""}` : "The insights"));
  }

  clear() {
    this.place.replaceChildren();
    for (const fold of this.folded ?? []) fold.open = false;
    this.folded = null;
    document.documentElement.dataset.theme = this.theme;
    this.theme = null;
    for (const listener of onTheme) listener();
    for (const graph of this.graphs()) graph?.resize();
  }
}
