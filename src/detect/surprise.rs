//! A total, its expectation and spread -> how improbable it is. Pure.
//!
//! Formula: for a negative binomial of mean M and shape k, `ln P(X >= x) ~ ln pmf(x) - ln(1 - r)` with the ratio of
//! neighbouring terms `r = (x + k) / (x + 1) * M / (k + M)`: a geometric series above the tail, within a few per cent far
//! out, and finite where the exact sum underflows. The lower tail likewise. Surprise: `z = sqrt(-2 ln p)`.
//! Source: Chernoff-type tail bounds for the negative binomial; the law itself as in Noufaily et al. 2013.
use statrs::function::gamma::ln_gamma;

/// The largest ratio of a geometric series that is still summed.
const MOST_RATIO: f64 = 0.999;

/// `z` of a total of at least `total`.
pub(crate) fn above(total: f64, mean: f64, shape: f64) -> f64 {
    if total <= mean || total <= 0.0 {
        return 0.0;
    }
    let ratio = ((total + shape) / (total + 1.0) * (mean / (shape + mean))).min(MOST_RATIO);
    z_of(ln_pmf(total, mean, shape) - (-ratio).ln_1p())
}

/// `z` of a total of at most `total`.
pub(crate) fn below(total: f64, mean: f64, shape: f64) -> f64 {
    if total >= mean {
        return 0.0;
    }
    let ratio = if total > 0.0 {
        (total / (total - 1.0 + shape) * ((shape + mean) / mean)).clamp(0.0, MOST_RATIO)
    } else {
        0.0
    };
    z_of(ln_pmf(total, mean, shape) - (-ratio).ln_1p())
}

/// Standard deviation of a total with that mean and shape.
pub(crate) fn deviation(mean: f64, shape: f64) -> f64 {
    (mean + mean * mean / shape).sqrt()
}

/// The largest total up to `most` that is still as unusual, given that `total` is.
pub(crate) fn most_missing(total: f64, most: f64, unusual: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (total, most.floor() + 1.0);
    while high - low > 1.0 {
        let middle = f64::midpoint(low, high).floor();
        // Of totals above 2^53 not every whole number can be told from the next.
        if middle <= low || middle >= high {
            break;
        }
        if unusual(middle) { low = middle } else { high = middle }
    }
    low
}

/// The decimal logarithm of the probability that `z` stands for.
pub(crate) fn log10_probability(z: f64) -> f64 {
    -0.5 * z * z / std::f64::consts::LN_10
}

fn z_of(ln_probability: f64) -> f64 {
    (-2.0 * ln_probability).max(0.0).sqrt()
}

/// Natural logarithm of the probability of a total.
pub(crate) fn ln_pmf(total: f64, mean: f64, shape: f64) -> f64 {
    let choices = ln_gamma(total + shape) - ln_gamma(shape) - ln_gamma(total + 1.0);
    choices - shape * (mean / shape).ln_1p() - total * (shape / mean).ln_1p()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::function::beta::beta_reg;

    use super::*;

    proptest! {
        // The exact tail, `P(X >= x) = I_{M/(k+M)}(x, k)`, where it does not underflow.
        #[test]
        fn upper_tail_is_close_to_the_exact_one(mean in 0.01_f64..500.0, shape in 0.05_f64..200.0, factor in 2.0_f64..10.0) {
            let total = (mean * factor).ceil() + 3.0;
            let exact = beta_reg(total, shape, mean / (shape + mean));
            prop_assume!(exact > 1e-200 && exact < 1e-3);
            let z = above(total, mean, shape);
            prop_assert!((log10_probability(z) - exact.log10()).abs() < 0.25, "{} {}", log10_probability(z), exact.log10());
        }

        #[test]
        fn more_calls_are_never_less_surprising(mean in 0.0001_f64..1e6, shape in 0.01_f64..1e4, total in 1_u32..u32::MAX) {
            let total = f64::from(total);
            prop_assert!(above(total + 1.0, mean, shape) >= above(total, mean, shape) - 1e-4);
            prop_assert!(above(total, mean, shape).is_finite() && below(total, mean, shape).is_finite());
        }
    }

    #[test]
    fn lower_tail_by_hand() {
        // P(X = 0) = (k / (k + M))^k = (2 / 12)^2.
        assert!((log10_probability(below(0.0, 10.0, 2.0)) - (1.0_f64 / 36.0).log10()).abs() < 1e-12);
    }
}
