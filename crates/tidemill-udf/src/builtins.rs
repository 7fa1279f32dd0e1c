//! Built-in functions: which runtime helper each is, and for which types.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::runtime::Conversion;
use crate::scope::Value;
use crate::shape::Kind;
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
            ExprKind::Builtin { id } if id == "isinstance" => match args {
                [value, kinds] => self.is_instance(value, kinds, line),
                _ => Err(Reason::unsupported("this use of isinstance()", line)),
            },
            ExprKind::Builtin { id } if id == "json.loads" => {
                let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
                self.json_loads(&args, std::ptr::from_ref(f) as usize, line)
            }
            ExprKind::Builtin { id } => {
                let args = match id.as_str() {
                    "sum" | "str.join" => self.used_up(args)?,
                    _ => args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?,
                };
                self.builtin(id, &args, line)
            }
            _ => Err(Reason::unsupported("this call", line)),
        }
    }

    fn builtin(&mut self, name: &str, args: &[Value], line: u32) -> Result<Value> {
        // None is as good as any other value to these two.
        let taken: Vec<Value> = match name {
            "str" | "repr" | "bool" | "json.dumps" => args.to_vec(),
            "len" if matches!(args, [Value { ty: Type::Json(_), .. }]) => args.to_vec(),
            _ => args.iter().map(|arg| self.solid(arg)).collect(),
        };
        let args = taken.as_slice();
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
            ("float", [a]) if matches!(a.ty, Type::Json(_)) => self.json_float(a),
            ("int", [a]) if matches!(a.ty, Type::Json(_)) => self.json_int(a),
            ("min" | "max", [a, b]) if is_either_json(a, b) => self.json_extreme(name, a, b, line),
            ("json.dumps", args) => self.json_dumps(args, line),
            ("str", []) => Ok(self.constant_str("")),
            ("str", [a]) => self.text_of(a, None, line),
            ("repr", [a]) => self.text_of(a, Some(Conversion::Repr), line),
            ("ord", [a]) if a.ty == Type::Str => self.text_call("code_point", &[a], &[], Type::Int),
            ("chr", [a]) if matches!(a.ty, Type::Int | Type::Bool) => {
                self.text_call("from_code_point", &[], &[a.one()], Type::Str)
            }
            ("bool", [a]) => {
                let flag = self.truthy(a);
                Ok(self.bool(flag))
            }
            ("len", [a]) => self.length(a, line),
            ("abs", [a]) => self.absolute(a).ok_or_else(wrong),
            ("min" | "max", [a, b]) if a.ty == b.ty => self.extreme(name, a, b, line),
            ("sum", [a]) => self.sum(a, line),
            ("list", [a]) if matches!(a.ty, Type::List(_)) => Err(wrong()),
            (_, [text, args @ ..]) if name.starts_with("str.") && text.ty == Type::Str => {
                self.text_method(text, &name["str.".len()..], args, &[], line)
            }
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

    fn length(&mut self, value: &Value, line: u32) -> Result<Value> {
        match &value.ty {
            Type::Str => {
                let length = self.call_value("length", &[value.slots[0], value.slots[1]], 'I')?;
                Ok(Value::new(Type::Int, vec![length]))
            }
            Type::List(_) => {
                let length = self.list_length(value);
                Ok(Value::new(Type::Int, vec![length]))
            }
            Type::Tuple(items) => {
                let length = self.int(items.len() as i64);
                Ok(Value::new(Type::Int, vec![length]))
            }
            Type::Record(fields) => {
                let length = self.int(fields.len() as i64);
                Ok(Value::new(Type::Int, vec![length]))
            }
            Type::Json(_) => self.json_length(value),
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
        if let Type::Json(shape) = &**item
            && shape.only() == Some(Kind::Int)
        {
            return self.sum_items(list, line);
        }
        // Since 3.12 CPython adds floats with a correction, before it did not: left to it.
        if !matches!(**item, Type::Int | Type::Never) {
            return Err(Reason::types("sum()", &[&list.ty], line));
        }
        self.sum_items(list, line)
    }

    fn sum_items(&mut self, list: &Value, line: u32) -> Result<Value> {
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
}

fn is_either_json(a: &Value, b: &Value) -> bool {
    matches!((&a.ty, &b.ty), (Type::Json(_), _) | (_, Type::Json(_)))
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
