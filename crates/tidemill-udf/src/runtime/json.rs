//! Dynamic values: what JSON documents hold, and the operations of Python on them whose answer is certain.
//!
//! A value has two slots. The head's low byte is its kind, the rest a string's length; the body is a number, the
//! address of a string's bytes, or that of a [`List`]: of values (2 slots) or of a dict's entries
//! (4 slots: key, value), in the dict's order. Lists and dicts are shared by their address, as in Python, and
//! live as long as their row; what a record holds is a copy ([`super::json_copy`]).

use std::borrow::Cow;

use super::float_text::write_finite;
use super::json_copy::{copy, copy_flat, dict_entry, profile};
use super::json_text::write;
use super::lists::MOST_BYTES;
use super::{DONE, FRESH, List, RAISES, Rows, UNSURE, bytes, new_list, push_slots, set_str};
use crate::shape::{Kind, Shape};
use crate::types::Type;

/// Lists and dicts deeper than this are CPython's: its stack could end.
pub(crate) const DEEPEST: usize = 64;
/// A dict that is changed is searched key by key, so one that grows beyond this is CPython's.
const LARGEST: u64 = 256;

/// A dynamic value.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    head: u64,
    body: u64,
}

impl Node {
    pub(crate) const NONE: Node = Node { head: Kind::None as u64, body: 0 };
    pub(crate) const OTHER: Node = Node { head: Kind::Other as u64, body: 0 };

    pub(crate) fn new(head: u64, body: u64) -> Node {
        Node { head, body }
    }

    pub(crate) fn bool(value: bool) -> Node {
        Node { head: Kind::Bool as u64, body: u64::from(value) }
    }

    pub(crate) fn int(value: i64) -> Node {
        Node { head: Kind::Int as u64, body: value as u64 }
    }

    pub(crate) fn float(value: f64) -> Node {
        Node { head: Kind::Float as u64, body: value.to_bits() }
    }

    pub(crate) fn str(text: &[u8]) -> Node {
        Node { head: Kind::Str as u64 | (text.len() as u64) << 8, body: text.as_ptr() as u64 }
    }

    pub(crate) fn list(list: *const List) -> Node {
        Node { head: Kind::List as u64, body: list as u64 }
    }

    pub(crate) fn dict(entries: *const List) -> Node {
        Node { head: Kind::Dict as u64, body: entries as u64 }
    }

    pub(crate) fn kind(self) -> Kind {
        Kind::ALL[(self.head & 7) as usize]
    }

    pub(crate) fn slots(self) -> [u64; 2] {
        [self.head, self.body]
    }

    pub(crate) fn as_int(self) -> i64 {
        self.body as i64
    }

    pub(crate) fn as_float(self) -> f64 {
        f64::from_bits(self.body)
    }

    /// The bytes of a string.
    pub(crate) fn text<'a>(self) -> &'a [u8] {
        // SAFETY: a string's slots hold its address and length, and it lives as long as the row.
        unsafe { bytes(self.body as *const u8, (self.head >> 8) as usize) }
    }

    /// The list or the entries of a value that has some.
    pub(crate) fn items<'a>(self) -> &'a mut List {
        // SAFETY: the body of a list or dict is the address of a list that lives as long as the row or,
        // for a record's copy, the run; compiled code is alone with it.
        unsafe { &mut *(self.body as *mut List) }
    }

    fn is_container(self) -> bool {
        matches!(self.kind(), Kind::List | Kind::Dict)
    }

    fn is_number(self) -> bool {
        matches!(self.kind(), Kind::Bool | Kind::Int | Kind::Float)
    }

    /// A number as a float, where that is exact.
    fn exact_float(self) -> Option<f64> {
        const EXACT: i64 = 1 << 53;
        match self.kind() {
            Kind::Float => Some(self.as_float()),
            Kind::Bool | Kind::Int => {
                let value = self.as_int();
                (-EXACT..=EXACT).contains(&value).then_some(value as f64)
            }
            _ => None,
        }
    }
}

impl List {
    /// All slots.
    pub(crate) fn all(&self) -> &[u64] {
        // SAFETY: whoever has a reference to a list has a living one.
        unsafe { self.slots() }
    }

    /// The values of a list.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.all().chunks_exact(2).map(|slots| Node::new(slots[0], slots[1]))
    }

    /// The entries of a dict.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&[u8], Node)> + '_ {
        self.all().chunks_exact(4).map(|slots| {
            // SAFETY: an entry begins with the slots of its key.
            let key = unsafe { bytes(slots[0] as *const u8, slots[1] as usize) };
            (key, Node::new(slots[2], slots[3]))
        })
    }

    /// Where a key is among the entries of a dict; `hint` is where it usually is.
    fn find(&self, key: &[u8], hint: usize) -> Option<usize> {
        let is = |slots: &[u64]| {
            // SAFETY: an entry begins with the slots of its key.
            slots[1] as usize == key.len()
                && unsafe { bytes(slots[0] as *const u8, key.len()) } == key
        };
        let slots = self.all();
        if slots.get(hint * 4..hint * 4 + 4).is_some_and(is) {
            return Some(hint);
        }
        slots.chunks_exact(4).position(is)
    }

    /// Gives an entry another value.
    pub(super) fn set_value(&mut self, at: usize, value: Node) {
        assert!((at as u64) < self.len);
        // SAFETY: an entry has four slots, of which the last two are its value.
        let slots = unsafe { std::slice::from_raw_parts_mut(self.data.add(at * 4 + 2), 2) };
        slots.copy_from_slice(&value.slots());
    }

    /// The value of an entry.
    fn value(&self, at: usize) -> Node {
        let slots = self.all();
        Node::new(slots[at * 4 + 2], slots[at * 4 + 3])
    }
}

/// A dynamic value as one of the type that it has: the type, and the slots.
pub(crate) fn as_static(slots: &[u64]) -> (Type, Vec<u64>) {
    let list = |item: Type| Type::List(Box::new(item));
    let ty = match Node::new(slots[0], slots[1]).kind() {
        Kind::None | Kind::Other => return (Type::None, Vec::new()),
        Kind::Bool => Type::Bool,
        Kind::Int => Type::Int,
        Kind::Float => Type::Float,
        Kind::Str => return (Type::Str, vec![slots[1], slots[0] >> 8]),
        Kind::List => list(Type::Json(Shape::default())),
        Kind::Dict => list(dict_entry()),
    };
    (ty, vec![slots[1]])
}

/// The slots of the dynamic value of a kind whose static ones these are.
pub(crate) fn as_dynamic(kind: Kind, held: &[u64]) -> [u64; 2] {
    let length = held.get(1).copied().unwrap_or(0);
    [kind as u64 | length << 8, held.first().copied().unwrap_or(0)]
}

/// The static type of a kind.
pub(crate) fn type_of(kind: Kind) -> Type {
    as_static(&[kind as u64, 0]).0
}

/// The slots of a dict's entry.
pub(crate) fn entry(key: &[u8], value: Node) -> [u64; 4] {
    [key.as_ptr() as u64, key.len() as u64, value.head, value.body]
}

/// Whether two values are equal; `None` if that is CPython's to say.
fn equal(a: Node, b: Node) -> Option<bool> {
    match (a.kind(), b.kind()) {
        (Kind::Other, _) | (_, Kind::Other) => None,
        _ if a.is_container() && b.is_container() => None,
        (Kind::Str, Kind::Str) => Some(a.text() == b.text()),
        (Kind::None, Kind::None) => Some(true),
        (Kind::Float, _) | (_, Kind::Float) if a.is_number() && b.is_number() => {
            Some(a.exact_float()? == b.exact_float()?)
        }
        _ if a.is_number() && b.is_number() => Some(a.body == b.body),
        _ => Some(false),
    }
}

/// How two numbers or strings compare: -1, 0, 1, or 2 where neither is less or equal (`nan`).
fn order(a: Node, b: Node) -> Option<i64> {
    let ordering = match (a.kind(), b.kind()) {
        (Kind::Str, Kind::Str) => Some(a.text().cmp(b.text())),
        (Kind::Float, _) | (_, Kind::Float) => a.exact_float()?.partial_cmp(&b.exact_float()?),
        _ if a.is_number() && b.is_number() => Some(a.as_int().cmp(&b.as_int())),
        _ => return None,
    };
    Some(ordering.map_or(2, |ordering| ordering as i64))
}

/// Arithmetic on numbers that keep their kind: `+`, `-`, `*`, `/`, `//` and `%` by 0 to 5.
fn arithmetic(op: i64, a: Node, b: Node) -> Result<Node, u32> {
    if !(a.is_number() && b.is_number()) {
        return Err(UNSURE);
    }
    if op == 3 || a.kind() == Kind::Float || b.kind() == Kind::Float {
        let (a, b) = (a.exact_float().ok_or(UNSURE)?, b.exact_float().ok_or(UNSURE)?);
        return match op {
            0 => Ok(Node::float(a + b)),
            1 => Ok(Node::float(a - b)),
            2 => Ok(Node::float(a * b)),
            _ if b == 0.0 => Err(RAISES),
            3 => Ok(Node::float(a / b)),
            _ => Ok(Node::float(super::calls::float_divide(a, b, op - 4))),
        };
    }
    let (a, b) = (a.as_int(), b.as_int());
    let result = match op {
        0 => a.checked_add(b),
        1 => a.checked_sub(b),
        2 => a.checked_mul(b),
        _ if b == 0 => return Err(RAISES),
        // Python rounds down: one less where the rest has the other sign than the divisor.
        4 => a
            .checked_div(b)
            .map(|quotient| quotient - i64::from(a % b != 0 && (a % b < 0) != (b < 0))),
        _ => a
            .checked_rem(b)
            .map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
    };
    result.map(Node::int).ok_or(UNSURE)
}

/// Whether `part` is in `whole`.
fn is_in(part: Node, whole: Node) -> Option<bool> {
    match (whole.kind(), part.kind()) {
        (Kind::Dict, Kind::Str) => Some(whole.items().find(part.text(), 0).is_some()),
        (Kind::Str, Kind::Str) => Some(super::find(whole.text(), part.text()).is_some()),
        // An item that is the very same object is in, even if it is not equal to itself.
        (Kind::List, Kind::Float) if part.as_float().is_nan() => None,
        (Kind::List, _) => {
            for item in whole.items().nodes() {
                if equal(item, part)? {
                    return Some(true);
                }
            }
            Some(false)
        }
        _ => None,
    }
}

/// The length of a value that has one.
fn length_of(value: Node) -> Option<u64> {
    match value.kind() {
        Kind::List | Kind::Dict => Some(value.items().len),
        Kind::Str => value.text().is_ascii().then_some(value.head >> 8),
        _ => None,
    }
}

/// Python's truth of a value.
fn truth(value: Node) -> Option<bool> {
    match value.kind() {
        Kind::None => Some(false),
        Kind::Bool | Kind::Int => Some(value.body != 0),
        // NaN is true.
        Kind::Float => Some(value.as_float() != 0.0),
        Kind::Str => Some(value.head >> 8 != 0),
        Kind::List | Kind::Dict => Some(value.items().len != 0),
        Kind::Other => None,
    }
}

/// Sets a key of a dict.
fn set(rows: &Rows<'_>, dict: &mut List, key: &[u8], value: Node) -> u32 {
    // A change would show in the record.
    if dict.state != FRESH {
        return UNSURE;
    }
    match dict.find(key, 0) {
        Some(at) => dict.set_value(at, value),
        None if dict.len >= LARGEST || rows.lists.allocated_bytes() > MOST_BYTES => return UNSURE,
        None => push_slots(&rows.lists, dict, &entry(key, value)),
    }
    DONE
}

/// `str(value)`, unless that is CPython's to say.
fn text_of<'a>(value: Node) -> Option<Cow<'a, [u8]>> {
    Some(match value.kind() {
        Kind::None => Cow::Borrowed(b"None"),
        Kind::Bool => Cow::Borrowed(if value.body != 0 { b"True" } else { b"False" }),
        Kind::Int => Cow::Owned(value.as_int().to_string().into_bytes()),
        Kind::Float if value.as_float().is_finite() => {
            let mut text = Vec::new();
            write_finite(value.as_float(), |part| text.extend_from_slice(part));
            Cow::Owned(text)
        }
        Kind::Str => Cow::Borrowed(value.text()),
        _ => return None,
    })
}

fn put(out: *mut u64, value: Node) -> u32 {
    // SAFETY: `out` has room for the two slots of a value; the code generator made it so.
    unsafe {
        *out = value.head;
        *out.add(1) = value.body;
    }
    DONE
}

/// Writes an answer, if there is one.
fn answer(out: *mut u64, value: Option<u64>) -> u32 {
    let Some(value) = value else { return UNSURE };
    // SAFETY: `out` has room for a slot; the code generator made it so.
    unsafe { *out = value };
    DONE
}

// SAFETY for every block below: as in `super::calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// `json.loads(str)`, which stands at `site` in the tree.
        fn json_loads(rows: *mut Rows<'_>, site: u64, s: *const u8, n: usize, out: *mut u64) -> u32 {
            let (rows, text) = unsafe { (&mut *rows, bytes(s, n)) };
            if rows.lists.allocated_bytes() > MOST_BYTES || rows.is_full(0) {
                return UNSURE;
            }
            match super::super::json_parser::parse(rows, site, text) {
                Ok(value) => put(out, value),
                Err(status) => status,
            }
        }

        /// `json.dumps(value)`.
        fn json_dumps(rows: *mut Rows<'_>, head: u64, body: u64, out: *mut u64) -> u32 {
            let rows = unsafe { &*rows };
            if rows.is_full(0) {
                return UNSURE;
            }
            let mut text = bumpalo::collections::Vec::new_in(&rows.arena);
            if write(&mut text, Node::new(head, body), 0).is_none() {
                return UNSURE;
            }
            set_str(out, text.into_bump_slice());
            DONE
        }

        /// Counts what a value looks like.
        fn json_observe(rows: *mut Rows<'_>, site: u64, head: u64, body: u64) {
            let rows = unsafe { &mut *rows };
            profile(rows.profiles.entry(site).or_default(), Node::new(head, body));
        }

        /// A value as a record may hold it.
        fn json_keep(rows: *mut Rows<'_>, head: u64, body: u64, out: *mut u64) -> u32 {
            match copy(unsafe { &*rows }, Node::new(head, body), 0) {
                Some(value) => put(out, value),
                None => UNSURE,
            }
        }

        /// `value[key]`, and where there is no such key `out` is left as it is.
        fn json_field(head: u64, body: u64, s: *const u8, n: usize, hint: usize, out: *mut u64) -> u32 {
            let (value, key) = (Node::new(head, body), unsafe { bytes(s, n) });
            if value.kind() != Kind::Dict {
                return UNSURE;
            }
            match value.items().find(key, hint) {
                Some(at) => put(out, value.items().value(at)),
                None => RAISES,
            }
        }

        /// `value[index]`.
        fn json_item(head: u64, body: u64, index: i64, out: *mut u64) -> u32 {
            let value = Node::new(head, body);
            if value.kind() != Kind::List {
                return UNSURE;
            }
            let length = value.items().len as i64;
            let at = if index < 0 { index.saturating_add(length) } else { index };
            match usize::try_from(at).ok().and_then(|at| value.items().nodes().nth(at)) {
                Some(item) => put(out, item),
                None => RAISES,
            }
        }

        /// `part in whole`.
        fn json_contains(head: u64, body: u64, part_head: u64, part_body: u64, out: *mut u64) -> u32 {
            let found = is_in(Node::new(part_head, part_body), Node::new(head, body));
            answer(out, found.map(u64::from))
        }

        /// `len(value)`.
        fn json_length(head: u64, body: u64, out: *mut u64) -> u32 {
            answer(out, length_of(Node::new(head, body)))
        }

        /// The truth of a value: 0, 1, or 2 if that is CPython's to say.
        fn json_truth(head: u64, body: u64) -> u64 {
            truth(Node::new(head, body)).map_or(2, u64::from)
        }

        /// `a == b`.
        fn json_equal(head: u64, body: u64, b_head: u64, b_body: u64, out: *mut u64) -> u32 {
            answer(out, equal(Node::new(head, body), Node::new(b_head, b_body)).map(u64::from))
        }

        /// How `a` and `b` compare: -1, 0, 1, or 2 where neither is less or equal.
        fn json_order(head: u64, body: u64, b_head: u64, b_body: u64, out: *mut u64) -> u32 {
            let order = order(Node::new(head, body), Node::new(b_head, b_body));
            answer(out, order.map(|order| order as u64))
        }

        /// `a op b` for numbers.
        fn json_arithmetic(op: i64, head: u64, body: u64, b_head: u64, b_body: u64, out: *mut u64) -> u32 {
            match arithmetic(op, Node::new(head, body), Node::new(b_head, b_body)) {
                Ok(value) => put(out, value),
                Err(status) => status,
            }
        }

        /// `-number`.
        fn json_negative(head: u64, body: u64, out: *mut u64) -> u32 {
            let value = Node::new(head, body);
            match value.kind() {
                Kind::Float => put(out, Node::float(-value.as_float())),
                Kind::Bool | Kind::Int => match value.as_int().checked_neg() {
                    Some(negative) => put(out, Node::int(negative)),
                    None => UNSURE,
                },
                _ => UNSURE,
            }
        }

        /// `int(number)`.
        fn json_int(head: u64, body: u64, out: *mut u64) -> u32 {
            let value = Node::new(head, body);
            let whole = match value.kind() {
                Kind::Bool | Kind::Int => Some(value.as_int()),
                // What is beyond may not fit into 64 bits.
                Kind::Float if value.as_float().abs() < 9e18 => Some(value.as_float() as i64),
                _ => None,
            };
            answer(out, whole.map(|whole| whole as u64))
        }

        /// `str(value)`.
        fn json_text(rows: *mut Rows<'_>, head: u64, body: u64, out: *mut u64) -> u32 {
            let (rows, value) = (unsafe { &*rows }, Node::new(head, body));
            let Some(text) = text_of(value) else { return UNSURE };
            match text {
                Cow::Borrowed(text) => set_str(out, text),
                Cow::Owned(text) => set_str(out, rows.arena.alloc_slice_copy(&text)),
            }
            DONE
        }

        /// A list of flat items as a record may hold it.
        fn list_keep(rows: *mut Rows<'_>, list: *mut List, out: *mut u64) -> u32 {
            let list = unsafe { &mut *list };
            answer(out, copy_flat(unsafe { &*rows }, list).map(|copy| copy as u64))
        }

        /// `float(number)`.
        fn json_float(head: u64, body: u64, out: *mut u64) -> u32 {
            answer(out, Node::new(head, body).exact_float().map(f64::to_bits))
        }

        /// A dict without keys.
        fn json_dict(rows: *mut Rows<'_>) -> *mut List {
            new_list(unsafe { &(*rows).lists }, 8, 4)
        }

        /// `dict[key] = value`.
        fn json_set(rows: *mut Rows<'_>, head: u64, body: u64, s: *const u8, n: usize, v_head: u64, v_body: u64) -> u32 {
            let (rows, dict, key) = unsafe { (&*rows, Node::new(head, body), bytes(s, n)) };
            if dict.kind() != Kind::Dict {
                return UNSURE;
            }
            set(rows, dict.items(), key, Node::new(v_head, v_body))
        }

        /// `dict.update(other)`, as `{**other}` does it.
        fn json_update(rows: *mut Rows<'_>, head: u64, body: u64, o_head: u64, o_body: u64) -> u32 {
            let (rows, dict, other) = (unsafe { &*rows }, Node::new(head, body), Node::new(o_head, o_body));
            if dict.kind() != Kind::Dict || other.kind() != Kind::Dict {
                return UNSURE;
            }
            for (key, value) in other.items().entries() {
                if set(rows, dict.items(), key, value) != DONE {
                    return UNSURE;
                }
            }
            DONE
        }

        /// The keys of a dict (0) or its values (1) as a list.
        fn json_part(rows: *mut Rows<'_>, head: u64, body: u64, which: usize, out: *mut u64) -> u32 {
            let (rows, dict) = (unsafe { &*rows }, Node::new(head, body));
            if dict.kind() != Kind::Dict {
                return UNSURE;
            }
            let list = unsafe { &mut *new_list(&rows.lists, dict.items().len as usize, 2) };
            for slots in dict.items().all().chunks_exact(4) {
                push_slots(&rows.lists, list, &slots[which * 2..which * 2 + 2]);
            }
            answer(out, Some(list as *mut List as u64))
        }

        /// A list of dynamic values that are all strings, as a list of strings.
        fn json_strings(rows: *mut Rows<'_>, list: *const List, out: *mut u64) -> u32 {
            let (rows, list) = unsafe { (&*rows, &*list) };
            let strings = unsafe { &mut *new_list(&rows.lists, list.len as usize, 2) };
            for value in list.nodes() {
                if value.kind() != Kind::Str {
                    return UNSURE;
                }
                push_slots(&rows.lists, strings, &[value.body, value.head >> 8]);
            }
            answer(out, Some(strings as *mut List as u64))
        }
    }
}

pub(crate) use calls::*;
