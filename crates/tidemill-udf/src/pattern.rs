//! Regular expressions: what the tree says of one, and the automaton that finds its matches.
//!
//! `python/tidemill/compiler/patterns.py` writes patterns in this engine's syntax, and only those that mean the
//! same here. Automata work in memory of their own that grows with use; runs borrow it from the engine.

pub(crate) mod straight;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex_automata::meta::{Builder, Cache, Config, Regex};
use regex_automata::util::primitives::NonMaxUsize;
use serde::Deserialize;

use self::straight::Straight;
use crate::error::{Reason, Result};

/// More bytes of automaton are not worth their compilation.
const LARGEST: usize = 8 << 20;

/// A pattern in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct Spec {
    /// The pattern, in this engine's syntax.
    syntax: String,
    /// For each group but the whole, whether every match sets it.
    groups: Vec<bool>,
    /// Numbers of named groups.
    names: BTreeMap<String, usize>,
    /// Subjects must be ASCII.
    ascii: bool,
    /// Subjects must not end in a newline.
    no_newline: bool,
    /// Subjects must not be empty.
    not_empty: bool,
    /// Whether the pattern may match nothing.
    empty: bool,
    /// Whether nothing is what it matches last, where it could.
    empty_last: bool,
}

/// What `sub` puts in: a text, or what a group matched.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Insert {
    /// As it is.
    Text(String),
    /// A group; nothing if it did not take part.
    Group(usize),
}

/// A pattern that is being compiled, or was.
pub struct Pattern {
    spec: Spec,
    /// Number of groups that any of its matches is asked for, the whole match included.
    wanted: AtomicUsize,
    anywhere: OnceLock<Option<Arc<Engine>>>,
    whole: OnceLock<Option<Arc<Engine>>>,
}

impl Pattern {
    pub(crate) fn new(spec: Spec) -> Pattern {
        let (wanted, anywhere, whole) = Default::default();
        Pattern { spec, wanted, anywhere, whole }
    }

    /// Number of groups, the whole match included.
    pub(crate) fn count(&self) -> usize {
        self.spec.groups.len() + 1
    }

    /// Whether every match sets a group.
    pub(crate) fn is_certain(&self, group: usize) -> bool {
        group == 0 || self.spec.groups.get(group - 1).copied().unwrap_or(false)
    }

    /// The number of a named group.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.spec.names.get(name).copied()
    }

    /// Whether CPython goes on after a match of nothing as this engine does: with the next character, there being
    /// no other match at that place.
    pub(crate) fn goes_on_alike(&self) -> bool {
        !self.spec.empty || self.spec.empty_last
    }

    /// Matches must know their first `count` groups.
    pub(crate) fn want(&self, count: usize) {
        self.wanted.fetch_max(count, Ordering::Relaxed);
    }

    pub(crate) fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Whether the engine does what CPython does on a subject.
    pub(crate) fn is_sure(&self, subject: &[u8]) -> bool {
        let spec = &self.spec;
        let ends_in_newline = subject.last() == Some(&b'\n');
        let wrong = (spec.no_newline && ends_in_newline) || (spec.not_empty && subject.is_empty());
        !wrong && (!spec.ascii || subject.is_ascii())
    }

    /// The engine that finds it, anywhere or as the whole subject.
    pub(crate) fn engine(&self, whole: bool, line: u32) -> Result<Arc<Engine>> {
        let (place, syntax) = match whole {
            false => (&self.anywhere, self.spec.syntax.clone()),
            true => (&self.whole, format!(r"\A(?:{})\z", self.spec.syntax)),
        };
        let ascii = self.spec.ascii;
        let engine = place.get_or_init(|| Engine::new(&syntax, ascii).map(Arc::new));
        engine.clone().ok_or_else(|| Reason::unsupported("a pattern that is too large", line))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.hash(state);
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.spec.fmt(f)
    }
}

/// An automaton, and its working memory between runs.
pub(crate) struct Engine {
    pub(crate) regex: Regex,
    straight: Option<Straight>,
    idle: Mutex<Vec<Scratch>>,
}

/// What a search works in.
pub(crate) struct Scratch {
    pub(crate) cache: Cache,
    pub(crate) slots: Vec<Option<NonMaxUsize>>,
}

impl Engine {
    fn new(syntax: &str, ascii: bool) -> Option<Engine> {
        let config = Config::new().nfa_size_limit(Some(LARGEST));
        let regex = Builder::new().configure(config).build(syntax).ok()?;
        let straight = Straight::new(syntax, ascii);
        Some(Engine { regex, straight, idle: Mutex::default() })
    }

    /// Working memory, warm if any was given back.
    pub(crate) fn borrow(&self) -> Scratch {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Scratch { cache: self.regex.create_cache(), slots: Vec::new() })
    }

    pub(crate) fn give_back(&self, scratch: Scratch) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

/// One place in the code that looks for matches.
pub(crate) struct Matcher {
    pub(crate) pattern: Arc<Pattern>,
    pub(crate) engine: Arc<Engine>,
    /// Whether a match must begin where the search does.
    pub(crate) anchored: bool,
    /// What `sub` puts in.
    pub(crate) inserts: Vec<Insert>,
}

impl Matcher {
    /// What finds the only match that there can be, at the subject's start, if it needs no automaton.
    pub(crate) fn straight(&self) -> Option<&Straight> {
        let straight = self.engine.straight.as_ref()?;
        (self.anchored || straight.at_start).then_some(straight)
    }
}
