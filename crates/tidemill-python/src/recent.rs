//! Which groups keys belong to that came a moment ago: a cache in front of the index of keys.

/// Stands for the group of a key that must be looked up.
pub const UNKNOWN: usize = usize::MAX;

/// Keys that are known at a time.
const RECENT: usize = 64;

/// Keys after which it is judged whether that is of use.
const JUDGED: usize = 4096;

/// The groups of keys of at most two slots that came before with the same slots, as constants do each time: they are
/// known without a look at what they point to.
pub struct Recent {
    known: [(u64, u64, usize); RECENT],
    /// Keys that were asked for, and of these that were known, since it was judged.
    asked: usize,
    met: usize,
    /// Few are known: it is not worth asking.
    off: bool,
}

impl Recent {
    /// Knows none.
    pub fn new() -> Recent {
        Recent { known: [(0, 0, UNKNOWN); RECENT], asked: 0, met: 0, off: false }
    }

    /// Knows none any more.
    pub fn forget(&mut self) {
        if !self.off {
            self.known = [(0, 0, UNKNOWN); RECENT];
        }
    }

    /// The group of a key that is known, or unknown.
    pub fn group(&mut self, key: &[u64]) -> usize {
        if self.off {
            return UNKNOWN;
        }
        let Some((first, second, at)) = place_among_recent(key) else { return UNKNOWN };
        let (a, b, group) = self.known[at];
        let group = if (a, b) == (first, second) { group } else { UNKNOWN };
        self.asked += 1;
        self.met += usize::from(group != UNKNOWN);
        if self.asked == JUDGED {
            self.off = self.met < JUDGED / 8;
            (self.asked, self.met) = (0, 0);
        }
        group
    }

    /// Takes note of a key's group.
    pub fn remember(&mut self, key: &[u64], group: usize) {
        if self.off {
            return;
        }
        if let Some((first, second, at)) = place_among_recent(key) {
            self.known[at] = (first, second, group);
        }
    }
}

fn place_among_recent(key: &[u64]) -> Option<(u64, u64, usize)> {
    let (first, second) = match *key {
        [] => (0, 0),
        [only] => (only, 0),
        [first, second] => (first, second),
        _ => return None,
    };
    Some((first, second, (first ^ (first >> 7) ^ second) as usize % RECENT))
}
