//! Walks over whole dynamic values: copies for records, and counts of what they look like.

use super::json::{DEEPEST, Node};
use super::{EMITTED, FRESH, List, Rows};
use crate::shape::{Kind, Profile, Shape};
use crate::types::Type;

/// A copy that lives as long as the run. `None` if a record of this row has a part of it already: in Python
/// both records would share that part, and a later change would show in both.
pub(crate) fn copy(rows: &Rows<'_>, value: Node, depth: usize) -> Option<Node> {
    let copied = match value.kind() {
        Kind::Other => return None,
        Kind::List => Node::list(copy_items(rows, value.items(), 0, depth)?),
        Kind::Dict => Node::dict(copy_items(rows, value.items(), 2, depth)?),
        _ => value,
    };
    Some(copied)
}

/// A copy of a list whose items have a value from slot `first` on.
fn copy_items(rows: &Rows<'_>, list: &mut List, first: usize, depth: usize) -> Option<*mut List> {
    if depth == DEEPEST {
        return None;
    }
    let made = copy_flat(rows, list)?;
    // SAFETY: nobody else has the copy yet.
    let slots = unsafe {
        let made = &mut *made;
        std::slice::from_raw_parts_mut(made.data, (made.len * made.width) as usize)
    };
    // A list that never had an item has no width.
    for item in slots.chunks_exact_mut((list.width as usize).max(1)) {
        let copied = copy(rows, Node::new(item[first], item[first + 1]), depth + 1)?;
        item[first..].copy_from_slice(&copied.slots());
    }
    Some(made)
}

/// A copy of a list whose items are wholly in their slots, as [`copy`].
pub(crate) fn copy_flat(rows: &Rows<'_>, list: &mut List) -> Option<*mut List> {
    match list.state {
        EMITTED => return None,
        FRESH => list.state = EMITTED,
        _ => {}
    }
    let data = rows.arena.alloc_slice_copy(list.all());
    let (len, width) = (list.len as usize, list.width as usize);
    Some(rows.arena.alloc(List::of(data, len, width)))
}

/// A record's lists and dicts as ones that the row has made, which it may change and emit.
///
/// # Safety
/// The slots must be those of a value of `ty`, and what they point to alive.
pub(crate) unsafe fn refresh(rows: &Rows<'_>, ty: &Type, slots: &mut [u64]) {
    match ty {
        // SAFETY: the caller's promise, for each item and for the value that is there.
        Type::Tuple(items) => unsafe { refresh_each(rows, items.iter(), slots) },
        // SAFETY: as above.
        Type::Record(fields) => unsafe {
            refresh_each(rows, fields.iter().map(|(_, field)| field), slots);
        },
        // SAFETY: as above.
        Type::Option(value) if slots[0] != 0 => unsafe { refresh(rows, value, &mut slots[1..]) },
        // SAFETY: the slot is a list's.
        Type::List(item) => unsafe {
            let list = &*(slots[0] as *const List);
            slots[0] = refreshed(rows, item, list) as u64;
        },
        Type::Json(_) => {
            let value = Node::new(slots[0], slots[1]);
            let item = match value.kind() {
                Kind::List => Type::Json(Shape::default()),
                Kind::Dict => dict_entry(),
                _ => return,
            };
            // SAFETY: the items of a list or dict are of this type.
            slots[1] = unsafe { refreshed(rows, &item, value.items()) } as u64;
        }
        _ => {}
    }
}

/// # Safety
/// As for [`refresh`].
unsafe fn refresh_each<'t>(
    rows: &Rows<'_>,
    types: impl Iterator<Item = &'t Type>,
    slots: &mut [u64],
) {
    let mut at = 0;
    for ty in types {
        // SAFETY: the caller's promise.
        unsafe { refresh(rows, ty, &mut slots[at..at + ty.slots()]) };
        at += ty.slots();
    }
}

/// # Safety
/// As for [`refresh`], for each item.
unsafe fn refreshed(rows: &Rows<'_>, item: &Type, list: &List) -> *mut List {
    let width = item.slots();
    let made = rows.lists.alloc_slice_copy(list.all());
    for slots in made.chunks_exact_mut(width.max(1)) {
        // SAFETY: the caller's promise.
        unsafe { refresh(rows, item, slots) };
    }
    let list = List::of(made, list.len as usize, width);
    rows.lists.alloc(List { state: FRESH, ..list })
}

/// The type of a dict's entries.
pub(crate) fn dict_entry() -> Type {
    Type::Tuple(vec![Type::Str, Type::Json(Shape::default())])
}

/// Counts what a value looks like, and all that it holds.
pub(crate) fn profile(profile_of: &mut Profile, value: Node) {
    profile_of.see(value.kind());
    match value.kind() {
        Kind::List => {
            for item in value.items().nodes() {
                profile(profile_of.items(), item);
            }
        }
        Kind::Dict => {
            for (key, held) in value.items().entries() {
                if let Some(field) = std::str::from_utf8(key).ok().and_then(|k| profile_of.field(k))
                {
                    profile(field, held);
                }
            }
        }
        _ => {}
    }
}
