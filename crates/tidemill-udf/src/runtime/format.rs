//! Values as text: f-strings, `%`, `str.format`, `format`, `str` and `repr`, all by a template that is made
//! when the code is.

use super::number::{Text, put_float};
use super::unicode::{count, is_printable, is_settled};
use super::*;
use crate::spec::{Align, Spec};
use crate::types::Type;

/// What to do to a value before its specification counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// `str(value)`.
    Str,
    /// `repr(value)`.
    Repr,
    /// The whole part of a number, as `%d` takes it.
    Whole,
}

/// A value's place in a template.
pub(crate) struct Field {
    /// Its type.
    pub(crate) ty: Type,
    /// Its first slot among those of all values.
    pub(crate) first: usize,
    pub(crate) conversion: Option<Conversion>,
    /// No specification is `str(value)`.
    pub(crate) spec: Option<Spec>,
}

/// A part of a template.
pub(crate) enum Piece {
    Text(String),
    Field(Field),
}

/// Pieces, one after the other.
pub(crate) struct Template(pub(crate) Vec<Piece>);

/// The type of a value after a conversion.
pub(crate) fn converted(ty: &Type, conversion: Option<Conversion>) -> &Type {
    match conversion {
        Some(Conversion::Str | Conversion::Repr) => &Type::Str,
        Some(Conversion::Whole) if *ty == Type::Float => &Type::Int,
        _ => ty,
    }
}

/// Whether values of a type have a text that native code knows.
pub(crate) fn is_shown(ty: &Type) -> bool {
    match ty {
        Type::None | Type::Never | Type::Bool | Type::Int | Type::Float | Type::Str => true,
        Type::Tuple(items) => items.iter().all(is_shown),
        Type::List(item) | Type::Option(item) => is_shown(item),
        #[allow(unreachable_patterns, reason = "types that come later are not shown")]
        _ => false,
    }
}

/// What is not certain.
struct Unsure;

type Put = std::result::Result<(), Unsure>;

impl Template {
    /// Appends its text for values in `slots`.
    ///
    /// # Safety
    /// The slots must be those of values of the fields' types.
    unsafe fn put(&self, out: &mut Vec<u8>, slots: &[u64]) -> Put {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                // SAFETY: the caller's promise.
                Piece::Field(field) => unsafe { field.put(out, &slots[field.first..])? },
            }
        }
        Ok(())
    }

    /// The number of slots that it reads.
    fn slots(&self) -> usize {
        let end = |piece: &Piece| match piece {
            Piece::Text(_) => 0,
            Piece::Field(field) => field.first + field.ty.slots(),
        };
        self.0.iter().map(end).max().unwrap_or(0)
    }
}

impl Field {
    /// # Safety
    /// As for [`Template::put`].
    unsafe fn put(&self, out: &mut Vec<u8>, slots: &[u64]) -> Put {
        let (mut ty, mut slots) = (&self.ty, slots);
        while let (Type::Option(inner), Some(_)) = (ty, &self.spec)
            && self.conversion.is_none_or(|conversion| conversion == Conversion::Whole)
        {
            // None takes no specification.
            if slots[0] == 0 {
                return Err(Unsure);
            }
            (ty, slots) = (inner, &slots[1..]);
        }
        let whole;
        if self.conversion == Some(Conversion::Whole) && *ty == Type::Float {
            whole = [whole_part(f64::from_bits(slots[0])).ok_or(Unsure)? as u64];
            (ty, slots) = (&Type::Int, &whole);
        }
        let Some(spec) = &self.spec else {
            let shows = if self.conversion == Some(Conversion::Repr) { put_repr } else { put_str };
            // SAFETY: the caller's promise.
            return unsafe { shows(out, ty, slots) };
        };
        let start = out.len();
        match (self.conversion, ty) {
            // SAFETY: the caller's promise.
            (Some(Conversion::Repr), _) => unsafe { put_repr(out, ty, slots)? },
            // SAFETY: as above.
            (Some(Conversion::Str), _) | (_, Type::Str) => unsafe { put_str(out, ty, slots)? },
            (_, Type::Float) => return put_float_by(out, spec, f64::from_bits(slots[0])),
            _ => return put_int_by(out, spec, slots[0] as i64),
        }
        let text = out.split_off(start);
        put_padded(out, spec, &text);
        Ok(())
    }
}

fn whole_part(value: f64) -> Option<i64> {
    // The limits of 64 bits as floats.
    (value > -9.2e18 && value < 9.2e18).then_some(value as i64)
}

/// Appends `str(value)`.
///
/// # Safety
/// The slots must be those of a value of `ty`.
unsafe fn put_str(out: &mut Vec<u8>, ty: &Type, slots: &[u64]) -> Put {
    match ty {
        Type::Str => {
            // SAFETY: the caller's promise.
            out.extend_from_slice(unsafe { bytes(slots[0] as *const u8, slots[1] as usize) });
            Ok(())
        }
        Type::Option(inner) if slots[0] != 0 => {
            // SAFETY: the caller's promise holds for the value that is there.
            unsafe { put_str(out, inner, &slots[1..]) }
        }
        // SAFETY: the caller's promise.
        _ => unsafe { put_repr(out, ty, slots) },
    }
}

/// Appends `repr(value)`.
///
/// # Safety
/// As for [`put_str`].
unsafe fn put_repr(out: &mut Vec<u8>, ty: &Type, slots: &[u64]) -> Put {
    match ty {
        Type::Bool => out.extend_from_slice(if slots[0] != 0 { b"True" } else { b"False" }),
        Type::Int => put_int(out, slots[0] as i64),
        Type::Float => put_float(out, f64::from_bits(slots[0])),
        Type::Str => {
            // SAFETY: the caller's promise.
            let text = unsafe { text(slots[0] as *const u8, slots[1] as usize) };
            return put_quoted(out, text);
        }
        Type::Option(inner) if slots[0] != 0 => {
            // SAFETY: the caller's promise holds for the value that is there.
            return unsafe { put_repr(out, inner, &slots[1..]) };
        }
        Type::Tuple(items) => {
            out.push(b'(');
            let mut at = 0;
            for (i, item) in items.iter().enumerate() {
                put_comma(out, i);
                // SAFETY: the caller's promise holds for each item.
                unsafe { put_repr(out, item, &slots[at..])? };
                at += item.slots();
            }
            out.extend_from_slice(if items.len() == 1 { b",)" } else { b")" });
        }
        Type::List(item) => {
            out.push(b'[');
            // SAFETY: the slot is a list's address, and the list holds what it says.
            let (list, width) = unsafe { (&*(slots[0] as *const List), item.slots()) };
            for i in 0..list.len as usize {
                put_comma(out, i);
                // SAFETY: as above, and the item is below the list's length.
                let slots = unsafe { std::slice::from_raw_parts(list.data.add(i * width), width) };
                // SAFETY: the caller's promise holds for each item.
                unsafe { put_repr(out, item, slots)? };
            }
            out.push(b']');
        }
        _ => out.extend_from_slice(b"None"),
    }
    Ok(())
}

fn put_comma(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.extend_from_slice(b", ");
    }
}

fn put_int(out: &mut Vec<u8>, value: i64) {
    let mut room = [0; 20];
    let mut at = room.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        room[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&room[at..]);
}

/// `repr` of a string whose characters are settled.
fn put_quoted(out: &mut Vec<u8>, text: &str) -> Put {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote as u8);
    for c in text.chars() {
        match c {
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\\' => out.extend_from_slice(b"\\\\"),
            c if c == quote => out.extend_from_slice(&[b'\\', quote as u8]),
            c if !is_settled(c) => return Err(Unsure),
            c if !is_printable(c) => {
                out.extend_from_slice(format!("\\x{:02x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(quote as u8);
    Ok(())
}

fn put_fill(out: &mut Vec<u8>, fill: char, number: usize) {
    for _ in 0..number {
        out.extend_from_slice(fill.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// A text in its field.
fn put_padded(out: &mut Vec<u8>, spec: &Spec, text: &[u8]) {
    let text = match spec.precision {
        Some(most) => &text[..end_of(text, most)],
        None => text,
    };
    let missing = spec.width.saturating_sub(count(text));
    let left = match spec.align {
        Some(Align::Right) => missing,
        Some(Align::Center) => missing / 2,
        _ => 0,
    };
    put_fill(out, spec.fill, left);
    out.extend_from_slice(text);
    put_fill(out, spec.fill, missing - left);
}

/// Where the first `most` characters end.
fn end_of(text: &[u8], most: usize) -> usize {
    let mut starts = text.iter().enumerate().filter(|(_, byte)| (**byte as i8) >= -0x40);
    starts.nth(most).map_or(text.len(), |(at, _)| at)
}

/// A number's parts, before they are in their field.
struct Number<'a> {
    negative: bool,
    prefix: &'static str,
    whole: &'a str,
    rest: &'a str,
}

fn put_int_by(out: &mut Vec<u8>, spec: &Spec, value: i64) -> Put {
    let size = value.unsigned_abs();
    let (prefix, whole) = match spec.kind {
        None | Some('d') => ("", size.to_string()),
        Some('b') => ("0b", format!("{size:b}")),
        Some('o') => ("0o", format!("{size:o}")),
        Some('x') => ("0x", format!("{size:x}")),
        Some('X') => ("0X", format!("{size:X}")),
        Some('c') => {
            let c = u32::try_from(value).ok().and_then(char::from_u32).ok_or(Unsure)?;
            put_fill(out, c, 1);
            return Ok(());
        }
        _ => return put_float_by(out, spec, value as f64),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    put_number(out, spec, &Number { negative: value < 0, prefix, whole: &whole, rest: "" });
    Ok(())
}

fn put_float_by(out: &mut Vec<u8>, spec: &Spec, value: f64) -> Put {
    let negative = value.is_sign_negative() && !value.is_nan();
    let text = Text::new(value.abs(), spec.kind, spec.precision);
    put_number(out, spec, &Number { negative, prefix: "", whole: &text.whole, rest: &text.rest });
    Ok(())
}

fn put_number(out: &mut Vec<u8>, spec: &Spec, number: &Number<'_>) {
    let sign = match spec.sign {
        _ if number.negative => "-",
        Some('+') => "+",
        Some(' ') => " ",
        _ => "",
    };
    let align = spec.align.unwrap_or(if spec.zeros { Align::Inside } else { Align::Right });
    let around = sign.len() + number.prefix.len() + number.rest.len();
    let least = if spec.fill == '0' && align == Align::Inside {
        spec.width.saturating_sub(around)
    } else {
        0
    };
    let whole = grouped(number.whole.as_bytes(), spec, least);
    let missing = spec.width.saturating_sub(around + whole.len());
    let (left, inside) = match align {
        Align::Left => (0, 0),
        Align::Right => (missing, 0),
        Align::Center => (missing / 2, 0),
        Align::Inside => (0, missing),
    };
    put_fill(out, spec.fill, left);
    out.extend_from_slice(sign.as_bytes());
    out.extend_from_slice(number.prefix.as_bytes());
    put_fill(out, spec.fill, inside);
    out.extend_from_slice(&whole);
    out.extend_from_slice(number.rest.as_bytes());
    put_fill(out, spec.fill, missing - left - inside);
}

/// The digits with separators and zeros before them, at least so many characters in all.
fn grouped(digits: &[u8], spec: &Spec, least: usize) -> Vec<u8> {
    if digits.is_empty() {
        return Vec::new();
    }
    let size = if matches!(spec.kind, Some('b' | 'o' | 'x' | 'X')) { 4 } else { 3 };
    let mut turned = Vec::new();
    let mut rest = digits.iter().rev();
    loop {
        match (spec.grouping, turned.len()) {
            (Some(separator), at) if at % (size + 1) == size => turned.push(separator as u8),
            _ => turned.push(rest.next().copied().unwrap_or(b'0')),
        }
        // A separator never comes first.
        let separated = spec.grouping.is_some() && turned.len() % (size + 1) == 0;
        if rest.len() == 0 && turned.len() >= least && !separated {
            break;
        }
    }
    turned.reverse();
    turned
}

// SAFETY for every block below: as in the module `calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// A template with its values.
        fn format_values(rows: *mut Rows<'_>, template: *const Template, slots: *const u64, out: *mut u64) -> u32 {
            let (rows, template) = unsafe { (&mut *rows, &*template) };
            rows.scratch.clear();
            let done = unsafe {
                let slots = std::slice::from_raw_parts(slots, template.slots());
                template.put(&mut rows.scratch, slots)
            };
            if done.is_err() {
                return UNSURE;
            }
            set_str(out, rows.arena.alloc_slice_copy(&rows.scratch));
            DONE
        }
    }
}

pub(super) use calls::symbols;
