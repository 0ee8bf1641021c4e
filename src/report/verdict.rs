//! A report -> what it comes to, in a headline and a sentence: never that all is well where nobody looked. Pure.
use super::Report;
use super::model::{Covered, Span};
use crate::words::{clock, count, counted, printable};

/// How much of a report's time was judged, where one was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of it, as far as the coverage says since when each account was; or nobody can say.
    Whole,
    /// A part.
    Only(Span),
    /// Nothing: this was.
    Nothing(Span),
}

impl Reach {
    pub(super) fn of(span: Option<Span>, judged: Option<Span>) -> Self {
        let (Some(span), Some(judged)) = (span, judged) else { return Self::Whole };
        let part = Span { from: span.from.max(judged.from), to: span.to.min(judged.to) };
        match part {
            part if part == span => Self::Whole,
            part if part.from < part.to => Self::Only(part),
            _ => Self::Nothing(judged),
        }
    }

    pub(super) fn in_words(self) -> String {
        match self {
            Self::Whole => "Not known".to_owned(),
            Self::Only(Span { from, to }) => format!("Judged only from {} to {}", clock(from), clock(to)),
            Self::Nothing(_) => "Not judged in this time".to_owned(),
        }
    }
}

/// What is told first.
pub(super) fn headline(report: &Report) -> String {
    match (report.totals.insights.now, &report.coverage) {
        (None, _) if report.span.is_some() => Reach::of(report.span, report.judged).in_words(),
        (Some(1..), _) => printable(&report.title).into_owned(),
        (_, Some(covered)) if covered.judged_from.is_empty() => "Nothing could be judged yet".to_owned(),
        (_, Some(_)) => "Nothing unusual was found".to_owned(),
        (_, None) => "No insights".to_owned(),
    }
}

/// The sentence below it.
pub(super) fn lead(report: &Report) -> String {
    let totals = &report.totals;
    let mut parts = Vec::new();
    let reach = Reach::of(report.span, report.judged);
    if totals.insights.now.unwrap_or_default() == 0 {
        parts.push(nothing_found(report, reach));
    } else {
        let incidents = report.incidents.iter().filter(|it| !it.silent && !it.earlier).count() as u64;
        parts.push(format!("in {}", counted(incidents, "incident")));
        match reach {
            Reach::Whole => {}
            Reach::Only(Span { from, to }) => {
                parts.push(format!("judged only from {} to {}", clock(from), clock(to)));
            }
            Reach::Nothing(_) => parts.push("not all of this time was judged".to_owned()),
        }
    }
    if totals.open > 0 {
        parts.push(format!("{} still open", count(totals.open)));
    }
    if let Some(before) = totals.insights.before {
        parts.push(format!("{} in the period before", count(before)));
    }
    if totals.muted > 0 {
        parts.push(format!("{} more muted", count(totals.muted)));
    }
    if totals.told_twice > 0 {
        parts.push(format!("{} sums left out that only say the same", count(totals.told_twice)));
    }
    parts.join("; ")
}

fn nothing_found(report: &Report, reach: Reach) -> String {
    let text = match (reach, &report.coverage) {
        (Reach::Only(_), _) => "Nothing unusual was found there; the rest of this time was not judged",
        (Reach::Nothing(Span { from, to }), _) => {
            return format!("What was judged is {} to {}", clock(from), clock(to));
        }
        (Reach::Whole, Some(covered)) if covered.judged_from.is_empty() => {
            "There is too little history to say what is usual; the next runs with more of it will."
        }
        (Reach::Whole, Some(_)) if !report.notices.is_empty() => {
            "Nothing in what was judged; but much came too late to be judged."
        }
        (Reach::Whole, Some(covered)) if covered.skipped.is_empty() && report.unread.is_empty() => {
            "Every API that was watched kept to its rhythm."
        }
        (Reach::Whole, Some(_)) => "In what could be read, every API that was watched kept to its rhythm.",
        (Reach::Whole, None) => "There is nothing to tell of this time.",
    };
    text.to_owned()
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
    use crate::report::model::JudgedFrom;
    use crate::report::{Made, report};
    use crate::time::Minute;

    fn span(from: i32, to: i32) -> Span {
        let start = Minute::parse("2026-01-31T00:00:00Z").expect("a time");
        Span { from: start.plus(from), to: start.plus(to) }
    }

    #[test]
    fn nothing_is_said_to_be_well_where_nobody_looked() {
        let check = |asked: Span, judged: Option<Span>, late: u64, head: &str, said: &str| {
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
        let (well, nothing) = ("Every API that was watched kept to its rhythm.", "Nothing unusual was found");
        check(span(0, 60), None, 2, nothing, well);
        check(span(0, 60), Some(span(0, 60)), 0, nothing, well);
        let late = "Nothing in what was judged; but much came too late to be judged.";
        check(span(0, 60), None, 3, nothing, late);
        let part = "Nothing unusual was found there; the rest of this time was not judged";
        check(
            span(0, 60),
            Some(span(9, 90)),
            0,
            "Judged only from 2026-01-31 00:09 to 2026-01-31 01:00",
            part,
        );
        let other = "What was judged is 2026-01-31 01:00 to 2026-01-31 02:00";
        check(span(0, 60), Some(span(60, 120)), 0, "Not judged in this time", other);
    }
}
