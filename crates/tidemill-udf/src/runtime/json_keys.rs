//! Which keys an object of a JSON document has so far.

use rustc_hash::FxHashMap;

/// Keys of an object that are compared one by one.
const FEW_KEYS: usize = 32;

/// The keys of an object so far.
#[derive(Default)]
pub(super) struct Keys {
    /// A bit for each kind of key that was met: most keys are of a kind of their own.
    met: u64,
    /// Where each key is, once there are many.
    many: FxHashMap<&'static [u8], usize>,
}

impl Keys {
    /// The keys of entries.
    pub(super) fn of(entries: &[u64]) -> Keys {
        let mut keys = Keys::default();
        for count in 0..entries.len() / 4 {
            keys.met |= kind_of(key_at(entries, count));
        }
        keys
    }

    /// The place of an equal key among the entries; if there is none, the key is the next entry's.
    pub(super) fn add(&mut self, entries: &[u64], key: &[u8]) -> Option<usize> {
        let count = entries.len() / 4;
        if count >= FEW_KEYS {
            return self.add_to_many(entries, key);
        }
        let kind = kind_of(key);
        let new = self.met & kind == 0;
        self.met |= kind;
        if new { None } else { (0..count).find(|&at| key_at(entries, at) == key) }
    }

    fn add_to_many(&mut self, entries: &[u64], key: &[u8]) -> Option<usize> {
        let count = entries.len() / 4;
        for at in self.many.len()..count {
            self.many.insert(key_at(entries, at), at);
        }
        self.many.get(key).copied()
    }
}

/// A bit for the kind of a key.
fn kind_of(key: &[u8]) -> u64 {
    let ends =
        key.first().zip(key.last()).map_or(0, |(a, b)| usize::from(*a) + 7 * usize::from(*b));
    1 << ((key.len() * 31 + ends) % 64)
}

/// The key of an entry. Keys live as long as their row, which is longer than the parser.
fn key_at(entries: &[u64], at: usize) -> &'static [u8] {
    // SAFETY: these are the slots of a string that the parser found.
    unsafe { super::bytes(entries[at * 4] as *const u8, entries[at * 4 + 1] as usize) }
}
