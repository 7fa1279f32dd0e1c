//! Reads pickled lists as typed records, so that compiled code can go on with what CPython made.
//!
//! Only what the built-in `None`, `bool`, `int`, `float`, `str`, `tuple`, `list` and `dict` (with the same `str`
//! keys in the same order) are pickled as is understood, and what has no type but cannot be changed (larger ints,
//! lone surrogates, bytes); anything else ends the attempt, so a subclass is never taken for its base. No list or dict
//! may be there twice: a function that changes one would change the other. Records are typed while the pickle is
//! read, so that too many that do not fit end the attempt early. Format: `Lib/pickletools.py` of CPython.

mod typing;

use crate::records::Records;
use crate::types::Type;

pub use typing::Others;
use typing::Typing;

/// Deeper values are not typed.
pub const DEEPEST: usize = 16;
/// Values of more parts give no type: code for them would take long to make.
pub const MOST_PARTS: usize = 1024;
/// Times that a wider type is tried.
const MOST_WIDENINGS: usize = 32;
/// Longer pickles are not read: what they hold would be in memory twice.
const MOST_BYTES: usize = 64 << 20;

/// What a pickled list holds.
pub struct Unpickled {
    /// The items that are of one type.
    pub records: Records,
    /// The others, of which there is at most one among four.
    pub others: Others,
}

/// The items of a pickled list, if nearly all are of one type that compiled code knows.
///
/// They are read as values of type `like` if nearly all are such; otherwise their type is that of the first, widened
/// by those that follow, or that of one which did not fit, if many did not.
///
/// ```
/// use tidemill_udf::unpickle;
/// // pickle.dumps([1, None], 5)
/// let list = unpickle(b"\x80\x05\x95\x08\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01Ne.", None);
/// assert_eq!(list.map(|list| list.records.ty().to_string()), Some("int or None".to_owned()));
/// // pickle.dumps([1, 1.5], 5)
/// let mixed = b"\x80\x05\x95\x10\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01G?\xf8\0\0\0\0\0\0e.";
/// assert!(unpickle(mixed, None).is_none());
/// // [1, 2, 1.5, 3]
/// let list = unpickle(b"\x80\x05](K\x01K\x02G?\xf8\0\0\0\0\0\0K\x03e.", None).expect("nearly all are int");
/// assert_eq!((list.records.len(), list.others.iter().collect::<Vec<_>>()), (3, vec![(2, &b"G?\xf8\0\0\0\0\0\0"[..])]));
/// ```
pub fn unpickle(data: &[u8], like: Option<&Type>) -> Option<Unpickled> {
    if data.len() > MOST_BYTES {
        return None;
    }
    let expected = like.and_then(|like| read(data, Some(like)));
    expected.or_else(|| read(data, None))
}

fn read(data: &[u8], like: Option<&Type>) -> Option<Unpickled> {
    let mut pickle = Pickle { rest: data, ..Pickle::default() };
    let mut typing = Typing::new(like);
    while let Some(batch) = pickle.next_batch()? {
        typing.take(&pickle, &batch)?;
    }
    typing.finish()
}

/// A value; what it is made of is in the pickle.
#[derive(Debug, Clone, Copy)]
enum Node<'d> {
    None,
    Bool(bool),
    Int(i64),
    Float(u64),
    Str(&'d str),
    /// Where its items begin, and their number.
    Tuple(usize, usize),
    /// Its place among the lists.
    List(usize),
    /// Likewise; its items are keys and values in turn.
    Dict(usize),
    /// One that has no type and cannot be changed: the instruction that makes it.
    Other(&'d [u8]),
}

/// The machine that a pickle is a program for. The first list is the outermost one, whose items are handed on and not
/// kept.
#[derive(Default)]
struct Pickle<'d> {
    rest: &'d [u8],
    stack: Vec<Node<'d>>,
    marks: Vec<usize>,
    memo: Vec<Node<'d>>,
    /// The items of tuples, lists and dicts.
    items: Vec<Node<'d>>,
    /// For each list or dict where its items are; long lists come in several runs.
    lists: Vec<Vec<(usize, usize)>>,
}

impl<'d> Pickle<'d> {
    /// The next items of the outermost list; `Some(None)` at its end, `None` if something is not understood.
    fn next_batch(&mut self) -> Option<Option<Vec<Node<'d>>>> {
        loop {
            let from = self.rest;
            let items = match self.byte()? {
                b'.' => return Some(None),
                b'a' => vec![self.stack.pop()?],
                b'e' => self.marked()?,
                code => {
                    self.step(code, from)?;
                    continue;
                }
            };
            if let Some(batch) = self.extend(items)? {
                return Some(Some(batch));
            }
        }
    }

    /// One instruction that adds no items to lists; it begins at `from`.
    fn step(&mut self, code: u8, from: &'d [u8]) -> Option<()> {
        let node = match code {
            // The protocol, the length of a frame, a place of the memo: nothing to do, or no value.
            0x80 => return self.take(1).map(|_| ()),
            0x95 => return self.take(8).map(|_| ()),
            0x94 => {
                self.memo.push(*self.stack.last()?);
                return Some(());
            }
            b'(' => {
                self.marks.push(self.stack.len());
                return Some(());
            }
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'K' => Node::Int(self.byte()?.into()),
            b'M' => Node::Int(u16::from_le_bytes(self.bytes()?).into()),
            b'J' => Node::Int(i32::from_le_bytes(self.bytes()?).into()),
            0x8a => {
                let length = self.byte()?.into();
                self.long(length, from)?
            }
            0x8b => {
                let length = u32::from_le_bytes(self.bytes()?);
                self.long(length as usize, from)?
            }
            b'C' => {
                let length = self.byte()?;
                self.other(length.into(), from)?
            }
            b'B' => {
                let length = u32::from_le_bytes(self.bytes()?);
                self.other(length as usize, from)?
            }
            b'G' => Node::Float(u64::from_be_bytes(self.bytes()?)),
            0x8c => {
                let length = self.byte()?;
                self.text(length.into(), from)?
            }
            b'X' => {
                let length = u32::from_le_bytes(self.bytes()?);
                self.text(length as usize, from)?
            }
            0x8d => {
                let length = u64::from_le_bytes(self.bytes()?);
                self.text(usize::try_from(length).ok()?, from)?
            }
            b'h' => {
                let place = self.byte()?;
                *self.memo.get(usize::from(place))?
            }
            b'j' => {
                let place = u32::from_le_bytes(self.bytes()?);
                *self.memo.get(place as usize)?
            }
            b')' => Node::Tuple(0, 0),
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(code - 0x84))?;
                self.tuple(from)
            }
            b't' => {
                let from = self.marks.pop()?;
                self.tuple(from)
            }
            b']' => Node::List(self.new_list()),
            b'}' => Node::Dict(self.new_list()),
            b's' => {
                let from = self.stack.len().checked_sub(2)?;
                let entry = self.stack.split_off(from);
                return self.set_items(entry);
            }
            b'u' => {
                let entries = self.marked()?;
                return self.set_items(entries);
            }
            _ => return None,
        };
        self.stack.push(node);
        Some(())
    }

    /// A tuple of what is on the stack from a place on.
    fn tuple(&mut self, from: usize) -> Node<'d> {
        let start = self.items.len();
        self.items.extend(self.stack.drain(from..));
        Node::Tuple(start, self.items.len() - start)
    }

    /// What is on the stack from the last mark on.
    fn marked(&mut self) -> Option<Vec<Node<'d>>> {
        let from = self.marks.pop()?;
        Some(self.stack.split_off(from))
    }

    /// Adds items to the list on top of the stack, or gives them back if that is the outermost one.
    fn extend(&mut self, items: Vec<Node<'d>>) -> Option<Option<Vec<Node<'d>>>> {
        match self.stack.last()? {
            Node::List(0) => Some((self.stack.len() == 1).then_some(Some(items))?),
            Node::List(list) => {
                self.lists[*list].push((self.items.len(), items.len()));
                self.items.extend(items);
                Some(None)
            }
            _ => None,
        }
    }

    /// The place of a new list or dict.
    fn new_list(&mut self) -> usize {
        self.lists.push(Vec::new());
        self.lists.len() - 1
    }

    /// Adds keys and values to the dict on top of the stack.
    fn set_items(&mut self, entries: Vec<Node<'d>>) -> Option<()> {
        let Node::Dict(dict) = *self.stack.last()? else { return None };
        self.lists[dict].push((self.items.len(), entries.len()));
        self.items.extend(entries);
        Some(())
    }

    /// The entries of a dict whose keys are texts.
    fn entries(&self, dict: usize) -> impl Iterator<Item = Option<(&'d str, Node<'d>)>> + '_ {
        let mut items = self.list(dict);
        std::iter::from_fn(move || {
            Some(match (items.next()?, items.next()) {
                (Node::Str(key), Some(value)) => Some((key, value)),
                _ => None,
            })
        })
    }

    /// The items of a list; keys and values of a dict.
    fn list(&self, list: usize) -> impl Iterator<Item = Node<'d>> + '_ {
        let runs = self.lists[list].iter();
        runs.flat_map(|&(start, len)| self.items[start..start + len].iter().copied())
    }

    fn take(&mut self, count: usize) -> Option<&'d [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]| byte)
    }

    /// An integer of so many bytes.
    fn long(&mut self, length: usize, from: &'d [u8]) -> Option<Node<'d>> {
        if length > size_of::<i64>() {
            return self.other(length, from);
        }
        let bytes = self.take(length)?;
        let sign = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut all = [sign; size_of::<i64>()];
        all.get_mut(..length)?.copy_from_slice(bytes);
        Some(Node::Int(i64::from_le_bytes(all)))
    }

    /// A text; one with lone surrogates has no type.
    fn text(&mut self, length: usize, from: &'d [u8]) -> Option<Node<'d>> {
        let whole = self.rest.get(..length)?;
        match std::str::from_utf8(whole) {
            Ok(text) => self.take(length).map(|_| Node::Str(text)),
            Err(_) => self.other(length, from),
        }
    }

    /// The value of an instruction that began at `from`, and of which so many bytes are left.
    fn other(&mut self, length: usize, from: &'d [u8]) -> Option<Node<'d>> {
        self.take(length)?;
        Some(Node::Other(&from[..from.len() - self.rest.len()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle;

    fn read(items: &[u8]) -> Option<String> {
        let data = [b"\x80\x05](".as_slice(), items, b"e."].concat();
        let Unpickled { records, others } = unpickle(&data, None)?;
        assert!(others.is_empty());
        let mut again = Vec::new();
        for record in records.iter() {
            // SAFETY: records of their own type.
            unsafe { pickle::write(&mut again, records.ty(), record) };
        }
        Some(format!("{}: {}", records.ty(), again.escape_ascii()))
    }

    #[test]
    fn values_of_one_type_are_read_as_they_were_written() {
        assert_eq!(
            read(b"K\x01J\xff\xff\xff\xff").as_deref(),
            Some("int: K\\x01J\\xff\\xff\\xff\\xff")
        );
        assert_eq!(read(b"\x8a\x01\xff").as_deref(), Some("int: J\\xff\\xff\\xff\\xff"));
        assert_eq!(read(b"\x88\x89").as_deref(), Some("bool: \\x88\\x89"));
        let pairs = b"\x8c\x01a\x94NK\x01\x87h\x00\x88K\x02\x87";
        let expected =
            "tuple[str, bool or None, int]: \\x8c\\x01aNK\\x01\\x87\\x8c\\x01a\\x88K\\x02\\x87";
        assert_eq!(read(pairs).as_deref(), Some(expected));
        assert_eq!(read(b"]](K\x01e").as_deref(), Some("list[int]: ](e](K\\x01e"));
    }

    #[test]
    fn values_of_several_types_and_unknown_ones_are_not() {
        assert_eq!(read(b"K\x01\x88"), None);
        assert_eq!(read(b"K\x01G\0\0\0\0\0\0\0\0"), None);
        // 2 ** 64, a lone surrogate, bytes, a set.
        assert_eq!(read(b"\x8a\x09\0\0\0\0\0\0\0\0\x01"), None);
        assert_eq!(read(b"\x8c\x03\xed\xa0\x80"), None);
        assert_eq!(read(b"C\x01a"), None);
        assert_eq!(read(b"\x8f"), None);
    }

    #[test]
    fn no_list_is_there_twice() {
        assert!(read(b"]](K\x01e").is_some());
        assert_eq!(read(b"](K\x01e\x94h\x00"), None);
        assert_eq!(read(b"](K\x01e\x85\x94h\x00"), None);
        assert!(read(b"K\x01\x85\x94h\x00").is_some());
    }

    #[test]
    fn dicts_are_of_one_type_if_their_keys_are_the_same_in_the_same_order() {
        let one = "dict[a: int, b: str]: }(\\x8c\\x01aK\\x01\\x8c\\x01b\\x8c\\x01xu";
        assert_eq!(read(b"}(\x8c\x01aK\x01\x8c\x01b\x8c\x01xu").as_deref(), Some(one));
        let maybe = "dict[a: int or None]: }(\\x8c\\x01aK\\x01u}(\\x8c\\x01aNu";
        assert_eq!(read(b"}\x8c\x01aK\x01s}\x8c\x01aNs").as_deref(), Some(maybe));
        assert_eq!(read(b"}\x8c\x01aK\x01s}\x8c\x01bK\x01s"), None);
        assert_eq!(read(b"}(\x8c\x01aK\x01\x8c\x01bK\x02u}(\x8c\x01bK\x01\x8c\x01aK\x02u"), None);
        assert_eq!(read(b"}K\x01K\x01s"), None);
        assert_eq!(read(b"}"), None);
        assert_eq!(read(b"}(K\x01u"), None);
        assert_eq!(read(b"}\x8c\x01aK\x01s\x94h\x00"), None);
    }

    #[test]
    fn a_list_that_is_within_itself_has_no_type() {
        assert_eq!(
            unpickle(b"\x80\x05]\x94(](e]h\x00e.", None).map(|list| list.records.len()),
            None
        );
        assert!(unpickle(b"\x80\x05]\x94(}\x8c\x01lh\x00se.", None).is_none());
    }

    #[test]
    fn an_expected_type_is_kept_where_it_fits() {
        let data = b"\x80\x05](K\x01e.";
        let maybe = Type::Option(Box::new(Type::Int));
        let ty = |like: &Type| unpickle(data, Some(like)).map(|list| list.records.ty().clone());
        assert_eq!(ty(&maybe), Some(maybe));
        assert_eq!(ty(&Type::Str), Some(Type::Int));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let whole = b"\x80\x05](\x8c\x01aK\x01\x86\x8c\x01bK\x02\x86e.";
        assert!(unpickle(whole, None).is_some());
        assert!((0..whole.len()).all(|end| unpickle(&whole[..end], None).is_none()));
    }

    /// What a list holds, the others with their places.
    fn mixed(items: &[u8], like: Option<&Type>) -> Option<(String, Vec<(usize, String)>)> {
        let list = unpickle(&[b"\x80\x05](".as_slice(), items, b"e."].concat(), like)?;
        let others = list.others.iter().map(|(at, value)| (at, value.escape_ascii().to_string()));
        Some((format!("{} {}", list.records.len(), list.records.ty()), others.collect()))
    }

    #[test]
    fn few_values_may_be_of_other_types() {
        let ints = b"K\x01K\x02K\x03".as_slice();
        let with = |items: &[u8]| {
            let (typed, others) = mixed(&[ints, items, ints, b"N"].concat(), None)?;
            assert_eq!(typed, "7 int or None");
            Some(others)
        };
        let one = |written: &str| Some(vec![(3, written.to_owned())]);
        assert_eq!(with(b"\x8c\x01a\x94"), one("\\x8c\\x01a"));
        assert_eq!(with(b"G?\xf8\0\0\0\0\0\0"), one("G?\\xf8\\x00\\x00\\x00\\x00\\x00\\x00"));
        // 2 ** 64, a lone surrogate, bytes.
        let big = b"\x8a\x09\0\0\0\0\0\0\0\0\x01";
        assert_eq!(with(big), one(&big.escape_ascii().to_string()));
        assert_eq!(with(b"\x8c\x03\xed\xa0\x80"), one("\\x8c\\x03\\xed\\xa0\\x80"));
        assert_eq!(with(b"C\x01a"), one("C\\x01a"));
        // A tuple of a dict, which stays where it is met once only.
        assert_eq!(with(b"}K\x01C\x00s\x94\x85"), one("(}(K\\x01C\\x00ut"));
        assert_eq!(with(b"}\x94h\x00\x86"), None);
        assert_eq!(with(b"}\x94h\x00"), None);
        assert_eq!(with(b"\x8f"), None);
        assert_eq!(mixed(b"K\x01K\x02\x88", None), None);
    }

    #[test]
    fn the_first_values_may_be_the_unusual_ones() {
        let odd = [b"N".to_vec(), b"\x8c\x01a".repeat(70)].concat();
        let found = mixed(&[odd.as_slice(), &b"K\x01".repeat(1000)].concat(), None);
        let found = found.map(|(typed, others)| (typed, others.len()));
        assert_eq!(found, Some(("1001 int or None".to_owned(), 70)));
        assert_eq!(mixed(&[b"K\x01".repeat(500), b"\x88".repeat(500)].concat(), None), None);
    }

    #[test]
    fn what_does_not_fit_an_expected_type_has_its_own() {
        let found = mixed(b"N\x8c\x01a\x8c\x01b", Some(&Type::Int));
        assert_eq!(found, Some(("3 str or None".to_owned(), Vec::new())));
    }
}
