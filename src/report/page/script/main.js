// The page as it was delivered in, one that answers out; how long that took stands in data-ready of the root element.

function start() {
  const report = readReport();
  performance.mark("trailpulse-read");
  onTheme.push(readColours);
  startTheme();
  for (const element of document.querySelectorAll(".live")) element.hidden = false;
  startHelp();
  // Nothing was found: the overview says so, and that is all.
  if (report.insights.length === 0) return;
  const title = document.title;
  const list = new List(report);
  const filters = new Filters(report);
  const view = new InsightView(report);
  let timeline = null;
  let paper = null;
  let scrolled = 0;

  function update(before) {
    const insight = state.i ? report.insights.find((one) => one.id === state.i) : null;
    const narrowed = before == null || Object.keys(DEFAULTS).some((key) => !OF_GRAPH.includes(key) && state[key] !== before[key]);
    if (narrowed) {
      list.update();
      filters.update(list.shown);
      timeline?.highlight(list.shown);
      paper?.soon();
    }
    if (insight && view.insight === insight) { view.graph?.follow(); return; }
    if (insight) {
      if (!view.insight) scrolled = scrollY;
      byId("overview").hidden = true;
      byId("insight").hidden = false;
      document.title = `${printable(insight.name)} – ${title}`;
      view.open(insight, list);
    } else if (view.insight || before == null) {
      const last = view.insight;
      view.close();
      byId("insight").hidden = true;
      byId("overview").hidden = false;
      document.title = title;
      if (last) {
        scrollTo(0, scrolled);
        list.mark(list.shown.indexOf(last));
        if (list.at >= 0) list.row(last).querySelector("a").focus({ preventScroll: true });
      }
    }
    if (state.i && !insight) say("This insight is not in the report");
    if (!insight && !timeline && report.timeline && byId("timeline-plot")) {
      timeline = new Timeline(report, report.insights.filter((one) => asked(one, "earlier")));
      timeline.highlight(list.shown);
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-insight], a[data-incident]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { insight, incident } = link.dataset;
    show(insight ? { i: insight } : { ...DEFAULTS, incident });
    if (incident) byId("list-title").scrollIntoView();
  });
  followState(update);
  update(null);
  startKeys(list);
  paper = new Paper(report, list, () => [timeline, view.graph]);
}

start();
performance.mark("trailpulse-ready");
// From the start of loading: reading and drawing the page included.
requestAnimationFrame(() => {
  document.documentElement.dataset.ready = String(Math.round(performance.getEntriesByName("trailpulse-ready")[0].startTime));
  document.documentElement.dataset.drawn = String(Math.round(performance.now()));
  byId("opened").textContent = `Opened in ${document.documentElement.dataset.drawn} ms.`;
});
