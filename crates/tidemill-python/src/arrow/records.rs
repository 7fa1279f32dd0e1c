//! Typed records from Arrow columns, for compiled code: what workers give goes on as rows of slots.

use arrow_array::{Array, RecordBatch};
use arrow_buffer::NullBuffer;
use bumpalo::Bump;
use tidemill_udf::{Records, Type, list_of};

use super::cells::Cells;
use super::form::Form;

/// The records of batches of one form, as ones of type `like` if they are; `None` if they are not of that form.
pub fn records(form: &Form, batches: &[RecordBatch], like: Option<&Type>) -> Option<Records> {
    let cells = batches.iter().map(|batch| Cells::of_batch(batch, form));
    let cells: Vec<Cells<'_>> = cells.collect::<Option<_>>()?;
    let columns: Vec<Column<'_>> = cells.iter().map(|cells| (cells, None)).collect();
    let ty = type_of(form, &columns)?;
    // Types that differ in what may be None only would each be compiled.
    let both = like.and_then(|like| like.unify(&ty)).filter(|both| {
        let wider = Form::of_records(both);
        wider.is_some() && wider.as_ref().and_then(|wider| form.merge(wider)) == wider
    });
    let ty = both.unwrap_or(ty);
    let mut records = Records::new(&ty);
    let (mut slots, mut heap) = (Vec::with_capacity(ty.slots()), Bump::new());
    for (column, batch) in cells.iter().zip(batches) {
        for row in 0..batch.num_rows() {
            slots.clear();
            value(&ty, column, row, &heap, &mut slots)?;
            // SAFETY: the slots of a value of the type; the batch and the heap are alive.
            unsafe { records.push(&slots) };
            heap.reset();
        }
    }
    Some(records)
}

/// A column, and which of its values are within one that is there, if not all are.
type Column<'c> = (&'c Cells<'c>, Option<&'c NullBuffer>);

/// The type of the values of columns: `None` is part of it only where there is one.
fn type_of<'c>(form: &Form, columns: &[Column<'c>]) -> Option<Type> {
    let ty = match form {
        Form::Null => return Some(Type::None),
        Form::Bool => Type::Bool,
        Form::Int => Type::Int,
        Form::Float => Type::Float,
        Form::Text => Type::Str,
        Form::Tuple(items) => {
            let items =
                items.iter().enumerate().map(|(at, item)| type_of(item, &parts(columns, at)?));
            Type::Tuple(items.collect::<Option<_>>()?)
        }
        Form::Record(fields) => {
            let fields = fields.iter().enumerate();
            let fields = fields
                .map(|(at, (key, form))| Some((key.clone(), type_of(form, &parts(columns, at)?)?)));
            Type::Record(fields.collect::<Option<_>>()?)
        }
        Form::List(item) => Type::List(Box::new(item_type(item, columns)?)),
    };
    let optional = columns.iter().any(|(column, within)| column.has_none(*within));
    Some(if optional { Type::Option(Box::new(ty)) } else { ty })
}

/// A part of each column's tuples or dicts.
fn parts<'c>(columns: &[Column<'c>], at: usize) -> Option<Vec<Column<'c>>> {
    let part = |(column, _): &Column<'c>| match column {
        Cells::Parts(_, parts) => Some((parts.get(at)?, column.nulls())),
        _ => None,
    };
    columns.iter().map(part).collect()
}

fn item_type<'c>(item: &Form, columns: &[Column<'c>]) -> Option<Type> {
    let mut items = Vec::with_capacity(columns.len());
    let mut count = 0;
    for (column, _) in columns {
        let Cells::List(lists, cells) = column else { return None };
        count += lists.values().len();
        items.push((&**cells, None));
    }
    if count == 0 { Some(Type::Never) } else { type_of(item, &items) }
}

/// Appends the slots of a value.
fn value(
    ty: &Type,
    cells: &Cells<'_>,
    row: usize,
    heap: &Bump,
    slots: &mut Vec<u64>,
) -> Option<()> {
    match (ty, cells) {
        (Type::None | Type::Never, _) => {}
        (Type::Option(_), _) if cells.is_none(row) => slots.extend(ty.absent()),
        (Type::Option(held), _) => {
            slots.push(1);
            value(held, cells, row, heap, slots)?;
        }
        (Type::Bool, Cells::Bool(flags)) => slots.push(u64::from(flags.value(row))),
        (Type::Int, Cells::Int(numbers)) => slots.push(numbers.value(row) as u64),
        (Type::Float, Cells::Float(numbers)) => slots.push(numbers.value(row).to_bits()),
        (Type::Str, Cells::Text(texts)) => {
            let text = texts.value(row);
            slots.extend([text.as_ptr() as u64, text.len() as u64]);
        }
        (Type::Tuple(_) | Type::Record(_), Cells::Parts(_, parts)) => {
            for ((part, _), cells) in ty.spans().zip(parts) {
                value(part, cells, row, heap, slots)?;
            }
        }
        (Type::List(item), Cells::List(lists, cells)) => {
            let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
            let mut items = Vec::new();
            for at in start as usize..end as usize {
                value(item, cells, at, heap, &mut items)?;
            }
            slots.push(list_of(heap, item, (end - start) as usize, &items));
        }
        _ => return None,
    }
    Some(())
}
