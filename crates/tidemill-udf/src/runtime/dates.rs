//! Dates and times: `datetime.datetime` as microseconds of its own clock since 1970, and its offset from UTC in
//! microseconds, `NAIVE` for none.

use super::{DONE, RAISES, Rows, UNSURE, bytes, set_str};

/// The offset of a value that has none.
pub(crate) const NAIVE: i64 = i64::MIN;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Year, month, day, hour, minute, second, microsecond.
pub(crate) type Fields = [i64; 7];

/// The fields of a clock's microseconds.
pub(crate) fn fields(clock: i64) -> Fields {
    let (days, rest) = (clock.div_euclid(DAY), clock.rem_euclid(DAY));
    // Howard Hinnant's algorithm: years begin in March, eras have 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let seconds = rest / SECOND;
    [year, month, of_month, seconds / 3600, seconds / 60 % 60, seconds % 60, rest % SECOND]
}

/// The microseconds of fields; `None` if there is no such time.
fn clock([year, month, day, hour, minute, second, micro]: Fields) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let date = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day);
    let time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    if !date || !time || !(0..SECOND).contains(&micro) {
        return None;
    }
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_era = y.rem_euclid(400);
    let in_era = of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1;
    let days = y.div_euclid(400) * 146_097 + in_era - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 * SECOND + second * SECOND + micro)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Reads a text from its start.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |value, &digit| {
            digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
        })
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        (first == wanted).then_some(())
    }

    fn next_is(&self, wanted: impl Fn(u8) -> bool) -> bool {
        self.0.first().is_some_and(|&byte| wanted(byte))
    }

    /// Up to six digits after a decimal point.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        let scale = 10_i64.pow(6 - count as u32);
        (count > 0).then(|| self.digits(count).map(|value| value * scale))?
    }

    /// Which of some names comes next, whole or by its first three letters.
    fn name(&mut self, names: &[&str], short: bool) -> Option<i64> {
        let at = names.iter().position(|name| {
            let name = if short { &name[..3] } else { name };
            let start = self.0.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        })?;
        self.0 = &self.0[if short { 3 } else { names[at].len() }..];
        Some(at as i64)
    }

    /// `+HH:MM`, and `+HHMM` unless there must be a colon.
    fn offset(&mut self, colon: bool) -> Option<i64> {
        let sign = match self.0.first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.0 = &self.0[1..];
        let hours = self.digits(2)?;
        if colon || self.next_is(|byte| byte == b':') {
            self.byte(b':')?;
        }
        let minutes = self.digits(2)?;
        let more = self.next_is(|byte| byte.is_ascii_digit() || byte == b':');
        (hours < 24 && minutes < 60 && !more).then_some(sign * (hours * 60 + minutes) * 60 * SECOND)
    }
}

/// `strptime` for a text in the plain spelling: all digits, single spaces. What is read so is also the first thing
/// that CPython's pattern tries.
fn parse(text: &[u8], format: &[u8]) -> Option<(i64, i64)> {
    let mut text = Text(text);
    let mut read = [1900, 1, 1, 0, 0, 0, 0];
    let mut offset = NAIVE;
    let mut format = format.iter();
    while let Some(&byte) = format.next() {
        if byte != b'%' {
            text.byte(byte)?;
            if byte == b' ' && text.next_is(super::is_space) {
                return None;
            }
            continue;
        }
        match format.next()? {
            b'Y' => read[0] = text.digits(4)?,
            b'm' => read[1] = text.digits(2)?,
            b'b' => read[1] = text.name(&MONTHS, true)? + 1,
            b'B' => read[1] = text.name(&MONTHS, false)? + 1,
            b'd' => read[2] = text.digits(2)?,
            b'H' => read[3] = text.digits(2)?,
            b'M' => read[4] = text.digits(2)?,
            b'S' => read[5] = text.digits(2)?,
            b'f' => read[6] = text.fraction()?,
            b'a' => drop(text.name(&WEEKDAYS, true)?),
            b'A' => drop(text.name(&WEEKDAYS, false)?),
            b'z' => offset = text.offset(false)?,
            _ => return None,
        }
    }
    text.0.is_empty().then_some(())?;
    Some((clock(read)?, offset))
}

/// `fromisoformat` for the forms that every version reads alike.
fn parse_iso(text: &[u8]) -> Option<(i64, i64)> {
    let mut text = Text(text);
    let mut read = [0; 7];
    let mut offset = NAIVE;
    read[0] = text.digits(4)?;
    for field in &mut read[1..3] {
        text.byte(b'-')?;
        *field = text.digits(2)?;
    }
    if !text.0.is_empty() {
        if text.next_is(|byte| byte == b'T') {
            text.byte(b'T')?
        } else {
            text.byte(b' ')?
        }
        read[3] = text.digits(2)?;
        text.byte(b':')?;
        read[4] = text.digits(2)?;
        if text.next_is(|byte| byte == b':') {
            text.byte(b':')?;
            read[5] = text.digits(2)?;
            if text.next_is(|byte| byte == b'.') {
                text.byte(b'.')?;
                read[6] = text.digits(6)?;
            }
        }
        if !text.0.is_empty() {
            offset = text.offset(true)?;
        }
    }
    text.0.is_empty().then_some(())?;
    Some((clock(read)?, offset))
}

/// Whether `strptime` raises for certain: the format begins with a number, the text does not.
fn has_no_number(text: &[u8], format: &[u8]) -> bool {
    matches!(format, [b'%', b'Y' | b'm' | b'd' | b'H' | b'M' | b'S', ..]) && begins_otherwise(text)
}

/// Whether a text begins neither with a digit nor with anything that may be taken for one or be left out.
fn begins_otherwise(text: &[u8]) -> bool {
    text.first().is_none_or(|byte| byte.is_ascii_graphic() && !byte.is_ascii_digit())
}

fn set_time(out: *mut u64, found: Option<(i64, i64)>, wrong: bool) -> u32 {
    let Some((clock, offset)) = found else {
        return if wrong { RAISES } else { UNSURE };
    };
    // SAFETY: `out` has room for the two slots of a time; the code generator made it so.
    unsafe {
        *out = clock as u64;
        *out.add(1) = offset as u64;
    }
    DONE
}

helpers! {
    /// `datetime.strptime(text, format)`.
    fn datetime_parse(s: *const u8, n: usize, f: *const u8, m: usize, out: *mut u64) -> u32 {
        // SAFETY: strings of the row in hand, or constants.
        let (text, format) = unsafe { (bytes(s, n), bytes(f, m)) };
        set_time(out, parse(text, format), has_no_number(text, format))
    }

    /// `datetime.fromisoformat(text)`.
    fn datetime_iso(s: *const u8, n: usize, out: *mut u64) -> u32 {
        // SAFETY: as above.
        let text = unsafe { bytes(s, n) };
        set_time(out, parse_iso(text), begins_otherwise(text))
    }

    /// A field by its number; 7 is the day of the week, from Monday.
    fn datetime_field(clock: i64, which: i64) -> i64 {
        match which {
            7 => (clock.div_euclid(DAY) + 3).rem_euclid(7),
            _ => fields(clock).get(which as usize).copied().unwrap_or(0),
        }
    }

    /// `value.replace(field=to)`.
    fn datetime_replace(clock_: i64, which: i64, to: i64, out: *mut u64) -> u32 {
        let mut new = fields(clock_);
        if let Some(field) = new.get_mut(which as usize) {
            *field = to;
        }
        let Some(found) = clock(new) else { return RAISES };
        // SAFETY: room for one slot.
        unsafe { *out = found as u64 };
        DONE
    }

    /// -1, 0 or 1 as times compare; 2 if only one of them has an offset.
    fn datetime_order(a: i64, a_offset: i64, b: i64, b_offset: i64) -> i64 {
        match (a_offset, b_offset) {
            (NAIVE, NAIVE) => a.cmp(&b) as i64,
            (NAIVE, _) | (_, NAIVE) => 2,
            _ => (a - a_offset).cmp(&(b - b_offset)) as i64,
        }
    }

    /// `isoformat()`, with a byte between date and time.
    fn datetime_text(rows: *mut Rows<'_>, clock: i64, offset: i64, between: i64, out: *mut u64) {
        // SAFETY: the run's own state.
        let rows = unsafe { &*rows };
        let [year, month, day, hour, minute, second, micro] = fields(clock);
        let between = char::from(between as u8);
        let mut text =
            format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}");
        if micro != 0 {
            text += &format!(".{micro:06}");
        }
        if offset != NAIVE {
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / (60 * SECOND);
            text += &format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        }
        set_str(out, rows.arena.alloc_str(&text).as_bytes());
    }
}
