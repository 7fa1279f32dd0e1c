//! Keyed state as a table in memory: the block of `updateStateByKey` when its function is compiled.
//!
//! A batch makes a new table that shares with the one before what has not changed: values are in chunks, and
//! only chunks with a changed value are copied; keys are in an index that only grows. A key whose state stays
//! as it is when nothing comes for it (the function was called with no values, and gave the very same
//! state) is settled: compiled functions have no effects and know nothing but their arguments, so it need not
//! be called for that key until something comes. So a batch costs what comes and what is not settled, not
//! what is kept.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use tidemill::block::{Block, Part};
use tidemill_udf::{Heap, Type, has_pointers, pair_of, widen};

use crate::keys::{Fingerprint, KeyIndex};
use crate::native::Input;

/// Keys whose values are copied together.
const CHUNK: usize = 512;
/// Dropped keys that are worth making room of, if they are also more than those that are kept.
const MANY_DROPPED: usize = 4096;

/// The next change's number.
static NEXT_VERSION: AtomicU64 = AtomicU64::new(0);

/// The state after a batch.
pub struct StateBlock {
    ty: Type,
    /// Slots of a state.
    width: usize,
    keys: Arc<RwLock<Keys>>,
    chunks: Vec<Arc<Chunk>>,
    /// The positions of all keys so far are below this.
    positions: usize,
    live: usize,
    /// The index's version that this table goes with.
    version: u64,
    /// Positions of keys whose function must be called in every batch, in order.
    pub unsettled: Vec<u32>,
    /// The function that the others are settled by.
    pub settled_by: Arc<str>,
}

/// Keys by position. Positions are given once and never again.
struct Keys {
    index: KeyIndex,
    heap: Heap,
    version: u64,
}

/// Values of neighbouring positions.
struct Chunk {
    /// The change that it comes from; no two have the same number.
    version: u64,
    state: Arc<Type>,
    slots: Vec<u64>,
    live: Vec<bool>,
    heap: Heap,
}

/// The records of one chunk of a table.
pub struct StatePart {
    ty: Type,
    keys: Arc<RwLock<Keys>>,
    /// The position of the chunk's first key.
    first: usize,
    chunk: Arc<Chunk>,
}

impl Block for StatePart {
    fn len(&self) -> usize {
        self.chunk.live.iter().filter(|live| **live).count()
    }

    fn size_bytes(&self) -> usize {
        self.len() * self.ty.slots() * 8
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl StatePart {
    /// The type of the records.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Calls `f` with each record in the order in which their keys came, until it breaks off.
    pub fn each(&self, f: &mut impl FnMut(&[u64]) -> ControlFlow<()>) -> ControlFlow<()> {
        let keys = read(&self.keys);
        let width = self.chunk.state.slots();
        let mut record = Vec::with_capacity(self.ty.slots());
        for (at, _) in self.chunk.live.iter().enumerate().filter(|(_, live)| **live) {
            record.clear();
            record.extend_from_slice(keys.index.key(self.first + at));
            record.extend_from_slice(&self.chunk.slots[at * width..(at + 1) * width]);
            f(&record)?;
        }
        ControlFlow::Continue(())
    }
}

impl Block for StateBlock {
    fn len(&self) -> usize {
        self.live
    }

    fn size_bytes(&self) -> usize {
        let width = self.ty.slots() * 8;
        self.live * width
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl StateBlock {
    /// No keys yet, for `(key, state)` records of a type.
    pub fn new(ty: &Type) -> StateBlock {
        let (key, width) =
            pair_of(ty).map_or((Type::None, 0), |(key, state)| (key.clone(), state.slots()));
        let keys = Keys { index: KeyIndex::new(&key, 0), heap: Heap::default(), version: 0 };
        StateBlock {
            ty: ty.clone(),
            width,
            keys: Arc::new(RwLock::new(keys)),
            chunks: Vec::new(),
            positions: 0,
            live: 0,
            version: 0,
            unsettled: Vec::new(),
            settled_by: "".into(),
        }
    }

    /// The state that records say, which may be of a narrower type; none of it is settled. `None` if a key is
    /// there twice, or a state is not one of the type.
    pub fn of(ty: &Type, records: &Input<'_>) -> Option<StateBlock> {
        let from = records.ty();
        let (_, narrower) = pair_of(&from)?;
        let mut change = Change::of(StateBlock::new(ty));
        let width = change.key.slots();
        let mut state = Vec::new();
        let flow = records.each(|record| {
            let (key, its) = record.split_at(width);
            state.clear();
            // SAFETY: a key of the type, alive as long as the records.
            let again = unsafe { change.find(key) }.is_some();
            if again || widen(narrower, &change.state, its, &mut state).is_none() {
                return ControlFlow::Break(());
            }
            // SAFETY: a key and a state of the types, alive as long as the records.
            unsafe { change.add(key, &state) };
            ControlFlow::Continue(())
        });
        let mut table = change.finish();
        table.unsettled = (0..table.positions as u32).collect();
        flow.is_continue().then_some(table)
    }

    /// The type of the records.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Types of key and state.
    pub fn pair(&self) -> (&Type, &Type) {
        pair_of(&self.ty).unwrap_or((&Type::Never, &Type::Never))
    }

    /// Calls `f` with each record in the order in which their keys came, until it breaks off. A table that is
    /// being made from this one need not wait until the end.
    pub fn each(&self, mut f: impl FnMut(&[u64]) -> ControlFlow<()>) -> ControlFlow<()> {
        (0..self.chunks.len()).try_for_each(|at| self.part(at).each(&mut f))
    }

    fn part(&self, at: usize) -> StatePart {
        let (keys, chunk) = (self.keys.clone(), self.chunks[at].clone());
        StatePart { ty: self.ty.clone(), keys, first: at * CHUNK, chunk }
    }

    /// The records in parts, of which those that a change left as they were have the same version as before.
    pub fn parts(&self) -> Vec<Part> {
        let part = |at: usize| Part {
            block: Arc::new(self.part(at)),
            version: Some(self.chunks[at].version),
        };
        (0..self.chunks.len()).map(part).collect()
    }

    /// The state at a position, if its key is kept.
    pub fn state(&self, position: usize) -> Option<&[u64]> {
        let chunk = self.chunks.get(position / CHUNK)?;
        let at = position % CHUNK;
        let width = self.width;
        let live = *chunk.live.get(at)?;
        live.then(|| &chunk.slots[at * width..(at + 1) * width])
    }

    /// All positions are below this.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// The key at a position. Its memory lives as long as the table.
    pub fn key(&self, position: usize) -> Vec<u64> {
        read(&self.keys).index.key(position).to_vec()
    }

    /// Takes the keys over for the next table; false if another one has them.
    fn take_keys(&self) -> bool {
        let mut keys = self.keys.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let ours = keys.version == self.version;
        keys.version += u64::from(ours);
        ours
    }

    /// Whether there are many more positions than keys.
    fn is_sparse(&self) -> bool {
        let dropped = self.positions - self.live;
        dropped > MANY_DROPPED && dropped > self.live
    }

    /// The same state with neither dropped keys nor anything shared.
    fn rebuilt(&self) -> StateBlock {
        let mut change = Change::of(StateBlock::new(&self.ty));
        let mut unsettled = self.unsettled.iter().copied().peekable();
        let mut moved = Vec::new();
        let keys = read(&self.keys);
        for position in 0..self.positions {
            let was_unsettled = unsettled.next_if_eq(&(position as u32)).is_some();
            if let Some(state) = self.state(position) {
                // SAFETY: a key and a state of the type, kept by this table.
                let to = unsafe { change.add(keys.index.key(position), state) };
                if was_unsettled {
                    moved.push(to as u32);
                }
            }
        }
        let settled_by = self.settled_by.clone();
        StateBlock { unsettled: moved, settled_by, ..change.finish() }
    }
}

fn read(keys: &RwLock<Keys>) -> RwLockReadGuard<'_, Keys> {
    keys.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A table that is being made from the one before.
pub struct Change {
    /// Of the chunks that it makes.
    version: u64,
    table: StateBlock,
    key: Type,
    state: Arc<Type>,
}

impl Change {
    /// Begins with a table as it is.
    pub fn from(before: &StateBlock) -> Change {
        if before.is_sparse() || !before.take_keys() {
            // Another attempt has gone on from there: this one takes keys of its own.
            return Change::of(before.rebuilt());
        }
        Change::of(StateBlock {
            ty: before.ty.clone(),
            keys: before.keys.clone(),
            chunks: before.chunks.clone(),
            unsettled: before.unsettled.clone(),
            settled_by: before.settled_by.clone(),
            version: before.version + 1,
            ..*before
        })
    }

    fn of(table: StateBlock) -> Change {
        let (key, state) = table.pair();
        let (key, state) = (key.clone(), Arc::new(state.clone()));
        let version = NEXT_VERSION.fetch_add(1, Ordering::Relaxed);
        Change { version, table, key, state }
    }

    /// A chunk to be changed, which the table before keeps as it was.
    fn chunk(&mut self, at: usize) -> &mut Chunk {
        let chunk = Arc::make_mut(&mut self.table.chunks[at]);
        chunk.version = self.version;
        chunk
    }

    /// The table so far.
    pub fn table(&self) -> &StateBlock {
        &self.table
    }

    fn keys<T>(&self, f: impl FnOnce(&mut Keys) -> T) -> T {
        f(&mut self.table.keys.write().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// The position of a key.
    ///
    /// # Safety
    /// The slots must be those of a key of the table's type.
    pub unsafe fn find(&self, key: &[u64]) -> Option<usize> {
        // SAFETY: the caller's promise.
        unsafe {
            let print = Fingerprint::of(&self.key, key);
            read(&self.table.keys).index.find(&self.key, key, &print)
        }
    }

    /// Keeps a new key; its position, which is behind all others.
    ///
    /// # Safety
    /// The slots must be those of a key and a state of the table's types.
    pub unsafe fn add(&mut self, key: &[u64], state: &[u64]) -> usize {
        let ty = &self.key;
        let position = self.table.positions;
        // SAFETY: the caller's promise.
        let place = self.keys(|keys| unsafe {
            keys.index.insert(ty, key, &[], &Fingerprint::of(ty, key), &keys.heap)
        });
        debug_assert_eq!(place, position);
        debug_assert_eq!(state.len(), self.state.slots());
        self.table.positions += 1;
        self.table.live += 1;
        let at = position / CHUNK;
        if at == self.table.chunks.len() {
            let state = self.state.clone();
            let (slots, live, heap) = (Vec::new(), Vec::new(), Heap::default());
            let version = self.version;
            self.table.chunks.push(Arc::new(Chunk { version, state, slots, live, heap }));
        }
        let chunk = self.chunk(at);
        chunk.live.push(true);
        let start = chunk.slots.len();
        chunk.slots.extend_from_slice(state);
        // SAFETY: the caller's promise; the chunk is this change's own.
        unsafe { chunk.heap.keep(&chunk.state, &mut chunk.slots[start..]) };
        position
    }

    /// Gives a kept key another state.
    ///
    /// # Safety
    /// The slots must be those of a state of the table's type.
    pub unsafe fn set(&mut self, position: usize, state: &[u64]) {
        let width = state.len();
        let chunk = self.chunk(position / CHUNK);
        let at = position % CHUNK * width;
        let slots = &mut chunk.slots[at..at + width];
        slots.copy_from_slice(state);
        // SAFETY: the caller's promise; the chunk is this change's own.
        unsafe { chunk.heap.keep(&chunk.state, slots) };
    }

    /// Drops a kept key.
    pub fn drop_key(&mut self, position: usize) {
        let chunk = self.chunk(position / CHUNK);
        chunk.live[position % CHUNK] = false;
        self.table.live -= 1;
        self.keys(|keys| keys.index.forget(position));
    }

    /// The new table.
    pub fn finish(self) -> StateBlock {
        self.table
    }

    /// Says which keys are not settled, and by which function the others are.
    pub fn settle(&mut self, unsettled: Vec<u32>, by: &Arc<str>) {
        self.table.unsettled = unsettled;
        self.table.settled_by = by.clone();
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Chunk {
        let mut slots = self.slots.clone();
        let heap = Heap::default();
        if has_pointers(&self.state) {
            let width = self.state.slots();
            let all = slots.chunks_exact_mut(width).zip(&self.live);
            for (one, _) in all.filter(|(_, live)| **live) {
                // SAFETY: states of the type, alive as long as the chunk they come from.
                unsafe { heap.keep(&self.state, one) };
            }
        }
        let (version, state) = (self.version, self.state.clone());
        Chunk { version, state, slots, live: self.live.clone(), heap }
    }
}

#[cfg(test)]
mod tests {
    use tidemill_udf::Records;

    use super::*;

    fn contents(table: &StateBlock) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        let _ = table.each(|record| {
            found.push((record[0], record[1]));
            ControlFlow::Continue(())
        });
        found
    }

    fn table(keys: std::ops::Range<u64>) -> StateBlock {
        let ty = Type::Tuple(vec![Type::Int, Type::Int]);
        let mut records = Records::new(&ty);
        for key in keys {
            // SAFETY: two integers.
            unsafe { records.push(&[key, 10 * key]) };
        }
        let Some(table) = StateBlock::of(&ty, &Input::Typed(vec![&records])) else {
            unreachable!("different keys")
        };
        table
    }

    #[test]
    fn a_change_leaves_the_table_before_as_it_was() {
        let before = table(0..2000);
        let mut change = Change::from(&before);
        // SAFETY: integers.
        unsafe {
            let five = change.find(&[5]).unwrap_or(usize::MAX);
            change.set(five, &[55]);
            change.drop_key(0);
            change.add(&[9999], &[1]);
        }
        let after = change.finish();
        assert_eq!(contents(&before).len(), 2000);
        assert_eq!(contents(&before)[5], (5, 50));
        let now = contents(&after);
        assert_eq!((now[0], now[4], now.last()), ((1, 10), (5, 55), Some(&(9999, 1))));
        assert_eq!(after.len(), 2000);
    }

    #[test]
    fn only_parts_that_changed_have_another_version() {
        let before = table(0..2000);
        let mut change = Change::from(&before);
        // SAFETY: integers.
        unsafe {
            change.set(600, &[1]);
            change.add(&[9999], &[1]);
        }
        change.drop_key(601);
        let after = change.finish();
        let versions = |table: &StateBlock| -> Vec<Option<u64>> {
            table.parts().iter().map(|part| part.version).collect()
        };
        let (was, is) = (versions(&before), versions(&after));
        let same: Vec<bool> = was.iter().zip(&is).map(|(was, is)| was == is).collect();
        assert_eq!(same, [true, false, true, false]);
        assert_ne!(versions(&table(0..2000)), was);
        let lengths: Vec<usize> = after.parts().iter().map(|part| part.block.len()).collect();
        assert_eq!(lengths, [512, 511, 512, 465]);
    }

    #[test]
    fn a_second_attempt_from_the_same_table_gives_the_same() {
        let before = table(0..3);
        let attempt = || {
            let mut change = Change::from(&before);
            // SAFETY: integers.
            unsafe {
                change.drop_key(1);
                change.add(&[7], &[70]);
            }
            contents(&change.finish())
        };
        assert_eq!(attempt(), attempt());
        assert_eq!(contents(&before), [(0, 0), (1, 10), (2, 20)]);
    }

    #[test]
    fn room_of_dropped_keys_is_taken_back() {
        let mut state = table(0..3 * MANY_DROPPED as u64);
        let mut change = Change::from(&state);
        for position in 0..2 * MANY_DROPPED {
            change.drop_key(position);
        }
        state = change.finish();
        let left = contents(&state);
        let again = Change::from(&state).finish();
        assert_eq!(again.positions, MANY_DROPPED);
        assert_eq!(contents(&again), left);
    }
}
