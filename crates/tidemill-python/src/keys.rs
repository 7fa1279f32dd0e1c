//! Positions of keys: an index in memory from a typed key to the place where it was inserted.
//!
//! A look-up touches three places that are far apart when there are many keys: the table, the entry, the key's
//! text. They can be fetched ahead for a run of keys, which is what makes counting many words fast.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use tidemill_udf::{Heap, Type};

/// A slot of the table that was never used.
const EMPTY: u64 = 0;
/// A slot whose key was forgotten.
const FORGOTTEN: u64 = 1;
/// Positions are kept with this added, so that none looks like the two above.
const SHIFT: u64 = 2;

/// Positions of keys, counted as they are inserted, with a few slots of something else beside each.
#[derive(Default)]
pub struct KeyIndex {
    width: usize,
    /// Slots of a key and of what is kept beside it, in the same cache line if they are few.
    stride: usize,
    /// The upper half of a key's hash and its position, found by linear probing; a power of two of them.
    table: Vec<u64>,
    /// Slots of the table that are not empty.
    used: usize,
    hashes: Vec<u64>,
    entries: Vec<u64>,
}

impl KeyIndex {
    /// No keys of a type yet, with so many slots of something else beside each.
    pub fn new(key: &Type, beside: usize) -> KeyIndex {
        let width = key.slots();
        KeyIndex { width, stride: width + beside, table: vec![EMPTY; 16], ..KeyIndex::default() }
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The position of a key with a hash.
    ///
    /// # Safety
    /// The slots must be those of a key of the type, as must those of all keys before; the hash must be its.
    pub unsafe fn find(&self, ty: &Type, key: &[u64], hash: u64) -> Option<usize> {
        // SAFETY: the caller's promise.
        self.probe(hash, |position| unsafe { same_key(ty, key, self.key(position)) })
            .map(|slot| position(self.table[slot]))
    }

    /// Takes in a key that is not there yet, a copy of it in `heap`, and what is beside it; its position.
    ///
    /// # Safety
    /// As for [`KeyIndex::find`].
    pub unsafe fn insert(
        &mut self,
        ty: &Type,
        key: &[u64],
        beside: &[u64],
        hash: u64,
        heap: &Heap,
    ) -> usize {
        let place = self.hashes.len();
        let at = self.entries.len();
        self.entries.extend_from_slice(key);
        // SAFETY: the caller's promise.
        unsafe { heap.keep(ty, &mut self.entries[at..]) };
        self.entries.extend_from_slice(beside);
        self.hashes.push(hash);
        if (self.used + 1) * 2 > self.table.len() {
            self.grow();
        }
        self.place(place);
        place
    }

    /// Forgets that the key at a position is there; the key can still be read.
    pub fn forget(&mut self, place: usize) {
        if let Some(slot) = self.probe(self.hashes[place], |position| position == place) {
            self.table[slot] = FORGOTTEN;
        }
    }

    /// The key at a position.
    pub fn key(&self, place: usize) -> &[u64] {
        &self.entries[place * self.stride..][..self.width]
    }

    /// What is beside the key at a position.
    pub fn beside(&mut self, place: usize) -> &mut [u64] {
        &mut self.entries[place * self.stride + self.width..(place + 1) * self.stride]
    }

    /// Has the table's slot for a hash fetched.
    pub fn fetch_slot(&self, hash: u64) {
        fetch(&raw const self.table[self.first(hash)]);
    }

    /// Has the entry fetched that a hash most likely means.
    pub fn fetch_entry(&self, hash: u64) {
        if let Some(place) = self.likely(hash) {
            fetch(&raw const self.entries[place * self.stride]);
        }
    }

    /// Has the text fetched that begins the key a hash most likely means.
    pub fn fetch_text(&self, ty: &Type, hash: u64) {
        if let (Type::Str, Some(place)) = (ty, self.likely(hash)) {
            fetch(self.entries[place * self.stride] as *const u8);
        }
    }

    fn likely(&self, hash: u64) -> Option<usize> {
        let slot = self.table[self.first(hash)];
        (slot > FORGOTTEN && slot >> 32 == hash >> 32 && self.stride > 0).then(|| position(slot))
    }

    fn first(&self, hash: u64) -> usize {
        hash as usize & (self.table.len() - 1)
    }

    /// The table's slot of a key with this hash for which `same` holds.
    fn probe(&self, hash: u64, mut same: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut at = self.first(hash);
        loop {
            match self.table[at] {
                EMPTY => return None,
                slot if slot > FORGOTTEN && slot >> 32 == hash >> 32 && same(position(slot)) => {
                    return Some(at);
                }
                _ => at = (at + 1) & (self.table.len() - 1),
            }
        }
    }

    fn place(&mut self, place: usize) {
        let hash = self.hashes[place];
        let mut at = self.first(hash);
        while self.table[at] != EMPTY {
            at = (at + 1) & (self.table.len() - 1);
        }
        self.table[at] = (hash >> 32 << 32) | (place as u64 + SHIFT);
        self.used += 1;
    }

    /// Makes room; forgotten keys give theirs back.
    fn grow(&mut self) {
        let live = |slot: &u64| *slot > FORGOTTEN;
        let places: Vec<usize> = self.table.iter().copied().filter(live).map(position).collect();
        let size = (places.len() * 4).next_power_of_two().max(16);
        self.table = vec![EMPTY; size];
        self.used = 0;
        places.into_iter().for_each(|place| self.place(place));
    }
}

fn position(slot: u64) -> usize {
    ((slot & 0xffff_ffff) - SHIFT) as usize
}

/// Asks for a cache line; any address will do.
fn fetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// A hash for tables in memory; equal keys have equal ones.
///
/// # Safety
/// The slots must be those of a value of `ty`, a type of keys.
pub unsafe fn quick_hash(ty: &Type, slots: &[u64]) -> u64 {
    let mut hasher = FxHasher::default();
    hash_into(ty, slots, &mut hasher);
    hasher.finish()
}

fn hash_into(ty: &Type, slots: &[u64], hasher: &mut FxHasher) {
    match ty {
        Type::Str => hasher.write(text_of(slots).as_bytes()),
        Type::Tuple(items) => each_item(items, slots, |item, slots| hash_into(item, slots, hasher)),
        Type::Option(value) if slots[0] != 0 => hash_into(value, &slots[1..], hasher),
        Type::Option(_) => hasher.write_u64(0),
        _ => slots.iter().for_each(|&slot| hasher.write_u64(slot)),
    }
}

/// Whether two keys of a type are equal.
///
/// # Safety
/// As for [`quick_hash`].
pub unsafe fn same_key(ty: &Type, a: &[u64], b: &[u64]) -> bool {
    match ty {
        Type::Str => a[1] == b[1] && (a[0] == b[0] || text_of(a) == text_of(b)),
        Type::Tuple(items) => {
            let mut at = 0;
            items.iter().all(|item| {
                let next = at..at + item.slots();
                at = next.end;
                // SAFETY: the caller's promise holds for each item.
                unsafe { same_key(item, &a[next.clone()], &b[next]) }
            })
        }
        Type::Option(value) => {
            // SAFETY: the caller's promise holds for the values that are there.
            a[0] == b[0] && (a[0] == 0 || unsafe { same_key(value, &a[1..], &b[1..]) })
        }
        _ => a == b,
    }
}

/// Calls `f` with each item of a tuple and its slots.
pub fn each_item<'t>(items: &'t [Type], slots: &[u64], mut f: impl FnMut(&'t Type, &[u64])) {
    let mut at = 0;
    for item in items {
        f(item, &slots[at..at + item.slots()]);
        at += item.slots();
    }
}

/// The text of a string's slots.
pub fn text_of(slots: &[u64]) -> &str {
    // SAFETY: the slots are a string's: UTF-8 in memory that is alive.
    unsafe {
        let bytes = std::slice::from_raw_parts(slots[0] as *const u8, slots[1] as usize);
        std::str::from_utf8_unchecked(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_they_were_put_until_they_are_forgotten() {
        let (mut index, heap) = (KeyIndex::new(&Type::Int, 1), Heap::default());
        // Few different hashes, so that probing goes on.
        let hash = |key: u64| (key % 7) << 40 | (key % 5);
        let find = |index: &KeyIndex, key: u64| {
            // SAFETY: the slots of an integer.
            unsafe { index.find(&Type::Int, &[key], hash(key)) }
        };
        for key in 0..1000 {
            assert_eq!(find(&index, key), None);
            // SAFETY: the slots of an integer.
            let place = unsafe { index.insert(&Type::Int, &[key], &[10 * key], hash(key), &heap) };
            assert_eq!(place, key as usize);
        }
        for key in (0..1000).step_by(3) {
            index.forget(key as usize);
        }
        for key in 0..1000 {
            let expected = (key % 3 != 0).then_some(key as usize);
            assert_eq!(find(&index, key), expected);
            assert_eq!(index.key(key as usize), [key]);
            assert_eq!(index.beside(key as usize), [10 * key]);
        }
        // SAFETY: the slots of an integer.
        let again = unsafe { index.insert(&Type::Int, &[0], &[5], hash(0), &heap) };
        assert_eq!((again, find(&index, 0)), (1000, Some(1000)));
    }
}
