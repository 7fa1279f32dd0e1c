//! Whole numbers beside floats: `total = 0`, to which floats are added; `max(0, x)`; `total or 0`; the sum of nothing.
//!
//! A written `int` that meets floats is held as a float, beside a flag that says whether it is the `int`. Arithmetic
//! with a float, comparisons and truth do not tell the two apart; anything else gives the row up if it is the `int`.

use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::Result;
use crate::scope::{Local, Value};
use crate::sites::Cause;
use crate::tree::Expr;
use crate::types::Type;

/// The largest `int` that is taken for a constant: it and all that are smaller are exact as floats.
pub(crate) const LARGEST: u64 = 1 << 53;

impl Gen<'_> {
    /// The value of an expression that may be an `int` held as a float.
    pub(crate) fn either_number(&mut self, expr: &Expr) -> Result<Value> {
        let before = std::mem::replace(&mut self.line, expr.line);
        let value = self.value_of(expr);
        self.line = before;
        value
    }

    /// A value that is of its type; gives the row up if it is an `int` held as a float.
    pub(crate) fn of_its_type(&mut self, value: Value) -> Value {
        if let Some(whole) = value.whole {
            self.deopt_if(whole, Cause::Kind);
        }
        Value { whole: None, ..value }
    }

    /// Whether a value is a constant `int` that may be held as a float.
    pub(crate) fn is_whole_constant(value: &Value) -> bool {
        value.literal && value.ty == Type::Int
    }

    /// A constant `int` as a float.
    pub(crate) fn held_as_float(&mut self, value: &Value) -> Value {
        let float = self.b.ins().fcvt_from_sint(types::F64, value.one());
        let whole = self.b.ins().iconst(types::I8, 1);
        Value { whole: Some(whole), ..Value::new(Type::Float, vec![float]) }
    }

    /// A variable for floats and for constants of type `int`.
    pub(crate) fn declare_number(&mut self) -> Local {
        let whole = self.b.declare_var(types::I8);
        Local { whole: Some(whole), ..self.declare(&Type::Float) }
    }

    /// An operator on values that may be held as floats.
    pub(crate) fn number_binary(
        &mut self,
        op: &str,
        a: &Value,
        b: &Value,
        line: u32,
    ) -> Result<Value> {
        let plain = |value: &Value| Value { whole: None, ..value.clone() };
        let meets_float = |one: &Value, other: &Value| match (one.whole, other.whole) {
            (Some(_), None) => other.ty == Type::Float || (op == "/" && other.ty == Type::Int),
            _ => false,
        };
        let is_arithmetic = matches!(op, "+" | "-" | "*" | "/" | "//" | "%");
        let (a, b) = match (a.whole, b.whole) {
            (None, None) => return self.binary(op, a, b, line),
            (Some(first), Some(second)) if is_arithmetic => {
                let both = self.b.ins().band(first, second);
                self.deopt_if(both, Cause::Kind);
                (plain(a), plain(b))
            }
            _ if is_arithmetic && (meets_float(a, b) || meets_float(b, a)) => (plain(a), plain(b)),
            _ => (self.of_its_type(a.clone()), self.of_its_type(b.clone())),
        };
        self.binary(op, &a, &b, line)
    }

    /// `-value` of a float that may be an `int`, which has no negative zero.
    pub(crate) fn negated_number(&mut self, value: &Value) -> Value {
        let number = value.one();
        let zero = self.b.ins().f64const(0.0);
        let (whole, float) = (self.b.ins().fsub(zero, number), self.b.ins().fneg(number));
        let negated = match value.whole {
            Some(flag) => self.b.ins().select(flag, whole, float),
            None => float,
        };
        Value { whole: value.whole, ..Value::new(Type::Float, vec![negated]) }
    }

    /// The flags of two values, of which one is chosen by a flag.
    pub(crate) fn chosen_whole(
        &mut self,
        flag: IrValue,
        yes: &Value,
        no: &Value,
    ) -> Option<IrValue> {
        if yes.whole.is_none() && no.whole.is_none() {
            return None;
        }
        let never = self.b.ins().iconst(types::I8, 0);
        let (yes, no) = (yes.whole.unwrap_or(never), no.whole.unwrap_or(never));
        Some(self.b.ins().select(flag, yes, no))
    }
}
