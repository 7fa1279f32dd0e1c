//! Random numbers for the lines of the feed: the same ones in every run and on every machine.

/// xorshift64*: small, fast and the same everywhere; good enough to fool a branch predictor.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.next() as f64 / (1_u64 << 53) as f64
    }

    /// A rank from 0 to below `bound`, rank `r` about as often as `1 / (r + 1)`: Zipf's law.
    pub(crate) fn zipf(&mut self, bound: u64) -> u64 {
        (((bound as f64 + 1.0).powf(self.unit()) as u64).max(1) - 1).min(bound - 1)
    }

    pub(crate) fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u64) as usize]
    }
}
