//! PURE: rows as numbers, so that two stores can be compared that keep them in different
//! ways. Never reads a store: whoever does says which columns a row has, in which order.

use sha2::{Digest, Sha256};

/// SHA-256 of one row.
pub type RowDigest = [u8; 32];

/// Makes the digest of one row, column by column.
#[derive(Default)]
pub struct RowHasher(Sha256);

impl RowHasher {
    /// The next column: bytes, or null. Its length goes in, too, so that no other columns
    /// come to the same.
    #[must_use]
    pub fn bytes(mut self, column: Option<&[u8]>) -> Self {
        match column {
            None => self.0.update([0]),
            Some(bytes) => {
                self.0.update([1]);
                self.0.update((bytes.len() as u64).to_le_bytes());
                self.0.update(bytes);
            }
        }
        self
    }

    /// The next column: text, or null.
    #[must_use]
    pub fn text(self, column: Option<&str>) -> Self {
        self.bytes(column.map(str::as_bytes))
    }

    /// The next column: a number, or null.
    #[must_use]
    pub fn number(self, column: Option<i64>) -> Self {
        self.bytes(
            column
                .map(i64::to_le_bytes)
                .as_ref()
                .map(|bytes| &bytes[..]),
        )
    }

    /// The digest of all columns.
    #[must_use]
    pub fn finish(self) -> RowDigest {
        self.0.finalize().into()
    }
}

/// The SHA-256 of a value that is compared without being sent.
#[must_use]
pub fn digest_of(value: &[u8]) -> RowDigest {
    Sha256::digest(value).into()
}

/// How many rows there are and the sum of their digests: the same for the same rows,
/// whatever their order. It finds what goes wrong, not what somebody forges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksum {
    rows: u64,
    sum: [u64; 4],
}

impl Checksum {
    /// Counts one row in.
    pub fn add(&mut self, row: &RowDigest) {
        self.rows += 1;
        let parts = row.as_chunks::<8>().0;
        for (sum, part) in self.sum.iter_mut().zip(parts) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
    }

    /// How many rows were counted in.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// The first part of the sum: enough for people to compare.
impl std::fmt::Display for Checksum {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:016x}", self.sum[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&[Option<&str>]]) -> Checksum {
        let mut checksum = Checksum::default();
        for row in rows {
            let hasher = row
                .iter()
                .fold(RowHasher::default(), |hasher, column| hasher.text(*column));
            checksum.add(&hasher.finish());
        }
        checksum
    }

    #[test]
    fn only_the_same_rows_have_the_same_checksum_in_any_order() {
        let (a, b): (&[_], &[_]) = (&[Some("a"), None], &[Some("b"), Some("")]);
        assert_eq!(sum(&[a, b]), sum(&[b, a]));
        let others: [&[&[Option<&str>]]; 5] = [
            &[a],
            &[a, b, b],
            &[a, &[Some("b"), None]],
            &[a, &[Some("b")]],
            &[a, &[Some(""), Some("b")]],
        ];
        for other in others {
            assert_ne!(sum(&[a, b]), sum(other), "{other:?}");
        }
        assert_ne!(
            sum(&[&[Some("ab"), Some("c")]]),
            sum(&[&[Some("a"), Some("bc")]])
        );
    }

    #[test]
    fn a_number_is_not_its_neighbour_nor_null() {
        let digest = |number| RowHasher::default().number(number).finish();
        assert_eq!(digest(Some(7)), digest(Some(7)));
        assert_ne!(digest(Some(7)), digest(Some(8)));
        assert_ne!(digest(Some(0)), digest(None));
    }
}
