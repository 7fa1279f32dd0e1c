//! Arithmetic beyond the four operations, and the functions of numbers: `round`, `divmod`, `pow`, `math`.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::Result;
use crate::exceptions::Raised;
use crate::runtime::UNARY;
use crate::scope::Value;
use crate::sites::Cause;
use crate::types::Type;

impl Gen<'_> {
    /// `a ** b`; a negative power is a float, so it is CPython's.
    pub(crate) fn int_power(&mut self, a: &Value, b: &Value) -> Result<Value> {
        let negative = self.b.ins().icmp_imm(IntCC::SignedLessThan, b.one(), 0);
        self.effects.may_raise = true;
        self.deopt_if(negative, Cause::Unsure);
        self.checked("int_power", &[a.one(), b.one()], Raised::Value, Type::Int)
    }

    pub(crate) fn float_power(&mut self, x: IrValue, y: IrValue) -> Result<Value> {
        self.checked("float_power", &[x, y], Raised::ZeroDivision, Type::Float)
    }

    /// Calls a helper that puts one value out.
    fn checked(
        &mut self,
        helper: &'static str,
        args: &[IrValue],
        raised: Raised,
        ty: Type,
    ) -> Result<Value> {
        let out = self.room(1);
        let status = self.call_value(helper, &[args, &[out]].concat(), 'i')?;
        self.check(status, raised);
        Ok(self.load(&ty, out, 0))
    }

    /// `x << y`, `x >> y`.
    pub(crate) fn shift(&mut self, op: &str, x: IrValue, y: IrValue) -> Result<Value> {
        let negative = self.b.ins().icmp_imm(IntCC::SignedLessThan, y, 0);
        self.raise_if(negative, Raised::Value);
        let most = self.int(63);
        let far = self.b.ins().icmp_imm(IntCC::SignedGreaterThan, y, 63);
        let by = self.b.ins().select(far, most, y);
        if op == ">>" {
            let value = self.b.ins().sshr(x, by);
            return Ok(Value::new(Type::Int, vec![value]));
        }
        let value = self.b.ins().ishl(x, by);
        let back = self.b.ins().sshr(value, by);
        let lost = self.b.ins().icmp(IntCC::NotEqual, back, x);
        let nonzero = self.b.ins().icmp_imm(IntCC::NotEqual, x, 0);
        let far = self.b.ins().band(far, nonzero);
        let lost = self.b.ins().bor(lost, far);
        self.deopt_if(lost, Cause::Overflow);
        Ok(Value::new(Type::Int, vec![value]))
    }

    /// Gives up where a number is none of C's `int`s: those versions of CPython that take one raise.
    pub(crate) fn must_be_a_c_int(&mut self, number: IrValue) {
        let narrow = self.b.ins().ireduce(types::I32, number);
        let same = self.b.ins().sextend(types::I64, narrow);
        let beyond = self.b.ins().icmp(IntCC::NotEqual, same, number);
        self.deopt_if(beyond, Cause::Unsure);
    }

    /// A number as `math` takes it: whole ones are rounded to the nearest float, as CPython does.
    fn real(&mut self, value: &Value) -> Option<IrValue> {
        match value.ty {
            Type::Float => Some(value.one()),
            Type::Int | Type::Bool => Some(self.b.ins().fcvt_from_sint(types::F64, value.one())),
            _ => None,
        }
    }

    /// A function of numbers; `None` if it is not one, or not for these types.
    pub(crate) fn number_function(
        &mut self,
        name: &str,
        args: &[Value],
        line: u32,
    ) -> Result<Option<Value>> {
        if let Some(name) = name.strip_prefix("math.") {
            return self.math_function(name, args);
        }
        let is_whole = |value: &Value| matches!(value.ty, Type::Int | Type::Bool);
        Ok(Some(match (name, args) {
            ("int", [a]) if a.ty == Type::Float => self.whole_part(a.one(), 0)?,
            ("int", [a, base]) if a.ty == Type::Str && is_whole(base) => {
                let args = [a.slots[0], a.slots[1], base.one()];
                self.checked("parse_based", &args, Raised::Value, Type::Int)?
            }
            ("round", [a]) if is_whole(a) => Value::new(Type::Int, a.slots.clone()),
            ("round", [a]) if a.ty == Type::Float => self.whole_part(a.one(), 3)?,
            ("round", [a, digits]) if is_whole(a) && is_whole(digits) => {
                let negative = self.b.ins().icmp_imm(IntCC::SignedLessThan, digits.one(), 0);
                self.deopt_if(negative, Cause::Unsure);
                Value::new(Type::Int, a.slots.clone())
            }
            ("round", [a, digits]) if a.ty == Type::Float && is_whole(digits) => {
                self.checked("round_to", &[a.one(), digits.one()], Raised::Value, Type::Float)?
            }
            ("divmod", [a, b]) => {
                let quotient = self.binary("//", a, b, line)?;
                let rest = self.binary("%", a, b, line)?;
                Value::tuple(vec![quotient, rest])
            }
            ("pow", [a, b]) => self.binary("**", a, b, line)?,
            ("pow", [a, b, m]) if [a, b, m].into_iter().all(is_whole) => {
                let args = [a.one(), b.one(), m.one()];
                self.checked("modular_power", &args, Raised::Value, Type::Int)?
            }
            _ => return Ok(None),
        }))
    }

    /// `int(x)` (0), `math.floor` (1), `math.ceil` (2), `round(x)` (3).
    fn whole_part(&mut self, x: IrValue, how: i64) -> Result<Value> {
        let how = self.int(how);
        self.checked("whole_part", &[x, how], Raised::Value, Type::Int)
    }

    fn math_function(&mut self, name: &str, args: &[Value]) -> Result<Option<Value>> {
        let wholes: Option<Vec<IrValue>> = args
            .iter()
            .map(|arg| matches!(arg.ty, Type::Int | Type::Bool).then(|| arg.one()))
            .collect();
        if let Some(wholes) = wholes {
            match (name, wholes.as_slice()) {
                ("floor" | "ceil" | "trunc", [a]) => {
                    return Ok(Some(Value::new(Type::Int, vec![*a])));
                }
                ("factorial", [a]) => {
                    return self
                        .checked("math_factorial", &[*a], Raised::Value, Type::Int)
                        .map(Some);
                }
                ("gcd", [a, b]) => {
                    return self.checked("math_gcd", &[*a, *b], Raised::Value, Type::Int).map(Some);
                }
                _ => {}
            }
        }
        let Some(reals) = args.iter().map(|arg| self.real(arg)).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        match reals.as_slice() {
            [x] => self.math_of_one(name, *x),
            [x, y] => self.math_of_two(name, *x, *y),
            _ => Ok(None),
        }
    }

    fn math_of_one(&mut self, name: &str, x: IrValue) -> Result<Option<Value>> {
        if let Some(which) = UNARY.iter().position(|(known, _)| *known == name) {
            let which = self.int(which as i64);
            return self.checked("math_unary", &[which, x], Raised::Value, Type::Float).map(Some);
        }
        let float = |value| Ok(Some(Value::new(Type::Float, vec![value])));
        let scaled = |this: &mut Self, by: f64| {
            let by = this.b.ins().f64const(by);
            this.b.ins().fmul(x, by)
        };
        match name {
            "trunc" => self.whole_part(x, 0).map(Some),
            "floor" => self.whole_part(x, 1).map(Some),
            "ceil" => self.whole_part(x, 2).map(Some),
            "fabs" => float(self.b.ins().fabs(x)),
            "degrees" => float(scaled(self, 180.0 / std::f64::consts::PI)),
            "radians" => float(scaled(self, std::f64::consts::PI / 180.0)),
            "isnan" => {
                let flag = self.b.ins().fcmp(FloatCC::Unordered, x, x);
                Ok(Some(self.bool(flag)))
            }
            "isinf" | "isfinite" => {
                let (size, bound) = (self.b.ins().fabs(x), self.b.ins().f64const(f64::INFINITY));
                let code = if name == "isinf" { FloatCC::Equal } else { FloatCC::LessThan };
                let flag = self.b.ins().fcmp(code, size, bound);
                Ok(Some(self.bool(flag)))
            }
            _ => Ok(None),
        }
    }

    fn math_of_two(&mut self, name: &str, x: IrValue, y: IrValue) -> Result<Option<Value>> {
        let helper = match name {
            "copysign" => {
                let value = self.b.ins().fcopysign(x, y);
                return Ok(Some(Value::new(Type::Float, vec![value])));
            }
            "log" => {
                let (Some(top), Some(bottom)) =
                    (self.math_of_one(name, x)?, self.math_of_one(name, y)?)
                else {
                    return Ok(None);
                };
                return self.float_binary("/", &top, &bottom, 0).map(Some);
            }
            "pow" => "math_power",
            "atan2" => "math_atan2",
            "fmod" => "math_fmod",
            _ => return Ok(None),
        };
        self.checked(helper, &[x, y], Raised::Value, Type::Float).map(Some)
    }
}
