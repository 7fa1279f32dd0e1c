//! Records on their way through a task: an iterator that can also be driven from the inside.
//!
//! A chain of operators is a chain of boxed iterators. Asking each for the `next` record costs a jump per operator
//! and record into code that must find out where it was; driven from the inside (`fold`, `for_each`), the
//! source runs one tight loop and pushes each record through the chain. Operators and sinks of this crate
//! use `for_each` and `fold`; std's adaptors pass them on.

use std::any::Any;
use std::sync::Arc;
use std::vec;

use crate::block::{Block, BlockRef, VecBlock};
use crate::text::{Line, Lines, TextBlock};

/// A boxed iterator whose `fold` reaches down to the source.
///
/// ```
/// use tidemill::Records;
///
/// fn sum(records: Records<i32>) -> [i32; 1] {
///     [records.sum()]
/// }
/// let sc = tidemill::SparkContext::local(1)?;
/// assert_eq!(sc.parallelize(1..=4, 2).map_partitions(sum).collect()?, [3, 7]);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub struct Records<T>(Box<dyn Stage<T>>);

trait Stage<T> {
    fn step(&mut self) -> Option<T>;
    fn hint(&self) -> (usize, Option<usize>);
    fn drive(self: Box<Self>, sink: &mut dyn FnMut(T));
}

impl<T, I: Iterator<Item = T>> Stage<T> for I {
    fn step(&mut self) -> Option<T> {
        self.next()
    }

    fn hint(&self) -> (usize, Option<usize>) {
        self.size_hint()
    }

    fn drive(self: Box<Self>, sink: &mut dyn FnMut(T)) {
        (*self).for_each(sink);
    }
}

impl<T: 'static> Records<T> {
    /// Boxes an iterator.
    ///
    /// ```
    /// let records = tidemill::Records::new(vec![1, 2, 3]);
    /// assert_eq!(records.map(|x| x * 2).collect::<Vec<_>>(), [2, 4, 6]);
    /// ```
    pub fn new(records: impl IntoIterator<Item = T, IntoIter: 'static>) -> Self {
        Records(Box::new(records.into_iter()))
    }
}

impl<T> Iterator for Records<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.step()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.hint()
    }

    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, mut f: F) -> B {
        // Taken and put back around each call, because `f` takes it by value.
        let mut folded = Some(init);
        self.0.drive(&mut |record| {
            if let Some(so_far) = folded.take() {
                folded = Some(f(so_far, record));
            }
        });
        match folded {
            Some(folded) => folded,
            None => unreachable!("put back after each call"),
        }
    }
}

/// The lines of text blocks, in order.
pub(crate) struct TextRecords {
    blocks: vec::IntoIter<TextBlock>,
    current: Option<Lines>,
}

impl TextRecords {
    pub(crate) fn new(blocks: Vec<TextBlock>) -> Self {
        TextRecords { blocks: blocks.into_iter(), current: None }
    }
}

impl Iterator for TextRecords {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.current.as_mut().and_then(Lines::next) {
                return Some(line);
            }
            self.current = Some(self.blocks.next()?.lines());
        }
    }

    fn fold<B, F: FnMut(B, Line) -> B>(self, init: B, mut f: F) -> B {
        let rest = self.current.into_iter().chain(self.blocks.map(|block| block.lines()));
        rest.fold(init, |folded, lines| lines.fold(folded, &mut f))
    }
}

/// Clones of the records of shared blocks, in order.
pub(crate) struct SharedRecords<T> {
    blocks: vec::IntoIter<Arc<VecBlock<T>>>,
    current: Option<(Arc<VecBlock<T>>, usize)>,
}

impl<T> SharedRecords<T> {
    pub(crate) fn new(blocks: Vec<Arc<VecBlock<T>>>) -> Self {
        SharedRecords { blocks: blocks.into_iter(), current: None }
    }
}

impl<T: Clone + Send + Sync + 'static> Iterator for SharedRecords<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some((block, at)) = &mut self.current
                && let Some(record) = block.records().get(*at)
            {
                *at += 1;
                return Some(record.clone());
            }
            self.current = Some((self.blocks.next()?, 0));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.current.as_ref().map_or(0, |(block, at)| block.len() - at);
        let rest: usize = self.blocks.as_slice().iter().map(|block| block.len()).sum();
        (left + rest, Some(left + rest))
    }

    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, mut f: F) -> B {
        let rest = self.current.into_iter().chain(self.blocks.map(|block| (block, 0)));
        rest.fold(init, |folded, (block, at)| {
            block.records()[at..].iter().cloned().fold(folded, &mut f)
        })
    }
}

/// The blocks of a partition as blocks of `T`; `None` if one is not.
pub(crate) fn downcast<T: Send + Sync + 'static>(
    blocks: &[BlockRef],
) -> Option<Vec<Arc<VecBlock<T>>>> {
    let one = |block: &BlockRef| {
        let any: Arc<dyn Any + Send + Sync> = block.clone();
        any.downcast::<VecBlock<T>>().ok()
    };
    blocks.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn driven_from_inside_or_outside_the_records_are_the_same() {
        let blocks = || vec![Arc::new(VecBlock::new(vec![1, 2])), Arc::new(VecBlock::new(vec![3]))];
        let outside: Vec<i32> = {
            let mut records = Records::new(SharedRecords::new(blocks()));
            std::iter::from_fn(move || records.next()).collect()
        };
        let mut inside = Vec::new();
        let mut records = Records::new(Records::new(SharedRecords::new(blocks())).take(9));
        inside.extend(records.next());
        records.for_each(|record| inside.push(record));
        assert_eq!((outside, inside), (vec![1, 2, 3], vec![1, 2, 3]));
    }

    #[test]
    fn text_goes_on_where_next_left_it() {
        let text = |bytes: &[u8]| TextBlock::from_bytes(bytes.to_vec());
        let mut records = TextRecords::new(vec![text(b"a\nb\n"), text(b""), text(b"c\n")]);
        let first = records.next();
        let rest: Vec<Line> = records.fold(Vec::new(), |mut all, line| {
            all.push(line);
            all
        });
        assert_eq!(first.as_deref(), Some("a"));
        assert_eq!(rest.iter().map(|line| &**line).collect::<Vec<_>>(), ["b", "c"]);
    }
}
