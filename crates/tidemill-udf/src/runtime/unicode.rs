//! What is certain of characters beyond ASCII, whichever version of Unicode CPython was built with.
//!
//! White space and line ends are the same in all versions that CPython 3.9 to 3.14 have. The other properties
//! are taken from Rust's tables for characters that have been as they are since Unicode 6.1; of any other
//! nothing is said.

/// Whether all properties of a character are certain.
pub(super) fn is_settled(c: char) -> bool {
    matches!(c,
        '\0'..='\u{17f}'                // ASCII, Latin-1, Latin Extended-A
        | '\u{400}'..='\u{45f}'         // Cyrillic
        | '\u{2010}'..='\u{2027}'       // dashes, quotes, ellipsis
        | '\u{2030}'..='\u{2046}'
        | '\u{20ac}'                    // the euro
        | '\u{3001}'..='\u{3003}'
        | '\u{3041}'..='\u{3094}'       // Hiragana
        | '\u{30a1}'..='\u{30fa}'       // Katakana
        | '\u{4e00}'..='\u{9fa5}'       // CJK ideographs
        | '\u{ac00}'..='\u{d7a3}'       // Hangul
        | '\u{ff01}'..='\u{ff0f}'       // full-width punctuation
        | '\u{ff1a}'..='\u{ff20}')
}

/// Whether a settled character may be a number in words, as some ideographs are.
pub(super) fn may_be_numeric(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fa5}')
}

/// `str.isspace` of a character.
pub(super) fn is_space(c: char) -> bool {
    matches!(c,
        '\t'..='\r' | '\x1c'..=' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}'
        | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Whether `str.splitlines` ends a line with a character.
pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a settled character stands for itself in `repr`.
pub(super) fn is_printable(c: char) -> bool {
    !matches!(c, '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{ad}')
}

/// Whether white space may begin with a byte.
pub(super) fn may_be_space(byte: u8) -> bool {
    const BEGINS: [bool; 256] = {
        let mut found = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            found[byte] = matches!(byte, 9..=13 | 28..=32 | 0xc2 | 0xe1..=0xe3);
            byte += 1;
        }
        found
    };
    BEGINS[byte as usize]
}

/// The number of bytes of white space at a place in a text, 0 if there is none.
pub(super) fn space_at(text: &str, at: usize) -> usize {
    match text.as_bytes().get(at) {
        None => 0,
        Some(byte) if byte.is_ascii() => usize::from(super::is_space(*byte)),
        Some(byte) if may_be_space(*byte) => {
            let first = text[at..].chars().next().filter(|c| is_space(*c));
            first.map_or(0, char::len_utf8)
        }
        Some(_) => 0,
    }
}

/// The number of bytes of white space before a place in a text, 0 if there is none.
pub(super) fn space_before(text: &str, end: usize) -> usize {
    match text.as_bytes()[..end].last() {
        None => 0,
        Some(byte) if byte.is_ascii() => usize::from(super::is_space(*byte)),
        Some(_) => {
            let last = text[..end].chars().next_back().filter(|c| is_space(*c));
            last.map_or(0, char::len_utf8)
        }
    }
}

/// The number of characters.
pub(super) fn count(text: &[u8]) -> usize {
    // All but the bytes that continue a character; a loop that becomes vector code.
    text.iter().filter(|&&byte| (byte as i8) >= -0x40).count()
}

/// Where the character with an index begins, in bytes; the text's end if it has no more characters.
pub(super) fn offset(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}
