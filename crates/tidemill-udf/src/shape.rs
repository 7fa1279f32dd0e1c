//! What dynamic values looked like in the rows that were seen: which kinds, which keys. A shape is a hint to
//! the code generator, never a promise: code checks the kind of every value that it takes for one.

use rustc_hash::FxHashMap;

/// The kinds of dynamic values, as they are tagged at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `None`.
    None = 0,
    /// `bool`.
    Bool = 1,
    /// `int` within 64 bits.
    Int = 2,
    /// `float`.
    Float = 3,
    /// `str`.
    Str = 4,
    /// `list` of dynamic values.
    List = 5,
    /// `dict` from `str` to dynamic values.
    Dict = 6,
    /// Something that native code does not hold, such as a longer `int`.
    Other = 7,
}

impl Kind {
    /// All kinds, in the order of their tags.
    pub(crate) const ALL: [Kind; 8] = [
        Kind::None,
        Kind::Bool,
        Kind::Int,
        Kind::Float,
        Kind::Str,
        Kind::List,
        Kind::Dict,
        Kind::Other,
    ];

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What a dynamic value may look like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The most frequent kind but `None`.
    main: Option<Kind>,
    /// A bit for each kind.
    kinds: u8,
    /// The keys of dicts, in the order of their first appearance, and what they hold.
    fields: Vec<(String, Shape)>,
    /// What lists hold.
    items: Option<Box<Shape>>,
}

impl Shape {
    /// A value of one kind.
    pub(crate) fn of(kind: Kind) -> Shape {
        let main = (kind != Kind::None).then_some(kind);
        Shape { main, kinds: kind.bit(), ..Shape::default() }
    }

    /// A list.
    pub(crate) fn list(items: Shape) -> Shape {
        Shape { items: Some(Box::new(items)), ..Shape::of(Kind::List) }
    }

    /// A number that keeps its kind.
    pub(crate) fn number() -> Shape {
        Shape::of(Kind::Int).merge(&Shape::of(Kind::Float))
    }

    /// The kinds and the most frequent one, in three hexadecimal digits.
    pub(crate) fn code(&self) -> String {
        format!("{:02x}{:x}", self.kinds, self.main.map_or(0, |kind| kind as u8))
    }

    /// A shape of such a code.
    pub(crate) fn from_code(code: &str) -> Option<Shape> {
        let kinds = u8::from_str_radix(code.get(..2)?, 16).ok()?;
        let main = usize::from_str_radix(code.get(2..)?, 16).ok()?;
        let main = Kind::ALL.get(main).copied().filter(|kind| *kind != Kind::None);
        Some(Shape { main, kinds, ..Shape::default() })
    }

    /// The kind to expect.
    pub(crate) fn main(&self) -> Option<Kind> {
        self.main
    }

    /// Whether a kind was seen.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.kinds & kind.bit() != 0
    }

    /// Whether both `int` and `float` were seen, and nothing else but `None`.
    pub(crate) fn is_number(&self) -> bool {
        self.kinds & !Kind::None.bit() == Kind::Int.bit() | Kind::Float.bit()
    }

    /// The only kind but `None`, if there is one.
    pub(crate) fn only(&self) -> Option<Kind> {
        self.main.filter(|kind| self.kinds & !Kind::None.bit() == kind.bit())
    }

    /// The same without `None`.
    pub(crate) fn without_none(&self) -> Shape {
        Shape { kinds: self.kinds & !Kind::None.bit(), ..self.clone() }
    }

    /// What a key holds, and its usual place; a key that was never seen holds anything.
    pub(crate) fn field(&self, key: &str) -> (usize, Shape) {
        match self.fields.iter().position(|(name, _)| name == key) {
            Some(at) => (at, self.fields[at].1.clone()),
            None => (0, Shape::default()),
        }
    }

    /// What any key may hold.
    pub(crate) fn values(&self) -> Shape {
        self.fields.iter().fold(Shape::default(), |all, (_, shape)| all.merge(shape))
    }

    /// What a list holds.
    pub(crate) fn items(&self) -> Shape {
        self.items.as_deref().cloned().unwrap_or_default()
    }

    /// A dict of this shape with one more key.
    pub(crate) fn with_field(&self, key: &str, value: &Shape) -> Shape {
        let fields = vec![(key.to_owned(), value.clone())];
        self.merge(&Shape { fields, ..Shape::of(Kind::Dict) })
    }

    /// What may look like either.
    pub(crate) fn merge(&self, other: &Shape) -> Shape {
        let mut fields = self.fields.clone();
        for (key, shape) in &other.fields {
            match fields.iter().position(|(name, _)| name == key) {
                Some(at) => fields[at].1 = fields[at].1.merge(shape),
                None if fields.len() < MOST_FIELDS => fields.push((key.clone(), shape.clone())),
                None => {}
            }
        }
        let items = match (&self.items, &other.items) {
            (Some(a), Some(b)) => Some(Box::new(a.merge(b))),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        let (main, kinds) = (self.main.or(other.main), self.kinds | other.kinds);
        Shape { main, kinds, fields, items }
    }
}

/// Keys of a dict that are told apart.
const MOST_FIELDS: usize = 100;
/// A kind that is rarer than one in this many is not worth code of its own.
const RARE: usize = 64;

/// Counts of what values looked like.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    counts: [usize; 8],
    fields: Vec<(String, Profile)>,
    places: FxHashMap<String, usize>,
    items: Option<Box<Profile>>,
}

impl Profile {
    /// Counts one value.
    pub(crate) fn see(&mut self, kind: Kind) {
        self.counts[kind as usize] += 1;
    }

    /// The profile of what a key holds; `None` if there are too many keys.
    pub(crate) fn field(&mut self, key: &str) -> Option<&mut Profile> {
        let at = match self.places.get(key) {
            Some(&at) => at,
            None if self.fields.len() == MOST_FIELDS => return None,
            None => {
                self.places.insert(key.to_owned(), self.fields.len());
                self.fields.push((key.to_owned(), Profile::default()));
                self.fields.len() - 1
            }
        };
        Some(&mut self.fields[at].1)
    }

    /// The profile of what lists hold.
    pub(crate) fn items(&mut self) -> &mut Profile {
        self.items.get_or_insert_default()
    }

    /// The shape without rare kinds.
    pub(crate) fn shape(&self) -> Shape {
        let total: usize = self.counts.iter().sum();
        let mut shape = Shape::default();
        let mut most = 0;
        for kind in Kind::ALL {
            let count = self.counts[kind as usize];
            // None costs next to nothing to allow for.
            let rare = kind != Kind::None && count * RARE < total;
            if count == 0 || rare {
                continue;
            }
            shape.kinds |= kind.bit();
            if kind != Kind::None && count > most {
                (shape.main, most) = (Some(kind), count);
            }
        }
        shape.fields = self.fields.iter().map(|(key, held)| (key.clone(), held.shape())).collect();
        shape.items = self.items.as_ref().map(|held| Box::new(held.shape()));
        shape
    }
}
