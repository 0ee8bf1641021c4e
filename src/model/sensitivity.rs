//! The parameters of a model and a sensitivity -> the same lines, nearer or farther. Pure.
//!
//! Sensitivity `s` divides the evidence that a line asks for: the logarithm of the probability (so z by the root of s),
//! excesses over what is expected in calls, and ratios to it above 1. Every line of `s` is then at or below that of a
//! smaller one. What is learned and remembered is left as it is.
use super::Parameters;

/// The lines of `p` at sensitivity `s`.
pub(super) fn eased(p: &Parameters, s: f64) -> Parameters {
    let mut p = p.clone();
    let root = s.sqrt();
    for z in [&mut p.contextual.z, &mut p.record.z, &mut p.drop.z, &mut p.drop.short_z] {
        *z /= root;
    }
    for calls in [
        &mut p.contextual.excess,
        &mut p.record.excess,
        &mut p.errors.excess,
        &mut p.errors.share,
        &mut p.first_seen.calls,
        &mut p.first_seen.failures,
    ] {
        *calls /= s;
    }
    for ratio in [&mut p.contextual.ratio, &mut p.accepted.factor] {
        *ratio = ratio.min(1.0) + (*ratio - 1.0).max(0.0) / s;
    }
    for left in [&mut p.drop.share, &mut p.drop.flat_share] {
        *left = (1.0 - (1.0 - *left) / s).max(0.0);
    }
    p
}
