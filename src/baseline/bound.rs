//! A few logarithms of past extremes -> the bound that the next one will hardly exceed. Pure.
//!
//! Formula: `U = mean + t(n + n0 - 1, 1 - alpha) * s * sqrt(1 + 1/n)`, with
//! `s^2 = (n0 (s0^2 + c exp(-mean)) + sum (h - mean)^2) / (n + n0 - 1)`, over the days of the kind of the largest.
//! Source: the Student-t predictive interval for one more value of a normal sample, with a conjugate prior worth `n0` days
//! on the spread (Gelman et al., Bayesian Data Analysis, 3.3); `c exp(-mean)` is the counting noise of a logarithm.
use crate::model::Model;

/// What is assumed about the spread of the logarithms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prior {
    /// Weight, days.
    pub(crate) days: f64,
    /// Standard deviation.
    pub(crate) spread: f64,
    /// Variance from counting, times the mean count.
    pub(crate) counting: f64,
    /// Values that are smaller than the largest by more than this factor are not of its kind.
    pub(crate) kind_factor: f64,
}

/// The bound on the next value after those of `history`; `None` where there are none.
pub(crate) fn upper<I>(model: &Model, prior: Prior, history: I) -> Option<f64>
where
    I: Iterator<Item = f64> + Clone,
{
    let top = history.clone().reduce(f64::max)?;
    let of_its_kind = history.filter(|value| *value > top - prior.kind_factor.ln());
    let (n, sum) = of_its_kind.clone().fold((0.0, 0.0), |(n, sum), value| (n + 1.0, sum + value));
    let mean = sum / n;
    let assumed = prior.days * (prior.spread.powi(2) + prior.counting * (-mean).exp());
    let squares = of_its_kind.fold(assumed, |squares, value| squares + (value - mean).powi(2));
    let degrees = n + prior.days - 1.0;
    Some(mean + model.t_quantile(degrees) * (squares / degrees).sqrt() * (1.0 + 1.0 / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_of_three_days_by_hand() {
        let model = Model::builtin("default").expect("the default model");
        let prior = Prior { days: 5.0, spread: 0.3, counting: 0.25, kind_factor: 10.0 };
        let values = [100_f64.ln(), 120_f64.ln(), 90_f64.ln(), 2_f64.ln()];
        // R: h <- log(c(100,120,90)); s2 <- (5*(.09+.25*exp(-mean(h))) + sum((h-mean(h))^2))/7
        //    mean(h) + qt(1-2e-5, 7)*sqrt(s2)*sqrt(1+1/3)
        let bound = upper(&model, prior, values.into_iter()).expect("a bound");
        assert!((bound - 7.448_601).abs() < 1e-6, "{bound}");
        assert_eq!(upper(&model, prior, std::iter::empty()), None);
    }
}
