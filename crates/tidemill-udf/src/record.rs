//! Dicts whose keys are known where the code is made: their values are held like a tuple's items.
//!
//! Such a dict is never changed: one that the function changes is a dynamic value from its literal on.

use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::json::constant_key;
use crate::scope::Value;
use crate::shape::Shape;
use crate::tree::{Expr, ExprKind, For, Stmt, Target};
use crate::types::Type;

/// An entry of a literal: its key, unless it stands for all of a dict, and its value.
type Entry<'e> = (Option<&'e Expr>, &'e Expr, Option<Value>, Value);

impl Gen<'_> {
    /// A dict literal; `changes` if it will not stay as it is.
    pub(crate) fn dict(
        &mut self,
        items: &[(Option<Expr>, Expr)],
        changes: bool,
        line: u32,
    ) -> Result<Value> {
        let mut entries: Vec<Entry<'_>> = Vec::with_capacity(items.len());
        for (key, held) in items {
            let at = match key {
                Some(key) if constant_key(key).is_none() => Some(self.expr(key)?),
                _ => None,
            };
            entries.push((key.as_ref(), held, at, self.expr(held)?));
        }
        let is_static = |(key, _, _, value): &Entry<'_>| match key {
            Some(key) => constant_key(key).is_some(),
            None => matches!(value.ty, Type::Record(_)),
        };
        if !changes && entries.iter().all(is_static) {
            return Ok(static_dict(entries));
        }
        self.dynamic_dict(entries, line)
    }

    fn dynamic_dict(&mut self, entries: Vec<Entry<'_>>, line: u32) -> Result<Value> {
        let dict = self.new_dict()?;
        let mut shape = Shape::of(crate::shape::Kind::Dict);
        for (key, expr, at, value) in entries {
            let Some(key) = key else {
                shape = self.take_all(&dict, shape, &value, line)?;
                continue;
            };
            let at = match at {
                Some(at) => self.solid(&at),
                None => self.constant_str(constant_key(key).unwrap_or("")),
            };
            if at.ty != Type::Str {
                return Err(Reason::unsupported(
                    format!("a dict with keys of type {}", at.ty),
                    line,
                ));
            }
            let value = self.held(expr, &value, line)?;
            let held = value.ty.shape().unwrap_or_default();
            shape = shape.with_field(constant_key(key).unwrap_or(""), &held);
            self.set_key(&dict, &at, &value)?;
        }
        Ok(Value::new(Type::Json(shape), dict.slots))
    }

    /// `{key: value for target in iter if ifs}`, with more loops within the first.
    pub(crate) fn dict_comprehension(
        &mut self,
        [key, value]: [&Expr; 2],
        first: (&Target, &Expr, &[Expr]),
        more: &[For],
        line: u32,
    ) -> Result<Value> {
        let dict = self.new_dict()?;
        let mut shape = Shape::of(crate::shape::Kind::Dict);
        self.comprehended(first, more, line, &mut |this| {
            let at = this.expr(key)?;
            let held = this.expr(value)?;
            let at = this.solid(&at);
            if at.ty != Type::Str {
                return Err(Reason::unsupported(
                    format!("a dict with keys of type {}", at.ty),
                    line,
                ));
            }
            let held = this.held(value, &held, line)?;
            shape = shape.with_field("", &held.ty.shape().unwrap_or_default());
            this.set_key(&dict, &at, &held)
        })?;
        Ok(Value::new(Type::Json(shape), dict.slots))
    }

    /// `**value`.
    fn take_all(&mut self, dict: &Value, shape: Shape, value: &Value, line: u32) -> Result<Shape> {
        match &value.ty {
            Type::Json(other) => {
                let slots = [dict.slots.as_slice(), &value.slots].concat();
                let call = [vec![self.rows], slots].concat();
                let status = self.call_value("json_update", &call, 'i')?;
                self.certain(status);
                Ok(shape.merge(&other.without_none()))
            }
            Type::Record(fields) => {
                let mut shape = shape;
                for ((key, _), held) in fields.iter().zip(value.items()) {
                    let held = self.boxed_or(&held, line)?;
                    shape = shape.with_field(key, &held.ty.shape().unwrap_or_default());
                    let key = self.constant_str(key);
                    self.set_key(dict, &key, &held)?;
                }
                Ok(shape)
            }
            other => Err(Reason::unsupported(format!("** of {other}"), line)),
        }
    }

    /// A record as a dynamic dict.
    pub(crate) fn dynamic_record(&mut self, record: &Value) -> Result<Value> {
        let dict = self.new_dict()?;
        let shape = self.take_all(&dict, Shape::of(crate::shape::Kind::Dict), record, 0)?;
        Ok(Value::new(Type::Json(shape), dict.slots))
    }

    /// A value of a dynamic dict; a literal in a literal is one as well.
    fn held(&mut self, expr: &Expr, value: &Value, line: u32) -> Result<Value> {
        let (ExprKind::Dict { v }, Type::Record(_)) = (&expr.kind, &value.ty) else {
            return self.boxed_or(value, line);
        };
        let fields: Vec<Entry<'_>> = match &value.ty {
            Type::Record(_) if v.iter().all(|(key, _)| key.is_some()) => {
                let distinct = value.items();
                if distinct.len() != v.len() {
                    return Err(Reason::unsupported("a dict with equal keys here", line));
                }
                let pairs = v.iter().zip(distinct);
                pairs.map(|((key, held), value)| (key.as_ref(), held, None, value)).collect()
            }
            _ => return Err(Reason::unsupported("a dict of dicts here", line)),
        };
        self.dynamic_dict(fields, line)
    }

    /// `record[key]`.
    pub(crate) fn record_index(&mut self, record: &Value, key: &Expr, line: u32) -> Result<Value> {
        let key = constant_key(key).ok_or_else(|| Reason::unsupported("this key", line))?;
        // A key that is not there raises each time: CPython's.
        let missing = || Reason::unsupported(format!("the key {key:?}, which is not there,"), line);
        field(record, key).ok_or_else(missing)
    }

    /// `record.get(key)`, `record.get(key, default)`.
    pub(crate) fn record_get(&mut self, record: &Value, args: &[Expr], line: u32) -> Result<Value> {
        let key = args.first().filter(|_| args.len() <= 2).and_then(constant_key);
        let key = key.ok_or_else(|| Reason::unsupported("this use of .get()", line))?;
        let default = match args.get(1) {
            Some(default) => self.expr(default)?,
            None => Value::new(Type::None, vec![]),
        };
        Ok(field(record, key).unwrap_or(default))
    }

    /// `key in record`, as a flag.
    pub(crate) fn record_contains(
        &mut self,
        op: &str,
        key: &Value,
        record: &Value,
        line: u32,
    ) -> Result<IrValue> {
        let key = &self.settled(key);
        let (Type::Record(fields), Type::Str) = (&record.ty, &key.ty) else {
            return Err(Reason::types(
                format!("the comparison `{op}`"),
                &[&key.ty, &record.ty],
                line,
            ));
        };
        let mut found = self.b.ins().iconst(types::I8, 0);
        for (name, _) in fields {
            let name = self.constant_str(name);
            let same = self.compare("==", key, &name, line)?;
            found = self.b.ins().bor(found, same);
        }
        Ok(if op == "in" { found } else { self.b.ins().bxor_imm(found, 1) })
    }

    /// The keys, values or items of a dict as a list; its values must be of one type.
    pub(crate) fn record_view(&mut self, record: &Value, view: &str, line: u32) -> Result<Value> {
        let Type::Record(fields) = &record.ty else {
            return Ok(record.clone());
        };
        let mut rows = Vec::with_capacity(fields.len());
        for ((key, _), held) in fields.iter().zip(record.items()) {
            rows.push(match view {
                "keys" => self.constant_str(key),
                "values" => held,
                _ => {
                    let key = self.constant_str(key);
                    Value::tuple(vec![key, held])
                }
            });
        }
        let mut ty = rows.first().map_or(Type::Never, |row| row.ty.clone());
        for row in &rows {
            let both = ty.unify(&row.ty);
            ty = both.ok_or_else(|| Reason::mixed("a dict with values", &[&ty, &row.ty], line))?;
        }
        if holds_dict(&ty) {
            return Err(Reason::unsupported("a loop over dicts of a dict", line));
        }
        if let Some(row) = rows.iter().find(|row| !row.ty.fits(&ty)) {
            return Err(Reason::mixed("a dict with values", &[&ty, &row.ty], line));
        }
        let list = self.new_list(&ty)?;
        for row in &rows {
            let row = self.coerce(row, &ty, line)?;
            self.push(&list, &row)?;
        }
        Ok(list)
    }
}

fn static_dict(entries: Vec<Entry<'_>>) -> Value {
    let mut fields: Vec<(String, Value)> = Vec::new();
    // Of equal keys the last value counts, in the place of the first.
    let mut set = |key: &str, value: Value| match fields.iter_mut().find(|(known, _)| known == key)
    {
        Some((_, held)) => *held = value,
        None => fields.push((key.to_owned(), value)),
    };
    for (key, _, _, value) in entries {
        match key.and_then(constant_key) {
            Some(key) => set(key, value),
            None => {
                if let Type::Record(keys) = &value.ty {
                    let held = value.items().into_iter();
                    keys.iter().zip(held).for_each(|((key, _), held)| set(key, held));
                }
            }
        }
    }
    Value::record(fields)
}

fn field(record: &Value, key: &str) -> Option<Value> {
    let Type::Record(fields) = &record.ty else {
        return None;
    };
    let at = fields.iter().position(|(name, _)| name == key)?;
    record.items().into_iter().nth(at)
}

/// Whether values of a type hold dicts that are copied with them, where Python would share them.
pub(crate) fn holds_dict(ty: &Type) -> bool {
    ty.any(&|ty| matches!(ty, Type::Record(_)))
}

/// Whether values of a type hold dynamic ones.
pub(crate) fn holds_dynamic(ty: &Type) -> bool {
    ty.any(&|ty| matches!(ty, Type::Json(_)))
}

/// Whether records of a type could hold one dict twice, which a change in a later function would show.
pub(crate) fn may_share(ty: &Type) -> bool {
    fn bare(ty: &Type) -> Type {
        match ty {
            Type::Option(inner) => bare(inner),
            Type::Tuple(items) => Type::Tuple(items.iter().map(bare).collect()),
            Type::Record(fields) => {
                Type::Record(fields.iter().map(|(key, ty)| (key.clone(), bare(ty))).collect())
            }
            // A coercion may have changed it.
            _ => Type::None,
        }
    }
    fn any_twice(ty: &Type, seen: &mut Vec<Type>) -> bool {
        match ty {
            Type::Tuple(items) => items.iter().any(|item| any_twice(item, seen)),
            Type::Record(fields) => {
                if seen.contains(ty) {
                    return true;
                }
                seen.push(ty.clone());
                fields.iter().any(|(_, field)| any_twice(field, seen))
            }
            _ => false,
        }
    }
    any_twice(&bare(ty), &mut Vec::new())
}

/// Whether every dict in the value of an expression of a type is made anew where it stands.
pub(crate) fn is_made_here(expr: &Expr, ty: &Type) -> bool {
    match (&expr.kind, ty) {
        _ if !holds_dict(ty) => true,
        (ExprKind::Tuple { v }, Type::Tuple(types)) => {
            v.iter().zip(types).all(|(item, ty)| is_made_here(item, ty))
        }
        (ExprKind::Dict { v }, Type::Record(fields)) => v.iter().all(|(key, held)| {
            let key = key.as_ref().and_then(constant_key);
            let field = |name: &str| fields.iter().find(|(known, _)| known == name);
            match key.and_then(field) {
                Some((_, ty)) => is_made_here(held, ty),
                None => !fields.iter().any(|(_, ty)| holds_dict(ty)),
            }
        }),
        _ => false,
    }
}

/// The variables of which statements set items.
pub(crate) fn changed_in(statements: &[Stmt]) -> Vec<String> {
    statements.iter().flat_map(changed_by).collect()
}

fn changed_by(statement: &Stmt) -> Vec<String> {
    match statement {
        Stmt::Assign { t, .. } => changed_at(t),
        Stmt::AugItem { o, .. } => changed_object(o),
        Stmt::If { a, b, .. } => [a, b].map(|inner| changed_in(inner)).concat(),
        Stmt::For { t, body, otherwise, .. } => {
            [changed_at(t), changed_in(body), changed_in(otherwise)].concat()
        }
        Stmt::While { body, otherwise, .. } => {
            [body, otherwise].map(|inner| changed_in(inner)).concat()
        }
        Stmt::Try { body, handlers, otherwise, finally, .. } => {
            let parts = [body.as_slice(), otherwise, finally.as_slice()];
            let mut found = parts.map(changed_in).concat();
            found.extend(handlers.iter().flat_map(|handler| changed_in(&handler.body)));
            found
        }
        _ => Vec::new(),
    }
}

fn changed_at(target: &Target) -> Vec<String> {
    match target {
        Target::Name { .. } => Vec::new(),
        Target::Tuple { v } => v.iter().flat_map(changed_at).collect(),
        Target::Star { v } => changed_at(v),
        Target::Item { o, .. } => changed_object(o),
    }
}

fn changed_object(object: &Expr) -> Vec<String> {
    match &object.kind {
        ExprKind::Name { id } => vec![id.clone()],
        _ => Vec::new(),
    }
}
