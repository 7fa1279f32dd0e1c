//! Dynamic dicts: what loops go through, and what sets their items.

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::json::shape_of;
use crate::scope::Value;
use crate::shape::{Kind, Shape};
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
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
