//! Calls -> which log file each record comes in, late, out of order and sometimes twice. Pure.
use super::organization::Call;
use super::random::{floor, mix};
use crate::time::MINUTES_PER_DAY;

/// Share of records that are delivered a second time.
const TWICE: f64 = 0.002;

/// Salts of a call's derived values.
const LAG: u64 = 110;
const ORDER: u64 = 120;
const AGAIN: u64 = 130;

/// Minutes between two log files of a cell.
const SLOTS: [u32; 5] = [5, 10, 15, 30, 60];

/// A record in a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Delivery {
    /// When its file is delivered, minutes since the start of the first day.
    pub(super) minute: u32,
    /// Where it stands in the file.
    order: u64,
    /// Which call.
    pub(super) call: usize,
    /// False for the second time.
    pub(super) first: bool,
}

/// Minutes between two log files of a cell with so many records a day: AWS delivers every five minutes; here quiet
/// cells wait longer, at most for `most` minutes, so that the number of files stays reasonable.
pub(super) fn slot(records_a_day: f64, wanted_in_a_file: f64, most: u32) -> u32 {
    let holds = |minutes: u32| records_a_day * f64::from(minutes) / f64::from(MINUTES_PER_DAY);
    let slots = || SLOTS.into_iter().filter(|minutes| *minutes <= most);
    slots().find(|&minutes| holds(minutes) >= wanted_in_a_file).or(slots().next_back()).unwrap_or(SLOTS[0])
}

/// The deliveries of a day, file by file: pass the calls of that day and of the one before.
pub(super) fn of_day(calls: &[Call], day: u32, slot: u32) -> Vec<Delivery> {
    let minutes = MINUTES_PER_DAY.cast_unsigned();
    let today = day * minutes..(day + 1) * minutes;
    let mut deliveries = Vec::with_capacity(calls.len());
    for (number, call) in calls.iter().enumerate() {
        let minute = file_minute(call.at + lag(call.key), slot);
        let delivery = Delivery { minute, order: mix(call.key, ORDER), call: number, first: true };
        if today.contains(&minute) {
            deliveries.push(delivery);
        }
        if unit(call.key, AGAIN) < TWICE {
            let later = 300.0 + 5400.0 * unit(call.key, AGAIN + 1);
            let minute = file_minute(minute * 60 + floor(later), slot);
            if today.contains(&minute) {
                deliveries.push(Delivery { minute, first: false, ..delivery });
            }
        }
    }
    deliveries.sort_unstable();
    deliveries
}

/// Seconds until a record is ready to be delivered, half a minute to five; with the wait for the next file of a busy cell
/// that is at most ten minutes, the 99th percentile at nine.
fn lag(key: u64) -> u32 {
    floor(30.0 + 270.0 * unit(key, LAG) * unit(key, LAG + 1))
}

/// The next delivery after this second.
fn file_minute(second: u32, slot: u32) -> u32 {
    (second / 60 / slot + 1) * slot
}

/// Uniform in 0..1, by key and salt.
fn unit(key: u64, salt: u64) -> f64 {
    (mix(key, salt) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_delivered_once_first_and_late() {
        let calls: Vec<Call> = (0..20_000)
            .map(|n| Call { at: 86_400 + n * 4, flow: 0, key: mix(9, u64::from(n)), failed: false })
            .collect();
        let all: Vec<Delivery> = (0..4).flat_map(|day| of_day(&calls, day, 5)).collect();
        let (first, again): (Vec<Delivery>, Vec<Delivery>) = all.iter().partition(|delivery| delivery.first);
        assert_eq!(first.len(), calls.len());
        assert!((20..70).contains(&again.len()), "{} duplicates", again.len());
        for delivery in &first {
            let wait = delivery.minute * 60 - calls[delivery.call].at;
            assert!((30..=10 * 60).contains(&wait), "{wait} seconds");
        }
        for delivery in &again {
            let once = first.iter().find(|once| once.call == delivery.call);
            assert!(once.is_some_and(|once| once.minute < delivery.minute));
        }
        assert!(all.windows(2).any(|pair| calls[pair[0].call].at > calls[pair[1].call].at), "out of order");
        let mut waits: Vec<u32> =
            first.iter().map(|delivery| delivery.minute * 60 - calls[delivery.call].at).collect();
        waits.sort_unstable();
        assert!((180..270).contains(&waits[10_000]), "median {}", waits[10_000]);
        assert!((460..560).contains(&waits[19_800]), "99th percentile {}", waits[19_800]);
    }
}
