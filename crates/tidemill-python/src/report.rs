//! What of each stage was compiled and what was not, operator by operator: what `explain` prints.
//!
//! Texts and counts only: the machine code of a stage goes with the stage.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tidemill::lock::Lock;

use crate::native::Counts;

/// Lines and stages that are kept.
const MOST_TOLD: usize = 4096;

/// What was compiled, what was not and why, and the time that it took.
#[derive(Default)]
pub struct Report {
    lines: Lock<Vec<String>>,
    stages: Lock<Vec<Arc<StageReport>>>,
    /// Stages that came when there were enough.
    more_stages: AtomicUsize,
    nanoseconds: AtomicU64,
}

/// An operator as `tidemill.compiler.chain` describes it.
pub struct Operator {
    /// Its name, its functions and where they are.
    pub name: String,
    /// Why it cannot be compiled.
    pub refused: Option<String>,
    /// What of it is left to CPython, row by row.
    pub left: Option<String>,
    /// Whether it has a function of the user's that is to be compiled.
    pub users: bool,
}

/// The operators of a stage, and how they went for each type of input.
pub struct StageReport {
    operators: Vec<Operator>,
    inputs: Lock<Vec<InputReport>>,
}

/// A stage compiled for a type of input.
pub struct InputReport {
    /// The types.
    pub input: String,
    /// The operators from here on run in CPython.
    pub rest: Option<usize>,
    /// Why the first of those does, if the operator itself does not say.
    pub reason: Option<String>,
    /// The operators of compiled chains: what goes through them is given up row by row.
    pub chains: Vec<Range<usize>>,
    /// Statements that are left to CPython, row by row.
    pub left: Vec<String>,
    /// What else there is to say of compiled operators.
    pub note: Option<&'static str>,
    /// What compiled code was given, and gave up.
    pub counted: Option<Counted>,
}

/// What compiled code counts.
pub enum Counted {
    /// Rows of a chain.
    Rows(Arc<Counts>),
    /// Calls of an update function.
    Calls(Arc<Counts>),
    /// Slides of a partition of a window.
    Slides(Arc<Counts>),
}

impl Counted {
    /// How many ran in CPython, if any did, and why.
    fn lines(&self) -> Vec<String> {
        let fate = match self {
            Counted::Rows(counts) => counts.fate(),
            Counted::Calls(_) | Counted::Slides(_) => "",
        };
        let Some(ran) = self.ran() else { return Vec::new() };
        let mut lines = vec![format!("  {ran}{fate}")];
        lines.extend(self.causes().iter().map(|cause| format!("    {cause}")));
        lines
    }

    fn counts(&self) -> &Counts {
        match self {
            Counted::Rows(counts) | Counted::Calls(counts) | Counted::Slides(counts) => counts,
        }
    }

    fn ran(&self) -> Option<String> {
        let what = match self {
            Counted::Rows(_) => "rows",
            Counted::Calls(_) => "calls",
            Counted::Slides(_) => "slides of partitions",
        };
        let (seen, given_up) = self.counts().get();
        (given_up > 0).then(|| format!("{given_up} of {seen} {what} ran in CPython"))
    }

    fn causes(&self) -> Vec<String> {
        let (sites, others) = self.counts().sites();
        let causes = sites.iter().map(|(site, count)| format!("{count} because of {site}"));
        causes.chain((others > 0).then(|| format!("{others} for other reasons"))).collect()
    }

    /// Whether CPython has so much of it that the function is as good as not compiled.
    fn is_in_vain(&self) -> bool {
        match self {
            Counted::Rows(counts) => counts.is_away(),
            Counted::Calls(counts) => !counts.is_worth_it(),
            Counted::Slides(counts) => !counts.is_worth_it_after(JUDGED_SLIDES),
        }
    }

    /// What a compiled operator came to; `None` if that is no news.
    fn outcome(&self, is_in_chain: bool) -> Option<&'static str> {
        let (in_chains, in_sinks) = self.counts().is_all_given_up();
        match self {
            Counted::Rows(counts) if counts.is_away() => {
                Some("CPython: too many rows could not run otherwise")
            }
            _ if !(if is_in_chain { in_chains } else { in_sinks }) => None,
            Counted::Rows(_) => Some("CPython: no row could run otherwise"),
            Counted::Calls(_) => Some("CPython: no call could run otherwise"),
            Counted::Slides(_) => Some("CPython: no slide could run otherwise"),
        }
    }
}

/// Slides of a partition of a window after which the functions are judged.
const JUDGED_SLIDES: usize = 16;

/// Why records that a worker made, or of several types, are the worker's.
pub const UNTYPED: &str = "records that are not all of one type that compiled code can read";

impl InputReport {
    /// No operator is compiled for what came.
    pub fn untyped() -> InputReport {
        let reason = Some(UNTYPED.to_owned());
        InputReport { input: "other records".to_owned(), reason, ..InputReport::interpreted() }
    }

    /// No operator is compiled, whatever the input.
    pub fn interpreted() -> InputReport {
        let input = "records of any type".to_owned();
        InputReport {
            input,
            rest: Some(0),
            reason: None,
            chains: Vec::new(),
            left: Vec::new(),
            note: None,
            counted: None,
        }
    }
}

impl Report {
    /// A line for each function, and for each that did not compile after all.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    /// Time spent on reading functions and making code.
    pub fn compile_time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Adds lines.
    pub fn tell(&self, lines: Vec<String>) {
        let mut told = self.lines.lock();
        let room = MOST_TOLD.saturating_sub(told.len());
        told.extend(lines.into_iter().take(room));
    }

    /// Adds a stage.
    pub fn add(&self, operators: Vec<Operator>) -> Arc<StageReport> {
        let stage = Arc::new(StageReport { operators, inputs: Lock::default() });
        let mut stages = self.stages.lock();
        match stages.len() < MOST_TOLD {
            true => stages.push(stage.clone()),
            false => drop(self.more_stages.fetch_add(1, Ordering::Relaxed)),
        }
        stage
    }

    /// Counts the time that `f` takes.
    pub fn time<T>(&self, f: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = f();
        let taken = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(taken, Ordering::Relaxed);
        result
    }

    /// The stages that ran, equal ones once, and how many more there were.
    pub fn explain(&self) -> Vec<String> {
        let stages = self.stages.lock().clone();
        let mut told: Vec<Vec<String>> = Vec::new();
        for text in stages.iter().flat_map(|stage| stage.explain()) {
            if !told.contains(&text) {
                told.push(text);
            }
        }
        let more = self.more_stages.load(Ordering::Relaxed);
        told.extend((more > 0).then(|| vec![format!("… and {more} more stages")]));
        told.concat()
    }
}

impl StageReport {
    /// Adds a type of input.
    pub fn add(&self, input: InputReport) {
        self.inputs.lock().push(input);
    }

    /// The first function of the user's that runs in CPython for a type of input, and why.
    pub fn interpreted(&self, input: &InputReport) -> Option<String> {
        let rest = input.rest?;
        let place = (rest..self.operators.len()).find(|&place| self.operators[place].users)?;
        let operator = &self.operators[place];
        let why = how(&self.operators[..=place], rest, input);
        let is_its_own = operator.refused.is_some() || (place == rest && input.reason.is_some());
        let before = self.operators[rest..place].iter();
        let refused = before.filter_map(|other| Some((&other.name, other.refused.as_ref()?)));
        let first = self.operators.get(rest).map(|first| &first.name);
        let cause = refused.chain(first.zip(input.reason.as_ref())).next();
        let cause = cause.filter(|_| !is_its_own);
        let cause = cause.map(|(name, why)| format!(" ({name}: {why})")).unwrap_or_default();
        Some(format!("{} runs in {why}{cause}", operator.name))
    }

    /// The functions of the user's that are CPython's because it had to run too much of them, and why.
    pub fn in_vain(&self) -> Option<String> {
        let inputs = self.inputs.lock();
        inputs.iter().find_map(|input| {
            let counted = input.counted.as_ref().filter(|counted| counted.is_in_vain())?;
            let compiled = self.operators.iter().take(input.rest.unwrap_or(usize::MAX));
            let names: Vec<&str> =
                compiled.filter(|one| one.users).map(|one| one.name.as_str()).collect();
            let causes = [counted.causes(), input.left.clone()].concat().join("; ");
            let ran = counted.ran().filter(|_| !names.is_empty())?;
            Some(format!("of {}, {ran}: {causes}", names.join(", ")))
        })
    }

    /// A text for each type of input.
    fn explain(&self) -> Vec<Vec<String>> {
        if self.operators.is_empty() {
            return Vec::new();
        }
        self.inputs.lock().iter().map(|input| self.explain_input(input)).collect()
    }

    fn explain_input(&self, input: &InputReport) -> Vec<String> {
        let mut lines = vec![format!("over {}:", input.input)];
        let rest = input.rest.unwrap_or(self.operators.len());
        for (place, operator) in self.operators.iter().enumerate() {
            let how = how(&self.operators[..=place], rest, input);
            let line = format!("  {}: {how}", operator.name);
            // What the user called may have become several operators.
            if operator.name.contains('(') || lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        lines.extend(
            input.left.iter().map(|why| format!("  CPython for rows that reach this: {why}")),
        );
        lines.extend(input.counted.iter().flat_map(Counted::lines));
        lines
    }
}

/// How the last of some operators ran.
fn how(operators: &[Operator], rest: usize, input: &InputReport) -> String {
    let Some((operator, before)) = operators.split_last() else { return String::new() };
    let place = before.len();
    if place < rest {
        let is_in_chain = input.chains.iter().any(|chain| chain.contains(&place));
        let counted = input.counted.as_ref();
        if let Some(outcome) = counted.and_then(|counted| counted.outcome(is_in_chain)) {
            return outcome.to_owned();
        }
        let left = operator.left.as_ref();
        let but = left.map(|left| format!(", but for rows that reach {left}"));
        let note = input.note.map(|note| format!(", {note}"));
        return format!("compiled{}{}", note.unwrap_or_default(), but.unwrap_or_default());
    }
    let own = operator.refused.as_ref();
    let why = match place == rest {
        true => own.or(input.reason.as_ref()).map(String::as_str),
        false => own.map(String::as_str),
    };
    let follows = before.iter().any(|other| other.refused.is_some());
    let neighbour = match follows || place > rest || input.reason.is_some() {
        true => "it follows what runs in CPython",
        false => "what follows it runs in CPython",
    };
    format!("CPython: {}", why.unwrap_or(neighbour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_without_a_reason_have_that_of_their_neighbours() {
        let operator = |name: &str, refused: Option<&str>| {
            let refused = refused.map(str::to_owned);
            Operator { name: name.to_owned(), refused, left: None, users: false }
        };
        let named = [("range", None), ("mapPartitions", Some("whole")), ("count", None)];
        let operators: Vec<Operator> =
            named.into_iter().map(|(name, why)| operator(name, why)).collect();
        let told: Vec<String> =
            (1..4).map(|count| how(&operators[..count], 0, &InputReport::interpreted())).collect();
        let expected = [
            "CPython: what follows it runs in CPython",
            "CPython: whole",
            "CPython: it follows what runs in CPython",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn stages_without_operators_are_not_told() {
        let report = Report::default();
        report.add(Vec::new()).add(InputReport::interpreted());
        assert!(report.explain().is_empty());
    }

    #[test]
    fn stages_beyond_the_bound_are_counted() {
        let report = Report::default();
        let add = |number: usize| {
            let input = format!("input {number}");
            let name = "map".to_owned();
            let operators = vec![Operator { name, refused: None, left: None, users: false }];
            report.add(operators).add(InputReport { input, ..InputReport::interpreted() });
        };
        (0..MOST_TOLD).for_each(add);
        assert_eq!(report.explain().len(), 2 * MOST_TOLD);
        (0..3).for_each(add);
        let told = report.explain();
        let last = told.last().map(String::as_str);
        assert_eq!((told.len(), last), (2 * MOST_TOLD + 1, Some("… and 3 more stages")));
    }
}
