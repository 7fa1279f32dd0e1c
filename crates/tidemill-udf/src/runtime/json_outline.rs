//! How the objects of earlier documents were written: the next ones mostly have the same keys in the same order,
//! with the same white space.
//!
//! A key that comes as before is known by comparing the bytes from the value before it to its own value, which
//! spares the search for its end and for an equal key: the keys of an outline are distinct.

use std::ops::Range;

/// Bytes that are compared at once.
const NEAR: usize = 32;
const WORDS: usize = NEAR / 8;
/// Bytes from one value to the next that are kept.
const LONGEST: usize = 256;
/// Entries of an object that are kept.
const MOST_ENTRIES: usize = 64;
/// Outlines of one kind of document.
const MOST_OUTLINES: usize = 512;
/// Entries that an object may leave out at one place.
const LEFT_OUT: usize = 4;
/// Objects in a row that are other than expected, after which the last of them is the model of the next.
const MISSES: u32 = 8;

/// The outline of what is not expected to be like anything.
pub(super) const NONE: usize = usize::MAX;

/// An entry: what is from the end of the value before it, or the brace, to where its own value may begin.
struct Expected {
    /// As much of it as is compared at once, and which of these bytes are of it.
    near: [u64; WORDS],
    mask: [u64; WORDS],
    text: Box<[u8]>,
    /// Where the key is in it.
    key: Range<usize>,
    /// The outline of its value, or of the items of the list that this is.
    inner: usize,
}

/// An entry that was as expected.
pub(super) struct Found<'t> {
    pub key: &'t [u8],
    /// Bytes from the end of the value before it to where its own may begin.
    pub length: usize,
    /// The outline of its value.
    pub inner: usize,
    /// The place of the entry to expect next.
    pub next: usize,
}

impl Expected {
    fn new(text: &[u8], key: Range<usize>, inner: usize) -> Expected {
        let word = |i: usize, of: &dyn Fn(u8) -> u8| {
            u64::from_le_bytes(std::array::from_fn(|j| text.get(i * 8 + j).map_or(0, |&b| of(b))))
        };
        Expected {
            near: std::array::from_fn(|i| word(i, &|byte| byte)),
            mask: std::array::from_fn(|i| word(i, &|_| 0xff)),
            text: text.into(),
            key,
            inner,
        }
    }

    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk::<NEAR>() {
            Some(near) if self.text.len() <= NEAR => {
                let mut differing = 0;
                for (i, word) in near.as_chunks().0.iter().enumerate() {
                    differing |= (u64::from_le_bytes(*word) ^ self.near[i]) & self.mask[i];
                }
                differing == 0
            }
            _ => text.starts_with(&self.text),
        }
    }
}

/// What an object's entries are expected to be.
#[derive(Default)]
struct Outline {
    entries: Vec<Expected>,
    /// Objects in a row that were other.
    misses: u32,
}

/// The outlines of all documents, with the places in the tree that read them.
#[derive(Default)]
pub(super) struct Documents(Vec<(u64, Outlines)>);

impl Documents {
    /// Those of the documents of a place. There are few places.
    pub(super) fn at(&mut self, site: u64) -> &mut Outlines {
        let known = self.0.iter().position(|(other, _)| *other == site);
        let place = known.unwrap_or_else(|| {
            self.0.push((site, Outlines::default()));
            self.0.len() - 1
        });
        &mut self.0[place].1
    }
}

/// The outlines of one kind of document, each within one other: the first is the document's own.
#[derive(Default)]
pub(super) struct Outlines {
    all: Vec<Outline>,
    /// Those that are within none.
    unused: Vec<usize>,
}

impl Outlines {
    /// The outline of the document's value.
    pub(super) fn document(&mut self) -> usize {
        if self.all.is_empty() {
            self.all.push(Outline::default());
        }
        0
    }

    /// How many entries an object is expected to have.
    pub(super) fn count(&self, outline: usize) -> usize {
        self.all.get(outline).map_or(0, |outline| outline.entries.len())
    }

    /// The entry of an outline that the text goes on with, if it is the one at a place or soon after it.
    #[inline(always)]
    pub(super) fn find<'t>(&self, outline: usize, at: usize, text: &'t [u8]) -> Option<Found<'t>> {
        let ahead = self.all.get(outline)?.entries.get(at..)?;
        let skipped = match ahead.first()?.begins(text) {
            true => 0,
            // What comes after the first begins with a comma, which must not be first.
            false if at == 0 => return None,
            false => left_out(ahead, text)?,
        };
        let entry = &ahead[skipped];
        Some(Found {
            key: &text[entry.key.clone()],
            length: entry.text.len(),
            inner: entry.inner,
            next: at + skipped + 1,
        })
    }

    /// Takes note of an object that was as expected.
    #[inline(always)]
    pub(super) fn met(&mut self, outline: usize) {
        if let Some(outline) = self.all.get_mut(outline) {
            outline.misses = 0;
        }
    }

    /// Takes note of an object that goes on otherwise from a place on; whether its entries are to be learnt.
    pub(super) fn missed(&mut self, outline: usize, at: usize) -> bool {
        let Some(outline) = self.all.get_mut(outline) else { return false };
        if outline.entries.len() > at {
            outline.misses += 1;
            if outline.misses < MISSES {
                return false;
            }
            let dropped = outline.entries.drain(at..).map(|entry| entry.inner).collect();
            outline.misses = 0;
            self.reuse(dropped);
        }
        true
    }

    /// Outlines, and all within them, are free for others.
    fn reuse(&mut self, mut dropped: Vec<usize>) {
        while let Some(place) = dropped.pop() {
            let outline = std::mem::take(&mut self.all[place]);
            dropped.extend(outline.entries.iter().map(|entry| entry.inner));
            self.unused.push(place);
        }
    }

    /// Appends an entry to an outline, unless it has the key: an object may have left that out, and have it twice
    /// later. Gives the outline of the entry's value.
    pub(super) fn learn(
        &mut self,
        outline: usize,
        text: &[u8],
        key: Range<usize>,
    ) -> Option<usize> {
        let entries = &self.all[outline].entries;
        let is_known = |entry: &Expected| entry.text[entry.key.clone()] == text[key.clone()];
        if entries.len() >= MOST_ENTRIES || text.len() > LONGEST || entries.iter().any(is_known) {
            return None;
        }
        let inner = match self.unused.pop() {
            Some(unused) => unused,
            None if self.all.len() > MOST_OUTLINES => return None,
            None => {
                self.all.push(Outline::default());
                self.all.len() - 1
            }
        };
        self.all[outline].entries.push(Expected::new(text, key, inner));
        Some(inner)
    }
}

/// How many entries, one at least, are left out before the one that the text begins with.
#[cold]
fn left_out(ahead: &[Expected], text: &[u8]) -> Option<usize> {
    (1..=LEFT_OUT).find(|&count| ahead.get(count).is_some_and(|entry| entry.begins(text)))
}
