//! Strings to parts: `split` and its kin, `strip` and its kin, characters.

use super::scan::first_of;
use super::unicode::{is_line_end, may_be_space, space_at, space_before};
use super::*;

/// Puts a new list in a slot.
fn set_list(out: *mut u64, list: &mut List) {
    // SAFETY: `out` has room for a list's slot; the code generator made it so.
    unsafe { *out = std::ptr::from_mut(list) as u64 };
}

/// Whether a list has as many items as a limit allows; a negative one allows all.
fn is_full(list: &List, most: i64) -> bool {
    most >= 0 && list.len as i64 >= most
}

/// Brings items that were found from the right into order.
fn turn_round(list: &mut List) {
    // SAFETY: a list of strings has two slots per item.
    let slots = unsafe { std::slice::from_raw_parts_mut(list.data, list.len as usize * 2) };
    slots.reverse();
    for item in slots.chunks_exact_mut(2) {
        item.swap(0, 1);
    }
}

/// What is left of a text without the white space on some sides: bit 0 is the left, bit 1 the right.
fn stripped(text: &str, sides: i64) -> &str {
    let start = if sides & 1 != 0 { word_start(text, 0) } else { 0 };
    let mut end = text.len();
    while sides & 2 != 0 && end > start {
        match space_before(text, end) {
            0 => break,
            width => end -= width,
        }
    }
    &text[start..end]
}

/// Without the characters of `chars` on some sides.
fn stripped_of<'a>(text: &'a str, chars: &str, sides: i64) -> &'a str {
    let unwanted = |c: char| chars.contains(c);
    let text = if sides & 1 != 0 { text.trim_start_matches(unwanted) } else { text };
    if sides & 2 != 0 { text.trim_end_matches(unwanted) } else { text }
}

/// The start of the first word from a place on, or the text's end.
fn word_start(text: &str, mut at: usize) -> usize {
    while let Some(byte) = text.as_bytes().get(at) {
        if (0x21..0x80).contains(byte) {
            return at;
        }
        match space_at(text, at) {
            0 => return at,
            width => at += width,
        }
    }
    at
}

/// The end of the word that begins at `start`: white space or the text's end.
fn word_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            None => return at,
            Some(b' ') => return at,
            Some(&byte) if may_be_space(byte) && space_at(text, at) > 0 => return at,
            Some(_) => at += 1,
        }
    }
}

/// The first place from one on where there is neither ASCII above the space nor part of a longer character; or
/// the end.
fn plain_end(bytes: &[u8], at: usize) -> usize {
    first_of(bytes, at, |byte| !(0x21..0x80).contains(&byte))
}

fn set_three(out: *mut u64, parts: [&[u8]; 3]) {
    for (i, part) in parts.into_iter().enumerate() {
        // SAFETY: `out` has room for three strings; the code generator made it so.
        set_str(unsafe { out.add(i * 2) }, part);
    }
}

// SAFETY for every block below: as in the module `calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// The next word of a text from a place on; gives the place behind it, or -1 if there is none.
        fn next_word(s: *const u8, n: usize, at: usize, out: *mut u64) -> i64 {
            let text = unsafe { text(s, n) };
            let start = word_start(text, at);
            if start == n {
                return -1;
            }
            let end = word_end(text, start);
            set_str(out, &text.as_bytes()[start..end]);
            end as i64
        }

        /// The next piece of a text from a place on; gives the place of the one after it, or -1 if there is none.
        fn next_piece(s: *const u8, n: usize, p: *const u8, m: usize, at: usize, out: *mut u64) -> i64 {
            let (text, sep) = unsafe { (bytes(s, n), bytes(p, m)) };
            if at > n {
                return -1;
            }
            let end = find_from(text, at, sep).unwrap_or(n);
            set_str(out, &text[at..end]);
            // Behind the last piece there is no other, not even an empty one.
            (end + m) as i64
        }

        /// `str.split()` with an optional limit (-1 for none).
        fn split_space(rows: *mut Rows<'_>, s: *const u8, n: usize, most: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&*rows, text(s, n)) };
            let list = unsafe { &mut *new_list(&rows.lists, 8, 2) };
            let mut at = 0;
            loop {
                at = word_start(text, at);
                if at == n {
                    break;
                }
                if is_full(list, most) {
                    // The last piece keeps its inner and trailing white space.
                    push_str(&rows.lists, list, &text.as_bytes()[at..]);
                    break;
                }
                let start = at;
                at = word_end(text, start);
                push_str(&rows.lists, list, &text.as_bytes()[start..at]);
            }
            set_list(out, list);
            DONE
        }

        /// `str.rsplit()` with an optional limit (-1 for none).
        fn rsplit_space(rows: *mut Rows<'_>, s: *const u8, n: usize, most: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&*rows, text(s, n)) };
            let list = unsafe { &mut *new_list(&rows.lists, 8, 2) };
            let mut rest = stripped(text, 2);
            while !rest.is_empty() {
                if is_full(list, most) {
                    // The first piece keeps its leading and inner white space.
                    push_str(&rows.lists, list, rest.as_bytes());
                    break;
                }
                let mut start = rest.len();
                while start > 0 && space_before(rest, start) == 0 {
                    start -= rest[..start].chars().next_back().map_or(1, char::len_utf8);
                }
                push_str(&rows.lists, list, &rest.as_bytes()[start..]);
                rest = stripped(&rest[..start], 2);
            }
            turn_round(list);
            set_list(out, list);
            DONE
        }

        /// `str.split(sep)` with an optional limit (-1 for none).
        fn split_by(rows: *mut Rows<'_>, s: *const u8, n: usize, p: *const u8, m: usize, most: i64, out: *mut u64) -> u32 {
            let (rows, text, sep) = unsafe { (&*rows, bytes(s, n), bytes(p, m)) };
            if sep.is_empty() {
                return RAISES;
            }
            let list = unsafe { &mut *new_list(&rows.lists, 8, 2) };
            let mut start = 0;
            while !is_full(list, most) {
                let Some(found) = find_from(text, start, sep) else { break };
                push_str(&rows.lists, list, &text[start..found]);
                start = found + m;
            }
            push_str(&rows.lists, list, &text[start..]);
            set_list(out, list);
            DONE
        }

        /// `str.rsplit(sep)` with an optional limit (-1 for none).
        fn rsplit_by(rows: *mut Rows<'_>, s: *const u8, n: usize, p: *const u8, m: usize, most: i64, out: *mut u64) -> u32 {
            let (rows, text, sep) = unsafe { (&*rows, bytes(s, n), bytes(p, m)) };
            if sep.is_empty() {
                return RAISES;
            }
            let list = unsafe { &mut *new_list(&rows.lists, 8, 2) };
            let mut rest = text;
            while !is_full(list, most) {
                let Some(found) = memchr::memmem::rfind(rest, sep) else { break };
                push_str(&rows.lists, list, &rest[found + m..]);
                rest = &rest[..found];
            }
            push_str(&rows.lists, list, rest);
            turn_round(list);
            set_list(out, list);
            DONE
        }

        /// `str.splitlines(keepends)`.
        fn split_lines(rows: *mut Rows<'_>, s: *const u8, n: usize, keep: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&*rows, text(s, n)) };
            // CPython takes a C int.
            if i32::try_from(keep).is_err() {
                return UNSURE;
            }
            let list = unsafe { &mut *new_list(&rows.lists, 8, 2) };
            let mut rest = text;
            while !rest.is_empty() {
                let Some(end) = rest.find(is_line_end) else {
                    push_str(&rows.lists, list, rest.as_bytes());
                    break;
                };
                let ends = &rest[end..];
                let width = match ends.strip_prefix("\r\n") {
                    Some(_) => 2,
                    None => ends.chars().next().map_or(0, char::len_utf8),
                };
                let kept = if keep == 0 { end } else { end + width };
                push_str(&rows.lists, list, &rest.as_bytes()[..kept]);
                rest = &rest[end + width..];
            }
            set_list(out, list);
            DONE
        }

        /// `str.partition` (0) and `str.rpartition` (1).
        fn partition(_rows: *mut Rows<'_>, s: *const u8, n: usize, p: *const u8, m: usize, right: i64, out: *mut u64) -> u32 {
            let (text, sep) = unsafe { (bytes(s, n), bytes(p, m)) };
            if sep.is_empty() {
                return RAISES;
            }
            let found = if right == 0 { find(text, sep) } else { memchr::memmem::rfind(text, sep) };
            match found {
                Some(at) => set_three(out, [&text[..at], sep, &text[at + m..]]),
                None if right == 0 => set_three(out, [text, b"", b""]),
                None => set_three(out, [b"", b"", text]),
            }
            DONE
        }

        /// `str.strip`, `lstrip`, `rstrip` without an argument: bit 0 strips the left, bit 1 the right.
        fn strip(_rows: *mut Rows<'_>, s: *const u8, n: usize, sides: i64, out: *mut u64) -> u32 {
            let text = unsafe { text(s, n) };
            set_str(out, stripped(text, sides).as_bytes());
            DONE
        }

        /// The same with the characters to strip.
        fn strip_chars(_rows: *mut Rows<'_>, s: *const u8, n: usize, p: *const u8, m: usize, sides: i64, out: *mut u64) -> u32 {
            let (text, chars) = unsafe { (text(s, n), text(p, m)) };
            set_str(out, stripped_of(text, chars, sides).as_bytes());
            DONE
        }

        /// `str.removeprefix` (0) and `str.removesuffix` (1).
        fn remove_affix(_rows: *mut Rows<'_>, s: *const u8, n: usize, p: *const u8, m: usize, right: i64, out: *mut u64) -> u32 {
            let (text, part) = unsafe { (bytes(s, n), bytes(p, m)) };
            let rest = if right == 0 { text.strip_prefix(part) } else { text.strip_suffix(part) };
            set_str(out, rest.unwrap_or(text));
            DONE
        }

        /// The characters of a string, as iteration gives them.
        fn characters(rows: *mut Rows<'_>, s: *const u8, n: usize, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&*rows, text(s, n)) };
            let list = unsafe { &mut *new_list(&rows.lists, n, 2) };
            for (at, c) in text.char_indices() {
                push_str(&rows.lists, list, &text.as_bytes()[at..at + c.len_utf8()]);
            }
            set_list(out, list);
            DONE
        }
    }
}

pub(super) use calls::symbols;
