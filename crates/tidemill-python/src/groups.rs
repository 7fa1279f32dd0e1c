//! Groups or folds typed records by key, keys as first seen, and deals records out to buckets as PySpark's
//! `portable_hash` sends them.

use std::sync::Arc;

use tidemill_udf::digest::Integers;
use tidemill_udf::{Call, Heap, Records, Rows, Site, Type, pair_of};

use crate::hash;
use crate::keys::{Fingerprint, KeyIndex, each_item, text_of};
use crate::recent::{Recent, UNKNOWN};

/// Keys whose places in memory are fetched ahead.
const AHEAD: usize = 64;

/// What becomes of the values of a key.
pub enum Collect<'a> {
    /// They are listed.
    List,
    /// They are integers, and listed, in runs where that is shorter.
    Runs,
    /// They are lists, and are joined.
    Join,
    /// They are folded: the first by `create`, if it is given, the others by `merge`.
    Fold {
        /// From the first value.
        create: Option<&'a Call>,
        /// From what there is and another value.
        merge: &'a Call,
    },
    /// There are none: the records are keys, and are counted.
    Count,
}

/// Groups under construction.
pub struct Groups<'a> {
    key: &'a Type,
    /// Slots of a key.
    width: usize,
    value: &'a Type,
    collect: Collect<'a>,
    buckets: usize,
    index: KeyIndex,
    /// By group: the values' slots and number. Folded values are in the index.
    values: Vec<(Vec<u64>, usize)>,
    /// By group, where they are listed in runs.
    runs: Vec<Integers>,
    heap: Heap,
    /// Where the functions keep what they make.
    calls: Rows<'static>,
    /// What the functions give.
    made: [u64; MOST_SLOTS],
    recent: Recent,
    /// Whether it was a group's first value that a function left to CPython.
    stuck_first: bool,
}

impl<'a> Groups<'a> {
    /// For records of a type that is a pair with a key, or a key if they are counted; `None` for others.
    pub fn new(record: &'a Type, collect: Collect<'a>, buckets: usize) -> Option<Self> {
        let (key, value) = match collect {
            Collect::Count => (record, &Type::None),
            _ => pair_of(record)?,
        };
        let calls = Rows::for_calls();
        let beside = match &collect {
            Collect::List | Collect::Runs | Collect::Join => 0,
            Collect::Count => 1,
            Collect::Fold { create: None, .. } => value.slots(),
            Collect::Fold { create: Some(create), .. } => create.result().slots(),
        };
        let (index, heap) = (KeyIndex::new(key, beside), Heap::default());
        let (values, runs) = (Vec::new(), Vec::new());
        let (made, recent) = ([0; MOST_SLOTS], Recent::new());
        let width = key.slots();
        let groups = Groups {
            key,
            width,
            value,
            collect,
            buckets,
            index,
            values,
            runs,
            heap,
            calls,
            made,
            recent,
            stuck_first: false,
        };
        key.is_key().then_some(groups)
    }

    /// Adds a record; false, and nothing is changed, if a function leaves it to CPython.
    ///
    /// # Safety
    /// The record must be one of the type that the groups were made for; what its value points to must outlive
    /// them, what its key points to must not change until [`Groups::forget_recent`].
    pub unsafe fn add(&mut self, record: &[u64]) -> bool {
        let key = &record[..self.width];
        let group = self.recent.group(key);
        let print = match group {
            // SAFETY: the caller's promise.
            UNKNOWN => unsafe { Fingerprint::of(self.key, key) },
            _ => Fingerprint::default(),
        };
        // SAFETY: the caller's promise.
        unsafe { self.add_to(record, group, &print) }
    }

    /// Adds records until one is left to CPython; how many were added.
    ///
    /// # Safety
    /// As for [`Groups::add`], for each record.
    pub unsafe fn add_run<'r>(
        &mut self,
        count: usize,
        record: impl Fn(usize) -> &'r [u64],
    ) -> usize {
        let mut groups = [UNKNOWN; AHEAD];
        let mut prints = [Fingerprint::default(); AHEAD];
        for start in (0..count).step_by(AHEAD) {
            let run = start..count.min(start + AHEAD);
            for (at, (group, print)) in run.clone().zip(groups.iter_mut().zip(&mut prints)) {
                let key = &record(at)[..self.width];
                *group = self.recent.group(key);
                if *group == UNKNOWN {
                    // SAFETY: the caller's promise.
                    *print = unsafe { Fingerprint::of(self.key, key) };
                    self.index.fetch_place(print);
                }
            }
            for (&group, print) in groups[..run.len()].iter().zip(&prints) {
                if group == UNKNOWN {
                    self.index.fetch_entry(print);
                }
            }
            for (at, (&group, print)) in run.zip(groups.iter().zip(&prints)) {
                // SAFETY: the caller's promise.
                if !unsafe { self.add_to(record(at), group, print) } {
                    return at;
                }
            }
        }
        count
    }

    /// # Safety
    /// As for [`Groups::add`]; the group must be the record's, or unknown and the fingerprint its key's.
    unsafe fn add_to(&mut self, record: &[u64], group: usize, print: &Fingerprint) -> bool {
        let (key, value) = record.split_at(self.width);
        let mut group = group;
        if group == UNKNOWN {
            // SAFETY: the caller's promise.
            let found = unsafe { self.index.find(self.key, key, print) };
            let Some(found) = found else {
                // SAFETY: as above.
                return unsafe { self.add_group(key, value, print) };
            };
            self.recent.remember(key, found);
            group = found;
        }
        match &self.collect {
            Collect::List => {
                let (slots, count) = &mut self.values[group];
                slots.extend_from_slice(value);
                *count += 1;
            }
            Collect::Runs => self.runs[group].push(value[0] as i64),
            Collect::Join => {
                let Type::List(_) = self.value else { return false };
                // SAFETY: the caller's promise: the value is a list.
                let (items, len) = unsafe { tidemill_udf::list_items(value[0]) };
                let (slots, count) = &mut self.values[group];
                slots.extend_from_slice(items);
                *count += len;
            }
            Collect::Fold { merge, .. } => {
                let slots = self.index.beside(group);
                let made = &mut self.made[..slots.len()];
                // SAFETY: the group's slots are a value of the first argument's type, the caller's promise is
                // that the others are a value of the second's.
                if !unsafe { merge.run(&mut self.calls, slots, value, made) } {
                    return false;
                }
                // One by one: there are few, and a copy of unknown length is a call.
                for (slot, &made) in slots.iter_mut().zip(&*made) {
                    *slot = made;
                }
            }
            Collect::Count => self.index.beside(group)[0] += 1,
        }
        true
    }

    /// Begins a group with its first value; false if a function leaves it to CPython.
    ///
    /// # Safety
    /// As for [`Groups::add`]; the fingerprint must be the key's.
    unsafe fn add_group(&mut self, key: &[u64], value: &[u64], print: &Fingerprint) -> bool {
        let Some(first) = self.first(value) else { return false };
        let beside: &[u64] = match self.collect {
            Collect::Fold { .. } | Collect::Count => &first.0,
            Collect::List | Collect::Runs | Collect::Join => &[],
        };
        // SAFETY: the caller's promise.
        let group = unsafe { self.index.insert(self.key, key, beside, print, &self.heap) };
        match self.collect {
            Collect::List | Collect::Join => self.values.push(first),
            Collect::Runs => {
                let mut integers = Integers::default();
                integers.push(value[0] as i64);
                self.runs.push(integers);
            }
            Collect::Fold { .. } | Collect::Count => {}
        }
        self.recent.remember(key, group);
        true
    }

    /// What a group holds after its first value.
    fn first(&mut self, value: &[u64]) -> Option<(Vec<u64>, usize)> {
        match &self.collect {
            Collect::Runs => Some((Vec::new(), 0)),
            Collect::Count => Some((vec![1], 1)),
            Collect::List | Collect::Fold { create: None, .. } => Some((value.to_vec(), 1)),
            Collect::Join => {
                let Type::List(_) = self.value else { return None };
                // SAFETY: the value is a list, by the promise of `add`.
                let (items, len) = unsafe { tidemill_udf::list_items(value[0]) };
                Some((items.to_vec(), len))
            }
            Collect::Fold { create: Some(create), .. } => {
                let mut slots = vec![0; create.result().slots()];
                // SAFETY: the value is one of the function's argument type; it takes no second.
                let done = unsafe { create.run(&mut self.calls, value, &[], &mut slots) };
                self.stuck_first = !done;
                done.then_some((slots, 1))
            }
        }
    }

    /// Keys that come from now on may be at addresses where others were.
    pub fn forget_recent(&mut self) {
        self.recent.forget();
    }

    /// Where the function that left a record to CPython did so.
    pub fn stuck_at(&self) -> Option<&Site> {
        let Collect::Fold { create, merge } = &self.collect else { return None };
        let call = create.filter(|_| self.stuck_first).unwrap_or(merge);
        call.sites().get(self.calls.gave_up_at()?)
    }

    /// The type of the groups.
    pub fn ty(&self) -> Type {
        let value = match &self.collect {
            Collect::List => Type::List(Box::new(self.value.clone())),
            Collect::Runs => Type::Runs,
            Collect::Count => Type::Int,
            Collect::Join | Collect::Fold { create: None, .. } => self.value.clone(),
            Collect::Fold { create: Some(create), .. } => create.result().clone(),
        };
        Type::Tuple(vec![self.key.clone(), value])
    }

    /// The groups, one run of records per bucket.
    pub fn finish(mut self) -> Vec<Records> {
        let buckets = self.buckets.max(1);
        let ty = self.ty();
        let Some((_, value)) = pair_of(&ty) else { return Vec::new() };
        let mut slots: Vec<(usize, Vec<u64>)> = vec![(0, Vec::new()); buckets];
        for group in 0..self.index.len() {
            let key = self.index.key(group);
            let (records, slots) = &mut slots[bucket_of(self.key, key, buckets)];
            *records += 1;
            slots.extend_from_slice(key);
            match (&self.collect, value) {
                (Collect::List | Collect::Join, Type::List(item)) => {
                    let (items, count) = &self.values[group];
                    // SAFETY: the items' slots were collected from values of the item's type.
                    slots.push(unsafe { self.heap.list(item, *count, items) });
                }
                (Collect::Runs, _) => slots.push(self.runs[group].list(&self.heap)),
                _ => {
                    let at = slots.len();
                    slots.extend_from_slice(self.index.beside(group));
                    // SAFETY: the slots are a folded value's; what it points to is alive.
                    unsafe { self.heap.keep(value, &mut slots[at..]) };
                }
            }
        }
        let heap = Arc::new(self.heap);
        // SAFETY: keys and values were kept in the heap above.
        let records = |(len, slots)| unsafe { Records::from_parts(&ty, len, slots, heap.clone()) };
        slots.into_iter().map(records).collect()
    }

    /// Records that give the same groups when they are grouped again: as if they were the first. `None` if there
    /// are none such, because the first value of a key is made into something else.
    pub fn replay(mut self) -> Option<Records> {
        self.buckets = 1;
        match &self.collect {
            Collect::Fold { create: Some(_), .. } => None,
            Collect::Join | Collect::Fold { create: None, .. } => self.finish().pop(),
            Collect::List => {
                let width = self.value.slots();
                let ty = Type::Tuple(vec![self.key.clone(), self.value.clone()]);
                let mut records = Records::new(&ty);
                let mut record = Vec::new();
                for (group, (items, count)) in self.values.iter().enumerate() {
                    for at in 0..*count {
                        record.clear();
                        record.extend_from_slice(self.index.key(group));
                        record.extend_from_slice(&items[at * width..(at + 1) * width]);
                        // SAFETY: a key and a value that came with it.
                        unsafe { records.push(&record) };
                    }
                }
                Some(records)
            }
            Collect::Count => {
                let mut records = Records::new(self.key);
                for group in 0..self.index.len() {
                    for _ in 0..self.index.beside(group)[0] {
                        // SAFETY: a key, which the index holds.
                        unsafe { records.push(self.index.key(group)) };
                    }
                }
                Some(records)
            }
            Collect::Runs => {
                let ty = Type::Tuple(vec![self.key.clone(), Type::Int]);
                let mut records = Records::new(&ty);
                for (group, integers) in self.runs.iter().enumerate() {
                    for value in integers.iter() {
                        // SAFETY: a key and an integer.
                        unsafe { records.push(&[self.index.key(group), &[value as u64]].concat()) };
                    }
                }
                Some(records)
            }
        }
    }

    /// Whether [`Groups::replay`] gives records.
    pub fn can_replay(&self) -> bool {
        !matches!(self.collect, Collect::Fold { create: Some(_), .. })
    }
}

/// Values of more slots are not folded.
pub const MOST_SLOTS: usize = 32;

/// The bucket that PySpark sends a key to.
pub fn bucket_of(ty: &Type, key: &[u64], buckets: usize) -> usize {
    if buckets <= 1 {
        return 0;
    }
    portable_hash(ty, key).rem_euclid(buckets as i64) as usize
}

fn portable_hash(ty: &Type, slots: &[u64]) -> i64 {
    match ty {
        Type::Str => hash::of_str(text_of(slots)),
        Type::Int => hash::of_int(slots[0] as i64),
        Type::Bool => slots[0] as i64,
        Type::Option(value) if slots[0] != 0 => portable_hash(value, &slots[1..]),
        Type::Tuple(items) => {
            let mut parts = Vec::with_capacity(items.len());
            each_item(items, slots, |item, slots| parts.push(portable_hash(item, slots)));
            hash::of_tuple(&parts)
        }
        // `None` is 0 to PySpark; the others are never keys.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> [u64; 2] {
        [text.as_ptr() as u64, text.len() as u64]
    }

    #[test]
    fn values_are_listed_by_key_in_the_order_of_the_records() {
        let ty = Type::Tuple(vec![Type::Str, Type::Int]);
        let Some(mut groups) = Groups::new(&ty, Collect::List, 1) else { unreachable!("a pair") };
        for (key, value) in [("b", 1), ("a", 2), ("b", 3)] {
            let [address, length] = text(key);
            // SAFETY: the slots of a pair of a string and an integer.
            assert!(unsafe { groups.add(&[address, length, value]) });
        }
        let records = groups.finish();
        let mut packed = Vec::new();
        for record in records[0].iter() {
            // SAFETY: records of their own type.
            unsafe { tidemill_udf::packed::write(&mut packed, records[0].ty(), record) };
        }
        let number = |n: u64| n.to_le_bytes().to_vec();
        let length = |n: u32| n.to_le_bytes().to_vec();
        let b = [length(1), b"b".to_vec(), length(2), number(1), number(3)].concat();
        let a = [length(1), b"a".to_vec(), length(1), number(2)].concat();
        assert_eq!(packed, [b, a].concat());
    }

    #[test]
    fn keys_go_where_portable_hash_sends_them() {
        // From PySpark with PYTHONHASHSEED=0 and CPython 3.11: portable_hash(("a", 1)), of 7 and of None.
        let pair = Type::Tuple(vec![Type::Str, Type::Int]);
        let [address, length] = text("a");
        let hash = portable_hash(&pair, &[address, length, 1]);
        assert_eq!(hash, hash::of_tuple(&[hash::of_str("a"), 1]));
        assert_eq!(portable_hash(&Type::Int, &[7]), 7);
        assert_eq!(bucket_of(&Type::Int, &[u64::MAX], 3), (-2_i64).rem_euclid(3) as usize);
    }
}
