//! Decimal numbers, and a quick way for those of a few digits, as most are.

/// Digits of which every number is less than 2^53, and with that exact as a float.
const MOST_DIGITS: usize = 15;

/// Digits and a point.
const MOST_LENGTH: usize = MOST_DIGITS + 1;

/// The lowest and the highest bit of each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

const POINTS: u64 = ONES * b'.' as u64;
const ZEROS: u64 = ONES * b'0' as u64;
/// What makes a byte from 10 on one with the highest bit.
const ABOVE_NINE: u64 = ONES * (0x80 - 10);

/// Powers of ten that are exact as floats.
const POWERS: [f64; MOST_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number as `[+-]digits[.digits][e[+-]digits]`, which the text must be.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    short(text).or_else(|| fast_float2::parse(text).ok())
}

/// `[+-]digits[.digits]` of at most 15 digits; `None` for all else, numbers or not.
///
/// The digits as a whole number, and the power of ten that it is divided by, are exact, and a division rounds
/// correctly: so the result is the float nearest to the number (W. D. Clinger, "How to read floating point numbers
/// accurately", 1990).
fn short(text: &[u8]) -> Option<f64> {
    let (negative, number) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let (whole, behind) = match number.len() {
        4..=8 => eight(number),
        1..=MOST_LENGTH => one_by_one(number),
        _ => None,
    }?;
    let size = whole as f64 / POWERS[behind];
    Some(if negative { -size } else { size })
}

/// The digits of a text of 4 to 8 bytes as a whole number, and how many are behind the point: all at a time, as the
/// bytes of a number.
fn eight(text: &[u8]) -> Option<(u64, usize)> {
    let (first, last) = (text.first_chunk()?, text.last_chunk()?);
    let low = u64::from(u32::from_le_bytes(*first));
    let high = u64::from(u32::from_le_bytes(*last));
    let word = low | high << (8 * (text.len() - 4));
    // The lowest byte that is marked is a point; a borrow can only mark bytes above it in error.
    let points = word ^ POINTS;
    let found = (points.wrapping_sub(ONES) & !points & HIGH).trailing_zeros() as usize / 8;
    let (digits, behind) = if found < text.len() {
        let before = !(u64::MAX << (8 * found));
        // Without the point: what is above it moves down.
        (word & before | word >> 8 & !before, text.len() - 1 - found)
    } else {
        (word, 0)
    };
    let count = text.len() - usize::from(found < text.len());
    // The first digits are zeros, as many as are missing.
    let digits = digits.wrapping_sub(ZEROS) << (8 * (8 - count));
    if (digits | digits.wrapping_add(ABOVE_NINE)) & HIGH != 0 {
        return None;
    }
    // Two, four and eight digits at a time (D. Lemire, "Quickly parsing eight digits", 2018).
    let twos = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    Some(((fours * 10_000 + (fours >> 32)) & 0xffff_ffff, behind))
}

/// The same for a text of any length.
fn one_by_one(text: &[u8]) -> Option<(u64, usize)> {
    let (mut number, mut point) = (0, None);
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + u64::from(digit);
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let behind = point.map_or(0, |at| text.len() - 1 - at);
    let digits = text.len() - usize::from(point.is_some());
    (1..=MOST_DIGITS).contains(&digits).then_some((number, behind))
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn short_numbers_are_the_nearest_floats() {
        let mut checked = 0;
        for whole in (0..2_000_u64).chain([99_999, 123_456_789, 999_999_999_999]) {
            for (behind, sign) in [(0, "-"), (1, "+"), (2, ""), (3, "-")] {
                let digits = format!("{whole:0>width$}", width = behind + 1);
                let (before, fraction) = digits.split_at(digits.len() - behind);
                let text = format!("{sign}{before}.{fraction}");
                let expected: Result<f64, _> = text.parse();
                assert_eq!(
                    short(text.as_bytes()).map(f64::to_bits),
                    expected.ok().map(f64::to_bits),
                    "{text}"
                );
                checked += 1;
            }
        }
        assert_eq!(checked, 2_003 * 4);
        assert_eq!(short(b"0.1"), Some(0.1));
        assert_eq!(short(b".5"), Some(0.5));
        assert_eq!(short(b"-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(short(b"123456789.123456"), Some(123_456_789.123_456));
    }

    #[test]
    fn all_else_is_left_to_others() {
        for text in [
            "",
            "-",
            ".",
            "+.",
            "1e5",
            "1.5.",
            "1_0",
            " 1",
            "1 ",
            "nan",
            "--1",
            "1.2.3",
            "\u{660}",
            "1234567890123456",
            "1.234567890123456",
        ] {
            assert_eq!(short(text.as_bytes()), None, "{text}");
        }
    }
}
