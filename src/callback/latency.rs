//! Spans of time in buckets, two for each doubling: counted without keeping each, and still
//! good for a percentile to a quarter of its size.

/// Buckets: the last one takes everything beyond a minute.
pub const BUCKETS: u32 = 34;

/// The longest span of a bucket in milliseconds: 1, 2, 3, 4, 6, 8, 12, 16 and so on.
#[must_use]
pub fn bound_ms(bucket: u32) -> u64 {
    match bucket {
        0 => 1,
        odd if odd % 2 == 1 => 2 << (odd / 2),
        even => 3 << (even / 2 - 1),
    }
}

/// The bucket of a span.
#[must_use]
pub fn bucket_of(ms: u64) -> u32 {
    let fits = (0..BUCKETS).find(|bucket| ms <= bound_ms(*bucket));
    fits.unwrap_or(BUCKETS - 1)
}

/// The span that `percent` of what was counted does not exceed, in milliseconds; between the
/// bounds of its bucket as if it were filled evenly. `None` when nothing was counted.
#[must_use]
pub fn percentile_ms(counts: &[u64], percent: u64) -> Option<u64> {
    let total: u64 = counts.iter().sum();
    let rank = (total * percent).div_ceil(100).max(1);
    let (mut below, mut least) = (0, 0);
    for (bucket, &n) in (0..).zip(counts) {
        let most = bound_ms(bucket);
        if n > 0 && below + n >= rank {
            return Some(least + (most - least) * (rank - below) / n);
        }
        (below, least) = (below + n, most);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_and_hold_what_they_say() {
        let bounds: Vec<_> = (0..8).map(bound_ms).collect();
        assert_eq!(bounds, [1, 2, 3, 4, 6, 8, 12, 16]);
        assert!(bound_ms(BUCKETS - 1) > 60_000);
        for ms in [0, 1, 2, 3, 5, 7, 999, 30_000, u64::MAX] {
            let bucket = bucket_of(ms);
            assert!(bucket == BUCKETS - 1 || ms <= bound_ms(bucket));
            assert!(bucket == 0 || ms > bound_ms(bucket - 1), "{ms}");
        }
    }

    #[test]
    fn percentiles_are_within_their_bucket() {
        let mut counts = vec![0; BUCKETS as usize];
        assert_eq!(percentile_ms(&counts, 50), None);
        for ms in 1..=1000_u64 {
            counts[bucket_of(ms) as usize] += 1;
        }
        for percent in [1, 50, 95, 100] {
            let (told, real) = (percentile_ms(&counts, percent).unwrap(), percent * 10);
            assert!(told.abs_diff(real) <= real / 4 + 1, "p{percent}: {told}");
        }
    }
}
