//! Layer 1: blocks, the data of one partition. The engine moves blocks and never looks inside them;
//! only a front end's backend knows what they hold.

use std::any::Any;
use std::sync::Arc;

/// An immutable run of records, shared between tasks without copying.
///
/// ```
/// use tidemill::block::{Block, VecBlock};
/// let block = VecBlock::new(vec![1, 2, 3]);
/// assert_eq!(block.len(), 3);
/// ```
pub trait Block: Any + Send + Sync {
    /// Number of records.
    fn len(&self) -> usize;

    /// Whether there is no record.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory the block holds, in bytes; an estimate is enough.
    fn size_bytes(&self) -> usize;

    /// For the backend that made the block.
    fn as_any(&self) -> &dyn Any;
}

/// A shared block.
pub type BlockRef = Arc<dyn Block>;

/// A partition is a list of blocks, in order.
pub type Partition = Vec<BlockRef>;

/// The typed Rust front end's block.
///
/// ```
/// use tidemill::block::VecBlock;
/// assert_eq!(VecBlock::new(vec!["a", "b"]).records(), ["a", "b"]);
/// ```
#[derive(Debug)]
pub struct VecBlock<T>(pub(crate) Vec<T>);

impl<T> VecBlock<T> {
    /// Takes the records over.
    pub fn new(records: Vec<T>) -> Self {
        VecBlock(records)
    }

    /// The records.
    pub fn records(&self) -> &[T] {
        &self.0
    }
}

impl<T: Send + Sync + 'static> Block for VecBlock<T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn size_bytes(&self) -> usize {
        self.0.capacity() * size_of::<T>()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Records in a partition.
///
/// ```
/// use std::sync::Arc;
/// use tidemill::block::{BlockRef, VecBlock, records_in};
/// let block = |records| Arc::new(VecBlock::<i32>::new(records)) as BlockRef;
/// assert_eq!(records_in(&[block(vec![1]), block(vec![2, 3])]), 3);
/// ```
pub fn records_in(partition: &[BlockRef]) -> usize {
    partition.iter().map(|block| block.len()).sum()
}

/// Bytes a partition holds.
pub fn bytes_in(partition: &[BlockRef]) -> usize {
    partition.iter().map(|block| block.size_bytes()).sum()
}

/// How blocks of one kind become bytes in a checkpoint and come back.
pub trait Codec: Send + Sync {
    /// Names the format; a checkpoint in another one is refused.
    fn format(&self) -> &'static str;

    /// The block's bytes.
    fn encode(&self, block: &BlockRef) -> crate::Result<Vec<u8>>;

    /// The block of some bytes.
    fn decode(&self, bytes: &[u8]) -> crate::Result<BlockRef>;

    /// The block in parts, each to be encoded by itself. They come back as blocks of one partition.
    fn parts(&self, block: &BlockRef) -> Vec<Part> {
        vec![Part { block: block.clone(), version: None }]
    }

    /// Whether the keys of a block's records have the same hashes in every process; if not, a program that starts
    /// from a checkpoint deals the records out again.
    fn hashes_alike(&self, _block: &BlockRef) -> bool {
        true
    }
}

/// A part of a block, for a checkpoint.
pub struct Part {
    /// Its records.
    pub block: BlockRef,
    /// If the part at the same place of the same partition had the same version before, it had the same records.
    pub version: Option<u64>,
}
