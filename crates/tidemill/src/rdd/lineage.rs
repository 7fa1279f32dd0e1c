//! The lineage graph: immutable nodes that say how a partition is computed from its parents'.
//!
//! Five kinds are enough; every operator of both front ends is composed from them. Nodes hold
//! front-end operators as opaque objects; only the front end's backend looks inside.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::block::Partition;
use crate::error::Result;
use crate::exec::storage::Storage;
use crate::ids::{RddId, ShuffleId};
use crate::lock::Lock;

/// A front end's operator.
pub trait Operator: Any + Send + Sync {
    /// What `explain` shows, e.g. `map at app.py:12`.
    fn label(&self) -> &str;

    /// The way of hashing keys that it was made for, if what it does depends on which records are in which partition:
    /// it runs in no other ([`Backend::hashing`](crate::exec::Backend::hashing)).
    fn hashing(&self) -> Option<u64> {
        None
    }

    /// For the backend that made it.
    fn as_any(&self) -> &dyn Any;
}

/// A shared operator.
pub type OpRef = Arc<dyn Operator>;

/// Partitions that exist or can be read at any time, again and again with the same result.
pub trait Source: Send + Sync {
    /// What `explain` shows.
    fn label(&self) -> String;

    /// Number of partitions; may look at the file system the first time.
    fn partitions(&self) -> Result<usize>;

    /// Whether the data are blocks in memory, so that nothing is gained by looking at part of them.
    fn in_memory(&self) -> bool {
        false
    }

    /// Whether the data are lines of text as they came.
    fn is_text(&self) -> bool {
        false
    }

    /// The data of a partition.
    fn read(&self, partition: usize) -> Result<Partition>;
}

/// A shared node.
pub type RddRef = Arc<RddNode>;

/// How a node's partitions come about.
pub enum Kind {
    /// Data from outside.
    Source(Arc<dyn Source>),
    /// A narrow operator: partition `p` from the parent's partition `p`.
    Pipe {
        /// The parent.
        parent: RddRef,
        /// The operator.
        op: OpRef,
    },
    /// Partition `i` is the concatenation of the listed (input, partition) pairs: union, coalesce.
    Gather {
        /// The parents.
        inputs: Vec<RddRef>,
        /// For each partition, which partitions of which inputs, in order.
        groups: Vec<Vec<(usize, usize)>>,
    },
    /// Partition `p` is what every map task put into bucket `p`, in the order of the map tasks.
    Shuffled(Arc<ShuffleDep>),
    /// Partition `p` from the parents' partitions `p`: cogroup, state update.
    Zip {
        /// The parents, all with the same number of partitions.
        inputs: Vec<RddRef>,
        /// The operator; `None` concatenates.
        op: Option<OpRef>,
    },
}

/// An exchange of records between the partitions of `parent` and `partitions` new ones.
pub struct ShuffleDep {
    /// Under which the storage keeps the buckets.
    pub id: ShuffleId,
    /// The map side.
    pub parent: RddRef,
    /// Splits a map partition into buckets.
    pub op: OpRef,
    /// Number of buckets.
    pub partitions: usize,
    pub(crate) storage: Weak<Storage>,
}

impl Drop for ShuffleDep {
    fn drop(&mut self) {
        if let Some(storage) = self.storage.upgrade() {
            storage.remove_shuffle(self.id);
        }
    }
}

/// One RDD.
pub struct RddNode {
    /// Unique within the engine.
    pub id: RddId,
    /// How it is computed.
    pub kind: Kind,
    name: Lock<Option<String>>,
    note: Lock<Option<Arc<dyn Any + Send + Sync>>>,
    persisted: AtomicBool,
    storage: Weak<Storage>,
}

impl RddNode {
    pub(crate) fn new(id: RddId, kind: Kind, storage: &Arc<Storage>) -> RddRef {
        Arc::new(RddNode {
            id,
            kind,
            name: Lock::new(None),
            note: Lock::new(None),
            persisted: AtomicBool::new(false),
            storage: Arc::downgrade(storage),
        })
    }

    /// Number of partitions. Fails only where a source cannot be looked at.
    pub fn num_partitions(&self) -> Result<usize> {
        match &self.kind {
            Kind::Source(source) => source.partitions(),
            Kind::Pipe { parent, .. } => bottom_of(parent).num_partitions(),
            Kind::Gather { groups, .. } => Ok(groups.len()),
            Kind::Shuffled(shuffle) => Ok(shuffle.partitions),
            Kind::Zip { inputs, .. } => {
                inputs.first().map_or(Ok(0), |first| first.num_partitions())
            }
        }
    }

    /// Keeps the partitions in memory once they are computed.
    pub fn persist(&self) {
        self.persisted.store(true, Ordering::Release);
    }

    /// Forgets the kept partitions and keeps no more.
    pub fn unpersist(&self) {
        self.persisted.store(false, Ordering::Release);
        if let Some(storage) = self.storage.upgrade() {
            storage.remove_rdd(self.id);
        }
    }

    /// Whether [`RddNode::persist`] is in force.
    pub fn is_persisted(&self) -> bool {
        self.persisted.load(Ordering::Acquire)
    }

    /// The name the user gave.
    pub fn name(&self) -> Option<String> {
        self.name.lock().clone()
    }

    /// Sets the name `explain` shows.
    pub fn set_name(&self, name: Option<String>) {
        *self.name.lock() = name;
    }

    /// What the front end wrote on the node.
    pub fn note(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.note.lock().clone()
    }

    /// Lets a front end keep something with the node (its partitioner).
    pub fn set_note(&self, note: Option<Arc<dyn Any + Send + Sync>>) {
        *self.note.lock() = note;
    }

    /// The nodes this one reads, in order.
    pub fn parents(&self) -> Vec<&RddRef> {
        match &self.kind {
            Kind::Source(_) => Vec::new(),
            Kind::Pipe { parent, .. } => vec![parent],
            Kind::Gather { inputs, .. } | Kind::Zip { inputs, .. } => inputs.iter().collect(),
            Kind::Shuffled(shuffle) => vec![&shuffle.parent],
        }
    }
}

/// Below a chain of narrow operators: long chains are walked, not recursed into.
fn bottom_of(node: &RddRef) -> &RddRef {
    let mut at = node;
    while let Kind::Pipe { parent, .. } = &at.kind {
        at = parent;
    }
    at
}

impl Drop for RddNode {
    fn drop(&mut self) {
        if self.is_persisted()
            && let Some(storage) = self.storage.upgrade()
        {
            storage.remove_rdd(self.id);
        }
    }
}

impl fmt::Debug for RddNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RddNode({})", self.id)
    }
}
