//! Lists of integers on their way to an update function: in runs, where that is shorter, and as what `len`, `sum`,
//! `min` and `max` tell of them, if the function asks nothing else.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;

use crate::emit::Gen;
use crate::exceptions::Raised;
use crate::records::Heap;
use crate::runtime::List;
use crate::scope::Value;
use crate::sites::Cause;
use crate::types::Type;

/// Slots of a digest: the number of values, their sum in 128 bits (low, high), the least and the greatest. All are
/// 0 if there are no values.
pub const SLOTS: usize = 5;

/// Values that are told apart from the first ones on, before it is judged whether runs are shorter.
const JUDGED: usize = 64;

/// Integers that are put one after the other: as runs, as long as these are fewer than half of the values.
///
/// ```
/// use tidemill_udf::digest::{self, Integers};
/// use tidemill_udf::Heap;
/// let mut integers = Integers::default();
/// [1, 1, 1, 7].into_iter().for_each(|value| integers.push(value));
/// let heap = Heap::default();
/// let slot = integers.list(&heap);
/// // SAFETY: the slot is that of a list of the heap.
/// let (values, told) = unsafe { (digest::values(slot).collect::<Vec<_>>(), digest::of([slot])) };
/// assert_eq!(values, [1, 1, 1, 7]);
/// assert_eq!(told, [4, 10, 0, 1, 7]);
/// ```
#[derive(Debug, Default)]
pub struct Integers {
    /// Values, or if they are runs, of each its value and its length.
    slots: Vec<u64>,
    count: usize,
    plain: bool,
}

impl Integers {
    /// Puts a value at the end.
    pub fn push(&mut self, value: i64) {
        self.count += 1;
        if self.plain {
            self.slots.push(value as u64);
            return;
        }
        match self.slots.as_mut_slice() {
            [.., last, length] if *last == value as u64 => *length += 1,
            _ => self.slots.extend([value as u64, 1]),
        }
        if self.slots.len() > self.count && self.count > JUDGED {
            self.slots = runs(&self.slots).map(|value| value as u64).collect();
            self.plain = true;
        }
    }

    /// The values.
    pub fn iter(&self) -> Box<dyn Iterator<Item = i64> + '_> {
        match self.plain {
            true => Box::new(self.slots.iter().map(|&value| value as i64)),
            false => Box::new(runs(&self.slots)),
        }
    }

    /// The slot of a list of type [`Type::Runs`].
    pub fn list(&self, heap: &Heap) -> u64 {
        let run = || Type::Tuple(vec![Type::Int, Type::Int]);
        let ty = if self.plain { Type::Int } else { run() };
        // SAFETY: the slots of integers, or of pairs of them.
        unsafe { heap.list(&ty, self.slots.len() / ty.slots(), &self.slots) }
    }
}

fn runs(slots: &[u64]) -> impl Iterator<Item = i64> {
    let run = |run: &[u64]| std::iter::repeat_n(run[0] as i64, run[1] as usize);
    slots.chunks_exact(2).flat_map(run)
}

/// The type of what is in a list of type [`Type::Runs`].
pub(crate) fn item(list: &List) -> Type {
    match is_in_runs(list) {
        true => Type::Tuple(vec![Type::Int, Type::Int]),
        false => Type::Int,
    }
}

/// Whether a list is in runs.
fn is_in_runs(list: &List) -> bool {
    list.item_width() == 2
}

/// The values of a list of type [`Type::Runs`].
///
/// # Safety
/// The slot must be that of such a list, alive.
pub unsafe fn values<'a>(slot: u64) -> Box<dyn Iterator<Item = i64> + 'a> {
    // SAFETY: the caller's promise.
    let (list, slots) = unsafe {
        let list = &*(slot as *const List);
        (list, list.slots())
    };
    match is_in_runs(list) {
        true => Box::new(runs(slots)),
        false => Box::new(slots.iter().map(|&value| value as i64)),
    }
}

/// Calls `f` with the slots of lists of type `list[int]`, which are made of those in runs.
///
/// # Safety
/// The slots must be those of lists of integers, in runs or not, alive.
pub unsafe fn listed<T>(lists: &[u64], f: impl FnOnce(&[u64]) -> T) -> T {
    // SAFETY: the caller's promise.
    let in_runs = |slot: &u64| unsafe { is_in_runs(&*(*slot as *const List)) };
    if !lists.iter().any(in_runs) {
        return f(lists);
    }
    let expanded = |slot: &u64| -> Option<Vec<u64>> {
        // SAFETY: the caller's promise.
        in_runs(slot).then(|| unsafe { values(*slot) }.map(|value| value as u64).collect())
    };
    let data: Vec<Option<Vec<u64>>> = lists.iter().map(expanded).collect();
    let made: Vec<Option<List>> =
        data.iter().map(|data| data.as_ref().map(|data| List::of(data, data.len(), 1))).collect();
    let slot = |(list, &slot): (&Option<List>, &u64)| match list {
        Some(list) => std::ptr::from_ref(list) as u64,
        None => slot,
    };
    let slots: Vec<u64> = made.iter().zip(lists).map(slot).collect();
    f(&slots)
}

/// The digest of some lists.
///
/// # Safety
/// The slots must be those of lists of integers, in runs or not, alive.
pub unsafe fn of(lists: impl IntoIterator<Item = u64>) -> [u64; SLOTS] {
    let (mut count, mut sum, mut least, mut most) = (0_u64, 0_i128, i64::MAX, i64::MIN);
    let mut add = |value: u64, times: u64| {
        let value = value as i64;
        count += times;
        // Fewer than 2^63 values of 64 bits do not outgrow 128.
        sum = sum.wrapping_add(i128::from(value) * i128::from(times));
        (least, most) = (least.min(value), most.max(value));
    };
    for slot in lists {
        // SAFETY: the caller's promise.
        let (list, slots) = unsafe {
            let list = &*(slot as *const List);
            (list, list.slots())
        };
        match is_in_runs(list) {
            true => slots.chunks_exact(2).for_each(|run| add(run[0], run[1])),
            false => slots.iter().for_each(|&value| add(value, 1)),
        }
    }
    match count {
        0 => [0; SLOTS],
        _ => [count, sum as u64, (sum >> 64) as u64, least as u64, most as u64],
    }
}

impl Gen<'_> {
    /// What a function that consumes gives for a digest; `None` for other functions.
    pub(crate) fn asked_of_digest(&mut self, name: &str, digest: &Value) -> Option<Value> {
        let [count, low, high, least, most] = *digest.slots.as_slice() else { return None };
        let number = match name {
            "len" => count,
            "sum" => {
                let sign = self.b.ins().sshr_imm(low, 63);
                let large = self.b.ins().icmp(IntCC::NotEqual, high, sign);
                self.deopt_if(large, Cause::Unsure);
                low
            }
            "min" | "max" => {
                let none = self.b.ins().icmp_imm(IntCC::Equal, count, 0);
                self.raise_if(none, Raised::Value);
                if name == "min" { least } else { most }
            }
            _ => return None,
        };
        Some(Value::new(Type::Int, vec![number]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integers(values: &[i64]) -> Integers {
        let mut all = Integers::default();
        values.iter().for_each(|&value| all.push(value));
        all
    }

    #[test]
    fn integers_come_out_as_they_went_in() {
        let different: Vec<i64> = (0..1000).collect();
        let alike = [vec![5; 500], vec![-1; 3], vec![i64::MIN; 700]].concat();
        let late = [vec![1; 100], (0..300).collect()].concat();
        for (values, plain) in [(vec![], false), (different, true), (alike, false), (late, true)] {
            let all = integers(&values);
            assert_eq!(all.plain, plain);
            assert_eq!(all.iter().collect::<Vec<_>>(), values);
            let heap = Heap::default();
            let slot = all.list(&heap);
            // SAFETY: a list of the heap.
            unsafe {
                assert_eq!(super::values(slot).collect::<Vec<_>>(), values);
                let listed = listed(&[slot, slot], |lists| {
                    let items = |&list: &u64| crate::list_items(list).0.to_vec();
                    lists.iter().flat_map(items).map(|item| item as i64).collect::<Vec<_>>()
                });
                assert_eq!(listed, [values.as_slice(), &values].concat());
            }
        }
    }

    #[test]
    fn a_digest_is_that_of_all_lists() {
        let (low, high) = (i64::MIN, i64::MAX);
        let cases: [&[&[i64]]; 4] =
            [&[], &[&[7]], &[&[-1, -1, -1], &[4]], &[&[low, low], &[high, low, 3], &[low; 90]]];
        for case in cases {
            let heap = Heap::default();
            let lists: Vec<u64> = case.iter().map(|values| integers(values).list(&heap)).collect();
            // SAFETY: lists of the heap.
            let [count, low, high, least, most] = unsafe { of(lists) };
            let values = case.concat();
            let sum = i128::from(high as i64) << 64 | i128::from(low);
            assert_eq!(count as usize, values.len());
            assert_eq!(sum, values.iter().map(|&value| i128::from(value)).sum::<i128>());
            assert_eq!(least as i64, values.iter().min().copied().unwrap_or(0));
            assert_eq!(most as i64, values.iter().max().copied().unwrap_or(0));
        }
    }
}
