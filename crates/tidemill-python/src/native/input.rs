//! Blocks as rows of slots, whatever kind of block they are.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use tidemill::block::{Block, BlockRef};
use tidemill::text::TextBlock;
use tidemill_udf::{Others, Records, Type, pickle};

use crate::block::{DataBlock, MixedBlock, RangeBlock, TypedBlock};
use crate::state::StateBlock;

/// The blocks of a partition, all of one kind and type.
pub enum Input<'a> {
    /// Lines of text.
    Text(Vec<&'a TextBlock>),
    /// Typed records.
    Typed(Vec<&'a Records>),
    /// Typed records, and others among them.
    Mixed(Vec<(&'a Records, Option<&'a Others>)>),
    /// A keyed state.
    State(&'a StateBlock),
    /// The numbers of ranges, which the worker's first operator would list.
    Ranges(Vec<&'a RangeBlock>),
}

/// A row of an input.
pub enum Row<'r> {
    /// The slots of one of the input's type.
    Slots(&'r [u64]),
    /// Another, as a part of a pickled list.
    Other(&'r [u8]),
}

impl<'a> Input<'a> {
    /// As [`of`](Self::of), also where a few records are not of the type.
    pub fn mixed(blocks: &'a [BlockRef]) -> Option<Input<'a>> {
        let filled = || blocks.iter().filter(|block| !block.is_empty()).map(|block| block.as_any());
        if !filled().any(|block| block.is::<MixedBlock>()) {
            return Input::of(blocks);
        }
        let part = |block: &'a dyn Any| match block.downcast_ref::<MixedBlock>() {
            Some(mixed) => Some((&mixed.typed, Some(&mixed.others))),
            None => block.downcast_ref().map(|TypedBlock(records)| (records, None)),
        };
        let parts: Vec<_> = filled().map(part).collect::<Option<_>>()?;
        let ty = parts.first()?.0.ty();
        parts.iter().all(|(records, _)| records.ty() == ty).then_some(Input::Mixed(parts))
    }

    /// The input that blocks are; `None` if compiled code cannot read all of them. Empty blocks do not count.
    pub fn of(blocks: &'a [BlockRef]) -> Option<Input<'a>> {
        let mut blocks = blocks.iter().filter(|block| !block.is_empty()).peekable();
        let first = blocks.peek()?.as_any();
        if first.is::<TextBlock>() {
            let text = |block: &'a BlockRef| block.as_any().downcast_ref();
            return blocks.map(text).collect::<Option<_>>().map(Input::Text);
        }
        if first.is::<RangeBlock>() {
            let range = |block: &'a BlockRef| block.as_any().downcast_ref();
            return blocks.map(range).collect::<Option<_>>().map(Input::Ranges);
        }
        if let Some(state) = first.downcast_ref() {
            return (blocks.count() == 1).then_some(Input::State(state));
        }
        let ty = first.downcast_ref::<TypedBlock>()?.0.ty();
        let typed = |block: &'a BlockRef| {
            let TypedBlock(records) = block.as_any().downcast_ref()?;
            (records.ty() == ty).then_some(records)
        };
        blocks.map(typed).collect::<Option<_>>().map(Input::Typed)
    }

    /// The type of the rows.
    pub fn ty(&self) -> Type {
        match self {
            Input::Text(_) => Type::Str,
            Input::Typed(records) => records.first().map_or(Type::Never, |r| r.ty().clone()),
            Input::Mixed(parts) => parts.first().map_or(Type::Never, |(r, _)| r.ty().clone()),
            Input::State(state) => state.ty().clone(),
            Input::Ranges(_) => Type::Int,
        }
    }

    /// Calls `f` with each row, until it breaks off.
    pub fn each_row(&self, mut f: impl FnMut(Row<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let Input::Mixed(parts) = self else { return self.each(|row| f(Row::Slots(row))) };
        for (records, others) in parts {
            let mut others = others.iter().flat_map(|others| others.iter()).peekable();
            for (at, record) in records.iter().enumerate() {
                while let Some((_, other)) = others.next_if(|&(place, _)| place == at) {
                    f(Row::Other(other))?;
                }
                f(Row::Slots(record))?;
            }
            others.try_for_each(|(_, other)| f(Row::Other(other)))?;
        }
        ControlFlow::Continue(())
    }

    /// Calls `f` with each row that is of the type, until it breaks off.
    pub fn each(&self, mut f: impl FnMut(&[u64]) -> ControlFlow<()>) -> ControlFlow<()> {
        match self {
            Input::Text(blocks) => blocks.iter().try_for_each(|block| {
                // Every record ends in a newline, so the last piece is none.
                let text = block.as_str();
                let mut start = 0;
                for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
                    let line = &text[start..end];
                    f(&[line.as_ptr() as u64, line.len() as u64])?;
                    start = end + 1;
                }
                ControlFlow::Continue(())
            }),
            Input::Typed(runs) => {
                runs.iter().try_for_each(|records| records.iter().try_for_each(&mut f))
            }
            Input::Mixed(parts) => {
                parts.iter().try_for_each(|(records, _)| records.iter().try_for_each(&mut f))
            }
            Input::State(state) => state.each(f),
            Input::Ranges(blocks) => blocks.iter().try_for_each(|range| {
                // Within 64 bits, which whoever made the block has seen to.
                let number = |at| range.start.wrapping_add(range.step.wrapping_mul(at as i64));
                (0..range.numbers).try_for_each(|at| f(&[number(at) as u64]))
            }),
        }
    }

    /// Whether the worker's first operator makes the rows of what the blocks hold.
    pub fn is_expanded(&self) -> bool {
        matches!(self, Input::Ranges(_))
    }

    /// The first rows of the type.
    pub fn first(&self, count: usize) -> Vec<Vec<u64>> {
        let mut rows = Vec::new();
        let _ = self.each(|row| {
            rows.push(row.to_vec());
            if rows.len() == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        rows
    }

    /// As many rows, from all over the input.
    pub fn spread(&self, count: usize) -> Vec<Vec<u64>> {
        let step = self.len().div_ceil(count).max(1);
        let (mut rows, mut at) = (Vec::new(), 0);
        let _ = self.each(|row| {
            if at % step == 0 {
                rows.push(row.to_vec());
            }
            at += 1;
            ControlFlow::Continue(())
        });
        rows
    }

    fn len(&self) -> usize {
        match self {
            Input::Text(blocks) => blocks.iter().map(|block| block.len()).sum(),
            Input::Typed(runs) => runs.iter().map(|records| records.len()).sum(),
            Input::Mixed(parts) => parts.iter().map(|(records, _)| records.len()).sum(),
            Input::State(state) => state.len(),
            Input::Ranges(blocks) => blocks.iter().map(|range| range.numbers).sum(),
        }
    }

    /// Rows that were given up, for the worker.
    pub fn given_up(&self) -> GivenUp {
        GivenUp { ty: self.ty(), text: matches!(self, Input::Text(_)), rows: 0, data: Vec::new() }
    }
}

/// Rows as a block for the worker.
pub struct GivenUp {
    ty: Type,
    text: bool,
    rows: usize,
    data: Vec<u8>,
}

impl GivenUp {
    /// # Safety
    /// The row must be one of the input, and alive.
    pub unsafe fn push(&mut self, row: &[u64]) {
        if self.text {
            self.rows += 1;
            // SAFETY: the slots of a line.
            let line = unsafe { std::slice::from_raw_parts(row[0] as *const u8, row[1] as usize) };
            self.data.extend_from_slice(line);
            self.data.push(b'\n');
            return;
        }
        self.begin();
        // SAFETY: the caller's promise.
        unsafe { pickle::write(&mut self.data, &self.ty, row) };
    }

    /// Adds a row that is not of the type.
    pub fn push_other(&mut self, pickled: &[u8]) {
        self.begin();
        self.data.extend_from_slice(pickled);
    }

    fn begin(&mut self) {
        if self.rows == 0 {
            pickle::begin_list(&mut self.data);
        }
        self.rows += 1;
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// The rows as a block.
    pub fn into_block(mut self) -> BlockRef {
        if self.text {
            return Arc::new(TextBlock::from_bytes(self.data));
        }
        if self.rows == 0 {
            pickle::begin_list(&mut self.data);
        }
        pickle::end_list(&mut self.data);
        Arc::new(DataBlock { records: self.rows, data: self.data })
    }
}
