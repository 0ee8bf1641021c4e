//! Objects that are much alike -> which key comes next. Pure: a guess that is compared with the text before it is used.
//!
//! AWS writes the keys of its records in nearly the same order, so that a key that was met before need not be scanned
//! for its end and told from all others again.

/// The longest key that is remembered, its quotes and its colon included.
const LONGEST: usize = 32;
const WORDS: usize = LONGEST / size_of::<u64>();
/// Objects with more keys than this are not alike.
const MOST: usize = 64;
/// How many keys are remembered to have come after another: many a key is there in some records only.
const FOLLOWERS: usize = 2;

/// Keys that were met, each with those that followed it last, and with what it means.
#[derive(Debug)]
pub(super) struct Keys<K> {
    /// The first one stands for the beginning of an object, and for whatever is not remembered.
    known: Vec<Known<K>>,
}

#[derive(Debug)]
struct Known<K> {
    /// The key as it stands in the text, quotes and colon included, and ones where it has bytes.
    text: [u64; WORDS],
    mask: [u64; WORDS],
    length: usize,
    meaning: K,
    /// The numbers of the keys that came after it.
    next: [u8; FOLLOWERS],
}

/// The number of a key, or of the beginning of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(u8);

impl Number {
    /// The beginning of an object.
    pub(super) const BEGINNING: Self = Self(0);
}

impl<K: Copy> Keys<K> {
    /// None were met; `nothing` is never given.
    pub(super) fn new(nothing: K) -> Self {
        // No text in UTF-8 has bytes of ones: it never is what comes next.
        let (text, mask) = ([u64::MAX; WORDS], [u64::MAX; WORDS]);
        Self { known: vec![Known { text, mask, length: 0, meaning: nothing, next: [0; FOLLOWERS] }] }
    }

    /// Forgets all if there is no room for more: a file of another kind must not hold it for ever.
    pub(super) fn make_room(&mut self) {
        if self.known.len() == MOST {
            self.known.truncate(1);
            self.known[0].next = [0; FOLLOWERS];
        }
    }

    /// If `text` begins with a key that followed `last` before: that key, its length and what it means.
    #[inline]
    pub(super) fn guess(&self, last: Number, text: &[u8]) -> Option<(Number, usize, K)> {
        let text = words(text.first_chunk()?);
        self.known[usize::from(last.0)].next.into_iter().find_map(|next| {
            let known = &self.known[usize::from(next)];
            known.is_at(&text).then_some((Number(next), known.length, known.meaning))
        })
    }

    /// Remembers that after `last` came the key that stands in the text as `key`.
    #[cold]
    pub(super) fn learn(&mut self, last: Number, key: &[u8], meaning: K) -> Number {
        if key.len() > LONGEST {
            return Number::BEGINNING;
        }
        let (mut text, mut mask) = ([0; LONGEST], [0; LONGEST]);
        text[..key.len()].copy_from_slice(key);
        mask[..key.len()].fill(u8::MAX);
        let (text, mask) = (words(&text), words(&mask));
        let is_it = |known: &Known<K>| known.length == key.len() && known.is_at(&text);
        let number = self.known.iter().position(is_it).unwrap_or(self.known.len());
        if number == MOST {
            return Number::BEGINNING;
        }
        if number == self.known.len() {
            self.known.push(Known { text, mask, length: key.len(), meaning, next: [0; FOLLOWERS] });
        }
        let next = &mut self.known[usize::from(last.0)].next;
        next.rotate_right(1);
        next[0] = number as u8;
        Number(number as u8)
    }
}

impl<K> Known<K> {
    /// Whether a text begins with this key.
    #[inline]
    fn is_at(&self, text: &[u64; WORDS]) -> bool {
        let differs =
            (0..WORDS).fold(0, |differs, at| differs | ((text[at] ^ self.text[at]) & self.mask[at]));
        differs == 0
    }
}

fn words(bytes: &[u8; LONGEST]) -> [u64; WORDS] {
    let (words, _) = bytes.as_chunks();
    std::array::from_fn(|at| u64::from_ne_bytes(words[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_is_guessed_and_compared() {
        let mut keys = Keys::new(0);
        let rest = |key: &str| format!("{key}\"x\",                                 ").into_bytes();
        let start = Number::BEGINNING;
        assert_eq!(keys.guess(start, &rest("\"a\":")), None);
        assert_eq!(keys.guess(start, &[0; 64]), None);
        let a = keys.learn(start, b"\"a\":", 1);
        let b = keys.learn(a, b"\"b\":", 2);
        assert_eq!(keys.guess(start, &rest("\"a\":")), Some((a, 4, 1)));
        assert_eq!(keys.guess(a, &rest("\"b\":")), Some((b, 4, 2)));
        for other in ["\"a\":", "\"b\" :", "\"bb\":", "\"b\\u0041\":"] {
            assert_eq!(keys.guess(a, &rest(other)), None, "{other}");
        }
        // Too near the end of the text to be compared at once.
        assert_eq!(keys.guess(a, b"\"b\":1}"), None);
        // A second successor is remembered beside the first, a third in place of it; what is known stays itself.
        assert_eq!(keys.learn(a, b"\"a\":", 1), a);
        let guessed = |keys: &Keys<i32>| ["\"a\":", "\"b\":"].map(|key| keys.guess(a, &rest(key)));
        assert_eq!(guessed(&keys), [Some((a, 4, 1)), Some((b, 4, 2))]);
        keys.learn(a, b"\"c\":", 3);
        assert_eq!(guessed(&keys), [Some((a, 4, 1)), None]);
        assert_eq!(keys.learn(a, &[b'x'; 33], 3), start);
        for number in 0..200_u8 {
            keys.learn(start, &[b'"', number, b'"', b':'], 4);
        }
        assert_eq!(keys.known.len(), MOST);
    }
}
