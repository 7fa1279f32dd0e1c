//! Methods, by the type of their object.

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::matches::matched;
use crate::scope::Value;
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
        if let (Some(pattern), []) = (matched(&object.ty), names) {
            return self.match_method(&object, &pattern, name, args, line);
        }
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
