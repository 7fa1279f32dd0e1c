//! Groups or reduces typed records by key, keys as first seen, and deals them out to buckets as
//! PySpark's `portable_hash` sends them.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use tidemill::block::{BlockRef, Partition};
use tidemill_udf::{Reducer, Rows, Type, pickle};

use crate::block::DataBlock;
use crate::hash;

/// Entries of the cache that finds the group of a key whose slots were seen before (constants).
const RECENT: usize = 64;

/// The values of one key.
struct Group {
    key: Vec<u64>,
    /// Pickled values, or the reduced value's slots.
    pickled: Vec<u8>,
    reduced: Option<Vec<u64>>,
}

/// Groups under construction. Keys point into memory that outlives it.
pub struct Groups<'a> {
    key: &'a Type,
    value: &'a Type,
    reducer: Option<&'a Reducer>,
    groups: Vec<Group>,
    by_key: FxHashMap<Vec<u8>, usize>,
    recent: [(u64, u64, usize); RECENT],
    scratch: Vec<u8>,
}

impl<'a> Groups<'a> {
    /// For records of a pair type; `None` for others.
    pub fn new(record: &'a Type, reducer: Option<&'a Reducer>) -> Option<Self> {
        let Type::Tuple(items) = record else {
            return None;
        };
        let [key, value] = items.as_slice() else {
            return None;
        };
        Some(Groups {
            key,
            value,
            reducer,
            groups: Vec::new(),
            by_key: FxHashMap::default(),
            recent: [(0, 0, usize::MAX); RECENT],
            scratch: Vec::new(),
        })
    }

    /// Adds a record; `None` if the reducer leaves it to CPython.
    ///
    /// # Safety
    /// The record must be one of the type that the groups were made for, and its strings must outlive them.
    pub unsafe fn add(&mut self, record: &[u64], arena: Option<&mut Rows<'_>>) -> Option<()> {
        let (key, value) = record.split_at(self.key.slots());
        let index = self.find(key);
        let group = &mut self.groups[index];
        match (self.reducer, arena) {
            (Some(reducer), Some(arena)) => {
                let Some(reduced) = &mut group.reduced else {
                    group.reduced = Some(value.to_vec());
                    return Some(());
                };
                // SAFETY: both are values of the record's value type, by the caller's promise.
                unsafe { reducer.merge(arena, reduced, value) }.then_some(())
            }
            _ => {
                // SAFETY: a value of the record's value type, by the caller's promise.
                unsafe { pickle::write(&mut group.pickled, self.value, value) };
                Some(())
            }
        }
    }

    fn find(&mut self, key: &[u64]) -> usize {
        // A constant key has the same address each time.
        let (first, second) = (key.first().copied().unwrap_or(0), key.get(1).copied().unwrap_or(0));
        let at = (first ^ (first >> 7) ^ second) as usize % RECENT;
        let (a, b, known) = self.recent[at];
        if self.key.slots() <= 2 && (a, b) == (first, second) && known != usize::MAX {
            return known;
        }
        self.scratch.clear();
        canonical(self.key, key, &mut self.scratch);
        let index = match self.by_key.get(&self.scratch) {
            Some(&index) => index,
            None => {
                let index = self.groups.len();
                self.by_key.insert(self.scratch.clone(), index);
                let (pickled, reduced) = (Vec::new(), None);
                self.groups.push(Group { key: key.to_vec(), pickled, reduced });
                index
            }
        };
        self.recent[at] = (first, second, index);
        index
    }

    /// The groups as pickled lists of pairs, one per bucket.
    pub fn into_buckets(self, buckets: usize) -> Vec<Partition> {
        let buckets = buckets.max(1);
        let mut blocks: Vec<(usize, Vec<u8>)> = (0..buckets)
            .map(|_| {
                let mut data = Vec::new();
                pickle::begin_list(&mut data);
                (0, data)
            })
            .collect();
        for group in &self.groups {
            let hash = hash_of(self.key, &group.key);
            let (count, data) = &mut blocks[hash.rem_euclid(buckets as i64) as usize];
            *count += 1;
            // SAFETY: the key came with a record, whose strings outlive the groups.
            unsafe { pickle::write(data, self.key, &group.key) };
            match &group.reduced {
                // SAFETY: as the key; a reducer's strings are in the arena, which outlives them too.
                Some(reduced) => unsafe { pickle::write(data, self.value, reduced) },
                None => {
                    data.extend_from_slice(b"](");
                    data.extend_from_slice(&group.pickled);
                    data.push(b'e');
                }
            }
            data.push(0x86);
        }
        let block = |(records, mut data)| {
            pickle::end_list(&mut data);
            vec![Arc::new(DataBlock { records, data }) as BlockRef]
        };
        blocks.into_iter().map(block).collect()
    }
}

/// Bytes that are equal exactly if the keys are.
fn canonical(ty: &Type, slots: &[u64], out: &mut Vec<u8>) {
    match ty {
        Type::Str => {
            let text = text_of(slots);
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        Type::Tuple(items) => each_item(items, slots, |item, slots| canonical(item, slots, out)),
        Type::Option(value) => {
            out.push(u8::from(slots[0] != 0));
            if slots[0] != 0 {
                canonical(value, &slots[1..], out);
            }
        }
        _ => slots.iter().for_each(|slot| out.extend_from_slice(&slot.to_le_bytes())),
    }
}

fn hash_of(ty: &Type, slots: &[u64]) -> i64 {
    match ty {
        Type::Str => hash::of_str(text_of(slots)),
        Type::Int => hash::of_int(slots[0] as i64),
        Type::Bool => slots[0] as i64,
        Type::Option(value) if slots[0] != 0 => hash_of(value, &slots[1..]),
        Type::Tuple(items) => {
            let mut parts = Vec::with_capacity(items.len());
            each_item(items, slots, |item, slots| parts.push(hash_of(item, slots)));
            hash::of_tuple(&parts)
        }
        // `None` is 0 to PySpark; the others are never keys.
        _ => 0,
    }
}

fn each_item<'t>(items: &'t [Type], slots: &[u64], mut f: impl FnMut(&'t Type, &[u64])) {
    let mut at = 0;
    for item in items {
        f(item, &slots[at..at + item.slots()]);
        at += item.slots();
    }
}

fn text_of(slots: &[u64]) -> &str {
    // SAFETY: the slots are a string's: UTF-8 in memory that outlives the groups.
    unsafe {
        let bytes = std::slice::from_raw_parts(slots[0] as *const u8, slots[1] as usize);
        std::str::from_utf8_unchecked(bytes)
    }
}
