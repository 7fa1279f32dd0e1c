//! The lines that the feed sends, made once before the first client comes: the same bytes in every run.
//! Each kind is a file below. Called by the `feed` program.

mod access_log;
mod json;
mod numbers;
mod points;
mod words;

use crate::random::Random;
use std::str::FromStr;

/// What kind of lines the feed sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two decimal numbers a line: `-12.345 67.890`.
    Points,
    /// Ten words a line on average, out of 50,000.
    Words50k,
    /// A shop's events as JSON.
    Json,
    /// A web server's log in Apache's combined format.
    AccessLog,
    /// Eight decimal numbers a line: samples of a wave and noise.
    Numbers,
    /// A name a line, no two of them the same.
    Keys,
}

const NAMES: [(&str, Kind); 6] = [
    ("points", Kind::Points),
    ("words50k", Kind::Words50k),
    ("json", Kind::Json),
    ("accesslog", Kind::AccessLog),
    ("numbers", Kind::Numbers),
    ("keys", Kind::Keys),
];

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == word);
        let expected = || NAMES.map(|(name, _)| name).join(", ");
        found
            .map(|(_, kind)| *kind)
            .ok_or_else(|| format!("expected one of {}, got {word:?}", expected()))
    }
}

/// The number of lines in the buffer that is sent over and over, if nothing else is said.
pub const LINES: usize = 65_536;

/// Lines in one buffer, each ended by a newline.
pub struct Lines {
    text: String,
    ends: Vec<usize>,
}

impl Lines {
    /// Makes the buffer of at least one line; the same `kind` always gives the same bytes.
    #[must_use]
    pub fn new(kind: Kind, count: usize) -> Self {
        let mut random = Random::new();
        let mut lines = Self { text: String::new(), ends: Vec::with_capacity(count) };
        for index in 0..count.max(1) as u64 {
            let text = &mut lines.text;
            match kind {
                Kind::Points => points::write(text, &mut random),
                Kind::Words50k => words::write(text, &mut random, index),
                Kind::Json => json::write(text, &mut random),
                Kind::AccessLog => access_log::write(text, &mut random),
                Kind::Numbers => numbers::write(text, &mut random),
                Kind::Keys => *text += &format!("user{index:07}"),
            }
            lines.text.push('\n');
            lines.ends.push(lines.text.len());
        }
        lines
    }

    /// How many lines there are, never none.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The bytes of the first `count` lines, or of all when there are not as many.
    #[must_use]
    pub fn first(&self, count: u64) -> &[u8] {
        let wanted = count.min(self.count()) as usize;
        if wanted == 0 { &[] } else { &self.text.as_bytes()[..self.ends[wanted - 1]] }
    }

    /// The line number `index`, counted round and round, with its newline.
    #[must_use]
    pub fn line(&self, index: u64) -> &[u8] {
        let index = (index % self.count()) as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text.as_bytes()[start..self.ends[index]]
    }

    /// All lines as text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, LINES, Lines};
    use crate::quadrant::{Counts, Quadrant};
    use std::collections::HashMap;

    #[test]
    fn the_shares_of_points_are_those_promised() {
        let lines = Lines::new(Kind::Points, LINES);
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
    fn words_are_50_000_different_ones_and_few_are_frequent() {
        let lines = Lines::new(Kind::Words50k, LINES);
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for word in lines.text().lines().flat_map(|line| line.split(' ')) {
            *counts.entry(word).or_default() += 1;
        }
        assert_eq!(counts.len(), 50_000);
        let words: u64 = counts.values().sum();
        assert_eq!(words / LINES as u64, 9, "just below ten, as the last five lines are not whole");
        let most = counts.values().max().copied().unwrap_or(0);
        assert!(most > words / 25 && most < words / 10, "{most} of {words}");
    }

    #[test]
    fn events_are_json_and_some_are_not_ascii() {
        let lines = Lines::new(Kind::Json, LINES);
        let (mut purchases, mut strange) = (0, 0);
        for line in lines.text().lines() {
            let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else {
                panic!("not JSON: {line}")
            };
            purchases += usize::from(event["event"] == "purchase");
            strange += usize::from(!line.is_ascii() || line.contains('\\'));
            assert!((event["amount"].as_f64().unwrap_or(0.1) * 4.0).fract() == 0.0, "{line}");
            assert!(event["geo"]["country"].is_string(), "{line}");
        }
        assert!((LINES / 5..LINES / 3).contains(&purchases), "{purchases}");
        assert!((LINES / 200..LINES / 50).contains(&strange), "{strange}");
    }

    #[test]
    fn one_log_line_in_a_thousand_is_bad() {
        let lines = Lines::new(Kind::AccessLog, LINES);
        let bad = lines.text().lines().filter(|line| !line.contains(" HTTP/1.1\" ")).count();
        assert!((40..90).contains(&bad), "{bad}");
    }

    #[test]
    fn numbers_are_eight() {
        let lines = Lines::new(Kind::Numbers, 100);
        for line in lines.text().lines() {
            assert_eq!(line.split(' ').filter_map(|word| word.parse::<f64>().ok()).count(), 8);
        }
    }

    #[test]
    fn lines_are_found_by_number() {
        let lines = Lines::new(Kind::Keys, 1000);
        assert_eq!(lines.first(1), lines.line(0));
        assert_eq!(lines.line(1), lines.line(1001));
        assert_eq!(lines.first(0), b"");
        assert_eq!(lines.first(2), [lines.line(0), lines.line(1)].concat());
        assert_eq!(lines.first(u64::MAX), lines.text().as_bytes());
    }
}
