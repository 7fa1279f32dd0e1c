//! Patterns that are matched straight on: wherever they could go two ways, the next byte says which.
//!
//! Most patterns for lines of a log are such: runs of characters, each ended by one that is not in the run. Their
//! one match from a place is found without states: a run is taken whole, since giving some of it back could not
//! help. For other patterns [`Straight::new`] gives nothing, and the automaton finds their matches.

use regex_automata::util::primitives::NonMaxUsize;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Steps of larger patterns are left to the automaton.
const MOST_STEPS: usize = 1000;

/// A pattern that is matched straight on.
pub(crate) struct Straight {
    steps: Vec<Step>,
    /// Whether it only matches at the start of the subject.
    pub(crate) at_start: bool,
}

/// What is matched next.
enum Step {
    Text(Box<[u8]>),
    /// As many as there are of these bytes, at most and at least so many.
    Run(Box<Bytes>, usize, usize),
    /// The place is one of a group's two.
    Place(usize),
    /// The way whose bytes have the next one.
    Ways(Vec<(Bytes, Vec<Step>)>),
    /// What is left out if the next byte is none of these.
    Maybe(Box<Bytes>, Vec<Step>),
    End,
}

impl Straight {
    /// For a pattern; with `ascii`, for subjects that are ASCII. `None` if it could go two ways, or if what it
    /// means is not told by bytes alone.
    pub(crate) fn new(syntax: &str, ascii: bool) -> Option<Straight> {
        let pattern = regex_syntax::parse(syntax).ok()?;
        let parts = parts_of(&pattern);
        let at_start = is_look(parts.first(), Look::Start);
        let mut plan = Plan { ascii, left: MOST_STEPS };
        let last = Follow { next: Bytes::NONE, nothing: true };
        let (steps, _) = plan.all(&parts[usize::from(at_start)..], last)?;
        Some(Straight { steps, at_start })
    }

    /// The end of the match that begins at the subject's start, and the places of its groups, as many as there
    /// is room for; those of a group that did not take part are left as they are.
    pub(crate) fn find(&self, subject: &[u8], groups: &mut [Option<NonMaxUsize>]) -> Option<usize> {
        follow(&self.steps, subject, 0, groups)
    }
}

fn follow(
    steps: &[Step],
    subject: &[u8],
    mut at: usize,
    groups: &mut [Option<NonMaxUsize>],
) -> Option<usize> {
    for step in steps {
        match step {
            Step::Text(text) => {
                if !subject[at..].starts_with(text) {
                    return None;
                }
                at += text.len();
            }
            Step::Run(bytes, least, most) => {
                let rest = &subject[at..];
                let rest = &rest[..rest.len().min(*most)];
                let taken = rest.iter().position(|&byte| !bytes.has(byte)).unwrap_or(rest.len());
                if taken < *least {
                    return None;
                }
                at += taken;
            }
            Step::Place(place) => {
                if let Some(place) = groups.get_mut(*place) {
                    *place = NonMaxUsize::new(at);
                }
            }
            Step::Ways(ways) => {
                let next = *subject.get(at)?;
                let (_, way) = ways.iter().find(|(bytes, _)| bytes.has(next))?;
                at = follow(way, subject, at, groups)?;
            }
            Step::Maybe(bytes, some) => {
                if subject.get(at).is_some_and(|&next| bytes.has(next)) {
                    at = follow(some, subject, at, groups)?;
                }
            }
            Step::End if at < subject.len() => return None,
            Step::End => {}
        }
    }
    Some(at)
}

/// A set of bytes.
#[derive(Clone, Copy)]
struct Bytes([bool; 256]);

impl Bytes {
    const NONE: Bytes = Bytes([false; 256]);

    fn one(byte: u8) -> Bytes {
        let mut bytes = Bytes::NONE;
        bytes.0[usize::from(byte)] = true;
        bytes
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    fn either(&self, other: &Bytes) -> Bytes {
        Bytes(std::array::from_fn(|byte| self.0[byte] || other.0[byte]))
    }

    fn meets(&self, other: &Bytes) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| *a && *b)
    }
}

/// What may follow at a place in the pattern.
#[derive(Clone, Copy)]
struct Follow {
    /// Bytes that it may begin with.
    next: Bytes,
    /// Whether it may be nothing: it always matches then.
    nothing: bool,
}

impl Follow {
    /// Whether the next byte says if there is more of `bytes` or what follows.
    fn is_told_from(&self, bytes: &Bytes) -> bool {
        self.nothing || !self.next.meets(bytes)
    }
}

/// A pattern's steps under construction, from its end to its start.
struct Plan {
    ascii: bool,
    left: usize,
}

type Planned = Option<(Vec<Step>, Follow)>;

impl Plan {
    /// The steps of parts, before something that follows.
    fn all(&mut self, parts: &[&Hir], mut after: Follow) -> Planned {
        let mut steps = Vec::new();
        for part in parts.iter().rev() {
            let (mut these, follow) = self.part(part, after)?;
            these.append(&mut steps);
            (steps, after) = (these, follow);
        }
        Some((steps, after))
    }

    fn part(&mut self, part: &Hir, after: Follow) -> Planned {
        self.left = self.left.checked_sub(1)?;
        match part.kind() {
            HirKind::Empty => Some((Vec::new(), after)),
            HirKind::Literal(text) => {
                let next = Bytes::one(*text.0.first()?);
                Some((vec![Step::Text(text.0.clone())], Follow { next, nothing: false }))
            }
            HirKind::Class(_) => self.run(part, 1, Some(1), after),
            HirKind::Look(Look::End) => {
                let follow = Follow { next: Bytes::NONE, nothing: false };
                // What follows the end can only be nothing.
                after.nothing.then(|| (vec![Step::End], follow))
            }
            HirKind::Look(_) => None,
            HirKind::Repetition(many) if !many.greedy => None,
            HirKind::Repetition(many) => self
                .run(&many.sub, many.min, many.max, after)
                .or_else(|| self.maybe(&many.sub, many.min, many.max, after)),
            HirKind::Capture(group) => {
                let place = 2 * group.index as usize;
                let (steps, follow) = self.all(&parts_of(&group.sub), after)?;
                let mut all = vec![Step::Place(place)];
                all.extend(steps);
                all.push(Step::Place(place + 1));
                Some((all, follow))
            }
            HirKind::Concat(_) => self.all(&parts_of(part), after),
            HirKind::Alternation(ways) => self.ways(ways, after),
        }
    }

    /// Some of a set of bytes.
    fn run(&self, of: &Hir, least: u32, most: Option<u32>, after: Follow) -> Planned {
        let (bytes, wide) = self.bytes(of)?;
        // A character beyond ASCII has several bytes, so that they cannot be counted.
        if wide && (least > 1 || most.is_some()) {
            return None;
        }
        let is_fixed = most == Some(least);
        if !is_fixed && !after.is_told_from(&bytes) {
            return None;
        }
        let next = if least == 0 { bytes.either(&after.next) } else { bytes };
        let most = most.map_or(usize::MAX, |most| most as usize);
        let steps = vec![Step::Run(Box::new(bytes), least as usize, most)];
        Some((steps, Follow { next, nothing: least == 0 && after.nothing }))
    }

    /// Something that may be left out.
    fn maybe(&mut self, part: &Hir, least: u32, most: Option<u32>, after: Follow) -> Planned {
        if (least, most) != (0, Some(1)) || after.nothing {
            return None;
        }
        let (steps, first) = self.part(part, after)?;
        if may_be_nothing(part) || first.next.meets(&after.next) {
            return None;
        }
        let next = first.next.either(&after.next);
        let maybe = Step::Maybe(Box::new(first.next), steps);
        Some((vec![maybe], Follow { next, nothing: false }))
    }

    fn ways(&mut self, parts: &[Hir], after: Follow) -> Planned {
        let mut next = Bytes::NONE;
        let mut ways = Vec::new();
        for part in parts {
            let (steps, follow) = self.part(part, after)?;
            if may_be_nothing(part) || follow.next.meets(&next) {
                return None;
            }
            next = next.either(&follow.next);
            ways.push((follow.next, steps));
        }
        Some((vec![Step::Ways(ways)], Follow { next, nothing: false }))
    }

    /// The bytes of a class or of a text of one byte, and whether characters beyond ASCII are among what it
    /// matches: all of them, or it is not told by bytes.
    fn bytes(&self, part: &Hir) -> Option<(Bytes, bool)> {
        match part.kind() {
            HirKind::Literal(text) => match *text.0 {
                [byte] => Some((Bytes::one(byte), false)),
                _ => None,
            },
            HirKind::Class(Class::Unicode(class)) => {
                let mut bytes = Bytes::NONE;
                for range in class.ranges() {
                    let last = u32::from(range.end()).min(0x7f);
                    (u32::from(range.start())..=last).for_each(|c| bytes.0[c as usize] = true);
                }
                let beyond = class.ranges().last().is_some_and(|range| !range.end().is_ascii());
                if self.ascii || !beyond {
                    return Some((bytes, false));
                }
                let rest = class
                    .ranges()
                    .last()
                    .filter(|range| u32::from(range.start()) <= 0x80 && range.end() == char::MAX);
                rest.map(|_| {
                    bytes.0[0x80..].fill(true);
                    (bytes, true)
                })
            }
            HirKind::Class(Class::Bytes(class)) => {
                let mut bytes = Bytes::NONE;
                let of = |range: &regex_syntax::hir::ClassBytesRange| range.start()..=range.end();
                class.ranges().iter().flat_map(of).for_each(|b| bytes.0[usize::from(b)] = true);
                class.is_ascii().then_some((bytes, false))
            }
            _ => None,
        }
    }
}

fn parts_of(pattern: &Hir) -> Vec<&Hir> {
    match pattern.kind() {
        HirKind::Concat(parts) => parts.iter().flat_map(parts_of).collect(),
        _ => vec![pattern],
    }
}

fn may_be_nothing(part: &Hir) -> bool {
    part.properties().minimum_len() == Some(0)
}

fn is_look(part: Option<&&Hir>, look: Look) -> bool {
    part.is_some_and(|part| matches!(part.kind(), HirKind::Look(found) if *found == look))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    use regex_automata::meta::Regex;
    use regex_automata::{Anchored, Input};

    use super::*;

    type Slots = Vec<Option<usize>>;

    /// Where the automaton finds the whole match and each group, from the start.
    fn by_automaton(syntax: &str, subject: &str) -> Option<Slots> {
        let regex = Regex::new(syntax).ok()?;
        let mut found = regex.create_captures();
        regex.captures(Input::new(subject).anchored(Anchored::Yes), &mut found);
        found.is_match().then(|| found.slots().iter().map(|s| s.map(|s| s.get())).collect())
    }

    fn straight_on(straight: &Straight, subject: &str, groups: usize) -> Option<Slots> {
        let mut slots = vec![None; 2 * groups];
        let end = straight.find(subject.as_bytes(), &mut slots)?;
        let mut slots: Slots = slots.iter().map(|slot| slot.map(|slot| slot.get())).collect();
        (slots[0], slots[1]) = (Some(0), Some(end));
        Some(slots)
    }

    fn agree(syntax: &str, subject: &str) -> std::result::Result<bool, TestCaseError> {
        let Some(straight) = Straight::new(syntax, subject.is_ascii()) else { return Ok(false) };
        let groups = Regex::new(syntax).map_or(1, |regex| regex.captures_len());
        let expected = by_automaton(syntax, subject);
        prop_assert_eq!(
            straight_on(&straight, subject, groups),
            expected,
            "{} {}",
            syntax,
            subject
        );
        Ok(true)
    }

    fn patterns() -> impl Strategy<Value = String> {
        let atoms =
            ["a", "b", "ab", "\u{e9}", "[ab]", "[^a]", "[^ab]", "[b-d]", "[0-9]", "\\.", " "];
        let atom = proptest::sample::select(atoms.to_vec()).prop_map(str::to_owned);
        let piece = atom.prop_recursive(4, 24, 4, |inner| {
            let many = proptest::sample::select(vec!["*", "+", "?", "{2}", "{1,2}", "{0,3}", "+?"]);
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
                proptest::collection::vec(inner.clone(), 2..4)
                    .prop_map(|ways| format!("(?:{})", ways.join("|"))),
                inner.clone().prop_map(|part| format!("({part})")),
                (inner, many).prop_map(|(part, many)| format!("(?:{part}){many}")),
            ]
        });
        let ends =
            proptest::sample::select(vec![("", ""), (r"\A", ""), ("", r"\z"), (r"\A(?:", r")\z")]);
        (piece, ends).prop_map(|(piece, (start, end))| format!("{start}{piece}{end}"))
    }

    #[test]
    fn what_is_found_is_what_the_automaton_finds() {
        let subjects = proptest::collection::vec("[ab]{0,4}[abcd0. \u{e9}]{0,8}", 8);
        let mut runner = TestRunner::new(ProptestConfig::with_cases(1500));
        let compared = Cell::new(0);
        let done = runner.run(&(patterns(), subjects), |(syntax, subjects)| {
            for subject in &subjects {
                compared.set(compared.get() + usize::from(agree(&syntax, subject)?));
            }
            Ok(())
        });
        assert_eq!(done, Ok(()));
        assert!(compared.get() > 1500, "{compared:?}");
    }

    #[test]
    fn patterns_for_lines_go_straight_on() -> std::result::Result<(), TestCaseError> {
        let lines = ["x - y [t z] \"GET /a b\" 200 17", "x - y [t] \"GET /a b\" 200 -", "x y", ""];
        let request = r#"([!-~]+) ([!-~]+) ([!-~]+) \[([^\]]+)\] "([A-Z]+) ([!-~]+) ([^"]+)" ([0-9]{3}) ([0-9]+|-)"#;
        let patterns =
            [request, "([a-z]+)=([^;]*);", r"\A[0-9]+(?:\.[0-9]+)?\z", "a?b", "(x)?( y)?[0-9]"];
        for syntax in patterns {
            for subject in
                lines.iter().copied().chain(["k=v;", "k;", "12.5", "12.", "12", "b", "y1"])
            {
                prop_assert!(agree(syntax, subject)?, "{} is left to the automaton", syntax);
            }
        }
        for syntax in ["a*ab", "a|ab", "(a|ab)c", "a+?b", "(ab)*c", "(ab)?", "[^a]b", r"\b", "a$b"]
        {
            prop_assert!(Straight::new(syntax, false).is_none(), "{}", syntax);
        }
        Ok(())
    }
}
