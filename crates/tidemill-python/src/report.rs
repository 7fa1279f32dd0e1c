//! What of each stage was compiled and what was not, operator by operator: what `explain` prints.
//!
//! Texts and counts only: the machine code of a stage goes with the stage.

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
        let (counts, what, fate) = match self {
            Counted::Rows(counts) => (counts, "rows", counts.fate()),
            Counted::Calls(counts) => (counts, "calls", ""),
            Counted::Slides(counts) => (counts, "slides of partitions", ""),
        };
        let (seen, given_up) = counts.get();
        if given_up == 0 {
            return Vec::new();
        }
        let mut lines = vec![format!("  {given_up} of {seen} {what} ran in CPython{fate}")];
        let (sites, others) = counts.sites();
        lines.extend(sites.iter().map(|(site, count)| format!("    {count} because of {site}")));
        lines.extend((others > 0).then(|| format!("    {others} for other reasons")));
        lines
    }
}

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
            Operator { name: name.to_owned(), refused, left: None }
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
            let operators = vec![Operator { name, refused: None, left: None }];
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
