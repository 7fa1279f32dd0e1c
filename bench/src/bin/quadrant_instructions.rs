//! The quadrant function over lines in memory, as compiled from Python or as written by hand: what
//! `callgrind` counts the instructions of.
//!
//! `quadrant_instructions LINES TREE.json` runs the compiled function of that tree, `quadrant_instructions LINES` the
//! hand-written one. Prints how many lines gave a record. Started by `bench/scenarios/instructions.py`.

#![allow(clippy::print_stdout, reason = "the number of records is what it prints")]

use memchr::memchr_iter;
use serde::Deserialize;
use std::process::ExitCode;
use tidemill_bench::arguments::Arguments;
use tidemill_bench::lines::{Kind, LINES, Lines};
use tidemill_bench::quadrant::Counts;
use tidemill_udf::{Compiled, RowOutcome, Step, Type};

/// What `tidemill.compiler.chain.plan` says of the job's first stage.
#[derive(Deserialize)]
struct Tree {
    phases: Vec<Phase>,
}

#[derive(Deserialize)]
struct Phase {
    steps: Vec<Step>,
}

fn main() -> ExitCode {
    match run() {
        Ok(records) => {
            println!("{records}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("quadrant_instructions: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<u64, String> {
    let given = Arguments::parse(&[], &[])?;
    let rounds = given.word::<usize>(0, "a number of lines")?.div_ceil(LINES);
    let lines = Lines::new(Kind::Points, LINES);
    let text = lines.text();
    let Ok(path) = given.word::<String>(1, "the file of a tree") else {
        return Ok((0..rounds).map(|_| by_hand(text)).sum());
    };
    let json = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let tree: Tree = serde_json::from_str(&json).map_err(|error| format!("{path}: {error}"))?;
    let steps = tree.phases.first().map(|phase| phase.steps.as_slice()).unwrap_or_default();
    let function = Compiled::new(steps, &Type::Str).map_err(|reason| reason.to_string())?;
    Ok((0..rounds).map(|_| compiled(&function, text)).sum())
}

fn by_hand(text: &str) -> u64 {
    let mut counts = Counts::default();
    counts.add_lines(text.as_bytes());
    counts.total()
}

fn compiled(function: &Compiled, text: &str) -> u64 {
    let mut rows = function.begin();
    let mut done = 0;
    let mut start = 0;
    for end in memchr_iter(b'\n', text.as_bytes()) {
        done += u64::from(function.line(&mut rows, &text[start..end]) == RowOutcome::Done);
        start = end + 1;
    }
    done
}
