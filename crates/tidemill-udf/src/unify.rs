//! Where values of different types meet: `None` and a value, a list without items and one with.
//!
//! A place (a variable, what a function returns, the records) gets the type of the first value that it holds. A
//! later value that does not fit teaches the next attempt a type that holds both, if there is one.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::runtime::empty_list;
use crate::scope::{Place, Value, ir_types};
use crate::sites::Cause;
use crate::types::Type;

impl Gen<'_> {
    /// The type to give a place whose first value has type `ty`.
    pub(crate) fn known_type(&self, place: &Place, ty: &Type) -> Type {
        let known = self.known.types.get(place);
        known.map_or(ty.clone(), |known| known.unify(ty).unwrap_or_else(|| known.clone()))
    }

    /// Notes that a place has its type from a value.
    pub(crate) fn has_type_of(&mut self, place: &Place, value: &Value) {
        if value.literal && !self.known.types.contains_key(place) {
            self.constant_only.insert(place.clone());
        }
    }

    /// A value as a place of type `ty` holds it; if it does not fit, the attempt fails with a lesson.
    pub(crate) fn fit(
        &mut self,
        place: &Place,
        ty: &Type,
        value: &Value,
        what: &str,
        line: u32,
    ) -> Result<Value> {
        match ty.unify(&value.ty) {
            Some(both) if both == *ty && value.ty.fits(ty) => self.coerce(value, ty, line),
            both => {
                // That a dict is met where values are dynamic is news as well, the first time.
                let mut wider =
                    both.filter(|both| both != ty || !self.known.types.contains_key(place));
                if wider.is_none() && !value.literal && self.constant_only.contains(place) {
                    // What is computed counts more than a constant, which is of the type that rows have.
                    wider = Some(value.ty.clone());
                }
                self.lesson = wider.map(|both| Box::new((place.clone(), both)));
                Err(Reason::mixed(what, &[ty, &value.ty], line))
            }
        }
    }

    /// Why an attempt stops, with the lesson that what a value was read from holds a value of this type.
    pub(crate) fn learn(&mut self, value: &Value, ty: &Type, reason: Reason) -> Reason {
        if let Some(origin) = &value.origin {
            let ty = (0..origin.depth).fold(ty.clone(), |ty, _| Type::List(Box::new(ty)));
            self.lesson = Some(Box::new((origin.place.clone(), ty)));
        }
        reason
    }

    /// A value as one of a type that unifies with its own to itself.
    pub(crate) fn coerce(&mut self, value: &Value, ty: &Type, line: u32) -> Result<Value> {
        Ok(match (&value.ty, ty) {
            (from, to) if from == to => value.clone(),
            (Type::Never, _) => self.zero(ty),
            (_, Type::Json(_)) => {
                let boxed = self.boxed_or(value, line)?;
                Value::new(ty.clone(), boxed.slots)
            }
            (Type::None, Type::Option(_)) => self.zero(ty),
            (Type::Option(_), Type::Option(to)) => {
                let inner = self.coerce(&self.inner(value), to, line)?;
                Value::new(ty.clone(), [vec![value.one()], inner.slots].concat())
            }
            (_, Type::Option(to)) => {
                let inner = self.coerce(value, to, line)?;
                let there = self.int(1);
                Value::new(ty.clone(), [vec![there], inner.slots].concat())
            }
            (Type::Tuple(_), Type::Tuple(types)) => {
                let items = value.items().into_iter().zip(types);
                let items = items.map(|(item, ty)| self.coerce(&item, ty, line));
                Value::tuple(items.collect::<Result<_>>()?)
            }
            (Type::Record(_), Type::Record(fields)) => {
                let keys = fields.iter().map(|(key, _)| key.clone());
                let items = value.items().into_iter().zip(fields);
                let items = items.map(|(item, (_, ty))| self.coerce(&item, ty, line));
                Value::record(keys.zip(items.collect::<Result<Vec<_>>>()?).collect())
            }
            // Two names for one list must agree on what its items are.
            (Type::List(_), Type::List(_)) if !value.fresh && !value.ty.is_held_as(ty) => {
                let reason = Reason::mixed("two names for a list", &[&value.ty, ty], line);
                return Err(self.learn(value, ty, reason));
            }
            _ => Value { fresh: value.fresh, ..Value::new(ty.clone(), value.slots.clone()) },
        })
    }

    /// A value of a type whose slots may be looked at, but mean nothing.
    pub(crate) fn zero(&mut self, ty: &Type) -> Value {
        let slots = match ty {
            Type::Str => self.constant_str("").slots,
            Type::Tuple(items) => items.iter().flat_map(|item| self.zero(item).slots).collect(),
            Type::Option(value) => [vec![self.int(0)], self.zero(value).slots].concat(),
            Type::Record(fields) => {
                fields.iter().flat_map(|(_, field)| self.zero(field).slots).collect()
            }
            Type::List(_) => vec![self.empty_list()],
            _ => ir_types(ty)
                .into_iter()
                .map(|ir| match ir {
                    types::F64 => self.b.ins().f64const(0.0),
                    _ => self.int(0),
                })
                .collect(),
        };
        Value::new(ty.clone(), slots)
    }

    /// Goes on where nothing gets to, with a value that nothing will have.
    pub(crate) fn unreachable(&mut self) -> Value {
        self.deopt(Cause::Unsure);
        let nowhere = self.b.create_block();
        self.enter_sealed(nowhere);
        Value::new(Type::Never, vec![])
    }

    /// A list that is read, but never written.
    fn empty_list(&mut self) -> IrValue {
        self.int(empty_list() as i64)
    }

    /// What an option holds if it holds something; other values as they are.
    pub(crate) fn inner(&self, value: &Value) -> Value {
        match &value.ty {
            Type::Option(inner) => {
                let slots = value.slots[1..].to_vec();
                Value { ty: (**inner).clone(), slots, ..value.clone() }
            }
            Type::Json(shape) => Value { ty: Type::Json(shape.without_none()), ..value.clone() },
            _ => value.clone(),
        }
    }

    /// What an option holds, and a dynamic value as one of its usual type; where it is `None` or another, the
    /// row is CPython's.
    pub(crate) fn solid(&mut self, value: &Value) -> Value {
        if value.ty == Type::None {
            self.effects.may_raise = true;
            return self.unreachable();
        }
        if let Type::Json(shape) = &value.ty {
            return self.settle(value, shape);
        }
        if matches!(value.ty, Type::Option(_)) {
            self.effects.may_raise = true;
            let none = self.is_none(value, true);
            self.deopt_if(none, Cause::None);
        }
        self.inner(value)
    }

    /// Whether a value is `None`, or is not.
    pub(crate) fn is_none(&mut self, value: &Value, wanted: bool) -> IrValue {
        match value.ty {
            // The head of a dynamic None is 0 as well.
            Type::Option(_) | Type::Json(_) => {
                let code = if wanted { IntCC::Equal } else { IntCC::NotEqual };
                self.b.ins().icmp_imm(code, value.one(), 0)
            }
            _ => self.b.ins().iconst(types::I8, i64::from((value.ty == Type::None) == wanted)),
        }
    }
}
