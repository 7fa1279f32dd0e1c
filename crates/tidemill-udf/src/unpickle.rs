//! Reads pickled lists as typed records, so that compiled code can go on with what CPython made.
//!
//! Only what the built-in `None`, `bool`, `int`, `float`, `str`, `tuple`, `list` and `dict` (with the same `str`
//! keys in the same order) are pickled as is understood; anything else ends the attempt, so a subclass is never
//! taken for its base. No list or dict may be there twice: a function that changes one would change the other.
//! Records are typed while the pickle is read, so that the first one that does not fit ends the attempt. Format:
//! `Lib/pickletools.py` of CPython.

use bumpalo::Bump;

use crate::records::{Records, list_of};
use crate::types::Type;

/// Deeper values are not typed.
pub const DEEPEST: usize = 16;
/// Values of more parts give no type: code for them would take long to make.
pub const MOST_PARTS: usize = 1024;
/// Times that a wider type is tried.
const MOST_WIDENINGS: usize = 32;
/// Longer pickles are not read: what they hold would be in memory twice.
const MOST_BYTES: usize = 64 << 20;

/// The items of a pickled list, if they are all of one type that compiled code knows.
///
/// They are read as values of type `like` if they are such; otherwise their type is that of the first, widened by
/// those that follow.
///
/// ```
/// use tidemill_udf::unpickle;
/// // pickle.dumps([1, None], 5)
/// let records = unpickle(b"\x80\x05\x95\x08\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01Ne.", None);
/// assert_eq!(records.map(|records| records.ty().to_string()), Some("int or None".to_owned()));
/// // pickle.dumps([1, 1.5], 5)
/// let mixed = b"\x80\x05\x95\x10\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01G?\xf8\0\0\0\0\0\0e.";
/// assert!(unpickle(mixed, None).is_none());
/// ```
pub fn unpickle(data: &[u8], like: Option<&Type>) -> Option<Records> {
    if data.len() > MOST_BYTES {
        return None;
    }
    let mut pickle = Pickle { rest: data, ..Pickle::default() };
    let mut typing = Typing::new(like);
    while let Some(batch) = pickle.next_batch()? {
        typing.take(&pickle, &batch)?;
    }
    Some(typing.records)
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
            match self.byte()? {
                b'.' => return Some(None),
                b'a' => {
                    let items = vec![self.stack.pop()?];
                    if let Some(batch) = self.extend(items)? {
                        return Some(Some(batch));
                    }
                }
                b'e' => {
                    let items = self.marked()?;
                    if let Some(batch) = self.extend(items)? {
                        return Some(Some(batch));
                    }
                }
                code => self.step(code)?,
            }
        }
    }

    /// One instruction that adds no items to lists.
    fn step(&mut self, code: u8) -> Option<()> {
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
            0x8a => Node::Int(self.long()?),
            b'G' => Node::Float(u64::from_be_bytes(self.bytes()?)),
            0x8c => {
                let length = self.byte()?;
                self.text(length.into())?
            }
            b'X' => {
                let length = u32::from_le_bytes(self.bytes()?);
                self.text(length as usize)?
            }
            0x8d => {
                let length = u64::from_le_bytes(self.bytes()?);
                self.text(usize::try_from(length).ok()?)?
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

    /// An integer of up to eight bytes.
    fn long(&mut self) -> Option<i64> {
        let length = usize::from(self.byte()?);
        let bytes = self.take(length)?;
        let sign = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut all = [sign; 8];
        all.get_mut(..length)?.copy_from_slice(bytes);
        Some(i64::from_le_bytes(all))
    }

    /// Fails for lone surrogates.
    fn text(&mut self, length: usize) -> Option<Node<'d>> {
        std::str::from_utf8(self.take(length)?).ok().map(Node::Str)
    }

    /// The type of a value of at most `parts` parts.
    fn type_of(&self, node: Node<'_>, depth: usize, parts: &mut usize) -> Option<Type> {
        *parts = parts.checked_sub(1)?;
        if depth > DEEPEST {
            return None;
        }
        Some(match node {
            Node::None => Type::None,
            Node::Bool(_) => Type::Bool,
            Node::Int(_) => Type::Int,
            Node::Float(_) => Type::Float,
            Node::Str(_) => Type::Str,
            Node::Tuple(start, len) => {
                let items = self.items[start..start + len].iter();
                let types = items.map(|&item| self.type_of(item, depth + 1, parts));
                Type::Tuple(types.collect::<Option<_>>()?)
            }
            // The outermost list, whose items are not kept, is within itself.
            Node::List(0) => return None,
            Node::List(list) => {
                let mut item = Type::Never;
                for each in self.list(list) {
                    let ty = self.type_of(each, depth + 1, parts)?;
                    item = if item == Type::Never { ty } else { item.unify(&ty)? };
                }
                Type::List(Box::new(item))
            }
            Node::Dict(dict) => {
                let mut fields: Vec<(String, Type)> = Vec::new();
                for entry in self.entries(dict) {
                    let (key, value) = entry?;
                    fields.push((key.to_owned(), self.type_of(value, depth + 1, parts)?));
                }
                (!fields.is_empty()).then_some(Type::Record(fields))?
            }
        })
    }
}

/// The values so far, as records of the type so far.
struct Typing<'d> {
    /// Whether the type is one that was expected, and not seen.
    expected: bool,
    roots: Vec<Node<'d>>,
    records: Records,
    /// By list or dict, whether a record has it.
    met: Vec<bool>,
    heap: Bump,
    widenings: usize,
}

impl<'d> Typing<'d> {
    fn new(like: Option<&Type>) -> Self {
        Typing {
            expected: like.is_some(),
            roots: Vec::new(),
            records: Records::new(like.unwrap_or(&Type::Never)),
            met: Vec::new(),
            heap: Bump::new(),
            widenings: 0,
        }
    }

    /// Types more values; `None` if there is no type for all.
    fn take(&mut self, pickle: &Pickle<'d>, batch: &[Node<'d>]) -> Option<()> {
        self.roots.extend_from_slice(batch);
        let mut slots = Vec::new();
        while let Some(&root) = self.roots.get(self.records.len()) {
            slots.clear();
            self.met.resize(pickle.lists.len(), false);
            let ty = self.records.ty().clone();
            if self.value(pickle, root, &ty, &mut slots).is_some() {
                // SAFETY: the slots of a value of the type; its texts are in the pickle, its lists in the heap.
                unsafe { self.records.push(&slots) };
                self.heap.reset();
            } else {
                self.widen(pickle, root)?;
            }
        }
        Some(())
    }

    /// Begins again with a type that holds one more value; `None` if there is none.
    fn widen(&mut self, pickle: &Pickle<'d>, root: Node<'d>) -> Option<()> {
        self.widenings += 1;
        let of = |node| pickle.type_of(node, 0, &mut MOST_PARTS.clone());
        let (known, other) = (self.records.ty(), of(root)?);
        let wider = known.unify(&other).filter(|wider| wider != known);
        let wider = match wider {
            None if self.expected => {
                self.expected = false;
                of(*self.roots.first()?)?
            }
            wider => wider.filter(|_| self.widenings <= MOST_WIDENINGS)?,
        };
        self.records = Records::new(&wider);
        self.met.clear();
        Some(())
    }

    /// Appends the slots of a value; `None` if it is not of the type.
    fn value(
        &mut self,
        pickle: &Pickle<'d>,
        node: Node<'d>,
        ty: &Type,
        slots: &mut Vec<u64>,
    ) -> Option<()> {
        match (ty, node) {
            (Type::None, Node::None) => {}
            (Type::Option(_), Node::None) => slots.extend(ty.absent()),
            (Type::Option(inner), _) => {
                slots.push(1);
                self.value(pickle, node, inner, slots)?;
            }
            (Type::Bool, Node::Bool(flag)) => slots.push(flag.into()),
            (Type::Int, Node::Int(number)) => slots.push(number as u64),
            (Type::Float, Node::Float(bits)) => slots.push(bits),
            (Type::Str, Node::Str(text)) => {
                slots.extend([text.as_ptr() as u64, text.len() as u64]);
            }
            (Type::Tuple(types), Node::Tuple(start, len)) if types.len() == len => {
                for (at, ty) in types.iter().enumerate() {
                    self.value(pickle, pickle.items[start + at], ty, slots)?;
                }
            }
            (Type::List(item), Node::List(list)) if list > 0 => {
                self.meet(list)?;
                let (mut items, mut len) = (Vec::new(), 0);
                for each in pickle.list(list) {
                    self.value(pickle, each, item, &mut items)?;
                    len += 1;
                }
                slots.push(list_of(&self.heap, item, len, &items));
            }
            (Type::Record(fields), Node::Dict(dict)) => {
                self.meet(dict)?;
                let mut entries = pickle.entries(dict);
                for (key, ty) in fields {
                    let (found, value) = entries.next()??;
                    if found != key {
                        return None;
                    }
                    self.value(pickle, value, ty, slots)?;
                }
                return entries.next().is_none().then_some(());
            }
            _ => return None,
        }
        Some(())
    }

    /// Notes that a record has a list or dict; `None` if one has it already.
    fn meet(&mut self, list: usize) -> Option<()> {
        (!std::mem::replace(self.met.get_mut(list)?, true)).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle;

    fn read(items: &[u8]) -> Option<String> {
        let data = [b"\x80\x05](".as_slice(), items, b"e."].concat();
        let records = unpickle(&data, None)?;
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
        assert_eq!(unpickle(b"\x80\x05]\x94(](e]h\x00e.", None).map(|r| r.len()), None);
        assert_eq!(unpickle(b"\x80\x05]\x94(}\x8c\x01lh\x00se.", None).map(|r| r.len()), None);
    }

    #[test]
    fn an_expected_type_is_kept_where_it_fits() {
        let data = b"\x80\x05](K\x01e.";
        let maybe = Type::Option(Box::new(Type::Int));
        let ty = |like: &Type| unpickle(data, Some(like)).map(|records| records.ty().clone());
        assert_eq!(ty(&maybe), Some(maybe));
        assert_eq!(ty(&Type::Str), Some(Type::Int));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let whole = b"\x80\x05](\x8c\x01aK\x01\x86\x8c\x01bK\x02\x86e.";
        assert!(unpickle(whole, None).is_some());
        assert!((0..whole.len()).all(|end| unpickle(&whole[..end], None).is_none()));
    }
}
