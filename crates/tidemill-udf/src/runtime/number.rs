//! Floats as text, digit for digit as CPython writes them (`Python/pystrtod.c`).

/// Numbers that differ in 15 digits are different floats, so that no float lies between two of them.
const FEWEST_OF_TWO: usize = 15;

/// The digits of a number and the place of its point, counted from before the first digit.
struct Digits {
    digits: String,
    point: i64,
}

impl Digits {
    /// From Rust's `1.25e-7`.
    fn parse(text: &str) -> Digits {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits = mantissa.replace('.', "");
        Digits { digits, point: exponent.parse::<i64>().unwrap_or(0) + 1 }
    }

    /// The fewest digits that are read as the same number again, and of those the nearest.
    fn shortest(value: f64) -> Digits {
        let found = format!("{value:e}");
        let number = found.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit);
        let number = number.count();
        if number >= FEWEST_OF_TWO {
            // Where two are equally near, CPython takes the even one, as exact rounding does.
            let rounded = format!("{value:.*e}", number - 1);
            if rounded != found && rounded.parse() == Ok(value) {
                return Digits::parse(&rounded).trimmed();
            }
        }
        Digits::parse(&found)
    }

    /// Without zeros at the end.
    fn trimmed(mut self) -> Digits {
        let kept = self.digits.trim_end_matches('0').len().max(1);
        self.digits.truncate(kept);
        self
    }

    /// That many digits, rounded from the exact value, without zeros at the end.
    fn rounded(value: f64, number: usize) -> Digits {
        Digits::parse(&format!("{value:.*e}", number.max(1) - 1)).trimmed()
    }

    /// With an exponent: `1.25`, `e-07`.
    fn scientific(&self) -> Text {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        Text { whole: first.into(), rest: format!("{point}{rest}{}", exponent(self.point - 1)) }
    }

    /// Without one; `whole_point` asks for `.0` after a whole number.
    fn positional(&self, whole_point: bool) -> Text {
        let length = self.digits.len() as i64;
        if self.point <= 0 {
            let zeros = "0".repeat(self.point.unsigned_abs() as usize);
            return Text { whole: "0".into(), rest: format!(".{zeros}{}", self.digits) };
        }
        if length <= self.point {
            let zeros = "0".repeat((self.point - length) as usize);
            let rest = if whole_point { ".0" } else { "" };
            return Text { whole: format!("{}{zeros}", self.digits), rest: rest.into() };
        }
        let (whole, rest) = self.digits.split_at(self.point as usize);
        Text { whole: whole.into(), rest: format!(".{rest}") }
    }
}

fn exponent(value: i64) -> String {
    let sign = if value < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", value.unsigned_abs())
}

/// A number without its sign: the digits before the point, and everything after them.
#[derive(Debug, PartialEq)]
pub(super) struct Text {
    pub(super) whole: String,
    pub(super) rest: String,
}

impl Text {
    /// A number that is not negative, by a format's type and precision; no type is what `str` does.
    pub(super) fn new(value: f64, kind: Option<char>, precision: Option<usize>) -> Text {
        let value = if kind == Some('%') { value * 100.0 } else { value };
        let mut text = Text::finite_or_not(value, kind, precision);
        if kind == Some('%') {
            text.rest.push('%');
        }
        if kind.is_some_and(|kind| kind.is_ascii_uppercase()) {
            text.rest.make_ascii_uppercase();
        }
        text
    }

    fn finite_or_not(value: f64, kind: Option<char>, precision: Option<usize>) -> Text {
        if !value.is_finite() {
            let rest = if value.is_nan() { "nan" } else { "inf" };
            return Text { whole: String::new(), rest: rest.into() };
        }
        let number = precision.unwrap_or(6);
        match (kind, precision) {
            (Some('f' | 'F' | '%'), _) => Text::fixed(&format!("{value:.number$}")),
            (Some('e' | 'E'), _) => Digits::parse(&format!("{value:.number$e}")).scientific(),
            (Some(_), _) => {
                Text::general(&Digits::rounded(value, number), number.max(1) as i64, false)
            }
            (None, Some(number)) => {
                Text::general(&Digits::rounded(value, number), number.max(1) as i64 - 1, true)
            }
            (None, None) => Text::general(&Digits::shortest(value), 16, true),
        }
    }

    /// With an exponent if the point is further from the digits than `most`.
    fn general(digits: &Digits, most: i64, whole_point: bool) -> Text {
        if digits.point <= -4 || digits.point > most {
            digits.scientific()
        } else {
            digits.positional(whole_point)
        }
    }

    fn fixed(text: &str) -> Text {
        let end = text.find('.').unwrap_or(text.len());
        Text { whole: text[..end].into(), rest: text[end..].into() }
    }
}

/// Writes `repr(value)`.
pub(super) fn put_float(out: &mut Vec<u8>, value: f64) {
    if value.is_sign_negative() && !value.is_nan() {
        out.push(b'-');
    }
    let text = Text::new(value.abs(), None, None);
    out.extend_from_slice(text.whole.as_bytes());
    out.extend_from_slice(text.rest.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, kind, precision, expected) in [
            (0.0, None, None, "0.0"),
            (1e16, None, None, "1e+16"),
            (123456789012345680.0, None, None, "1.2345678901234568e+17"),
            (1e15, None, None, "1000000000000000.0"),
            (0.0001, None, None, "0.0001"),
            (0.00001, None, None, "1e-05"),
            (5e-324, None, None, "5e-324"),
            (891_383_528_187_065.0 / 8.0, None, None, "111422941023383.12"),
            (2.5, Some('f'), Some(0), "2"),
            (0.125, Some('f'), Some(2), "0.12"),
            (1234.5, Some('e'), Some(2), "1.23e+03"),
            (100000.0, Some('g'), None, "100000"),
            (1000000.0, Some('g'), None, "1e+06"),
            (0.5, Some('%'), Some(0), "50%"),
            (1234.0, None, Some(2), "1.2e+03"),
            (10.0, None, Some(2), "1e+01"),
            (10.0, None, Some(3), "10.0"),
            (f64::INFINITY, Some('F'), None, "INF"),
        ] {
            let text = Text::new(value, kind, precision);
            assert_eq!(format!("{}{}", text.whole, text.rest), expected, "{value} {kind:?}");
        }
    }
}
