//! What compiled code calls for lists: items in and out, slices, search, order.

use std::cmp::Ordering;

use super::{DONE, FRESH, List, RAISES, Rows, UNSURE, bytes, new_list, push_slots};
use crate::types::Type;

/// Bytes of lists after which a row is CPython's, which can say that memory is short.
pub(super) const MOST_BYTES: usize = 1 << 28;

/// Whether the row may change a list: nobody else reads it, and no record holds a copy of it.
fn is_own(list: &List) -> bool {
    list.state == FRESH
}

/// All slots of a list, to be changed.
///
/// # Safety
/// The list must be alive, and the row own it.
unsafe fn slots_of_mut<'a>(list: &mut List) -> &'a mut [u64] {
    // SAFETY: `data` holds the slots of `len` items by the list's invariant; nothing else runs on the row.
    unsafe { std::slice::from_raw_parts_mut(list.data, (list.len * list.width) as usize) }
}

fn width_of(list: &List) -> usize {
    // Items without slots (all `None`) have no chunks; none of the loops below looks into them.
    list.width as usize
}

/// Makes an empty list one of items of that width.
fn widen(list: &mut List, width: usize) {
    if list.width != width as u64 {
        list.width = width as u64;
        list.capacity = 0;
    }
}

/// Whether an index, counted from the end if it is negative, is that of an item.
fn place(list: &List, index: i64) -> Option<usize> {
    let at = if index < 0 { index.saturating_add(list.len as i64) } else { index };
    usize::try_from(at).ok().filter(|&at| at < list.len as usize)
}

/// How two values compare; `None` where CPython might raise, or where it matters whether they are one object.
fn compared(ty: &Type, a: &[u64], b: &[u64]) -> Option<Ordering> {
    Some(match ty {
        Type::None | Type::Never | Type::DateTime | Type::Match(_) => return None,
        Type::Record(_) | Type::Json(_) => return None,
        Type::Parts(_) | Type::Runs | Type::Digest => return None,
        Type::Bool | Type::Int => (a[0] as i64).cmp(&(b[0] as i64)),
        Type::Float => f64::from_bits(a[0]).partial_cmp(&f64::from_bits(b[0]))?,
        // SAFETY: slots of a string are those of one that lives.
        Type::Str => unsafe { text(a).cmp(text(b)) },
        Type::Option(inner) => match (a[0], b[0]) {
            (0, _) | (_, 0) => return None,
            _ => return compared(inner, &a[1..], &b[1..]),
        },
        Type::Tuple(items) => {
            let mut at = 0;
            for item in items {
                let end = at + item.slots();
                let (x, y) = (&a[at..end], &b[at..end]);
                if differ(item, x, y)? {
                    return compared(item, x, y);
                }
                at = end;
            }
            Ordering::Equal
        }
        Type::List(item) => {
            // SAFETY: a slot of a list holds the address of one that lives.
            let (x, y) = unsafe { (&*(a[0] as *const List), &*(b[0] as *const List)) };
            for at in 0..x.len.min(y.len) {
                let (x, y) = (item_of(x, at), item_of(y, at));
                if differ(item, x, y)? {
                    return compared(item, x, y);
                }
            }
            x.len.cmp(&y.len)
        }
    })
}

/// Whether two values are not equal; `None` where it matters whether they are one object.
fn differ(ty: &Type, a: &[u64], b: &[u64]) -> Option<bool> {
    Some(match ty {
        Type::None | Type::Never => false,
        Type::Float => {
            let (x, y) = (f64::from_bits(a[0]), f64::from_bits(b[0]));
            if x.is_nan() && y.is_nan() {
                return None;
            }
            x != y
        }
        Type::Option(inner) => match (a[0], b[0]) {
            (0, 0) => false,
            (0, _) | (_, 0) => true,
            _ => return differ(inner, &a[1..], &b[1..]),
        },
        Type::Tuple(items) => {
            let mut at = 0;
            for item in items {
                let end = at + item.slots();
                if differ(item, &a[at..end], &b[at..end])? {
                    return Some(true);
                }
                at = end;
            }
            false
        }
        Type::List(item) => {
            // SAFETY: a slot of a list holds the address of one that lives.
            let (x, y) = unsafe { (&*(a[0] as *const List), &*(b[0] as *const List)) };
            if x.len != y.len {
                return Some(true);
            }
            for at in 0..x.len {
                if differ(item, item_of(x, at), item_of(y, at))? {
                    return Some(true);
                }
            }
            false
        }
        _ => compared(ty, a, b)? != Ordering::Equal,
    })
}

/// The slots of an item that is there.
fn item_of<'a>(list: &List, at: u64) -> &'a [u64] {
    // SAFETY: the list is one that lives, and the caller's index that of an item.
    unsafe { list.item(at as usize) }
}

/// # Safety
/// The slots must be those of a string that lives.
unsafe fn text<'a>(slots: &[u64]) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { bytes(slots[0] as *const u8, slots[1] as usize) }
}

/// The items of a list that equal a value: the first, or how many; `None` if unsure.
///
/// # Safety
/// The list must live; the value must have the slots of `ty`.
unsafe fn found(list: &List, ty: &Type, item: *const u64, all: bool) -> Option<Vec<usize>> {
    // SAFETY: the caller's promise.
    let item = unsafe { std::slice::from_raw_parts(item, ty.slots()) };
    let mut places = Vec::new();
    for at in 0..list.len {
        if !differ(ty, item_of(list, at), item)? {
            places.push(at as usize);
            if !all {
                break;
            }
        }
    }
    Some(places)
}

/// Puts items in the order of their keys, equal ones as they were; `None` if some cannot be compared.
///
/// In whichever order items are compared, neighbours of the result are: so CPython comes to a `None` beside a value
/// if this does. What it makes of a nan depends on the order, so none may be there.
fn sorted(ty: &Type, keys: &[u64], count: usize, reverse: bool) -> Option<Vec<usize>> {
    let width = ty.slots();
    let key = |at: usize| &keys[at * width..(at + 1) * width];
    let mut places: Vec<usize> = (0..count).collect();
    if count > 1 {
        places.iter().try_for_each(|&at| compared(ty, key(at), key(at)).map(drop))?;
    }
    let order = |&a: &usize, &b: &usize| {
        let order = compared(ty, key(a), key(b))?;
        Some(if reverse { order.reverse() } else { order })
    };
    merge_sort(&mut places, &order)?;
    Some(places)
}

/// Sorts, equal items as they were, until two cannot be compared.
///
/// The sorts of the standard library may panic then.
fn merge_sort<T: Copy>(items: &mut [T], order: &impl Fn(&T, &T) -> Option<Ordering>) -> Option<()> {
    let middle = items.len() / 2;
    if middle == 0 {
        return Some(());
    }
    let (left, right) = items.split_at_mut(middle);
    merge_sort(left, order)?;
    merge_sort(right, order)?;
    if order(&left[middle - 1], &right[0])? != Ordering::Greater {
        return Some(());
    }
    let left = left.to_vec();
    let (mut from, mut next, mut to) = (0, middle, 0);
    while from < left.len() {
        if next < items.len() && order(&left[from], &items[next])? == Ordering::Greater {
            items[to] = items[next];
            next += 1;
        } else {
            items[to] = left[from];
            from += 1;
        }
        to += 1;
    }
    Some(())
}

// SAFETY for every block below: addresses come from compiled code, which passes the run's own state, lists and
// values of the row in hand, types that live as long as the code, and stack slots large enough for the result.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// A list with no item yet.
        fn list_new(rows: *mut Rows<'_>, width: usize) -> *mut List {
            new_list(unsafe { &(*rows).lists }, 4, width)
        }

        /// `list.append`.
        fn list_push(rows: *mut Rows<'_>, list: *mut List, item: *const u64, width: usize) -> u32 {
            let (rows, list) = unsafe { (&*rows, &mut *list) };
            let full = list.len == list.capacity;
            if !is_own(list) || (full && rows.lists.allocated_bytes() > MOST_BYTES) {
                return UNSURE;
            }
            widen(list, width);
            push_slots(&rows.lists, list, unsafe { std::slice::from_raw_parts(item, width) });
            DONE
        }

        /// `list.insert`.
        fn list_insert(rows: *mut Rows<'_>, list: *mut List, index: i64, item: *const u64, width: usize) -> u32 {
            let status = list_push(rows, list, item, width);
            if status == DONE {
                let list = unsafe { &mut *list };
                let last = list.len as i64 - 1;
                let at = if index < 0 { index.saturating_add(last) } else { index }.clamp(0, last);
                let slots = unsafe { slots_of_mut(list) };
                slots[at as usize * width..].rotate_right(width);
            }
            status
        }

        /// `list.pop`.
        fn list_pop(list: *mut List, index: i64, out: *mut u64) -> u32 {
            let list = unsafe { &mut *list };
            if !is_own(list) {
                return UNSURE;
            }
            let Some(at) = place(list, index) else { return RAISES };
            let width = width_of(list);
            let slots = unsafe { slots_of_mut(list) };
            slots[at * width..].rotate_left(width);
            let item = &slots[slots.len() - width..];
            unsafe { std::ptr::copy_nonoverlapping(item.as_ptr(), out, width) };
            list.len -= 1;
            DONE
        }

        /// `list[index] = item`.
        fn list_set(list: *mut List, index: i64, item: *const u64) -> u32 {
            let list = unsafe { &mut *list };
            if !is_own(list) {
                return UNSURE;
            }
            let Some(at) = place(list, index) else { return RAISES };
            let width = width_of(list);
            unsafe { std::ptr::copy_nonoverlapping(item, list.data.add(at * width), width) };
            DONE
        }

        /// `list.extend(other)`.
        fn list_extend(rows: *mut Rows<'_>, list: *mut List, other: *const List) -> u32 {
            // It may be the same list, which grows while it is read.
            let (count, width) = unsafe { ((*other).len, (*other).width as usize) };
            for at in 0..count as usize {
                let item = unsafe { (*other).data.add(at * width) };
                let status = list_push(rows, list, item, width);
                if status != DONE {
                    return status;
                }
            }
            if unsafe { is_own(&*list) } { DONE } else { UNSURE }
        }

        /// `list * times`.
        fn list_repeat(rows: *mut Rows<'_>, list: *const List, times: i64, out: *mut u64) -> u32 {
            let (run, list) = unsafe { (&*rows, &*list) };
            let times = times.max(0) as usize;
            let slots = (list.len as usize).checked_mul(times).and_then(|n| n.checked_mul(list.width as usize));
            if slots.is_none_or(|slots| slots > MOST_BYTES / 8) || times > MOST_BYTES {
                return UNSURE;
            }
            let made = new_list(&run.lists, list.len as usize * times, list.width as usize);
            for _ in 0..times {
                let status = list_extend(rows, made, list);
                if status != DONE {
                    return status;
                }
            }
            unsafe { *out = made as u64 };
            DONE
        }

        /// `list.reverse`.
        fn list_reverse(list: *mut List) -> u32 {
            let list = unsafe { &mut *list };
            if !is_own(list) {
                return UNSURE;
            }
            let width = width_of(list);
            let slots = unsafe { slots_of_mut(list) };
            slots.reverse();
            if width > 1 {
                slots.chunks_exact_mut(width).for_each(<[u64]>::reverse);
            }
            DONE
        }

        /// `list.clear`.
        fn list_clear(list: *mut List) -> u32 {
            let list = unsafe { &mut *list };
            if !is_own(list) {
                return UNSURE;
            }
            list.len = 0;
            DONE
        }

        /// `list.index`.
        fn list_index(list: *const List, ty: *const Type, item: *const u64, out: *mut u64) -> u32 {
            match unsafe { found(&*list, &*ty, item, false) } {
                None => UNSURE,
                Some(places) => match places.first() {
                    None => RAISES,
                    Some(&at) => {
                        unsafe { *out = at as u64 };
                        DONE
                    }
                },
            }
        }

        /// `list.count`.
        fn list_count(list: *const List, ty: *const Type, item: *const u64, out: *mut u64) -> u32 {
            match unsafe { found(&*list, &*ty, item, true) } {
                None => UNSURE,
                Some(places) => {
                    unsafe { *out = places.len() as u64 };
                    DONE
                }
            }
        }

        /// `list.remove`.
        fn list_remove(list: *mut List, ty: *const Type, item: *const u64, out: *mut u64) -> u32 {
            let status = list_index(list, ty, item, out);
            if status != DONE {
                return status;
            }
            let width = width_of(unsafe { &*list });
            let mut gone = vec![0; width];
            list_pop(list, unsafe { *out } as i64, gone.as_mut_ptr())
        }

        /// `list.sort`, by keys that may be the list itself.
        fn list_sort(rows: *mut Rows<'_>, keys: *const List, list: *mut List, ty: *const Type, reverse: i64) -> u32 {
            let (keys, ty) = unsafe { ((*keys).slots(), &*ty) };
            let list = unsafe { &mut *list };
            if !is_own(list) || unsafe { (*rows).lists.allocated_bytes() } > MOST_BYTES {
                return UNSURE;
            }
            let Some(places) = sorted(ty, keys, list.len as usize, reverse != 0) else {
                return UNSURE;
            };
            let width = width_of(list);
            let slots = unsafe { slots_of_mut(list) };
            let before = slots.to_vec();
            for (to, from) in places.into_iter().enumerate() {
                let item = &before[from * width..(from + 1) * width];
                slots[to * width..(to + 1) * width].copy_from_slice(item);
            }
            DONE
        }

        /// -1, 0 or 1 as two values compare.
        fn order(ty: *const Type, a: *const u64, b: *const u64, out: *mut u64) -> u32 {
            let ty = unsafe { &*ty };
            let (a, b) = unsafe { (std::slice::from_raw_parts(a, ty.slots()), std::slice::from_raw_parts(b, ty.slots())) };
            let Some(order) = compared(ty, a, b) else { return UNSURE };
            unsafe { *out = order as i64 as u64 };
            DONE
        }

        /// 0 if two values are equal, 1 if not.
        fn differ_in_value(ty: *const Type, a: *const u64, b: *const u64, out: *mut u64) -> u32 {
            let ty = unsafe { &*ty };
            let (a, b) = unsafe { (std::slice::from_raw_parts(a, ty.slots()), std::slice::from_raw_parts(b, ty.slots())) };
            let Some(other) = differ(ty, a, b) else { return UNSURE };
            unsafe { *out = u64::from(other) };
            DONE
        }
    }
}

pub(super) use calls::symbols;
