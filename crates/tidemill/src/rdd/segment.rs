//! Fusion: which operators run as one unit on one partition.
//!
//! A segment is a head (the operator of a `Zip`, if that is where it starts), the narrow operators above
//! it, and the tail that splits for a shuffle. It ends below at data that exist as blocks: a source, a
//! shuffle, a union, or a persisted RDD. The backend runs a segment without making blocks in between.

use super::lineage::{Kind, OpRef, RddRef, ShuffleDep};

/// A fused unit of work and where its input comes from.
pub struct Segment {
    /// Combines several inputs into one.
    pub head: Option<OpRef>,
    /// Narrow operators, in the order of application.
    pub pipes: Vec<OpRef>,
    /// Splits the result into this many buckets.
    pub tail: Option<(OpRef, usize)>,
    /// The node whose data, or whose parents' data if it is not `stored`, are the input.
    pub bottom: RddRef,
    /// Whether `bottom` itself is kept and read as blocks.
    pub stored: bool,
}

impl Segment {
    /// The segment that computes `top`.
    pub fn of(top: &RddRef) -> Segment {
        let mut pipes = Vec::new();
        let mut bottom = top;
        let mut stored = false;
        while let Kind::Pipe { parent, op } = &bottom.kind {
            pipes.push(op.clone());
            bottom = parent;
            stored = bottom.is_persisted();
            if stored {
                break;
            }
        }
        pipes.reverse();
        let head = match &bottom.kind {
            Kind::Zip { op, .. } if !stored => op.clone(),
            _ => None,
        };
        Segment { head, pipes, tail: None, bottom: bottom.clone(), stored }
    }

    /// The segment of a shuffle's map side.
    pub fn of_shuffle(shuffle: &ShuffleDep) -> Segment {
        let tail = Some((shuffle.op.clone(), shuffle.partitions));
        let parent = &shuffle.parent;
        if parent.is_persisted() {
            let bottom = parent.clone();
            return Segment { head: None, pipes: Vec::new(), tail, bottom, stored: true };
        }
        Segment { tail, ..Segment::of(parent) }
    }

    /// What it runs, in that order.
    pub fn operators(&self) -> impl Iterator<Item = &OpRef> {
        let tail = self.tail.as_ref().map(|(op, _)| op);
        self.head.iter().chain(&self.pipes).chain(tail)
    }

    /// Whether there is nothing to run: the input is the result.
    pub fn is_empty(&self) -> bool {
        self.head.is_none() && self.pipes.is_empty() && self.tail.is_none()
    }

    /// Whether the input is lines of text as they came.
    pub fn reads_text(&self) -> bool {
        let is_text = |rdd: &RddRef| matches!(&rdd.kind, Kind::Source(source) if source.is_text());
        match &self.bottom.kind {
            _ if self.stored => false,
            Kind::Source(source) => source.is_text(),
            Kind::Gather { inputs, .. } => inputs.iter().any(is_text),
            Kind::Pipe { .. } | Kind::Shuffled(_) | Kind::Zip { .. } => false,
        }
    }

    /// The nodes this segment reads as whole RDDs, in the order of its inputs; not through shuffles.
    pub fn inputs(&self) -> Vec<&RddRef> {
        match &self.bottom.kind {
            _ if self.stored => vec![&self.bottom],
            Kind::Gather { inputs, .. } | Kind::Zip { inputs, .. } => inputs.iter().collect(),
            _ => Vec::new(),
        }
    }
}
