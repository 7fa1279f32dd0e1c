//! Prints a lineage graph as text: stages from the result down, one fused segment a line.
//!
//! Golden tests and `RDD.toDebugString` read it; the text depends on the graph alone.

use std::collections::HashMap;
use std::fmt::Write;

use super::lineage::{Kind, RddRef};
use super::segment::Segment;
use crate::ids::ShuffleId;

/// The plan of `rdd`, without what may already be computed.
///
/// ```
/// let sc = tidemill::SparkContext::local(2)?;
/// let counts = sc.parallelize(vec!["a", "b", "a"], 2).map(|w| (w, 1)).reduce_by_key(|a, b| a + b, 2);
/// let plan = "\
/// (2) shuffled -> merge
///   shuffle 1:
///     (2) parallelize -> map -> combine -> partitionBy into 2
/// ";
/// assert_eq!(counts.explain(), plan);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub fn explain(rdd: &RddRef) -> String {
    let mut printer = Printer { out: String::new(), seen: HashMap::new() };
    printer.node(rdd, 0);
    printer.out
}

struct Printer {
    out: String,
    seen: HashMap<ShuffleId, usize>,
}

impl Printer {
    fn node(&mut self, rdd: &RddRef, depth: usize) {
        self.segment(rdd, &Segment::of(rdd), depth);
    }

    fn segment(&mut self, rdd: &RddRef, segment: &Segment, depth: usize) {
        let mut labels = vec![bottom_label(segment)];
        labels.extend(segment.pipes.iter().map(|op| op.label().to_owned()));
        labels.extend(segment.tail.iter().map(|(op, n)| format!("{} into {n}", op.label())));
        let name = rdd.name().map(|name| format!(" [{name}]")).unwrap_or_default();
        let kept = if rdd.is_persisted() { " (persisted)" } else { "" };
        let count = rdd.num_partitions().map_or("?".to_owned(), |n| n.to_string());
        let indent = "  ".repeat(depth);
        let _ = writeln!(self.out, "{indent}({count}) {}{name}{kept}", labels.join(" -> "));
        if segment.stored {
            self.node(&segment.bottom, depth + 1);
            return;
        }
        for input in segment.inputs() {
            self.node(input, depth + 1);
        }
        if let Kind::Shuffled(shuffle) = &segment.bottom.kind {
            let next = self.seen.len() + 1;
            if let Some(number) = self.seen.get(&shuffle.id) {
                let _ = writeln!(self.out, "{indent}  shuffle {number}, as above");
                return;
            }
            self.seen.insert(shuffle.id, next);
            let _ = writeln!(self.out, "{indent}  shuffle {next}:");
            self.segment(&shuffle.parent, &Segment::of_shuffle(shuffle), depth + 2);
        }
    }
}

fn bottom_label(segment: &Segment) -> String {
    match &segment.bottom.kind {
        _ if segment.stored => "persisted".to_owned(),
        Kind::Source(source) => source.label(),
        Kind::Gather { .. } => "union".to_owned(),
        Kind::Shuffled(_) => "shuffled".to_owned(),
        Kind::Zip { op, .. } => op.as_ref().map_or("union".to_owned(), |op| op.label().to_owned()),
        Kind::Pipe { op, .. } => op.label().to_owned(),
    }
}
