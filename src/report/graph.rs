//! Numbers of calls a minute, over weeks -> a short text that a page inflates when it is looked at; and back. Pure.
//!
//! `Graph::data` is base64 (standard alphabet, padded) of raw deflate (RFC 1951: `DecompressionStream('deflate-raw')`) of a
//! sequence of **numbers**, each an unsigned LEB128 varint: seven bits a byte, the lowest first, the top bit set on all but the
//! last byte; none is above 2^53. The numbers are **tracks** one after the other, until the bytes end:
//!
//! ```text
//! track  := kind window start step length value{length}
//! ```
//!
//! - `kind`: what its values are, see below. Readers pass over kinds that they do not know.
//! - `window`: minutes of the window that it is about; 0 where there is none.
//! - `start`: minutes from `Graph::from` to the start of its first value.
//! - `step`: minutes of each value. Value `i` is about the minutes from `start + i * step` up to `start + (i + 1) * step`.
//!
//! | kind | name | a value is | coded as |
//! |---|---|---|---|
//! | 0 | calls | calls within its `step` minutes, in all: divided by `step`, the mean a minute | the number |
//! | 1 | largest | the most calls in one of its minutes; stands beside a track 0 with the same start, step and length | the number |
//! | 2 | expected | calls a minute that are expected | a rate |
//! | 3 | lower | the lower edge of the usual band of the mean a minute over `window` minutes | a rate |
//! | 4 | upper | its upper edge | a rate |
//! | 5 | line | the line of a rise: calls within `window` minutes, in all, from which an insight would open | a total |
//! | 6 | floor | the line of a fall: calls within `window` minutes, in all, down to which an insight would open | a total |
//!
//! A **rate** is a difference, zigzag coded (0, -1, 1, -2, … are 0, 1, 2, 3, …), to the `q` of the value before it in its track,
//! for the first to 0. `q` 0 is "not known" (a gap: too young to be judged, or no total would cross the line); any other is the
//! rate `(2^((q - 1) / 16) - 1) / 1024`, which is within 2.2 % of what was meant, and 0 for `q` 1. A **total** is coded the same
//! way, but its `q` stands for `q - 1` calls, exactly.
//!
//! Tracks of kind 0 come from coarse to fine, and overlap: all of `from` to `to` in steps of an hour; the week before each
//! insight and four days after it in steps of 10 minutes; the hours around it in single minutes. A page shows the finest that
//! covers what it shows. What no track covers is not known. Tracks of kinds 2 to 6 cover all of it in steps of half an hour or
//! more, and hold at the start of each. Behind them stand others of the same kind and window with one value, from the last minute
//! of the window by which an insight was noticed up to the next step: of what several cover, the last counts. So the line is there,
//! exactly, where it was crossed.
use std::io::{self, Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// A fixed level: the same calls give the same bytes.
const LEVEL: Compression = Compression::new(9);
/// Steps of a rate's scale in a doubling, and in a call: what is below a thousandth of a call a minute is as good as none.
const STEPS: f64 = 16.0;
const PARTS: f64 = 1024.0;
/// No varint is above this: what a double of JavaScript's holds.
const MOST: u64 = 1 << 53;

/// What the values of a track are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Calls within a step.
    Calls,
    /// The most calls in one minute of a step.
    Largest,
    /// Calls a minute that are expected.
    Expected,
    /// Lower edge of the usual band.
    Lower,
    /// Upper edge of the usual band.
    Upper,
    /// Line of a rise.
    Line,
    /// Line of a fall.
    Floor,
}

impl Kind {
    /// All, by their numbers.
    pub const ALL: [Self; 7] =
        [Self::Calls, Self::Largest, Self::Expected, Self::Lower, Self::Upper, Self::Line, Self::Floor];

    const fn coding(self) -> Coding {
        match self {
            Self::Calls | Self::Largest => Coding::Number,
            Self::Expected | Self::Lower | Self::Upper => Coding::Rate,
            Self::Line | Self::Floor => Coding::Total,
        }
    }
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// As they are; always known.
    Number,
    /// Near, on a logarithmic scale.
    Rate,
    /// Whole.
    Total,
}

/// Values of one kind, a step each.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// What they are.
    pub kind: Kind,
    /// Minutes of the window that they are about; 0 where there is none.
    pub window: u32,
    /// Minutes from the start of the graph.
    pub start: u32,
    /// Minutes of each.
    pub step: u32,
    /// One each; `None` where it is not known. Calls are whole numbers and always known; lines are whole numbers.
    pub values: Vec<Option<f64>>,
}

/// Why a text holds no tracks.
#[derive(Debug, thiserror::Error)]
pub enum NoTracks {
    /// Not base64.
    #[error("it is not base64: {0}")]
    Text(#[from] base64::DecodeError),
    /// Not deflated, or cut off.
    #[error("it cannot be inflated: {0}")]
    Inflate(#[from] io::Error),
    /// A number is missing, or too large.
    #[error("it ends within a track, or has a number that no track has")]
    Torn,
}

/// Packs tracks.
#[must_use]
pub fn pack(tracks: &[Track]) -> String {
    let mut bytes = Vec::new();
    for Track { kind, window, start, step, values } in tracks {
        let number = Kind::ALL.iter().position(|known| known == kind).unwrap_or_default() as u64;
        for head in [number, u64::from(*window), u64::from(*start), u64::from(*step), values.len() as u64] {
            varint(&mut bytes, head);
        }
        let mut before = 0;
        for value in values {
            let scaled = match kind.coding() {
                Coding::Number => None,
                Coding::Rate => Some(value.map_or(0, scaled)),
                Coding::Total => {
                    Some(value.map_or(0, |total| 1 + (total.max(0.0) as i64).min(MOST.cast_signed() - 1)))
                }
            };
            if let Some(scaled) = scaled {
                let difference = scaled - before;
                varint(&mut bytes, ((difference << 1) ^ (difference >> 63)).cast_unsigned());
                before = scaled;
            } else {
                #[expect(clippy::cast_sign_loss, reason = "calls are not negative")]
                varint(&mut bytes, (value.unwrap_or_default() as u64).min(MOST));
            }
        }
    }
    deflated(&bytes)
}

/// Unpacks them, rates as near as they were packed. Kinds that are not known are passed over.
///
/// # Errors
/// When the text is not what [`pack`] makes.
pub fn unpack(text: &str) -> Result<Vec<Track>, NoTracks> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(STANDARD.decode(text)?.as_slice()).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut tracks = Vec::new();
    while !rest.is_empty() {
        let mut small = || u32::try_from(number(&mut rest)?).map_err(|_| NoTracks::Torn);
        let (kind, window, start, step, length) = (small()?, small()?, small()?, small()?, small()?);
        let kind = Kind::ALL.get(kind as usize).copied();
        let mut before = 0;
        let mut values = Vec::new();
        for _ in 0..length {
            let number = number(&mut rest)?;
            let coding = kind.map_or(Coding::Number, Kind::coding);
            if coding != Coding::Number {
                before += (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
            }
            values.push(match coding {
                Coding::Number => Some(number as f64),
                Coding::Rate => (before != 0).then(|| rate(before)),
                Coding::Total => (before != 0).then(|| (before - 1) as f64),
            });
        }
        if let Some(kind) = kind {
            tracks.push(Track { kind, window, start, step, values });
        }
    }
    Ok(tracks)
}

/// Any bytes, deflated and as text: what pages inflate with `DecompressionStream('deflate-raw')`.
#[must_use]
pub fn deflated(bytes: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), LEVEL);
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    STANDARD.encode(packed.expect("memory can be written to"))
}

fn scaled(rate: f64) -> i64 {
    1 + (STEPS * (1.0 + PARTS * rate.max(0.0)).log2()).round() as i64
}

fn rate(scaled: i64) -> f64 {
    (((scaled - 1) as f64 / STEPS).exp2() - 1.0) / PARTS
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn number(rest: &mut &[u8]) -> Result<u64, NoTracks> {
    let mut number = 0;
    for shift in (0..56).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(NoTracks::Torn)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(NoTracks::Torn)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn track() -> impl Strategy<Value = Track> {
        let shape =
            (0..Kind::ALL.len(), prop::sample::select(vec![0_u32, 1, 5, 30, 120]), 0..60_000_u32, 1..121_u32);
        let values = prop::collection::vec(prop::option::of((0.0..1.0_f64, -5..12_i32)), 0..300);
        (shape, values).prop_map(|((kind, window, start, step), values)| {
            let kind = Kind::ALL[kind];
            let value = |value: Option<(f64, i32)>| {
                let rate = value.map(|(mantissa, power)| mantissa * 10_f64.powi(power));
                match kind.coding() {
                    Coding::Number => Some(rate.unwrap_or_default().floor()),
                    Coding::Rate => rate,
                    Coding::Total => rate.map(f64::floor),
                }
            };
            Track { kind, window, start, step, values: values.into_iter().map(value).collect() }
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_can_be_unpacked(tracks in prop::collection::vec(track(), 0..6)) {
            let unpacked = unpack(&pack(&tracks)).expect("what was packed");
            prop_assert_eq!(unpacked.len(), tracks.len());
            for (got, want) in unpacked.iter().zip(&tracks) {
                prop_assert_eq!((got.kind, got.window, got.start, got.step), (want.kind, want.window, want.start, want.step));
                prop_assert_eq!(got.values.len(), want.values.len());
                let want_kind = want.kind.coding();
                for (got, want) in got.values.iter().zip(&want.values) {
                    match (got, want) {
                        (Some(got), Some(want)) if want_kind == Coding::Rate => {
                            // Half a step of the scale, of the rate and the part of a call that it is counted from.
                            prop_assert!((got - want).abs() <= 0.022 * (want + 1.0 / PARTS), "{} {}", got, want);
                        }
                        (got, want) => prop_assert_eq!(got, want),
                    }
                }
            }
        }

        #[test]
        fn damage_is_told_and_breaks_nothing(text in "[A-Za-z0-9+/]{0,80}") {
            let _ = unpack(&text);
        }
    }

    #[test]
    fn torn_tracks_are_no_tracks() {
        let whole = [0, 0, 0, 1, 3, 7, 8, 9];
        for end in 1..whole.len() {
            assert!(unpack(&deflated(&whole[..end])).is_err(), "{end}");
        }
        assert_eq!(unpack(&deflated(&whole)).expect("a track").len(), 1);
    }

    #[test]
    fn unknown_kinds_are_passed_over() {
        let bytes = [99, 0, 0, 1, 1, 7, 0, 0, 0, 1, 1, 5];
        let tracks = unpack(&deflated(&bytes)).expect("tracks");
        assert_eq!(
            tracks,
            [Track { kind: Kind::Calls, window: 0, start: 0, step: 1, values: vec![Some(5.0)] }]
        );
    }
}
