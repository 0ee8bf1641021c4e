//! An account and an event id -> 128 bits that stand for both. Pure.
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// 128 bits that stand for an account's event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u64; 2]); // not u128: its alignment would cost a third more in tables

/// An account, as it is mixed into the fingerprints of its events: one event can be delivered to several accounts, and
/// counts in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Salt(u128);

impl Salt {
    /// The salt of an account.
    #[must_use]
    pub fn new(account: &str) -> Self {
        let account = account.parse::<u128>().unwrap_or_else(|_| hash128(account));
        // Odd multiplier of 2^128 / golden ratio: accounts that differ in one digit differ in all bits.
        Self(account.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
    }
}

impl Fingerprint {
    /// A UUID keeps its own bits, any other id is hashed.
    #[must_use]
    pub fn new(account: Salt, event_id: &str) -> Self {
        let id = Uuid::try_parse(event_id).map_or_else(|_| hash128(event_id), |uuid| uuid.as_u128());
        let mixed = id ^ account.0;
        Self([(mixed >> 64) as u64, mixed as u64])
    }

    /// As bytes, and back by [`Fingerprint::from_bytes`].
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0[0].to_be_bytes());
        bytes[8..].copy_from_slice(&self.0[1].to_be_bytes());
        bytes
    }

    /// See [`Fingerprint::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self([(number >> 64) as u64, number as u64])
    }

    /// Half of its bits, both halves mixed: versions and variants of UUIDs stand at fixed places.
    #[must_use]
    pub(super) const fn short(self) -> u64 {
        self.0[0] ^ self.0[1].rotate_left(17)
    }
}

fn hash128(text: &str) -> u128 {
    let digest = Sha256::digest(text.as_bytes());
    u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_in_its_account_only() {
        let id = "0dcbd6b2-2b3b-4c8f-8f4e-3f0d5d0b2a11";
        let print = |account: &str, id: &str| Fingerprint::new(Salt::new(account), id);
        assert_eq!(print("123456789012", id), print("123456789012", &id.to_uppercase()));
        assert_ne!(print("123456789012", id), print("123456789013", id));
        assert_ne!(print("123456789012", "a"), print("123456789012", "b"));
        assert_ne!(print("a", id), print("b", id));
    }
}
