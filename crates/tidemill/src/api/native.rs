//! The typed front end's backend: operators are closures over boxed iterators, run in the executor's
//! own thread. A chain of operators is a chain of iterators, so nothing is stored between them.

use std::any::{Any, TypeId};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::api::records::{Records, SharedRecords, TextRecords, downcast};
use crate::block::{BlockRef, Partition, VecBlock};
use crate::error::{Error, Result};
use crate::exec::{Backend, Prepared, TaskContext, TaskError, Update};
use crate::rdd::{OpRef, Operator, Segment};
use crate::text::{Line, TextBlock};

/// A record type: whatever can be kept and sent between threads.
///
/// ```
/// use tidemill::api::Data;
///
/// #[derive(Clone)]
/// struct Point(f64, f64);
///
/// fn is_data<T: Data>() -> bool {
///     true
/// }
/// assert!(is_data::<Point>());
/// ```
pub trait Data: Clone + Send + Sync + 'static {}
impl<T: Clone + Send + Sync + 'static> Data for T {}

/// A key type.
///
/// ```
/// let sc = tidemill::SparkContext::local(1)?;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// enum Side { Left, Right }
///
/// let pairs = sc.parallelize([(Side::Left, 1), (Side::Left, 2)], 1);
/// assert_eq!(pairs.reduce_by_key(|a, b| a + b, 1).collect()?, [(Side::Left, 3)]);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub trait Key: Data + Hash + Eq {}
impl<T: Data + Hash + Eq> Key for T {}

/// A map that keeps first-seen order, as the printed output needs it.
pub(crate) type OrderedMap<K, V> = IndexMap<K, V, FxBuildHasher>;

/// A `Records<T>` whose `T` only its operators know.
type ErasedIter = Box<dyn Any>;

type PipeFn = dyn Fn(usize, ErasedIter) -> Result<ErasedIter> + Send + Sync;
type HeadFn = dyn Fn(usize, &[Partition]) -> Result<ErasedIter> + Send + Sync;
type TailFn = dyn Fn(usize, ErasedIter, usize) -> Result<Vec<Partition>> + Send + Sync;

enum Run {
    Pipe { apply: Box<PipeFn>, encode: fn(ErasedIter) -> Result<BlockRef> },
    Head { apply: Box<HeadFn>, encode: fn(ErasedIter) -> Result<BlockRef> },
    Tail { apply: Box<TailFn> },
}

/// An operator of the typed front end.
pub(crate) struct NativeOp {
    label: &'static str,
    decode: fn(&Partition) -> Result<ErasedIter>,
    run: Run,
}

impl Operator for NativeOp {
    fn label(&self) -> &str {
        self.label
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A narrow operator.
pub(crate) fn pipe<T: Data, U: Data>(
    label: &'static str,
    f: impl Fn(usize, Records<T>) -> Records<U> + Send + Sync + 'static,
) -> OpRef {
    let apply = Box::new(move |split: usize, iter| Ok(erase(f(split, unerase::<T>(iter)?))));
    Arc::new(NativeOp { label, decode: decode::<T>, run: Run::Pipe { apply, encode: encode::<U> } })
}

/// An operator that combines the same partition of several RDDs.
pub(crate) fn head<U: Data>(
    label: &'static str,
    f: impl Fn(&[Partition]) -> Result<Records<U>> + Send + Sync + 'static,
) -> OpRef {
    let apply = Box::new(move |_: usize, inputs: &[Partition]| Ok(erase(f(inputs)?)));
    let decode = |_: &Partition| Err(wrong_type());
    Arc::new(NativeOp { label, decode, run: Run::Head { apply, encode: encode::<U> } })
}

/// The end of a map stage: `choose` says which bucket a record goes to.
pub(crate) fn tail<T: Data>(
    label: &'static str,
    choose: impl Fn(usize, &T, usize) -> usize + Send + Sync + 'static,
) -> OpRef {
    let apply = Box::new(move |_: usize, iter, buckets: usize| {
        let mut split: Vec<Vec<T>> = (0..buckets).map(|_| Vec::new()).collect();
        unerase::<T>(iter)?.enumerate().for_each(|(index, record)| {
            let bucket = choose(index, &record, buckets);
            split[bucket].push(record);
        });
        Ok(split.into_iter().map(|records| vec![block(records)]).collect())
    });
    Arc::new(NativeOp { label, decode: decode::<T>, run: Run::Tail { apply } })
}

/// The partition of a key: the same in every process and release.
pub(crate) fn bucket_of<K: Hash>(key: &K, buckets: usize) -> usize {
    // Fx leaves the low bits weak; the high ones are good.
    let hash = FxBuildHasher.hash_one(key);
    ((u128::from(hash) * buckets as u128) >> 64) as usize
}

/// Records as a block.
pub(crate) fn block<T: Data>(records: Vec<T>) -> BlockRef {
    Arc::new(VecBlock::new(records))
}

/// The records of a partition.
pub(crate) fn records<T: Data>(partition: &Partition) -> Result<Records<T>> {
    if let Some(blocks) = downcast::<T>(partition) {
        return Ok(Records::new(SharedRecords::new(blocks)));
    }
    if TypeId::of::<T>() != TypeId::of::<Line>() {
        return Err(wrong_type());
    }
    let text = |block: &BlockRef| block.as_any().downcast_ref::<TextBlock>().cloned();
    let blocks: Option<Vec<TextBlock>> = partition.iter().map(text).collect();
    match blocks {
        Some(blocks) => unerase(erase(Records::new(TextRecords::new(blocks)))),
        None => mixed_lines(partition).and_then(|lines| unerase(erase(lines))),
    }
}

/// Lines as they came and lines that were computed, in one partition (after a union).
fn mixed_lines(partition: &Partition) -> Result<Records<Line>> {
    let one = |block: &BlockRef| records::<Line>(&vec![block.clone()]);
    let parts = partition.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(Records::new(parts.into_iter().flatten()))
}

fn decode<T: Data>(partition: &Partition) -> Result<ErasedIter> {
    records::<T>(partition).map(erase)
}

fn encode<T: Data>(iter: ErasedIter) -> Result<BlockRef> {
    let iter = unerase::<T>(iter)?;
    let mut records = Vec::with_capacity(iter.size_hint().0);
    iter.for_each(|record| records.push(record));
    Ok(block(records))
}

fn erase<T: 'static>(iter: Records<T>) -> ErasedIter {
    Box::new(iter)
}

fn unerase<T: 'static>(iter: ErasedIter) -> Result<Records<T>> {
    iter.downcast::<Records<T>>().map(|iter| *iter).map_err(|_| wrong_type())
}

fn wrong_type() -> Error {
    Error::Internal("records of another type than the operator's".into())
}

fn native(op: &OpRef) -> Result<&NativeOp> {
    op.as_any().downcast_ref().ok_or_else(wrong_type)
}

/// Runs [`NativeOp`]s in the executor's thread.
pub(crate) struct NativeBackend;

impl Backend for NativeBackend {
    fn prepare(&self, segment: &Segment) -> Result<Prepared> {
        let mut ops: Vec<OpRef> = segment.head.iter().cloned().collect();
        ops.extend(segment.pipes.iter().cloned());
        ops.extend(segment.tail.iter().map(|(op, _)| op.clone()));
        let buckets = segment.tail.as_ref().map_or(0, |(_, buckets)| *buckets);
        Ok(Arc::new((ops, buckets)))
    }

    fn run(
        &self,
        prepared: &Prepared,
        inputs: Vec<Partition>,
        split: usize,
        _cx: &TaskContext,
    ) -> Result<Vec<Partition>, TaskError> {
        let plan = prepared.downcast_ref::<(Vec<OpRef>, usize)>().ok_or_else(wrong_type)?;
        Ok(run_chain(&plan.0, plan.1, &inputs, split)?)
    }

    fn apply(&self, updates: Vec<Update>) {
        for update in updates {
            if let Ok(update) = update.downcast::<Box<dyn FnOnce() + Send>>() {
                update();
            }
        }
    }

    fn stop(&self) {}
}

fn run_chain(
    ops: &[OpRef],
    buckets: usize,
    inputs: &[Partition],
    split: usize,
) -> Result<Vec<Partition>> {
    let mut iter: Option<ErasedIter> = None;
    let mut encode_last: Option<fn(ErasedIter) -> Result<BlockRef>> = None;
    for op in ops {
        let op = native(op)?;
        let input = match (&op.run, iter.take()) {
            (Run::Head { apply, encode }, _) => {
                iter = Some(apply(split, inputs)?);
                encode_last = Some(*encode);
                continue;
            }
            (_, Some(iter)) => iter,
            (_, None) => (op.decode)(inputs.first().unwrap_or(&Vec::new()))?,
        };
        match &op.run {
            Run::Pipe { apply, encode } => {
                iter = Some(apply(split, input)?);
                encode_last = Some(*encode);
            }
            Run::Tail { apply } => return apply(split, input, buckets),
            Run::Head { .. } => {}
        }
    }
    match (iter, encode_last) {
        (Some(iter), Some(encode)) => Ok(vec![vec![encode(iter)?]]),
        _ => Err(Error::Internal("a segment without operators".into())),
    }
}
