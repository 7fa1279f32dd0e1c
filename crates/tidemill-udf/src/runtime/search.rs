//! Where a string is in another, in characters: `find` and its kin, `count`, `startswith`, `len`.

use super::unicode::{count, offset};
use super::*;

/// The part of a text between two indices, and the number of characters before it.
struct Window<'a> {
    before: usize,
    text: &'a [u8],
}

/// The window that Python's rules for indices give; `None` if its end comes before its start.
fn window(text: &str, low: i64, high: i64) -> Option<Window<'_>> {
    if low == 0 && high == i64::MAX {
        return Some(Window { before: 0, text: text.as_bytes() });
    }
    let length = count(text.as_bytes()) as i64;
    let from_end = |i: i64| if i < 0 { i.saturating_add(length).max(0) } else { i };
    let (low, high) = (from_end(low), from_end(high).min(length));
    if low > high {
        return None;
    }
    let (low, high) = (low as usize, high as usize);
    let range = if length as usize == text.len() {
        low..high
    } else {
        let start = offset(text, low);
        start..start + offset(&text[start..], high - low)
    };
    Some(Window { before: low, text: &text.as_bytes()[range] })
}

/// The character at which a part is found first, or last.
fn found_at(text: &str, part: &[u8], last: bool, low: i64, high: i64) -> Option<usize> {
    let window = window(text, low, high)?;
    let at = match last {
        false => find(window.text, part),
        true => memchr::memmem::rfind(window.text, part),
    };
    at.map(|at| window.before + count(&window.text[..at]))
}

fn occurrences(text: &str, part: &[u8], low: i64, high: i64) -> usize {
    match window(text, low, high) {
        None => 0,
        Some(window) if part.is_empty() => count(window.text) + 1,
        Some(window) => match part {
            [byte] => memchr::memchr_iter(*byte, window.text).count(),
            _ => memchr::memmem::find_iter(window.text, part).count(),
        },
    }
}

// SAFETY for every block below: as in the module `calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// Whether `part` is in `text`.
        fn contains(s: *const u8, n: usize, p: *const u8, m: usize) -> u64 {
            let (text, part) = unsafe { (bytes(s, n), bytes(p, m)) };
            u64::from(find(text, part).is_some())
        }

        /// `str.startswith` (0) and `str.endswith` (1), between two indices.
        fn has_affix(s: *const u8, n: usize, p: *const u8, m: usize, right: i64, low: i64, high: i64) -> u64 {
            let (text, part) = unsafe { (text(s, n), bytes(p, m)) };
            let found = window(text, low, high).is_some_and(|window| match right {
                0 => window.text.starts_with(part),
                _ => window.text.ends_with(part),
            });
            u64::from(found)
        }

        /// `str.find` (0), `str.rfind` (1).
        fn search(s: *const u8, n: usize, p: *const u8, m: usize, last: i64, low: i64, high: i64) -> i64 {
            let (text, part) = unsafe { (text(s, n), bytes(p, m)) };
            found_at(text, part, last != 0, low, high).map_or(-1, |at| at as i64)
        }

        /// `str.count`.
        fn occur(s: *const u8, n: usize, p: *const u8, m: usize, low: i64, high: i64) -> i64 {
            let (text, part) = unsafe { (text(s, n), bytes(p, m)) };
            occurrences(text, part, low, high) as i64
        }

        /// `len(str)`.
        fn length(s: *const u8, n: usize) -> i64 {
            count(unsafe { bytes(s, n) }) as i64
        }

        /// `ord(str)`; of anything but one character it is a `TypeError`, which is CPython's.
        fn code_point(_rows: *mut Rows<'_>, s: *const u8, n: usize, out: *mut u64) -> u32 {
            let mut characters = unsafe { text(s, n) }.chars();
            let (Some(c), None) = (characters.next(), characters.next()) else { return UNSURE };
            unsafe { *out = u64::from(u32::from(c)) };
            DONE
        }
    }
}

pub(super) use calls::symbols;
