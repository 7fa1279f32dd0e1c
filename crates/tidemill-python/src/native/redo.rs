//! What the worker made of rows that native code gave up.

use bumpalo::Bump;
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill::{Error, Result};
use tidemill_udf::{Type, packed};

use crate::block::SlotsBlock;

/// Records of given-up rows.
pub enum Redone {
    /// All have the compiled type; the slots of each row's records. They point into the memory beside them and
    /// into the block that they came in.
    Typed(Vec<Vec<Vec<u64>>>, Bump, BlockRef),
    /// Each row as a list of its records, or as a row that was not run yet.
    Other(BlockRef),
}

/// Reads the worker's reply (`tidemill.compiler.rows` writes it).
pub fn redone(mut reply: Vec<Partition>, record: &Type) -> Result<Redone, TaskError> {
    let block = reply.pop().and_then(|mut partition| partition.pop());
    let block = block.ok_or_else(|| Error::Internal("an empty reply of rows".into()))?;
    let Some(slots) = block.as_any().downcast_ref::<SlotsBlock>() else {
        return Ok(Redone::Other(block));
    };
    let heap = Bump::new();
    let rows = read(&slots.data, block.len(), record, &heap);
    let rows = rows.ok_or_else(|| Error::Internal("a short reply of rows".into()))?;
    Ok(Redone::Typed(rows, heap, block))
}

fn read(data: &[u8], rows: usize, record: &Type, heap: &Bump) -> Option<Vec<Vec<Vec<u64>>>> {
    let mut reader = packed::Reader::new(data, heap);
    let mut row = || {
        let count = reader.number::<4>()? as usize;
        let mut records = Vec::with_capacity(count.min(data.len()));
        for _ in 0..count {
            let mut slots = Vec::with_capacity(record.slots());
            reader.value(record, &mut slots)?;
            records.push(slots);
        }
        Some(records)
    };
    (0..rows).map(|_| row()).collect()
}
