//! Writes values as CPython's pickle (protocol 4, without memo), so that a worker reads them as it reads any
//! other block. Format: `Lib/pickletools.py` of CPython.

use crate::digest;
use crate::runtime::json::Node;
use crate::runtime::{List, NAIVE, bytes, fields};
use crate::shape::Kind;
use crate::types::Type;

/// Opens a pickled list.
pub fn begin_list(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x80\x04");
    begin_items(out);
}

/// Closes it.
pub fn end_list(out: &mut Vec<u8>) {
    end_items(out);
    out.push(b'.');
}

fn begin_items(out: &mut Vec<u8>) {
    out.extend_from_slice(b"](");
}

fn end_items(out: &mut Vec<u8>) {
    out.push(b'e');
}

/// Writes a value of `ty` from its slots.
///
/// # Safety
/// The slots must be those of a value of `ty`, and the strings they point to alive.
pub unsafe fn write(out: &mut Vec<u8>, ty: &Type, slots: &[u64]) {
    match ty {
        Type::None | Type::Never => out.push(b'N'),
        Type::Option(_) if slots[0] == 0 => out.push(b'N'),
        // SAFETY: the caller's promise holds for the value that is there.
        Type::Option(value) => unsafe { write(out, value, &slots[1..]) },
        Type::Bool => out.push(if slots[0] != 0 { 0x88 } else { 0x89 }),
        Type::Int => write_int(out, slots[0] as i64),
        Type::Float => {
            out.push(b'G');
            out.extend_from_slice(&slots[0].to_be_bytes());
        }
        // SAFETY: the slots are those of a string of the block that is running.
        Type::Str => write_str(out, unsafe { bytes(slots[0] as *const u8, slots[1] as usize) }),
        // SAFETY: the caller's promise holds for each item.
        Type::Tuple(items) => unsafe { write_tuple(out, items, slots) },
        // SAFETY: the caller's promise holds for each field.
        Type::Record(fields) => unsafe { write_record(out, fields, slots) },
        Type::Json(_) => write_node(out, Node::new(slots[0], slots[1])),
        Type::List(item) => {
            begin_items(out);
            // SAFETY: the caller's promise.
            let list = unsafe { &*(slots[0] as *const List) };
            for index in 0..list.len as usize {
                // SAFETY: the index is within the list.
                unsafe { write(out, item, list.item(index)) };
            }
            end_items(out);
        }
        Type::DateTime => write_datetime(out, slots[0] as i64, slots[1] as i64),
        Type::Runs => {
            begin_items(out);
            // SAFETY: the caller's promise.
            unsafe { digest::values(slots[0]) }.for_each(|value| write_int(out, value));
            end_items(out);
        }
        // Records never hold matches.
        Type::Match(_) | Type::Parts(_) | Type::Digest => out.push(b'N'),
    }
}

/// # Safety
/// As for [`write`].
unsafe fn write_tuple(out: &mut Vec<u8>, items: &[Type], slots: &[u64]) {
    if items.len() > 3 {
        out.push(b'(');
    }
    let mut at = 0;
    for item in items {
        // SAFETY: the caller's promise holds for each item.
        unsafe { write(out, item, &slots[at..at + item.slots()]) };
        at += item.slots();
    }
    out.push(match items.len() {
        0 => b')',
        1 => 0x85,
        2 => 0x86,
        3 => 0x87,
        _ => b't',
    });
}

/// # Safety
/// As for [`write`].
unsafe fn write_record(out: &mut Vec<u8>, fields: &[(String, Type)], slots: &[u64]) {
    out.extend_from_slice(b"}(");
    let mut at = 0;
    for (key, ty) in fields {
        write_str(out, key.as_bytes());
        // SAFETY: the caller's promise holds for each field.
        unsafe { write(out, ty, &slots[at..at + ty.slots()]) };
        at += ty.slots();
    }
    out.push(b'u');
}

/// Writes a dynamic value of a record, which is never deeper than the parser goes.
fn write_node(out: &mut Vec<u8>, value: Node) {
    match value.kind() {
        // Records never hold the last.
        Kind::None | Kind::Other => out.push(b'N'),
        Kind::Bool => out.push(if value.as_int() != 0 { 0x88 } else { 0x89 }),
        Kind::Int => write_int(out, value.as_int()),
        Kind::Float => {
            out.push(b'G');
            out.extend_from_slice(&value.as_float().to_bits().to_be_bytes());
        }
        Kind::Str => write_str(out, value.text()),
        Kind::List => {
            out.extend_from_slice(b"](");
            value.items().nodes().for_each(|item| write_node(out, item));
            out.push(b'e');
        }
        Kind::Dict => {
            out.extend_from_slice(b"}(");
            for (key, held) in value.items().entries() {
                write_str(out, key);
                write_node(out, held);
            }
            out.push(b'u');
        }
    }
}

/// Writes an integer.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    match value {
        0..=0xff => out.extend_from_slice(&[b'K', value as u8]),
        0x100..=0xffff => {
            out.push(b'M');
            out.extend_from_slice(&(value as u16).to_le_bytes());
        }
        _ if i32::try_from(value).is_ok() => {
            out.push(b'J');
            out.extend_from_slice(&(value as i32).to_le_bytes());
        }
        _ => {
            out.extend_from_slice(&[0x8a, 8]);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// `datetime.datetime` of its ten bytes, and `datetime.timezone` of the offset.
fn write_datetime(out: &mut Vec<u8>, clock: i64, offset: i64) {
    let [year, month, day, hour, minute, second, micro] = fields(clock);
    out.extend_from_slice(b"cdatetime\ndatetime\nC\x0a");
    out.extend_from_slice(&(year as u16).to_be_bytes());
    out.extend([month, day, hour, minute, second].map(|field| field as u8));
    out.extend_from_slice(&(micro as u32).to_be_bytes()[1..]);
    if offset == NAIVE {
        return out.extend_from_slice(b"\x85R");
    }
    out.extend_from_slice(b"cdatetime\ntimezone\ncdatetime\ntimedelta\n");
    write_int(out, 0);
    write_int(out, offset.div_euclid(1_000_000));
    write_int(out, offset.rem_euclid(1_000_000));
    out.extend_from_slice(b"\x87R\x85R\x86R");
}

pub(crate) fn write_str(out: &mut Vec<u8>, text: &[u8]) {
    match u8::try_from(text.len()) {
        Ok(short) => out.extend_from_slice(&[0x8c, short]),
        Err(_) => {
            out.push(0x8d);
            out.extend_from_slice(&(text.len() as u64).to_le_bytes());
        }
    }
    out.extend_from_slice(text);
}
