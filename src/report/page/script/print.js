// The most important insights in, their graphs for paper out: inflated while nobody waits, drawn when printing begins.

const ON_PAPER = 24;
/** Of A4 and Letter between their margins, in pixels of CSS. */
const PAPER_WIDTH = 660;

class Paper {
  constructor(report, list, graphs) {
    Object.assign(this, { report, list, graphs, place: byId("paper"), ready: new Map() });
    const later = window.requestIdleCallback ?? ((then) => setTimeout(then, 300));
    later(() => this.prepare());
    addEventListener("beforeprint", () => this.draw());
    addEventListener("afterprint", () => this.clear());
  }

  /** Inflates what would be printed. */
  async prepare() {
    for (const insight of this.list.shown.slice(0, ON_PAPER)) {
      if (this.ready.has(insight)) continue;
      try {
        const [details, tracks] = await Promise.all([detailsOf(this.report, insight), tracksOf(this.report, insight)]);
        this.ready.set(insight, { details, tracks });
      } catch { /* it says so when it is opened */ }
    }
    document.documentElement.dataset.paper = this.ready.size;
  }

  draw() {
    // Paper is light.
    this.theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    for (const listener of onTheme) listener();
    for (const graph of this.graphs()) graph?.resize(PAPER_WIDTH);
    if (state.i) return;
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
    const left = this.list.shown.length - this.place.childElementCount;
    this.place.prepend(el("h2", null, left > 0 ? `The ${this.place.childElementCount} most important of these insights` : "The insights"));
  }

  clear() {
    this.place.replaceChildren();
    document.documentElement.dataset.theme = this.theme;
    for (const listener of onTheme) listener();
    for (const graph of this.graphs()) graph?.resize();
  }
}
