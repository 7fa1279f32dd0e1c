//! What `len`, `sum`, `min` and `max` tell of a list of integers: enough for an update function that asks nothing
//! else of its new values, so that they need not be kept.

use crate::pickle;

/// Slots of a digest: the number of values, their sum in 128 bits (low, high), the least and the greatest. All are
/// 0 if there are no values.
pub const SLOTS: usize = 5;

/// The digest of one value.
///
/// ```
/// use tidemill_udf::digest;
/// let mut all = digest::of(-3);
/// digest::join(&mut all, &digest::of(5));
/// assert_eq!(digest::items(&all).collect::<Vec<_>>(), [-3, 5]);
/// ```
pub fn of(value: i64) -> [u64; SLOTS] {
    let high = if value < 0 { u64::MAX } else { 0 };
    let value = value as u64;
    [1, value, high, value, value]
}

/// Adds the values of another digest to one.
pub fn join(all: &mut [u64], more: &[u64]) {
    if more[0] == 0 {
        return;
    }
    if all[0] == 0 {
        all.copy_from_slice(more);
        return;
    }
    all[0] += more[0];
    // Fewer than 2^63 values of 64 bits do not outgrow 128.
    let sum = sum(all).wrapping_add(sum(more));
    (all[1], all[2]) = (sum as u64, (sum >> 64) as u64);
    all[3] = (all[3] as i64).min(more[3] as i64) as u64;
    all[4] = (all[4] as i64).max(more[4] as i64) as u64;
}

fn sum(digest: &[u64]) -> i128 {
    i128::from(digest[2] as i64) << 64 | i128::from(digest[1])
}

/// Values that a digest is of: perhaps not the ones that it was made of, but as many, with the same sum, the same
/// least and the same greatest.
pub fn items(digest: &[u64]) -> impl Iterator<Item = i64> {
    let (count, least, most) = (digest[0], digest[3] as i64, digest[4] as i64);
    // All but the least and the greatest are as alike as can be; their mean is between those two.
    let between = count.saturating_sub(2);
    let rest = sum(digest) - i128::from(least) - i128::from(most);
    let (each, larger) = match i128::from(between) {
        0 => (0, 0),
        between => (rest.div_euclid(between), rest.rem_euclid(between)),
    };
    let middle = (0..i128::from(between)).map(move |at| (each + i128::from(at < larger)) as i64);
    let first = (count > 0).then_some(least).into_iter();
    first.chain(middle).chain((count > 1).then_some(most))
}

/// Writes a list of values that a digest is of.
pub(crate) fn pickle(out: &mut Vec<u8>, digest: &[u64]) {
    pickle::begin_list(out);
    items(digest).for_each(|value| pickle::write_int(out, value));
    pickle::end_list(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(values: &[i64]) -> [u64; SLOTS] {
        let mut all = [0; SLOTS];
        for &value in values {
            join(&mut all, &of(value));
        }
        all
    }

    #[test]
    fn its_items_have_the_same_digest() {
        let (low, high) = (i64::MIN, i64::MAX);
        for values in [
            &[][..],
            &[7],
            &[-1, -1],
            &[low, high],
            &[high, high, high],
            &[low, low, low, 0],
            &[3, -5, 8, 8, 1, 0, -2],
            &[low, high, high, high, -1],
        ] {
            let all = digest(values);
            let items: Vec<i64> = items(&all).collect();
            assert_eq!(items.len(), values.len());
            assert_eq!(digest(&items), all, "{values:?} {items:?}");
        }
    }

    #[test]
    fn it_does_not_matter_how_values_are_joined() {
        let (a, b) = ([5, -9, i64::MAX], [i64::MAX, 2]);
        let mut joined = digest(&a);
        join(&mut joined, &digest(&b));
        assert_eq!(joined, digest(&[a.as_slice(), &b].concat()));
        join(&mut joined, &digest(&[]));
        assert_eq!(joined[0], 5);
    }
}
