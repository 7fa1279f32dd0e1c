//! `repr(float)`: the shortest digits that give the number back, in CPython's form.

/// Writes a finite number as CPython's `repr` does (`float_repr_style` "short": `Python/pystrtod.c`).
pub(crate) fn write_finite(value: f64, mut write: impl FnMut(&[u8])) {
    // The digits and the exponent of the first one, as in `1.25e-7`: as many as are needed, and of these the
    // closest, since the shortest that Rust finds is not the even one where two are as close.
    let needed = format!("{:e}", value.abs());
    let digits = needed.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit);
    let text = format!("{value:.*e}", digits.count().saturating_sub(1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    write(sign.as_bytes());
    if !(-4..16).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        write(format!("{first}{point}{rest}e{sign}{:02}", exponent.abs()).as_bytes());
    } else if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        write(format!("0.{zeros}{digits}").as_bytes());
    } else {
        let whole = exponent as usize + 1;
        match digits.split_at_checked(whole) {
            Some((whole, "")) => write(format!("{whole}.0").as_bytes()),
            Some((whole, rest)) => write(format!("{whole}.{rest}").as_bytes()),
            None => write(format!("{digits:0<whole$}.0").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::write_finite;

    #[test]
    #[allow(clippy::excessive_precision, reason = "the numbers lie halfway between two spellings")]
    fn floats_are_spelled_as_python_spells_them() {
        for (value, text) in [
            (0.0, "0.0"),
            // Halfway between two numbers of as few digits: the even one.
            (-631047569691584.25, "-631047569691584.2"),
            (928361191496339.25, "928361191496339.2"),
            (151436421464936.625, "151436421464936.62"),
            (5e-324, "5e-324"),
            (9007199254740993e8, "9.007199254740993e+23"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (10.5, "10.5"),
            (0.1, "0.1"),
            (100.0, "100.0"),
            (123456.789, "123456.789"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (1.2345678901234567e22, "1.2345678901234568e+22"),
            (9007199254740993.0, "9007199254740992.0"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (-2.5e-300, "-2.5e-300"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
        ] {
            let mut found = Vec::new();
            write_finite(value, |part| found.extend_from_slice(part));
            assert_eq!(String::from_utf8_lossy(&found), text);
        }
    }
}
