//! What `tidemill.compiler.chain` says of a stage, and which part of it a worker is to run.

use serde::{Deserialize, Serialize};
use tidemill_udf::{Function, Step};

/// The operators of a stage that may be compiled.
#[derive(Deserialize)]
pub struct Plan {
    /// What brings two sides together, ahead of the phases.
    #[serde(default)]
    pub join: Option<JoinPlan>,
    /// In order.
    pub phases: Vec<PhasePlan>,
    /// The first operator that is the worker's, if there is one.
    pub rest: Option<usize>,
    /// Whether the first operator makes the rows of ranges, and the phases begin behind it.
    #[serde(default)]
    pub expands: bool,
    /// Whether the stage splits its records by key.
    pub splits: bool,
    /// Number of operators, without the one that splits.
    pub operators: usize,
}

impl Plan {
    /// Whether no input gives no output, and the worker need not be asked.
    pub fn keeps_empty(&self) -> bool {
        let gives = |sink: &SinkPlan| matches!(sink, SinkPlan::Count | SinkPlan::Whole { .. });
        let gives = |phase: &PhasePlan| phase.sink.as_ref().is_some_and(gives);
        self.rest.is_none() && !self.phases.iter().any(gives)
    }
}

/// What comes of the values of a key, which are of a left and of a right side.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JoinPlan {
    /// Every pair of them.
    Pairs {
        /// A left value without any right one is paired with `None`.
        keep_left: bool,
        /// The same the other way round.
        keep_right: bool,
    },
    /// The left ones, if there is no right one.
    Left,
    /// The key, if there are both.
    Keys,
}

impl JoinPlan {
    /// Whether right values may be missing.
    pub fn keeps_left(self) -> bool {
        matches!(self, JoinPlan::Pairs { keep_left: true, .. })
    }

    /// Whether left values may be missing.
    pub fn keeps_right(self) -> bool {
        matches!(self, JoinPlan::Pairs { keep_right: true, .. })
    }
}

/// A chain of operators and the one that takes their records.
#[derive(Deserialize)]
pub struct PhasePlan {
    /// The place of the first operator.
    pub first: usize,
    /// The chain.
    pub steps: Vec<Step>,
    /// What takes the records.
    pub sink: Option<SinkPlan>,
    /// Whether a function after one that gives several records has statements that are left to CPython.
    #[serde(default)]
    pub effects: bool,
}

/// An operator that takes all records of a chain.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SinkPlan {
    /// `groupByKey`: lists a key's values.
    Group {
        /// Whether an update function gets them.
        #[serde(default)]
        for_update: bool,
    },
    /// Joins a key's lists.
    Merge,
    /// `reduceByKey`.
    Reduce {
        /// From two values.
        merge: Function,
    },
    /// `combineByKey`.
    Combine {
        /// From the first value.
        create: Function,
        /// From what there is and a value.
        merge: Function,
    },
    /// The first records.
    Take {
        /// How many.
        count: usize,
    },
    /// Their number.
    Count,
    /// `countByValue`: the number of each.
    CountValues,
    /// A function of all records of the partition, to a list of others.
    Whole {
        /// From the list of records.
        function: Function,
        /// Whether it looks at every record.
        takes_all: bool,
    },
    /// `reduce`: one record of all.
    Total {
        /// From two records.
        merge: Function,
    },
}

/// A part of a stage, for a worker that has the stage's operators (`tidemill.compiler.rows`).
#[derive(Debug, Serialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    /// The operators from one on.
    From {
        /// Its place.
        operator: usize,
    },
    /// Given-up rows through the operators of a chain, one by one.
    Rows {
        /// The place of the chain's first operator.
        first: usize,
        /// The place behind its last.
        end: usize,
        /// The code of the records' type.
        code: String,
    },
    /// The operators from `end` on, on native records and given-up rows in their places.
    After {
        /// The place of the chain's first operator.
        first: usize,
        /// The place behind its last.
        end: usize,
        /// Whether the rows are still to be run through the chain.
        unrun: bool,
    },
    /// Calls of the update function, given as key, values and state.
    Updates {
        /// The code of the results' type.
        code: String,
    },
    /// The next state from native records, and CPython's keys, states and places.
    States,
    /// The whole stage, from all its inputs; records of a type come back typed.
    Whole {
        /// The type's code.
        code: String,
    },
}

impl Part {
    /// Whether its first operator takes several inputs.
    pub fn has_head(&self) -> bool {
        matches!(self, Part::After { .. } | Part::States | Part::Whole { .. })
    }

    /// Whether the stage's splitting is part of it.
    pub fn splits(&self) -> bool {
        matches!(self, Part::From { .. } | Part::After { .. })
    }
}
