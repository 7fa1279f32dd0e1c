//! Methods, by the type of their object.

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::matches::matched;
use crate::scope::Value;
use crate::shape::Kind;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

impl Gen<'_> {
    /// `object.name(args)`; the last arguments may have names.
    pub(crate) fn method_expr(
        &mut self,
        object: &Expr,
        name: &str,
        args: &[Expr],
        names: &[String],
        line: u32,
    ) -> Result<Value> {
        if let (ExprKind::ConstMap { v }, []) = (&object.kind, names) {
            return self.map_method(v, name, args, line);
        }
        let object = self.expr(object)?;
        match object.ty {
            Type::Json(_) if name == "get" && names.is_empty() => {
                return self.json_get(&object, args, line);
            }
            Type::Record(_) if name == "get" && names.is_empty() => {
                return self.record_get(&object, args, line);
            }
            _ => {}
        }
        if let (Some(pattern), []) = (matched(&object.ty), names) {
            return self.match_method(&object, &pattern, name, args, line);
        }
        let object = match &object.ty {
            Type::Json(shape) if shape.main() == Some(Kind::List) => self.settled(&object),
            _ => object,
        };
        if matches!(self.inner(&object).ty, Type::List(_)) {
            let (args, named) = args.split_at(args.len() - names.len());
            let named: Vec<_> = names.iter().map(String::as_str).zip(named).collect();
            return self.list_method(&object, name, args, &named, line);
        }
        let args = self.used_up(args)?;
        self.method(&object, name, &args, names, line)
    }

    /// A method of a value.
    pub(crate) fn method(
        &mut self,
        object: &Value,
        name: &str,
        args: &[Value],
        names: &[String],
        line: u32,
    ) -> Result<Value> {
        let object = &self.solid(object);
        let mut settled: Vec<Value> = args.iter().map(|arg| self.settled(arg)).collect();
        for list in &mut settled {
            let of_dynamic =
                matches!(&list.ty, Type::List(item) if matches!(**item, Type::Json(_)));
            if of_dynamic && name == "join" {
                *list = self.strings(list)?;
            }
        }
        let args = settled.as_slice();
        match object.ty {
            Type::Never => Ok(object.clone()),
            Type::Str => self.text_method(object, name, args, names, line),
            Type::DateTime if names.is_empty() => self.datetime_method(object, name, args, line),
            _ => {
                let mut types = vec![&object.ty];
                types.extend(args.iter().map(|arg| &arg.ty));
                Err(Reason::types(format!(".{name}()"), &types, line))
            }
        }
    }
}
