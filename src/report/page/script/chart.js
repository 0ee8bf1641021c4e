// Columns of samples in, a graph drawn by uPlot out: the line of calls, the usual band, the threshold, the episodes.

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif";
/** Order of uPlot's series. */
const SERIES = ["minutes", "upper", "lower", "line", "mean", "largest", "calls"];

/** A label of the axis: as exact as its place is. */
function tick(value) {
  return value >= 1000 ? grouped(String(value)) : String(Number(value.toPrecision(4)));
}

function axes() {
  const grid = { stroke: colour("grid"), width: 1 };
  const shared = { stroke: colour("quiet"), font: FONT, grid, ticks: { ...grid, size: 5 } };
  const label = (at, step, before) => {
    const text = clock(at / 60);
    const day = text.slice(5, 10);
    if (step >= 86400) return day;
    return before === day ? text.slice(11) : `${text.slice(11)}\n${day}`;
  };
  return [
    {
      ...shared,
      space: 64,
      values: (_, splits, __, ___, step) => {
        let before = null;
        return splits.map((at) => {
          const text = label(at, step, before);
          before = clock(at / 60).slice(5, 10);
          return text;
        });
      },
    },
    { ...shared, size: (_, values) => 16 + 7.2 * Math.max(3, ...(values ?? []).map((value) => (value ?? "").length)),
      values: (_, splits) => splits.map((value) => (value == null || value < 0 ? "" : tick(value))) },
  ];
}

/** Fills the episodes of the series, that of `insight` with its edges. */
function drawEpisodes(plot, insight, others) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const one of [...others, insight]) {
    const [left, right] = [one.from, one.last].map((minute) => plot.valToPos(minute * 60, "x", true));
    const width = Math.max(right - left, 3);
    ctx.fillStyle = colour("episode");
    ctx.fillRect(left, bbox.top, width, bbox.height);
    if (one !== insight) continue;
    ctx.fillStyle = colour("episode-edge");
    ctx.fillRect(left - 1, bbox.top, 1.5 * devicePixelRatio, bbox.height);
    if (one.until != null) ctx.fillRect(left + width, bbox.top, 1.5 * devicePixelRatio, bbox.height);
  }
  ctx.restore();
}

function columnsFor(columns) {
  return SERIES.map((name) => (name === "minutes" ? columns.minutes.map((minute) => minute * 60) : columns[name]));
}

/** Draws into `holder`. `of`: insight, others, columns, range, log, width, height, and what a drag and a move do. */
function drawChart(holder, of) {
  const stepped = uPlot.paths.stepped({ align: 1 });
  const faint = { points: { show: false }, paths: stepped, width: 1, spanGaps: false };
  const nothing = () => null;
  const options = {
    width: of.width,
    height: of.height,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
    cursor: {
      show: of.move != null,
      y: false,
      // A cell is drawn from its minute on to the right: what is pointed at is the cell, not the nearest minute.
      dataIdx: (plot, _, idx, x) => (idx > 0 && x < plot.data[0][idx] ? idx - 1 : idx),
      // A dot on the line of calls, and on no other.
      points: { show: (_, at) => (at === SERIES.indexOf("calls") ? document.createElement("div") : null) },
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => nothing },
    },
    scales: {
      x: { time: true, min: of.range[0] * 60, max: of.range[1] * 60 },
      y: {
        distr: of.log ? 4 : 1, asinh: 0.05,
        range: (_, __, most) => [0, most > 0 ? most * (of.log ? 1.6 : 1.08) : 1],
      },
    },
    axes: axes(),
    series: [
      {},
      { ...faint, stroke: colour("band-edge") },
      { ...faint, stroke: colour("band-edge") },
      { ...faint, stroke: colour("threshold"), width: 1.5, dash: [6, 4] },
      { ...faint, stroke: colour("threshold"), width: 1.5, dash: [1.5, 2.5] },
      { ...faint, stroke: colour("calls"), width: 1, dash: [1.5, 2.5] },
      { ...faint, stroke: colour("calls"), width: 1.75 },
    ],
    bands: [{ series: [SERIES.indexOf("upper"), SERIES.indexOf("lower")], fill: colour("band") }],
    hooks: {
      drawClear: [(plot) => drawEpisodes(plot, of.insight, of.others)],
      setCursor: of.move ? [({ cursor }) => of.move(cursor.idx == null ? null : cursor.idxs[SERIES.indexOf("calls")])] : [],
      setSelect: of.drag ? [(plot) => {
        const { left, width } = plot.select;
        if (width < 4) return;
        of.drag(plot.posToVal(left, "x") / 60, plot.posToVal(left + width, "x") / 60);
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }] : [],
    },
  };

  const plot = new uPlot(options, columnsFor(of.columns), holder);
  return plot;
}
