//! Outcome → what went wrong in words, with one hint that helps. The texts are a
//! fixed list: a receiver cannot put words in our mouth.

/// An outcome explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable short name, for metrics, search and storage.
    pub code: &'static str,
    /// What happened, one sentence.
    pub what: &'static str,
    /// What to do about it, one sentence. Empty when nothing is wrong.
    pub hint: &'static str,
}
