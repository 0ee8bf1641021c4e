//! A file or stream, gzip or not -> its bytes in a reused buffer, up to a limit, and what was wrong with it.
//!
//! A file that is one sound gzip member, as AWS's are, is inflated in one go. Everything else is streamed.
#![expect(clippy::disallowed_types, reason = "goes through the members itself, and caps them")]
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use memmap2::MmapMut;

use super::libdeflate::Inflater;
use super::parse::Seal;

/// How every gzip member begins.
pub const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How much is inflated between two looks at whether to stop: some milliseconds' worth.
const CHUNK: u64 = 4 << 20;
/// Larger files than this, as they lie, are streamed. AWS's hold at most 50 MB inflated, a fourth to a thirtieth of that
/// gzipped.
const MAX_PACKED: usize = 32 << 20;
/// Files that inflate to more than this are streamed, so that stopping never takes long.
const MAX_AT_ONCE: usize = 64 << 20;
/// What the buffers keep between files: one giant must not hold its memory for the rest of the run. It gets some of its
/// own, in large pages where there are such: taking 50 MB in pages of 4 KiB costs half as much as inflating into it.
const KEPT: usize = 8 << 20;
/// Deflate cannot do better than this, whatever a header claims.
const MAX_RATIO: usize = 1032;
/// Beyond the limit, what comes out may be so many times as large as what went in: AWS's logs give 10 to 30, and many of
/// them may stand one after the other.
const FAIR_RATIO: u64 = 64;
/// Never more than so many limits.
const MOST_LIMITS: u64 = 16;
/// In a gzip header's flags: a checksum of the header follows, which only the stream reader checks.
const HEADER_CHECKSUM: u8 = 2;

/// Why the bytes are not all there. What came out before is kept.
#[derive(Debug)]
pub enum Damage {
    /// The data goes on beyond the limit, in bytes.
    TooLarge(u64),
    /// The gzip stream ends early.
    Truncated,
    /// The gzip stream is broken.
    Corrupt(io::Error),
    /// Something that is not gzip follows a complete gzip stream.
    Trailing,
    /// The first megabytes hold no JSON object: whatever it is, or claims to inflate to, it is no log.
    NoJson,
    /// Reading failed.
    Io(io::Error),
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(out, "has more than {limit} bytes"),
            Self::Truncated => out.write_str("gzip stream ends early"),
            Self::Corrupt(cause) => write!(out, "gzip stream is damaged: {cause}"),
            Self::NoJson => out.write_str("not JSON"),
            Self::Trailing => out.write_str("something that is not gzip follows the gzip stream"),
            Self::Io(cause) => write!(out, "cannot read: {cause}"),
        }
    }
}

/// Buffers of one thread, reused from file to file.
#[derive(Debug, Default)]
pub struct Buffers {
    /// A file as it lies.
    packed: Vec<u8>,
    /// What comes out, and old bytes after it: they need not be cleared to be overwritten.
    bytes: Vec<u8>,
    /// What comes out of one that is larger than the buffers are to be.
    large: Option<MmapMut>,
    inflater: Inflater,
}

/// What came out of a file.
#[derive(Debug)]
pub struct Inflated<'b> {
    /// Its bytes, or as many as could be had.
    pub bytes: &'b [u8],
    /// Whether a checksum vouches for them.
    pub seal: Seal,
    /// Why they are not all there.
    pub damage: Option<Damage>,
}

impl Buffers {
    /// Reads all of `input`, through gzip where it begins as gzip, at most `limit` bytes. Ends early, without damage,
    /// once `stop` says so.
    pub fn read(&mut self, mut input: impl Read, limit: u64, stop: &dyn Fn() -> bool) -> Inflated<'_> {
        self.shrink();
        self.packed.clear();
        let outcome = input.by_ref().take(MAX_PACKED as u64).read_to_end(&mut self.packed);
        let is_gzip = self.packed.starts_with(&GZIP_MAGIC);
        if self.packed.len() < MAX_PACKED
            && outcome.is_ok()
            && let Some(length) = self.member(limit)
        {
            let bytes = self.large.as_deref().unwrap_or(&self.bytes);
            return Inflated { bytes: &bytes[..length], seal: Seal::Checksum, damage: None };
        }
        let mut stream = self.packed.chain(BufReader::new(Failing { outcome: outcome.err(), input }));
        let damage = inflate(&mut stream, limit, stop, &mut self.bytes).err();
        let seal = if is_gzip && damage.is_none() { Seal::Checksum } else { Seal::None };
        Inflated { bytes: &self.bytes, seal, damage }
    }

    /// Inflates a file that is one sound gzip member, and gives its length; `None` for everything else.
    fn member(&mut self, limit: u64) -> Option<usize> {
        let Self { packed, bytes, large, inflater } = self;
        let [0x1f, 0x8b, _, flags, .., a, b, c, d] = **packed else { return None };
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let most = MAX_AT_ONCE.min(packed.len() * MAX_RATIO);
        if flags & HEADER_CHECKSUM != 0 || length > most || length as u64 > limit {
            return None;
        }
        let output = if length > KEPT {
            &mut **large.insert(in_large_pages(length)?)
        } else {
            if bytes.len() < length {
                // New zeros cost nothing until they are written over; growing would clear them one by one.
                *bytes = vec![0; length];
            }
            bytes.as_mut_slice()
        };
        let member = inflater.member(packed, &mut output[..length])?;
        (member.taken == packed.len()).then_some(member.given)
    }

    fn shrink(&mut self) {
        self.large = None;
        for buffer in [&mut self.packed, &mut self.bytes] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }
}

/// So many zeros; `None` where there is no memory for them.
fn in_large_pages(length: usize) -> Option<MmapMut> {
    let zeros = MmapMut::map_anon(length).ok()?;
    // Pages of the usual size do as well.
    #[cfg(target_os = "linux")]
    let _ = zeros.advise(memmap2::Advice::HugePage);
    Some(zeros)
}

/// What follows the bytes at hand: the error that ended them, or the rest of the input.
struct Failing<R> {
    outcome: Option<io::Error>,
    input: R,
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.outcome.take().map_or_else(|| self.input.read(buffer), Err)
    }
}

/// Reads all of `input` into `bytes` (which is cleared), through gzip where it begins as gzip: all members, and zero
/// padding after them. Memory grows with what comes out, whatever a header claims. Ends early, without damage, once
/// `stop` says so.
///
/// # Errors
/// Names what is wrong; what came out before is in `bytes`: at most `limit` bytes, of many logs one after the other up to
/// 64 times what went in.
pub fn inflate(
    input: &mut impl BufRead,
    limit: u64,
    stop: &dyn Fn() -> bool,
    bytes: &mut Vec<u8>,
) -> Result<(), Damage> {
    bytes.clear();
    let most = limit.saturating_mul(MOST_LIMITS);
    if !starts_with_gzip(input)? {
        return fill(input, |_| most, stop, bytes).map_err(|problem| match problem {
            Problem::TooLarge(limit) => Damage::TooLarge(limit),
            Problem::NoJson => Damage::NoJson,
            Problem::Io(cause) => Damage::Io(cause),
        });
    }
    let input = &mut Taken { input, bytes: 0 };
    let fair = |decoder: &GzDecoder<&mut Taken<_>>| {
        limit.max(decoder.get_ref().bytes.saturating_mul(FAIR_RATIO)).min(most)
    };
    while !stop() {
        fill(&mut GzDecoder::new(&mut *input), fair, stop, bytes).map_err(|problem| match problem {
            Problem::TooLarge(limit) => Damage::TooLarge(limit),
            Problem::NoJson => Damage::NoJson,
            Problem::Io(cause) if cause.raw_os_error().is_some() => Damage::Io(cause),
            Problem::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Damage::Truncated,
            Problem::Io(cause) => Damage::Corrupt(cause),
        })?;
        if stop() || skip_zeros(input).map_err(Damage::Io)? {
            break;
        }
        if !starts_with_gzip(input)? {
            return Err(Damage::Trailing);
        }
    }
    Ok(())
}

/// An input, and how many of its bytes were taken.
struct Taken<R> {
    input: R,
    bytes: u64,
}

impl<R: BufRead> Read for Taken<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Taken<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.input.consume(bytes);
    }
}

/// Whether the next bytes are those of a gzip member. A single byte at the end of what a reader has at hand is taken
/// for the whole magic: no JSON begins with it.
fn starts_with_gzip(input: &mut impl BufRead) -> Result<bool, Damage> {
    let ahead = input.fill_buf().map_err(Damage::Io)?;
    let known = ahead.len().min(GZIP_MAGIC.len());
    Ok(known > 0 && ahead[..known] == GZIP_MAGIC[..known])
}

/// Skips zero bytes, as tape and block devices pad with; gives whether that was all.
fn skip_zeros(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let ahead = input.fill_buf()?;
        if ahead.is_empty() {
            return Ok(true);
        }
        let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
        let only_zeros = zeros == ahead.len();
        input.consume(zeros);
        if !only_zeros {
            return Ok(false);
        }
    }
}

enum Problem {
    TooLarge(u64),
    NoJson,
    Io(io::Error),
}

/// Appends what `input` gives until its end, until `bytes` holds `limit`, which may grow as it is read, or until `stop`.
fn fill<R: Read>(
    input: &mut R,
    limit: impl Fn(&R) -> u64,
    stop: &dyn Fn() -> bool,
    bytes: &mut Vec<u8>,
) -> Result<(), Problem> {
    while !stop() {
        // One byte past the limit tells "exactly full" from "too large".
        let room = limit(input) + 1 - bytes.len() as u64;
        let wanted = room.min(CHUNK);
        let got = input.by_ref().take(wanted).read_to_end(bytes).map_err(Problem::Io)?;
        let limit = limit(input);
        if bytes.len() as u64 > limit {
            bytes.pop();
            return Err(Problem::TooLarge(limit));
        }
        if (got as u64) < wanted {
            break;
        }
        // A bomb of zeros, or somebody's film: not worth another byte.
        if bytes.len() as u64 == CHUNK && !bytes.contains(&b'{') {
            return Err(Problem::NoJson);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory can be written");
        encoder.finish().expect("memory can be written")
    }

    /// Text that does not compress away, so that a truncated stream still gives a part.
    fn text() -> Vec<u8> {
        (0..5_000_u32).flat_map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761)).into_bytes()).collect()
    }

    /// Checks what comes out of `input` with the limit `limit`, and the damage in words.
    fn check(case: &str, input: &[u8], limit: u64, want: &[u8], damage: &str) {
        let mut buffers = Buffers { bytes: vec![b'x'; 100], ..Buffers::default() };
        let at_once = buffers.read(input, limit, &|| false);
        assert_eq!(at_once.damage.map(|damage| damage.to_string()).unwrap_or_default(), damage, "{case}");
        assert!(at_once.bytes == want, "{case}: {} bytes", at_once.bytes.len());
        let sealed = damage.is_empty() && input.starts_with(&GZIP_MAGIC);
        assert_eq!(at_once.seal == Seal::Checksum, sealed, "{case}");
        for buffer in [1, 2, 7, 8192] {
            let mut bytes = b"of the file before".to_vec();
            let mut input = io::BufReader::with_capacity(buffer, input);
            let outcome = inflate(&mut input, limit, &|| false, &mut bytes);
            let got = outcome.err().map(|damage| damage.to_string()).unwrap_or_default();
            assert_eq!(got, damage, "{case}, buffer of {buffer}");
            assert!(bytes == want, "{case}, buffer of {buffer}: {} bytes", bytes.len());
        }
    }

    #[test]
    fn sound_input() {
        let text = text();
        check("plain", &text, MAX, &text, "");
        check("empty", b"", MAX, b"", "");
        check("gzip", &gzip(&text), MAX, &text, "");
        check("gzip of nothing", &gzip(b""), MAX, b"", "");
        let members = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        check("members", &members, MAX, b"one two", "");
        check("padding", &[members, vec![0; 20_000]].concat(), MAX, b"one two", "");
        check("exactly full", &gzip(b"12345"), 5, b"12345", "");
        check("exactly full, plain", b"12345", 5, b"12345", "");
        let large = [b"{", text.repeat(2 * KEPT / text.len()).as_slice()].concat();
        check("larger than what is kept", &gzip(&large), 2 * MAX_AT_ONCE as u64, &large, "");
    }

    const MAX: u64 = 1 << 20;

    #[test]
    fn damaged_input() {
        let (text, sound) = (text(), gzip(&text()));
        let (zeros, most) = (vec![b'0'; 3_000_000], "has more than 100000 bytes");
        check("too large", &gzip(&zeros), 100_000, &zeros[..100_000], most);
        let fair = gzip(&text);
        check("large, but fairly so", &fair, text.len() as u64 / 2, &text, "");
        check("too large however fair", &fair, 100, &text[..1600], "has more than 1600 bytes");
        let plain = [b"1234567890".as_slice(), &[b'x'; 71]].concat();
        check("too large, plain", &plain, 5, &plain[..80], "has more than 80 bytes");
        let members = [gzip(&zeros[..60_000]), gzip(&zeros)].concat();
        check("too large in the second member", &members, 100_000, &zeros[..100_000], most);
        check("many members", &gzip(b"123").repeat(40), 100, &b"123".repeat(40), "");
        check("half a magic", &GZIP_MAGIC[..1], MAX, b"", "gzip stream ends early");
        check("header only", &sound[..9], MAX, b"", "gzip stream ends early");
        check("no trailer", &sound[..sound.len() - 8], MAX, &text, "gzip stream ends early");
        let tail = "something that is not gzip follows the gzip stream";
        check("tail", &[&sound, b"text".as_slice()].concat(), MAX, &text, tail);
        check("tail after padding", &[&sound, b"\0\0text".as_slice()].concat(), MAX, &text, tail);
        let mut wrong_sum = sound.clone();
        let sum = sound.len() - 8;
        wrong_sum[sum] ^= 1;
        let why = "gzip stream is damaged: corrupt gzip stream does not have a matching checksum";
        check("wrong sum", &wrong_sum, MAX, &text, why);
        let mut wrong_method = sound;
        wrong_method[2] = 7;
        check("wrong method", &wrong_method, MAX, b"", "gzip stream is damaged: invalid gzip header");
    }

    #[test]
    fn what_came_before_the_cut_is_kept() {
        let (text, sound) = (text(), gzip(&text()));
        for cut in (10..sound.len()).step_by(997) {
            let mut bytes = Vec::new();
            let damage = inflate(&mut &sound[..cut], MAX, &|| false, &mut bytes);
            assert!(matches!(damage, Err(Damage::Truncated)), "cut at {cut}: {damage:?}");
            assert!(text.starts_with(&bytes), "cut at {cut}");
            assert!(cut < sound.len() / 2 || bytes.len() > text.len() / 4, "cut at {cut}: {}", bytes.len());
        }
    }

    #[test]
    fn a_bomb_is_defused_and_can_be_abandoned() {
        let zeros = gzip(&vec![0; 64 << 20]);
        let mut bytes = Vec::new();
        assert!(matches!(
            inflate(&mut zeros.as_slice(), 1 << 30, &|| false, &mut bytes),
            Err(Damage::NoJson)
        ));
        assert_eq!(bytes.len() as u64, CHUNK);
        let bomb = gzip(&[b"{".as_slice(), &vec![b' '; 64 << 20]].concat());
        bytes = Vec::new();
        assert!(matches!(
            inflate(&mut bomb.as_slice(), 1 << 20, &|| false, &mut bytes),
            Err(Damage::TooLarge(_))
        ));
        assert!(bytes.capacity() <= 8 << 20, "{} bytes reserved", bytes.capacity());
        let mut looks = std::cell::Cell::new(0);
        let stop = || looks.replace(looks.get() + 1) > 3;
        assert!(inflate(&mut bomb.as_slice(), 1 << 30, &stop, &mut bytes).is_ok());
        assert!(bytes.len() < 64 << 20 && *looks.get_mut() < 10);
    }

    #[test]
    fn a_million_empty_members_take_no_time() {
        let members = gzip(b"").repeat(1_000_000);
        let mut bytes = Vec::new();
        assert!(inflate(&mut members.as_slice(), MAX, &|| false, &mut bytes).is_ok());
    }
}
