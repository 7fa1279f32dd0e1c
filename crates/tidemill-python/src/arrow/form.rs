//! What records look like as Arrow columns, and which Python values columns stand for.
//!
//! The names alone say it, as in Spark: one column `value` holds the records themselves, columns `_1` to `_n` the
//! items of tuples, columns of other names the values of dicts. It is the same for structs within columns.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema};
use tidemill_udf::{DEEPEST as DEEPEST_TYPE, MOST_PARTS, Type};

/// The column of records that are neither tuples nor dicts.
const VALUE: &str = "value";
/// Deeper values have no columns: readers of the format end at 60 to 64 levels. A list may hold itself.
pub const DEEPEST: usize = 50;

/// The values of a column, any of which may be `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// `None` only.
    Null,
    /// `bool`.
    Bool,
    /// `int` within 64 bits.
    Int,
    /// `float`.
    Float,
    /// `str` without lone surrogates.
    Text,
    /// `tuple`.
    Tuple(Vec<Form>),
    /// `dict` of these keys, in their order.
    Record(Vec<(String, Form)>),
    /// `list`.
    List(Box<Form>),
}

impl Form {
    /// The form of compiled records; `None` if they have none, as tuples with a `None` among them.
    pub fn of_records(ty: &Type) -> Option<Form> {
        match ty {
            Type::Option(value) if matches!(**value, Type::Tuple(_) | Type::Record(_)) => None,
            _ => Form::of(ty),
        }
    }

    /// The form of compiled values; `None` if they have none.
    fn of(ty: &Type) -> Option<Form> {
        Some(match ty {
            Type::None | Type::Never => Form::Null,
            Type::Bool => Form::Bool,
            Type::Int => Form::Int,
            Type::Float => Form::Float,
            Type::Str => Form::Text,
            Type::Option(value) => Form::of(value)?,
            Type::List(item) => Form::List(Box::new(Form::of(item)?)),
            Type::Tuple(items) if !items.is_empty() => {
                Form::Tuple(items.iter().map(Form::of).collect::<Option<_>>()?)
            }
            Type::Record(fields) if !fields.is_empty() => {
                let field = |(key, ty): &(String, Type)| Some((key.clone(), Form::of(ty)?));
                Form::Record(fields.iter().map(field).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// Whether the columns can be read, and give the very same values.
    pub fn is_exact(&self) -> bool {
        self.depth() <= DEEPEST && self.mistaken().is_none()
    }

    /// Whether compiled code should have a type for it: the bounds are those of pickles.
    pub fn is_for_compiled_code(&self) -> bool {
        self.depth() <= DEEPEST_TYPE && self.size() <= MOST_PARTS
    }

    /// How many forms it is made of.
    fn size(&self) -> usize {
        match self {
            Form::List(item) => 1 + item.size(),
            other => 1 + other.parts().map_or(0, |parts| parts.into_iter().map(Form::size).sum()),
        }
    }

    /// How many levels values are below the records.
    fn depth(&self) -> usize {
        let deepest = |parts: Vec<&Form>| parts.into_iter().map(Form::depth).max().unwrap_or(0);
        match self {
            Form::List(item) => 1 + item.depth(),
            other => other.parts().map_or(0, |parts| 1 + deepest(parts)),
        }
    }

    /// What would come back as something else: dicts whose keys are the names that other records' columns have.
    pub fn mistaken(&self) -> Option<&'static str> {
        match self {
            Form::Record(fields) if fields.len() == 1 && fields[0].0 == VALUE => Some(
                "a dict with the single key value: a column of that name is for records that are not dicts",
            ),
            _ if self.has_numbered_keys() => Some(
                "or holds a dict with the keys _1, _2 and so on: columns of these names are for the items of tuples",
            ),
            _ => None,
        }
    }

    fn has_numbered_keys(&self) -> bool {
        match self {
            Form::Tuple(items) => items.iter().any(Form::has_numbered_keys),
            Form::Record(fields) => {
                numbered(fields.iter().map(|(key, _)| key.as_str()))
                    || fields.iter().any(|(_, form)| form.has_numbered_keys())
            }
            Form::List(item) => item.has_numbered_keys(),
            _ => false,
        }
    }

    /// The form that holds the values of both; `None` if there is none. Keys may come in any order: columns have
    /// that of the first.
    pub fn merge(&self, other: &Form) -> Option<Form> {
        match (self, other) {
            (Form::Null, form) | (form, Form::Null) => Some(form.clone()),
            (Form::Tuple(a), Form::Tuple(b)) if a.len() == b.len() => {
                a.iter().zip(b).map(|(a, b)| a.merge(b)).collect::<Option<_>>().map(Form::Tuple)
            }
            (Form::Record(a), Form::Record(b)) if a.len() == b.len() => {
                let merged = a.iter().map(|(key, form)| {
                    let (_, other) = b.iter().find(|(other, _)| other == key)?;
                    Some((key.clone(), form.merge(other)?))
                });
                merged.collect::<Option<_>>().map(Form::Record)
            }
            (Form::List(a), Form::List(b)) => a.merge(b).map(|item| Form::List(Box::new(item))),
            (a, b) => (a == b).then(|| a.clone()),
        }
    }

    /// The forms of a tuple's items or a dict's values.
    pub fn parts(&self) -> Option<Vec<&Form>> {
        match self {
            Form::Tuple(items) => Some(items.iter().collect()),
            Form::Record(fields) => Some(fields.iter().map(|(_, form)| form).collect()),
            _ => None,
        }
    }

    /// The type of a column.
    pub fn data_type(&self) -> DataType {
        match self {
            Form::Null => DataType::Null,
            Form::Bool => DataType::Boolean,
            Form::Int => DataType::Int64,
            Form::Float => DataType::Float64,
            Form::Text => DataType::Utf8,
            Form::List(item) => DataType::List(Arc::new(item.field("item"))),
            Form::Tuple(_) | Form::Record(_) => DataType::Struct(self.fields()),
        }
    }

    /// The columns of records.
    pub fn schema(&self) -> Schema {
        Schema::new(self.fields())
    }

    fn fields(&self) -> Fields {
        match self {
            Form::Tuple(items) => {
                (1..).zip(items).map(|(number, item)| item.field(&format!("_{number}"))).collect()
            }
            Form::Record(fields) => fields.iter().map(|(key, form)| form.field(key)).collect(),
            other => [other.field(VALUE)].into_iter().collect(),
        }
    }

    fn field(&self, name: &str) -> Field {
        Field::new(name, self.data_type(), true)
    }

    /// What the records of a batch are; `None` if it has a column of another type.
    pub fn of_batch(batch: &RecordBatch) -> Option<Form> {
        match whole(batch) {
            Some(column) => Form::of_column(column.data_type()),
            None => Form::of_fields(batch.schema_ref().fields()),
        }
    }

    fn of_fields(fields: &Fields) -> Option<Form> {
        let forms = fields.iter().map(|field| Form::of_column(field.data_type()));
        let forms: Vec<Form> = forms.collect::<Option<_>>()?;
        let names = || fields.iter().map(|field| field.name());
        let distinct: std::collections::HashSet<&String> = names().collect();
        if forms.is_empty() || distinct.len() < forms.len() {
            return None;
        }
        Some(match numbered(names().map(String::as_str)) {
            true => Form::Tuple(forms),
            false => Form::Record(names().cloned().zip(forms).collect()),
        })
    }

    fn of_column(column: &DataType) -> Option<Form> {
        Some(match column {
            DataType::Null => Form::Null,
            DataType::Boolean => Form::Bool,
            DataType::Int64 => Form::Int,
            DataType::Float64 => Form::Float,
            DataType::Utf8 => Form::Text,
            DataType::List(item) => Form::List(Box::new(Form::of_column(item.data_type())?)),
            DataType::Struct(fields) => Form::of_fields(fields)?,
            _ => return None,
        })
    }
}

/// The column that holds the records themselves, if that is what a batch has.
pub fn whole(batch: &RecordBatch) -> Option<&ArrayRef> {
    match (batch.schema_ref().fields().as_ref(), batch.columns()) {
        ([field], [column]) if field.name() == VALUE => Some(column),
        _ => None,
    }
}

/// Whether names are `_1`, `_2` and so on.
fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    (1..).zip(names).all(|(number, name)| name.strip_prefix('_') == Some(&number.to_string()))
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Null => f.write_str("None"),
            Form::Bool => f.write_str("bool"),
            Form::Int => f.write_str("int"),
            Form::Float => f.write_str("float"),
            Form::Text => f.write_str("str"),
            Form::Tuple(items) => {
                let items: Vec<String> = items.iter().map(Form::to_string).collect();
                write!(f, "tuple[{}]", items.join(", "))
            }
            Form::Record(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(key, form)| format!("{key}: {form}")).collect();
                write!(f, "dict[{}]", fields.join(", "))
            }
            Form::List(item) => write!(f, "list[{item}]"),
        }
    }
}
