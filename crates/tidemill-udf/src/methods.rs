//! Built-in functions, string methods, indexing: which runtime helper each is, and for which types.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::Value;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
    pub(crate) fn call_expr(&mut self, f: &Expr, args: &[Expr], line: u32) -> Result<Value> {
        match &f.kind {
            ExprKind::Func { f } => {
                let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
                let name = f.name.clone();
                let result = self.inline(f, args)?;
                result.ok_or_else(|| Reason::unsupported(format!("a call of {name}"), line))
            }
            ExprKind::Builtin { id } => {
                let args = match id.as_str() {
                    "sum" => self.used_up(args)?,
                    _ => args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?,
                };
                self.builtin(id, &args, line)
            }
            _ => Err(Reason::unsupported("this call", line)),
        }
    }

    fn builtin(&mut self, name: &str, args: &[Value], line: u32) -> Result<Value> {
        let wrong = || {
            let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
            Reason::types(format!("{name}()"), &types, line)
        };
        match (name, args) {
            ("float", [a]) if a.ty == Type::Str => self.parse("parse_float", a, Type::Float),
            ("float", [a]) if matches!(a.ty, Type::Int | Type::Float | Type::Bool) => {
                let value = self.as_float(a);
                Ok(Value::new(Type::Float, vec![value]))
            }
            ("int", [a]) if a.ty == Type::Str => self.parse("parse_int", a, Type::Int),
            ("int", [a]) if matches!(a.ty, Type::Int | Type::Bool) => {
                Ok(Value::new(Type::Int, a.slots.clone()))
            }
            ("str", [a]) => self.text_of(a, line),
            ("bool", [a]) => {
                let flag = self.truthy(a);
                Ok(self.bool(flag))
            }
            ("len", [a]) => self.length(a, line),
            ("abs", [a]) => self.absolute(a).ok_or_else(wrong),
            ("min" | "max", [a, b]) if a.ty == b.ty => self.extreme(name, a, b, line),
            ("sum", [a]) => self.sum(a, line),
            ("list", [a]) if matches!(a.ty, Type::List(_)) => Err(wrong()),
            _ => match name.strip_prefix("operator.").and_then(operator) {
                Some(op) if args.len() == 2 => self.binary(op, &args[0], &args[1], line),
                _ => Err(wrong()),
            },
        }
    }

    fn parse(&mut self, helper: &'static str, text: &Value, ty: Type) -> Result<Value> {
        let out = self.room(1);
        let status = self.call_value(helper, &[text.slots[0], text.slots[1], out], 'i')?;
        self.check(status, Raised::Value);
        Ok(self.load(&ty, out, 0))
    }

    pub(crate) fn text_of(&mut self, value: &Value, line: u32) -> Result<Value> {
        match value.ty {
            Type::Str => Ok(value.clone()),
            Type::Int => {
                let out = self.room(2);
                self.call("format_int", &[self.rows, value.one(), out], None)?;
                Ok(self.load(&Type::Str, out, 0))
            }
            _ => Err(Reason::types("str()", &[&value.ty], line)),
        }
    }

    fn length(&mut self, value: &Value, line: u32) -> Result<Value> {
        match &value.ty {
            Type::Str => {
                let out = self.room(1);
                let status =
                    self.call_value("length", &[value.slots[0], value.slots[1], out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Int, out, 0))
            }
            Type::List(_) => {
                let length = self.list_length(value);
                Ok(Value::new(Type::Int, vec![length]))
            }
            Type::Tuple(items) => {
                let length = self.int(items.len() as i64);
                Ok(Value::new(Type::Int, vec![length]))
            }
            other => Err(Reason::types("len()", &[other], line)),
        }
    }

    fn absolute(&mut self, value: &Value) -> Option<Value> {
        match value.ty {
            Type::Float => {
                let value = self.b.ins().fabs(value.one());
                Some(Value::new(Type::Float, vec![value]))
            }
            Type::Int => {
                let lowest = self.b.ins().icmp_imm(IntCC::Equal, value.one(), i64::MIN);
                self.deopt_if(lowest);
                let negative = self.b.ins().icmp_imm(IntCC::SignedLessThan, value.one(), 0);
                let minus = self.b.ins().ineg(value.one());
                let value = self.b.ins().select(negative, minus, value.one());
                Some(Value::new(Type::Int, vec![value]))
            }
            _ => None,
        }
    }

    /// `min(a, b)`, `max(a, b)`: the first unless the second is strictly less (greater).
    fn extreme(&mut self, name: &str, a: &Value, b: &Value, line: u32) -> Result<Value> {
        let op = if name == "min" { "<" } else { ">" };
        if !matches!(a.ty, Type::Int | Type::Float | Type::Str) {
            return Err(Reason::types(format!("{name}()"), &[&a.ty, &b.ty], line));
        }
        let second = self.compare(op, b, a, line)?;
        let pairs = a.slots.iter().zip(&b.slots);
        let slots = pairs.map(|(&x, &y)| self.b.ins().select(second, y, x)).collect();
        Ok(Value::new(a.ty.clone(), slots))
    }

    fn sum(&mut self, list: &Value, line: u32) -> Result<Value> {
        let Type::List(item) = &list.ty else {
            return Err(Reason::types("sum()", &[&list.ty], line));
        };
        // Since 3.12 CPython adds floats with a correction, before it did not: left to it.
        if !matches!(**item, Type::Int) {
            return Err(Reason::types("sum()", &[&list.ty], line));
        }
        let total = self.declare(&Type::Int);
        let zero = self.int(0);
        self.set(&total, &Value::new(Type::Int, vec![zero]));
        self.each(list, |this, item| {
            let so_far = this.get(&total);
            let sum = this.binary("+", &so_far, &item, line)?;
            this.set(&total, &sum);
            Ok(())
        })?;
        Ok(self.get(&total))
    }

    /// A method of a string.
    pub(crate) fn method(
        &mut self,
        object: &Value,
        name: &str,
        args: &[Value],
        line: u32,
    ) -> Result<Value> {
        let wrong = || {
            let mut types = vec![&object.ty];
            types.extend(args.iter().map(|arg| &arg.ty));
            Reason::types(format!(".{name}()"), &types, line)
        };
        if object.ty != Type::Str {
            return Err(wrong());
        }
        let [s, n] = [object.slots[0], object.slots[1]];
        let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
        match (name, types.as_slice()) {
            ("split", [] | [Type::None] | [Type::None, Type::Int]) => {
                let most = self.limit(args.get(1));
                let out = self.room(1);
                let status = self.call_value("split_space", &[self.rows, s, n, most, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::List(Box::new(Type::Str)), out, 0))
            }
            ("split", [Type::Str] | [Type::Str, Type::Int]) => {
                let most = self.limit(args.get(1));
                let out = self.room(1);
                let sep = &args[0].slots;
                let status = self.call_value(
                    "split_by",
                    &[self.rows, s, n, sep[0], sep[1], most, out],
                    'i',
                )?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::List(Box::new(Type::Str)), out, 0))
            }
            ("strip" | "lstrip" | "rstrip", []) => {
                let sides = self.int(match name {
                    "lstrip" => 1,
                    "rstrip" => 2,
                    _ => 3,
                });
                let out = self.room(2);
                let status = self.call_value("strip", &[s, n, sides, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Str, out, 0))
            }
            ("lower" | "upper", []) => {
                let upper = self.int(i64::from(name == "upper"));
                let out = self.room(2);
                let status = self.call_value("change_case", &[self.rows, s, n, upper, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Str, out, 0))
            }
            ("replace", [Type::Str, Type::Str]) => {
                let (old, new) = (&args[0].slots, &args[1].slots);
                let out = self.room(2);
                let call = [self.rows, s, n, old[0], old[1], new[0], new[1], out];
                let status = self.call_value("replace", &call, 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Str, out, 0))
            }
            ("startswith" | "endswith", [Type::Str]) => {
                let how = self.int(if name == "startswith" { 1 } else { 2 });
                let part = &args[0].slots;
                let found = self.call_value("contains", &[s, n, part[0], part[1], how], 'I')?;
                Ok(Value::new(Type::Bool, vec![found]))
            }
            ("find" | "count", [Type::Str]) => {
                let how = self.int(i64::from(name == "count"));
                let part = &args[0].slots;
                let out = self.room(1);
                let status = self.call_value("search", &[s, n, part[0], part[1], how, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Int, out, 0))
            }
            ("join", [Type::List(item)]) if **item == Type::Str => {
                let out = self.room(2);
                self.call("join", &[self.rows, s, n, args[0].one(), out], None)?;
                Ok(self.load(&Type::Str, out, 0))
            }
            (_, []) => {
                let tests = ["isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower"];
                let how = tests.iter().position(|test| *test == name).ok_or_else(wrong)?;
                let how = self.int(how as i64);
                let out = self.room(1);
                let status = self.call_value("classify", &[s, n, how, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Bool, out, 0))
            }
            _ => Err(wrong()),
        }
    }

    fn limit(&mut self, most: Option<&Value>) -> cranelift_codegen::ir::Value {
        match most {
            Some(most) => most.one(),
            None => self.int(-1),
        }
    }

    pub(crate) fn index(&mut self, object: &Expr, index: &Expr, line: u32) -> Result<Value> {
        let object = self.expr(object)?;
        let constant = match &index.kind {
            ExprKind::Const { t, v } if t == "int" => v.as_i64(),
            ExprKind::Unary { op, a } if op == "-" => match &a.kind {
                ExprKind::Const { t, v } if t == "int" => v.as_i64().map(|i| -i),
                _ => None,
            },
            _ => None,
        };
        if let (Type::Tuple(types), Some(at)) = (&object.ty, constant) {
            let at = if at < 0 { at + types.len() as i64 } else { at };
            let item = usize::try_from(at).ok().and_then(|at| object.items().into_iter().nth(at));
            return item.ok_or_else(|| Reason::unsupported("an index out of range", line));
        }
        let at = self.expr(index)?;
        match (&object.ty, &at.ty) {
            (Type::Str, Type::Int) => {
                let out = self.room(2);
                let args = [object.slots[0], object.slots[1], at.one(), out];
                let status = self.call_value("character", &args, 'i')?;
                self.check(status, Raised::Index);
                Ok(self.load(&Type::Str, out, 0))
            }
            (Type::List(_), Type::Int) => {
                let length = self.list_length(&object);
                let negative = self.b.ins().icmp_imm(IntCC::SignedLessThan, at.one(), 0);
                let from_end = self.b.ins().iadd(at.one(), length);
                let at = self.b.ins().select(negative, from_end, at.one());
                let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, at, length);
                self.raise_if(outside, Raised::Index);
                Ok(self.list_item(&object, at))
            }
            _ => Err(Reason::types("indexing", &[&object.ty, &at.ty], line)),
        }
    }

    pub(crate) fn slice(
        &mut self,
        object: &Expr,
        low: Option<&Expr>,
        high: Option<&Expr>,
        line: u32,
    ) -> Result<Value> {
        let object = self.expr(object)?;
        let bound = |this: &mut Self, end: Option<&Expr>, default: i64| match end {
            None => Ok(this.int(default)),
            Some(end) => {
                let value = this.expr(end)?;
                match value.ty {
                    Type::Int => Ok(value.one()),
                    _ => Err(Reason::types("slicing", &[&value.ty], line)),
                }
            }
        };
        let low = bound(self, low, 0)?;
        let high = bound(self, high, i64::MAX)?;
        if object.ty != Type::Str {
            return Err(Reason::types("slicing", &[&object.ty], line));
        }
        let out = self.room(2);
        let status =
            self.call_value("substring", &[object.slots[0], object.slots[1], low, high, out], 'i')?;
        self.check(status, Raised::Index);
        Ok(self.load(&Type::Str, out, 0))
    }
}

fn operator(name: &str) -> Option<&'static str> {
    Some(match name {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "truediv" => "/",
        "floordiv" => "//",
        "mod" => "%",
        _ => return None,
    })
}
