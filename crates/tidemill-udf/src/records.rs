//! Records of one type that own what they point to: the block of compiled code, between its stages.
//!
//! A record is the slots of its type, side by side with the next one, which is how compiled code reads and
//! writes it. Strings and lists are in a heap that the records share.

use std::sync::Arc;

use bumpalo::Bump;

use crate::digest;
use crate::runtime::json::as_static;
use crate::runtime::{List, bytes};
use crate::types::Type;

/// Memory that values point into; written by its builder alone.
#[derive(Default)]
pub struct Heap(pub(crate) Bump);

// SAFETY: memory is only taken through a builder, which is the heap's only owner then; shared heaps are read.
unsafe impl Sync for Heap {}

impl Heap {
    /// Copies what a value points to, and points it there.
    ///
    /// # Safety
    /// The slots must be those of a value of `ty`, and what they point to alive. Until the heap is shared, only
    /// one thread may call this.
    pub unsafe fn keep(&self, ty: &Type, slots: &mut [u64]) {
        match ty {
            // Records never hold matches, nor lists in parts.
            Type::None
            | Type::Never
            | Type::Bool
            | Type::Int
            | Type::Float
            | Type::DateTime
            | Type::Parts(_)
            | Type::Digest
            | Type::Match(_) => {}
            Type::Str => {
                // SAFETY: the caller's promise.
                let text = unsafe { bytes(slots[0] as *const u8, slots[1] as usize) };
                slots[0] = self.0.alloc_slice_copy(text).as_ptr() as u64;
            }
            Type::Tuple(_) | Type::Record(_) => {
                for (part, span) in ty.spans() {
                    // SAFETY: the caller's promise holds for each part.
                    unsafe { self.keep(part, &mut slots[span]) };
                }
            }
            Type::Option(_) if slots[0] == 0 => {}
            // SAFETY: the caller's promise holds for the value that is there.
            Type::Option(value) => unsafe { self.keep(value, &mut slots[1..]) },
            Type::Json(_) => {
                let (ty, mut held) = as_static(slots);
                // SAFETY: these are the slots of a value of the type.
                unsafe { self.keep(&ty, &mut held) };
                if has_pointers(&ty) {
                    // What a dynamic value points to is in its second slot, the first of the static one.
                    slots[1] = held[0];
                }
            }
            Type::List(item) => {
                // SAFETY: the caller's promise.
                let list = unsafe { &*(slots[0] as *const List) };
                // SAFETY: as above; a list's data are the slots of its items.
                slots[0] = unsafe { self.list(item, list.len as usize, list.slots()) };
            }
            Type::Runs => {
                // SAFETY: the caller's promise.
                let list = unsafe { &*(slots[0] as *const List) };
                // SAFETY: as above; integers point to nothing.
                slots[0] =
                    unsafe { self.list(&digest::item(list), list.len as usize, list.slots()) };
            }
        }
    }

    /// Makes a list of `len` items, given as their slots; its slot.
    ///
    /// # Safety
    /// As for [`Heap::keep`], for each item.
    pub unsafe fn list(&self, item: &Type, len: usize, slots: &[u64]) -> u64 {
        let width = item.slots();
        let data = self.0.alloc_slice_copy(slots);
        if has_pointers(item) {
            for one in data.chunks_exact_mut(width) {
                // SAFETY: the caller's promise.
                unsafe { self.keep(item, one) };
            }
        }
        std::ptr::from_ref(self.0.alloc(List::of(data, len, width))) as u64
    }
}

/// Whether values of a type point to anything.
pub fn has_pointers(ty: &Type) -> bool {
    ty.any(&|ty| matches!(ty, Type::Str | Type::List(_) | Type::Runs | Type::Json(_)))
}

/// Whether two values of a type are the same to the bit, so that no function can tell them apart.
///
/// # Safety
/// The slots must be those of values of `ty`, and what they point to alive.
pub unsafe fn same_value(ty: &Type, a: &[u64], b: &[u64]) -> bool {
    match ty {
        Type::None
        | Type::Never
        | Type::Bool
        | Type::Int
        | Type::Float
        | Type::DateTime
        | Type::Parts(_)
        | Type::Runs
        | Type::Digest
        | Type::Match(_) => a == b,
        // SAFETY: the caller's promise.
        Type::Str => unsafe {
            a == b
                || bytes(a[0] as *const u8, a[1] as usize)
                    == bytes(b[0] as *const u8, b[1] as usize)
        },
        Type::Tuple(_) | Type::Record(_) => ty.spans().all(|(part, span)| {
            // SAFETY: the caller's promise holds for each part.
            unsafe { same_value(part, &a[span.clone()], &b[span]) }
        }),
        Type::Json(_) => {
            let ((ty, one), (_, other)) = (as_static(a), as_static(b));
            // SAFETY: with equal heads, both are values of the type.
            a[0] == b[0] && unsafe { same_value(&ty, &one, &other) }
        }
        Type::Option(value) => {
            // SAFETY: the caller's promise holds for the values that are there.
            a[0] == b[0] && (a[0] == 0 || unsafe { same_value(value, &a[1..], &b[1..]) })
        }
        Type::List(item) => {
            // SAFETY: the caller's promise.
            let (a, b) = unsafe { (&*(a[0] as *const List), &*(b[0] as *const List)) };
            // SAFETY: the index is within both lists.
            let same = |at| unsafe { same_value(item, a.item(at), b.item(at)) };
            a.len == b.len && (0..a.len as usize).all(same)
        }
    }
}

/// Appends the slots of a value of type `from` as one of type `to`; `None` if that cannot be.
pub fn widen(from: &Type, to: &Type, slots: &[u64], out: &mut Vec<u64>) -> Option<()> {
    match (from, to) {
        (a, b) if a.is_held_as(b) => out.extend_from_slice(slots),
        (Type::None, Type::Option(_)) => out.extend(to.absent()),
        (Type::Option(_), Type::Option(_)) if slots[0] == 0 => out.extend(to.absent()),
        (Type::Option(a), Type::Option(b)) => {
            out.push(1);
            widen(a, b, &slots[1..], out)?;
        }
        (_, Type::Option(b)) => {
            out.push(1);
            widen(from, b, slots, out)?;
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            let mut at = 0;
            for (a, b) in a.iter().zip(b) {
                widen(a, b, &slots[at..at + a.slots()], out)?;
                at += a.slots();
            }
        }
        (Type::Record(a), Type::Record(b)) if a.len() == b.len() => {
            let mut at = 0;
            for ((key, a), (other, b)) in a.iter().zip(b) {
                widen(a, b, &slots[at..at + a.slots()], out).filter(|()| key == other)?;
                at += a.slots();
            }
        }
        (Type::List(a), Type::List(_)) if **a == Type::Never => out.extend_from_slice(slots),
        _ => return None,
    }
    Some(())
}

/// The slots of a list's items, and their number.
///
/// # Safety
/// The slot must be that of a list, and the list alive.
pub unsafe fn list_items<'a>(slot: u64) -> (&'a [u64], usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let list = &*(slot as *const List);
        (list.slots(), list.len as usize)
    }
}

/// The slot of a new list of `len` items, given as their slots.
pub fn list_of(heap: &Bump, item: &Type, len: usize, slots: &[u64]) -> u64 {
    let data = heap.alloc_slice_copy(slots);
    std::ptr::from_ref(heap.alloc(List::of(data, len, item.slots()))) as u64
}

/// Key and value of a pair type.
pub fn pair_of(ty: &Type) -> Option<(&Type, &Type)> {
    match ty {
        Type::Tuple(items) => match items.as_slice() {
            [key, value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    }
}

/// Records of one type.
///
/// ```
/// use tidemill_udf::{Records, Type};
/// let mut numbers = Records::new(&Type::Int);
/// // SAFETY: these are the slots of an `int`.
/// unsafe { numbers.push(&[7]) };
/// assert_eq!((numbers.len(), numbers.get(0)), (1, &[7][..]));
/// ```
pub struct Records {
    ty: Type,
    width: usize,
    pointers: bool,
    len: usize,
    slots: Vec<u64>,
    heap: Arc<Heap>,
}

impl Records {
    /// No records of a type yet.
    pub fn new(ty: &Type) -> Records {
        let (width, pointers) = (ty.slots(), has_pointers(ty));
        Records { ty: ty.clone(), width, pointers, len: 0, slots: Vec::new(), heap: Arc::default() }
    }

    /// Records whose values are in a heap already.
    ///
    /// # Safety
    /// The slots must be those of `len` values of `ty` that point into `heap` or nowhere.
    pub unsafe fn from_parts(ty: &Type, len: usize, slots: Vec<u64>, heap: Arc<Heap>) -> Records {
        Records { len, slots, heap, ..Records::new(ty) }
    }

    /// Adds a copy of a record.
    ///
    /// # Safety
    /// The slots must be those of a value of the records' type, and what they point to alive.
    pub unsafe fn push(&mut self, record: &[u64]) {
        let at = self.slots.len();
        self.slots.extend_from_slice(record);
        if self.pointers {
            // SAFETY: the caller's promise; records that are being made are not shared yet.
            unsafe { self.heap.keep(&self.ty, &mut self.slots[at..]) };
        }
        self.len += 1;
    }

    /// Their type.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slots of a record.
    pub fn get(&self, index: usize) -> &[u64] {
        &self.slots[index * self.width..(index + 1) * self.width]
    }

    /// The slots of each record.
    pub fn iter(&self) -> impl Iterator<Item = &[u64]> {
        (0..self.len).map(|index| self.get(index))
    }

    /// Memory that they hold, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.slots.capacity() * 8 + self.heap.0.allocated_bytes()
    }
}
