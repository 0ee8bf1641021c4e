//! Times -> the times that they come to together, and what of a time they hold. Pure.
use super::model::Span;

/// The same times in order, each minute once; those that touch are one.
#[must_use]
pub fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.from < span.to);
    spans.sort_by_key(|span| (span.from, span.to));
    spans.dedup_by(|next, before| {
        let touches = next.from <= before.to;
        if touches {
            before.to = before.to.max(next.to);
        }
        touches
    });
    spans
}

/// What of `span` is in `spans`, which are joined.
#[must_use]
pub fn within(span: Span, spans: &[Span]) -> Vec<Span> {
    let parts = spans.iter().map(|it| Span { from: it.from.max(span.from), to: it.to.min(span.to) });
    parts.filter(|part| part.from < part.to).collect()
}

/// What is both in `one` and in `other`, which are joined.
#[must_use]
pub fn in_both(one: &[Span], other: &[Span]) -> Vec<Span> {
    one.iter().flat_map(|span| within(*span, other)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Minute;

    fn spans(of: &[(i32, i32)]) -> Vec<Span> {
        let start = Minute::parse("2026-01-31T00:00:00Z").expect("a time");
        of.iter().map(|(from, to)| Span { from: start.plus(*from), to: start.plus(*to) }).collect()
    }

    #[test]
    fn a_gap_between_times_stays_one() {
        let check = |of: &[(i32, i32)], want: &[(i32, i32)]| assert_eq!(joined(spans(of)), spans(want));
        check(&[(60, 90), (0, 30), (30, 40)], &[(0, 40), (60, 90)]);
        check(&[(0, 90), (10, 20), (89, 100)], &[(0, 100)]);
        check(&[(5, 5), (9, 3)], &[]);
        let parts = |span, want: &[(i32, i32)]| {
            let span = spans(&[span])[0];
            assert_eq!(within(span, &spans(&[(0, 40), (60, 90)])), spans(want));
        };
        parts((10, 70), &[(10, 40), (60, 70)]);
        parts((0, 40), &[(0, 40)]);
        parts((40, 60), &[]);
        let both = in_both(&spans(&[(0, 40), (60, 90)]), &spans(&[(30, 70), (80, 100)]));
        assert_eq!(both, spans(&[(30, 40), (60, 70), (80, 90)]));
    }
}
