//! `json.loads`: documents to dynamic values, with exactly CPython's acceptance.
//!
//! The grammar is that of `Lib/json/decoder.py` and `Modules/_json.c`: `NaN` and `Infinity` are numbers, strings
//! hold no control characters, of equal keys the last counts. What is malformed is a certain `ValueError`.
//! Text that native code does not hold (lone surrogates), integers that CPython may refuse to read, and
//! documents so deep that CPython's stack could end first are unsure.

use rustc_hash::FxHashMap;

use super::json::{DEEPEST, Node, entry};
use super::{HIGH, List, ONES, RAISES, Rows, UNSURE, adopt, decimal, equal_bytes, first_marked};

/// Digits that CPython reads whatever its limit is (`sys.int_info.str_digits_check_threshold`).
const MOST_DIGITS: usize = 640;
/// Keys of an object that are compared one by one.
const FEW_KEYS: usize = 32;

/// The status of a document that gives no value.
type Parsed<T> = std::result::Result<T, u32>;

/// Parses a whole document; lists and dicts are allocated in the row.
pub(crate) fn parse(rows: &mut Rows<'_>, text: &[u8]) -> Parsed<Node> {
    let mut slots = std::mem::take(&mut rows.parsing);
    slots.clear();
    let mut parser = Parser { rows, text, at: 0, slots: &mut slots };
    let parsed = parser.document();
    rows.parsing = slots;
    parsed
}

struct Parser<'p, 'r> {
    rows: &'p Rows<'r>,
    text: &'p [u8],
    at: usize,
    /// Slots of the open lists' and dicts' items, the innermost last.
    slots: &'p mut Vec<u64>,
}

impl Parser<'_, '_> {
    fn document(&mut self) -> Parsed<Node> {
        let first = self.skip_space();
        let value = self.value(first, 0)?;
        self.skip_space();
        if self.at == self.text.len() { Ok(value) } else { Err(RAISES) }
    }

    /// The byte at hand; 0, which begins nothing, at the end.
    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// The first byte that is not white space.
    fn skip_space(&mut self) -> u8 {
        let mut byte = self.byte();
        while matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
            byte = self.byte();
        }
        byte
    }

    /// The value that begins with `first`.
    fn value(&mut self, first: u8, depth: usize) -> Parsed<Node> {
        match first {
            b'"' => self.string().map(Node::str),
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal(b"true", Node::bool(true)),
            b'f' => self.literal(b"false", Node::bool(false)),
            b'n' => self.literal(b"null", Node::NONE),
            b'N' => self.literal(b"NaN", Node::float(f64::NAN)),
            b'I' => self.literal(b"Infinity", Node::float(f64::INFINITY)),
            _ => Err(RAISES),
        }
    }

    fn literal(&mut self, spelling: &[u8], value: Node) -> Parsed<Node> {
        if !self.text[self.at..].starts_with(spelling) {
            return Err(RAISES);
        }
        self.at += spelling.len();
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Parsed<Node> {
        let start = self.at;
        let negative = self.byte() == b'-';
        self.at += usize::from(negative);
        match self.byte() {
            b'0' => self.at += 1,
            b'1'..=b'9' => {
                self.digits();
            }
            b'I' if negative => return self.literal(b"Infinity", Node::float(f64::NEG_INFINITY)),
            _ => return Err(RAISES),
        }
        let whole = self.at;
        // A part that is incomplete is none; what is left of it ends the document with an error.
        if self.byte() == b'.' {
            self.at += 1;
            if self.digits() == 0 {
                self.at = whole;
            }
        }
        let mantissa = self.at;
        if (mantissa > whole || self.byte() != b'.') && matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), b'+' | b'-'));
            if self.digits() == 0 {
                self.at = mantissa;
            }
        }
        if self.at > whole {
            let value = decimal::float(&self.text[start..self.at]);
            return value.map(Node::float).ok_or(UNSURE);
        }
        integer(negative, &self.text[start + usize::from(negative)..whole])
    }

    /// A string, from its opening quote.
    fn string<'s>(&mut self) -> Parsed<&'s [u8]> {
        let start = self.at + 1;
        let end = plain_end(self.text, start);
        match self.text.get(end) {
            Some(b'"') => {
                self.at = end + 1;
                // SAFETY: the document outlives its values: it is the line, a constant or in the arena.
                Ok(unsafe { super::bytes(self.text[start..].as_ptr(), end - start) })
            }
            Some(b'\\') => self.escaped(start, end),
            _ => Err(RAISES),
        }
    }

    /// A string whose first escape is at `end`.
    fn escaped<'s>(&mut self, start: usize, mut end: usize) -> Parsed<&'s [u8]> {
        let mut made = bumpalo::collections::Vec::new_in(&self.rows.arena);
        let mut plain = start;
        loop {
            made.extend_from_slice(&self.text[plain..end]);
            match self.text.get(end) {
                Some(b'"') => break,
                Some(b'\\') => {}
                _ => return Err(RAISES),
            }
            self.at = end + 1;
            let char = self.escape()?;
            made.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            plain = self.at;
            end = plain_end(self.text, plain);
        }
        self.at = end + 1;
        let made = made.into_bump_slice();
        // SAFETY: the arena lives as long as the run.
        Ok(unsafe { super::bytes(made.as_ptr(), made.len()) })
    }

    /// The character of an escape, from behind its backslash.
    fn escape(&mut self) -> Parsed<char> {
        let letter = self.byte();
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.four_digits()?;
                return match char::from_u32(unit) {
                    Some(char) => Ok(char),
                    None => self.surrogates(unit),
                };
            }
            _ => return Err(RAISES),
        })
    }

    /// The character of a surrogate and the one that follows it, if they are a pair.
    fn surrogates(&mut self, high: u32) -> Parsed<char> {
        if high >= 0xdc00 || !self.text[self.at..].starts_with(b"\\u") {
            return Err(UNSURE);
        }
        self.at += 2;
        match self.four_digits()? {
            low @ 0xdc00..=0xdfff => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                char::from_u32(code).ok_or(UNSURE)
            }
            _ => Err(UNSURE),
        }
    }

    fn four_digits(&mut self) -> Parsed<u32> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(RAISES)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, &digit| {
            let value = char::from(digit).to_digit(16).ok_or(RAISES)?;
            Ok(code << 4 | value)
        })
    }

    fn array(&mut self, depth: usize) -> Parsed<Node> {
        if depth > DEEPEST {
            return Err(UNSURE);
        }
        self.at += 1;
        let start = self.slots.len();
        let mut first = self.skip_space();
        if first == b']' {
            self.at += 1;
            return Ok(Node::list(self.close(start, 2)));
        }
        loop {
            let value = self.value(first, depth)?;
            push(self.slots, value.slots());
            match self.skip_space() {
                b',' => {
                    self.at += 1;
                    first = self.skip_space();
                }
                b']' => {
                    self.at += 1;
                    return Ok(Node::list(self.close(start, 2)));
                }
                _ => return Err(RAISES),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Parsed<Node> {
        if depth > DEEPEST {
            return Err(UNSURE);
        }
        self.at += 1;
        let start = self.slots.len();
        let mut keys = Keys::default();
        if self.skip_space() == b'}' {
            self.at += 1;
            return Ok(Node::dict(self.close(start, 4)));
        }
        loop {
            if self.byte() != b'"' {
                return Err(RAISES);
            }
            let key = self.string()?;
            if self.skip_space() != b':' {
                return Err(RAISES);
            }
            self.at += 1;
            let first = self.skip_space();
            let value = self.value(first, depth)?;
            match keys.add(&self.slots[start..], key) {
                // The last value counts, in the place of the first.
                Some(known) => {
                    self.slots[start + known * 4 + 2..start + known * 4 + 4]
                        .copy_from_slice(&value.slots());
                }
                None => push(self.slots, entry(key, value)),
            }
            match self.skip_space() {
                b',' => {
                    self.at += 1;
                    self.skip_space();
                }
                b'}' => {
                    self.at += 1;
                    return Ok(Node::dict(self.close(start, 4)));
                }
                _ => return Err(RAISES),
            }
        }
    }

    /// Makes a list of the slots from `start`.
    fn close(&mut self, start: usize, width: usize) -> *mut List {
        let list = adopt(self.rows, &self.slots[start..], width);
        self.slots.truncate(start);
        list
    }
}

/// Appends an item slot by slot: a copy of what was just put together in memory would wait for it.
#[inline(always)]
fn push<const N: usize>(slots: &mut Vec<u64>, item: [u64; N]) {
    slots.reserve(N);
    for (place, slot) in slots.spare_capacity_mut().iter_mut().zip(item) {
        place.write(slot);
    }
    // SAFETY: there was room for the item, and it was written.
    unsafe { slots.set_len(slots.len() + N) };
}

/// The keys of an object so far.
#[derive(Default)]
struct Keys {
    /// A bit for each kind of key that was met: most keys are of a kind of their own.
    met: u64,
    /// Where each key is, once there are many.
    many: FxHashMap<&'static [u8], usize>,
}

impl Keys {
    /// The place of an equal key among the entries; if there is none, the key is the next entry's.
    fn add(&mut self, entries: &[u64], key: &[u8]) -> Option<usize> {
        let count = entries.len() / 4;
        if count >= FEW_KEYS {
            return self.add_to_many(entries, key);
        }
        let ends =
            key.first().zip(key.last()).map_or(0, |(a, b)| usize::from(*a) + 7 * usize::from(*b));
        let bit = 1_u64 << ((key.len() * 31 + ends) % 64);
        let new = self.met & bit == 0;
        self.met |= bit;
        if new { None } else { (0..count).find(|&at| key_at(entries, at) == key) }
    }

    fn add_to_many(&mut self, entries: &[u64], key: &[u8]) -> Option<usize> {
        let count = entries.len() / 4;
        for at in self.many.len()..count {
            self.many.insert(key_at(entries, at), at);
        }
        self.many.get(key).copied()
    }
}

/// The key of an entry. Keys live as long as their row, which is longer than the parser.
fn key_at(entries: &[u64], at: usize) -> &'static [u8] {
    // SAFETY: these are the slots of a string that the parser found.
    unsafe { super::bytes(entries[at * 4] as *const u8, entries[at * 4 + 1] as usize) }
}

/// The digits of an integer, none of them a leading zero.
fn integer(negative: bool, digits: &[u8]) -> Parsed<Node> {
    if digits.len() > MOST_DIGITS {
        return Err(UNSURE);
    }
    if digits.len() > 19 {
        return Ok(Node::OTHER);
    }
    let value = digits
        .iter()
        .fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    // 19 digits fit into 64 bits without a sign.
    let value = if negative { -i128::from(value) } else { i128::from(value) };
    Ok(i64::try_from(value).map_or(Node::OTHER, Node::int))
}

/// Where the first quote, backslash or control character is, from `at` on; the end if there is none.
fn plain_end(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        if let Some(place) = first_marked(chunk, ends_string) {
            return at + place;
        }
        at += chunk.len();
    }
    while text.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

/// Marks the high bit of bytes that end a stretch of plain text, and maybe of bytes above the lowest of them.
fn ends_string(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    control | equal_bytes(word, b'"') | equal_bytes(word, b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::json::as_static;

    fn parsed(text: &str) -> Result<(crate::Type, Vec<u64>), u32> {
        let mut rows = Rows::for_calls();
        parse(&mut rows, text.as_bytes()).map(|value| as_static(&value.slots()))
    }

    #[test]
    fn documents_are_read_refused_or_left_to_python() {
        assert_eq!(parsed(" -0 "), Ok((crate::Type::Int, vec![0])));
        assert_eq!(parsed("10.5"), Ok((crate::Type::Float, vec![10.5_f64.to_bits()])));
        for text in ["", "[1,]", "{\"a\" 1}", "01", "1.", "nul", "\"\t\"", "\"\\x\"", "\u{feff}1"] {
            assert_eq!(parsed(text), Err(RAISES), "{text}");
        }
        for text in ["\"\\ud800\"".to_owned(), "1".repeat(700), "[".repeat(70)] {
            assert_eq!(parsed(&text), Err(UNSURE), "{text}");
        }
    }

    #[test]
    fn the_end_of_plain_text_is_found_wherever_it_is() {
        for length in 0..40 {
            for end in 0..=length {
                for (before, ends) in [(b'a', b'"'), (0xff, b'\\'), (0x80, 0x1f), (b' ', 0)] {
                    let mut text = vec![before; length];
                    text[end..].fill(ends);
                    assert_eq!(plain_end(&text, 0), end, "{length} {ends}");
                    // Bytes that borrow from those above them.
                    text[end..].iter_mut().skip(1).for_each(|byte| *byte = ends + 1);
                    assert_eq!(plain_end(&text, 0), end, "{length} {ends}");
                }
            }
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts_in_the_first_place() {
        let mut rows = Rows::for_calls();
        let text: String = (0..100).map(|i| format!("\"k{}\": {i}, ", i % 40)).collect();
        let text = format!("{{{}\"k0\": -1}}", text);
        let value = parse(&mut rows, text.as_bytes()).unwrap_or(Node::NONE);
        let found: Vec<(String, i64)> = value
            .items()
            .entries()
            .map(|(key, held)| (String::from_utf8_lossy(key).into_owned(), held.as_int()))
            .collect();
        assert_eq!(found.len(), 40);
        assert_eq!((&found[0], &found[19]), (&("k0".into(), -1), &("k19".into(), 99)));
    }
}
