//! A rhythm and a day -> the seconds at which its calls are made. Pure.
use super::calendar::{Zone, weekend};
use super::random::{Dice, Purpose, floor};
use crate::time::MINUTES_PER_DAY;

/// Rates change in steps of so many minutes.
const STEP: i32 = 10;
const DAY_SECONDS: f64 = 86_400.0;

/// When calls are made. `per_day` is the mean of a weekday at the default size; rhythms that have it are elastic:
/// they carry the volume, and grow and shrink with the number of records asked for. The others keep their cadence.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rhythm {
    /// The same at any hour.
    Steady { per_day: f64 },
    /// Customers: a daily wave with its peak at this UTC hour, a little lower at weekends.
    Wave { per_day: f64, peak: f64 },
    /// People at work.
    Office { per_day: f64, zone: Zone },
    /// A scheduler: so many calls every so many minutes.
    Every { minutes: u32, calls: u32 },
    /// A nightly or weekly job at a UTC time of day, its calls spread over some minutes.
    Job { days: Days, hour: u32, minute: u32, calls: u32, over: u32 },
    /// So many calls with every release of the account.
    Release { calls: u32 },
    /// On and off: about so many sessions a workday, each of about so many calls in so many minutes.
    Session { per_workday: f64, calls: u32, over: u32, zone: Zone },
    /// Single calls in working hours.
    Rare { per_workday: f64, zone: Zone },
    /// An API that nobody used before this share of the span, then slowly more, up to so many calls a day.
    Onset { from: f64, up_to: f64 },
    /// Only within incidents.
    Never,
}

/// Days on which a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// Every day.
    All,
    /// Monday to Friday.
    Weekdays,
    /// Sundays.
    Sundays,
}

/// Which calls are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beat {
    pub(super) seed: u64,
    /// Days of the whole span.
    pub(super) days: u32,
    /// Factor on the elastic rhythms.
    pub(super) scale: f64,
    /// Number of the account, for its releases.
    pub(super) account: usize,
    /// Number of the flow.
    pub(super) flow: usize,
}

impl Days {
    const fn includes(self, day: u32) -> bool {
        match self {
            Self::All => true,
            Self::Weekdays => !weekend(day),
            Self::Sundays => day % 7 == 6,
        }
    }
}

impl Rhythm {
    /// True where the volume follows the number of records asked for.
    pub(super) const fn is_elastic(&self) -> bool {
        matches!(self, Self::Steady { .. } | Self::Wave { .. } | Self::Office { .. })
    }

    /// Seconds since the start of `day` at which calls are made, each with the dice that threw it; not in order.
    pub(super) fn calls(&self, beat: &Beat, day: u32, mut call: impl FnMut(u32, &mut Dice)) {
        if day >= beat.days {
            return;
        }
        let dice = &mut Dice::new(beat.seed, Purpose::FlowDay, beat.flow, day);
        match *self {
            Self::Steady { .. } | Self::Wave { .. } | Self::Office { .. } => {
                self.volume(beat.scale, day, dice, &mut call);
            }
            Self::Every { minutes, calls } => {
                let offset = Dice::new(beat.seed, Purpose::Flow, beat.flow, 0).below(minutes);
                for minute in (offset..MINUTES_PER_DAY.cast_unsigned()).step_by(minutes as usize) {
                    burst(
                        dice,
                        &Window { from: f64::from(minute) * 60.0 + 2.0, minutes: 0.4 },
                        calls,
                        &mut call,
                    );
                }
            }
            Self::Job { days, hour, minute, calls, over } => {
                if days.includes(day) {
                    // Jobs start a little late, and sometimes a quarter of an hour late.
                    let late =
                        if dice.chance(0.05) { dice.between(5.0, 15.0) } else { dice.between(0.0, 1.5) };
                    let at = (f64::from(hour * 60 + minute) + late) * 60.0;
                    let count = about(dice, calls, 0.05);
                    burst(dice, &Window { from: at, minutes: f64::from(over) }, count, &mut call);
                }
            }
            Self::Release { calls } => {
                for minute in releases(beat.seed, beat.account, day) {
                    burst(dice, &Window { from: f64::from(minute) * 60.0, minutes: 6.0 }, calls, &mut call);
                }
            }
            Self::Session { per_workday, calls, over, zone } => {
                for at in working_times(dice, day, per_workday, zone) {
                    let count = about(dice, calls, 0.2);
                    burst(dice, &Window { from: at, minutes: f64::from(over) }, count, &mut call);
                }
            }
            Self::Rare { per_workday, zone } => {
                for at in working_times(dice, day, per_workday, zone) {
                    burst(dice, &Window { from: at, minutes: 1.0 }, 1, &mut call);
                }
            }
            Self::Onset { from, up_to } => {
                let age = f64::from(day) - (from * f64::from(beat.days)).ceil();
                if age >= 0.0 {
                    let count = dice.poisson(up_to * ((age + 1.0) / 12.0).min(1.0));
                    burst(dice, &Window { from: 6.0 * 3600.0, minutes: 14.0 * 60.0 }, count, &mut call);
                }
            }
            Self::Never => {}
        }
    }

    /// The calls of an elastic rhythm: some days are a little busier than others.
    fn volume(&self, scale: f64, day: u32, dice: &mut Dice, call: &mut impl FnMut(u32, &mut Dice)) {
        let level = scale * (1.0 + 0.04 * dice.normal());
        for step in 0..MINUTES_PER_DAY / STEP {
            let minute = day.cast_signed() * MINUTES_PER_DAY + step * STEP;
            let count = dice.poisson(level * self.rate(minute) * f64::from(STEP));
            burst(
                dice,
                &Window { from: f64::from(step * STEP) * 60.0, minutes: f64::from(STEP) },
                count,
                call,
            );
        }
    }

    /// Expected calls in the whole span at scale 1, to a few per cent.
    pub(super) fn expected(&self, days: u32) -> f64 {
        let workdays = f64::from((0..days).map(|day| u32::from(!weekend(day))).sum::<u32>());
        match *self {
            Self::Steady { .. } | Self::Wave { .. } | Self::Office { .. } => {
                let steps = days.cast_signed() * MINUTES_PER_DAY / STEP;
                (0..steps).map(|step| self.rate(step * STEP) * f64::from(STEP)).sum()
            }
            Self::Every { minutes, calls } => {
                f64::from(days) * f64::from(calls) * f64::from(MINUTES_PER_DAY) / f64::from(minutes)
            }
            Self::Job { days: on, calls, .. } => {
                f64::from(calls) * f64::from((0..days).map(|day| u32::from(on.includes(day))).sum::<u32>())
            }
            Self::Release { calls } => {
                workdays * f64::from(calls) * RELEASE_HOURS.len() as f64 * RELEASE_SHARE
            }
            Self::Session { per_workday, calls, .. } => workdays * per_workday * f64::from(calls),
            Self::Rare { per_workday, .. } => workdays * per_workday,
            Self::Onset { from, up_to } => f64::from(days) * (1.0 - from) * up_to * 0.7,
            Self::Never => 0.0,
        }
    }

    /// Calls a minute of an elastic rhythm at `minute` after the start of the span, at scale 1.
    pub(super) fn rate(&self, minute: i32) -> f64 {
        let per_minute = |per_day: f64| per_day / f64::from(MINUTES_PER_DAY);
        match *self {
            Self::Steady { per_day } => per_minute(per_day),
            Self::Wave { per_day, peak } => {
                let hour = f64::from(minute.rem_euclid(MINUTES_PER_DAY)) / 60.0;
                let wave = 1.0 + 0.55 * ((hour - peak) / 24.0 * std::f64::consts::TAU).cos();
                let quiet =
                    if weekend(minute.div_euclid(MINUTES_PER_DAY).cast_unsigned()) { 0.85 } else { 1.0 };
                per_minute(per_day) * wave * quiet
            }
            Self::Office { per_day, zone } => per_minute(per_day) * presence(zone, minute),
            Self::Every { .. }
            | Self::Job { .. }
            | Self::Release { .. }
            | Self::Session { .. }
            | Self::Rare { .. }
            | Self::Onset { .. }
            | Self::Never => 0.0,
        }
    }
}

/// How busy people are, with a mean of about 1 over a workday: a morning rise, lunch, a slow evening.
fn presence(zone: Zone, minute: i32) -> f64 {
    const IDLE: f64 = 0.12;
    let local = zone.local(minute);
    if !local.workday {
        return IDLE;
    }
    let hour = f64::from(local.of_day) / 60.0;
    let rise = ((hour - 7.5) / 2.0).clamp(0.0, 1.0);
    let fall = ((19.0 - hour) / 2.5).clamp(0.0, 1.0);
    let lunch = 1.0 - 0.3 * (1.0 - (hour - 12.5).abs()).clamp(0.0, 1.0);
    IDLE + 2.4 * rise * fall * lunch
}

/// Local start of the hours in which a release may go out, Berlin time; far enough apart not to pile up.
const RELEASE_HOURS: [f64; 3] = [9.5, 13.0, 16.0];
const RELEASE_SHARE: f64 = 0.55;

/// The releases of an account on a day, minutes since 00:00 UTC.
fn releases(seed: u64, account: usize, day: u32) -> Vec<u32> {
    if weekend(day) {
        return Vec::new();
    }
    let mut dice = Dice::new(seed, Purpose::Releases, account, day);
    let mut releases = Vec::new();
    for hour in RELEASE_HOURS {
        if dice.chance(RELEASE_SHARE) {
            releases.push(floor((hour - 1.0) * 60.0) + dice.below(60));
        }
    }
    releases
}

/// Starts of about `per_workday` pieces of work, seconds since 00:00 UTC; none at night and on days off.
fn working_times(dice: &mut Dice, day: u32, per_workday: f64, zone: Zone) -> Vec<f64> {
    let count = dice.poisson(per_workday);
    let noon = day.cast_signed() * MINUTES_PER_DAY + 15 * 60;
    let opening = match zone {
        Zone::UsEast => 14.0,
        Zone::Berlin => 8.0,
    };
    (0..count)
        .map(|_| dice.between(opening, opening + 8.5) * 3600.0)
        .filter(|_| zone.local(noon).workday)
        .collect()
}

/// A piece of a day.
struct Window {
    /// Seconds since 00:00 UTC.
    from: f64,
    minutes: f64,
}

/// `count` calls at random seconds of the window, cut at midnight.
fn burst(dice: &mut Dice, window: &Window, count: u32, call: &mut impl FnMut(u32, &mut Dice)) {
    for _ in 0..count {
        let at = (window.from + dice.uniform() * window.minutes * 60.0).min(DAY_SECONDS - 1.0);
        call(floor(at), dice);
    }
}

/// `size` more or less, by this relative spread, and at least 1.
fn about(dice: &mut Dice, size: u32, spread: f64) -> u32 {
    let factor = 1.0 + spread * dice.normal().clamp(-2.0, 2.0);
    floor(f64::from(size) * factor + 0.5).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rhythm_makes_the_calls_that_are_expected_of_it() {
        let check = |rhythm: Rhythm| {
            let beat = Beat { seed: 3, days: 70, scale: 1.0, account: 0, flow: 5 };
            let mut total = 0_u32;
            for day in 0..=70 {
                rhythm.calls(&beat, day, |at, _| {
                    assert!(at < 86_400, "{rhythm:?}");
                    total += 1;
                });
            }
            let (total, want) = (f64::from(total), rhythm.expected(70));
            assert!(
                (total - want).abs() <= 5.0 * want.sqrt() + 0.06 * want,
                "{rhythm:?}: {total} for {want}"
            );
        };
        check(Rhythm::Steady { per_day: 90.0 });
        check(Rhythm::Wave { per_day: 500.0, peak: 19.0 });
        check(Rhythm::Office { per_day: 60.0, zone: Zone::UsEast });
        check(Rhythm::Every { minutes: 5, calls: 2 });
        check(Rhythm::Job { days: Days::Sundays, hour: 3, minute: 15, calls: 40, over: 20 });
        check(Rhythm::Job { days: Days::Weekdays, hour: 23, minute: 50, calls: 40, over: 20 });
        check(Rhythm::Release { calls: 4 });
        check(Rhythm::Session { per_workday: 1.5, calls: 12, over: 10, zone: Zone::Berlin });
        check(Rhythm::Rare { per_workday: 0.5, zone: Zone::UsEast });
        check(Rhythm::Onset { from: 0.4, up_to: 30.0 });
        check(Rhythm::Never);
    }
}
