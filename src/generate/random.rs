//! A seed and a name -> independent streams of random numbers, and the few distributions that are needed. Pure.
//!
//! The distributions are written out here because those of `rand` may change with its versions, and then the same
//! seed would no longer give the same bytes.
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream is for: streams of different purposes never overlap.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Identifiers of the organization and its accounts.
    Cast = 1,
    /// What stays the same about a flow of calls, such as the minute of its schedule.
    Flow = 2,
    /// The calls of a flow on one day.
    FlowDay = 3,
    /// The releases of an account on one day.
    Releases = 4,
    /// When an incident happens, and its calls.
    Incident = 5,
}

/// One stream of random numbers.
#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `purpose` for `subject` (a flow, an account, an incident) on `day`.
    pub(super) fn new(seed: u64, purpose: Purpose, subject: usize, day: u32) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(((purpose as u64) << 56) | ((subject as u64) << 24) | u64::from(day));
        Self(rng)
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in 0..1.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number in `0..bound`; the bias is far below anything that could be seen here.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// True with probability `share`.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// Near enough to a standard normal (twelve uniforms), and never further out than 6.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// A Poisson count; by the normal approximation where the mean is large.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 60.0 {
            return floor(mean + mean.sqrt() * self.normal() + 0.5);
        }
        let floor = (-mean).exp();
        let (mut product, mut count) = (self.uniform(), 0);
        while product > floor {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

/// The whole part of `x`; 0 where it is negative.
#[expect(clippy::cast_sign_loss, reason = "the cast saturates at zero, as promised")]
pub(super) const fn floor(x: f64) -> u32 {
    x as u32
}

/// A well-mixed number made of `key` and `salt`: the same two give the same number (`SplitMix64`'s finalizer).
pub(super) const fn mix(key: u64, salt: u64) -> u64 {
    let mut z = key.wrapping_add(salt.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_counts_have_their_mean_and_variance() {
        for mean in [0.02, 0.7, 12.0, 59.0, 400.0] {
            let mut dice = Dice::new(1, Purpose::Flow, 7, 0);
            let draws: Vec<f64> = (0..20_000).map(|_| f64::from(dice.poisson(mean))).collect();
            let average = draws.iter().sum::<f64>() / draws.len() as f64;
            let spread = draws.iter().map(|x| (x - average).powi(2)).sum::<f64>() / draws.len() as f64;
            let error = (mean / draws.len() as f64).sqrt();
            assert!((average - mean).abs() < 5.0 * error, "mean of {mean}: {average}");
            assert!((spread / mean - 1.0).abs() < 0.15, "variance of {mean}: {spread}");
        }
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, purpose, subject, day| Dice::new(seed, purpose, subject, day).bits();
        let first = draw(1, Purpose::Flow, 2, 3);
        assert_eq!(first, draw(1, Purpose::Flow, 2, 3));
        for other in [
            draw(2, Purpose::Flow, 2, 3),
            draw(1, Purpose::FlowDay, 2, 3),
            draw(1, Purpose::Flow, 3, 3),
            draw(1, Purpose::Flow, 2, 4),
        ] {
            assert_ne!(first, other);
        }
    }
}
