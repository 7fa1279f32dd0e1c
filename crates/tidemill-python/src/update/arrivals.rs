//! The batch's values by key, where they are: in the lists that came from the parts of the batch.
//!
//! Nothing of a value is copied. What a key takes here is a slot for each list that it came in, however many
//! values that holds.

use std::marker::PhantomData;
use std::ops::ControlFlow;

use tidemill_udf::{Heap, Type, list_items, pair_of};

use crate::keys::{Fingerprint, KeyIndex};
use crate::native::Input;

/// Keys as first seen, and the lists of their values.
pub struct Arrivals<'a> {
    key: Type,
    value: Type,
    index: KeyIndex,
    /// Where the lists of each key begin, and at last where they end.
    starts: Vec<usize>,
    lists: Vec<u64>,
    _heap: Heap,
    blocks: PhantomData<&'a ()>,
}

impl<'a> Arrivals<'a> {
    /// The values in blocks of `(key, [values])` records, which may be in runs; `None` if the records are no such
    /// ones, or a list is empty.
    pub fn of(fresh: &Input<'a>) -> Option<Arrivals<'a>> {
        let ty = fresh.ty();
        let (key, value) = match pair_of(&ty)? {
            (key, Type::List(value)) => (key, &**value),
            (key, Type::Runs) => (key, &Type::Int),
            _ => return None,
        };
        if !key.is_key() {
            return None;
        }
        let (mut index, heap) = (KeyIndex::new(key, 0), Heap::default());
        let width = key.slots();
        let mut came: Vec<(usize, u64)> = Vec::new();
        let flow = fresh.each(|record| {
            let (its, list) = record.split_at(width);
            // SAFETY: a list of a block that is alive.
            if unsafe { list_items(list[0]) }.1 == 0 {
                return ControlFlow::Break(());
            }
            // SAFETY: a key of the type.
            let place = unsafe {
                let print = Fingerprint::of(key, its);
                let known = index.find(key, its, &print);
                known.unwrap_or_else(|| index.insert(key, its, &[], &print, &heap))
            };
            came.push((place, list[0]));
            ControlFlow::Continue(())
        });
        if flow.is_break() {
            return None;
        }
        let (starts, lists) = by_place(&came, index.len());
        let (key, value) = (key.clone(), value.clone());
        Some(Arrivals { key, value, index, starts, lists, _heap: heap, blocks: PhantomData })
    }

    /// The type of the keys.
    pub fn key_type(&self) -> &Type {
        &self.key
    }

    /// The type of the values.
    pub fn value_type(&self) -> &Type {
        &self.value
    }

    /// The slots of each key.
    pub fn keys(&self) -> impl Iterator<Item = &[u64]> {
        (0..self.index.len()).map(|at| self.key(at))
    }

    /// The slots of a key.
    pub fn key(&self, at: usize) -> &[u64] {
        self.index.key(at)
    }

    /// The lists of a key's values, none of them empty, in the order in which they came; those of integers may be in
    /// runs.
    pub fn lists(&self, at: usize) -> &[u64] {
        &self.lists[self.starts[at]..self.starts[at + 1]]
    }
}

/// What came for each of some places, in the order in which it came, and where that begins for each.
fn by_place(came: &[(usize, u64)], places: usize) -> (Vec<usize>, Vec<u64>) {
    let mut starts = vec![0; places + 1];
    for (place, _) in came {
        starts[place + 1] += 1;
    }
    for place in 0..places {
        starts[place + 1] += starts[place];
    }
    let (mut next, mut sorted) = (starts.clone(), vec![0; came.len()]);
    for &(place, list) in came {
        sorted[next[place]] = list;
        next[place] += 1;
    }
    (starts, sorted)
}

#[cfg(test)]
mod tests {
    use tidemill_udf::Records;

    use super::*;

    /// Records of a key and a list of so many numbers.
    fn records(came: &[(u64, u64)]) -> Records {
        let ty = Type::Tuple(vec![Type::Int, Type::List(Box::new(Type::Int))]);
        let mut records = Records::new(&ty);
        for &(key, count) in came {
            let heap = Heap::default();
            let items: Vec<u64> = (0..count).collect();
            // SAFETY: an integer and a list of integers.
            unsafe {
                let list = heap.list(&Type::Int, items.len(), &items);
                records.push(&[key, list]);
            }
        }
        records
    }

    #[test]
    fn a_key_has_its_lists_in_the_order_in_which_they_came() {
        let records = records(&[(7, 1), (8, 2), (7, 3), (8, 4), (7, 5)]);
        let input = Input::Typed(vec![&records]);
        let Some(arrivals) = Arrivals::of(&input) else { unreachable!("pairs") };
        assert_eq!(arrivals.keys().count(), 2);
        let counts = |at: usize| -> Vec<usize> {
            // SAFETY: lists of the records, which are alive.
            arrivals.lists(at).iter().map(|&list| unsafe { list_items(list) }.1).collect()
        };
        assert_eq!((arrivals.key(0), counts(0)), (&[7][..], vec![1, 3, 5]));
        assert_eq!((arrivals.key(1), counts(1)), (&[8][..], vec![2, 4]));
    }

    #[test]
    fn what_a_key_takes_does_not_grow_with_its_values() {
        let taken = |count| {
            let records = records(&[(7, count), (7, count)]);
            let input = Input::Typed(vec![&records]);
            let arrivals = Arrivals::of(&input);
            arrivals.map(|found| (found.lists.capacity(), found.starts.capacity()))
        };
        assert_eq!(taken(1), taken(5_000_000));
    }
}
