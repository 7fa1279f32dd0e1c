//! Strings that are made from strings: `replace`, `center` and its kin, `zfill`, `expandtabs`, repetition.

use super::unicode::count;
use super::*;

/// Texts that grow beyond this are CPython's, which may run out of memory in its own way.
const LONGEST: usize = 1 << 24;

/// Hands the scratch text over as a string.
fn set_scratch(rows: &Rows<'_>, out: *mut u64) {
    set_str(out, rows.arena.alloc_slice_copy(&rows.scratch));
}

/// `new` before each of the first `most` characters, and at the end if there are fewer.
fn interleave(out: &mut Vec<u8>, text: &str, new: &[u8], most: usize) {
    let mut left = most;
    for (at, c) in text.char_indices() {
        if left > 0 {
            out.extend_from_slice(new);
            left -= 1;
        }
        out.extend_from_slice(&text.as_bytes()[at..at + c.len_utf8()]);
    }
    if left > 0 {
        out.extend_from_slice(new);
    }
}

fn replace_parts(out: &mut Vec<u8>, text: &[u8], old: &[u8], new: &[u8], most: usize) {
    let mut rest = text;
    for _ in 0..most {
        let Some(found) = find(rest, old) else { break };
        out.extend_from_slice(&rest[..found]);
        out.extend_from_slice(new);
        rest = &rest[found + old.len()..];
    }
    out.extend_from_slice(rest);
}

fn put_fill(out: &mut Vec<u8>, fill: &[u8], number: usize) {
    for _ in 0..number {
        out.extend_from_slice(fill);
    }
}

/// `str.expandtabs`; false if the text gets too long.
fn expand_tabs(out: &mut Vec<u8>, text: &str, size: i64) -> bool {
    let mut column = 0;
    for (at, c) in text.char_indices() {
        if c == '\t' {
            if size > 0 {
                let width = size - column % size;
                if width as usize > LONGEST || out.len() > LONGEST {
                    return false;
                }
                column += width;
                put_fill(out, b" ", width as usize);
            }
            continue;
        }
        column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
        out.extend_from_slice(&text.as_bytes()[at..at + c.len_utf8()]);
    }
    true
}

// SAFETY for every block below: as in the module `calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// `str.replace(old, new)` with an optional limit (-1 for none).
        fn replace(rows: *mut Rows<'_>, s: *const u8, n: usize, p: *const u8, m: usize, q: *const u8, k: usize, most: i64, out: *mut u64) -> u32 {
            let (rows, text, old, new) = unsafe { (&mut *rows, text(s, n), bytes(p, m), bytes(q, k)) };
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            rows.scratch.clear();
            if old.is_empty() {
                interleave(&mut rows.scratch, text, new, most);
            } else {
                replace_parts(&mut rows.scratch, text.as_bytes(), old, new, most);
            }
            set_scratch(rows, out);
            DONE
        }

        /// `str * int`.
        fn repeat(rows: *mut Rows<'_>, s: *const u8, n: usize, times: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&mut *rows, bytes(s, n)) };
            let times = usize::try_from(times).unwrap_or(0);
            if n.saturating_mul(times) > LONGEST {
                return UNSURE;
            }
            rows.scratch.clear();
            if n > 0 {
                put_fill(&mut rows.scratch, text, times);
            }
            set_scratch(rows, out);
            DONE
        }

        /// `str.ljust` (0), `rjust` (1) and `center` (2).
        fn justify(rows: *mut Rows<'_>, s: *const u8, n: usize, width: i64, p: *const u8, m: usize, how: i64, out: *mut u64) -> u32 {
            let (rows, text, fill) = unsafe { (&mut *rows, bytes(s, n), bytes(p, m)) };
            // Any other fill is a TypeError.
            if count(fill) != 1 || width > LONGEST as i64 {
                return UNSURE;
            }
            let missing = usize::try_from(width.saturating_sub(count(text) as i64)).unwrap_or(0);
            let left = match how {
                0 => 0,
                1 => missing,
                // CPython's own rounding.
                _ => missing / 2 + (missing & width as usize & 1),
            };
            rows.scratch.clear();
            put_fill(&mut rows.scratch, fill, left);
            rows.scratch.extend_from_slice(text);
            put_fill(&mut rows.scratch, fill, missing - left);
            set_scratch(rows, out);
            DONE
        }

        /// `str.zfill`.
        fn zero_fill(rows: *mut Rows<'_>, s: *const u8, n: usize, width: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&mut *rows, bytes(s, n)) };
            if width > LONGEST as i64 {
                return UNSURE;
            }
            let missing = usize::try_from(width.saturating_sub(count(text) as i64)).unwrap_or(0);
            let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
            rows.scratch.clear();
            rows.scratch.extend_from_slice(&text[..sign]);
            put_fill(&mut rows.scratch, b"0", missing);
            rows.scratch.extend_from_slice(&text[sign..]);
            set_scratch(rows, out);
            DONE
        }

        /// `str.expandtabs`.
        fn expand(rows: *mut Rows<'_>, s: *const u8, n: usize, size: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&mut *rows, text(s, n)) };
            rows.scratch.clear();
            // CPython takes a C int.
            if i32::try_from(size).is_err() || !expand_tabs(&mut rows.scratch, text, size) {
                return UNSURE;
            }
            set_scratch(rows, out);
            DONE
        }
    }
}

pub(super) use calls::symbols;
