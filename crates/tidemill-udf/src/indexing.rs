//! Indexing and slicing.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::Value;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
    pub(crate) fn index(&mut self, object: &Expr, index: &Expr, line: u32) -> Result<Value> {
        let object = self.expr(object)?;
        let object = self.solid(&object);
        if let Type::Match(pattern) = &object.ty {
            return self.match_group(&object, pattern, index);
        }
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
        let object = self.solid(&object);
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
