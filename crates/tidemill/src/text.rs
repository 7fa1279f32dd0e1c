//! Text blocks and lines: one buffer of UTF-8 as it came from a socket or file, and cheap strings
//! that share it.
//!
//! Invariant of [`TextBlock`]: every record, also the last, ends in `\n`; no record holds `\r` or `\n`.
//! Receivers and file readers make them; the backends of both front ends read them.

use std::any::Any;
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use hipstr::HipStr;
use serde::{Deserialize, Serialize};

use crate::block::Block;

/// One line of text: derefs to `str`; short lines are stored inline, longer ones share the
/// block they came in, so splitting a block allocates nothing.
///
/// ```
/// use tidemill::Line;
/// let line = Line::from("3 -4");
/// assert_eq!(line.split(' ').count(), 2);
/// assert_eq!(format!("{line}"), "3 -4");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(HipStr<'static>);

impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_str()
    }
}

impl Borrow<str> for Line {
    fn borrow(&self) -> &str {
        self.0.as_str()
    }
}

impl AsRef<str> for Line {
    fn as_ref(&self) -> &str {
        self.0.as_str()
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Line(HipStr::from(text.to_owned()))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_str().fmt(f)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

/// Newline-terminated records in one shared buffer.
///
/// ```
/// use tidemill::text::TextBlock;
/// let block = TextBlock::from_bytes(b"3 4\r\n\xff\nlast".to_vec());
/// let lines: Vec<String> = block.lines().map(|line| line.to_string()).collect();
/// assert_eq!(lines, ["3 4", "\u{fffd}", "last"]);
/// ```
#[derive(Debug, Clone)]
pub struct TextBlock {
    text: HipStr<'static>,
    records: usize,
}

impl TextBlock {
    /// Takes raw bytes over without copying when they are clean. Bad UTF-8 becomes U+FFFD; `\n`,
    /// `\r` and `\r\n` all end a line, as Java's `BufferedReader` has it; a missing last `\n` is added.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => replace_malformed(error.as_bytes()),
        };
        TextBlock::joined(WholeLines::of_text(Cow::Owned(text)))
    }

    /// Takes lines over without copying, if they are owned.
    pub(crate) fn joined(lines: WholeLines<'_>) -> Self {
        TextBlock { text: HipStr::from(lines.text.into_owned()), records: lines.records }
    }

    /// Bytes of memory that the buffer takes.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// The buffer: records separated and ended by `\n`.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The records in order.
    pub fn lines(&self) -> Lines {
        Lines { text: self.text.clone(), at: 0 }
    }
}

/// Text in which every line is ended by `\n`, and none holds `\r`.
///
/// Lines that came one after the other can be checked piece by piece: `\n` is part of no other character and ends
/// `\r\n`, so nothing goes beyond a line.
#[derive(Debug, Default)]
pub(crate) struct WholeLines<'a> {
    text: Cow<'a, str>,
    records: usize,
}

impl<'a> WholeLines<'a> {
    /// Raw bytes as [`TextBlock::from_bytes`] has them; not copied when they are clean.
    pub(crate) fn of(bytes: &'a [u8]) -> WholeLines<'a> {
        WholeLines::of_text(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(replace_malformed(bytes)),
        })
    }

    fn of_text(mut text: Cow<'a, str>) -> WholeLines<'a> {
        if memchr::memchr(b'\r', text.as_bytes()).is_some() {
            text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.to_mut().push('\n');
        }
        let records = memchr::memchr_iter(b'\n', text.as_bytes()).count();
        WholeLines { text, records }
    }

    /// Bytes of text.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Adds lines.
    pub(crate) fn extend(&mut self, lines: &WholeLines<'_>) {
        self.text.to_mut().push_str(&lines.text);
        self.records += lines.records;
    }

    /// Gives back memory that no text is in.
    pub(crate) fn shrink(&mut self) {
        if let Cow::Owned(text) = &mut self.text {
            text.shrink_to_fit();
        }
    }
}

/// Java's replacement of malformed UTF-8, which is also Rust's but for one thing: the three bytes of a
/// surrogate become one U+FFFD, not three.
fn replace_malformed(bytes: &[u8]) -> String {
    const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
    let mut mended = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0xed, rest) {
        let (before, from) = rest.split_at(at);
        mended.extend_from_slice(before);
        let is_surrogate = matches!(from, [_, 0xa0..=0xbf, 0x80..=0xbf, ..]);
        let taken = if is_surrogate { 3 } else { 1 };
        mended.extend_from_slice(if is_surrogate { REPLACEMENT } else { &from[..1] });
        rest = &from[taken..];
    }
    mended.extend_from_slice(rest);
    String::from_utf8_lossy(&mended).into_owned()
}

impl Block for TextBlock {
    fn len(&self) -> usize {
        self.records
    }

    fn size_bytes(&self) -> usize {
        self.text.len()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Iterator over the lines of a [`TextBlock`].
#[derive(Debug)]
pub struct Lines {
    text: HipStr<'static>,
    at: usize,
}

impl Iterator for Lines {
    type Item = Line;

    #[inline]
    fn next(&mut self) -> Option<Line> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = memchr::memchr(b'\n', rest)?;
        let line = self.text.slice(self.at..self.at + length);
        self.at += length + 1;
        Some(Line(line))
    }

    fn fold<B, F: FnMut(B, Line) -> B>(self, init: B, mut f: F) -> B {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        let mut start = self.at;
        memchr::memchr_iter(b'\n', rest).fold(init, |folded, end| {
            let line = self.text.slice(start..self.at + end);
            start = self.at + end + 1;
            f(folded, Line(line))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_checked_piece_by_piece_are_those_of_the_whole(
            pieces in prop::collection::vec(prop::collection::vec(prop::sample::select(
                b"ab\r\n\xed\xa0\x80\xff\xc3\xa9".to_vec()), 0..9), 0..6),
        ) {
            let (mut joined, mut whole) = (WholeLines::default(), Vec::new());
            for mut piece in pieces {
                piece.push(b'\n');
                joined.extend(&WholeLines::of(&piece));
                whole.extend(piece);
            }
            let (joined, whole) = (TextBlock::joined(joined), TextBlock::from_bytes(whole));
            prop_assert_eq!((joined.as_str(), joined.len()), (whole.as_str(), whole.len()));
        }
    }

    fn lines(bytes: &[u8]) -> Vec<String> {
        TextBlock::from_bytes(bytes.to_vec()).lines().map(|line| line.to_string()).collect()
    }

    #[test]
    fn empty_lines_are_records() {
        assert_eq!(lines(b"\n\na\n"), ["", "", "a"]);
        assert_eq!(lines(b""), Vec::<String>::new());
    }

    #[test]
    fn carriage_returns_end_lines_as_in_java() {
        assert_eq!(lines(b"a\rb\r\nc\n\r"), ["a", "b", "c", ""]);
    }

    #[test]
    fn malformed_bytes_are_replaced_as_in_java() {
        assert_eq!(lines(b"a\xed\xa0\x80b\xff\xc3(\n"), ["a\u{fffd}b\u{fffd}\u{fffd}("]);
        assert_eq!(lines("퀀\n".as_bytes()), ["퀀"]);
        assert_eq!(lines(b"\xed\x80\n\xed"), ["\u{fffd}", "\u{fffd}"]);
    }

    #[test]
    fn long_lines_share_the_block() {
        let long = "x".repeat(1000);
        let block = TextBlock::from_bytes(format!("{long}\nshort\n").into_bytes());
        let found: Vec<Line> = block.lines().collect();
        assert_eq!(&*found[0], long);
        assert_eq!(found[0].as_ptr(), block.as_str().as_ptr());
        assert_eq!(&*found[1], "short");
    }
}
