//! A compiled function of one or two values: a reducer, a combiner, an update of state.

use std::cell::Cell;

use cranelift_codegen::ir::types;

use crate::emit::{Effects, Gen};
use crate::error::{Reason, Result};
use crate::function::{Code, Made, attempts};
use crate::json::holds_list;
use crate::record::holds_dynamic;
use crate::runtime::{DONE, Rows};
use crate::scope::{Place, Value};
use crate::sites::Site;
use crate::tree::Function;
use crate::types::Type;

type CallFn = unsafe extern "C" fn(*mut Rows<'_>, *const u64, *const u64, *mut u64) -> u32;

/// Strings that calls make take at most this; native code frees none of them before the block ends.
const MOST_MADE: usize = 256 << 20;

/// A function of one or two values.
pub struct Call {
    code: Code,
    result: Type,
    effects: Effects,
    left_out: Vec<Reason>,
}

/// In how many places a value of a type may hold a list or a dict; more than one counts as two.
fn places_of_lists(ty: &Type) -> usize {
    match ty {
        Type::Json(_) => 1,
        Type::List(item) => 1 + places_of_lists(item).min(1),
        Type::Tuple(items) => items.iter().map(places_of_lists).sum(),
        Type::Record(fields) => 1 + fields.iter().map(|(_, ty)| places_of_lists(ty)).sum::<usize>(),
        Type::Option(value) => places_of_lists(value),
        _ => 0,
    }
}

/// What a function has given, as a value that can be stored; of the wanted type, if there is one.
fn given(g: &mut Gen<'_>, mut value: Value, wanted: Option<&Type>) -> Result<Value> {
    if places_of_lists(&value.ty) > 1 {
        // Two of them may be one, and what changes one later must change both.
        return Err(Reason::unsupported(format!("a result of type {}", value.ty), 0));
    }
    if holds_dynamic(&value.ty) || holds_list(&value.ty) {
        value = g.kept(&value)?;
    }
    if let Some(wanted) = wanted {
        match wanted.unify(&value.ty) {
            Some(both) if both == *wanted => value = g.coerce(&value, wanted, 0)?,
            _ => return Err(Reason::mixed("results", &[wanted, &value.ty], 0)),
        }
    }
    let in_parts = value.ty.any(&|ty| matches!(ty, Type::Parts(_) | Type::Digest));
    if in_parts || crate::matches::holds_match(&value.ty) {
        return Err(Reason::unsupported(format!("a result of type {}", value.ty), 0));
    }
    Ok(value)
}

impl Call {
    /// Compiles `function` for arguments of these types. Its result is of type `result` if that is given.
    ///
    /// # Errors
    /// Why it cannot be compiled.
    pub fn new(function: &Function, args: &[Type], result: Option<&Type>) -> Result<Call> {
        Self::expecting(function, args, result, None)
    }

    /// Compiles `function` as [`Call::new`] does, but leaves to CPython what returns a value of another type than
    /// `result`.
    ///
    /// # Errors
    /// Why it cannot be compiled.
    pub fn giving(function: &Function, args: &[Type], result: &Type) -> Result<Call> {
        let returned = Place::Return(std::ptr::from_ref(function) as usize);
        Self::expecting(function, args, Some(result), Some((returned, result.clone())))
    }

    fn expecting(
        function: &Function,
        args: &[Type],
        result: Option<&Type>,
        returned: Option<(Place, Type)>,
    ) -> Result<Call> {
        let effects = Cell::new(Effects::default());
        let generate = |g: &mut Gen<'_>, record: &mut Option<Type>| {
            let addresses = g.parameters[1..4].to_vec();
            let values = args.iter().zip(&addresses).map(|(ty, &address)| g.load(ty, address, 0));
            let values: Vec<Value> = values.collect();
            for value in &values {
                // The function may go through all of them once, however many there are.
                if let Type::Parts(_) = value.ty {
                    g.allow_passes(value)?;
                }
            }
            let Some(value) = g.apply(function, values)? else {
                return Ok(());
            };
            let value = given(g, value, result);
            let value = value.map_err(|reason| reason.made_by(Some(function)))?;
            *record = Some(value.ty.clone());
            g.store(&value, addresses[2]);
            effects.set(g.effects);
            Ok(())
        };
        let Made { code, record: result, left_out, .. } =
            attempts(&[types::I64; 4], None, returned, generate)?;
        Ok(Call { code, result, effects: effects.get(), left_out })
    }

    /// The type of its result.
    pub fn result(&self) -> &Type {
        &self.result
    }

    /// Whether CPython could raise, or do anything but compute, on values of these types.
    pub fn may_raise(&self) -> bool {
        self.effects.may_raise
    }

    /// Whether it makes a list on the way.
    pub fn makes_lists(&self) -> bool {
        self.effects.makes_lists
    }

    /// Where it gives calls up.
    pub fn sites(&self) -> &[Site] {
        &self.code.sites
    }

    /// What of it is left to CPython for these types.
    pub fn left_out(&self) -> &[Reason] {
        &self.left_out
    }

    /// Calls it; false if the call is CPython's. Strings of the result may be in `rows`.
    ///
    /// # Safety
    /// `a` and `b` must be the slots of values of the arguments' types (`b` may be anything for a function of
    /// one value), and what they point to alive; `out` must have room for the result.
    pub unsafe fn run(&self, rows: &mut Rows<'_>, a: &[u64], b: &[u64], out: &mut [u64]) -> bool {
        // What makes nothing there needs no room.
        if self.effects.uses_rows {
            rows.begin_row();
            if rows.allocated() > MOST_MADE {
                rows.give_up_call(DONE);
                return false;
            }
        }
        debug_assert!(out.len() >= self.result.slots());
        // SAFETY: the code was generated for this signature; the caller's promise.
        let status = unsafe {
            let run: CallFn = std::mem::transmute(self.code.address);
            run(rows, a.as_ptr(), b.as_ptr(), out.as_mut_ptr())
        };
        if status != DONE {
            rows.give_up_call(status);
        }
        status == DONE
    }
}
