//! Values as bytes: for checkpoints, and between a worker and compiled code.
//!
//! By type: `None` nothing; `bool` and `int` 8 bytes; `float` its 8 bytes; `str` a `u32` length and UTF-8; a tuple its
//! items; a `datetime` 16 bytes, microseconds of its clock since 1970 and of its offset; an option 8 bytes, 0
//! or 1, and the value if there is one; a list a `u32` length and its items; a dict of known keys its values;
//! a dynamic value 8 bytes for its kind, then as its type, a dict as a list of pairs. All
//! little-endian. `tidemill.compiler.rows` writes the same.

use bumpalo::Bump;

use crate::records::list_of;
use crate::runtime::json::{as_dynamic, as_static, type_of};
use crate::runtime::{List, bytes};
use crate::shape::Kind;
use crate::types::Type;

/// Appends a value.
///
/// # Safety
/// The slots must be those of a value of `ty`, and what they point to alive.
pub unsafe fn write(out: &mut Vec<u8>, ty: &Type, slots: &[u64]) {
    match ty {
        // Records never hold matches.
        Type::None | Type::Never | Type::Match(_) | Type::Parts(_) | Type::Runs | Type::Digest => {}
        Type::DateTime => {
            for slot in &slots[..2] {
                out.extend_from_slice(&slot.to_le_bytes());
            }
        }
        Type::Bool | Type::Int | Type::Float => out.extend_from_slice(&slots[0].to_le_bytes()),
        Type::Str => {
            out.extend_from_slice(&(slots[1] as u32).to_le_bytes());
            // SAFETY: the caller's promise.
            out.extend_from_slice(unsafe { bytes(slots[0] as *const u8, slots[1] as usize) });
        }
        Type::Tuple(items) => {
            let mut at = 0;
            for item in items {
                // SAFETY: the caller's promise holds for each item.
                unsafe { write(out, item, &slots[at..at + item.slots()]) };
                at += item.slots();
            }
        }
        Type::Option(value) => {
            out.extend_from_slice(&slots[0].to_le_bytes());
            if slots[0] != 0 {
                // SAFETY: the caller's promise holds for the value that is there.
                unsafe { write(out, value, &slots[1..]) };
            }
        }
        Type::Record(fields) => {
            let mut at = 0;
            for (_, field) in fields {
                // SAFETY: the caller's promise holds for each value.
                unsafe { write(out, field, &slots[at..at + field.slots()]) };
                at += field.slots();
            }
        }
        Type::Json(_) => {
            let (ty, held) = as_static(slots);
            out.extend_from_slice(&(slots[0] & 0xff).to_le_bytes());
            // SAFETY: these are the slots of a value of the type.
            unsafe { write(out, &ty, &held) };
        }
        Type::List(item) => {
            // SAFETY: the caller's promise.
            let list = unsafe { &*(slots[0] as *const List) };
            out.extend_from_slice(&(list.len as u32).to_le_bytes());
            for index in 0..list.len as usize {
                // SAFETY: the index is within the list.
                unsafe { write(out, item, list.item(index)) };
            }
        }
    }
}

/// Reads values from bytes; what they point to is made in a heap, or is the bytes themselves.
pub struct Reader<'a> {
    data: &'a [u8],
    heap: &'a Bump,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `data`.
    pub fn new(data: &'a [u8], heap: &'a Bump) -> Reader<'a> {
        Reader { data, heap }
    }

    /// The next `N` bytes as a number; `None` if there are fewer.
    pub fn number<const N: usize>(&mut self) -> Option<u64> {
        let (bytes, rest) = self.data.split_first_chunk::<N>()?;
        self.data = rest;
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(bytes);
        Some(u64::from_le_bytes(wide))
    }

    /// Appends the slots of the next value, a value of `ty`; `None` if the bytes are not one.
    pub fn value(&mut self, ty: &Type, slots: &mut Vec<u64>) -> Option<()> {
        match ty {
            Type::None | Type::Never => {}
            // Records never hold matches.
            Type::Match(_) | Type::Parts(_) | Type::Runs | Type::Digest => return None,
            Type::DateTime => slots.extend([self.number::<8>()?, self.number::<8>()?]),
            Type::Bool | Type::Int | Type::Float => slots.push(self.number::<8>()?),
            Type::Str => {
                let length = self.number::<4>()? as usize;
                let (text, rest) = self.data.split_at_checked(length)?;
                std::str::from_utf8(text).ok()?;
                slots.extend([text.as_ptr() as u64, length as u64]);
                self.data = rest;
            }
            Type::Tuple(items) => {
                for item in items {
                    self.value(item, slots)?;
                }
            }
            Type::Option(value) => match self.number::<8>()? {
                0 => slots.extend(ty.absent()),
                there => {
                    slots.push(there);
                    self.value(value, slots)?;
                }
            },
            Type::Record(fields) => {
                for (_, field) in fields {
                    self.value(field, slots)?;
                }
            }
            Type::Json(_) => {
                let kind = *Kind::ALL.get(self.number::<8>()? as usize)?;
                let mut held = Vec::new();
                self.value(&type_of(kind), &mut held)?;
                slots.extend(as_dynamic(kind, &held));
            }
            Type::List(item) => {
                let length = self.number::<4>()? as usize;
                let mut items = Vec::new();
                for _ in 0..length {
                    self.value(item, &mut items)?;
                }
                slots.push(list_of(self.heap, item, length, &items));
            }
        }
        Some(())
    }

    /// Whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.data.is_empty()
    }
}
