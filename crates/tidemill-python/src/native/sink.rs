//! What takes the records of a chain, all of them before it gives any.

use std::sync::Arc;

use tidemill::{Error, Result};
use tidemill_udf::pair_of;
use tidemill_udf::{
    Call, Reason, Records, Rows, Site, Type, has_pointers, in_one_part, list_items,
};

use super::Deal;
use super::plan::SinkPlan;
use crate::groups::{Collect, Groups, MOST_SLOTS};

/// What takes the records of a chain.
pub enum Sink {
    None,
    Group,
    Runs,
    Merge,
    Reduce(Call),
    Combine(Box<(Call, Call)>),
    Take(usize),
    Count,
    CountValues,
    Total(Call),
    Whole(Whole),
}

/// A function of all records of a partition.
pub struct Whole {
    call: Call,
    /// The records that it makes.
    item: Type,
    /// Whether CPython would look at every record too.
    takes_all: bool,
}

impl Sink {
    /// Whether what becomes of a record may have effects or errors of its own, or may end what is done.
    pub fn is_in_step(&self) -> bool {
        match self {
            Sink::Reduce(merge) | Sink::Total(merge) => merge.may_raise(),
            Sink::Combine(both) => both.0.may_raise() || both.1.may_raise(),
            Sink::Whole(whole) => !whole.takes_all || whole.call.may_raise(),
            Sink::Group | Sink::Runs | Sink::Merge | Sink::Take(_) => false,
            Sink::None | Sink::Count | Sink::CountValues => false,
        }
    }
}

impl Whole {
    fn new(
        function: &tidemill_udf::Function,
        record: &Type,
        takes_all: bool,
    ) -> std::result::Result<Whole, Reason> {
        let call = Call::new(function, &[Type::Parts(Box::new(record.clone()))], None)?;
        match call.result() {
            Type::List(item) if **item != Type::Never => {
                let item = (**item).clone();
                Ok(Whole { call, item, takes_all })
            }
            other => Err(Reason::types_of("the result of a partition", other)),
        }
    }

    /// What it makes of records, given as their slots; `None` if that is CPython's.
    ///
    /// # Safety
    /// The slots must be those of so many records of the type that it was made for, alive.
    unsafe fn run(
        &self,
        calls: &mut Rows<'static>,
        record: &Type,
        count: usize,
        slots: &[u64],
    ) -> Option<Records> {
        let mut out = [0];
        let call = |records| {
            // SAFETY: the function was compiled for such records; what it gives has one slot, as a list.
            unsafe { self.call.run(calls, &[records], &[], &mut out) }
        };
        if !in_one_part(record, count, slots, call) {
            return None;
        }
        // SAFETY: the function has returned a list, which lives as long as the calls' memory.
        let (items, count) = unsafe { list_items(out[0]) };
        let (mut made, width) = (Records::new(&self.item), self.item.slots());
        for index in 0..count {
            // SAFETY: items of the list, of this type.
            unsafe { made.push(&items[index * width..(index + 1) * width]) };
        }
        Some(made)
    }
}

impl SinkPlan {
    /// Whether its records must be pairs.
    pub fn takes_pairs(&self) -> bool {
        use SinkPlan::{Combine, Group, Merge, Reduce};
        matches!(self, Group { .. } | Merge | Reduce { .. } | Combine { .. })
    }
}

/// Compiles a sink for records of a type; the sink, and the type of what it gives.
pub fn compile_sink(sink: &SinkPlan, record: &Type) -> std::result::Result<(Sink, Type), Reason> {
    let pair = || {
        let keyed = pair_of(record).filter(|(key, _)| key.is_key());
        keyed.ok_or_else(|| Reason::types_of("a grouping by key", record))
    };
    let keyed = |key: &Type, value: Type| Type::Tuple(vec![key.clone(), value]);
    Ok(match sink {
        SinkPlan::Group { for_update } => {
            let (key, value) = pair()?;
            if *for_update && *value == Type::Int {
                return Ok((Sink::Runs, keyed(key, Type::Runs)));
            }
            (Sink::Group, keyed(key, Type::List(Box::new(value.clone()))))
        }
        SinkPlan::Merge => {
            let (_, value) = pair()?;
            if !matches!(value, Type::List(_)) {
                return Err(Reason::types_of("groupByKey", record));
            }
            (Sink::Merge, record.clone())
        }
        SinkPlan::Reduce { merge } => {
            let (_, value) = pair()?;
            let merge = fold(merge, &[value.clone(), value.clone()], value)?;
            (Sink::Reduce(merge), record.clone())
        }
        SinkPlan::Combine { create, merge } => {
            let (key, value) = pair()?;
            let create = Call::new(create, std::slice::from_ref(value), None)?;
            let combiner = create.result().clone();
            let merge = fold(merge, &[combiner.clone(), value.clone()], &combiner)?;
            (Sink::Combine(Box::new((create, merge))), keyed(key, combiner))
        }
        SinkPlan::Take { count } => (Sink::Take(*count), record.clone()),
        SinkPlan::Count => (Sink::Count, Type::Int),
        SinkPlan::CountValues if record.is_key() => (Sink::CountValues, keyed(record, Type::Int)),
        SinkPlan::CountValues => return Err(Reason::types_of("countByValue", record)),
        SinkPlan::Total { merge } => {
            let merge = fold(merge, &[record.clone(), record.clone()], record)?;
            (Sink::Total(merge), record.clone())
        }
        SinkPlan::Whole { function, takes_all } => {
            let whole = Whole::new(function, record, *takes_all)?;
            let item = whole.item.clone();
            (Sink::Whole(whole), item)
        }
    })
}

fn fold(
    function: &tidemill_udf::Function,
    args: &[Type],
    result: &Type,
) -> std::result::Result<Call, Reason> {
    if result.slots() > MOST_SLOTS {
        return Err(Reason::types_of("a reduction", result));
    }
    Call::new(function, args, Some(result))
}

/// What a sink has taken so far.
pub struct Taken<'p> {
    sink: &'p Sink,
    /// The type of what it takes.
    record: &'p Type,
    so_far: SoFar<'p>,
    /// Whether it has left a record to CPython: it takes no more.
    pub stuck: bool,
}

enum SoFar<'p> {
    Dealt(Deal),
    Groups(Box<Groups<'p>>),
    Counted(u64),
    Total(Option<Vec<u64>>, Box<Rows<'static>>),
    Whole(Option<Records>, Box<Rows<'static>>),
}

impl<'p> Taken<'p> {
    /// Nothing so far; `buckets` is 0 unless the records are split.
    pub fn new(sink: &'p Sink, record: &'p Type, buckets: usize) -> Result<Taken<'p>> {
        let collect = match sink {
            Sink::CountValues => Some(Collect::Count),
            Sink::Group => Some(Collect::List),
            Sink::Runs => Some(Collect::Runs),
            Sink::Merge => Some(Collect::Join),
            Sink::Reduce(merge) => Some(Collect::Fold { create: None, merge }),
            Sink::Combine(both) => Some(Collect::Fold { create: Some(&both.0), merge: &both.1 }),
            _ => None,
        };
        let so_far = match (sink, collect) {
            (_, Some(collect)) => {
                let groups = Groups::new(record, collect, buckets);
                let groups = groups.ok_or_else(|| Error::Internal("groups without keys".into()))?;
                SoFar::Groups(Box::new(groups))
            }
            (Sink::Count, _) => SoFar::Counted(0),
            (Sink::Total(_), _) => SoFar::Total(None, Box::new(Rows::for_calls())),
            (Sink::Whole(_), _) => SoFar::Whole(None, Box::new(Rows::for_calls())),
            _ => SoFar::Dealt(Deal::new(record, buckets)),
        };
        Ok(Taken { sink, record, so_far, stuck: false })
    }

    /// How many records there are, if it takes no more.
    pub fn is_full(&self, waiting: usize) -> bool {
        matches!(self.sink, Sink::Take(count) if waiting >= *count)
    }

    /// Takes a record; false if it is CPython's.
    fn add(&mut self, record: &[u64]) -> bool {
        // SAFETY, for all below: records of the chain's type, and what they point to is alive: the blocks, the
        // constants, the chain's strings, which `drain` keeps where it must.
        match (&mut self.so_far, self.sink) {
            (SoFar::Dealt(dealt), Sink::Take(count)) if dealt.runs[0].len() == *count => true,
            (SoFar::Dealt(dealt), _) => {
                // SAFETY: as above.
                unsafe { dealt.push(record) };
                true
            }
            // SAFETY: as above.
            (SoFar::Groups(groups), _) => unsafe { groups.add(record) },
            (SoFar::Counted(count), _) => {
                *count += 1;
                true
            }
            (SoFar::Total(total @ None, _), _) => {
                *total = Some(record.to_vec());
                true
            }
            (SoFar::Total(Some(total), calls), Sink::Total(merge)) => {
                let mut out = [0; MOST_SLOTS];
                let width = total.len();
                // SAFETY: as above; the total is one of the function's results or the first record.
                let done = unsafe { merge.run(calls, total, record, &mut out[..width]) };
                if done {
                    total.copy_from_slice(&out[..width]);
                }
                done
            }
            (SoFar::Total(Some(_), _) | SoFar::Whole(..), _) => false,
        }
    }

    /// Takes records, as `rows` holds them; how many it took before one that is CPython's.
    pub fn add_all(&mut self, records: &[&[u64]]) -> usize {
        if let (SoFar::Whole(made, calls), Sink::Whole(whole)) = (&mut self.so_far, self.sink) {
            // SAFETY: as for `add`.
            *made = unsafe { whole.run(calls, self.record, records.len(), &records.concat()) };
            return if made.is_some() { records.len() } else { 0 };
        }
        records.iter().take_while(|record| self.add(record)).count()
    }

    /// Where the function that left a record to CPython did so.
    pub fn stuck_at(&self) -> Option<&Site> {
        let (call, calls) = match (&self.so_far, self.sink) {
            (SoFar::Total(_, calls), Sink::Total(merge)) => (merge, calls),
            (SoFar::Whole(_, calls), Sink::Whole(whole)) => (&whole.call, calls),
            (SoFar::Groups(groups), _) => return groups.stuck_at(),
            _ => return None,
        };
        call.sites().get(calls.gave_up_at()?)
    }

    /// Whether what it has taken can be told again. If not, nothing that it takes may be forgotten.
    pub fn replays(&self) -> bool {
        match &self.so_far {
            SoFar::Groups(groups) => groups.can_replay(),
            SoFar::Counted(_) | SoFar::Total(..) => true,
            SoFar::Dealt(_) | SoFar::Whole(..) => false,
        }
    }

    /// Takes a run of records, if that can be told again.
    pub fn drain(&mut self, rows: &mut Rows<'_>) {
        if self.replays() && !self.stuck {
            self.drain_all(rows);
        }
    }

    /// Takes all records that wait.
    pub fn drain_all(&mut self, rows: &mut Rows<'_>) {
        let done = match (&mut self.so_far, self.sink) {
            // SAFETY: as for `add`.
            (SoFar::Groups(groups), _) => unsafe {
                groups.add_run(rows.len(), |index| rows.record(index))
            },
            (SoFar::Whole(made, calls), Sink::Whole(whole)) => {
                // SAFETY: as above.
                *made = unsafe { whole.run(calls, self.record, rows.len(), rows.slots()) };
                self.stuck = made.is_none();
                return;
            }
            _ => (0..rows.len()).take_while(|&index| self.add(rows.record(index))).count(),
        };
        if done < rows.len() {
            self.stuck = true;
            if self.replays() {
                rows.drop_first(done);
            }
            return;
        }
        let keeps = match (self.sink, pair_of(self.record)) {
            (Sink::Count | Sink::CountValues, _) => false,
            // Keys are copied.
            (Sink::Group | Sink::Runs | Sink::Merge | Sink::Reduce(_), Some((_, value))) => {
                has_pointers(value)
            }
            _ => has_pointers(self.record),
        };
        rows.clear(keeps);
        if let SoFar::Groups(groups) = &mut self.so_far
            && !keeps
        {
            groups.forget_recent();
        }
    }

    /// What it gives, a run per bucket.
    pub fn finish(self) -> Vec<Records> {
        match self.so_far {
            SoFar::Dealt(dealt) => dealt.runs,
            SoFar::Groups(groups) => groups.finish(),
            SoFar::Counted(count) => {
                let mut records = Records::new(&Type::Int);
                // SAFETY: the slots of an integer.
                unsafe { records.push(&[count]) };
                vec![records]
            }
            SoFar::Total(total, _calls) => vec![one(self.record, total)],
            SoFar::Whole(made, _calls) => made.into_iter().collect(),
        }
    }

    /// What it has taken, as records that would have the same effect as the first ones.
    pub fn replay(self) -> Option<Records> {
        match self.so_far {
            SoFar::Dealt(_) | SoFar::Whole(..) => None,
            SoFar::Groups(groups) => groups.replay(),
            SoFar::Counted(count) => {
                // Any records will do.
                let (len, slots) = (count as usize, Vec::new());
                // SAFETY: no slots are those of any number of nothing.
                Some(unsafe { Records::from_parts(&Type::None, len, slots, Arc::default()) })
            }
            SoFar::Total(total, _calls) => Some(one(self.record, total)),
        }
    }
}

fn one(ty: &Type, record: Option<Vec<u64>>) -> Records {
    let mut records = Records::new(ty);
    if let Some(record) = record {
        // SAFETY: a record of the type; what it points to is alive while it is copied.
        unsafe { records.push(&record) };
    }
    records
}
