//! Arithmetic and comparisons of plain values, with Python's rules.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::Value;
use crate::sites::Cause;
use crate::types::Type;

/// Integers up to this size are exact as floats.
const EXACT: i64 = 1 << 53;

impl Gen<'_> {
    /// A number as a float, given up where that is not exact.
    pub(crate) fn as_float(&mut self, value: &Value) -> IrValue {
        if value.ty == Type::Float {
            return value.one();
        }
        // A sum that outgrows 64 bits may outgrow a float as well.
        self.effects.may_raise = true;
        let raised = self.b.ins().iadd_imm(value.one(), EXACT);
        let outside = self.b.ins().icmp_imm(IntCC::UnsignedGreaterThan, raised, 2 * EXACT);
        self.deopt_if(outside, Cause::Unsure);
        self.b.ins().fcvt_from_sint(types::F64, value.one())
    }

    pub(crate) fn binary(&mut self, op: &str, a: &Value, b: &Value, line: u32) -> Result<Value> {
        if a.ty == Type::None || b.ty == Type::None {
            // A TypeError; what would follow is of the other operand's type as likely as of any.
            self.never(Cause::None);
            let other = if a.ty == Type::None { &b.ty } else { &a.ty };
            return Ok(self.zero(other));
        }
        let (a, b) = (&self.solid(a), &self.solid(b));
        match (&a.ty, &b.ty) {
            (Type::Never, _) | (_, Type::Never) => Ok(Value::new(Type::Never, vec![])),
            (Type::List(_) | Type::Tuple(_), _) | (_, Type::List(_)) => {
                self.sequence_binary(op, a, b, line)
            }
            (Type::Str, Type::Str) if op == "+" => {
                let out = self.room(2);
                let args = [self.rows, a.slots[0], a.slots[1], b.slots[0], b.slots[1], out];
                let status = self.call_value("concat", &args, 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Str, out, 0))
            }
            (Type::Str, Type::Int | Type::Bool) if op == "*" => {
                self.text_call("repeat", &[a], &[b.one()], Type::Str)
            }
            (Type::Int | Type::Bool, Type::Str) if op == "*" => {
                self.text_call("repeat", &[b], &[a.one()], Type::Str)
            }
            (Type::Int | Type::Bool, Type::Int | Type::Bool) => self.int_binary(op, a, b, line),
            (Type::Float, Type::Float | Type::Int | Type::Bool)
            | (Type::Int | Type::Bool, Type::Float) => self.float_binary(op, a, b, line),
            (Type::Json(_), _) | (_, Type::Json(_)) => self.json_binary(op, a, b, line),
            _ => Err(Reason::types(format!("the operator {op}"), &[&a.ty, &b.ty], line)),
        }
    }

    fn int_binary(&mut self, op: &str, a: &Value, b: &Value, line: u32) -> Result<Value> {
        let (x, y) = (a.one(), b.one());
        let (value, overflow) = match op {
            "+" => self.b.ins().sadd_overflow(x, y),
            "-" => self.b.ins().ssub_overflow(x, y),
            "*" => self.b.ins().smul_overflow(x, y),
            "//" | "%" => return self.int_divide(op, x, y),
            "/" => {
                let zero = self.b.ins().icmp_imm(IntCC::Equal, y, 0);
                self.raise_if(zero, Raised::ZeroDivision);
                let (x, y) = (self.as_float(a), self.as_float(b));
                let quotient = self.b.ins().fdiv(x, y);
                return Ok(Value::new(Type::Float, vec![quotient]));
            }
            "**" => return self.int_power(a, b),
            "<<" | ">>" => return self.shift(op, x, y),
            "&" | "|" | "^" => {
                let value = match op {
                    "&" => self.b.ins().band(x, y),
                    "|" => self.b.ins().bor(x, y),
                    _ => self.b.ins().bxor(x, y),
                };
                let ty = if a.ty == b.ty { a.ty.clone() } else { Type::Int };
                return Ok(Value::new(ty, vec![value]));
            }
            _ => {
                return Err(Reason::types(format!("the operator {op}"), &[&a.ty, &b.ty], line));
            }
        };
        self.deopt_if(overflow, Cause::Overflow);
        Ok(Value::new(Type::Int, vec![value]))
    }

    pub(crate) fn int_divide(&mut self, op: &str, x: IrValue, y: IrValue) -> Result<Value> {
        let zero = self.b.ins().icmp_imm(IntCC::Equal, y, 0);
        self.raise_if(zero, Raised::ZeroDivision);
        // The one quotient that does not fit; the machine would trap.
        let lowest = self.b.ins().icmp_imm(IntCC::Equal, x, i64::MIN);
        let minus_one = self.b.ins().icmp_imm(IntCC::Equal, y, -1);
        let overflow = self.b.ins().band(lowest, minus_one);
        self.deopt_if(overflow, Cause::Overflow);
        let quotient = self.b.ins().sdiv(x, y);
        let product = self.b.ins().imul(quotient, y);
        let rest = self.b.ins().isub(x, product);
        // Python rounds down: one less where the rest has the other sign than the divisor.
        let has_rest = self.b.ins().icmp_imm(IntCC::NotEqual, rest, 0);
        let signs = self.b.ins().bxor(rest, y);
        let differ = self.b.ins().icmp_imm(IntCC::SignedLessThan, signs, 0);
        let down = self.b.ins().band(has_rest, differ);
        let value = if op == "//" {
            let less = self.b.ins().iadd_imm(quotient, -1);
            self.b.ins().select(down, less, quotient)
        } else {
            let more = self.b.ins().iadd(rest, y);
            self.b.ins().select(down, more, rest)
        };
        Ok(Value::new(Type::Int, vec![value]))
    }

    pub(crate) fn float_binary(
        &mut self,
        op: &str,
        a: &Value,
        b: &Value,
        line: u32,
    ) -> Result<Value> {
        if op == "**" {
            let (x, y) = (self.as_float(a), self.as_float(b));
            return self.float_power(x, y);
        }
        if !matches!(op, "+" | "-" | "*" | "/" | "//" | "%") {
            return Err(Reason::types(format!("the operator {op}"), &[&a.ty, &b.ty], line));
        }
        let (x, y) = (self.as_float(a), self.as_float(b));
        if matches!(op, "/" | "//" | "%") {
            let none = self.b.ins().f64const(0.0);
            let zero = self.b.ins().fcmp(FloatCC::Equal, y, none);
            self.raise_if(zero, Raised::ZeroDivision);
        }
        let value = match op {
            "+" => self.b.ins().fadd(x, y),
            "-" => self.b.ins().fsub(x, y),
            "*" => self.b.ins().fmul(x, y),
            "/" => self.b.ins().fdiv(x, y),
            _ => {
                let how = self.int(i64::from(op == "%"));
                self.call_value("float_divide", &[x, y, how], 'F')?
            }
        };
        Ok(Value::new(Type::Float, vec![value]))
    }

    /// A comparison of two values, as a flag.
    pub(crate) fn compare(&mut self, op: &str, a: &Value, b: &Value, line: u32) -> Result<IrValue> {
        let wrong = || Reason::types(format!("the comparison `{op}`"), &[&a.ty, &b.ty], line);
        match (&a.ty, &b.ty) {
            (Type::Never, _) | (_, Type::Never) => Ok(self.b.ins().iconst(types::I8, 0)),
            (_, Type::None) if matches!(op, "is" | "is not" | "==" | "!=") => {
                Ok(self.is_none(a, matches!(op, "is" | "==")))
            }
            (Type::None, _) if matches!(op, "==" | "!=") => Ok(self.is_none(b, op == "==")),
            _ if matches!(op, "is" | "is not") => Err(wrong()),
            (_, Type::Record(_)) if matches!(op, "in" | "not in") => {
                self.record_contains(op, a, b, line)
            }
            (Type::Json(_), _) | (_, Type::Json(_)) => self.json_compare(op, a, b, line),
            (Type::None, _) | (_, Type::None) if int_code(op).is_some() => {
                self.never(Cause::None);
                Ok(self.b.ins().iconst(types::I8, 0))
            }
            (Type::Option(_), Type::Option(_)) if matches!(op, "==" | "!=") => Err(wrong()),
            (Type::Option(_), _) | (_, Type::Option(_)) if matches!(op, "==" | "!=") => {
                let (maybe, other) = if matches!(a.ty, Type::Option(_)) { (a, b) } else { (b, a) };
                let there = self.is_none(maybe, false);
                let same = self.compare("==", &self.inner(maybe), other, line)?;
                let equal = self.b.ins().band(there, same);
                Ok(if op == "==" { equal } else { self.b.ins().icmp_imm(IntCC::Equal, equal, 0) })
            }
            (Type::Option(_), _) | (_, Type::Option(_)) => {
                let (a, b) = (self.solid(a), self.solid(b));
                self.compare(op, &a, &b, line)
            }
            (Type::Str, Type::Int | Type::Float | Type::Bool)
            | (Type::Int | Type::Float | Type::Bool, Type::Str)
                if matches!(op, "==" | "!=") =>
            {
                Ok(self.b.ins().iconst(types::I8, i64::from(op == "!=")))
            }
            (Type::DateTime, Type::DateTime) => {
                let code = int_code(op).ok_or_else(wrong)?;
                self.compare_times(code, a, b)
            }
            (_, Type::List(_)) if matches!(op, "in" | "not in") => self.is_in_list(op, a, b, line),
            (_, Type::Tuple(_)) if matches!(op, "in" | "not in") => {
                self.is_among(op, a, &b.items(), line)
            }
            (Type::List(_) | Type::Tuple(_), Type::List(_) | Type::Tuple(_)) => {
                self.compare_sequences(op, a, b, line)
            }
            (Type::Str, Type::Str) => self.compare_str(op, a, b, line),
            (Type::Int | Type::Bool, Type::Int | Type::Bool) => {
                let code = int_code(op).ok_or_else(wrong)?;
                Ok(self.b.ins().icmp(code, a.one(), b.one()))
            }
            (Type::Float | Type::Int | Type::Bool, Type::Float | Type::Int | Type::Bool) => {
                let code = float_code(op).ok_or_else(wrong)?;
                let (x, y) = (self.as_float(a), self.as_float(b));
                Ok(self.b.ins().fcmp(code, x, y))
            }
            _ => Err(wrong()),
        }
    }

    fn compare_str(&mut self, op: &str, a: &Value, b: &Value, line: u32) -> Result<IrValue> {
        let args = [a.slots[0], a.slots[1], b.slots[0], b.slots[1]];
        if matches!(op, "in" | "not in") {
            let args = [args[2], args[3], args[0], args[1]];
            let found = self.call_value("contains", &args, 'I')?;
            return Ok(self.b.ins().icmp_imm(IntCC::Equal, found, i64::from(op == "in")));
        }
        if matches!(op, "==" | "!=") {
            let same = self.call_value("equal", &args, 'I')?;
            return Ok(self.b.ins().icmp_imm(IntCC::Equal, same, i64::from(op == "==")));
        }
        let code = int_code(op).ok_or_else(|| {
            Reason::types(format!("the comparison `{op}`"), &[&a.ty, &b.ty], line)
        })?;
        let order = self.call_value("compare", &args, 'I')?;
        Ok(self.b.ins().icmp_imm(code, order, 0))
    }
}

pub(crate) fn int_code(op: &str) -> Option<IntCC> {
    Some(match op {
        "<" => IntCC::SignedLessThan,
        "<=" => IntCC::SignedLessThanOrEqual,
        ">" => IntCC::SignedGreaterThan,
        ">=" => IntCC::SignedGreaterThanOrEqual,
        "==" => IntCC::Equal,
        "!=" => IntCC::NotEqual,
        _ => return None,
    })
}

fn float_code(op: &str) -> Option<FloatCC> {
    Some(match op {
        "<" => FloatCC::LessThan,
        "<=" => FloatCC::LessThanOrEqual,
        ">" => FloatCC::GreaterThan,
        ">=" => FloatCC::GreaterThanOrEqual,
        "==" => FloatCC::Equal,
        "!=" => FloatCC::NotEqual,
        _ => return None,
    })
}
