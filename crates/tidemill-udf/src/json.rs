//! Dynamic values in compiled code: what is exact on any of them is a call of the runtime; where a type is
//! needed, the code expects the kind that was seen, and gives the row up where it finds another.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlags, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::Value;
use crate::shape::{Kind, Shape};
use crate::sites::Cause;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
    /// `json.loads(text)`, which stands at `site` in the tree.
    pub(crate) fn json_loads(&mut self, args: &[Value], site: usize, line: u32) -> Result<Value> {
        let [text] = args else {
            return Err(Reason::unsupported("json.loads() of other than one argument", line));
        };
        let text = self.solid(text);
        if text.ty != Type::Str {
            return Err(Reason::types("json.loads()", &[&text.ty], line));
        }
        let out = self.room(2);
        let at = self.int(site as i64);
        let call = [self.rows, at, text.slots[0], text.slots[1], out];
        let status = self.call_value("json_loads", &call, 'i')?;
        self.check(status, Raised::JsonDecode);
        let shape = self.known.shapes.get(&site).cloned();
        let value = self.load(&Type::Json(shape.clone().unwrap_or_default()), out, 0);
        if shape.is_none() && self.known.sampling {
            // The rest of the code waits for the samples: the row ends here, and so does the attempt.
            self.call("json_observe", &[self.rows, at, value.slots[0], value.slots[1]], None)?;
            self.deopt(Cause::Unsure);
            self.unseen = Some(site);
            return Err(Reason::unsupported("a document that was not seen yet", line));
        }
        Ok(value)
    }

    /// `json.dumps(value)`.
    pub(crate) fn json_dumps(&mut self, args: &[Value], line: u32) -> Result<Value> {
        let [value] = args else {
            return Err(Reason::unsupported("json.dumps() of other than one argument", line));
        };
        let value = self.dynamic(value, line)?;
        let out = self.room(2);
        let call = [self.rows, value.slots[0], value.slots[1], out];
        let status = self.call_value("json_dumps", &call, 'i')?;
        self.certain(status);
        Ok(self.load(&Type::Str, out, 0))
    }

    /// A value as `json.dumps` sees it, for which a tuple is a list.
    fn dynamic(&mut self, value: &Value, line: u32) -> Result<Value> {
        match &value.ty {
            Type::Tuple(_) => {
                let list = self.new_list(&Type::Json(Shape::default()))?;
                for item in value.items() {
                    let item = self.dynamic(&item, line)?;
                    self.push(&list, &item)?;
                }
                self.boxed_or(&list, line)
            }
            Type::List(item) if !matches!(**item, Type::Json(_)) => {
                let list = self.new_list(&Type::Json(Shape::default()))?;
                if **item != Type::Never {
                    self.each(value, |this, item| {
                        let item = this.dynamic(&item, line)?;
                        this.push(&list, &item)
                    })?;
                }
                self.boxed_or(&list, line)
            }
            Type::Record(fields) => {
                let dict = self.new_dict()?;
                for ((key, _), held) in fields.iter().zip(value.items()) {
                    let held = self.dynamic(&held, line)?;
                    let key = self.constant_str(key);
                    self.set_key(&dict, &key, &held)?;
                }
                Ok(dict)
            }
            _ => self.boxed_or(value, line),
        }
    }

    pub(crate) fn boxed_or(&mut self, value: &Value, line: u32) -> Result<Value> {
        let boxed = self.boxed(value);
        boxed.ok_or_else(|| among_json(&value.ty, line))
    }

    /// A value as a dynamic one; `None` if its type cannot be one.
    pub(crate) fn boxed(&mut self, value: &Value) -> Option<Value> {
        match &value.ty {
            Type::Never => return Some(self.zero(&Type::Json(Shape::default()))),
            // As a dynamic value it may get items, which its other names must know of.
            Type::List(item) if **item == Type::Never && !value.fresh => {
                let known = Type::List(Box::new(Type::Json(Shape::default())));
                self.learn(value, &known, among_json(&value.ty, 0));
                return None;
            }
            _ => {}
        }
        let shape = value.ty.shape()?;
        let head = |this: &mut Self, kind: Kind| this.int(kind as i64);
        let slots = match &value.ty {
            Type::Json(_) => value.slots.clone(),
            Type::None => vec![head(self, Kind::None), self.int(0)],
            Type::Bool => vec![head(self, Kind::Bool), value.one()],
            Type::Int => vec![head(self, Kind::Int), value.one()],
            Type::Float => {
                let bits = self.b.ins().bitcast(types::I64, MemFlags::new(), value.one());
                vec![head(self, Kind::Float), bits]
            }
            Type::Str => {
                let length = self.b.ins().ishl_imm(value.slots[1], 8);
                vec![self.b.ins().bor_imm(length, Kind::Str as i64), value.slots[0]]
            }
            Type::List(_) => vec![head(self, Kind::List), value.one()],
            Type::Option(_) => {
                let inner = self.boxed(&self.inner(value))?;
                let none = self.int(0);
                let there = self.is_none(value, false);
                let either = |this: &mut Self, slot| this.b.ins().select(there, slot, none);
                vec![either(self, inner.slots[0]), either(self, inner.slots[1])]
            }
            _ => return None,
        };
        Some(Value::new(Type::Json(shape), slots))
    }

    /// The kind of a dynamic value, as a number.
    fn kind(&mut self, value: &Value) -> IrValue {
        self.b.ins().band_imm(value.slots[0], 0xff)
    }

    /// Goes on if a dynamic value is of a kind; else the row is CPython's.
    fn expect(&mut self, value: &Value, kind: Kind) {
        self.effects.may_raise = true;
        let found = self.kind(value);
        let other = self.b.ins().icmp_imm(IntCC::NotEqual, found, kind as i64);
        self.deopt_if(other, Cause::Kind);
    }

    /// A dynamic value of a known kind as one of its type.
    fn unboxed(&mut self, value: &Value, kind: Kind, shape: &Shape) -> Value {
        let [head, body] = [value.slots[0], value.slots[1]];
        match kind {
            Kind::None => Value::new(Type::None, vec![]),
            Kind::Bool => Value::new(Type::Bool, vec![body]),
            Kind::Int => Value::new(Type::Int, vec![body]),
            Kind::Float => {
                let number = self.b.ins().bitcast(types::F64, MemFlags::new(), body);
                Value::new(Type::Float, vec![number])
            }
            Kind::Str => {
                let length = self.b.ins().ushr_imm(head, 8);
                Value::new(Type::Str, vec![body, length])
            }
            Kind::List => {
                let items = Type::Json(shape.items());
                Value::new(Type::List(Box::new(items)), vec![body])
            }
            Kind::Dict | Kind::Other => value.clone(),
        }
    }

    /// A dynamic value as one of the type that it usually has. Numbers of both types, dicts, and values that were
    /// never seen stay dynamic.
    pub(crate) fn settle(&mut self, value: &Value, shape: &Shape) -> Value {
        match shape.main() {
            Some(Kind::Dict | Kind::Other) | None => value.clone(),
            Some(_) if shape.is_number() => value.clone(),
            Some(kind) => {
                self.expect(value, kind);
                self.unboxed(value, kind, shape)
            }
        }
    }

    /// A dynamic value as one of its usual type; others as they are.
    pub(crate) fn settled(&mut self, value: &Value) -> Value {
        match &value.ty {
            Type::Json(shape) => self.settle(value, shape),
            _ => value.clone(),
        }
    }

    /// A dynamic value that was only ever of one simple type, or that or `None`, as one of that type.
    pub(crate) fn settle_if_simple(&mut self, value: &Value) -> Value {
        let Type::Json(shape) = &value.ty else {
            return value.clone();
        };
        match shape.only() {
            Some(kind @ (Kind::Bool | Kind::Int | Kind::Float | Kind::Str)) => {
                if shape.has(Kind::None) {
                    return self.settle_option(value, kind, shape);
                }
                self.expect(value, kind);
                self.unboxed(value, kind, shape)
            }
            _ => value.clone(),
        }
    }

    fn settle_option(&mut self, value: &Value, kind: Kind, shape: &Shape) -> Value {
        self.effects.may_raise = true;
        let found = self.kind(value);
        let other = self.b.ins().icmp_imm(IntCC::NotEqual, found, kind as i64);
        let there = self.is_none(value, false);
        let neither = self.b.ins().band(other, there);
        self.deopt_if(neither, Cause::Kind);
        // The slots of None are as good as any to look at, but for the address of a string.
        let mut inner = self.unboxed(value, kind, shape);
        if kind == Kind::Str {
            let empty = self.constant_str("");
            inner.slots[0] = self.b.ins().select(there, inner.slots[0], empty.slots[0]);
        }
        let there = self.b.ins().uextend(types::I64, there);
        let slots = [vec![there], inner.slots].concat();
        Value::new(Type::Option(Box::new(inner.ty)), slots)
    }

    /// A value as records hold it: simple where it always is, and nothing of it in the row's own memory.
    pub(crate) fn kept(&mut self, value: &Value) -> Result<Value> {
        match &value.ty {
            Type::Tuple(_) => {
                let items = value.items();
                let kept = items.iter().map(|item| self.kept(item));
                Ok(Value::tuple(kept.collect::<Result<Vec<_>>>()?))
            }
            Type::Record(fields) => {
                let mut kept = Vec::with_capacity(fields.len());
                for ((key, _), held) in fields.iter().zip(value.items()) {
                    kept.push((key.clone(), self.kept(&held)?));
                }
                Ok(Value::record(kept))
            }
            Type::Option(_) => {
                let inner = self.inner(value);
                let inner = self.copied(&inner)?;
                let slots = [vec![value.one()], inner.slots].concat();
                Ok(Value { fresh: inner.fresh, ..Value::new(value.ty.clone(), slots) })
            }
            _ => {
                let value = self.settle_if_simple(value);
                self.copied(&value)
            }
        }
    }

    /// A copy of a list for a record.
    fn kept_list(&mut self, list: &Value, item: &Type) -> Result<Value> {
        if !is_flat(item) || item.slots() == 0 {
            return Err(Reason::unsupported("a record with a list of lists or dicts in it", 0));
        }
        let out = self.room(1);
        let status = self.call_value("list_keep", &[self.rows, list.one(), out], 'i')?;
        self.certain(status);
        Ok(self.load(&list.ty, out, 0).fresh())
    }

    /// A value whose dynamic parts are copies that outlive the row.
    fn copied(&mut self, value: &Value) -> Result<Value> {
        match &value.ty {
            Type::Tuple(_) | Type::Record(_) => {
                let mut slots = Vec::with_capacity(value.slots.len());
                for item in value.items() {
                    slots.extend(self.copied(&item)?.slots);
                }
                Ok(Value::new(value.ty.clone(), slots).fresh())
            }
            Type::List(item) if **item != Type::Never && !matches!(**item, Type::Json(_)) => {
                self.kept_list(value, item)
            }
            Type::List(item) => {
                if **item == Type::Never {
                    self.must_be_empty(value);
                }
                let boxed = self.boxed_or(&value.clone().fresh(), 0)?;
                let kept = self.copied(&boxed)?;
                Ok(Value::new(value.ty.clone(), vec![kept.slots[1]]).fresh())
            }
            Type::Json(_) => {
                let out = self.room(2);
                let call = [self.rows, value.slots[0], value.slots[1], out];
                let status = self.call_value("json_keep", &call, 'i')?;
                self.certain(status);
                Ok(self.load(&value.ty, out, 0))
            }
            _ => Ok(value.clone()),
        }
    }

    /// Goes on if a helper is sure; else the row is CPython's.
    pub(crate) fn certain(&mut self, status: IrValue) {
        self.effects.may_raise = true;
        let unsure = self.b.ins().icmp_imm(IntCC::NotEqual, status, 0);
        self.deopt_if(unsure, Cause::Unsure);
    }

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
        let wrong = || Reason::types(format!("the comparison {op}"), &[&a.ty, &b.ty], line);
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

    /// What a loop goes through, and whether it is a view of a dict, which must not change meanwhile.
    pub(crate) fn iterable(&mut self, expr: &Expr, line: u32) -> Result<(Value, bool)> {
        let (value, view) = match &expr.kind {
            ExprKind::Method { o, m, args, .. }
                if args.is_empty() && matches!(m.as_str(), "items" | "keys" | "values") =>
            {
                (self.expr(o)?, m.as_str())
            }
            _ => (self.expr(expr)?, ""),
        };
        match (&value.ty, view) {
            (Type::Json(shape), "") if shape.main() == Some(Kind::Dict) => {
                Ok((self.dict_part(&value, 0)?, true))
            }
            (Type::Record(_), _) => Ok((
                self.record_view(&value, if view.is_empty() { "keys" } else { view }, line)?,
                true,
            )),
            (_, "") => Ok((value, false)),
            (Type::Json(shape), "items") => {
                let shape = shape.values();
                self.expect(&value, Kind::Dict);
                let entry = Type::Tuple(vec![Type::Str, Type::Json(shape)]);
                Ok((Value::new(Type::List(Box::new(entry)), vec![value.slots[1]]), true))
            }
            (Type::Json(_), "keys") => Ok((self.dict_part(&value, 0)?, true)),
            (Type::Json(_), _) => Ok((self.dict_part(&value, 1)?, true)),
            (other, _) => Err(Reason::types(format!(".{view}()"), &[other], line)),
        }
    }

    /// The keys (0) or values (1) of a dict.
    fn dict_part(&mut self, dict: &Value, which: i64) -> Result<Value> {
        let item = match which {
            0 => Type::Str,
            _ => Type::Json(shape_of(dict).values()),
        };
        let (which, out) = (self.int(which), self.room(1));
        let call = [self.rows, dict.slots[0], dict.slots[1], which, out];
        let status = self.call_value("json_part", &call, 'i')?;
        self.certain(status);
        Ok(self.load(&Type::List(Box::new(item)), out, 0))
    }

    /// A list of dynamic values as one of strings.
    pub(crate) fn strings(&mut self, list: &Value) -> Result<Value> {
        let out = self.room(1);
        let status = self.call_value("json_strings", &[self.rows, list.one(), out], 'i')?;
        self.certain(status);
        Ok(self.load(&Type::List(Box::new(Type::Str)), out, 0))
    }

    /// A dict without keys.
    pub(crate) fn new_dict(&mut self) -> Result<Value> {
        let list = self.call_value("json_dict", &[self.rows], 'I')?;
        let head = self.int(Kind::Dict as i64);
        Ok(Value::new(Type::Json(Shape::of(Kind::Dict)), vec![head, list]))
    }

    /// `dict[key] = value` for dynamic ones.
    pub(crate) fn set_key(&mut self, dict: &Value, key: &Value, value: &Value) -> Result<()> {
        let slots = [&dict.slots, &key.slots, &value.slots].map(|slots| slots.as_slice()).concat();
        let call = [vec![self.rows], slots].concat();
        let status = self.call_value("json_set", &call, 'i')?;
        self.certain(status);
        Ok(())
    }

    /// `dict[at] = value`, where `key` is the key if it is a constant.
    pub(crate) fn set_entry(
        &mut self,
        dict: &Value,
        at: &Value,
        key: Option<&str>,
        value: &Value,
        line: u32,
    ) -> Result<()> {
        let at = self.solid(at);
        if self.views > 0 {
            return Err(Reason::unsupported("a change of a dict while one is iterated over", line));
        }
        let (Type::Json(shape), Type::Str) = (&dict.ty, &at.ty) else {
            return Err(Reason::types("setting an item", &[&dict.ty, &at.ty], line));
        };
        let value = self.boxed_or(value, line)?;
        // From the next attempt on, the place of the dict is known to hold the key.
        let changed = shape.with_field(key.unwrap_or(""), &shape_of(&value));
        if changed != *shape && dict.origin.is_some() {
            let reason = Reason::types("setting an item", &[&dict.ty], line);
            return Err(self.learn(dict, &Type::Json(changed), reason));
        }
        self.set_key(dict, &at, &value)
    }
}

fn shape_of(value: &Value) -> Shape {
    match &value.ty {
        Type::Json(shape) => shape.clone(),
        _ => Shape::default(),
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

/// A key that is a constant.
pub(crate) fn constant_key(key: &Expr) -> Option<&str> {
    match &key.kind {
        ExprKind::Const { t, v } if t == "str" => v.as_str(),
        _ => None,
    }
}

/// Whether values of a type are wholly in their slots, but for text.
fn is_flat(ty: &Type) -> bool {
    !ty.any(&|ty| {
        ty.may_change()
            || matches!(ty, Type::Record(_) | Type::Match(_) | Type::Parts(_) | Type::Never)
    })
}

pub(crate) fn holds_list(ty: &Type) -> bool {
    ty.any(&|ty| matches!(ty, Type::List(_)))
}

pub(crate) fn is_either_json(a: &Value, b: &Value) -> bool {
    matches!((&a.ty, &b.ty), (Type::Json(_), _) | (_, Type::Json(_)))
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

fn among_json(ty: &Type, line: u32) -> Reason {
    Reason::unsupported(format!("{ty} among values of JSON"), line)
}
