//! What compiled code calls: strings, numbers, lists, output. Every function here does exactly what CPython
//! does or answers "unsure", and then the row is CPython's.
//!
//! Strings are UTF-8 in memory that outlives the block: the block itself, constants, or the arena.

use std::alloc::Layout;
use std::marker::PhantomData;

use bumpalo::Bump;
use rustc_hash::FxHashMap;

use crate::shape::Profile;

/// How a helper ended.
pub(crate) const DONE: u32 = 0;
/// CPython would raise the exception that goes with the operation, for certain.
pub(crate) const RAISES: u32 = 1;
/// Not sure; the row is CPython's.
pub(crate) const UNSURE: u32 = 2;

/// Bytes of strings that one row may make.
const MOST_MADE: usize = 1 << 28;
/// Bytes of strings that all rows may make.
const MOST_HELD: usize = 1 << 31;

/// The state of a run over one block; compiled code passes its address along.
#[derive(Default)]
pub struct Rows<'a> {
    /// The lines that records may point into.
    lines: PhantomData<&'a str>,
    /// Strings that were made; they live as long as the run, since records may hold them.
    arena: Bump,
    /// Lists; they live as long as their row, since no record holds one.
    lists: Bump,
    /// Bytes of strings when the row in hand began.
    made_before: usize,
    pub(crate) width: usize,
    /// Slots of finished rows' records, one after the other.
    pub(crate) slots: Vec<u64>,
    /// Where the row in hand began; what it emitted goes if it is given up.
    row_start: (usize, usize),
    /// Number of records before each row that was given up, in order.
    pub(crate) given_up: Vec<usize>,
    records: usize,
    /// What the code returned for the last row or call that was given up.
    status: u32,
    /// What earlier JSON documents were like.
    documents: json_outline::Documents,
    /// What dynamic values looked like, by the place in the tree that made them.
    pub(crate) profiles: FxHashMap<u64, Profile>,
    /// Working memory of regular expressions.
    held: Vec<regex::Held>,
    /// Where a text is put together before its length is known.
    scratch: Vec<u8>,
    growing: grow::Growing,
}

impl Rows<'_> {
    pub(crate) fn new(width: usize) -> Self {
        Rows { width, ..Rows::default() }
    }

    /// Bytes that the strings take.
    pub(crate) fn allocated(&self) -> usize {
        self.arena.allocated_bytes()
    }

    /// Whether a string of that many bytes would be more than one row, or all, may have: what is made in a loop
    /// could take all memory, and CPython can say that it is short.
    fn is_full(&self, more: usize) -> bool {
        let made = self.arena.allocated_bytes();
        more > MOST_MADE || made.saturating_sub(self.made_before) > MOST_MADE || made > MOST_HELD
    }

    pub(crate) fn begin_row(&mut self) {
        self.lists.reset();
        self.made_before = self.arena.allocated_bytes();
        self.row_start = (self.slots.len(), self.records);
    }

    /// Takes back what the row emitted and marks its place.
    pub(crate) fn give_up_row(&mut self, status: u32) {
        self.status = status;
        let (slots, records) = self.row_start;
        self.slots.truncate(slots);
        self.records = records;
        self.given_up.push(self.records);
    }

    /// Marks the place of a row that the code does not get.
    pub fn leave_row(&mut self) {
        self.status = DONE;
        self.given_up.push(self.records);
    }

    /// Notes what a call gave.
    pub(crate) fn give_up_call(&mut self, status: u32) {
        self.status = status;
    }

    /// Where the last row or call that was given up was, among the sites of its code; `None` if the code was not run.
    pub fn gave_up_at(&self) -> Option<usize> {
        (self.status as usize).checked_sub(DONE as usize + 1)
    }

    /// Rows of no chain: where calls keep what they make.
    pub fn for_calls() -> Self {
        Rows::new(0)
    }

    /// Rows of no chain, to be filled with records of so many slots.
    pub fn of_width(width: usize) -> Self {
        Rows::new(width)
    }

    /// Adds a record.
    pub fn push(&mut self, record: &[u64]) {
        self.slots.extend_from_slice(record);
        self.records += 1;
    }

    /// Forgets the first records; no row has been given up so far.
    pub fn drop_first(&mut self, count: usize) {
        self.slots.drain(..count * self.width);
        self.records -= count;
    }

    /// Forgets the records so far; also what they point to, unless it is in use elsewhere.
    pub fn clear(&mut self, keep_strings: bool) {
        self.slots.clear();
        self.records = 0;
        if !keep_strings {
            self.arena.reset();
            self.growing = Default::default();
        }
    }

    /// Number of records of rows that were not given up.
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Number of records before each row that was given up.
    pub fn given_up(&self) -> &[usize] {
        &self.given_up
    }

    /// The slots of all records, one after the other.
    pub fn slots(&self) -> &[u64] {
        &self.slots
    }

    /// The slots of a record.
    pub fn record(&self, index: usize) -> &[u64] {
        &self.slots[index * self.width..(index + 1) * self.width]
    }
}

/// A list; it lives as long as its row, or the records that hold it.
#[repr(C)]
pub(crate) struct List {
    pub(crate) data: *mut u64,
    pub(crate) len: u64,
    /// Items that there is room for. Unless it is 0, `width` is that of the items.
    pub(crate) capacity: u64,
    width: u64,
    /// [`FRESH`], [`EMITTED`] or [`SHARED`].
    pub(crate) state: u64,
}

/// A list that the row has made: 0, which is what compiled code tests for.
const FRESH: u64 = 0;
/// A list of which a record of the row holds a copy already.
const EMITTED: u64 = 1;
/// A list of records, which must not change.
const SHARED: u64 = 2;

/// The slot of a list that has no items and is never written.
pub(crate) fn empty_list() -> u64 {
    struct Empty(List);
    // SAFETY: nothing writes it, as it has no items and its address goes to where lists are read.
    unsafe impl Sync for Empty {}
    static EMPTY: Empty = Empty(List {
        data: std::ptr::NonNull::dangling().as_ptr(),
        len: 0,
        capacity: 0,
        width: 0,
        state: SHARED,
    });
    std::ptr::from_ref(&EMPTY.0) as u64
}

impl List {
    /// A list of items whose slots are there already; no row may change it.
    pub(crate) fn of(data: &[u64], len: usize, width: usize) -> List {
        let (data, len) = (data.as_ptr().cast_mut(), len as u64);
        List { data, len, capacity: len, width: width as u64, state: SHARED }
    }

    /// Slots of an item.
    pub(crate) fn item_width(&self) -> u64 {
        self.width
    }

    /// The slots of all items.
    ///
    /// # Safety
    /// The list must be alive.
    pub(crate) unsafe fn slots<'a>(&self) -> &'a [u64] {
        // SAFETY: `data` holds the slots of `len` items by the list's invariant.
        unsafe { std::slice::from_raw_parts(self.data, (self.len * self.width) as usize) }
    }

    /// The slots of an item.
    ///
    /// # Safety
    /// The list must be alive, and the index less than its length.
    pub(crate) unsafe fn item<'a>(&self, index: usize) -> &'a [u64] {
        let width = self.width as usize;
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.data.add(index * width), width) }
    }
}

/// Python's ASCII white space: what `str.split()` and `str.strip()` take.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | 28..=32)
}

/// The string in two slots.
///
/// # Safety
/// As for [`bytes`].
unsafe fn text<'a>(address: *const u8, length: usize) -> &'a str {
    // SAFETY: the caller's promise; strings are UTF-8.
    unsafe { std::str::from_utf8_unchecked(bytes(address, length)) }
}

/// The bytes of a string in two slots.
///
/// # Safety
/// The slots must be those of a `Str` value of the block that is running.
pub(crate) unsafe fn bytes<'a>(address: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: the caller's promise; an empty string's address is never null.
    unsafe { std::slice::from_raw_parts(address, length) }
}

fn new_list(lists: &Bump, capacity: usize, width: usize) -> *mut List {
    // Items of no width may be of one that is not known yet.
    let capacity = if width > 0 { capacity } else { 0 };
    let list: *mut List = room_for(lists, HEAD + capacity * width).cast();
    let (data, capacity) = (list.cast::<u64>().wrapping_add(HEAD), capacity as u64);
    // SAFETY: there is room for a list, then for its items.
    unsafe { list.write(List { data, len: 0, capacity, width: width as u64, state: FRESH }) };
    list
}

/// Slots that a list itself takes.
const HEAD: usize = size_of::<List>() / size_of::<u64>();

/// Room for slots that are written before they are read.
fn room_for(lists: &Bump, slots: usize) -> *mut u64 {
    match Layout::array::<u64>(slots.max(1)) {
        Ok(layout) => lists.alloc_layout(layout).as_ptr().cast(),
        // More than the address space holds.
        Err(_) => std::alloc::handle_alloc_error(Layout::new::<u64>()),
    }
}

#[inline(always)]
fn push_slots(lists: &Bump, list: &mut List, item: &[u64]) {
    let width = list.width as usize;
    if list.len == list.capacity {
        grow_list(lists, list);
    }
    for (i, &slot) in item.iter().enumerate() {
        // SAFETY: there is room for one more item now.
        unsafe { *list.data.add(list.len as usize * width + i) = slot };
    }
    list.len += 1;
}

/// Makes room for at least one more item.
#[cold]
fn grow_list(lists: &Bump, list: &mut List) {
    let width = list.width as usize;
    let capacity = (list.capacity as usize * 2).max(8);
    let grown = room_for(lists, capacity * width);
    // SAFETY: `data` holds `len * width` slots by the list's invariant, and `grown` has room.
    unsafe { std::ptr::copy_nonoverlapping(list.data, grown, list.len as usize * width) };
    list.data = grown;
    list.capacity = capacity as u64;
}

#[inline(always)]
fn push_str(lists: &Bump, list: &mut List, text: &[u8]) {
    if list.len == list.capacity {
        grow_list(lists, list);
    }
    // SAFETY: there is room for one more item now, which has two slots.
    unsafe { set_str_at(list.data.add(list.len as usize * 2), text) };
    list.len += 1;
}

/// # Safety
/// There must be room for two slots.
#[inline(always)]
unsafe fn set_str_at(room: *mut u64, text: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        *room = text.as_ptr() as u64;
        *room.add(1) = text.len() as u64;
    }
}

fn set_str(out: *mut u64, text: &[u8]) {
    // SAFETY: `out` has room for the two slots of a string; the code generator made it so.
    unsafe { set_str_at(out, text) };
}

/// What a helper gives compiled code when it has panicked, which it never should: machine code cannot be unwound.
trait Panicked {
    fn panicked() -> Self;
}

impl Panicked for u32 {
    fn panicked() -> u32 {
        UNSURE
    }
}

/// No value says that the row is CPython's.
macro_rules! without_status {
    ($($type:ty),*) => { $(impl Panicked for $type {
        fn panicked() -> $type {
            std::process::abort()
        }
    })* };
}

without_status!((), i64, u64, f64, *mut List);

/// Defines the helpers: each is called by compiled code with the run's state and the slots of its
/// arguments, and its strings are valid by the code generator's invariant.
macro_rules! helpers {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {
        $(
            $(#[$doc])*
            pub(crate) extern "C" fn $name($($arg: $type),*) $(-> $result)? {
                let run = || $(-> $result)? { $body };
                let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                ran.unwrap_or_else(|_| $crate::runtime::Panicked::panicked())
            }
        )*

        /// The names by which compiled code calls the helpers.
        pub(crate) fn symbols() -> Vec<(&'static str, *const u8)> {
            vec![$((stringify!($name), $name as *const u8)),*]
        }
    };
}

mod case;
mod dates;
mod decimal;
mod float_text;
mod format;
mod grow;
pub(crate) mod json;
mod json_copy;
mod json_keys;
mod json_outline;
mod json_parser;
mod json_text;
mod lists;
mod number;
mod numbers;
mod pad;
mod parts;
mod regex;
mod scan;
mod search;
mod slice;
mod split;
mod table;
mod unicode;

pub(crate) use dates::{NAIVE, fields};
pub(crate) use format::{Conversion, Field, Piece, Template, converted, is_shown};
pub(crate) use json_copy::refresh;
pub(crate) use numbers::UNARY;
pub(crate) use regex::{SUBJECT, absent};
pub use table::Constant;
pub(crate) use table::{Captured, Table, is_looked_up};

/// Everything that compiled code may call.
pub(crate) fn symbols() -> Vec<(&'static str, *const u8)> {
    let parts = [calls::symbols, case::symbols, dates::symbols, format::symbols, json::symbols];
    let more = [
        lists::symbols,
        numbers::symbols,
        pad::symbols,
        parts::symbols,
        regex::symbols,
        search::symbols,
        slice::symbols,
        split::symbols,
        table::symbols,
    ];
    parts.iter().chain(&more).flat_map(|part| part()).collect()
}

// SAFETY for every block below: addresses come from compiled code, which passes the run's own state, strings
// and lists of the row in hand, and stack slots large enough for the result.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// The row emits a record.
        fn emit(rows: *mut Rows<'_>, record: *const u64) {
            let rows = unsafe { &mut *rows };
            let record = unsafe { std::slice::from_raw_parts(record, rows.width) };
            rows.slots.reserve(record.len());
            let (end, length) = (rows.slots.as_mut_ptr(), rows.slots.len());
            // Slot by slot: a record has few, and a copy of unknown length is a call.
            for (at, &slot) in record.iter().enumerate() {
                unsafe { end.add(length + at).write(slot) };
            }
            unsafe { rows.slots.set_len(length + record.len()) };
            rows.records += 1;
        }

        /// `a + b` for strings.
        fn concat(rows: *mut Rows<'_>, s: *const u8, n: usize, p: *const u8, m: usize, out: *mut u64) -> u32 {
            let (rows, a, b) = unsafe { (&mut *rows, bytes(s, n), bytes(p, m)) };
            if rows.is_full(n + m) {
                return UNSURE;
            }
            set_str(out, unsafe { &*rows.growing.append(&rows.arena, a, b) });
            DONE
        }

        /// -1, 0 or 1 as strings compare: by code point, which for UTF-8 is by byte.
        fn compare(s: *const u8, n: usize, p: *const u8, m: usize) -> i64 {
            unsafe { bytes(s, n).cmp(bytes(p, m)) as i64 }
        }

        /// Whether two strings are equal.
        fn equal(s: *const u8, n: usize, p: *const u8, m: usize) -> u64 {
            unsafe { u64::from(bytes(s, n) == bytes(p, m)) }
        }

        /// `float(str)`: numbers in ASCII; certain errors; the rest is CPython's.
        fn parse_float(s: *const u8, n: usize, out: *mut u64) -> u32 {
            let text = unsafe { bytes(s, n) };
            if let Some(value) = plain_float(text) {
                unsafe { *out = value.to_bits() };
                return DONE;
            }
            match numbers::float_of(text) {
                numbers::Read::Number(value) => {
                    unsafe { *out = value.to_bits() };
                    return DONE;
                }
                numbers::Read::Wrong => return RAISES,
                numbers::Read::Unsure => {}
            }
            let possible = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'_') || is_space(*b) || b"eEiInNfFtTyYaA".contains(b) || *b >= 128;
            if text.iter().all(possible) && !text.is_empty() { UNSURE } else { RAISES }
        }

        /// `int(str)`: numbers in ASCII that fit into 64 bits; certain errors; the rest is CPython's.
        fn parse_int(s: *const u8, n: usize, out: *mut u64) -> u32 {
            let text = unsafe { bytes(s, n) };
            if let Some(value) = plain_int(text) {
                unsafe { *out = value as u64 };
                return DONE;
            }
            match numbers::int_of(text, 10) {
                numbers::Read::Number(value) => {
                    unsafe { *out = value as u64 };
                    return DONE;
                }
                numbers::Read::Wrong => return RAISES,
                numbers::Read::Unsure => {}
            }
            let possible = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'_') || is_space(*b) || *b >= 128;
            if text.iter().all(possible) && !text.is_empty() { UNSURE } else { RAISES }
        }

        /// `sep.join(list)`.
        fn join(rows: *mut Rows<'_>, s: *const u8, n: usize, list: *const List, out: *mut u64) -> u32 {
            let (rows, sep, list) = unsafe { (&*rows, bytes(s, n), &*list) };
            let items = unsafe { std::slice::from_raw_parts(list.data, list.len as usize * 2) };
            let texts: usize = items.chunks_exact(2).map(|item| item[1] as usize).sum();
            if rows.is_full(n.saturating_mul(items.len() / 2).saturating_add(texts)) {
                return UNSURE;
            }
            let mut joined = bumpalo::collections::Vec::new_in(&rows.arena);
            for (i, item) in items.chunks_exact(2).enumerate() {
                if i > 0 {
                    joined.extend_from_slice(sep);
                }
                joined.extend_from_slice(unsafe { bytes(item[0] as *const u8, item[1] as usize) });
            }
            set_str(out, joined.into_bump_slice());
            DONE
        }

        /// `a // b` (0) and `a % b` (1) for floats, by CPython's algorithm; `b` is not zero.
        fn float_divide(a: f64, b: f64, how: i64) -> f64 {
            let mut modulo = a % b;
            let mut quotient = (a - modulo) / b;
            if modulo != 0.0 {
                if (b < 0.0) != (modulo < 0.0) {
                    modulo += b;
                    quotient -= 1.0;
                }
            } else {
                modulo = 0.0_f64.copysign(b);
            }
            if how == 1 {
                return modulo;
            }
            if quotient == 0.0 {
                return 0.0_f64.copysign(a / b);
            }
            let floor = quotient.floor();
            if quotient - floor > 0.5 { floor + 1.0 } else { floor }
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    find_from(text, 0, part)
}

/// Where a part is first from `at` on, which is in the text or its end.
#[inline(always)]
fn find_from(text: &[u8], at: usize, part: &[u8]) -> Option<usize> {
    match part {
        [byte] => {
            let place = scan::first_of(text, at, |other| other == *byte);
            (place < text.len()).then_some(place)
        }
        _ => find_many(text, at, part),
    }
}

#[inline(never)]
fn find_many(text: &[u8], at: usize, part: &[u8]) -> Option<usize> {
    memchr::memmem::find(&text[at..], part).map(|place| at + place)
}

/// A number as `[+-]digits[.digits][e[+-]digits]`, which both parsers read alike.
fn plain_float(text: &[u8]) -> Option<f64> {
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let first = *unsigned.first()?;
    if !(first.is_ascii_digit() || (first == b'.' && unsigned.len() > 1)) {
        return None;
    }
    decimal::float(text)
}

fn plain_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value: i64 = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::calls::parse_float;
    use super::*;

    fn parsed(text: &str) -> (u32, f64) {
        let mut out = 0;
        let status = parse_float(text.as_ptr(), text.len(), &mut out);
        (status, f64::from_bits(out))
    }

    #[test]
    fn numbers_are_read_as_python_reads_them_or_left_to_it() {
        for (text, value) in
            [("1.5", 1.5), ("-2e3", -2000.0), ("+.5", 0.5), ("5.", 5.0), ("1e400", f64::INFINITY)]
        {
            assert_eq!(parsed(text), (DONE, value), "{text}");
        }
        for (text, value) in [(" 1", 1.0), ("1_0", 10.0), ("-inF", f64::NEG_INFINITY)] {
            assert_eq!(parsed(text), (DONE, value), "{text}");
        }
        for text in
            ["", "abc", "1,5", "0x1p3", "1 2x", "--1z", "1e", "e", ".", "_1", "1__0", "1_.5"]
        {
            assert_eq!(parsed(text).0, RAISES, "{text}");
        }
        for text in ["\x1c1", "1\u{660}"] {
            assert_eq!(parsed(text).0, UNSURE, "{text}");
        }
    }
}
