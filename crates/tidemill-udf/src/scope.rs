//! Values and variables of the code generator.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cranelift_codegen::ir::{Block, Type as IrType, Value as IrValue, types};
use cranelift_frontend::Variable;

use crate::exceptions::Raised;
use crate::tree::Stmt;
use crate::types::Type;

/// A typed value: one machine value per slot.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) ty: Type,
    pub(crate) slots: Vec<IrValue>,
    /// Whether nothing else refers to the lists in it whose items' type is not known yet.
    pub(crate) fresh: bool,
    /// Where it was read from: that place may learn the type of its items.
    pub(crate) origin: Option<Origin>,
    /// Whether it is written as it is, and so of no type that rows have told.
    pub(crate) literal: bool,
    /// Of a float: the flag that says whether it is an `int` instead, which the float equals.
    pub(crate) whole: Option<IrValue>,
}

/// A place, and in how many lists within its value something is.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) place: Place,
    pub(crate) depth: usize,
}

impl Value {
    pub(crate) fn new(ty: Type, slots: Vec<IrValue>) -> Value {
        Value { ty, slots, fresh: false, origin: None, literal: false, whole: None }
    }

    /// The value as read from a place.
    pub(crate) fn from(mut self, place: Place) -> Value {
        self.origin = Some(Origin { place, depth: 0 });
        self
    }

    /// The value as one that nothing else refers to.
    pub(crate) fn fresh(mut self) -> Value {
        self.fresh = true;
        self
    }

    /// Whether the types of items in it may still be chosen.
    pub(crate) fn is_open(&self) -> bool {
        self.fresh || !self.ty.has_unknown_items()
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
            Value { fresh: self.fresh, ..Value::new(ty.clone(), slots) }
        };
        types.into_iter().map(&mut item).collect()
    }

    /// A dict of these fields.
    pub(crate) fn record(fields: Vec<(String, Value)>) -> Value {
        let mut types = Vec::with_capacity(fields.len());
        let mut slots = Vec::new();
        let fresh = fields.iter().all(|(_, value)| value.is_open());
        for (key, value) in fields {
            types.push((key, value.ty));
            slots.extend(value.slots);
        }
        Value { fresh, ..Value::new(Type::Record(types), slots) }
    }

    /// A tuple of values.
    pub(crate) fn tuple(items: Vec<Value>) -> Value {
        let ty = Type::Tuple(items.iter().map(|item| item.ty.clone()).collect());
        let fresh = items.iter().all(Value::is_open);
        let literal = items.iter().all(|item| item.literal);
        let slots = items.into_iter().flat_map(|item| item.slots).collect();
        Value { fresh, literal, ..Value::new(ty, slots) }
    }
}

/// The machine types of a type's slots.
pub(crate) fn ir_types(ty: &Type) -> Vec<IrType> {
    match ty {
        Type::None | Type::Never => vec![],
        Type::Bool | Type::Int => vec![types::I64],
        Type::List(_) | Type::Parts(_) | Type::Runs | Type::Match(_) => vec![types::I64],
        Type::Digest => vec![types::I64; crate::digest::SLOTS],
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
    /// Of a float: whether it is an `int` instead ([`Value::whole`]).
    pub(crate) whole: Option<Variable>,
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
    /// The file that it is in.
    pub(crate) file: Option<String>,
    /// What functions within it name it by.
    pub(crate) scope: usize,
    pub(crate) locals: HashMap<String, Local>,
    /// Variables that have a value on every path to here.
    pub(crate) assigned: HashSet<String>,
    /// Whether each variable has a value, where only a run can tell.
    pub(crate) flags: HashMap<String, Variable>,
    /// Number of `try` statements around it.
    pub(crate) tries: usize,
    /// Variables of which the function sets items.
    pub(crate) changed: Vec<String>,
    /// Where `return` goes.
    pub(crate) exit: Block,
    /// What it returns, once a `return` was met.
    pub(crate) result: Option<Local>,
    pub(crate) exit_used: bool,
}

/// An enclosing `try`: where each handler is, or what runs on every way out.
#[derive(Default)]
pub(crate) struct Try {
    pub(crate) handlers: Vec<(Option<Vec<String>>, Block)>,
    pub(crate) used: Vec<bool>,
    pub(crate) finally: Option<Finally>,
}

/// What runs on every way out of a `try`.
pub(crate) struct Finally {
    pub(crate) body: Arc<Vec<Stmt>>,
    /// Where each exception goes that passes through.
    pub(crate) landings: Vec<(Raised, Block)>,
    /// Number of loops of the function that we were in.
    pub(crate) loops: usize,
}

/// An enclosing loop.
pub(crate) struct Loop {
    pub(crate) next: Block,
    pub(crate) exit: Block,
    pub(crate) tries: usize,
    /// What was assigned at each `break`.
    pub(crate) breaks: Vec<HashSet<String>>,
}
