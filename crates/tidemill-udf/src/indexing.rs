//! Indexing and slicing.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as IrValue};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::Value;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
    pub(crate) fn index(&mut self, object: &Expr, index: &Expr, line: u32) -> Result<Value> {
        if let ExprKind::ConstMap { v } = &object.kind {
            return self.map_item(v, index, line);
        }
        let object = self.expr(object)?;
        if matches!(object.ty, Type::Json(_)) {
            return self.json_index(&object, index, line);
        }
        let object = self.solid(&object);
        if matches!(object.ty, Type::Record(_)) {
            return self.record_index(&object, index, line);
        }
        if let Type::Match(pattern) = &object.ty {
            return self.match_group(&object, pattern, index);
        }
        let constant = constant_int(index);
        if let (Type::Tuple(types), Some(at)) = (&object.ty, constant) {
            let at = if at < 0 { at + types.len() as i64 } else { at };
            let item = usize::try_from(at).ok().and_then(|at| object.items().into_iter().nth(at));
            return item.ok_or_else(|| Reason::unsupported("an index out of range", line));
        }
        let at = self.expr(index)?;
        self.item(&object, &at, line)
    }

    /// `object[at]` where the index is only known when it runs.
    pub(crate) fn item(&mut self, object: &Value, at: &Value, line: u32) -> Result<Value> {
        if matches!(object.ty, Type::Json(_)) {
            return self.json_item(object, at, None, line);
        }
        let object = match self.solid(object) {
            object if matches!(object.ty, Type::Tuple(_)) => self.list_of(&object, line)?,
            object => object,
        };
        let at = self.solid(at);
        match (&object.ty, &at.ty) {
            (Type::Never, _) | (_, Type::Never) => Ok(Value::new(Type::Never, vec![])),
            (Type::Str, Type::Int | Type::Bool) => {
                let out = self.room(2);
                let args = [self.rows, object.slots[0], object.slots[1], at.one(), out];
                let status = self.call_value("character", &args, 'i')?;
                self.check(status, Raised::Index);
                Ok(self.load(&Type::Str, out, 0))
            }
            (Type::List(_), Type::Int | Type::Bool) => {
                let length = self.list_length(&object);
                let negative = self.b.ins().icmp_imm(IntCC::SignedLessThan, at.one(), 0);
                let from_end = self.b.ins().iadd(at.one(), length);
                let at = self.b.ins().select(negative, from_end, at.one());
                let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, at, length);
                self.raise_if(outside, Raised::Index);
                Ok(self.list_item(&object, at))
            }
            (Type::Parts(_), Type::Int | Type::Bool) => self.parts_item(&object, at.one()),
            _ => Err(Reason::types("indexing", &[&object.ty, &at.ty], line)),
        }
    }

    /// `object[low:high:step]`.
    pub(crate) fn slice(
        &mut self,
        object: &Expr,
        ends: [Option<&Expr>; 3],
        line: u32,
    ) -> Result<Value> {
        let object = self.expr(object)?;
        let object = self.solid(&object);
        let tuple = matches!(object.ty, Type::Tuple(_));
        if let (true, [low, high, None]) = (tuple, ends) {
            return self.tuple_slice(&object, low, high, line);
        }
        let values = ends.map(|end| end.map(|end| self.expr(end)).transpose());
        let [low, high, step] = values;
        let step = self.slice_end(step?, line)?;
        let (low, high) = (self.slice_end(low?, line)?, self.slice_end(high?, line)?);
        match object.ty {
            Type::Never => Ok(object),
            Type::Str => {
                let ends = self.ends(low, high, step);
                self.text_call("substring", &[&object], &ends, Type::Str)
            }
            Type::List(_) => self.slice_of(&object, low, high, step),
            _ => Err(Reason::types("slicing", &[&object.ty], line)),
        }
    }

    /// Both ends of a slice and its step. Missing ends are beyond the items, on the side that the step comes from
    /// or goes to.
    pub(crate) fn ends(
        &mut self,
        low: Option<IrValue>,
        high: Option<IrValue>,
        step: Option<IrValue>,
    ) -> [IrValue; 3] {
        let step = step.unwrap_or_else(|| self.int(1));
        let back = self.b.ins().icmp_imm(IntCC::SignedLessThan, step, 0);
        let (least, most) = (self.int(i64::MIN), self.int(i64::MAX));
        let low = low.unwrap_or_else(|| self.b.ins().select(back, most, least));
        let high = high.unwrap_or_else(|| self.b.ins().select(back, least, most));
        [low, high, step]
    }

    /// An end of a slice; `None` if it is missing.
    fn slice_end(&mut self, end: Option<Value>, line: u32) -> Result<Option<IrValue>> {
        match end {
            None => Ok(None),
            Some(end) if end.ty == Type::None => Ok(None),
            Some(end) if matches!(end.ty, Type::Json(_)) => {
                let end = self.settled(&end);
                let whole = matches!(end.ty, Type::Int | Type::Bool);
                whole
                    .then(|| Some(end.one()))
                    .ok_or_else(|| Reason::types("slicing", &[&end.ty], line))
            }
            Some(end) if end.ty == Type::Never => Ok(Some(self.int(0))),
            Some(end) if matches!(end.ty, Type::Int | Type::Bool) => Ok(Some(end.one())),
            Some(end) => Err(Reason::types("slicing", &[&end.ty], line)),
        }
    }

    /// A slice of a tuple by constants.
    fn tuple_slice(
        &mut self,
        tuple: &Value,
        low: Option<&Expr>,
        high: Option<&Expr>,
        line: u32,
    ) -> Result<Value> {
        let items = tuple.items();
        let end = |end: Option<&Expr>, default: usize| match end {
            None => Some(default),
            Some(end) => {
                let at = constant_int(end)?;
                let at = if at < 0 { at.saturating_add(items.len() as i64) } else { at };
                Some(at.clamp(0, items.len() as i64) as usize)
            }
        };
        let wrong = || Reason::types("slicing", &[&tuple.ty], line);
        let low = end(low, 0).ok_or_else(wrong)?;
        let high = end(high, items.len()).ok_or_else(wrong)?.max(low);
        Ok(Value::tuple(items[low..high].to_vec()))
    }
}

/// The value of a constant index.
fn constant_int(index: &Expr) -> Option<i64> {
    match &index.kind {
        ExprKind::Const { t, v } if t == "int" => v.as_i64(),
        ExprKind::Unary { op, a } if op == "-" => constant_int(a).map(i64::wrapping_neg),
        _ => None,
    }
}
