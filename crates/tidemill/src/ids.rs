//! Newtype ids: one type per thing that has a number, so that a stage cannot be passed for a partition.
//!
//! Every module uses them; nothing here allocates numbers but [`Counter`].

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A node of the lineage graph.
    RddId
);
id!(
    /// One shuffle: the exchange between a map stage and the partitions that read it.
    ShuffleId
);
id!(
    /// One action's job.
    JobId
);
id!(
    /// A stage, unique within the engine.
    StageId
);
id!(
    /// One attempt at one partition of one stage.
    TaskId
);
id!(
    /// A node of the DStream graph, in order of definition; the identity under which state is checkpointed.
    StreamId
);

/// Hands out consecutive numbers, from any thread.
///
/// ```
/// let counter = tidemill::ids::Counter::default();
/// assert_eq!((counter.next(), counter.next()), (0, 1));
/// ```
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The next number, starting at 0.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
