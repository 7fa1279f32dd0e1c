//! Built-in functions: which runtime helper each is, and for which types.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::runtime::Conversion;
use crate::scope::Value;
use crate::sites::Cause;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
    pub(crate) fn call_expr(
        &mut self,
        f: &Expr,
        args: &[Expr],
        kw: &[(String, Expr)],
        line: u32,
    ) -> Result<Value> {
        match &f.kind {
            ExprKind::Func { f } => {
                let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
                let name = f.name.clone();
                let result = self.inline(f, args)?;
                result.ok_or_else(|| Reason::unsupported(format!("a call of {name}"), line))
            }
            ExprKind::Builtin { id, .. } if id == "json.loads" && kw.is_empty() => {
                let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
                self.json_loads(&args, std::ptr::from_ref(f) as usize, line)
            }
            ExprKind::Builtin { id, compensated } => {
                if let Some(value) = self.consumer(id, *compensated, args, kw, line)? {
                    return Ok(value);
                }
                if id == "isinstance" && kw.is_empty() {
                    return self.is_instance(args, line);
                }
                let args = args.iter().chain(kw.iter().map(|(_, arg)| arg));
                let args = match id.as_str() {
                    "str.join" => {
                        args.map(|arg| self.used_up_one(arg)).collect::<Result<Vec<_>>>()?
                    }
                    _ => args.map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?,
                };
                match kw {
                    [] => self.builtin(id, &args, line),
                    // The only keyword says what its place says already.
                    [(name, _)] if args.len() == 2 && second_parameter(id) == Some(name) => {
                        self.builtin(id, &args, line)
                    }
                    _ => Err(Reason::unsupported(format!("a keyword of {id}()"), line)),
                }
            }
            _ => Err(Reason::unsupported("this call", line)),
        }
    }

    pub(crate) fn builtin(&mut self, name: &str, args: &[Value], line: u32) -> Result<Value> {
        // None is as good as any other value to these two.
        let taken: Vec<Value> = match name {
            "str" | "repr" | "bool" | "json.dumps" => args.to_vec(),
            "len" if matches!(args, [Value { ty: Type::Json(_), .. }]) => args.to_vec(),
            _ => args.iter().map(|arg| self.solid(arg)).collect(),
        };
        let args = taken.as_slice();
        if args.iter().any(|arg| arg.ty == Type::Never) {
            return Ok(Value::new(Type::Never, vec![]));
        }
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
            ("tuple", [a]) if matches!(a.ty, Type::Tuple(_)) => Ok(a.clone()),
            ("list", []) => self.new_list(&Type::Never),
            ("tuple", []) => Ok(Value::tuple(vec![])),
            (_, [text, args @ ..]) if name.starts_with("str.") && text.ty == Type::Str => {
                self.text_method(text, &name["str.".len()..], args, &[], line)
            }
            _ => match self.operator(name, args, line)? {
                Some(value) => Ok(value),
                None => self.number_function(name, args, line)?.ok_or_else(wrong),
            },
        }
    }

    /// A function of the module `operator`.
    fn operator(&mut self, name: &str, args: &[Value], line: u32) -> Result<Option<Value>> {
        let Some(name) = name.strip_prefix("operator.") else {
            return Ok(None);
        };
        Ok(Some(match args {
            [a, b] => match (operator(name), comparison(name)) {
                (Some(op), _) => self.binary(op, a, b, line)?,
                (_, Some(op)) => {
                    let flag = self.compare(op, a, b, line)?;
                    self.bool(flag)
                }
                _ if name == "contains" => {
                    let flag = self.compare("in", b, a, line)?;
                    self.bool(flag)
                }
                _ if name == "getitem" => self.item(a, b, line)?,
                _ => return Ok(None),
            },
            [a] => match name {
                "neg" => self.unary("-", a.clone(), line)?,
                "pos" => self.unary("+", a.clone(), line)?,
                "inv" | "invert" => self.unary("~", a.clone(), line)?,
                "abs" => self.builtin("abs", args, line)?,
                "truth" | "not_" => {
                    let flag = self.truthy(a);
                    let wanted = i64::from(name == "truth");
                    let flag = self.b.ins().icmp_imm(IntCC::Equal, flag, wanted);
                    self.bool(flag)
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    /// `isinstance(value, types)`: the type is known, but for whether an option is `None`.
    fn is_instance(&mut self, args: &[Expr], line: u32) -> Result<Value> {
        let [value, types] = args else {
            return Err(Reason::unsupported("isinstance() of this", line));
        };
        let value = self.expr(value)?;
        if matches!(value.ty, Type::Json(_)) {
            return self.json_is_instance(&value, types, line);
        }
        let types = match &types.kind {
            ExprKind::Tuple { v } => v.iter().collect(),
            _ => vec![types],
        };
        let inner = self.inner(&value);
        let mut found = false;
        for ty in types {
            let ExprKind::Builtin { id, .. } = &ty.kind else {
                return Err(Reason::unsupported("isinstance() of this", line));
            };
            found |= is_of(&inner.ty, id).ok_or_else(|| {
                Reason::types(format!("isinstance() of {id}"), &[&value.ty], line)
            })?;
        }
        let flag = match (found, &value.ty) {
            (true, Type::Option(_)) => self.is_none(&value, false),
            _ => self.b.ins().iconst(types::I8, i64::from(found)),
        };
        Ok(self.bool(flag))
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
            Type::Parts(_) => {
                let length = self.parts_length(value)?;
                Ok(Value::new(Type::Int, vec![length]))
            }
            Type::Digest => {
                let length = self.asked_of_digest("len", value);
                length.ok_or_else(|| Reason::types("len()", &[&value.ty], line))
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
            Type::Bool => Some(Value::new(Type::Int, value.slots.clone())),
            Type::Int => {
                let lowest = self.b.ins().icmp_imm(IntCC::Equal, value.one(), i64::MIN);
                self.deopt_if(lowest, Cause::Overflow);
                let negative = self.b.ins().icmp_imm(IntCC::SignedLessThan, value.one(), 0);
                let minus = self.b.ins().ineg(value.one());
                let value = self.b.ins().select(negative, minus, value.one());
                Some(Value::new(Type::Int, vec![value]))
            }
            _ => None,
        }
    }
}

/// Whether values of a type are instances of the class of that name; `None` if that is not certain.
fn is_of(ty: &Type, class: &str) -> Option<bool> {
    let known = ["bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "set"];
    if !known.contains(&class) && !["str", "tuple"].contains(&class) {
        return None;
    }
    Some(match ty {
        Type::Bool => matches!(class, "bool" | "int"),
        Type::Int => class == "int",
        Type::Float => class == "float",
        Type::Str => class == "str",
        Type::Tuple(_) => class == "tuple",
        Type::List(_) | Type::Parts(_) | Type::Runs | Type::Digest => class == "list",
        Type::Record(_) => class == "dict",
        Type::None | Type::Never => false,
        _ => return None,
    })
}

/// The second parameter of a function that may be given by its name.
fn second_parameter(function: &str) -> Option<&'static str> {
    Some(match function {
        "int" => "base",
        "round" => "ndigits",
        "pow" => "exp",
        _ => return None,
    })
}

fn operator(name: &str) -> Option<&'static str> {
    Some(match name {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "truediv" => "/",
        "floordiv" => "//",
        "mod" => "%",
        "pow" => "**",
        "lshift" => "<<",
        "rshift" => ">>",
        "and_" => "&",
        "or_" => "|",
        "xor" => "^",
        _ => return None,
    })
}

fn comparison(name: &str) -> Option<&'static str> {
    Some(match name {
        "lt" => "<",
        "le" => "<=",
        "gt" => ">",
        "ge" => ">=",
        "eq" => "==",
        "ne" => "!=",
        _ => return None,
    })
}
