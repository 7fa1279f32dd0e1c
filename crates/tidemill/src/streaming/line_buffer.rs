//! Cuts a byte stream at newlines without looking at single lines: what was read up to the last `\n` is
//! handed over at once, the unfinished rest moves to the front. The buffer stays the same, and with that in the
//! processor's cache.
//!
//! Bounded: a line longer than the limit is left out up to its `\n` and counted. Used by the socket receiver.

/// The buffer between `read` calls and whole lines.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    filled: usize,
    read_size: usize,
    max_line: usize,
    skipping: usize,
    skipped: LeftOut,
}

/// Lines that were too long.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub lines: usize,
    /// Bytes of the longest.
    pub longest: usize,
}

impl LeftOut {
    fn add(&mut self, length: usize) {
        self.lines += 1;
        self.longest = self.longest.max(length);
    }
}

/// Fewest bytes to offer to a `read` call.
const LEAST_SPACE: usize = 16 << 10;

impl LineBuffer {
    /// Reads in pieces of about `read_size` bytes, lines of at most `max_line` bytes.
    pub(crate) fn new(read_size: usize, max_line: usize) -> Self {
        let bytes = vec![0; read_size];
        LineBuffer {
            bytes,
            filled: 0,
            read_size,
            max_line,
            skipping: 0,
            skipped: LeftOut::default(),
        }
    }

    /// Where the next bytes go; never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.bytes.len() - self.filled < LEAST_SPACE {
            let grown = (self.bytes.len() * 2).max(self.read_size);
            self.bytes.resize(grown, 0);
        }
        &mut self.bytes[self.filled..]
    }

    /// `count` bytes were put into [`LineBuffer::space`]; `take` gets the whole lines there are now, if any.
    pub(crate) fn filled(&mut self, count: usize, mut take: impl FnMut(&[u8])) {
        let fresh = self.filled;
        self.filled += count;
        if self.skipping > 0 {
            return self.skip(take);
        }
        let Some(last) = memchr::memrchr(b'\n', &self.bytes[fresh..self.filled]) else {
            if self.filled > self.max_line {
                self.skipping = self.filled;
                self.filled = 0;
                self.bytes.truncate(self.read_size);
            }
            return;
        };
        let end = fresh + last + 1;
        match end > self.max_line {
            true => self.take_fitting(end, take),
            false => take(&self.bytes[..end]),
        }
        self.bytes.copy_within(end..self.filled, 0);
        self.filled -= end;
        // What a long line took is given back.
        if self.bytes.len() > self.read_size && self.filled + LEAST_SPACE <= self.read_size {
            self.bytes.truncate(self.read_size);
            self.bytes.shrink_to_fit();
        }
    }

    /// Hands over whole lines of which some may be too long.
    fn take_fitting(&mut self, end: usize, mut take: impl FnMut(&[u8])) {
        let lines = &self.bytes[..end];
        let (mut from, mut at) = (0, 0);
        for newline in memchr::memchr_iter(b'\n', lines) {
            if newline - at > self.max_line {
                self.skipped.add(newline - at);
                if from < at {
                    take(&lines[from..at]);
                }
                from = newline + 1;
            }
            at = newline + 1;
        }
        if from < end {
            take(&lines[from..]);
        }
    }

    /// Within a line that is left out: looks for its end.
    fn skip(&mut self, take: impl FnMut(&[u8])) {
        let filled = std::mem::take(&mut self.filled);
        let Some(end) = memchr::memchr(b'\n', &self.bytes[..filled]) else {
            self.skipping += filled;
            return;
        };
        let begun = std::mem::take(&mut self.skipping);
        self.skipped.add(begun + end);
        self.bytes.copy_within(end + 1..filled, 0);
        self.filled(filled - end - 1, take);
    }

    /// The stream has ended: the unfinished last line, with a `\n`.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        if self.skipping > 0 {
            let begun = std::mem::take(&mut self.skipping);
            self.skipped.add(begun + self.filled);
            self.filled = 0;
        }
        if self.filled == 0 {
            return None;
        }
        let filled = std::mem::take(&mut self.filled);
        let mut line = self.bytes[..filled].to_vec();
        line.push(b'\n');
        Some(line)
    }

    /// What was left out since the last call.
    pub(crate) fn take_skipped(&mut self) -> LeftOut {
        std::mem::take(&mut self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `data` in pieces; the lines that come out, and what was left out.
    fn feed(data: &[u8], pieces: &[usize], max_line: usize) -> (Vec<u8>, LeftOut) {
        let mut buffer = LineBuffer::new(64, max_line);
        let (mut out, mut at) = (Vec::new(), 0);
        for piece in pieces.iter().cycle() {
            if at == data.len() {
                break;
            }
            let space = buffer.space();
            let count = (*piece).min(space.len()).min(data.len() - at);
            space[..count].copy_from_slice(&data[at..at + count]);
            at += count;
            buffer.filled(count, |lines| out.extend_from_slice(lines));
        }
        out.extend(buffer.finish().into_iter().flatten());
        (out, buffer.take_skipped())
    }

    #[test]
    fn an_overlong_line_is_left_out_and_counted() {
        let data = [b"ab\n".to_vec(), vec![b'x'; 500], b"\ncd\n".to_vec()].concat();
        let one = |longest| LeftOut { lines: 1, longest };
        assert_eq!(feed(&data, &[10], 100), (b"ab\ncd\n".to_vec(), one(500)));
        assert_eq!(feed(&[b'x'; 300], &[7], 100), (Vec::new(), one(300)));
    }

    proptest! {
        #[test]
        fn a_line_is_taken_if_it_fits_however_it_comes(
            lines in prop::collection::vec(0_usize..40, 0..30),
            pieces in prop::collection::vec(1_usize..200, 1..5),
        ) {
            let text = |lines: &[usize]| -> Vec<u8> {
                lines.iter().flat_map(|&length| [vec![b'x'; length], vec![b'\n']].concat()).collect()
            };
            let (out, skipped) = feed(&text(&lines), &pieces, 20);
            let (fitting, long): (Vec<usize>, Vec<usize>) = lines.iter().partition(|&&length| length <= 20);
            prop_assert_eq!(out, text(&fitting));
            let longest = long.iter().copied().max().unwrap_or(0);
            prop_assert_eq!(skipped, LeftOut { lines: long.len(), longest });
        }

        #[test]
        fn nothing_is_lost_or_changed(lines in prop::collection::vec("[a-c]{0,40}", 0..30),
                                      pieces in prop::collection::vec(1_usize..90, 1..5)) {
            let data = lines.join("\n").into_bytes();
            let (out, skipped) = feed(&data, &pieces, 1000);
            prop_assert_eq!(skipped, LeftOut::default());
            let mut expected = data.clone();
            if !expected.is_empty() && !expected.ends_with(b"\n") {
                expected.push(b'\n');
            }
            prop_assert_eq!(out, expected);
        }
    }
}
