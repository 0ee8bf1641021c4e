// An insight and its tracks in, a graph that can be zoomed, moved, read and downloaded out.

const BAND = "usual band at this time of day and week";
const HOUR = 60, DAY = 1440, WEEK = 10080;
const SPANS = [["hour", HOUR, "Hour"], ["3h", 3 * HOUR, "3 hours"], ["day", DAY, "Day"], ["week", WEEK, "Week"], ["4weeks", 4 * WEEK, "4 weeks"]];

/** The span that shows an insight of this length at first, as AWS's console chooses it. */
function spanFor(insight) {
  const minutes = insight.last - insight.from;
  if (minutes < 2 * HOUR) return "3h";
  if (minutes < 16 * HOUR) return "day";
  return minutes < 5 * DAY ? "week" : "4weeks";
}

/** The stretch that a span shows: the episode in its middle. */
function stretch(insight, tracks, span) {
  const length = SPANS.find(([name]) => name === span)[1];
  const middle = insight.last - insight.from > length ? insight.from + length / 3 : (insight.from + insight.last) / 2;
  return within(tracks, middle - length / 2, middle + length / 2);
}

/** The stretch that the fragment says; null where it says none. */
function viewed() {
  const [from, to] = state.view.split("_").map((text) => Date.parse(`${text}Z`) / 60000);
  return to > from ? [from, to] : null;
}

/** The same stretch, moved into what is known. */
function within(tracks, from, to) {
  const length = Math.min(Math.max(to - from, 10), tracks.to - tracks.from);
  const start = Math.round(Math.min(Math.max(from, tracks.from), tracks.to - length));
  return [start, Math.round(start + length)];
}

function button(text, label, click, of) {
  return el("button", { type: "button", "aria-label": label, title: label, click, ...of }, text);
}

class Graph {
  constructor(holder, report, insight, tracks, window) {
    Object.assign(this, { insight, tracks, window });
    this.others = report.insights.filter((one) => one.graph === insight.graph && one !== insight);
    this.line = lineOf(tracks, insight.direction, window);
    this.log = state.y === "log";
    this.at = null;
    this.readout = el("p", { class: "readout" });
    this.spoken = el("p", { class: "unseen", "aria-live": "polite" });
    this.place = el("div", { class: "graph", tabindex: 0, role: "group", "aria-roledescription": "graph", "aria-describedby": "graph-help" });
    this.values = el("div", { class: "data", tabindex: 0, role: "region", "aria-label": "Values of the graph" });
    this.table = el("details", { class: "more screen", toggle: () => this.fillTable() }, el("summary", null, "Values as a table"), this.values);
    holder.append(this.toolbar(), this.readout, this.place, this.keyOf(), this.spoken, this.table,
      el("p", { id: "graph-help", class: "unseen" }, "Left and right arrow: read values. Shift and arrow: move. Plus and minus: zoom. 0: back."));
    this.listen();
    this.reset();
  }

  toolbar() {
    const spans = SPANS.map(([name, , text]) => button(text, `Show ${text.toLowerCase()}`, () => this.back({ span: name }), { "data-span": name }));
    this.scale = button("Log scale", "Logarithmic scale (asinh)", () => show({ y: this.log ? "" : "log" }, true));
    this.spans = spans;
    return el("div", { class: "tools", role: "toolbar", "aria-label": "Graph" },
      el("div", { class: "group" }, spans),
      el("div", { class: "group" },
        button("+", "Zoom in", () => this.zoom(0.5)), button("−", "Zoom out", () => this.zoom(2)),
        button("◀", "Move earlier", () => this.pan(-0.25)), button("▶", "Move later", () => this.pan(0.25)),
        button("Reset", "Reset zoom", () => this.back())),
      this.scale,
      el("div", { class: "group" },
        button("PNG", "Download the graph as PNG", () => this.png()), button("CSV", "Download the values as CSV", () => this.csv())));
  }

  keyOf() {
    const line = this.line && (this.line.window > 1 ? `threshold, of the mean of ${this.line.window} min` : "threshold");
    this.key = el("ul", { class: "key" },
      el("li", { class: "k-calls" }, this.insight.type === "ApiErrorRateInsight" ? "failures a minute" : "calls a minute"),
      this.tracks.upper.length > 0 && el("li", { class: "k-band" }, BAND),
      line && el("li", { class: "k-threshold" }, line),
      this.line?.window > 1 && el("li", { class: "k-mean" }, `mean of the last ${this.line.window} min`),
      this.tracks.largest.length > 0 && el("li", { class: "k-largest" }, "most in one minute"),
      el("li", { class: "k-episode" }, "unusual"));
    return this.key;
  }

  listen() {
    this.place.addEventListener("keydown", (event) => {
      const keys = {
        ArrowLeft: () => (event.shiftKey ? this.pan(-0.25) : this.step(-1)),
        ArrowRight: () => (event.shiftKey ? this.pan(0.25) : this.step(1)),
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.back(),
      };
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    });
    this.place.addEventListener("dblclick", () => this.back());
    // The wheel alone scrolls the page; with Ctrl, or on a graph that was clicked, it zooms.
    this.place.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== this.place) return;
      event.preventDefault();
      const { left, width } = this.plot.over.getBoundingClientRect();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) { this.pan(event.deltaX / width); return; }
      if (event.deltaY === 0) return;
      this.zoom(event.deltaY < 0 ? 0.8 : 1.25, Math.min(Math.max((event.clientX - left) / width, 0), 1));
    }, { passive: false });
    let touched = null;
    this.place.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") touched = { x: event.clientX, range: this.range };
    });
    this.place.addEventListener("pointermove", (event) => {
      if (!touched || event.pointerType !== "touch") return;
      const minutes = (touched.range[1] - touched.range[0]) * (touched.x - event.clientX) / this.plot.over.clientWidth;
      this.move(touched.range[0] + minutes, touched.range[1] + minutes);
    });
    for (const name of ["pointerup", "pointercancel"]) this.place.addEventListener(name, () => { touched = null; });
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.place);
    this.redraw = () => this.draw();
    onTheme.push(this.redraw);
  }

  resize(width = this.place.clientWidth) {
    if (width > 0 && this.plot && width !== this.plot.width) this.plot.setSize({ width, height: this.height() });
  }

  /** Follows the fragment. */
  follow() {
    if ((state.y === "log") !== this.log) { this.log = state.y === "log"; this.draw(); }
    if (this.asked() !== this.span || state.view !== this.view) this.reset();
  }

  /** The span that is asked for. */
  asked() {
    return SPANS.some(([name]) => name === state.span) ? state.span : spanFor(this.insight);
  }

  /** Shows what the fragment says. */
  reset() {
    this.span = this.asked();
    this.view = state.view;
    this.go(...(viewed() ?? stretch(this.insight, this.tracks, this.span)));
  }

  /** Shows all of the span again, or of another. */
  back(changes) {
    show({ ...changes, view: DEFAULTS.view }, true);
    this.reset();
  }

  /** Shows another stretch, and lets the fragment say so once it stays: browsers do not let it change many times a second. */
  move(from, to) {
    this.go(from, to);
    this.telling = setTimeout(() => {
      this.view = this.range.map((minute) => clock(minute).replace(" ", "T")).join("_");
      show({ view: this.view }, true);
    }, 200);
  }

  zoom(by, around = 0.5) {
    const [from, to] = this.range;
    const middle = from + (to - from) * around;
    this.move(middle - (middle - from) * by, middle + (to - middle) * by);
  }

  pan(by) {
    const [from, to] = this.range;
    this.move(from + (to - from) * by, to + (to - from) * by);
  }

  go(from, to) {
    clearTimeout(this.telling);
    this.range = within(this.tracks, from, to);
    this.columns = samples(this.tracks, this.line, ...this.range);
    this.at = null;
    if (this.plot) {
      this.plot.batch(() => {
        this.plot.setData(columnsFor(this.columns), false);
        this.plot.setScale("x", { min: this.range[0] * 60, max: this.range[1] * 60 });
      });
    } else this.draw();
    const spanned = SPANS.find(([name]) => name === this.span);
    const asked = stretch(this.insight, this.tracks, this.span);
    const same = spanned && asked[0] === this.range[0] && asked[1] === this.range[1];
    for (const one of this.spans) one.setAttribute("aria-pressed", String(Boolean(same) && one.dataset.span === this.span));
    for (const [style, column] of [["k-largest", "largest"], ["k-mean", "mean"]]) {
      const item = this.key.querySelector(`.${style}`);
      if (item) item.hidden = this.columns[column].every((value) => value == null);
    }
    const band = this.key.querySelector(".k-band");
    if (band) band.textContent = this.columns.band === 1 ? BAND : `${BAND}, of means over ${duration(this.columns.band)}`;
    this.place.dataset.step = this.columns.step;
    this.place.dataset.from = this.range[0];
    this.place.dataset.to = this.range[1];
    this.place.setAttribute("aria-label", this.summary());
    this.tell();
    if (this.table.open) this.fillTable();
  }

  height() {
    return innerWidth < 600 ? 260 : 320;
  }

  draw() {
    this.plot?.destroy();
    this.scale.setAttribute("aria-pressed", String(this.log));
    this.plot = drawChart(this.place, {
      insight: this.insight, others: this.others, columns: this.columns, range: this.range, log: this.log,
      width: this.place.clientWidth || 600, height: this.height(),
      drag: (from, to) => this.move(from, to),
      move: (at) => { this.at = at ?? null; this.tell(); },
    });
  }

  step(by) {
    const last = this.columns.minutes.length - 2;
    const unset = by > 0 ? this.columns.minutes.findIndex((minute) => minute >= this.insight.from) : last;
    this.at = this.at == null ? unset : this.at + by;
    this.at = Math.min(Math.max(this.at, 0), last);
    const at = this.at;
    this.plot.setCursor({ left: this.plot.valToPos((this.columns.minutes[at] + this.columns.step / 2) * 60, "x"), top: 20 });
    this.at = at;
    this.tell();
    this.spoken.textContent = this.readout.textContent;
  }

  /** Says what is under the cursor, or what is shown at all. */
  tell() {
    const { minutes, step } = this.columns;
    if (this.at == null || this.at >= minutes.length - 1) {
      const of = step === 1 ? "minute by minute" : `in steps of ${duration(step)}`;
      this.readout.replaceChildren(el("span", { class: "quiet" },
        `${clock(this.range[0])} to ${clock(this.range[1])} UTC, ${of}. Drag to zoom; point to read values.`));
      return;
    }
    const value = (name) => this.columns[name][this.at];
    const parts = [step === 1 ? `${figure(value("calls"))} in this minute` : `${figure(value("calls"))} a minute over ${duration(step)}`];
    if (value("calls") == null) parts[0] = "not known";
    if (value("largest") != null) parts.push(`at most ${figure(value("largest"))} in one minute`);
    if (value("mean") != null) parts.push(`${figure(value("mean"))} a minute over the last ${this.line.window}`);
    if (value("upper") != null) parts.push(`usual ${figure(nearly(value("lower")))} to ${figure(nearly(value("upper")))}`);
    if (value("line") != null) parts.push(`threshold ${figure(value("line"))}`);
    const inside = [this.insight, ...this.others].find((one) => minutes[this.at] + step > one.from && minutes[this.at] < one.last);
    if (inside) parts.push(`unusual since ${clock(inside.from)}, ${inside.until == null ? "still open" : `for ${duration(inside.until - inside.from)}`}`);
    this.readout.replaceChildren(`${clock(minutes[this.at])} UTC: `, el("b", null, parts[0]), `; ${parts.slice(1).join("; ")}`.replace(/; $/, ""));
  }

  summary() {
    const most = this.columns.calls.reduce((a, b) => Math.max(a, b ?? 0), 0);
    return `Calls a minute from ${clock(this.range[0])} to ${clock(this.range[1])} UTC, at most ${figure(most)}; unusual from ` +
      `${clock(this.insight.from)}${this.insight.until == null ? ", still open" : ` to ${clock(this.insight.until)}`}`;
  }

  rows() {
    const { minutes, calls, largest, expected, lower, upper, line } = this.columns;
    return minutes.slice(0, -1).map((minute, at) =>
      [minute, calls[at], largest[at], ...[expected, lower, upper].map((column) => nearly(column[at])), line[at]]);
  }

  fillTable() {
    if (!this.table.open) return;
    const heads = [["Time (UTC)", ""], ["Calls a minute", "number"], ["Most in a minute", "number"], ["Expected", "number"],
      ["Usual from", "number"], ["Usual to", "number"], ["Threshold", "number"]];
    const rows = this.rows();
    const shown = rows.slice(0, 1500).map(([minute, ...numbers]) => [clock(minute), ...numbers.map(figure)]);
    const more = rows.length > shown.length ? [el("p", { class: "quiet small" }, `The first ${shown.length} of ${rows.length}; zoom in for the others, or download all as CSV.`)] : [];
    this.values.replaceChildren(...more, table(null, heads, shown));
  }

  name() {
    return `${this.insight.name}-${clock(this.insight.from)}`;
  }

  csv() {
    const { account, region, source, name, error_code } = this.insight.series;
    const heads = ["time", "minutes", "calls_a_minute", "largest_minute", "expected", "usual_from", "usual_to", "threshold",
      "account", "region", "event_source", "event_name", "error_code"];
    const rows = this.rows().map(([minute, ...numbers]) =>
      [`${clock(minute).replace(" ", "T")}:00Z`, this.columns.step, ...numbers, account, region, source, name, error_code]);
    download(new Blob([csv([heads, ...rows])], { type: "text/csv" }), `${this.name()}.csv`);
  }

  png() {
    pictureOf(this).toBlob((blob) => download(blob, `${this.name()}.png`), "image/png");
  }

  destroy() {
    clearTimeout(this.telling);
    this.resized.disconnect();
    onTheme.splice(onTheme.indexOf(this.redraw), 1);
    this.plot?.destroy();
  }
}
