//! Blocks as rows of slots, whatever kind of block they are.

use std::ops::ControlFlow;
use std::sync::Arc;

use tidemill::block::{Block, BlockRef};
use tidemill::text::TextBlock;
use tidemill_udf::{Records, Type, pickle};

use crate::block::{DataBlock, RangeBlock, TypedBlock};
use crate::state::StateBlock;

/// The blocks of a partition, all of one kind and type.
pub enum Input<'a> {
    /// Lines of text.
    Text(Vec<&'a TextBlock>),
    /// Typed records.
    Typed(Vec<&'a Records>),
    /// A keyed state.
    State(&'a StateBlock),
    /// The numbers of ranges, which the worker's first operator would list.
    Ranges(Vec<&'a RangeBlock>),
}

impl<'a> Input<'a> {
    /// The input that blocks are; `None` if compiled code cannot read them. Empty blocks do not count.
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
            Input::State(state) => state.ty().clone(),
            Input::Ranges(_) => Type::Int,
        }
    }

    /// Calls `f` with each row, until it breaks off.
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

    /// The first rows.
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
        self.rows += 1;
        if self.text {
            // SAFETY: the slots of a line.
            let line = unsafe { std::slice::from_raw_parts(row[0] as *const u8, row[1] as usize) };
            self.data.extend_from_slice(line);
            self.data.push(b'\n');
            return;
        }
        if self.rows == 1 {
            pickle::begin_list(&mut self.data);
        }
        // SAFETY: the caller's promise.
        unsafe { pickle::write(&mut self.data, &self.ty, row) };
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
