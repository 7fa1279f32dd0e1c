//! Upper and lower case, and what kinds of characters a string has. Characters that are not settled
//! (`unicode`) leave the row to CPython.

use super::unicode::{is_printable, is_settled, is_space, may_be_numeric};
use super::*;

/// The methods, in the order in which `text.rs` counts them.
const LOWER: i64 = 0;
const UPPER: i64 = 1;
const TITLE: i64 = 2;
const CAPITALIZE: i64 = 3;
const SWAP: i64 = 4;

fn is_settled_text(text: &str) -> bool {
    text.is_ascii() || text.chars().all(is_settled)
}

fn put(out: &mut Vec<u8>, characters: impl Iterator<Item = char>) {
    for c in characters {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn put_title(out: &mut Vec<u8>, c: char) {
    match c {
        // The settled characters whose title case is not their upper case.
        'ß' => out.extend_from_slice("Ss".as_bytes()),
        _ => put(out, c.to_uppercase()),
    }
}

fn put_folded(out: &mut Vec<u8>, c: char) {
    match c {
        // The settled characters that fold to other than their lower case.
        'µ' => out.extend_from_slice("μ".as_bytes()),
        'ß' => out.extend_from_slice(b"ss"),
        'ŉ' => out.extend_from_slice("ʼn".as_bytes()),
        'ſ' => out.push(b's'),
        _ => put(out, c.to_lowercase()),
    }
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase()
}

/// Puts a settled text in another case.
fn put_cased(out: &mut Vec<u8>, text: &str, how: i64) {
    let mut inside = false;
    for (i, c) in text.chars().enumerate() {
        match how {
            LOWER => put(out, c.to_lowercase()),
            UPPER => put(out, c.to_uppercase()),
            CAPITALIZE if i == 0 => put_title(out, c),
            TITLE if !inside => put_title(out, c),
            TITLE | CAPITALIZE => put(out, c.to_lowercase()),
            SWAP if c.is_uppercase() => put(out, c.to_lowercase()),
            SWAP if c.is_lowercase() => put(out, c.to_uppercase()),
            SWAP => put(out, std::iter::once(c)),
            _ => put_folded(out, c),
        }
        inside = is_cased(c);
    }
}

/// `str.istitle`: words begin with an upper case character and go on with lower case ones.
fn is_title(text: &str) -> bool {
    let (mut inside, mut any) = (false, false);
    for c in text.chars() {
        if (c.is_uppercase() && inside) || (c.is_lowercase() && !inside) {
            return false;
        }
        inside = is_cased(c);
        any |= inside;
    }
    any
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The tests, in the order in which `text.rs` counts them; the text is settled.
fn answer(text: &str, how: i64) -> bool {
    let all = |test: fn(char) -> bool| !text.is_empty() && text.chars().all(test);
    let cased = |ours: fn(char) -> bool, other: fn(char) -> bool| {
        text.chars().any(ours) && !text.chars().any(other)
    };
    match how {
        0 => all(|c| matches!(c, '0'..='9' | '²' | '³' | '¹')),
        1 => all(char::is_alphabetic),
        2 => all(|c| c.is_alphabetic() || is_numeric(c)),
        3 => all(is_space),
        4 => cased(char::is_uppercase, char::is_lowercase),
        5 => cased(char::is_lowercase, char::is_uppercase),
        6 => all(|c| c.is_ascii_digit()),
        7 => all(is_numeric),
        8 => is_title(text),
        9 => is_identifier(text),
        10 => text.is_ascii(),
        _ => text.chars().all(is_printable),
    }
}

/// `str.isnumeric` of a settled character that is no ideograph.
fn is_numeric(c: char) -> bool {
    matches!(c, '0'..='9' | '²' | '³' | '¹' | '¼'..='¾')
}

/// Whether the answer of a test is certain.
fn is_certain(text: &str, how: i64) -> bool {
    match how {
        3 | 10 => true,
        7 => is_settled_text(text) && !text.contains(may_be_numeric),
        9 => text.is_ascii(),
        _ => is_settled_text(text),
    }
}

/// The tests that an ASCII text answers faster byte by byte.
fn ascii_answer(text: &[u8], how: i64) -> Option<bool> {
    let all = |test: fn(&u8) -> bool| Some(!text.is_empty() && text.iter().all(test));
    match how {
        0 | 6 | 7 => all(u8::is_ascii_digit),
        1 => all(u8::is_ascii_alphabetic),
        2 => all(u8::is_ascii_alphanumeric),
        _ => None,
    }
}

// SAFETY for every block below: as in the module `calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// `str.lower` and its kin.
        fn change_case(rows: *mut Rows<'_>, s: *const u8, n: usize, how: i64, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&mut *rows, text(s, n)) };
            if text.is_ascii() && how <= UPPER {
                let copy = rows.arena.alloc_slice_copy(text.as_bytes());
                if how == LOWER { copy.make_ascii_lowercase() } else { copy.make_ascii_uppercase() }
                set_str(out, copy);
                return DONE;
            }
            if !is_settled_text(text) {
                return UNSURE;
            }
            rows.scratch.clear();
            put_cased(&mut rows.scratch, text, how);
            set_str(out, rows.arena.alloc_slice_copy(&rows.scratch));
            DONE
        }

        /// `str.isdigit` and its kin.
        fn classify(_rows: *mut Rows<'_>, s: *const u8, n: usize, how: i64, out: *mut u64) -> u32 {
            let text = unsafe { text(s, n) };
            let quick = if text.is_ascii() { ascii_answer(text.as_bytes(), how) } else { None };
            if quick.is_none() && !is_certain(text, how) {
                return UNSURE;
            }
            unsafe { *out = u64::from(quick.unwrap_or_else(|| answer(text, how))) };
            DONE
        }
    }
}

pub(super) use calls::symbols;
