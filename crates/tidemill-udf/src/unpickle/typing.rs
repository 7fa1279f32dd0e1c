//! The type of most of a list's items, and what the others are.

use bumpalo::Bump;

use super::{DEEPEST, MOST_PARTS, MOST_WIDENINGS, Node, Pickle, Unpickled};
use crate::pickle;
use crate::records::{Records, list_of};
use crate::types::Type;

/// At most one item among so many may be of another type.
const MOST_OTHERS: usize = 4;
/// Parts of one of them.
const MOST_WRITTEN: usize = 1 << 16;

/// Items that are not of the type: as pickles without beginning and end, that use no memo.
#[derive(Debug, Default, Clone)]
pub struct Others {
    /// Of each, the number of typed items before it, and where it ends.
    ends: Vec<(usize, usize)>,
    data: Vec<u8>,
}

impl Others {
    /// Number of them.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of memory.
    pub fn size_bytes(&self) -> usize {
        self.data.capacity() + self.ends.capacity() * size_of::<(usize, usize)>()
    }

    /// Each, behind the number of typed items before it.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let begins = std::iter::once(0).chain(self.ends.iter().map(|&(_, end)| end));
        self.ends.iter().zip(begins).map(|(&(place, end), begin)| (place, &self.data[begin..end]))
    }

    fn push(&mut self, place: usize, write: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
        write(&mut self.data)?;
        self.ends.push((place, self.data.len()));
        Some(())
    }
}

/// The values so far, as records of the type so far.
pub(super) struct Typing<'d> {
    /// Whether the type is that of the first values, or an expected one.
    first: bool,
    roots: Vec<Node<'d>>,
    records: Records,
    others: Others,
    /// By list or dict, whether a record has it.
    met: Vec<bool>,
    /// Those of the last value.
    met_last: Vec<usize>,
    heap: Bump,
    widenings: usize,
}

impl<'d> Typing<'d> {
    pub(super) fn new(like: Option<&Type>) -> Self {
        Typing {
            first: true,
            roots: Vec::new(),
            records: Records::new(like.unwrap_or(&Type::Never)),
            others: Others::default(),
            met: Vec::new(),
            met_last: Vec::new(),
            heap: Bump::new(),
            widenings: 0,
        }
    }

    /// Types more values; `None` if there is no type for enough of them.
    pub(super) fn take(&mut self, pickle: &Pickle<'d>, batch: &[Node<'d>]) -> Option<()> {
        self.roots.extend_from_slice(batch);
        let mut slots = Vec::new();
        while let Some(&root) = self.roots.get(self.records.len() + self.others.len()) {
            slots.clear();
            self.met.resize(pickle.lists.len(), false);
            self.met_last.clear();
            let ty = self.records.ty().clone();
            if self.value(pickle, root, &ty, &mut slots).is_some() {
                // SAFETY: the slots of a value of the type; its texts are in the pickle, its lists in the heap.
                unsafe { self.records.push(&slots) };
                self.heap.reset();
                continue;
            }
            for list in self.met_last.drain(..) {
                self.met[list] = false;
            }
            match self.wider(pickle, root) {
                Some(wider) => self.begin(&wider),
                None => self.other(pickle, root)?,
            }
        }
        Some(())
    }

    /// What was read; `None` if too much of it is of other types.
    pub(super) fn finish(self) -> Option<Unpickled> {
        let few = self.others.len() * MOST_OTHERS <= self.roots.len();
        few.then_some(Unpickled { records: self.records, others: self.others })
    }

    /// Begins again with another type.
    fn begin(&mut self, ty: &Type) {
        self.records = Records::new(ty);
        self.others = Others::default();
        self.met.clear();
    }

    /// A type that holds one more value; `None` if there is none.
    fn wider(&mut self, pickle: &Pickle<'d>, root: Node<'d>) -> Option<Type> {
        if self.widenings == MOST_WIDENINGS {
            return None;
        }
        let known = self.records.ty();
        let wider = known.unify(&type_of(pickle, root)?).filter(|wider| wider != known)?;
        self.widenings += 1;
        Some(wider)
    }

    /// Notes a value of another type; `None` if there are too many of these.
    fn other(&mut self, pickle: &Pickle<'d>, root: Node<'d>) -> Option<()> {
        if self.others.len() * MOST_OTHERS > self.roots.len() {
            if !std::mem::take(&mut self.first) {
                return None;
            }
            // The first ones may have been the unusual ones.
            let ty = type_of(pickle, root)?;
            self.begin(&ty);
            return Some(());
        }
        let mut others = std::mem::take(&mut self.others);
        others.push(self.records.len(), |data| {
            self.write(pickle, root, data, &mut MOST_WRITTEN.clone())
        })?;
        self.others = others;
        Some(())
    }

    /// Writes a value as a pickle without memo; `None` if it has too many parts or a list or dict is there twice.
    fn write(
        &mut self,
        pickle: &Pickle<'d>,
        node: Node<'d>,
        data: &mut Vec<u8>,
        parts: &mut usize,
    ) -> Option<()> {
        *parts = parts.checked_sub(1)?;
        match node {
            Node::None => data.push(b'N'),
            Node::Bool(flag) => data.push(if flag { 0x88 } else { 0x89 }),
            Node::Int(number) => pickle::write_int(data, number),
            Node::Float(bits) => {
                data.push(b'G');
                data.extend_from_slice(&bits.to_be_bytes());
            }
            Node::Str(text) => pickle::write_str(data, text.as_bytes()),
            Node::Other(made) => data.extend_from_slice(made),
            Node::Tuple(start, len) => {
                data.push(b'(');
                for at in start..start + len {
                    self.write(pickle, pickle.items[at], data, parts)?;
                }
                data.push(b't');
            }
            Node::List(0) => return None,
            Node::List(list) | Node::Dict(list) => {
                self.meet(list)?;
                let (begin, end) = match node {
                    Node::List(_) => (b"](", b'e'),
                    _ => (b"}(", b'u'),
                };
                data.extend_from_slice(begin);
                for item in pickle.list(list) {
                    self.write(pickle, item, data, parts)?;
                }
                data.push(end);
            }
        }
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
        let met = self.met.get_mut(list)?;
        if std::mem::replace(met, true) {
            return None;
        }
        self.met_last.push(list);
        Some(())
    }
}

/// The type of a value; `None` if it has none.
fn type_of(pickle: &Pickle<'_>, node: Node<'_>) -> Option<Type> {
    part_type(pickle, node, 0, &mut MOST_PARTS.clone())
}

/// The type of a part of a value of which at most `parts` parts are left.
fn part_type(pickle: &Pickle<'_>, node: Node<'_>, depth: usize, parts: &mut usize) -> Option<Type> {
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
            let items = pickle.items[start..start + len].iter();
            let types = items.map(|&item| part_type(pickle, item, depth + 1, parts));
            Type::Tuple(types.collect::<Option<_>>()?)
        }
        // The outermost list, whose items are not kept, is within itself.
        Node::List(0) | Node::Other(_) => return None,
        Node::List(list) => {
            let mut item = Type::Never;
            for each in pickle.list(list) {
                let ty = part_type(pickle, each, depth + 1, parts)?;
                item = if item == Type::Never { ty } else { item.unify(&ty)? };
            }
            Type::List(Box::new(item))
        }
        Node::Dict(dict) => {
            let mut fields: Vec<(String, Type)> = Vec::new();
            for entry in pickle.entries(dict) {
                let (key, value) = entry?;
                fields.push((key.to_owned(), part_type(pickle, value, depth + 1, parts)?));
            }
            (!fields.is_empty()).then_some(Type::Record(fields))?
        }
    })
}
