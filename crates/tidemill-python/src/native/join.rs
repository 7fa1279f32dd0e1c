//! Joins: records of two sides, which came through one shuffle, meet by key.
//!
//! The input is what `groupByKey` made of each side's `(key, (side, value))`: blocks of `(key, [(side, value)])`, each
//! of one side, because a map task reads one of the RDDs. So the sides may differ in the type of their values. Keys
//! come out as first seen, values in the order in which they came, as `tidemill.ops` has it. No function of the
//! user's is called, so nothing is given up.

use tidemill::block::BlockRef;
use tidemill_udf::{Heap, Reason, Records, Type, list_items, pair_of, widen};

use super::plan::JoinPlan;
use crate::block::TypedBlock;
use crate::keys::{Fingerprint, KeyIndex};

/// Pairs of a partition that are always made at once.
const MOST_PAIRS: usize = 1 << 16;

/// Pairs of a partition that are made at once for each of its records, if these are many.
const MOST_GROWTH: usize = 4;

/// The blocks of two sides.
pub struct Sides<'a> {
    key: &'a Type,
    /// The types of the values; nothing for a side that has no block.
    values: [Option<Type>; 2],
    /// With the number of the side, in the order of the map tasks.
    runs: Vec<(usize, &'a Type, &'a Records)>,
}

impl<'a> Sides<'a> {
    /// The sides that blocks are; `None` if compiled code cannot join them. Empty blocks do not count.
    pub fn of(blocks: &'a [BlockRef]) -> Option<Sides<'a>> {
        let (mut key, mut values, mut runs) = (None, [None, None], Vec::new());
        for block in blocks.iter().filter(|block| !block.is_empty()) {
            let TypedBlock(records) = block.as_any().downcast_ref()?;
            let (its, Type::List(tagged)) = pair_of(records.ty())? else { return None };
            let (Type::Int, value) = pair_of(tagged)? else { return None };
            if *key.get_or_insert(its) != its {
                return None;
            }
            let side = side_of(records, its.slots(), tagged.slots())?;
            let known = values.get_mut(side)?;
            *known = Some(match known.take() {
                Some(known) => value.unify(&known)?,
                None => value.clone(),
            });
            runs.push((side, value, records));
        }
        key.filter(|key| key.is_key()).map(|key| Sides { key, values, runs })
    }

    /// The types of key and values, as one.
    pub fn ty(&self) -> Type {
        let [left, right] = self.values.clone().map(|ty| ty.unwrap_or(Type::Never));
        Type::Tuple(vec![self.key.clone(), left, right])
    }

    /// The types, for people.
    pub fn describe(&self) -> String {
        let of = |ty: &Option<Type>| ty.as_ref().map_or("nothing".to_owned(), Type::to_string);
        format!("{} with {} and {}", self.key, of(&self.values[0]), of(&self.values[1]))
    }
}

/// The side that all items of all records are of.
fn side_of(records: &Records, at: usize, width: usize) -> Option<usize> {
    let mut side = None;
    for record in records.iter() {
        // SAFETY: behind the key is the slot of a list, alive in its block.
        let (items, _) = unsafe { list_items(record[at]) };
        for item in items.chunks_exact(width) {
            if *side.get_or_insert(item[0]) != item[0] {
                return None;
            }
        }
    }
    side.map(|side| side as usize)
}

/// A compiled join, for one pair of types.
pub struct Join {
    plan: JoinPlan,
    /// The types of the values as they come out.
    values: [Type; 2],
    result: Type,
}

/// The values of a key, and how many there are, side by side.
type Met = [(Vec<u64>, usize); 2];

impl Join {
    /// The join of sides of these types.
    ///
    /// # Errors
    /// Why their records are CPython's.
    pub fn new(plan: &JoinPlan, sides: &Sides<'_>) -> Result<Join, Reason> {
        // Of a side that has no records no value comes out.
        let [left, right] = sides.values.clone().map(|ty| ty.unwrap_or(Type::None));
        let values = [kept(left, plan.keeps_right())?, kept(right, plan.keeps_left())?];
        let [left, right] = &values;
        let keyed = |value: &Type| Type::Tuple(vec![sides.key.clone(), value.clone()]);
        let result = match plan {
            JoinPlan::Pairs { .. } => keyed(&Type::Tuple(values.to_vec())),
            JoinPlan::Left => keyed(left),
            JoinPlan::Keys => sides.key.clone(),
        };
        // A value that is in several pairs is one object, which a function may change.
        let repeats = matches!(plan, JoinPlan::Pairs { .. });
        if let Some(ty) = [left, right].into_iter().find(|ty| repeats && ty.is_mutable()) {
            return Err(Reason::types_of("a join of values that may change", ty));
        }
        Ok(Join { plan: *plan, values, result })
    }

    /// The type of the records.
    pub fn result(&self) -> &Type {
        &self.result
    }

    /// Joins blocks of the types that it was made for, in the order of their keys; `most` records of
    /// each block. `None` if there are too many pairs to have at once: CPython makes them one by one.
    pub fn run(&self, sides: &Sides<'_>, most: usize) -> Option<Records> {
        let (mut index, heap) = (KeyIndex::new(sides.key, 0), Heap::default());
        let mut met: Vec<Met> = Vec::new();
        let width = sides.key.slots();
        for &(side, ty, records) in &sides.runs {
            let item = 1 + ty.slots();
            for record in records.iter().take(most) {
                let key = &record[..width];
                // SAFETY: the slots of a key of the type, alive in its block.
                let print = unsafe { Fingerprint::of(sides.key, key) };
                // SAFETY: as above.
                let found = unsafe { index.find(sides.key, key, &print) };
                let place = found.unwrap_or_else(|| {
                    met.push(Met::default());
                    // SAFETY: as above.
                    unsafe { index.insert(sides.key, key, &[], &print, &heap) }
                });
                let (slots, count) = &mut met[place][side];
                // SAFETY: behind the key is the slot of a list, alive in its block.
                let (items, _) = unsafe { list_items(record[width]) };
                for item in items.chunks_exact(item) {
                    widen(ty, &self.values[side], &item[1..], slots)?;
                    *count += 1;
                }
            }
        }
        let rows: usize = met.iter().map(|[left, right]| left.1 + right.1).sum();
        let pairs = met.iter().map(|[left, right]| left.1.saturating_mul(right.1));
        if pairs.fold(0, usize::saturating_add) > MOST_PAIRS.max(rows.saturating_mul(MOST_GROWTH)) {
            return None;
        }
        let mut records = Records::new(&self.result);
        for (place, met) in met.iter().enumerate() {
            self.emit(index.key(place), met, &mut records)?;
        }
        Some(records)
    }

    /// Adds the records of a key.
    fn emit(&self, key: &[u64], [left, right]: &Met, records: &mut Records) -> Option<()> {
        let mut push = |parts: &[&[u64]]| {
            // SAFETY: the slots of key and values make a record of the type; what they point to is in blocks and
            // keys that are alive.
            unsafe { records.push(&parts.concat()) };
        };
        match self.plan {
            JoinPlan::Keys if left.1 > 0 && right.1 > 0 => push(&[key]),
            JoinPlan::Left if right.1 == 0 => {
                (0..left.1).for_each(|at| push(&[key, self.value(0, left, at)]));
            }
            JoinPlan::Keys | JoinPlan::Left => {}
            JoinPlan::Pairs { keep_left, keep_right } => {
                let absent = |side: usize| {
                    let mut slots = Vec::new();
                    widen(&Type::None, &self.values[side], &[], &mut slots).map(|()| (slots, 1))
                };
                let (none_left, none_right);
                let left = if keep_right && left.1 == 0 {
                    none_left = absent(0)?;
                    &none_left
                } else {
                    left
                };
                let right = if keep_left && right.1 == 0 {
                    none_right = absent(1)?;
                    &none_right
                } else {
                    right
                };
                for a in 0..left.1 {
                    for b in 0..right.1 {
                        push(&[key, self.value(0, left, a), self.value(1, right, b)]);
                    }
                }
            }
        }
        Some(())
    }

    fn value<'v>(&self, side: usize, (slots, _): &'v (Vec<u64>, usize), at: usize) -> &'v [u64] {
        let width = self.values[side].slots();
        &slots[at * width..(at + 1) * width]
    }
}

/// The type of a side's values, which may be missing where the other side is kept.
fn kept(ty: Type, may_miss: bool) -> Result<Type, Reason> {
    if !may_miss {
        return Ok(ty);
    }
    let maybe = ty.unify(&Type::None).filter(|ty| matches!(ty, Type::None | Type::Option(_)));
    maybe.ok_or_else(|| Reason::types_of("an outer join", &ty))
}
