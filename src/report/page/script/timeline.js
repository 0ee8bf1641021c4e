// The insights of the whole span in, a picture of when they were and how severe out, drawn by uPlot.

const LANE = 4;
/** Steps from a mark to one beside it that would cover it. */
const STACK = [0, -0.24, 0.24, -0.4, 0.4];

/** Draws the mark of a severity: its shape is that of look.css. */
function mark(ctx, severity, x, y, size) {
  ctx.beginPath();
  if (severity === "critical") { ctx.moveTo(x, y - size); ctx.lineTo(x + size, y); ctx.lineTo(x, y + size); ctx.lineTo(x - size, y); }
  else if (severity === "high") { ctx.moveTo(x, y - size); ctx.lineTo(x + size, y + size * .8); ctx.lineTo(x - size, y + size * .8); }
  else ctx.arc(x, y, size * .8, 0, 2 * Math.PI);
  ctx.closePath();
  if (severity === "low") ctx.stroke(); else ctx.fill();
}

class Timeline {
  constructor(report, shown) {
    this.report = report;
    this.span = report.timeline;
    this.insights = shown;
    this.place = byId("timeline-plot");
    this.readout = byId("timeline-readout");
    this.matching = this.readable = new Set(shown);
    this.draw();
    this.place.addEventListener("click", () => { if (this.near && !this.dragged) show({ i: this.near.id }); });
    new ResizeObserver(() => this.resize()).observe(this.place);
    onTheme.push(() => this.draw());
  }

  resize(width = this.place.clientWidth) {
    if (width > 0 && this.plot && width !== this.plot.width) this.plot.setSize({ width, height: 176 });
  }

  /** Lets only these stand out. Those of the period before that match can be read as well, though the list may leave them out. */
  highlight(insights) {
    this.matching = new Set(insights);
    this.readable = new Set([...insights, ...matching(this.report, { ...state, show: "earlier" })]);
    this.plot?.redraw(false);
  }

  draw() {
    this.plot?.destroy();
    const grid = { stroke: colour("grid"), width: 1 };
    const shared = { stroke: colour("quiet"), font: FONT, grid, ticks: { ...grid, size: 4 } };
    const { from, to } = this.span;
    const margin = Math.max((to - from) * 0.01, 5);
    this.plot = new uPlot({
      width: this.place.clientWidth || 600, height: 176, padding: [6, 12, 0, 0], legend: { show: false },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => null } },
      scales: { x: { time: true, min: (from - margin) * 60, max: (to + margin) * 60 }, y: { range: () => [-0.55, LANE - 0.45] } },
      axes: [
        { ...shared, space: 60, values: (_, splits, __, ___, step) => splits.map((at) => (step >= 86400 ? clock(at / 60).slice(5, 10) : clock(at / 60).slice(5))) },
        { ...shared, size: 62, grid: { show: false }, ticks: { show: false }, splits: () => [0, 1, 2, 3], values: () => [...SEVERITIES].reverse() },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        drawClear: [(plot) => this.lanes(plot)],
        draw: [(plot) => this.marks(plot)],
        setCursor: [(plot) => this.hover(plot)],
        setSelect: [(plot) => this.select(plot)],
      },
    }, [[from * 60, to * 60], [0, 0]], this.place);
  }

  /** A line for each severity, and a shade over what is not the period of the report. */
  lanes(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = colour("grid");
    for (let lane = 0; lane < LANE; lane++) ctx.fillRect(bbox.left, Math.round(plot.valToPos(lane, "y", true)), bbox.width, 1);
    if (this.report.span && this.report.span.from > this.span.from) {
      ctx.fillStyle = colour("low-soft");
      const until = plot.valToPos(this.report.span.from * 60, "x", true);
      ctx.fillRect(bbox.left, bbox.top, Math.max(until - bbox.left, 0), bbox.height);
    }
    ctx.restore();
  }

  marks(plot) {
    const { ctx } = plot;
    const size = 5.5 * devicePixelRatio;
    const taken = SEVERITIES.map(() => []);
    this.placed = [];
    const crowds = [];
    ctx.save();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    for (const insight of this.insights) {
      const x = plot.valToPos(insight.from * 60, "x", true);
      const end = plot.valToPos(insight.last * 60, "x", true);
      const row = taken[insight.rank];
      let at = STACK.findIndex((_, place) => !(row[place] > x));
      if (at < 0) {
        // More than a lane has room for: they are counted beside.
        at = STACK.length - 1;
        const crowd = crowds.findLast((one) => one.rank === insight.rank && x - one.x < size * 5);
        if (crowd) crowd.number++; else crowds.push({ rank: insight.rank, x, number: 1 });
      }
      row[at] = Math.max(row[at] ?? 0, x + size * 1.6);
      const y = plot.valToPos(insight.rank + STACK[at], "y", true);
      ctx.globalAlpha = this.matching.has(insight) ? 1 : this.readable.has(insight) ? 0.5 : 0.18;
      ctx.strokeStyle = ctx.fillStyle = colours[insight.severity];
      if (end - x > size) ctx.fillRect(x, y - devicePixelRatio, end - x, 2 * devicePixelRatio);
      mark(ctx, insight.severity, x, y, size);
      this.placed.push([x / devicePixelRatio - plot.bbox.left / devicePixelRatio, y / devicePixelRatio - plot.bbox.top / devicePixelRatio, insight]);
    }
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour("text");
    ctx.font = `600 ${10 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    for (const { rank, x, number } of crowds) ctx.fillText(`+${number}`, x + size * 1.5, plot.valToPos(rank + 0.18, "y", true));
    this.place.dataset.crowded = crowds.reduce((sum, { number }) => sum + number, 0);
    ctx.restore();
  }

  hover(plot) {
    const { left, top } = plot.cursor;
    this.near = null;
    if (left >= 0) {
      let best = 14 * 14;
      for (const [x, y, insight] of this.placed ?? []) {
        const distance = (x - left) ** 2 + (y - top) ** 2;
        if (distance < best && this.readable.has(insight)) { best = distance; this.near = insight; }
      }
    }
    plot.over.classList.toggle("on", this.near != null);
    if (!this.near) {
      this.readout.replaceChildren(el("span", { class: "quiet" }, "Point to an insight to read it, click to open it; drag to show only that time."));
      return;
    }
    this.readout.replaceChildren(severityOf(this.near), ` ${clock(this.near.from)} `, alien(this.near.name, "b"), " ", alien(`${this.near.series.account} ${this.near.series.region}`),
      this.near.earlier && " (period before)");
  }

  select(plot) {
    const { left, width } = plot.select;
    this.dragged = width >= 4;
    // The click that ends the drag comes after this.
    setTimeout(() => { this.dragged = false; });
    if (width < 4) return;
    const [from, to] = [left, left + width].map((at) => Math.round(plot.posToVal(at, "x") / 60));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    show({ from: clock(from).replace(" ", "T"), to: clock(to).replace(" ", "T"), i: "" });
    byId("insights").scrollIntoView();
  }
}

const colours = {};
function readColours() {
  for (const severity of SEVERITIES) colours[severity] = colour(severity);
}
