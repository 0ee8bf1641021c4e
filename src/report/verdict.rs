//! A report -> what it comes to, in a headline and a sentence: never that all is well where nobody looked. Pure.
use super::Report;
use super::model::{Covered, Span, Totals};
use super::spans::within;
use super::words::{open_elsewhere, time_in_words};
use crate::words::{clock, count, counted, printable};

/// Times that are named; more are counted.
const TIMES: usize = 3;

/// How much of a report's time was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of it, as far as the coverage says since when each account was.
    Whole,
    /// Parts.
    Only(Vec<Span>),
    /// Nothing: these were.
    Nothing(Vec<Span>),
    /// Nothing in all accounts of several results; each may have been judged for itself.
    Apart,
    /// Nobody can say.
    Unknown,
}

impl Reach {
    /// `judged` are joined; only of several results it may be that nobody can say what was covered.
    pub(super) fn of(span: Option<Span>, judged: Option<&[Span]>, covered: Option<&Covered>) -> Self {
        let Some(judged) = judged else { return Self::Unknown };
        if judged.is_empty() && covered.is_none() {
            return Self::Apart;
        }
        match span.map(|span| (span, within(span, judged))) {
            Some((span, parts)) if parts == [span] => Self::Whole,
            Some((_, parts)) if !parts.is_empty() => Self::Only(parts),
            _ => Self::Nothing(judged.to_vec()),
        }
    }

    fn of_report(report: &Report) -> Self {
        Self::of(report.span, report.judged.as_deref(), report.coverage.as_ref())
    }

    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Whole | Self::Unknown => "Not known".to_owned(),
            Self::Only(parts) => format!("Judged only from {}", times(parts)),
            Self::Nothing(judged) if judged.is_empty() => "Nothing could be judged yet".to_owned(),
            Self::Nothing(_) => "Not judged in this time".to_owned(),
            Self::Apart => "Not judged in all accounts".to_owned(),
        }
    }
}

/// `2026-01-31 00:00 to 2026-01-31 01:00, and 2026-02-01 00:00 to …`, as many as can be read.
fn times(spans: &[Span]) -> String {
    let mut texts: Vec<String> = spans.iter().take(TIMES).map(|span| time_in_words(*span)).collect();
    if spans.len() > TIMES {
        texts.push(counted((spans.len() - TIMES) as u64, "other time"));
    }
    texts.join(", and ")
}

/// How many there are, in a few words.
pub(super) fn number(totals: &Totals, reach: &Reach) -> String {
    match (totals.insights.now, totals.from_before + totals.noticed_later) {
        (None | Some(0), went_on @ 1..) => format!("No new insights, but {} went on", count(went_on)),
        (Some(now), _) => counted(now, "insight"),
        (None, 0) => reach.in_words(),
    }
}

/// What is told first.
pub(super) fn headline(report: &Report) -> String {
    let Totals { insights, from_before, noticed_later, muted, told_twice, .. } = &report.totals;
    match (insights.now, &report.coverage) {
        (Some(1..), _) => printable(&report.title).into_owned(),
        (_, _) if from_before + noticed_later > 0 => printable(&report.title).into_owned(),
        (None, _) => Reach::of_report(report).in_words(),
        (_, Some(covered)) if covered.judged_from.is_empty() => "Nothing could be judged yet".to_owned(),
        (_, Some(covered)) if leaves_out(covered).is_some() => "No new insights".to_owned(),
        (_, _) if muted + told_twice > 0 => "Nothing unusual but what is muted or told already".to_owned(),
        (_, Some(_)) => "Nothing unusual was found".to_owned(),
        (_, None) => "No insights".to_owned(),
    }
}

/// The sentence below it.
pub(super) fn lead(report: &Report) -> String {
    let Totals { insights, from_before, noticed_later, ended, open, muted, told_twice, .. } = &report.totals;
    let mut parts = Vec::new();
    let reach = Reach::of_report(report);
    let is_quiet = insights.now.unwrap_or_default() + from_before + noticed_later == 0;
    if is_quiet && muted + told_twice == 0 {
        parts.push(nothing_found(report, &reach));
    } else {
        let new = report.incidents.iter().filter(|it| !it.silent && !it.earlier && !it.going_on).count();
        if insights.now.is_some_and(|now| now > 0) {
            parts.push(format!("in {}", counted(new as u64, "incident")));
        }
        parts.extend(not_judged(&reach));
        if is_quiet {
            parts.extend(report.coverage.as_ref().and_then(leaves_out));
            parts.extend(doubts(report));
        }
    }
    let mut tell = |number: u64, what: &str| {
        if number > 0 {
            parts.push(format!("{} {what}", count(number)));
        }
    };
    tell(*from_before, "noticed before this time went on in it");
    tell(*ended, "of them ended in it");
    tell(*noticed_later, "had begun, and was noticed only after it");
    tell(*open, "still open");
    if let Some(before) = insights.before {
        parts.push(format!("{} in the period before", count(before)));
    }
    let more = if insights.now.is_some_and(|now| now > 0) { "more muted" } else { "muted" };
    let mut tell = |number: u64, what: &str| {
        if number > 0 {
            parts.push(format!("{} {what}", count(number)));
        }
    };
    tell(*muted, more);
    tell(*told_twice, "sums left out that only say the same");
    parts.join("; ")
}

/// What was going on, but is told of elsewhere, or nowhere.
fn leaves_out(covered: &Covered) -> Option<String> {
    open_elsewhere(covered).or_else(|| {
        let from = clock(covered.reported_from?);
        Some(format!("what was noticed before {from} is left out, though it may have gone on"))
    })
}

/// What stands in the place of incidents.
pub(super) fn nothing(report: &Report) -> &'static str {
    if Reach::of_report(report) == Reach::Whole {
        "Nothing in this period that anybody needs to hear of."
    } else {
        "No insight is known of this period."
    }
}

/// What of the time was not judged, beside what was found.
fn not_judged(reach: &Reach) -> Option<String> {
    match reach {
        Reach::Whole => None,
        Reach::Only(parts) => Some(format!("judged only from {}", times(parts))),
        Reach::Nothing(_) => Some("this time was not judged".to_owned()),
        Reach::Apart => Some("no time was judged in all accounts".to_owned()),
        Reach::Unknown => Some("nobody can say whether all of this time was judged".to_owned()),
    }
}

fn nothing_found(report: &Report, reach: &Reach) -> String {
    let young = "There is too little history to say what is usual; the next runs with more of it will";
    let covered = match (reach, &report.coverage) {
        (Reach::Only(_), _) => {
            let left_out = report.coverage.as_ref().and_then(leaves_out).map(|it| format!("; {it}"));
            return format!(
                "Nothing unusual was found there; the rest of this time was not judged{}",
                left_out.unwrap_or_default()
            );
        }
        (Reach::Nothing(_), Some(Covered { reported_from: Some(from), .. }))
            if report.span.is_some_and(|span| span.from < *from) =>
        {
            return format!("Insights before {} were left out", clock(*from));
        }
        (Reach::Nothing(judged), covered) if judged.is_empty() && covered.is_some() => {
            return young.to_owned();
        }
        (Reach::Apart, _) => return "No time was judged in all accounts of these results".to_owned(),
        (Reach::Nothing(judged), _) => return format!("What was judged is {}", times(judged)),
        (Reach::Unknown, _) => {
            return "There is no insight of this time, but nobody can say whether it was judged".to_owned();
        }
        (Reach::Whole, Some(covered)) if covered.judged_from.is_empty() => return young.to_owned(),
        (Reach::Whole, None) => return "There is no insight of this time, which was judged".to_owned(),
        (Reach::Whole, Some(covered)) => covered,
    };
    if let Some(left_out) = leaves_out(covered) {
        let parts = ["Nothing else was noticed".to_owned(), left_out].into_iter().chain(doubts(report));
        return parts.collect::<Vec<_>>().join("; ");
    }
    if !report.notices.is_empty() {
        return "Nothing in what was judged; but much came too late to be judged".to_owned();
    }
    let young = young_accounts(report);
    let could = match (is_all_read(report), &young) {
        (true, None) => return "Every API that was watched kept to its rhythm".to_owned(),
        (false, None) => {
            return "In what could be read, every API that was watched kept to its rhythm".to_owned();
        }
        (true, Some(_)) => "judged",
        (false, Some(_)) => "read and judged",
    };
    let young = young.unwrap_or_default();
    format!("In what could be {could}, every API that was watched kept to its rhythm; {young}")
}

/// Whether nothing of the report's time is known to be unread.
fn is_all_read(report: &Report) -> bool {
    // What other runs could not read is not known.
    let is_of_run =
        report.coverage_of.is_none_or(|of| report.span.is_some_and(|it| within(it, &[of]) == [it]));
    let is_read = report.coverage.as_ref().is_none_or(|covered| covered.skipped.is_empty());
    is_of_run && is_read && report.unread.is_empty()
}

/// That accounts were not judged, or only in a part of the report's time, where there are such.
fn young_accounts(report: &Report) -> Option<String> {
    let covered = report.coverage.as_ref()?;
    let first = report.span.map(|span| span.from);
    let later = covered.judged_from.iter().filter(|it| Some(it.from) > first).count();
    let number = (covered.warming_up.len() + later) as u64;
    let have = if number == 1 { "has" } else { "have" };
    let accounts = counted(number, "account");
    (number > 0).then(|| format!("{accounts} {have} too little history for all of this time"))
}

/// What makes it less certain that there was nothing else.
fn doubts(report: &Report) -> impl Iterator<Item = String> {
    let late = (!report.notices.is_empty()).then(|| "much came too late to be judged".to_owned());
    let unread = (!is_all_read(report)).then(|| "not all is known to be read".to_owned());
    [late, unread, young_accounts(report)].into_iter().flatten()
}

/// Whether so much came too late to be judged that what is found depends on it. AWS delivers 99 of 100 records within 9
/// minutes: more than twice the rest is not its doing.
#[must_use]
pub const fn much_is_late(late: u64, counted: u64) -> bool {
    late.saturating_mul(50) > counted
}

/// That much came too late, where it did.
pub(super) fn late(covered: &Covered) -> Option<String> {
    let (late, all) = (covered.late?, covered.counted?);
    much_is_late(late, all).then(|| {
        format!(
            "Much is late: {} of {} came after their minute had settled and were not judged, so insights may be missing; a \
             larger --settle waits longer",
            count(late),
            counted(all, "call")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::{JudgedFrom, Skipped};
    use crate::report::{Made, report};
    use crate::time::Minute;

    fn span(from: i32, to: i32) -> Span {
        let start = Minute::parse("2026-01-31T00:00:00Z").expect("a time");
        Span { from: start.plus(from), to: start.plus(to) }
    }

    #[test]
    fn nothing_is_said_to_be_well_where_nobody_looked() {
        let check = |asked: Span, judged: Option<Vec<Span>>, late: u64, head: &str, said: &str| {
            let judged_from = vec![JudgedFrom { account: "111122223333".to_owned(), from: span(0, 1).from }];
            let coverage =
                Covered { judged_from, counted: Some(100), late: Some(late), ..Covered::default() };
            let made = Made { span: Some(asked), judged, coverage: Some(coverage), ..Made::default() };
            let report = report(made);
            assert_eq!(headline(&report), head);
            assert_eq!(lead(&report), said);
            assert_eq!(report.totals.insights.now, (head == "Nothing unusual was found").then_some(0));
            assert_eq!(report.notices.len(), usize::from(late > 2));
        };
        let (well, nothing) = ("Every API that was watched kept to its rhythm", "Nothing unusual was found");
        let all = || Some(vec![span(0, 60)]);
        check(span(0, 60), all(), 2, nothing, well);
        check(span(0, 60), Some(vec![span(20, 90), span(-9, 20)]), 0, nothing, well);
        let late = "Nothing in what was judged; but much came too late to be judged";
        check(span(0, 60), all(), 3, nothing, late);
        let unknown = "There is no insight of this time, but nobody can say whether it was judged";
        check(span(0, 60), None, 0, "Not known", unknown);
        let young = "There is too little history to say what is usual; the next runs with more of it will";
        check(span(0, 60), Some(Vec::new()), 0, "Nothing could be judged yet", young);
        let part = "Nothing unusual was found there; the rest of this time was not judged";
        check(
            span(0, 60),
            Some(vec![span(9, 90)]),
            0,
            "Judged only from 2026-01-31 00:09 to 2026-01-31 01:00",
            part,
        );
        let other = "What was judged is 2026-01-31 01:00 to 2026-01-31 02:00";
        check(span(0, 60), Some(vec![span(60, 120)]), 0, "Not judged in this time", other);
        // Between two times that were judged.
        let gap =
            "Judged only from 2026-01-31 00:00 to 2026-01-31 00:20, and 2026-01-31 00:40 to 2026-01-31 01:00";
        check(span(0, 60), Some(vec![span(-50, 20), span(40, 120)]), 0, gap, part);
        let around = "What was judged is 2026-01-30 23:10 to 2026-01-31 00:00, and 2026-01-31 01:00 to 2026-01-31 02:00";
        let both = Some(vec![span(-50, 0), span(60, 120)]);
        check(span(0, 60), both, 0, "Not judged in this time", around);
    }

    #[test]
    fn what_is_muted_hides_no_doubt() {
        let skipped =
            |number: usize| vec![Skipped { what: String::new(), why: String::new(), records: 0 }; number];
        let check = |change: fn(&mut Covered), unread: usize, head: &str, said: &str| {
            let judged_from = vec![JudgedFrom { account: "111122223333".to_owned(), from: span(0, 1).from }];
            let mut coverage =
                Covered { judged_from, counted: Some(100), late: Some(0), ..Covered::default() };
            change(&mut coverage);
            let made = Made {
                span: Some(span(0, 60)),
                judged: Some(vec![span(-60, 60)]),
                coverage: Some(coverage),
                unread: skipped(unread),
                ..Made::default()
            };
            let mut report = report(made);
            report.totals.muted = 1;
            assert_eq!((headline(&report).as_str(), lead(&report).as_str()), (head, said));
        };
        let muted = "Nothing unusual but what is muted or told already";
        let before = "0 in the period before; 1 muted";
        check(|_| {}, 0, muted, before);
        check(|it| it.late = Some(9), 0, muted, &format!("much came too late to be judged; {before}"));
        check(|_| {}, 1, muted, &format!("not all is known to be read; {before}"));
        let young = "1 account has too little history for all of this time";
        check(|it| it.judged_from[0].from = span(9, 60).from, 0, muted, &format!("{young}; {before}"));
        let open = "1 insight of earlier runs, not in these results, still open";
        let all = format!("{open}; not all is known to be read; {before}");
        check(|it| it.open_elsewhere = 1, 1, "No new insights", &all);
    }
}
