//! What compiled code calls for numbers: powers, rounding, texts that are numbers, the functions of `math`.
//!
//! The C library's own functions are called, as CPython calls them, so that the last bit is the same.

use super::{DONE, RAISES, UNSURE, decimal};

unsafe extern "C" {
    fn pow(x: f64, y: f64) -> f64;
    fn atan2(y: f64, x: f64) -> f64;
    fn exp(x: f64) -> f64;
    fn expm1(x: f64) -> f64;
    fn log(x: f64) -> f64;
    fn log2(x: f64) -> f64;
    fn log10(x: f64) -> f64;
    fn log1p(x: f64) -> f64;
    fn sin(x: f64) -> f64;
    fn cos(x: f64) -> f64;
    fn tan(x: f64) -> f64;
    fn asin(x: f64) -> f64;
    fn acos(x: f64) -> f64;
    fn atan(x: f64) -> f64;
    fn sinh(x: f64) -> f64;
    fn cosh(x: f64) -> f64;
    fn tanh(x: f64) -> f64;
}

type Unary = unsafe extern "C" fn(f64) -> f64;

extern "C" fn square_root(x: f64) -> f64 {
    x.sqrt()
}

/// Functions of `math` of one number, by name.
pub(crate) const UNARY: &[(&str, Unary)] = &[
    ("sqrt", square_root),
    ("exp", exp),
    ("expm1", expm1),
    ("log", log),
    ("log2", log2),
    ("log10", log10),
    ("log1p", log1p),
    ("sin", sin),
    ("cos", cos),
    ("tan", tan),
    ("asin", asin),
    ("acos", acos),
    ("atan", atan),
    ("sinh", sinh),
    ("cosh", cosh),
    ("tanh", tanh),
];

/// The functions that overflow to infinity; the others have poles, which are errors of another kind.
const GROWING: &[&str] = &["exp", "expm1", "sinh", "cosh"];

/// Digits behind the point beyond which a float is its own rounding.
const MOST_DIGITS: i64 = 323;

/// `round(x, digits)` for a finite float: the decimal number nearest to its exact value, ties to even.
fn rounded(x: f64, digits: usize) -> Option<f64> {
    // Only a multiple of a half of the last digit can be a tie, and only one with so few bits is such a
    // multiple; all its digits are then those up to the one behind the last.
    let doubled = x * 2.0_f64.powi(digits as i32 + 1);
    if digits >= 60 || doubled.fract() != 0.0 {
        return format!("{x:.digits$}").parse().ok();
    }
    let exact = format!("{:.*}", digits + 1, x);
    let Some(half) = exact.strip_suffix('5') else {
        return format!("{x:.digits$}").parse().ok();
    };
    let down = half.trim_end_matches('.');
    let last = down.bytes().last()?;
    if (last - b'0').is_multiple_of(2) {
        return down.parse().ok();
    }
    // One more in the last place: the digits as a whole number, which is small enough to hold.
    let (sign, size) = down.strip_prefix('-').map_or(("", down), |size| ("-", size));
    let places = size.split_once('.').map_or(0, |(_, behind)| behind.len());
    let whole: u128 = size.replace('.', "").parse().ok()?;
    format!("{sign}{}e-{places}", whole + 1).parse().ok()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | b' ')
}

/// The text without the white space around it. `None` if it holds what only CPython's tables know: characters
/// beyond ASCII, and the separators 28 to 31, which are space to some of its functions and not to others.
fn trimmed(text: &[u8]) -> Option<&[u8]> {
    if !text.is_ascii() || text.iter().any(|byte| (28..=31).contains(byte)) {
        return None;
    }
    let start = text.iter().position(|&b| !is_space(b)).unwrap_or(text.len());
    let end = text.iter().rposition(|&b| !is_space(b)).map_or(start, |at| at + 1);
    Some(&text[start..end])
}

fn unsigned(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// What a text says, if CPython reads it as a number.
pub(super) enum Read<T> {
    Number(T),
    /// `ValueError` for certain.
    Wrong,
    Unsure,
}

/// `int(text, base)`.
pub(super) fn int_of(text: &[u8], base: i64) -> Read<i64> {
    let Some(text) = trimmed(text) else { return Read::Unsure };
    let (negative, mut digits) = unsigned(text);
    let mut base = base;
    let prefix = match digits {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 0,
    };
    if prefix != 0 && (base == 0 || base == prefix) {
        (base, digits) = (prefix, &digits[2..]);
        // One underscore may follow the prefix.
        digits = digits.strip_prefix(b"_").unwrap_or(digits);
    } else if base == 0 {
        // A number that begins with 0 must be 0 then.
        return Read::Unsure;
    }
    let mut value: i128 = 0;
    let mut after_digit = false;
    for &byte in digits {
        if byte == b'_' && after_digit {
            after_digit = false;
            continue;
        }
        let Some(digit) = (byte as char).to_digit(base as u32) else { return Read::Wrong };
        value = value.saturating_mul(base as i128).saturating_add(i128::from(digit));
        after_digit = true;
    }
    if !after_digit {
        return Read::Wrong;
    }
    match i64::try_from(if negative { -value } else { value }) {
        // CPython refuses very long texts, even of zeros.
        Ok(value) if digits.len() < 600 => Read::Number(value),
        _ => Read::Unsure,
    }
}

/// `float(text)`.
pub(super) fn float_of(text: &[u8]) -> Read<f64> {
    let Some(text) = trimmed(text) else { return Read::Unsure };
    let (negative, size) = unsigned(text);
    let special = match size.to_ascii_lowercase().as_slice() {
        b"inf" | b"infinity" => Some(f64::INFINITY),
        b"nan" => Some(f64::NAN),
        _ => None,
    };
    if let Some(value) = special {
        return Read::Number(value.copysign(if negative { -1.0 } else { 1.0 }));
    }
    if !size.first().is_some_and(|&b| b.is_ascii_digit() || b == b'.') {
        return Read::Wrong;
    }
    let is_digit = |at: usize| size.get(at).is_some_and(u8::is_ascii_digit);
    let bars = size.iter().enumerate().filter(|&(_, &byte)| byte == b'_');
    for (at, _) in bars {
        if at == 0 || !is_digit(at - 1) || !is_digit(at + 1) {
            return Read::Wrong;
        }
    }
    let plain: Vec<u8> = size.iter().copied().filter(|&byte| byte != b'_').collect();
    if !is_decimal(&plain) {
        return Read::Wrong;
    }
    match decimal::float(&plain) {
        Some(value) => Read::Number(if negative { -value } else { value }),
        None => Read::Unsure,
    }
}

/// Whether a text is `digits[.digits][e[+-]digits]`, with a digit before or behind the point.
fn is_decimal(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let before = digits(text);
    let mut rest = &text[before..];
    let mut behind = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        behind = digits(fraction);
        rest = &fraction[behind..];
    }
    if before + behind == 0 {
        return false;
    }
    match rest.split_first() {
        None => true,
        Some((b'e' | b'E', exponent)) => {
            let (_, exponent) = unsigned(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
}

fn put(out: *mut u64, value: f64) -> u32 {
    // SAFETY: `out` has room for a slot; the code generator made it so.
    unsafe { *out = value.to_bits() };
    DONE
}

// SAFETY for every block below: addresses come from compiled code, which passes stack slots large enough for the
// result; the C library's functions take any number.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// `a ** b` for whole numbers, the second one not negative.
        fn int_power(a: i64, b: i64, out: *mut u64) -> u32 {
            let power = match a {
                0 | 1 => if b == 0 { Some(1) } else { Some(a) },
                -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
                _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            };
            let Some(power) = power else { return UNSURE };
            unsafe { *out = power as u64 };
            DONE
        }

        /// `pow(a, b, m)` for whole numbers.
        fn modular_power(a: i64, b: i64, m: i64, out: *mut u64) -> u32 {
            if b < 0 {
                return UNSURE;
            }
            if m == 0 {
                return RAISES;
            }
            let (m, mut base, mut left) = (i128::from(m), i128::from(a), b);
            let size = m.abs();
            base = base.rem_euclid(size);
            let mut power = 1 % size;
            while left > 0 {
                if left & 1 == 1 {
                    power = power * base % size;
                }
                base = base * base % size;
                left >>= 1;
            }
            // The result has the sign of the modulus.
            let power = if m < 0 && power != 0 { power - size } else { power };
            unsafe { *out = power as i64 as u64 };
            DONE
        }

        /// `a ** b` for floats; `RAISES` is division by zero.
        fn float_power(a: f64, b: f64, out: *mut u64) -> u32 {
            if !a.is_finite() || !b.is_finite() {
                return UNSURE;
            }
            if a == 0.0 && b < 0.0 {
                return RAISES;
            }
            let power = unsafe { pow(a, b) };
            // Complex, or an overflow.
            if power.is_finite() { put(out, power) } else { UNSURE }
        }

        /// `math.pow`; `RAISES` is a domain error.
        fn math_power(a: f64, b: f64, out: *mut u64) -> u32 {
            if !a.is_finite() || !b.is_finite() {
                return UNSURE;
            }
            let power = unsafe { pow(a, b) };
            match power.is_finite() {
                true => put(out, power),
                false if power.is_nan() || a == 0.0 => RAISES,
                false => UNSURE,
            }
        }

        /// `math.atan2`.
        fn math_atan2(y: f64, x: f64, out: *mut u64) -> u32 {
            if !x.is_finite() || !y.is_finite() {
                return UNSURE;
            }
            let angle = match y == 0.0 {
                true if x.is_sign_positive() => 0.0_f64.copysign(y),
                true => std::f64::consts::PI.copysign(y),
                false => unsafe { atan2(y, x) },
            };
            put(out, angle)
        }

        /// `math.fmod`.
        fn math_fmod(x: f64, y: f64, out: *mut u64) -> u32 {
            if !x.is_finite() || !y.is_finite() {
                return UNSURE;
            }
            if y == 0.0 { RAISES } else { put(out, x % y) }
        }

        /// A function of `math` of one number, by its place in the table; `RAISES` is a domain error.
        fn math_unary(which: usize, x: f64, out: *mut u64) -> u32 {
            let Some((name, function)) = UNARY.get(which) else { return UNSURE };
            if x == 0.0 && *name == "log1p" {
                return put(out, x);
            }
            if !x.is_finite() && matches!(*name, "log" | "log2" | "log10") {
                return UNSURE;
            }
            let value = unsafe { function(x) };
            if value.is_nan() && !x.is_nan() {
                return RAISES;
            }
            if value.is_infinite() && x.is_finite() {
                return if GROWING.contains(name) { UNSURE } else { RAISES };
            }
            put(out, value)
        }

        /// `math.gcd`.
        fn math_gcd(a: i64, b: i64, out: *mut u64) -> u32 {
            let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
            while b != 0 {
                (a, b) = (b, a % b);
            }
            if a > i64::MAX as u64 {
                return UNSURE;
            }
            unsafe { *out = a };
            DONE
        }

        /// `math.factorial`.
        fn math_factorial(n: i64, out: *mut u64) -> u32 {
            if n < 0 {
                return RAISES;
            }
            if n > 20 {
                return UNSURE;
            }
            unsafe { *out = (1..=n).product::<i64>() as u64 };
            DONE
        }

        /// `int(x)` (0), `math.floor` (1), `math.ceil` (2), `round(x)` (3); `RAISES` is what nan raises.
        fn whole_part(x: f64, how: i64, out: *mut u64) -> u32 {
            if x.is_nan() {
                return RAISES;
            }
            let whole = match how {
                0 => x.trunc(),
                1 => x.floor(),
                2 => x.ceil(),
                _ => x.round_ties_even(),
            };
            // The bounds are exact as floats.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole) {
                return UNSURE;
            }
            unsafe { *out = whole as i64 as u64 };
            DONE
        }

        /// `round(x, digits)`.
        fn round_to(x: f64, digits: i64, out: *mut u64) -> u32 {
            if !x.is_finite() || digits > MOST_DIGITS {
                return put(out, x);
            }
            match usize::try_from(digits).ok().and_then(|digits| rounded(x, digits)) {
                Some(value) => put(out, value),
                None => UNSURE,
            }
        }

        /// `int(str, base)`.
        fn parse_based(s: *const u8, n: usize, base: i64, out: *mut u64) -> u32 {
            if base != 0 && !(2..=36).contains(&base) {
                return RAISES;
            }
            match int_of(unsafe { super::super::bytes(s, n) }, base) {
                Read::Number(value) => {
                    unsafe { *out = value as u64 };
                    DONE
                }
                Read::Wrong => RAISES,
                Read::Unsure => UNSURE,
            }
        }
    }
}

pub(super) use calls::symbols;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_of_the_exact_value() {
        for (x, digits, value) in [
            (0.5, 0, 0.0),
            (1.5, 0, 2.0),
            (2.5, 0, 2.0),
            (-2.5, 0, -2.0),
            (0.25, 1, 0.2),
            (0.75, 1, 0.8),
            (-0.375, 2, -0.38),
            (0.125, 2, 0.12),
            (9.5, 0, 10.0),
            (99.5, 0, 100.0),
            (2.675, 2, 2.67),
            (1e300, 2, 1e300),
            (5e-324, 3, 0.0),
            (4503599627370495.5, 0, 4503599627370496.0),
        ] {
            assert_eq!(rounded(x, digits), Some(value), "{x} {digits}");
        }
        assert_eq!(rounded(-0.04, 1).map(f64::to_bits), Some((-0.0_f64).to_bits()));
    }
}
