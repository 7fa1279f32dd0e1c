//! Characters and parts of strings, and parts of lists, by index.

use super::unicode::{count, offset};
use super::*;

/// The indices that a slice takes, as CPython's `PySlice_AdjustIndices` has them: the first, and how many. An
/// end that is missing is the least or the largest number.
fn taken(low: i64, high: i64, step: i64, length: i64) -> (i64, i64) {
    let (least, most) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let clamp = |i: i64| if i < 0 { i.saturating_add(length).max(least) } else { i.min(most) };
    let (low, high) = (clamp(low), clamp(high));
    let span = if step < 0 { low - high } else { high - low };
    let size = step.unsigned_abs().min(i64::MAX as u64) as i64;
    (low, if span > 0 { (span - 1) / size + 1 } else { 0 })
}

/// The `number` characters that are `step` apart, from an index on.
fn stepped(rows: &mut Rows<'_>, text: &str, first: i64, number: i64, step: i64) -> *const [u8] {
    rows.scratch.clear();
    let indices = (0..number).map(|i| (first + i * step) as usize);
    if text.is_ascii() {
        rows.scratch.extend(indices.map(|at| text.as_bytes()[at]));
    } else {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        for at in indices {
            let end = starts.get(at + 1).copied().unwrap_or(text.len());
            rows.scratch.extend_from_slice(&text.as_bytes()[starts[at]..end]);
        }
    }
    rows.arena.alloc_slice_copy(&rows.scratch)
}

/// The byte of a character, if all bytes between it and the end that it is counted from are ASCII.
fn near_end(text: &[u8], index: i64) -> Option<usize> {
    let at = usize::try_from(if index < 0 { index + text.len() as i64 } else { index }).ok()?;
    let between = if index < 0 { text.get(at..) } else { text.get(..=at) };
    between?.is_ascii().then_some(at)
}

/// Consecutive characters.
fn consecutive(text: &str, first: usize, number: usize) -> &[u8] {
    let start = offset(text, first);
    let length = offset(&text[start..], number);
    &text.as_bytes()[start..start + length]
}

// SAFETY for every block below: as in the module `calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// `str[index]`.
        fn character(_rows: *mut Rows<'_>, s: *const u8, n: usize, index: i64, out: *mut u64) -> u32 {
            let text = unsafe { text(s, n) };
            if let Some(at) = near_end(text.as_bytes(), index) {
                set_str(out, &text.as_bytes()[at..=at]);
                return DONE;
            }
            let length = count(text.as_bytes()) as i64;
            let at = if index < 0 { index.saturating_add(length) } else { index };
            if at < 0 || at >= length {
                return RAISES;
            }
            set_str(out, consecutive(text, at as usize, 1));
            DONE
        }

        /// `str[low:high:step]`.
        fn substring(rows: *mut Rows<'_>, s: *const u8, n: usize, low: i64, high: i64, step: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&mut *rows, text(s, n)) };
            if step == 0 {
                return RAISES;
            }
            let ascii = text.is_ascii();
            let length = if ascii { n } else { count(text.as_bytes()) } as i64;
            let (first, number) = taken(low, high, step, length);
            if number == 0 {
                set_str(out, b"");
            } else if step != 1 {
                set_str(out, unsafe { &*stepped(rows, text, first, number, step) });
            } else if ascii {
                set_str(out, &text.as_bytes()[first as usize..(first + number) as usize]);
            } else {
                set_str(out, consecutive(text, first as usize, number as usize));
            }
            DONE
        }

        /// `list[low:high:step]`.
        fn sublist(rows: *mut Rows<'_>, list: *const List, low: i64, high: i64, step: i64, out: *mut u64) -> u32 {
            let (rows, list) = unsafe { (&*rows, &*list) };
            if step == 0 {
                return RAISES;
            }
            let (first, number) = taken(low, high, step, list.len as i64);
            let width = list.width as usize;
            let part = unsafe { &mut *new_list(&rows.lists, number as usize, width) };
            for i in 0..number {
                let at = (first + i * step) as usize * width;
                push_slots(&rows.lists, part, unsafe { std::slice::from_raw_parts(list.data.add(at), width) });
            }
            unsafe { *out = std::ptr::from_mut(part) as u64 };
            DONE
        }

        /// `chr(int)`; lone surrogates are CPython's.
        fn from_code_point(rows: *mut Rows<'_>, code: i64, out: *mut u64) -> u32 {
            let rows = unsafe { &*rows };
            if i32::try_from(code).is_err() {
                return UNSURE;
            }
            let Ok(code @ 0..=0x10_ffff) = u32::try_from(code) else { return RAISES };
            let Some(c) = char::from_u32(code) else { return UNSURE };
            let mut room = [0; 4];
            set_str(out, rows.arena.alloc_str(c.encode_utf8(&mut room)).as_bytes());
            DONE
        }
    }
}

pub(super) use calls::symbols;
