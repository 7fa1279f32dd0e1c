//! What compiled code calls for regular expressions.
//!
//! A match is an array of slots in memory of the row: address and length of the subject, then of each group
//! that the program asks for. A group that did not take part has an address of its own, `absent`.

use std::ops::Range;
use std::sync::Arc;

use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};

use super::{DONE, List, Rows, UNSURE, bytes, new_list, push_slots, push_str, room_for, set_str};
use crate::pattern::straight::Straight;
use crate::pattern::{Engine, Insert, Matcher, Scratch};

/// Where the text of a group that did not take part would be; no other text is.
static ABSENT: u8 = 0;

/// The address of a group that did not take part. Its text of no bytes may be looked at.
pub(crate) fn absent() -> u64 {
    std::ptr::from_ref(&ABSENT) as u64
}

/// Slots of a match before its groups.
pub(crate) const SUBJECT: usize = 2;

/// Working memory that a run has borrowed from an engine.
pub(crate) struct Held {
    engine: Arc<Engine>,
    scratch: Option<Scratch>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(scratch) = self.scratch.take() {
            self.engine.give_back(scratch);
        }
    }
}

/// The working memory for an engine in this run.
fn scratch<'r>(held: &'r mut Vec<Held>, engine: &Arc<Engine>) -> &'r mut Scratch {
    let known = held.iter().position(|h| Arc::ptr_eq(&h.engine, engine));
    let at = known.unwrap_or_else(|| {
        held.push(Held { engine: engine.clone(), scratch: None });
        held.len() - 1
    });
    held[at].scratch.get_or_insert_with(|| engine.borrow())
}

/// Searches a subject again and again, going on as CPython does.
struct Search<'s> {
    matcher: &'s Matcher,
    scratch: &'s mut Scratch,
    subject: &'s [u8],
    /// Number of groups to find, the whole match included.
    groups: usize,
    from: usize,
}

impl<'s> Search<'s> {
    fn new(
        held: &'s mut Vec<Held>,
        matcher: &'s Matcher,
        subject: &'s [u8],
        groups: usize,
    ) -> Self {
        let scratch = scratch(held, &matcher.engine);
        scratch.slots.clear();
        scratch.slots.resize(2 * groups, None);
        Search { matcher, scratch, subject, groups, from: 0 }
    }

    fn input(&self) -> Input<'s> {
        let anchored = if self.matcher.anchored { Anchored::Yes } else { Anchored::No };
        Input::new(self.subject).range(self.from..self.subject.len()).anchored(anchored)
    }

    /// What finds the match without an automaton, where that can only be at the start.
    fn straight(&self) -> Option<&'s Straight> {
        self.matcher.straight().filter(|_| self.from == 0)
    }

    /// Whether there is a match at all.
    fn is_match(&mut self) -> bool {
        if let Some(straight) = self.straight() {
            return straight.find(self.subject, &mut []).is_some();
        }
        let input = self.input().earliest(true);
        self.matcher.engine.regex.search_half_with(&mut self.scratch.cache, &input).is_some()
    }

    /// Finds the first match from here on; its groups are in the slots.
    fn find(&mut self) -> Option<Range<usize>> {
        if let Some(straight) = self.straight() {
            return self.find_straight(straight);
        }
        let input = self.input();
        let regex = &self.matcher.engine.regex;
        if self.groups <= 1 {
            let found = regex.search_with(&mut self.scratch.cache, &input)?;
            return Some(found.range());
        }
        regex.search_slots_with(&mut self.scratch.cache, &input, &mut self.scratch.slots)?;
        self.group(0)
    }

    fn find_straight(&mut self, straight: &Straight) -> Option<Range<usize>> {
        let slots = &mut self.scratch.slots;
        slots.fill(None);
        let end = straight.find(self.subject, slots)?;
        if let [first, last, ..] = slots.as_mut_slice() {
            (*first, *last) = (NonMaxUsize::new(0), NonMaxUsize::new(end));
        }
        Some(0..end)
    }

    /// Finds the next match. After one of nothing there is no other at its place, so the search goes on with the
    /// next character.
    fn next(&mut self) -> Option<Range<usize>> {
        if self.from > self.subject.len() {
            return None;
        }
        let found = self.find()?;
        self.from = found.end;
        if found.is_empty() {
            self.from += self.subject.get(found.end).map_or(1, |&first| width(first));
        }
        Some(found)
    }

    /// Where a group is in the match that was found last.
    fn group(&self, group: usize) -> Option<Range<usize>> {
        let start = self.scratch.slots[2 * group]?.get();
        let end = self.scratch.slots[2 * group + 1]?.get();
        Some(start..end)
    }

    /// What a group matched, nothing if it did not take part.
    fn text(&self, group: usize, whole: &Range<usize>) -> &'s [u8] {
        let found = if group == 0 { Some(whole.clone()) } else { self.group(group) };
        found.map_or(&self.subject[..0], |range| &self.subject[range])
    }

    /// Writes the match that was found last to memory of the row.
    fn keep(&self, rows: &super::Bump, whole: &Range<usize>) -> u64 {
        let room = room_for(rows, SUBJECT + 2 * self.groups);
        let set = |pair: usize, address: u64, length: usize| {
            // SAFETY: the room is for the subject and each group, a pair of slots each.
            unsafe {
                *room.add(2 * pair) = address;
                *room.add(2 * pair + 1) = length as u64;
            }
        };
        set(0, self.subject.as_ptr() as u64, self.subject.len());
        for group in 0..self.groups {
            let found = if group == 0 { Some(whole.clone()) } else { self.group(group) };
            match found {
                Some(range) => {
                    let text = &self.subject[range];
                    set(group + 1, text.as_ptr() as u64, text.len());
                }
                None => set(group + 1, absent(), 0),
            }
        }
        room as u64
    }
}

/// Bytes of the character that begins with a byte.
fn width(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

helpers! {
    /// `match`, `search`, `fullmatch`: the address of the match, 0 if there is none.
    fn regex_match(rows: *mut Rows<'_>, matcher: *const Matcher, s: *const u8, n: usize, out: *mut u64) -> u32 {
        // SAFETY: the run's own state, a matcher of the code that runs, a string of the row in hand.
        let (rows, matcher, subject) = unsafe { (&mut *rows, &*matcher, bytes(s, n)) };
        if !matcher.pattern.is_sure(subject) {
            return UNSURE;
        }
        let groups = matcher.pattern.wanted();
        let mut search = Search::new(&mut rows.held, matcher, subject, groups);
        let found = match groups {
            // Nobody looks at the match.
            0 => u64::from(search.is_match()),
            _ => search.find().map_or(0, |whole| search.keep(&rows.lists, &whole)),
        };
        // SAFETY: room for one slot.
        unsafe { *out = found };
        DONE
    }

    /// `findall`: texts, or with several groups the texts of each.
    fn regex_find_all(rows: *mut Rows<'_>, matcher: *const Matcher, s: *const u8, n: usize, out: *mut u64) -> u32 {
        // SAFETY: as above.
        let (rows, matcher, subject) = unsafe { (&mut *rows, &*matcher, bytes(s, n)) };
        if !matcher.pattern.is_sure(subject) {
            return UNSURE;
        }
        let groups = matcher.pattern.count();
        let shown = if groups == 1 { 0..1 } else { 1..groups };
        // SAFETY: it was made for this row just now.
        let list = unsafe { &mut *new_list(&rows.lists, 4, 2 * shown.len()) };
        let mut item = Vec::with_capacity(2 * shown.len());
        let mut search = Search::new(&mut rows.held, matcher, subject, groups);
        while let Some(whole) = search.next() {
            item.clear();
            for group in shown.clone() {
                let text = search.text(group, &whole);
                item.extend([text.as_ptr() as u64, text.len() as u64]);
            }
            push_slots(&rows.lists, list, &item);
        }
        // SAFETY: room for one slot.
        unsafe { *out = std::ptr::from_mut(list) as u64 };
        DONE
    }

    /// `finditer`, all at once.
    fn regex_find_matches(rows: *mut Rows<'_>, matcher: *const Matcher, s: *const u8, n: usize, out: *mut u64) -> u32 {
        // SAFETY: as above.
        let (rows, matcher, subject) = unsafe { (&mut *rows, &*matcher, bytes(s, n)) };
        if !matcher.pattern.is_sure(subject) {
            return UNSURE;
        }
        // SAFETY: it was made for this row just now.
        let list = unsafe { &mut *new_list(&rows.lists, 4, 1) };
        let groups = matcher.pattern.wanted().max(1);
        let mut search = Search::new(&mut rows.held, matcher, subject, groups);
        while let Some(whole) = search.next() {
            push_slots(&rows.lists, list, &[search.keep(&rows.lists, &whole)]);
        }
        // SAFETY: room for one slot.
        unsafe { *out = std::ptr::from_mut(list) as u64 };
        DONE
    }

    /// `split`, at most so often (0 for no limit); with `maybe`, items have a slot that says whether they are there.
    fn regex_split(rows: *mut Rows<'_>, matcher: *const Matcher, s: *const u8, n: usize, most: i64, maybe: u64, out: *mut u64) -> u32 {
        // SAFETY: as above.
        let (rows, matcher, subject) = unsafe { (&mut *rows, &*matcher, bytes(s, n)) };
        if !matcher.pattern.is_sure(subject) {
            return UNSURE;
        }
        let groups = matcher.pattern.count();
        let lists = &rows.lists;
        // SAFETY: it was made for this row just now.
        let list = unsafe { &mut *new_list(lists, 8, if maybe == 0 { 2 } else { 3 }) };
        let push = |list: &mut List, text: Option<&[u8]>| match (maybe, text) {
            (0, text) => push_str(lists, list, text.unwrap_or_default()),
            (_, Some(text)) => push_slots(lists, list, &[1, text.as_ptr() as u64, text.len() as u64]),
            (_, None) => push_slots(lists, list, &[0, absent(), 0]),
        };
        let mut search = Search::new(&mut rows.held, matcher, subject, groups);
        let (mut last, mut done) = (0, 0);
        while most == 0 || done < most {
            let Some(whole) = search.next() else { break };
            push(list, Some(&subject[last..whole.start]));
            for group in 1..groups {
                push(list, search.group(group).map(|range| &subject[range]));
            }
            last = whole.end;
            done += 1;
        }
        push(list, Some(&subject[last..]));
        // SAFETY: room for one slot.
        unsafe { *out = std::ptr::from_mut(list) as u64 };
        DONE
    }

    /// `subn`, at most so often (0 for no limit): the text's slots and the number.
    fn regex_sub(rows: *mut Rows<'_>, matcher: *const Matcher, s: *const u8, n: usize, most: i64, out: *mut u64) -> u32 {
        // SAFETY: as above.
        let (rows, matcher, subject) = unsafe { (&mut *rows, &*matcher, bytes(s, n)) };
        if !matcher.pattern.is_sure(subject) {
            return UNSURE;
        }
        let groups = matcher.inserts.iter().map(|insert| match insert {
            Insert::Text(_) => 1,
            Insert::Group(group) => group + 1,
        });
        let groups = groups.max().unwrap_or(1);
        let mut search = Search::new(&mut rows.held, matcher, subject, groups);
        let mut result = bumpalo::collections::Vec::new_in(&rows.arena);
        let (mut last, mut done) = (0, 0);
        while most == 0 || done < most {
            let Some(whole) = search.next() else { break };
            result.extend_from_slice(&subject[last..whole.start]);
            for insert in &matcher.inserts {
                result.extend_from_slice(match insert {
                    Insert::Text(text) => text.as_bytes(),
                    Insert::Group(group) => search.text(*group, &whole),
                });
            }
            last = whole.end;
            done += 1;
        }
        if done == 0 {
            set_str(out, subject);
        } else {
            result.extend_from_slice(&subject[last..]);
            set_str(out, result.into_bump_slice());
        }
        // SAFETY: room for three slots.
        unsafe { *out.add(2) = done as u64 };
        DONE
    }

    /// Where in the subject of a match an address is, in characters.
    fn match_offset(found: *const u64, address: u64) -> i64 {
        // SAFETY: a match of the row in hand, and its subject.
        let subject = unsafe { bytes(*found as *const u8, *found.add(1) as usize) };
        let before = &subject[..(address - subject.as_ptr() as u64) as usize];
        before.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as i64
    }
}
