//! Lists and tuples: items, slices, methods, comparison.
//!
//! A list is a reference: every name for it sees what another changes. The types of its items is one for all
//! names, because a place that holds a list of other items than it was made for teaches the next attempt.
//! Lists that came in with a record are not changed; the row is CPython's then.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlags, Value as IrValue, types};

use crate::consume::{Named, is_ordered};
use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::loops::Cursor;
use crate::operators::int_code;
use crate::record::{holds_dict, is_made_here};
use crate::runtime::List;
use crate::scope::Value;
use crate::sites::Cause;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

/// Whether an expression makes an iterator, which is a value only to what takes all of it.
fn is_iterator(value: &Expr) -> bool {
    let ExprKind::Call { f, .. } = &value.kind else {
        return false;
    };
    let names = ["enumerate", "range", "reversed", "zip"];
    matches!(&f.kind, ExprKind::Builtin { id, .. } if names.contains(&id.as_str()))
}

impl Gen<'_> {
    /// A method of a list.
    pub(crate) fn list_method(
        &mut self,
        object: &Value,
        name: &str,
        args: &[Expr],
        kw: &[Named<'_>],
        line: u32,
    ) -> Result<Value> {
        let list = &self.solid(object);
        if holds_dict(&list.ty)
            && !matches!((name, args), ("append", [item]) if self.is_dict_made_here(list, item))
        {
            return Err(Reason::unsupported(format!(".{name}() of a list of dicts"), line));
        }
        let none = Value::new(Type::None, vec![]);
        match (name, args) {
            ("sort", []) => return self.sort(list, kw, line).map(|()| none),
            ("extend", [other]) if kw.is_empty() => {
                return self.extend(list, other, line).map(|()| none);
            }
            _ => {}
        }
        let wrong = || Reason::unsupported(format!(".{name}() of a list like this"), line);
        if !kw.is_empty() {
            return Err(wrong());
        }
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        match (name, args.as_slice()) {
            ("append", [item]) => {
                let item = self.fit_item(list, item, line)?;
                self.push(list, &item)?;
                Ok(none)
            }
            ("insert", [at, item]) if at.ty == Type::Int => {
                let item = self.fit_item(list, item, line)?;
                let (room, width) = self.stored(&item);
                let call = [self.rows, list.one(), at.one(), room, width];
                let status = self.call_value("list_insert", &call, 'i')?;
                self.check(status, Raised::Value);
                Ok(none)
            }
            ("pop", []) => {
                let last = self.int(-1);
                self.pop(list, last)
            }
            ("pop", [at]) if at.ty == Type::Int => self.pop(list, at.one()),
            ("reverse" | "clear", []) => {
                let helper = if name == "clear" { "list_clear" } else { "list_reverse" };
                let status = self.call_value(helper, &[list.one()], 'i')?;
                self.check(status, Raised::Value);
                Ok(none)
            }
            ("copy", []) => self.slice_of(list, None, None, None),
            ("index" | "count" | "remove", [item]) => self.find(list, name, item, line),
            _ => Err(wrong()),
        }
    }

    /// Puts an item at the end of a list.
    pub(crate) fn push(&mut self, list: &Value, item: &Value) -> Result<()> {
        let [own, quick, slow, after] = [(); 4].map(|()| self.b.create_block());
        let state = self.list_field(list, offset_of!(List, state));
        self.branch(state, slow, own);
        self.enter_sealed(own);
        let length = self.list_field(list, offset_of!(List, len));
        let capacity = self.list_field(list, offset_of!(List, capacity));
        // Where there is room, the items have the width of this one.
        let room = self.b.ins().icmp(IntCC::NotEqual, length, capacity);
        self.branch(room, quick, slow);
        self.enter_sealed(quick);
        let data = self.list_field(list, offset_of!(List, data));
        let offset = self.b.ins().imul_imm(length, (item.slots.len() * 8) as i64);
        let end = self.b.ins().iadd(data, offset);
        self.store(item, end);
        let more = self.b.ins().iadd_imm(length, 1);
        self.b.ins().store(MemFlags::trusted(), more, list.one(), offset_of!(List, len) as i32);
        self.jump(after, &[]);
        self.enter_sealed(slow);
        let (stored, width) = self.stored(item);
        let args = [self.rows, list.one(), stored, width];
        let status = self.call_value("list_push", &args, 'i')?;
        self.check_sure(status);
        self.jump(after, &[]);
        self.enter_sealed(after);
        Ok(())
    }

    /// A number that a list has of itself.
    fn list_field(&mut self, list: &Value, offset: usize) -> IrValue {
        self.b.ins().load(types::I64, MemFlags::trusted(), list.one(), offset as i32)
    }

    /// Whether an item of a list of dicts is made where it stands, so that no other name has it.
    fn is_dict_made_here(&self, list: &Value, item: &Expr) -> bool {
        matches!(&list.ty, Type::List(ty) if is_made_here(item, ty))
    }

    /// A value as a list's item; if it does not fit, the list's place learns.
    fn fit_item(&mut self, list: &Value, item: &Value, line: u32) -> Result<Value> {
        let Type::List(known) = &list.ty else {
            return Err(Reason::types("an item", &[&list.ty], line));
        };
        if matches!(**known, Type::Json(_)) {
            return self.boxed_or(item, line);
        }
        match known.unify(&item.ty) {
            Some(both) if both == **known && item.ty.fits(known) => self.coerce(item, known, line),
            both => {
                let reason = Reason::mixed("a list with items", &[known, &item.ty], line);
                Err(match both {
                    Some(both) => self.learn(list, &Type::List(Box::new(both)), reason),
                    None => reason,
                })
            }
        }
    }

    fn pop(&mut self, list: &Value, at: IrValue) -> Result<Value> {
        let Type::List(item) = &list.ty else {
            return Err(Reason::types("pop()", &[&list.ty], 0));
        };
        let out = self.room(item.slots());
        let status = self.call_value("list_pop", &[list.one(), at, out], 'i')?;
        self.check(status, Raised::Index);
        if **item == Type::Never {
            return Ok(self.unreachable());
        }
        Ok(self.load(item, out, 0))
    }

    /// `list.extend(other)`; a list that is extended by itself is doubled once.
    fn extend(&mut self, list: &Value, other: &Expr, line: u32) -> Result<()> {
        if is_iterator(other) {
            let cursor = self.cursor(other)?;
            return self.extend_from(list, &cursor, line);
        }
        let other = self.expr(other)?;
        self.extend_by(list, &other, line)
    }

    /// An item that fails leaves what came before it in CPython; here the row is run again.
    fn extend_from(&mut self, list: &Value, cursor: &Cursor, line: u32) -> Result<()> {
        self.walk(cursor, &mut |this, item| {
            let item = this.fit_item(list, &item, line)?;
            this.push(list, &item)
        })
    }

    fn extend_by(&mut self, list: &Value, other: &Value, line: u32) -> Result<()> {
        let other = match self.solid(other) {
            value if matches!(value.ty, Type::Tuple(_)) => self.list_of(&value, line)?,
            value => value,
        };
        match (&list.ty, &other.ty) {
            (_, Type::Never) => Ok(()),
            (Type::List(item), Type::List(others)) if item.is_held_as(others) => {
                let args = [self.rows, list.one(), other.one()];
                let status = self.call_value("list_extend", &args, 'i')?;
                self.check(status, Raised::Value);
                Ok(())
            }
            _ => {
                let cursor = self.cursor_of(&other, line)?;
                self.extend_from(list, &cursor, line)
            }
        }
    }

    /// `before op= value`: lists are extended in place, all else is made anew.
    pub(crate) fn augmented(
        &mut self,
        op: &str,
        before: &Value,
        value: &Expr,
        line: u32,
    ) -> Result<Value> {
        let list = match before.ty {
            Type::Json(_) => self.settled(before),
            _ => before.clone(),
        };
        if !matches!(self.inner(&list).ty, Type::List(_)) {
            let value = self.either_number(value)?;
            return self.number_binary(op, &list, &value, line);
        }
        let list = self.solid(&list);
        if holds_dict(&list.ty) {
            return Err(Reason::unsupported("an extension of a list of dicts", line));
        }
        if op != "+" {
            return Err(Reason::types(format!("the operator {op}="), &[&list.ty], line));
        }
        self.extend(&list, value, line)?;
        Ok(before.clone())
    }

    /// Gives the row up if a list of which no item is known has one after all.
    pub(crate) fn must_be_empty(&mut self, list: &Value) {
        let length = self.list_length(list);
        let any = self.b.ins().icmp_imm(IntCC::NotEqual, length, 0);
        self.deopt_if(any, Cause::Unsure);
    }

    fn find(&mut self, list: &Value, name: &str, item: &Value, line: u32) -> Result<Value> {
        let (list, item, ty) = self.searched(list, item, line)?;
        let (room, _) = self.stored(&item);
        let told = self.told(&ty);
        let helper = match name {
            "index" => "list_index",
            "count" => "list_count",
            _ => "list_remove",
        };
        let out = self.room(1);
        let status = self.call_value(helper, &[list.one(), told, room, out], 'i')?;
        self.check(status, Raised::Value);
        match name {
            "remove" => Ok(Value::new(Type::None, vec![])),
            _ => Ok(self.load(&Type::Int, out, 0)),
        }
    }

    /// A list and a value of its items' type that it is searched for.
    fn searched(&mut self, list: &Value, item: &Value, line: u32) -> Result<(Value, Value, Type)> {
        let wrong = Reason::types("a search in a list", &[&list.ty, &item.ty], line);
        let Type::List(known) = &list.ty else {
            return Err(wrong);
        };
        if !is_ordered(&item.ty) {
            return Err(wrong);
        }
        if **known == Type::Never {
            self.must_be_empty(list);
            return Ok((list.clone(), item.clone(), item.ty.clone()));
        }
        match known.unify(&item.ty) {
            Some(both) if both == **known && is_ordered(known) => {
                Ok((list.clone(), self.coerce(item, known, line)?, (**known).clone()))
            }
            _ => Err(wrong),
        }
    }

    pub(crate) fn is_in_list(
        &mut self,
        op: &str,
        item: &Value,
        list: &Value,
        line: u32,
    ) -> Result<IrValue> {
        let (list, item, ty) = self.searched(list, item, line)?;
        let (room, _) = self.stored(&item);
        let (told, out) = (self.told(&ty), self.room(1));
        let status = self.call_value("list_count", &[list.one(), told, room, out], 'i')?;
        self.check(status, Raised::Value);
        let count = self.load(&Type::Int, out, 0).one();
        let code = if op == "in" { IntCC::NotEqual } else { IntCC::Equal };
        Ok(self.b.ins().icmp_imm(code, count, 0))
    }

    /// `object[index] = value`, where `key` is the index if it is a constant string.
    pub(crate) fn set_item(
        &mut self,
        object: &Value,
        index: &Value,
        key: Option<&str>,
        value: &Value,
        line: u32,
    ) -> Result<()> {
        let list = self.solid(object);
        if matches!(list.ty, Type::Json(_)) {
            return self.set_entry(object, index, key, value, line);
        }
        if holds_dict(&list.ty) {
            return Err(Reason::types("an assignment to an item", &[&list.ty, &index.ty], line));
        }
        let index = &self.settled(index);
        if list.ty == Type::Never {
            return Ok(());
        }
        if !matches!((&list.ty, &index.ty), (Type::List(_), Type::Int | Type::Never)) {
            return Err(Reason::types("an assignment to an item", &[&list.ty, &index.ty], line));
        }
        if index.ty == Type::Never {
            return Ok(());
        }
        let value = self.fit_item(&list, value, line)?;
        let (room, _) = self.stored(&value);
        let status = self.call_value("list_set", &[list.one(), index.one(), room], 'i')?;
        self.check(status, Raised::Index);
        Ok(())
    }

    /// `a op b` where one is a list or a tuple.
    pub(crate) fn sequence_binary(
        &mut self,
        op: &str,
        a: &Value,
        b: &Value,
        line: u32,
    ) -> Result<Value> {
        let wrong = Reason::types(format!("the operator {op}"), &[&a.ty, &b.ty], line);
        if [a, b].iter().any(|list| matches!(list.ty, Type::List(_)) && holds_dict(&list.ty)) {
            return Err(wrong);
        }
        match (&a.ty, &b.ty, op) {
            (Type::Tuple(_), Type::Tuple(_), "+") => {
                Ok(Value::tuple([a.items(), b.items()].concat()))
            }
            (Type::List(_), Type::List(_), "+") => {
                let Some(ty) = a.ty.unify(&b.ty) else {
                    return Err(wrong);
                };
                let (a, b) = (self.coerce(a, &ty, line)?, self.coerce(b, &ty, line)?);
                let copy = self.slice_of(&a, None, None, None)?;
                let args = [self.rows, copy.one(), b.one()];
                let status = self.call_value("list_extend", &args, 'i')?;
                self.check(status, Raised::Value);
                Ok(copy)
            }
            (Type::List(_), Type::Int | Type::Bool, "*") => self.repeated(a, b),
            (Type::Int | Type::Bool, Type::List(_), "*") => self.repeated(b, a),
            _ => Err(wrong),
        }
    }

    fn repeated(&mut self, list: &Value, times: &Value) -> Result<Value> {
        let out = self.room(1);
        let args = [self.rows, list.one(), times.one(), out];
        let status = self.call_value("list_repeat", &args, 'i')?;
        self.check(status, Raised::Value);
        Ok(self.copy_of(list, out))
    }

    /// `list[low:high:step]` as a new list.
    pub(crate) fn slice_of(
        &mut self,
        list: &Value,
        low: Option<IrValue>,
        high: Option<IrValue>,
        step: Option<IrValue>,
    ) -> Result<Value> {
        if holds_dict(&list.ty) {
            return Err(Reason::unsupported("a copy of a list of dicts", 0));
        }
        let out = self.room(1);
        let [low, high, step] = self.ends(low, high, step);
        let args = [self.rows, list.one(), low, high, step, out];
        let status = self.call_value("sublist", &args, 'i')?;
        self.check(status, Raised::Value);
        Ok(self.copy_of(list, out))
    }

    /// A list made of another's items; lists within it are the other's.
    fn copy_of(&mut self, list: &Value, out: IrValue) -> Value {
        let fresh = matches!(&list.ty, Type::List(item) if **item == Type::Never);
        if fresh {
            self.must_be_empty(list);
        }
        Value { fresh, ..self.load(&list.ty, out, 0) }
    }

    /// A comparison of lists and tuples: by the first items that differ; an item that is the same object counts
    /// as equal, so where two nans meet only CPython can tell.
    pub(crate) fn compare_sequences(
        &mut self,
        op: &str,
        a: &Value,
        b: &Value,
        line: u32,
    ) -> Result<IrValue> {
        let wrong = Reason::types(format!("the comparison `{op}`"), &[&a.ty, &b.ty], line);
        let equality = matches!(op, "==" | "!=");
        let never_equal = match (&a.ty, &b.ty) {
            (Type::Tuple(x), Type::Tuple(y)) => x.len() != y.len(),
            (Type::List(_), Type::List(_)) => false,
            _ => true,
        };
        if never_equal && equality {
            return Ok(self.b.ins().iconst(types::I8, i64::from(op == "!=")));
        }
        let Some(ty) = a.ty.unify(&b.ty).filter(is_ordered) else {
            return Err(wrong);
        };
        let (a, b) = (self.coerce(a, &ty, line)?, self.coerce(b, &ty, line)?);
        let ((a, _), (b, _)) = (self.stored(&a), self.stored(&b));
        let (told, out) = (self.told(&ty), self.room(1));
        let helper = if equality { "differ_in_value" } else { "order" };
        let status = self.call_value(helper, &[told, a, b, out], 'i')?;
        self.check(status, Raised::Value);
        let order = self.load(&Type::Int, out, 0).one();
        let code = int_code(op).ok_or(wrong)?;
        Ok(self.b.ins().icmp_imm(code, order, 0))
    }
}
