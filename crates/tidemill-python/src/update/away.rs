//! Partitions whose state CPython has, and when to see whether compiled code can have it back.
//!
//! A state goes to CPython when a function gives one of another type. To look at all of it in each batch would cost
//! more than it brings for a state that stays like that, so every failure doubles the wait.

use std::collections::HashMap;

use tidemill::lock::Lock;

/// Batches that are waited for at most.
const LONGEST: u32 = 64;

/// By partition; native ones have none.
#[derive(Default)]
pub struct Away(Lock<HashMap<usize, Wait>>);

/// How long it is still waited for, and was before.
struct Wait {
    left: u32,
    last: u32,
}

impl Away {
    /// Whether a partition that CPython has may be looked at in this batch.
    pub fn is_due(&self, partition: usize) -> bool {
        let mut waits = self.0.lock();
        let wait = waits.entry(partition).or_insert(Wait { left: 1, last: 0 });
        wait.left = wait.left.saturating_sub(1);
        wait.left == 0
    }

    /// Its state is not of one type, or the function gave another one again.
    pub fn failed(&self, partition: usize) {
        let mut waits = self.0.lock();
        let wait = waits.entry(partition).or_insert(Wait { left: 0, last: 0 });
        wait.last = (wait.last * 2).clamp(1, LONGEST);
        wait.left = wait.last;
    }

    /// Whether CPython has it, or had until just now.
    pub fn has(&self, partition: usize) -> bool {
        self.0.lock().contains_key(&partition)
    }

    /// Compiled code has run on it.
    pub fn is_back(&self, partition: usize) {
        self.0.lock().remove(&partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_keeps_failing_is_looked_at_ever_more_seldom() {
        let away = Away::default();
        let due = (0..400)
            .filter(|_| {
                let due = away.is_due(3);
                if due {
                    away.failed(3);
                }
                due
            })
            .count();
        // After 1, 2, 4 and so on up to 64 batches.
        assert_eq!(due, 12);
        away.is_back(3);
        assert!(!away.has(3) && away.is_due(3));
    }
}
