//! Text made of values: f-strings, `%`, `str.format`, `format`, `str` and `repr` become templates.

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::runtime::{Conversion, Field, Piece, Template, converted, is_shown};
use crate::scope::Value;
use crate::spec::Spec;
use crate::tree::{Expr, Part};
use crate::types::Type;

impl Gen<'_> {
    /// Literal pieces and fields. With `unpack`, a tuple as the only argument stands for its items, as the
    /// right side of `%` does, and each item must have a field.
    pub(crate) fn format(
        &mut self,
        args: &[Expr],
        parts: &[Part],
        unpack: bool,
        line: u32,
    ) -> Result<Value> {
        let mut values = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        if let ([only], true) = (values.as_slice(), unpack) {
            if matches!(self.inner(only).ty, Type::Tuple(_)) {
                values = self.solid(only).items();
            }
            let fields = parts.iter().filter(|part| matches!(part, Part::Field { .. })).count();
            if fields != values.len() {
                return Err(Reason::unsupported("a number of values that does not fit", line));
            }
        }
        for (place, value) in values.iter_mut().enumerate() {
            let plain = parts.iter().all(|part| part.is_plain(place));
            match value.ty {
                Type::DateTime | Type::Json(_) if plain => {
                    *value = self.text_of(value, None, line)?
                }
                Type::Json(_) => *value = self.settled(value),
                _ => {}
            }
        }
        let starts = starts(&values);
        let piece = |part: &Part| match part {
            Part::Text(text) => Ok(Piece::Text(text.clone())),
            Part::Field { a, c, s } => {
                let value = values.get(*a).map(|value| (&value.ty, starts[*a]));
                let field = value.and_then(|(ty, first)| field(ty, first, c.as_deref(), s));
                let types: Vec<&Type> = values.iter().map(|value| &value.ty).collect();
                field.map(Piece::Field).ok_or_else(|| Reason::types("a format", &types, line))
            }
        };
        let pieces = parts.iter().map(piece).collect::<Result<Vec<_>>>()?;
        self.by_template(Template(pieces), &values)
    }

    /// `str(value)` (no conversion) or `repr(value)`.
    pub(crate) fn text_of(
        &mut self,
        value: &Value,
        conversion: Option<Conversion>,
        line: u32,
    ) -> Result<Value> {
        match (&value.ty, conversion) {
            (Type::Str, None) => Ok(value.clone()),
            (Type::DateTime, None) => self.datetime_text(value, ' '),
            (Type::Json(_), None) => self.json_text(value, line),
            (ty, _) if is_shown(ty) => {
                let field = Field { ty: ty.clone(), first: 0, conversion, spec: None };
                let template = Template(vec![Piece::Field(field)]);
                self.by_template(template, std::slice::from_ref(value))
            }
            (ty, _) => Err(Reason::types("str()", &[ty], line)),
        }
    }

    fn by_template(&mut self, template: Template, values: &[Value]) -> Result<Value> {
        // What is not certain is given up, and CPython may raise there.
        self.effects.may_raise = true;
        let all = Value::tuple(values.to_vec());
        let room = self.room(all.slots.len());
        self.store(&all, room);
        let template = self.keep(template);
        let out = self.room(2);
        let status = self.call_value("format_values", &[self.rows, template, room, out], 'i')?;
        self.check_sure(status);
        Ok(self.load(&Type::Str, out, 0))
    }
}

impl Part {
    /// Whether it shows the argument at a place as `str` does, if it shows it at all.
    fn is_plain(&self, place: usize) -> bool {
        match self {
            Part::Field { a, c, s } if *a == place => {
                s.is_empty() && matches!(c.as_deref(), None | Some("s"))
            }
            _ => true,
        }
    }
}

/// The first slot of each value.
fn starts(values: &[Value]) -> Vec<usize> {
    let mut at = 0;
    let mut start = |value: &Value| {
        at += value.slots.len();
        at - value.slots.len()
    };
    values.iter().map(&mut start).collect()
}

/// A field for values of a type; `None` if CPython would refuse it, or native code does not know it.
fn field(ty: &Type, first: usize, conversion: Option<&str>, spec: &str) -> Option<Field> {
    let conversion = match conversion {
        None => None,
        Some("s") => Some(Conversion::Str),
        Some("r") => Some(Conversion::Repr),
        Some("d") => Some(Conversion::Whole),
        Some(_) => return None,
    };
    let spec = if spec.is_empty() { None } else { Some(Spec::parse(spec)?) };
    let there = match (ty, conversion) {
        (Type::Option(inner), None | Some(Conversion::Whole)) => inner,
        _ => ty,
    };
    let suits = |spec: &Spec| spec.suits(converted(there, conversion));
    let known = is_shown(ty) && spec.as_ref().is_none_or(suits);
    known.then(|| Field { ty: ty.clone(), first, conversion, spec })
}
