// One insight with its details in, its part of the page out.

function tile(title, value, under) {
  return el("div", null, el("dt", null, title), el("dd", null, value, under && [" ", el("small", null, under)]));
}

function tiles(insight, why) {
  const what = insight.type === "ApiErrorRateInsight" ? "failures a minute" : "a minute";
  const change_of = insight.rate_change == null ? null : `${figure(insight.rate_change)} % of usual`;
  return el("dl", { class: "tiles" },
    tile("Insight average", figure(insight.insight_average), what),
    tile("Baseline average", figure(insight.baseline_average), what),
    tile("Rate change", change(insight), change_of),
    tile("Duration", insight.until == null ? "still open" : duration(insight.duration ?? insight.until - insight.from)),
    why && tile("Chance", why.chance ?? "likely"));
}

/** Where, when and who. */
function placeOf(insight) {
  const { account, region, source, name, error_code, category } = insight.series;
  const fact = (title, ...value) => el("div", null, el("dt", null, title), el("dd", null, value));
  const until = insight.until == null ? "still open" : `until ${clock(insight.until)}`;
  return el("dl", { class: "facts" },
    fact("Unusual (UTC)", `${clock(insight.from)} ${until}`),
    fact("Account", alien(account)), fact("Region", alien(region)),
    fact("Event", alien(`${source} ${name}`)), error_code != null && fact("Error code", alien(error_code)),
    fact("Kind", `${TYPES[insight.type] ?? insight.type}, ${category === "Data" ? "data event" : "management event"}`),
    insight.principal != null && fact("Mostly by", alien(insight.principal)));
}

const RULES = {
  contextual: "more than usual at this time of day and week",
  record: "more than ever in the remembered days",
  first_seen: "never seen before",
  drop: "less than usual at this time of day and week",
};

/** Why it was flagged: the sentence, and its numbers. */
function whyOf(insight, why) {
  if (!why) {
    return [el("p", { class: "why" }, "AWS found this insight, and does not say by which rule.")];
  }
  const window = duration(why.window_minutes);
  const rows = [
    ["Rule", RULES[why.rule] ?? why.rule],
    [`Observed in ${window}`, figure(why.observed)],
    [`Expected in ${window}, at ${insight.direction === "down" ? "least" : "most"}`, figure(why.expected)],
    [insight.direction === "down" ? "Line that was undercut" : "Line that was crossed", figure(why.bound)],
    ["Chance of that many", why.chance ?? "likely"],
    why.usual_time_of_day != null && ["Usual at this time, days before", figure(why.usual_time_of_day)],
    why.usual_time_of_week != null && ["Usual at this time, weeks before", figure(why.usual_time_of_week)],
    why.largest_before != null && [`Most in ${window} before`, figure(why.largest_before)],
    why.peak && [`At its peak, ${duration(why.peak.window_minutes)} up to ${why.peak.at.slice(0, 16).replace("T", " ")}`, `${figure(why.peak.observed)}, expected ${figure(why.peak.expected)}`],
    why.accounts != null && ["Accounts with calls", figure(why.accounts)],
    ["Series is known for", duration(Math.round(why.series_age_days * 1440))],
    ["Model", `${why.model.name}, sensitivity ${figure(why.model.sensitivity)}`],
  ].filter(Boolean);
  return [
    el("p", { class: "why" }, alien(why.text)),
    el("details", { class: "more" }, el("summary", null, "In numbers"), table(null, [["What", ""], ["Number", "said"]], rows)),
  ];
}

/** An attribute's values, insight beside baseline, with the share that each added. */
function attributionOf({ title, rows }, insight) {
  const share = (percent) => {
    if (percent == null) return "–";
    const bar = el("i");
    bar.style.width = `${Math.min(Math.max(percent, 0), 100)}%`;
    return el("span", null, `${figure(percent)} %`, el("span", { class: "share", "aria-hidden": "true" }, bar));
  };
  const added = insight.direction === "down" ? "Share missing" : "Share added";
  return table(title, [["Value", ""], ["Insight", "number"], ["Baseline", "number"], [added, "number"]],
    rows.map((row) => [alien(row.value), figure(row.insight), figure(row.baseline), share(row.added)]));
}

function recordsOf(records) {
  return records.map(({ state: half, json }) => el("details", { class: "more" },
    el("summary", null, `${half} record`), copyable(`AWS record: ${half}`, readable(json))));
}

/** The others of its incident. */
function relatedOf(report, insight) {
  const incident = report.incidents[insight.incident];
  const others = incident.insights.filter((at) => at !== insight.at).map((at) => report.insights[at]);
  if (others.length === 0) return null;
  const most = 12;
  const link = (one) => el("a", { href: linkTo({ i: one.id }), "data-insight": one.id }, alien(one.name));
  const rows = others.slice(0, most).map((one) => [severityOf(one), clock(one.from), link(one), alien(`${one.series.account} ${one.series.region}`)]);
  return el("section", { class: "sheet related" },
    el("div", { class: "head" }, el("h2", null, `Same incident (${others.length} more)`),
      el("a", { href: linkTo({ ...DEFAULTS, incident: incident.id }), class: "small", "data-incident": incident.id }, "Show all in the list")),
    el("p", null, alien(incident.sentence)),
    table(null, [["Severity", ""], ["When (UTC)", ""], ["What", ""], ["Where", ""]], rows));
}

class InsightView {
  constructor(report) {
    this.report = report;
    this.place = byId("insight");
    this.graph = null;
  }

  close() {
    this.graph?.destroy();
    this.graph = null;
    this.insight = null;
    this.place.replaceChildren();
  }

  /** Shows an insight; `list` knows which is before and after it. */
  async open(insight, list) {
    this.close();
    this.insight = insight;
    const at = list.shown.indexOf(insight);
    const go = (by) => () => { const next = list.shown[at + by]; if (next) show({ i: next.id }); };
    const title = el("h1", { tabindex: -1 }, alien(insight.name));
    const graph = el("section", { class: "sheet" }, el("h2", { class: "unseen" }, "Calls a minute"));
    const rest = el("div");
    const top = el("section", { class: "sheet" }, el("div", { class: "head" },
      el("div", null, severityOf(insight), insight.silent && [" ", el("span", { class: "tag" }, insight.muted_by == null ? "told by others" : "muted")], title),
      el("div", { class: "tools" }, button("← All insights", "Back to all insights (Escape)", () => show({ i: "" })),
        el("div", { class: "group" },
          button("Previous", "Previous insight of the list (k)", go(-1), { disabled: at <= 0 }),
          button("Next", "Next insight of the list (j)", go(1), { disabled: at < 0 || at >= list.shown.length - 1 })))));
    this.place.replaceChildren(top, graph, rest);
    title.focus({ preventScroll: true });
    scrollTo(0, 0);
    let [details, tracks] = [null, null];
    try {
      [details, tracks] = await Promise.all([detailsOf(this.report, insight), tracksOf(this.report, insight)]);
    } catch (error) {
      graph.append(el("p", { class: "notice" }, `This part of the report cannot be read: ${error.message}`));
    }
    if (this.insight !== insight) return;
    const why = details?.why;
    if (insight.muted_because) top.append(el("p", { class: "quiet" }, "Muted by ", alien(insight.muted_by), ": ", alien(insight.muted_because)));
    top.append(placeOf(insight), tiles(insight, why));
    if (tracks) this.graph = new Graph(graph, this.report, insight, tracks, why?.window_minutes);
    else graph.append(el("p", { class: "none" }, "The calls of this series are not known here, so there is no graph."));
    if (details) this.fill(rest, insight, details);
    this.place.dataset.shown = insight.id;
  }

  fill(rest, insight, details) {
    const { lookup_events, athena } = details.queries;
    rest.append(
      el("section", { class: "sheet" }, el("h2", null, "Why it was flagged"), whyOf(insight, details.why)),
      el("section", { class: "sheet" }, el("h2", null, "Who, and with what"),
        details.attributions.length > 0 ? [el("p", { class: "quiet small" }, "Averages a minute while it was unusual, and in the week before."),
          el("div", { class: "shares" }, details.attributions.map((one) => el("div", null, attributionOf(one, insight))))]
          : el("p", { class: "quiet" }, "Nothing is known of callers.")),
      relatedOf(this.report, insight) ?? "",
      el("section", { class: "sheet" }, el("h2", null, "The events"),
        el("p", { class: "quiet small" }, "The calls themselves, from a minute before the start to a minute after the end:"),
        lookup_events && copyable("With the AWS command line", printableLines(lookup_events)),
        copyable("With Athena", printableLines(athena))),
      el("section", { class: "sheet" }, el("h2", null, "The AWS record"), recordsOf(details.records)));
  }
}
