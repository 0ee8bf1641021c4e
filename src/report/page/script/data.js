// The page's JSON in, insights out; what is packed (why, records, graphs) is inflated when it is asked for, and kept.

const SEVERITIES = ["critical", "high", "medium", "low"];
const TYPES = { ApiCallRateInsight: "call rate", ApiErrorRateInsight: "error rate" };
/** Minutes since 1970 of `2026-01-31T23:59:00Z`. */
const minuteOf = (text) => (text == null ? null : Date.parse(text) / 60000);

/** The report, with numbers for times and what rows are compared and searched by. */
function readReport() {
  const report = JSON.parse(byId("data").textContent);
  report.insights.forEach((insight, at) => {
    insight.at = at;
    insight.from = minuteOf(insight.from);
    insight.until = minuteOf(insight.until);
    insight.detected_at = minuteOf(insight.detected_at);
    insight.last = Math.max(minuteOf(insight.known_until), insight.from + 1);
    insight.rank = 3 - SEVERITIES.indexOf(insight.severity);
    const [now, usual] = [insight.insight_average, insight.baseline_average];
    insight.change = now == null || usual == null ? 0 : usual ? now / usual : Infinity;
    insight.silent = insight.muted_by != null || insight.told_by.length > 0;
    insight.identity = insight.principal == null ? "" : shortIdentity(insight.principal);
    const { account, region, source, name, error_code } = insight.series;
    const [identities, agents] = report.called_by[at].map((places) => places.map((place) => report.callers[place]));
    // Sessions of a role are the role, as the principal has it.
    const roles = identities.map((arn) => arn.replace(/^(arn:[^:]*:sts::\d*:assumed-role\/[^/]+)\/.*$/s, "$1"));
    insight.identities = [...new Set([...(insight.principal == null ? [] : [insight.principal]), ...roles])];
    insight.text = [...identities, ...agents, insight.id, insight.name, account, region, source, name, error_code, insight.principal,
      insight.severity, TYPES[insight.type], clock(insight.from)].join("\n").toLowerCase();
  });
  if (report.timeline) report.timeline = { from: minuteOf(report.timeline.from), to: minuteOf(report.timeline.to) };
  if (report.span) report.span = { from: minuteOf(report.span.from), to: minuteOf(report.span.to) };
  // The order of importance: that of the incidents, and within each the leading insight first, then by importance.
  report.incidents.forEach((incident, place) => {
    const members = [...incident.insights].sort((a, b) =>
      (b === incident.leading) - (a === incident.leading) ||
      report.insights[b].importance.score - report.insights[a].importance.score || a - b);
    members.forEach((at, within) => { report.insights[at].place = place + within / (members.length + 1); });
  });
  return report;
}

async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const details = new Map();
/** What is shown of one insight only: `{why, attributions, records, queries}`. */
function detailsOf(report, insight) {
  const block = Math.floor(insight.at / report.details_per_block);
  if (!details.has(block)) {
    details.set(block, inflate(report.details[block]).then((bytes) => JSON.parse(new TextDecoder().decode(bytes))));
  }
  return details.get(block).then((all) => all[insight.at % report.details_per_block]);
}

const KINDS = ["calls", "largest", "expected", "lower", "upper", "line", "floor"];
const graphs = new Map();
/** The tracks of an insight's series, by kind; null where its calls are not known. */
function tracksOf(report, insight) {
  if (insight.graph == null) return Promise.resolve(null);
  if (!graphs.has(insight.graph)) {
    const { from, to, data } = report.graphs[insight.graph];
    graphs.set(insight.graph, inflate(data).then((bytes) => tracks(bytes, minuteOf(from), minuteOf(to))));
  }
  return graphs.get(insight.graph);
}

/** See src/report/graph.rs for what the bytes are. */
function tracks(bytes, from, to) {
  let at = 0;
  const next = () => {
    let [number, scale, byte] = [0, 1, 0];
    do {
      byte = bytes[at++];
      if (byte === undefined) throw new Error("the calls of this series are cut off");
      number += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte & 0x80);
    return number;
  };
  const all = { from, to };
  for (const kind of KINDS) all[kind] = [];
  while (at < bytes.length) {
    const [kind, window, start, step, length] = [next(), next(), next(), next(), next()];
    const values = new Array(length);
    for (let i = 0, q = 0; i < length; i++) {
      const number = next();
      if (kind < 2) { values[i] = number; continue; }
      q += number % 2 ? -(number + 1) / 2 : number / 2;
      // Lines are whole totals of their window; the others are near.
      values[i] = q === 0 ? null : kind > 4 ? (q - 1) / window : (2 ** ((q - 1) / 16) - 1) / 1024;
    }
    all[KINDS[kind]]?.push({ window, start: from + start, end: from + start + step * length, step, values });
  }
  return all;
}
