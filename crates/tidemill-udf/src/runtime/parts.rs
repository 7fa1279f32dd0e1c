//! What compiled code calls for lists in parts.

use super::List;

// SAFETY for every block below: addresses come from compiled code, which has them from its caller: a list of
// lists, all alive.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    /// The parts of a list.
    unsafe fn parts<'a>(list: *const List) -> impl DoubleEndedIterator<Item = &'a List> {
        unsafe { (*list).slots() }.iter().map(|&slot| unsafe { &*(slot as *const List) })
    }

    helpers! {
        /// `len(list)`.
        fn parts_length(list: *const List) -> u64 {
            unsafe { parts(list) }.map(|part| part.len).sum()
        }

        /// The address of the item at an index, which may count from the end; 0 if there is none.
        fn parts_item(list: *const List, index: i64) -> u64 {
            let mut left = if index < 0 { index.unsigned_abs() - 1 } else { index as u64 };
            let item = |part: &List, at: u64| unsafe { part.item(at as usize) }.as_ptr() as u64;
            let mut skip = |part: &&List| {
                let skipped = part.len <= left;
                left -= if skipped { part.len } else { 0 };
                skipped
            };
            if index < 0 {
                let part = unsafe { parts(list) }.rev().find(|part| !skip(part));
                return part.map_or(0, |part| item(part, part.len - 1 - left));
            }
            let part = unsafe { parts(list) }.find(|part| !skip(part));
            part.map_or(0, |part| item(part, left))
        }
    }
}

pub(crate) use calls::symbols;

#[cfg(test)]
mod tests {
    use super::calls::{parts_item, parts_length};
    use super::*;

    #[test]
    fn items_are_found_from_both_ends_of_all_parts() {
        let slots = [vec![1, 2], vec![], vec![3], vec![4, 5, 6]];
        let lists: Vec<List> = slots.iter().map(|part| List::of(part, part.len(), 1)).collect();
        let parts: Vec<u64> = lists.iter().map(|list| std::ptr::from_ref(list) as u64).collect();
        let all = List::of(&parts, parts.len(), 1);
        assert_eq!(parts_length(&all), 6);
        for index in -6..6_i64 {
            let address = parts_item(&all, index) as *const u64;
            // SAFETY: the address of an item.
            assert_eq!(unsafe { *address }, index.rem_euclid(6) as u64 + 1);
        }
        for index in [-7, 6, i64::MIN, i64::MAX] {
            assert_eq!(parts_item(&all, index), 0);
        }
    }
}
