//! Typed records of what `parallelize` and queues hold, and of what workers made: pickles and Arrow columns.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;
use tidemill::block::{BlockRef, Partition};
use tidemill::lock::Lock;
use tidemill_udf::{Records, Type, Unpickled, unpickle, widen};

use crate::block::{ColumnsBlock, DataBlock, MixedBlock, PyBlock, TypedBlock};

/// After this many failures in a row, the inputs that are not looked at become no more.
const MOST_FAILURES: u32 = 10;

/// The block of a pickled list: typed if nearly all of its items are of one type that compiled code knows.
#[pyfunction]
pub fn typed_block(records: usize, data: Vec<u8>) -> PyBlock {
    let read = unpickle(&data, None);
    let whole = || Arc::new(DataBlock { records, data }) as BlockRef;
    PyBlock(match read {
        Some(read) => of_unpickled(read, whole),
        None => whole(),
    })
}

fn of_unpickled(read: Unpickled, whole: impl FnOnce() -> BlockRef) -> BlockRef {
    let Unpickled { records: typed, others } = read;
    match others.is_empty() {
        true => Arc::new(TypedBlock(typed)),
        false => Arc::new(MixedBlock { typed, others, whole: whole() }),
    }
}

/// Gives the inputs of one stage types. It remembers the last one, and looks ever more seldom at inputs that have none.
#[derive(Default)]
pub struct Typing {
    last: Lock<Option<Type>>,
    failures: AtomicU32,
    /// Inputs that are not to be looked at.
    skipped: AtomicU32,
}

impl Typing {
    /// The blocks with pickled records typed, each block by itself; `None` if a block has no type then.
    pub fn each(&self, blocks: &[BlockRef]) -> Option<Partition> {
        if self.skips() {
            return None;
        }
        let filled = blocks.iter().filter(|block| !block.is_empty());
        let typed: Option<Partition> = filled.map(|block| self.block(block)).collect();
        self.told(typed)
    }

    /// The blocks as typed ones of one type.
    pub fn alike(&self, blocks: &[BlockRef]) -> Option<Partition> {
        let typed = self.each(blocks)?;
        self.told(widened(&typed))
    }

    /// Says whether compiled code went on with the typed records.
    pub fn was_of_use_if(&self, useful: bool) {
        match useful {
            true => self.failures.store(0, Ordering::Relaxed),
            false => self.was_in_vain(),
        }
    }

    fn was_in_vain(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(MOST_FAILURES);
        self.skipped.store((1 << failures) - 1, Ordering::Relaxed);
    }

    fn told(&self, typed: Option<Partition>) -> Option<Partition> {
        if typed.is_none() {
            self.was_in_vain();
        }
        typed
    }

    fn skips(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.skipped.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn block(&self, block: &BlockRef) -> Option<BlockRef> {
        if typed_records(block).is_some() {
            return Some(block.clone());
        }
        let last = self.last.lock().clone();
        let made = match block.as_any().downcast_ref::<ColumnsBlock>() {
            Some(columns) => Arc::new(TypedBlock(columns.typed(last.as_ref())?)) as BlockRef,
            None => {
                let pickled = block.as_any().downcast_ref::<DataBlock>()?;
                of_unpickled(unpickle(&pickled.data, last.as_ref())?, || block.clone())
            }
        };
        let ty = typed_records(&made)?.ty();
        if last.as_ref() != Some(ty) {
            *self.last.lock() = Some(ty.clone());
        }
        Some(made)
    }
}

/// The records of a block that compiled code can read.
fn typed_records(block: &BlockRef) -> Option<&Records> {
    let any = block.as_any();
    match any.downcast_ref() {
        Some(TypedBlock(records)) => Some(records),
        None => any.downcast_ref().map(|mixed: &MixedBlock| &mixed.typed),
    }
}

/// Typed blocks as ones of the type that holds the typed records of all.
fn widened(blocks: &[BlockRef]) -> Option<Partition> {
    let mut ty = Cow::Owned(Type::Never);
    for block in blocks {
        let records = typed_records(block)?;
        if *records.ty() != *ty {
            ty = Cow::Owned(ty.unify(records.ty())?);
        }
    }
    let fits = |block: &BlockRef| match *typed_records(block)?.ty() == *ty {
        true => Some(block.clone()),
        false => wider(block, &ty),
    };
    blocks.iter().map(fits).collect()
}

fn wider(block: &BlockRef, ty: &Type) -> Option<BlockRef> {
    let records = typed_records(block)?;
    let mut made = Records::new(ty);
    let mut slots = Vec::with_capacity(ty.slots());
    for record in records.iter() {
        slots.clear();
        widen(records.ty(), ty, record, &mut slots)?;
        // SAFETY: a value of the type, made of a record that is alive.
        unsafe { made.push(&slots) };
    }
    Some(match block.as_any().downcast_ref::<MixedBlock>() {
        Some(MixedBlock { others, whole, .. }) => {
            Arc::new(MixedBlock { typed: made, others: others.clone(), whole: whole.clone() })
        }
        None => Arc::new(TypedBlock(made)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pickled(items: &[u8]) -> BlockRef {
        let data = [b"\x80\x05](".as_slice(), items, b"e."].concat();
        Arc::new(DataBlock { records: 1, data })
    }

    fn types(blocks: Option<Partition>) -> Option<Vec<String>> {
        let ty = |block: &BlockRef| {
            let typed: Option<&TypedBlock> = block.as_any().downcast_ref();
            typed.map_or("none".to_owned(), |typed| typed.0.ty().to_string())
        };
        blocks.map(|blocks| blocks.iter().map(ty).collect())
    }

    #[test]
    fn blocks_of_one_type_are_typed_and_narrower_ones_widened() {
        let typing = Typing::default();
        let found = types(typing.alike(&[pickled(b"K\x01"), pickled(b"N")]));
        assert_eq!(found, Some(vec!["int or None".to_owned(); 2]));
        let found = types(typing.each(&[pickled(b"K\x01"), pickled(b"\x88")]));
        assert_eq!(found, Some(vec!["int or None".to_owned(), "bool".to_owned()]));
    }

    #[test]
    fn inputs_that_have_no_type_are_looked_at_ever_more_seldom() {
        let typing = Typing::default();
        let bad = [pickled(b"K\x01\x88")];
        let mut looked = Vec::new();
        for turn in 0..20 {
            let before = typing.failures.load(Ordering::Relaxed);
            assert!(typing.alike(&bad).is_none());
            if typing.failures.load(Ordering::Relaxed) > before {
                looked.push(turn);
            }
        }
        assert_eq!(looked, [0, 1, 3, 7, 15]);
        let good = [pickled(b"K\x01")];
        assert!((0..32).any(|_| typing.alike(&good).is_some()));
        typing.was_of_use_if(true);
        assert!(typing.alike(&good).is_some());
    }
}
