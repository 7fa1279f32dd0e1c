//! The quadrant of a point in a line of text, and the counts per quadrant: what the hand-written loop and
//! the benchmark's Rust program on Tidemill both call for each line. Nothing is allocated per line and the
//! sign tests are turned into an index, since random points defeat a branch predictor.

use memchr::memchr_iter;
use serde::{Deserialize, Serialize};

/// Where a point lies; the names are those of the Python program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Quadrant {
    /// Above and to the right of the origin.
    First,
    /// Above and to the left.
    Second,
    /// Below and to the left.
    Third,
    /// Below and to the right.
    Fourth,
    /// On the vertical axis, not at the origin.
    OnY,
    /// On the horizontal axis, not at the origin.
    OnX,
    /// At the origin.
    Origin,
    /// The line does not hold exactly two numbers.
    Invalid,
}

impl Quadrant {
    /// Every value, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::First,
        Self::Second,
        Self::Third,
        Self::Fourth,
        Self::OnY,
        Self::OnX,
        Self::Origin,
        Self::Invalid,
    ];

    /// The name that the Python program gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "First quadrant",
            Self::Second => "Second quadrant",
            Self::Third => "Third quadrant",
            Self::Fourth => "Fourth quadrant",
            Self::OnY => "Lies on Y axis",
            Self::OnX => "Lies on X axis",
            Self::Origin => "Origin",
            Self::Invalid => "Invalid points",
        }
    }
}

/// The quadrant of the point that a line without its newline holds.
///
/// ```
/// use tidemill_bench::quadrant::{Quadrant, of_line};
/// assert_eq!(of_line(b"1.5 -2"), Quadrant::Fourth);
/// assert_eq!(of_line(b" 0\t3\r"), Quadrant::OnY);
/// assert_eq!(of_line(b"1 2 3"), Quadrant::Invalid);
/// ```
#[must_use]
#[inline]
pub fn of_line(line: &[u8]) -> Quadrant {
    match numbers(line) {
        Some((x, y)) => of_point(x, y),
        None => Quadrant::Invalid,
    }
}

#[inline]
fn numbers(line: &[u8]) -> Option<(f64, f64)> {
    let (x, rest) = number(line)?;
    let (y, rest) = number(rest)?;
    rest.trim_ascii_start().is_empty().then_some((x, y))
}

/// The number at the start of `text`, which white space or the end must follow, and what comes after it.
#[inline]
fn number(text: &[u8]) -> Option<(f64, &[u8])> {
    let text = text.trim_ascii_start();
    let (value, length) = fast_float2::parse_partial::<f64, _>(text).ok()?;
    let rest = &text[length..];
    rest.first().is_none_or(u8::is_ascii_whitespace).then_some((value, rest))
}

#[inline]
fn of_point(x: f64, y: f64) -> Quadrant {
    use Quadrant::{First, Fourth, OnX, OnY, Origin, Second, Third};
    // Rows: y is zero, above, below; columns: x is zero, right, left.
    const CELLS: [Quadrant; 9] = [Origin, OnX, OnX, OnY, First, Second, OnY, Fourth, Third];
    let column = usize::from(x > 0.0) + 2 * usize::from(x < 0.0);
    let row = usize::from(y > 0.0) + 2 * usize::from(y < 0.0);
    // The Python program's last branch is what a NaN beside anything but a zero ends in.
    if x.is_nan() || y.is_nan() {
        return if x == 0.0 {
            OnY
        } else if y == 0.0 {
            OnX
        } else {
            Origin
        };
    }
    CELLS[3 * row + column]
}

/// How many points were seen in each quadrant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; 8]);

impl Counts {
    /// Counts every whole line of `text` and returns the length of what was used: up to the last newline.
    #[inline]
    pub fn add_lines(&mut self, text: &[u8]) -> usize {
        let mut start = 0;
        for end in memchr_iter(b'\n', text) {
            self.0[of_line(&text[start..end]) as usize] += 1;
            start = end + 1;
        }
        start
    }

    /// Adds `count` points to a quadrant.
    pub fn add(&mut self, quadrant: Quadrant, count: u64) {
        self.0[quadrant as usize] += count;
    }

    /// The points in one quadrant.
    #[must_use]
    pub fn of(&self, quadrant: Quadrant) -> u64 {
        self.0[quadrant as usize]
    }

    /// All points, the invalid ones among them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Quadrant, of_line};

    #[test]
    fn bad_lines_are_invalid() {
        for line in ["", " ", "not a point", "1.5", "1 2 3", "1,5 2,5", "1 2x", "x 1"] {
            assert_eq!(of_line(line.as_bytes()), Quadrant::Invalid, "{line:?}");
        }
    }

    #[test]
    fn every_place_is_told_apart() {
        let expected = [
            ("1 1", Quadrant::First),
            ("-1 1", Quadrant::Second),
            ("-1 -1e-3", Quadrant::Third),
            ("1 -1", Quadrant::Fourth),
            ("0 -1", Quadrant::OnY),
            ("0 1", Quadrant::OnY),
            ("1 -0.0", Quadrant::OnX),
            ("-1 0", Quadrant::OnX),
            ("0 0", Quadrant::Origin),
            ("nan 1", Quadrant::Origin),
            ("nan 0", Quadrant::OnX),
        ];
        for (line, quadrant) in expected {
            assert_eq!(of_line(line.as_bytes()), quadrant, "{line:?}");
        }
    }

    #[test]
    fn a_rest_without_newline_is_left() {
        let mut counts = Counts::default();
        assert_eq!(counts.add_lines(b"1 1\n2 2\n3"), 8);
        assert_eq!((counts.total(), counts.of(Quadrant::First)), (2, 2));
    }
}
