//! `json.loads`: documents to dynamic values, with exactly CPython's acceptance.
//!
//! The grammar is that of `Lib/json/decoder.py` and `Modules/_json.c`: `NaN` and `Infinity` are numbers, strings
//! hold no control characters, of equal keys the last counts. What is malformed is a certain `ValueError`.
//! Text that native code does not hold (lone surrogates), integers that CPython may refuse to read, and
//! documents so deep that CPython's stack could end first are unsure.

use bumpalo::Bump;
use rustc_hash::FxHashMap;

use super::json::{DEEPEST, Node, entry};
use super::json_outline::{NONE, Outlines};
use super::scan::first_of;
use super::{List, RAISES, Rows, UNSURE, decimal, new_list, push_slots};

/// Digits that CPython reads whatever its limit is (`sys.int_info.str_digits_check_threshold`).
const MOST_DIGITS: usize = 640;
/// Items that a list or dict has room for at first.
const FEW_ITEMS: usize = 4;
/// Keys of an object that are compared one by one.
const FEW_KEYS: usize = 32;

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
        let outline = self.outlines.begin();
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

    fn array(&mut self, depth: usize, outline: usize) -> Parsed<Node> {
        if depth > DEEPEST {
            return Err(UNSURE);
        }
        self.at += 1;
        let list = self.list(FEW_ITEMS, 2);
        if self.skip_space() == b']' {
            self.at += 1;
            return Ok(Node::list(list));
        }
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
        if depth > DEEPEST {
            return Err(UNSURE);
        }
        self.at += 1;
        let text = self.text;
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
            if self.skip_space() != b'"' {
                return Err(RAISES);
            }
            let from = self.at + 1;
            let key = self.string()?;
            let to = self.at - 1;
            if self.skip_space() != b':' {
                return Err(RAISES);
            }
            self.at += 1;
            self.skip_space();
            let known = keys.add(entries.all(), key);
            // A key that is shorter than its text has an escape.
            learning &= known.is_none() && key.len() == to - from;
            let mut inner = None;
            if learning {
                let between = &self.text[behind..self.at];
                inner = self.outlines.learn(outline, between, from - behind..to - behind);
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

    /// A new list of the row's.
    fn list<'l>(&self, capacity: usize, width: usize) -> &'l mut List {
        // SAFETY: the row's lists live as long as the row, and nothing else knows of this one.
        unsafe { &mut *new_list(self.lists, capacity, width) }
    }
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
    /// The keys of entries.
    fn of(entries: &[u64]) -> Keys {
        let mut keys = Keys::default();
        for count in 0..entries.len() / 4 {
            keys.met |= kind_of(key_at(entries, count));
        }
        keys
    }

    /// The place of an equal key among the entries; if there is none, the key is the next entry's.
    fn add(&mut self, entries: &[u64], key: &[u8]) -> Option<usize> {
        let count = entries.len() / 4;
        if count >= FEW_KEYS {
            return self.add_to_many(entries, key);
        }
        let kind = kind_of(key);
        let new = self.met & kind == 0;
        self.met |= kind;
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

/// A bit for the kind of a key.
fn kind_of(key: &[u8]) -> u64 {
    let ends =
        key.first().zip(key.last()).map_or(0, |(a, b)| usize::from(*a) + 7 * usize::from(*b));
    1 << ((key.len() * 31 + ends) % 64)
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
        let value = parse(&mut rows, 0, text.as_bytes()).unwrap_or(Node::NONE);
        let found: Vec<(String, i64)> = value
            .items()
            .entries()
            .map(|(key, held)| (String::from_utf8_lossy(key).into_owned(), held.as_int()))
            .collect();
        assert_eq!(found.len(), 40);
        assert_eq!((&found[0], &found[19]), (&("k0".into(), -1), &("k19".into(), 99)));
    }

    /// Documents of one kind, made of choices: keys that come and go, that are written in other ways, in other
    /// orders and twice; values of all kinds; some broken.
    fn some_documents() -> impl proptest::strategy::Strategy<Value = Vec<String>> {
        use proptest::prelude::*;
        let key = prop::sample::select(vec![
            r#""a""#,
            r#""b""#,
            r#" "a" "#,
            r#""\u0061""#,
            r#""""#,
            r#""a longer key than what is compared at once, by far""#,
        ]);
        let leaf = prop::sample::select(vec![
            "1", " 2", "-0.5 ", "\"x\"", "\"\\n\"", "null", "true", "[]", "{}", "1e", "\t7", "nul",
        ]);
        let value = leaf.prop_map(str::to_owned).prop_recursive(3, 24, 5, move |inner| {
            let entry = (key.clone(), prop::sample::select(vec![":", ": ", " :"]), inner.clone());
            let entry = entry.prop_map(|(key, colon, value)| format!("{key}{colon}{value}"));
            let separator = || prop::sample::select(vec![",", ", ", ", ", ",,"]);
            prop_oneof![
                4 => (prop::collection::vec(entry, 0..6), separator())
                    .prop_map(|(entries, comma)| format!("{{{}}}", entries.join(comma))),
                1 => prop::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[{}]", items.join(", "))),
            ]
        });
        // Few different ones, over and over, so that much is as expected.
        prop::collection::vec(value, 1..4).prop_flat_map(|documents| {
            let some = prop::sample::select(documents);
            prop::collection::vec((some, any::<prop::sample::Index>(), 0..12_u8), 1..40).prop_map(
                |chosen| {
                    let cut = |(text, at, how): (String, prop::sample::Index, u8)| match how {
                        0 => text[..at.index(text.len() + 1)].to_owned(),
                        _ => text,
                    };
                    chosen.into_iter().map(cut).collect()
                },
            )
        })
    }

    fn shown(value: Parsed<Node>) -> Result<String, u32> {
        let value = value?;
        let mut text = bumpalo::collections::Vec::new_in(Box::leak(Box::default()));
        super::super::json_text::write(&mut text, value, 0).ok_or(UNSURE)?;
        Ok(format!("{:?} {}", value.kind(), String::from_utf8_lossy(&text)))
    }

    proptest::proptest! {
        #[test]
        fn what_came_before_changes_nothing(documents in some_documents()) {
            let mut used = Rows::for_calls();
            for document in documents {
                let alone = shown(parse(&mut Rows::for_calls(), 0, document.as_bytes()));
                proptest::prop_assert_eq!(shown(parse(&mut used, 7, document.as_bytes())), alone);
            }
        }
    }
}
