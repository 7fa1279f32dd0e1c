//! Dates and times in compiled code.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::runtime::NAIVE;
use crate::scope::Value;
use crate::sites::Cause;
use crate::tree::Expr;
use crate::types::Type;

const FIELDS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "microsecond"];

impl Gen<'_> {
    /// `strptime` and `fromisoformat` of a text, `replace` of a time's fields.
    pub(crate) fn datetime(
        &mut self,
        op: &str,
        args: &[Expr],
        names: &[String],
        line: u32,
    ) -> Result<Value> {
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        let args: Vec<Value> = args.iter().map(|arg| self.solid(arg)).collect();
        let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
        let out = self.room(2);
        let status = match (op, types.as_slice(), names) {
            ("strptime", [Type::Str], [format]) => {
                let format = self.constant_str(format).slots;
                let call = [args[0].slots[0], args[0].slots[1], format[0], format[1], out];
                self.call_value("datetime_parse", &call, 'i')?
            }
            ("fromisoformat", [Type::Str], []) => {
                let call = [args[0].slots[0], args[0].slots[1], out];
                self.call_value("datetime_iso", &call, 'i')?
            }
            ("replace", [Type::DateTime, values @ ..], _)
                if values.len() == names.len() && values.iter().all(|ty| **ty == Type::Int) =>
            {
                return self.replaced(&args, names, line);
            }
            _ => return Err(Reason::types(format!("datetime.{op}()"), &types, line)),
        };
        self.check(status, Raised::Value);
        Ok(self.load(&Type::DateTime, out, 0))
    }

    /// The fields are checked together, so one at a time is right only if each step is a time: else the row is
    /// CPython's.
    fn replaced(&mut self, args: &[Value], names: &[String], line: u32) -> Result<Value> {
        let (mut clock, offset) = (args[0].slots[0], args[0].slots[1]);
        for (name, value) in names.iter().zip(&args[1..]) {
            let out = self.room(1);
            let which = self.field(name, line)?;
            let call = [clock, which, value.one(), out];
            let status = self.call_value("datetime_replace", &call, 'i')?;
            let wrong = self.b.ins().icmp_imm(IntCC::NotEqual, status, 0);
            self.effects.may_raise = true;
            self.deopt_if(wrong, Cause::Unsure);
            clock = self.load(&Type::Int, out, 0).one();
        }
        Ok(Value::new(Type::DateTime, vec![clock, offset]))
    }

    fn field(&mut self, name: &str, line: u32) -> Result<IrValue> {
        let at = FIELDS.iter().position(|field| *field == name);
        let at = at.ok_or_else(|| Reason::unsupported(format!(".{name}"), line))?;
        Ok(self.int(at as i64))
    }

    /// `value.name`.
    pub(crate) fn attribute(&mut self, object: &Expr, name: &str, line: u32) -> Result<Value> {
        let object = self.expr(object)?;
        let object = self.solid(&object);
        if object.ty != Type::DateTime {
            return Err(Reason::types(format!(".{name}"), &[&object.ty], line));
        }
        let which = self.field(name, line)?;
        self.datetime_field(&object, which)
    }

    fn datetime_field(&mut self, time: &Value, which: IrValue) -> Result<Value> {
        let field = self.call_value("datetime_field", &[time.slots[0], which], 'I')?;
        Ok(Value::new(Type::Int, vec![field]))
    }

    /// A method of a time, without arguments.
    pub(crate) fn datetime_method(
        &mut self,
        time: &Value,
        name: &str,
        args: &[Value],
        line: u32,
    ) -> Result<Value> {
        match (name, args) {
            ("weekday" | "isoweekday", []) => {
                let which = self.int(7);
                let mut day = self.datetime_field(time, which)?;
                if name == "isoweekday" {
                    day.slots[0] = self.b.ins().iadd_imm(day.slots[0], 1);
                }
                Ok(day)
            }
            ("isoformat", []) => self.datetime_text(time, 'T'),
            ("timestamp", []) => {
                // Without an offset it depends on the machine's time zone.
                let naive = self.b.ins().icmp_imm(IntCC::Equal, time.slots[1], NAIVE);
                self.deopt_if(naive, Cause::Unsure);
                let utc = self.b.ins().isub(time.slots[0], time.slots[1]);
                let micros = self.as_float(&Value::new(Type::Int, vec![utc]));
                let second = self.b.ins().f64const(1e6);
                let seconds = self.b.ins().fdiv(micros, second);
                Ok(Value::new(Type::Float, vec![seconds]))
            }
            _ => Err(Reason::unsupported(format!(".{name}() of a datetime"), line)),
        }
    }

    /// `isoformat()` or, with a space, `str()`.
    pub(crate) fn datetime_text(&mut self, time: &Value, between: char) -> Result<Value> {
        let out = self.room(2);
        let between = self.int(i64::from(u32::from(between)));
        let call = [self.rows, time.slots[0], time.slots[1], between, out];
        self.call("datetime_text", &call, None)?;
        Ok(self.load(&Type::Str, out, 0))
    }

    /// A comparison of two times; those with an offset and those without have no order.
    pub(crate) fn compare_times(&mut self, code: IntCC, a: &Value, b: &Value) -> Result<IrValue> {
        let call = [a.slots[0], a.slots[1], b.slots[0], b.slots[1]];
        let order = self.call_value("datetime_order", &call, 'I')?;
        if !matches!(code, IntCC::Equal | IntCC::NotEqual) {
            let mixed = self.b.ins().icmp_imm(IntCC::Equal, order, 2);
            self.effects.may_raise = true;
            self.deopt_if(mixed, Cause::Unsure);
        }
        let flag = self.b.ins().icmp_imm(code, order, 0);
        debug_assert_eq!(self.b.func.dfg.value_type(flag), types::I8);
        Ok(flag)
    }
}
