//! Operations on dynamic values: items, arithmetic, comparisons, conversions, `isinstance`.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlags, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::json::{constant_key, shape_of};
use crate::scope::Value;
use crate::shape::{Kind, Shape};
use crate::sites::Cause;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
    /// `value[index]`.
    pub(crate) fn json_index(&mut self, value: &Value, index: &Expr, line: u32) -> Result<Value> {
        let at = self.expr(index)?;
        self.json_item(value, &at, constant_key(index), line)
    }

    /// `value[at]`, where `key` is the key if it is a constant.
    pub(crate) fn json_item(
        &mut self,
        value: &Value,
        at: &Value,
        key: Option<&str>,
        line: u32,
    ) -> Result<Value> {
        let at = self.solid(at);
        let out = self.room(2);
        self.effects.may_raise = true;
        match at.ty {
            Type::Str => {
                let (hint, shape) = field_of(value, key);
                let hint = self.int(hint);
                let call = [value.slots[0], value.slots[1], at.slots[0], at.slots[1], hint, out];
                let status = self.call_value("json_field", &call, 'i')?;
                self.check(status, Raised::Key);
                Ok(self.load(&Type::Json(shape), out, 0))
            }
            Type::Int => {
                let shape = shape_of(value).items();
                let call = [value.slots[0], value.slots[1], at.one(), out];
                let status = self.call_value("json_item", &call, 'i')?;
                self.check(status, Raised::Index);
                Ok(self.load(&Type::Json(shape), out, 0))
            }
            _ => Err(Reason::types("indexing", &[&value.ty, &at.ty], line)),
        }
    }

    /// `value.get(key)`, `value.get(key, default)`.
    pub(crate) fn json_get(&mut self, value: &Value, args: &[Expr], line: u32) -> Result<Value> {
        let (Some(key), true) = (args.first(), args.len() <= 2) else {
            return Err(Reason::unsupported("this use of .get()", line));
        };
        let at = self.expr(key)?;
        let at = self.solid(&at);
        let default = match args.get(1) {
            Some(Expr { kind: ExprKind::Dict { v }, .. }) => self.dict(v, true, line)?,
            Some(default) => self.expr(default)?,
            None => Value::new(Type::None, vec![]),
        };
        if at.ty != Type::Str {
            return Err(Reason::types(".get()", &[&value.ty, &at.ty], line));
        }
        let default = self.boxed_or(&default, line)?;
        let (hint, mut shape) = field_of(value, constant_key(key));
        if let Type::Json(other) = &default.ty {
            shape = shape.merge(other);
        }
        let out = self.room(2);
        self.store(&default, out);
        let hint = self.int(hint);
        let call = [value.slots[0], value.slots[1], at.slots[0], at.slots[1], hint, out];
        let status = self.call_value("json_field", &call, 'i')?;
        // A key that is not there leaves the default.
        self.effects.may_raise = true;
        let unsure = self.b.ins().icmp_imm(IntCC::Equal, status, i64::from(crate::runtime::UNSURE));
        self.deopt_if(unsure, Cause::Unsure);
        Ok(self.load(&Type::Json(shape), out, 0))
    }

    /// An answer of 0 or 1, or a number, from a helper about one or two dynamic values.
    fn ask(&mut self, helper: &'static str, values: &[&Value]) -> Result<IrValue> {
        let out = self.room(1);
        let mut call: Vec<IrValue> = values.iter().flat_map(|v| v.slots.clone()).collect();
        call.push(out);
        let status = self.call_value(helper, &call, 'i')?;
        self.certain(status);
        Ok(self.load(&Type::Int, out, 0).one())
    }

    /// `len(value)`.
    pub(crate) fn json_length(&mut self, value: &Value) -> Result<Value> {
        let length = self.ask("json_length", &[value])?;
        Ok(Value::new(Type::Int, vec![length]))
    }

    /// `float(value)` of a number of either type.
    pub(crate) fn json_float(&mut self, value: &Value) -> Result<Value> {
        let bits = self.ask("json_float", &[value])?;
        let number = self.b.ins().bitcast(types::F64, MemFlags::new(), bits);
        Ok(Value::new(Type::Float, vec![number]))
    }

    /// The truth of a dynamic value, as a flag.
    pub(crate) fn json_truth(&mut self, value: &Value) -> IrValue {
        let truth = self.call_value("json_truth", &[value.slots[0], value.slots[1]], 'I');
        // Without the helper, which is always there, nothing is sure.
        let truth = truth.unwrap_or_else(|_| self.int(2));
        self.effects.may_raise = true;
        let unsure = self.b.ins().icmp_imm(IntCC::Equal, truth, 2);
        self.deopt_if(unsure, Cause::Unsure);
        self.b.ins().icmp_imm(IntCC::Equal, truth, 1)
    }

    /// Arithmetic where a number keeps its kind.
    pub(crate) fn json_binary(
        &mut self,
        op: &str,
        a: &Value,
        b: &Value,
        line: u32,
    ) -> Result<Value> {
        let wrong = || Reason::types(format!("the operator {op}"), &[&a.ty, &b.ty], line);
        let which = ["+", "-", "*", "/", "//", "%"]
            .iter()
            .position(|known| *known == op)
            .ok_or_else(wrong)?;
        if !(is_number(&a.ty) && is_number(&b.ty)) {
            return Err(wrong());
        }
        let (a, b) = (self.boxed_or(a, line)?, self.boxed_or(b, line)?);
        let (which, out) = (self.int(which as i64), self.room(2));
        let call = [which, a.slots[0], a.slots[1], b.slots[0], b.slots[1], out];
        let status = self.call_value("json_arithmetic", &call, 'i')?;
        self.effects.may_raise = true;
        self.check(status, Raised::ZeroDivision);
        let result = Type::Json(if op == "/" { Shape::of(Kind::Float) } else { Shape::number() });
        let result = self.load(&result, out, 0);
        Ok(if op == "/" { self.unboxed(&result, Kind::Float, &Shape::default()) } else { result })
    }

    /// `-value` of a number that keeps its kind.
    pub(crate) fn json_negative(&mut self, value: &Value, line: u32) -> Result<Value> {
        if !is_number(&value.ty) {
            return Err(Reason::types("the operator -", &[&value.ty], line));
        }
        let out = self.room(2);
        let status =
            self.call_value("json_negative", &[value.slots[0], value.slots[1], out], 'i')?;
        self.certain(status);
        Ok(self.load(&Type::Json(Shape::number()), out, 0))
    }

    /// `min(a, b)`, `max(a, b)`: the first unless the second is strictly less (greater).
    pub(crate) fn json_extreme(
        &mut self,
        name: &str,
        a: &Value,
        b: &Value,
        line: u32,
    ) -> Result<Value> {
        let second = self.json_order(if name == "min" { "<" } else { ">" }, b, a, line)?;
        let (a, b) = (self.boxed_or(a, line)?, self.boxed_or(b, line)?);
        let pairs = a.slots.iter().zip(&b.slots);
        let slots = pairs.map(|(&x, &y)| self.b.ins().select(second, y, x)).collect();
        Ok(Value::new(Type::Json(shape_of(&a).merge(&shape_of(&b))), slots))
    }

    /// `str(value)`.
    pub(crate) fn json_text(&mut self, value: &Value, line: u32) -> Result<Value> {
        if matches!(shape_of(value).main(), Some(Kind::List | Kind::Dict)) {
            return Err(Reason::types("str()", &[&value.ty], line));
        }
        let out = self.room(2);
        let call = [self.rows, value.slots[0], value.slots[1], out];
        let status = self.call_value("json_text", &call, 'i')?;
        self.certain(status);
        Ok(self.load(&Type::Str, out, 0))
    }

    /// `int(value)` of a number of either type.
    pub(crate) fn json_int(&mut self, value: &Value) -> Result<Value> {
        let number = self.ask("json_int", &[value])?;
        Ok(Value::new(Type::Int, vec![number]))
    }

    /// A comparison with a dynamic value on at least one side, as a flag.
    pub(crate) fn json_compare(
        &mut self,
        op: &str,
        a: &Value,
        b: &Value,
        line: u32,
    ) -> Result<IrValue> {
        match op {
            "==" | "!=" => {
                let (a, b) = (self.boxed_or(a, line)?, self.boxed_or(b, line)?);
                let same = self.ask("json_equal", &[&a, &b])?;
                Ok(self.b.ins().icmp_imm(IntCC::Equal, same, i64::from(op == "==")))
            }
            "in" | "not in" if matches!(b.ty, Type::Json(_)) => {
                let part = self.boxed_or(a, line)?;
                let found = self.ask("json_contains", &[b, &part])?;
                Ok(self.b.ins().icmp_imm(IntCC::Equal, found, i64::from(op == "in")))
            }
            _ => {
                let (x, y) = (self.solid(a), self.solid(b));
                if !matches!((&x.ty, &y.ty), (Type::Json(_), _) | (_, Type::Json(_))) {
                    return self.compare(op, &x, &y, line);
                }
                self.json_order(op, &x, &y, line)
            }
        }
    }

    fn json_order(&mut self, op: &str, a: &Value, b: &Value, line: u32) -> Result<IrValue> {
        let wrong = || Reason::types(format!("the comparison `{op}`"), &[&a.ty, &b.ty], line);
        if !(is_number(&a.ty) && is_number(&b.ty)) {
            return Err(wrong());
        }
        // 2 stands for neither: not less, and more than any that counts as greater.
        let (low, high) = match op {
            "<" => (-1, -1),
            "<=" => (-1, 0),
            ">" => (1, 1),
            ">=" => (0, 1),
            _ => return Err(wrong()),
        };
        let (a, b) = (self.boxed_or(a, line)?, self.boxed_or(b, line)?);
        let order = self.ask("json_order", &[&a, &b])?;
        let least = self.b.ins().icmp_imm(IntCC::SignedGreaterThanOrEqual, order, low);
        let most = self.b.ins().icmp_imm(IntCC::SignedLessThanOrEqual, order, high);
        Ok(self.b.ins().band(least, most))
    }

    /// Gives the row up if a dynamic value is not hashable, or not equal to itself.
    pub(crate) fn expect_plain(&mut self, value: &Value) -> Result<()> {
        let same = self.ask("json_equal", &[value, value])?;
        let not = self.b.ins().icmp_imm(IntCC::Equal, same, 0);
        self.deopt_if(not, Cause::Unsure);
        Ok(())
    }

    /// `isinstance(value, kinds)` of a dynamic value.
    pub(crate) fn json_is_instance(
        &mut self,
        value: &Value,
        kinds: &Expr,
        line: u32,
    ) -> Result<Value> {
        let named = match &kinds.kind {
            ExprKind::Tuple { v } => v.iter().map(type_name).collect::<Option<Vec<_>>>(),
            _ => type_name(kinds).map(|name| vec![name]),
        };
        let named = named.ok_or_else(|| Reason::unsupported("this use of isinstance()", line))?;
        let wanted = |kind: Kind| named.iter().any(|name| kinds_of(name).contains(&kind));
        let kind = self.kind(value);
        let other = self.b.ins().icmp_imm(IntCC::Equal, kind, Kind::Other as i64);
        self.deopt_if(other, Cause::Kind);
        let mut found = self.b.ins().iconst(types::I8, 0);
        for one in Kind::ALL.into_iter().filter(|kind| wanted(*kind)) {
            let same = self.b.ins().icmp_imm(IntCC::Equal, kind, one as i64);
            found = self.b.ins().bor(found, same);
        }
        Ok(self.bool(found))
    }
}

/// The usual place of a key and what it holds.
fn field_of(value: &Value, key: Option<&str>) -> (i64, Shape) {
    let shape = shape_of(value);
    match key {
        Some(key) => {
            let (hint, held) = shape.field(key);
            (hint as i64, held)
        }
        None => (0, shape.values()),
    }
}

fn is_number(ty: &Type) -> bool {
    match ty {
        Type::Json(shape) => shape.is_number(),
        ty => matches!(ty, Type::Bool | Type::Int | Type::Float),
    }
}

fn type_name(kind: &Expr) -> Option<&str> {
    match &kind.kind {
        ExprKind::Builtin { id, .. } if !kinds_of(id).is_empty() => Some(id),
        _ => None,
    }
}

/// The kinds that are instances of a built-in type.
fn kinds_of(name: &str) -> &'static [Kind] {
    match name {
        "bool" => &[Kind::Bool],
        "int" => &[Kind::Bool, Kind::Int],
        "float" => &[Kind::Float],
        "str" => &[Kind::Str],
        "list" => &[Kind::List],
        "dict" => &[Kind::Dict],
        _ => &[],
    }
}
