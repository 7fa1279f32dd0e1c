//! Where values of different types meet: `None` and a value, a list without items and one with.
//!
//! A place (a variable, what a function returns, the records) gets the type of the first value that it holds. A
//! later value that does not fit teaches the next attempt a type that holds both, if there is one.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::scope::{Place, Value, ir_types};
use crate::types::Type;

impl Gen<'_> {
    /// The type to give a place whose first value has type `ty`.
    pub(crate) fn known_type(&self, place: &Place, ty: &Type) -> Type {
        let known = self.known.types.get(place);
        known.map_or(ty.clone(), |known| known.unify(ty).unwrap_or_else(|| known.clone()))
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
            Some(both) if both == *ty => self.coerce(value, ty, line),
            both => {
                self.lesson = both.map(|both| (place.clone(), both));
                Err(Reason::types(what, &[ty, &value.ty], line))
            }
        }
    }

    /// Why an attempt stops, with the lesson that what a value was read from holds a value of this type.
    pub(crate) fn learn(&mut self, value: &Value, ty: &Type, reason: Reason) -> Reason {
        if let Some(origin) = &value.origin {
            let ty = (0..origin.depth).fold(ty.clone(), |ty, _| Type::List(Box::new(ty)));
            self.lesson = Some((origin.place.clone(), ty));
        }
        reason
    }

    /// A value as one of a type that unifies with its own to itself.
    pub(crate) fn coerce(&mut self, value: &Value, ty: &Type, line: u32) -> Result<Value> {
        Ok(match (&value.ty, ty) {
            (from, to) if from == to => value.clone(),
            (Type::Never, _) | (Type::None, Type::Option(_)) => self.zero(ty),
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
            // Two names for one list must agree on what its items are.
            (Type::List(_), Type::List(_)) if !value.fresh => {
                let reason = Reason::types("a list used as another", &[&value.ty, ty], line);
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
        self.deopt();
        let nowhere = self.b.create_block();
        self.enter_sealed(nowhere);
        Value::new(Type::Never, vec![])
    }

    /// A list that is read, but never written.
    fn empty_list(&mut self) -> IrValue {
        let bytes: Box<[u8]> = Box::new([0; 32]);
        let address = bytes.as_ptr() as i64;
        self.constants.push(Box::new(bytes));
        self.int(address)
    }

    /// What an option holds if it holds something; other values as they are.
    pub(crate) fn inner(&self, value: &Value) -> Value {
        match &value.ty {
            Type::Option(inner) => {
                let slots = value.slots[1..].to_vec();
                Value { ty: (**inner).clone(), slots, ..value.clone() }
            }
            _ => value.clone(),
        }
    }

    /// What an option holds; where it is `None`, the row is CPython's.
    pub(crate) fn solid(&mut self, value: &Value) -> Value {
        if value.ty == Type::None {
            self.may_raise = true;
            return self.unreachable();
        }
        if matches!(value.ty, Type::Option(_)) {
            self.may_raise = true;
            let none = self.is_none(value, true);
            self.deopt_if(none);
        }
        self.inner(value)
    }

    /// Whether a value is `None`, or is not.
    pub(crate) fn is_none(&mut self, value: &Value, wanted: bool) -> IrValue {
        match value.ty {
            Type::Option(_) => {
                let code = if wanted { IntCC::Equal } else { IntCC::NotEqual };
                self.b.ins().icmp_imm(code, value.one(), 0)
            }
            _ => self.b.ins().iconst(types::I8, i64::from((value.ty == Type::None) == wanted)),
        }
    }
}
