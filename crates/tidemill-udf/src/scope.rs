//! Values and variables of the code generator.

use std::collections::{HashMap, HashSet};

use cranelift_codegen::ir::{Block, Type as IrType, Value as IrValue, types};
use cranelift_frontend::Variable;

use crate::types::Type;

/// A typed value: one machine value per slot.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) ty: Type,
    pub(crate) slots: Vec<IrValue>,
}

impl Value {
    pub(crate) fn new(ty: Type, slots: Vec<IrValue>) -> Value {
        Value { ty, slots }
    }

    /// The only slot of a value that has one.
    pub(crate) fn one(&self) -> IrValue {
        self.slots[0]
    }

    /// The items of a tuple, or the values of a dict whose keys are known.
    pub(crate) fn items(&self) -> Vec<Value> {
        let types: Vec<&Type> = match &self.ty {
            Type::Tuple(types) => types.iter().collect(),
            Type::Record(fields) => fields.iter().map(|(_, ty)| ty).collect(),
            _ => return Vec::new(),
        };
        let mut at = 0;
        let mut item = |ty: &Type| {
            let slots = self.slots[at..at + ty.slots()].to_vec();
            at += ty.slots();
            Value::new(ty.clone(), slots)
        };
        types.into_iter().map(&mut item).collect()
    }

    /// A dict of these fields.
    pub(crate) fn record(fields: Vec<(String, Value)>) -> Value {
        let mut types = Vec::with_capacity(fields.len());
        let mut slots = Vec::new();
        for (key, value) in fields {
            types.push((key, value.ty));
            slots.extend(value.slots);
        }
        Value::new(Type::Record(types), slots)
    }

    /// A tuple of values.
    pub(crate) fn tuple(items: Vec<Value>) -> Value {
        let ty = Type::Tuple(items.iter().map(|item| item.ty.clone()).collect());
        Value::new(ty, items.into_iter().flat_map(|item| item.slots).collect())
    }
}

/// The machine types of a type's slots.
pub(crate) fn ir_types(ty: &Type) -> Vec<IrType> {
    match ty {
        Type::None | Type::Never => vec![],
        Type::Bool | Type::Int | Type::List(_) | Type::Match(_) => vec![types::I64],
        Type::Float => vec![types::F64],
        Type::Str | Type::DateTime | Type::Json(_) => vec![types::I64, types::I64],
        Type::Tuple(items) => items.iter().flat_map(ir_types).collect(),
        Type::Record(fields) => fields.iter().flat_map(|(_, ty)| ir_types(ty)).collect(),
        Type::Option(value) => {
            let mut slots = vec![types::I64];
            slots.extend(ir_types(value));
            slots
        }
    }
}

/// A local variable: its type never changes.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) ty: Type,
    pub(crate) slots: Vec<Variable>,
}

/// Something whose type is found out by attempts: each may teach the next one a wider type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// A variable of the function at an address in the tree.
    Local(usize, String),
    /// What the function at an address in the tree returns.
    Return(usize),
    /// What the chain emits.
    Record,
}

/// One function that is being compiled, the row's or one that is called from it.
pub(crate) struct Frame {
    /// Its address in the tree.
    pub(crate) function: usize,
    pub(crate) locals: HashMap<String, Local>,
    /// Variables that have a value on every path to here.
    pub(crate) assigned: HashSet<String>,
    /// Variables of which the function sets items.
    pub(crate) changed: Vec<String>,
    /// Where `return` goes.
    pub(crate) exit: Block,
    /// What it returns, once a `return` was met.
    pub(crate) result: Option<Local>,
    pub(crate) exit_used: bool,
}

/// An enclosing `try`: where each handler is.
pub(crate) struct Try {
    pub(crate) handlers: Vec<(Option<Vec<String>>, Block)>,
    pub(crate) used: Vec<bool>,
}

/// An enclosing loop.
pub(crate) struct Loop {
    pub(crate) next: Block,
    pub(crate) exit: Block,
    pub(crate) tries: usize,
}
