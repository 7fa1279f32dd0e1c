//! Positions of keys: an index in memory from a typed key to the place where it was inserted.
//!
//! A look-up touches places that are far apart when there are many keys: the table and the entry. They can be
//! fetched ahead for a run of keys, which is what makes counting many words fast. A key that is a text is
//! compared by its [`Fingerprint`], which is all of a short one, so that the text itself is rarely read.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use tidemill_udf::{Heap, Type};

/// A place of the table that was never used.
const EMPTY: u32 = 0;
/// A place whose key was forgotten.
const FORGOTTEN: u32 = 1;
/// Positions are kept with this added, so that none looks like the two above.
const SHIFT: u32 = 2;

/// A cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
#[allow(dead_code, reason = "read as part of a slice of slots")]
struct Line([u64; LINE]);

/// Places of the smallest table.
const LEAST: usize = 16;

/// Slots of a cache line.
const LINE: usize = 8;

/// Positions of keys, counted as they are inserted, with a few slots of something else beside each.
pub struct KeyIndex {
    width: usize,
    is_text: bool,
    /// Slots that a look-up compares: the key's, or of a text its length and its fingerprint's words.
    compared: usize,
    beside: usize,
    /// Slots of both, rounded up so that none lies in more cache lines than it must.
    stride: usize,
    /// Positions of keys, with as much of their hashes as there is room for above; found by linear probing. A
    /// power of two of them.
    table: Vec<u32>,
    /// Bits of the table's numbers that a position has.
    bits: u32,
    /// Places of the table that are not empty.
    used: usize,
    hashes: Vec<u64>,
    lines: Vec<Line>,
    /// The slots of keys that are texts.
    texts: Vec<u64>,
}

impl KeyIndex {
    /// No keys of a type yet, with so many slots of something else beside each.
    pub fn new(key: &Type, beside: usize) -> KeyIndex {
        let width = key.slots();
        let is_text = matches!(key, Type::Str);
        let compared = if is_text { 1 + WORDS } else { width };
        let stride = match compared + beside {
            0 => 0,
            few if few <= LINE => few.next_power_of_two(),
            many => many.next_multiple_of(LINE),
        };
        KeyIndex {
            width,
            is_text,
            compared,
            beside,
            stride,
            table: vec![EMPTY; LEAST],
            bits: LEAST.ilog2(),
            used: 0,
            hashes: Vec::new(),
            lines: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The position of a key with a fingerprint.
    ///
    /// # Safety
    /// The slots must be those of a key of the type, as must those of all keys before; the fingerprint must be its.
    pub unsafe fn find(&self, ty: &Type, key: &[u64], print: &Fingerprint) -> Option<usize> {
        // SAFETY: the caller's promise.
        self.probe(print.hash, |position| unsafe { self.is_at(position, ty, key, print) })
            .map(|at| self.position(self.table[at]))
    }

    /// # Safety
    /// As for [`KeyIndex::find`].
    unsafe fn is_at(&self, place: usize, ty: &Type, key: &[u64], print: &Fingerprint) -> bool {
        let entry = &self.slots()[place * self.stride..][..self.compared];
        match (ty, entry, key) {
            (Type::Str, &[length, first, last], &[_, its_length]) => {
                // One by one: an array of them would be put together in memory.
                length == its_length
                    && first == print.words[0]
                    && last == print.words[1]
                    && (length as usize <= SHORT || text_of(self.key(place)) == text_of(key))
            }
            // SAFETY: the caller's promise.
            _ => unsafe { same_key(ty, key, entry) },
        }
    }

    fn slots(&self) -> &[u64] {
        // SAFETY: a line is nothing but its slots.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LINE) }
    }

    fn slots_mut(&mut self) -> &mut [u64] {
        let (lines, slots) = (self.lines.as_mut_ptr(), self.lines.len() * LINE);
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(lines.cast(), slots) }
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
        print: &Fingerprint,
        heap: &Heap,
    ) -> usize {
        let place = self.hashes.len();
        let (at, compared) = (place * self.stride, self.compared);
        self.lines.resize((at + self.stride).div_ceil(LINE), Line::default());
        if self.is_text {
            self.texts.extend_from_slice(key);
            // SAFETY: the caller's promise.
            unsafe { heap.keep(ty, &mut self.texts[place * self.width..]) };
            let entry = &mut self.slots_mut()[at..];
            entry[0] = key[1];
            entry[1..compared].copy_from_slice(&print.words);
        } else {
            let kept = &mut self.slots_mut()[at..at + compared];
            kept.copy_from_slice(key);
            // SAFETY: the caller's promise.
            unsafe { heap.keep(ty, kept) };
        }
        self.beside(place).copy_from_slice(beside);
        self.hashes.push(print.hash);
        let has_bits = (place as u64 + u64::from(SHIFT)) >> self.bits == 0;
        if (self.used + 1) * 2 > self.table.len() || !has_bits {
            self.grow();
        }
        self.place(place);
        place
    }

    /// Forgets that the key at a position is there; the key can still be read.
    pub fn forget(&mut self, place: usize) {
        if let Some(at) = self.probe(self.hashes[place], |position| position == place) {
            self.table[at] = FORGOTTEN;
        }
    }

    /// The key at a position.
    pub fn key(&self, place: usize) -> &[u64] {
        match self.is_text {
            true => &self.texts[place * self.width..][..self.width],
            false => &self.slots()[place * self.stride..][..self.width],
        }
    }

    /// What is beside the key at a position.
    pub fn beside(&mut self, place: usize) -> &mut [u64] {
        let (at, beside) = (place * self.stride + self.compared, self.beside);
        &mut self.slots_mut()[at..at + beside]
    }

    /// Has the table's place for a hash fetched.
    pub fn fetch_place(&self, print: &Fingerprint) {
        fetch(&raw const self.table[self.first(print.hash)]);
    }

    /// Has the entry fetched that a hash most likely means.
    pub fn fetch_entry(&self, print: &Fingerprint) {
        let found = self.table[self.first(print.hash)];
        if found > FORGOTTEN && self.stride > 0 {
            // What lies in other lines as well is mostly told apart by the first.
            fetch(&raw const self.slots()[self.position(found) * self.stride]);
        }
    }

    fn first(&self, hash: u64) -> usize {
        hash as usize & (self.table.len() - 1)
    }

    /// The place in the table of a key with this hash for which `same` holds.
    fn probe(&self, hash: u64, mut same: impl FnMut(usize) -> bool) -> Option<usize> {
        let (mut at, above) = (self.first(hash), self.above(hash));
        loop {
            match self.table[at] {
                EMPTY => return None,
                found
                    if found > FORGOTTEN
                        && found & !self.mask() == above
                        && same(self.position(found)) =>
                {
                    return Some(at);
                }
                _ => {}
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    fn place(&mut self, place: usize) {
        let hash = self.hashes[place];
        let mut at = self.first(hash);
        while self.table[at] != EMPTY {
            at = (at + 1) & (self.table.len() - 1);
        }
        self.table[at] = self.above(hash) | (place as u32 + SHIFT);
        self.used += 1;
    }

    /// The bits of a position.
    fn mask(&self) -> u32 {
        u32::MAX >> (u32::BITS - self.bits)
    }

    /// What stands above a position: bits of the hash, other ones than those that choose the place.
    fn above(&self, hash: u64) -> u32 {
        (hash >> 32) as u32 & !self.mask()
    }

    fn position(&self, found: u32) -> usize {
        ((found & self.mask()) - SHIFT) as usize
    }

    /// Makes room; forgotten keys give theirs back.
    fn grow(&mut self) {
        let live = |found: &u32| *found > FORGOTTEN;
        let live = self.table.iter().copied().filter(live);
        let places: Vec<usize> = live.map(|found| self.position(found)).collect();
        let size = (places.len() * 4).next_power_of_two().max(LEAST);
        // As many positions again as there are may come before the next time.
        self.bits = (self.hashes.len() * 2).max(size).next_power_of_two().ilog2().min(u32::BITS);
        self.table = vec![EMPTY; size];
        self.used = 0;
        places.into_iter().for_each(|place| self.place(place));
    }
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

/// Slots of a fingerprint's words.
const WORDS: usize = 2;

/// The words hold all of a text that is no longer, in bytes.
const SHORT: usize = 16;

/// What a key is looked up by.
#[derive(Clone, Copy, Default)]
pub struct Fingerprint {
    /// Equal keys have equal ones.
    hash: u64,
    /// Of a key that is a text: its first and its last eight bytes; of a shorter one, all of its bytes.
    words: [u64; WORDS],
}

impl Fingerprint {
    /// That of a key.
    ///
    /// # Safety
    /// The slots must be those of a value of `ty`, a type of keys.
    #[inline(always)]
    pub unsafe fn of(ty: &Type, slots: &[u64]) -> Fingerprint {
        // In registers where it is asked for: a copy of what was just written to memory waits for it.
        match ty {
            Type::Str => Fingerprint::of_text(text_of(slots).as_bytes()),
            _ => Fingerprint::of_parts(ty, slots),
        }
    }

    #[inline(never)]
    fn of_parts(ty: &Type, slots: &[u64]) -> Fingerprint {
        let mut hasher = FxHasher::default();
        hash_into(ty, slots, &mut hasher);
        Fingerprint { hash: hasher.finish(), words: [0; WORDS] }
    }

    #[inline(always)]
    fn of_text(text: &[u8]) -> Fingerprint {
        let words = words_of(text);
        let mut seed = text.len() as u64;
        if text.len() > SHORT {
            seed ^= hash_of_long(text);
        }
        Fingerprint { hash: mix(words[0] ^ seed, words[1]), words }
    }
}

fn hash_of_long(text: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    hasher.finish()
}

/// The first and the last eight bytes of a text; of a shorter one all bytes, some of them twice. Texts of one
/// length of at most [`SHORT`] bytes are equal if these are.
#[inline(always)]
fn words_of(text: &[u8]) -> [u64; WORDS] {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return [u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last))];
    }
    match *text {
        [] => [0, 0],
        [.., last] => [u64::from(text[0]) | u64::from(text[text.len() / 2]) << 8, u64::from(last)],
    }
}

/// Two words to one whose upper and lower halves depend on all bits of both: the halves of a long product,
/// one on the other, as in wyhash.
fn mix(a: u64, b: u64) -> u64 {
    const ODD: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
    let product = u128::from(a ^ ODD[0]) * u128::from(b ^ ODD[1]);
    (product >> 64) as u64 ^ product as u64
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
/// As for [`Fingerprint::of`], for both.
unsafe fn same_key(ty: &Type, a: &[u64], b: &[u64]) -> bool {
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
        let print =
            |key: u64| Fingerprint { hash: (key % 7) << 40 | (key % 5), ..Fingerprint::default() };
        let find = |index: &KeyIndex, key: u64| {
            // SAFETY: the slots of an integer.
            unsafe { index.find(&Type::Int, &[key], &print(key)) }
        };
        for key in 0..1000 {
            assert_eq!(find(&index, key), None);
            // SAFETY: the slots of an integer.
            let place =
                unsafe { index.insert(&Type::Int, &[key], &[10 * key], &print(key), &heap) };
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
        let again = unsafe { index.insert(&Type::Int, &[0], &[5], &print(0), &heap) };
        assert_eq!((again, find(&index, 0)), (1000, Some(1000)));
    }

    #[test]
    fn positions_go_on_where_most_keys_are_forgotten() {
        let (mut index, heap) = (KeyIndex::new(&Type::Int, 0), Heap::default());
        let print = |key: u64| Fingerprint { hash: mix(key, 1), ..Fingerprint::default() };
        let find = |index: &KeyIndex, key: u64| {
            // SAFETY: the slots of an integer.
            unsafe { index.find(&Type::Int, &[key], &print(key)) }
        };
        for key in 0..20_000 {
            // SAFETY: the slots of an integer.
            let place = unsafe { index.insert(&Type::Int, &[key], &[], &print(key), &heap) };
            assert_eq!((place, find(&index, key)), (key as usize, Some(key as usize)));
            if let Some(old) = key.checked_sub(10) {
                assert_eq!(find(&index, old), Some(old as usize));
                index.forget(old as usize);
                assert_eq!(find(&index, old), None);
            }
        }
        assert!(index.table.len() < 256, "{}", index.table.len());
    }

    /// A key of a type, from a number; equal numbers give equal keys at other addresses.
    fn key_of(ty: &Type, number: u64, texts: &mut Vec<String>) -> Vec<u64> {
        match ty {
            Type::None => Vec::new(),
            Type::Str => {
                texts.push(format!("{number}").repeat(number as usize % 9));
                let text = &texts[texts.len() - 1];
                vec![text.as_ptr() as u64, text.len() as u64]
            }
            Type::Option(_) if number.is_multiple_of(5) => vec![0, 0],
            Type::Option(value) => [vec![1], key_of(value, number, texts)].concat(),
            Type::Tuple(items) => {
                items.iter().flat_map(|item| key_of(item, number, texts)).collect()
            }
            _ => vec![number],
        }
    }

    #[test]
    fn keys_of_all_types_are_found_as_in_a_map_with_all_that_is_beside_them() {
        let pair = Type::Tuple(vec![Type::Str, Type::Int]);
        let option = Type::Option(Box::new(Type::Int));
        let triple = Type::Tuple(vec![option.clone(), Type::Str, Type::Int]);
        for ty in [Type::None, Type::Int, Type::Str, option, pair, triple] {
            for beside in [0, 1, 5, 7, 8, 31] {
                agrees_with_a_map(&ty, beside);
            }
        }
    }

    fn agrees_with_a_map(ty: &Type, beside: usize) {
        let (mut index, heap) = (KeyIndex::new(ty, beside), Heap::default());
        let (mut known, mut texts) = (std::collections::HashMap::new(), Vec::new());
        for step in 0..2000_u64 {
            // Numbers of which many come again.
            let number = mix(step, 7) % 300;
            let key = key_of(ty, number, &mut texts);
            // What tells keys apart, as text.
            let name = match ty {
                Type::None => String::new(),
                Type::Str => texts[texts.len() - 1].clone(),
                Type::Option(_) if number.is_multiple_of(5) => "none".into(),
                _ => number.to_string(),
            };
            let values: Vec<u64> = (0..beside as u64).map(|at| step * 100 + at).collect();
            // SAFETY: keys of the type; their texts are kept.
            unsafe {
                let print = Fingerprint::of(ty, &key);
                let found = index.find(ty, &key, &print);
                assert_eq!(found, known.get(&name).map(|(place, _)| *place), "{ty} {name}");
                match found {
                    Some(place) if step % 7 == 0 => {
                        index.forget(place);
                        known.remove(&name);
                    }
                    Some(place) => {
                        assert_eq!(index.beside(place), known[&name].1);
                        assert!(same_key(ty, index.key(place), &key));
                    }
                    None => {
                        let place = index.insert(ty, &key, &values, &print, &heap);
                        known.insert(name, (place, values));
                    }
                }
            }
        }
    }

    /// The fingerprint of a text; all have one hash, so that only the comparison tells them apart.
    fn alike(text: &str) -> Fingerprint {
        Fingerprint { hash: 1 << 40, ..Fingerprint::of_text(text.as_bytes()) }
    }

    #[test]
    fn texts_that_differ_in_one_place_or_in_length_are_told_apart() {
        let mut texts =
            vec![String::new(), "aa".into(), "aaaa\0".into(), "\0".into(), "\0\0".into()];
        for length in 1..40 {
            texts.push("b".repeat(length));
            for at in 0..length {
                texts.push("b".repeat(at) + "c" + &"b".repeat(length - at - 1));
            }
        }
        let own = |text: &str| Fingerprint::of_text(text.as_bytes());
        for print in [own as fn(&str) -> Fingerprint, alike] {
            let (mut index, heap) = (KeyIndex::new(&Type::Str, 1), Heap::default());
            for (at, text) in texts.iter().enumerate() {
                let key = [text.as_ptr() as u64, text.len() as u64];
                let print = print(text);
                // SAFETY: a text's slots, alive.
                let found = unsafe { index.find(&Type::Str, &key, &print) };
                assert_eq!(found, None, "{text:?}");
                // SAFETY: as above.
                unsafe { index.insert(&Type::Str, &key, &[at as u64], &print, &heap) };
            }
            for (at, text) in texts.iter().enumerate() {
                // Elsewhere in memory.
                let copy = text.clone();
                let key = [copy.as_ptr() as u64, copy.len() as u64];
                let print = print(&copy);
                // SAFETY: as above.
                let found = unsafe { index.find(&Type::Str, &key, &print) };
                assert_eq!(found, Some(at), "{text:?}");
                assert_eq!(index.beside(at), [at as u64]);
                assert_eq!(text_of(index.key(at)), text);
            }
        }
    }
}
