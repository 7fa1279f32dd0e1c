//! `json.loads`: documents to dynamic values, with exactly CPython's acceptance.
//!
//! The grammar is that of `Lib/json/decoder.py` and `Modules/_json.c`: `NaN` and `Infinity` are numbers, strings
//! hold no control characters, of equal keys the last counts. What is malformed is a certain `ValueError`.
//! Text that native code does not hold (lone surrogates), integers that CPython may refuse to read, and
//! documents so deep that CPython's stack could end first are unsure.

use std::ops::Range;

use bumpalo::Bump;

use super::json::{DEEPEST, Node, entry};
use super::json_keys::Keys;
use super::json_outline::{NONE, Outlines};
use super::lists::MOST_BYTES;
use super::scan::first_of;
use super::{List, RAISES, Rows, UNSURE, decimal, new_list, push_slots};

/// Digits that CPython reads whatever its limit is (`sys.int_info.str_digits_check_threshold`).
const MOST_DIGITS: usize = 640;
/// Items that a list or dict has room for at first.
const FEW_ITEMS: usize = 4;

/// The status of a document that gives no value.
type Parsed<T> = std::result::Result<T, u32>;

/// Parses a whole document, which stands like others at a `site`; lists and dicts are allocated in the row.
pub(crate) fn parse(rows: &mut Rows<'_>, site: u64, text: &[u8]) -> Parsed<Node> {
    let outlines = rows.documents.at(site);
    Parser { arena: &rows.arena, lists: &rows.lists, text, at: 0, outlines }.document()
}

struct Parser<'p> {
    arena: &'p Bump,
    lists: &'p Bump,
    text: &'p [u8],
    at: usize,
    outlines: &'p mut Outlines,
}

impl Parser<'_> {
    fn document(&mut self) -> Parsed<Node> {
        let outline = self.outlines.document();
        let value = self.value(0, outline)?;
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

    /// The value behind white space; its objects are expected to be like the outline.
    #[inline(always)]
    fn value(&mut self, depth: usize, outline: usize) -> Parsed<Node> {
        match self.skip_space() {
            b'"' => Ok(Node::str(self.string()?)),
            b'{' => self.object(depth + 1, outline),
            b'[' => self.array(depth + 1, outline),
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
    #[inline(always)]
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
    #[cold]
    fn escaped<'s>(&mut self, start: usize, mut end: usize) -> Parsed<&'s [u8]> {
        let mut made = bumpalo::collections::Vec::new_in(self.arena);
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

    /// Goes into a list or dict, past its bracket.
    fn enter(&mut self, depth: usize) -> Parsed<()> {
        if depth > DEEPEST || self.lists.allocated_bytes() > MOST_BYTES {
            return Err(UNSURE);
        }
        self.at += 1;
        Ok(())
    }

    fn array(&mut self, depth: usize, outline: usize) -> Parsed<Node> {
        self.enter(depth)?;
        if self.skip_space() == b']' {
            self.at += 1;
            return Ok(Node::list(self.list(0, 2)));
        }
        let list = self.list(FEW_ITEMS, 2);
        loop {
            let value = self.value(depth, outline)?;
            push_slots(self.lists, list, &value.slots());
            let byte = self.skip_space();
            self.at += 1;
            match byte {
                b',' => {}
                b']' => return Ok(Node::list(list)),
                _ => return Err(RAISES),
            }
        }
    }

    fn object(&mut self, depth: usize, outline: usize) -> Parsed<Node> {
        self.enter(depth)?;
        let text = self.text;
        if text.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Ok(Node::dict(self.list(0, 4)));
        }
        let entries = self.list(self.outlines.count(outline).max(FEW_ITEMS), 4);
        let mut next = 0;
        while let Some(found) = self.outlines.find(outline, next, &text[self.at..]) {
            self.at += found.length;
            let value = self.value(depth, found.inner)?;
            push_slots(self.lists, entries, &entry(found.key, value));
            next = found.next;
        }
        let behind = self.at;
        if self.skip_space() == b'}' {
            self.at += 1;
            self.outlines.met(outline);
        } else {
            self.at = behind;
            self.other_entries(entries, depth, outline, next)?;
        }
        Ok(Node::dict(entries))
    }

    /// The entries of an object, to its end, that are not as the outline has them from `next` on.
    fn other_entries(
        &mut self,
        entries: &mut List,
        depth: usize,
        outline: usize,
        next: usize,
    ) -> Parsed<()> {
        let mut keys = Keys::of(entries.all());
        let mut learning = self.outlines.missed(outline, next);
        let mut is_first = entries.len == 0;
        loop {
            let behind = self.at;
            match self.skip_space() {
                b'}' if !is_first => {
                    self.at += 1;
                    return Ok(());
                }
                b',' if !is_first => self.at += 1,
                _ if is_first => is_first = false,
                _ => return Err(RAISES),
            }
            let (key, place) = self.key()?;
            let known = keys.add(entries.all(), key);
            // A key that is shorter than its text has an escape.
            learning &= known.is_none() && key.len() == place.len();
            let mut inner = None;
            if learning {
                let between = &self.text[behind..self.at];
                let place = place.start - behind..place.end - behind;
                inner = self.outlines.learn(outline, between, place);
            }
            learning &= inner.is_some();
            let value = self.value(depth, inner.unwrap_or(NONE))?;
            match known {
                // The last value counts, in the place of the first.
                Some(known) => entries.set_value(known, value),
                None => push_slots(self.lists, entries, &entry(key, value)),
            }
        }
    }

    /// A key and where it is, to the start of its value.
    fn key<'s>(&mut self) -> Parsed<(&'s [u8], Range<usize>)> {
        if self.skip_space() != b'"' {
            return Err(RAISES);
        }
        let from = self.at + 1;
        let key = self.string()?;
        let place = from..self.at - 1;
        if self.skip_space() != b':' {
            return Err(RAISES);
        }
        self.at += 1;
        self.skip_space();
        Ok((key, place))
    }

    /// A new list of the row's.
    fn list<'l>(&self, capacity: usize, width: usize) -> &'l mut List {
        // SAFETY: the row's lists live as long as the row, and nothing else knows of this one.
        unsafe { &mut *new_list(self.lists, capacity, width) }
    }
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
fn plain_end(text: &[u8], at: usize) -> usize {
    first_of(text, at, |byte| (byte == b'"') | (byte == b'\\') | (byte < 0x20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::json::as_static;

    fn parsed(text: &str) -> Result<(crate::Type, Vec<u64>), u32> {
        let mut rows = Rows::for_calls();
        parse(&mut rows, 0, text.as_bytes()).map(|value| as_static(&value.slots()))
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
    fn of_equal_keys_the_last_counts_in_the_first_place() {
        let mut rows = Rows::for_calls();
        let text: String = (0..100).map(|i| format!("\"k{}\": {i}, ", i % 40)).collect();
        let text = format!("{{{}\"k0\": -1}}", text);
        let value = parse(&mut rows, 0, text.as_bytes()).unwrap_or(Node::NONE);
        let found: Vec<(String, i64)> = value
            .items()
            .entries()
            .map(|(key, held)| (String::from_utf8_lossy(key).into_owned(), held.as_int()))
            .collect();
        assert_eq!(found.len(), 40);
        assert_eq!((&found[0], &found[19]), (&("k0".into(), -1), &("k19".into(), 99)));
    }

    /// Documents of one kind: an object's entries in their order, of which some are left out, twice there or
    /// elsewhere; separators that are wrong; some within others; some cut short.
    fn some_documents() -> impl proptest::strategy::Strategy<Value = Vec<String>> {
        use proptest::prelude::*;
        use proptest::sample::Index;
        let key = prop::sample::select(vec![
            r#""a""#,
            r#""b""#,
            r#" "a" "#,
            r#""\u0061""#,
            r#""""#,
            r#""ab""#,
            r#""a longer key than what is compared at once, by far""#,
        ]);
        let value = prop::sample::select(vec![
            "1",
            " 2",
            "-0.5 ",
            "\"x\"",
            "\"\\n\"",
            "null",
            "true",
            "[]",
            "{}",
            "1e",
            "\t7",
            "nul",
            "{\"a\": 1, \"b\": 2}",
            "{\"a\": 1, \"b\": 3, \"a\": 4}",
            "[{\"a\": 1}, {\"b\": 1}]",
        ]);
        let colon = prop::sample::select(vec![": ", ": ", ": ", ":", " :"]);
        let entry =
            (key, colon, value).prop_map(|(key, colon, value)| format!("{key}{colon}{value}"));
        let start = prop::sample::select(vec!["{", "{", "{", "{", "{", "{,", "{ "]);
        let comma = prop::sample::select(vec![", ", ", ", ", ", ", ", ",", ",,", " "]);
        let change = (0..3_u8, any::<Index>(), any::<Index>());
        let changes = prop::collection::vec(change, 0..4);
        let document = (changes, start, comma, 0..8_u8, any::<Index>());
        (prop::collection::vec(entry, 1..6), prop::collection::vec(document, 1..40)).prop_map(
            |(entries, documents)| {
                let document = |(changes, start, comma, how, at): (Vec<_>, _, _, _, Index)| {
                    let mut own: Vec<&str> = entries.iter().map(String::as_str).collect();
                    for (what, from, to) in changes {
                        let (from, to): (Index, Index) = (from, to);
                        let moved = own[from.index(own.len())];
                        match what {
                            0 if own.len() > 1 => drop(own.remove(from.index(own.len()))),
                            1 => own.insert(to.index(own.len() + 1), moved),
                            _ => {
                                let (from, to) = (from.index(own.len()), to.index(own.len()));
                                own.swap(from, to);
                            }
                        }
                    }
                    let text = format!("{start}{}}}", own.join(comma));
                    match how {
                        0 => text[..at.index(text.len() + 1)].to_owned(),
                        1 => format!("{{\"o\": {text}, \"p\": {text}}}"),
                        2 => format!("[{text}, {text}, 1]"),
                        _ => text,
                    }
                };
                documents.into_iter().map(document).collect()
            },
        )
    }

    /// A document as `json.dumps` has it, or why there is none.
    fn shown(rows: &mut Rows<'_>, document: &str) -> Result<String, u32> {
        let value = parse(rows, 0, document.as_bytes())?;
        let arena = Bump::new();
        let mut text = bumpalo::collections::Vec::new_in(&arena);
        super::super::json_text::write(&mut text, value, 0).ok_or(UNSURE)?;
        Ok(format!("{:?} {}", value.kind(), String::from_utf8_lossy(&text)))
    }

    #[test]
    fn documents_that_are_nearly_as_expected_are_read_as_they_are() {
        let objects: [&[&str]; 5] = [
            // What follows an entry that was left out begins with a comma.
            &[r#"{"a": 1, "b": 2}"#, r#"{, "b": 2}"#, r#"{"b": 2}"#],
            // A key that was left out comes later, and then twice.
            &[r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,"c":3,"b":2}"#, r#"{"a":1,"b":2,"c":3,"b":4}"#],
            &[r#"{"a": 1}"#, r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "a": 2}"#],
            &[r#"{"a": 1, "b": 2}"#, r#"{"a": 1,, "b": 2}"#, r#"{"a": 1 "b": 2}"#, r#"{"a": 1,}"#],
            &[r#"{"a": [{"b": 1}, {"b": 2, "c": 3}]}"#, r#"{"a": [{"c": 3, "b": 1}, {}, {,}]}"#],
        ];
        for documents in objects {
            let mut used = Rows::for_calls();
            for document in documents {
                let alone = shown(&mut Rows::for_calls(), document);
                assert_eq!(shown(&mut used, document), alone, "{document}");
            }
        }
    }

    #[test]
    fn many_small_objects_take_little_memory() {
        let mut rows = Rows::for_calls();
        let large: Vec<String> = (0..64).map(|i| format!("\"k{i}\": {i}")).collect();
        let document = format!("[{{{}}}{}]", large.join(", "), ", {}, []".repeat(10_000));
        assert!(parse(&mut rows, 0, document.as_bytes()).is_ok());
        let taken = rows.lists.allocated_bytes();
        assert!(taken < 8_000_000, "{taken}");
        let lists = format!("[{}1]", "[1], ".repeat(4_000_000));
        assert_eq!(shown(&mut rows, &lists), Err(UNSURE));
    }

    proptest::proptest! {
        #[test]
        fn what_came_before_changes_nothing(documents in some_documents()) {
            let mut used = Rows::for_calls();
            for document in documents {
                let alone = shown(&mut Rows::for_calls(), &document);
                proptest::prop_assert_eq!(shown(&mut used, &document), alone);
            }
        }
    }
}
