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
    pub(crate) fn kind(&mut self, value: &Value) -> IrValue {
        self.b.ins().band_imm(value.slots[0], 0xff)
    }

    /// Goes on if a dynamic value is of a kind; else the row is CPython's.
    pub(crate) fn expect(&mut self, value: &Value, kind: Kind) {
        self.effects.may_raise = true;
        let found = self.kind(value);
        let other = self.b.ins().icmp_imm(IntCC::NotEqual, found, kind as i64);
        self.deopt_if(other, Cause::Kind);
    }

    /// A dynamic value of a known kind as one of its type.
    pub(crate) fn unboxed(&mut self, value: &Value, kind: Kind, shape: &Shape) -> Value {
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
}

pub(crate) fn shape_of(value: &Value) -> Shape {
    match &value.ty {
        Type::Json(shape) => shape.clone(),
        _ => Shape::default(),
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

fn among_json(ty: &Type, line: u32) -> Reason {
    Reason::unsupported(format!("{ty} among dynamic values"), line)
}
