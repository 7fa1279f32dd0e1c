//! Where in a text the first byte of a kind is, found sixteen bytes at a time.

const WIDTH: usize = 16;

/// The first place from `at` on of a byte that is of a kind; the text's end if there is none.
///
/// What ends the pieces of a text is hard to predict, so each step looks at all sixteen bytes without a branch.
#[inline(always)]
pub(super) fn first_of(text: &[u8], mut at: usize, is: impl Fn(u8) -> bool) -> usize {
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let hits = which(chunk, &is);
        if hits != 0 {
            return at + hits.trailing_zeros() as usize;
        }
        at += WIDTH;
    }
    match text.last_chunk() {
        // The bytes before the place are shifted out; zeros follow the last.
        Some(last) if at < text.len() => {
            let hits = which(last, &is) >> (WIDTH - (text.len() - at));
            if hits == 0 { text.len() } else { at + hits.trailing_zeros() as usize }
        }
        Some(_) => text.len(),
        None => {
            text.iter().skip(at).position(|&byte| is(byte)).map_or(text.len(), |found| at + found)
        }
    }
}

/// A bit for each of the bytes, the lowest for the first: whether it is of the kind.
#[inline(always)]
fn which(bytes: &[u8; WIDTH], is: impl Fn(u8) -> bool) -> u32 {
    let mut hits = [0_u8; WIDTH];
    // Vector instructions are made of this loop; of `bytes.map()` they are not.
    for (hit, &byte) in hits.iter_mut().zip(bytes) {
        *hit = if is(byte) { 0xff } else { 0 };
    }
    high_bits(hits)
}

/// The highest bit of each byte.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn high_bits(bytes: [u8; WIDTH]) -> u32 {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_movemask_epi8};
    // SAFETY: every x86-64 processor has these instructions; the load is of the array's sixteen bytes.
    unsafe { _mm_movemask_epi8(_mm_loadu_si128(bytes.as_ptr().cast())) as u32 }
}

/// The highest bit of each byte.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn high_bits(bytes: [u8; WIDTH]) -> u32 {
    let both = u128::from_le_bytes(bytes);
    eight_high_bits(both as u64) | eight_high_bits((both >> 64) as u64) << 8
}

/// The highest bit of each of eight bytes: the product brings each of them to the highest byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn eight_high_bits(bytes: u64) -> u32 {
    let lowest = bytes >> 7 & 0x0101_0101_0101_0101;
    (lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_is_found_wherever_it_is() {
        for length in 0..52 {
            for end in 0..=length {
                let mut text = vec![0x81_u8; length];
                text[end..].fill(0x80);
                for at in 0..length + 2 {
                    let expected = if end < length { end.max(at).min(length) } else { length };
                    assert_eq!(first_of(&text, at, |byte| byte == 0x80), expected, "{length} {at}");
                }
                for other in [0x82, 0x01, 0x00] {
                    assert_eq!(first_of(&text, 0, |byte| byte == other), length);
                }
            }
        }
    }

    #[test]
    fn high_bits_are_gathered_alike() {
        for bits in 0..=u16::MAX {
            let bytes: [u8; WIDTH] =
                std::array::from_fn(|i| if bits >> i & 1 == 1 { 0x80 | i as u8 } else { 0x7f });
            assert_eq!(high_bits(bytes), u32::from(bits));
            let both = u128::from_le_bytes(bytes);
            let gathered = eight_high_bits(both as u64) | eight_high_bits((both >> 64) as u64) << 8;
            assert_eq!(gathered, u32::from(bits));
        }
    }
}
