//! The lines that the feed sends, made once before the first client comes: the same bytes in every run.
//! Of the points 0.1 % are bad lines and 1 % lie on an axis or at the origin, at random places.
//! Called by the `feed` program.

use std::fmt::Write;
use std::str::FromStr;

/// What kind of lines the feed sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two decimal numbers a line: `-12.345 67.890`.
    Points,
    /// Five words a line, out of a thousand.
    Words,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "points" => Ok(Self::Points),
            "words" => Ok(Self::Words),
            _ => Err(format!("expected points or words, got {word:?}")),
        }
    }
}

/// The number of lines in the buffer that is sent over and over.
pub const LINES: usize = 65_536;

const BAD: [&str; 5] = ["not a point", "1.5", "1 2 3", "", "1,5 2,5"];

/// Lines in one buffer, each ended by a newline.
pub struct Lines {
    text: String,
    ends: Vec<usize>,
}

impl Lines {
    /// Makes the buffer; the same `kind` always gives the same bytes.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut lines =
            Self { text: String::with_capacity(LINES * 32), ends: Vec::with_capacity(LINES) };
        for _ in 0..LINES {
            match kind {
                Kind::Points => point(&mut lines.text, &mut random),
                Kind::Words => words(&mut lines.text, &mut random),
            }
            lines.text.push('\n');
            lines.ends.push(lines.text.len());
        }
        lines
    }

    /// The bytes of the first `count` lines, or of all when there are not as many.
    #[must_use]
    pub fn first(&self, count: u64) -> &[u8] {
        let wanted = usize::try_from(count).unwrap_or(LINES).min(LINES);
        if wanted == 0 { &[] } else { &self.text.as_bytes()[..self.ends[wanted - 1]] }
    }

    /// The line number `index`, counted round and round, with its newline.
    #[must_use]
    pub fn line(&self, index: u64) -> &[u8] {
        let index = (index % LINES as u64) as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text.as_bytes()[start..self.ends[index]]
    }
}

fn point(text: &mut String, random: &mut Random) {
    let (x, y) = (random.coordinate(), random.coordinate());
    let written = match random.below(1000) {
        0 => write!(text, "{}", BAD[random.below(BAD.len() as u64) as usize]),
        1..=4 => write!(text, "0 {y:.3}"),
        5..=8 => write!(text, "{x:.3} 0"),
        9..=10 => write!(text, "0 0"),
        _ => write!(text, "{x:.3} {y:.3}"),
    };
    debug_assert!(written.is_ok(), "writing into a String does not fail");
}

fn words(text: &mut String, random: &mut Random) {
    for index in 0..5 {
        let space = if index == 0 { "" } else { " " };
        let written = write!(text, "{space}word{}", random.below(1000));
        debug_assert!(written.is_ok(), "writing into a String does not fail");
    }
}

/// xorshift64*: small, fast and the same everywhere; good enough to fool a branch predictor.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A coordinate from -99.999 to 99.999 that is never zero.
    fn coordinate(&mut self) -> f64 {
        let thousandths = 1 + self.below(99_999);
        let size = thousandths as f64 / 1000.0;
        if self.below(2) == 0 { size } else { -size }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, LINES, Lines};
    use crate::quadrant::{Counts, Quadrant};

    #[test]
    fn the_shares_are_those_promised() {
        let lines = Lines::new(Kind::Points);
        let mut counts = Counts::default();
        counts.add_lines(lines.first(u64::MAX));
        assert_eq!(counts.total(), LINES as u64);
        let on_lines =
            counts.of(Quadrant::OnX) + counts.of(Quadrant::OnY) + counts.of(Quadrant::Origin);
        assert!((500..800).contains(&on_lines), "{on_lines}");
        assert!((40..90).contains(&counts.of(Quadrant::Invalid)));
        assert!(counts.of(Quadrant::Third) > 15_000);
    }

    #[test]
    fn lines_are_found_by_number() {
        let lines = Lines::new(Kind::Words);
        assert_eq!(lines.first(1), lines.line(0));
        assert_eq!(lines.line(1), lines.line(1 + LINES as u64));
        assert_eq!(lines.first(0), b"");
        assert_eq!(lines.first(2), [lines.line(0), lines.line(1)].concat());
    }
}
