//! Lists in parts: an update function's new values, read where they came, without a list of them being made.
//!
//! The values of a key come in one list from each part of the batch before the shuffle. Code that only goes
//! through them, asks how many there are or takes one by its index can do so part by part, in the same order.
//! There is no code here for anything else that Python can do with a list: such a function is compiled for lists.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as IrValue};

use crate::emit::Gen;
use crate::error::Result;
use crate::exceptions::Raised;
use crate::records::list_items;
use crate::runtime::List;
use crate::scope::{Local, Value};
use crate::types::Type;

/// Calls `f` with the slot of a list in parts ([`Type::Parts`]), given as the slots of its parts.
///
/// ```
/// use tidemill_udf::{Heap, Type, as_list, in_parts, list_items};
/// let heap = Heap::default();
/// // SAFETY: the slots of integers.
/// let parts = unsafe { [heap.list(&Type::Int, 2, &[1, 2]), heap.list(&Type::Int, 1, &[3])] };
/// assert_ne!(in_parts(&parts, |slot| slot), 0);
/// // SAFETY: the slots of lists of integers, which are alive.
/// let items = unsafe { as_list(&Type::Int, &parts, |list| list_items(list).0.to_vec()) };
/// assert_eq!(items, [1, 2, 3]);
/// ```
pub fn in_parts<T>(parts: &[u64], f: impl FnOnce(u64) -> T) -> T {
    let list = List::of(parts, parts.len(), 1);
    f(std::ptr::from_ref(&list) as u64)
}

/// Calls `f` with the slot of a list in parts that has items of the type, given as their slots.
pub fn in_one_part<T>(item: &Type, len: usize, slots: &[u64], f: impl FnOnce(u64) -> T) -> T {
    let part = List::of(slots, len, item.slots());
    let parts = [std::ptr::from_ref(&part) as u64];
    // None of them is empty.
    in_parts(if len == 0 { &[] } else { &parts }, f)
}

/// Calls `f` with the slot of one list of what is in several.
///
/// # Safety
/// Each slot must be that of a list of items of the type, alive.
pub unsafe fn as_list<T>(item: &Type, lists: &[u64], f: impl FnOnce(u64) -> T) -> T {
    if let [list] = lists {
        return f(*list);
    }
    let (mut slots, mut len) = (Vec::new(), 0);
    for &list in lists {
        // SAFETY: the caller's promise.
        let (items, count) = unsafe { list_items(list) };
        slots.extend_from_slice(items);
        len += count;
    }
    let list = List::of(&slots, len, item.slots());
    f(std::ptr::from_ref(&list) as u64)
}

/// Where an iterator over a list in parts stands.
pub(crate) struct Walk {
    parts: Value,
    /// The next part.
    next: Local,
    /// The part in hand, and the place in it.
    part: Local,
    at: Local,
}

impl Gen<'_> {
    /// The parts as a list of lists.
    fn parts_of(&self, value: &Value, item: &Type) -> Value {
        let part = Type::List(Box::new(item.clone()));
        Value::new(Type::List(Box::new(part)), value.slots.clone())
    }

    pub(crate) fn walk_parts(&mut self, value: &Value, item: &Type) -> Walk {
        let parts = self.parts_of(value, item);
        let part = self.declare(&Type::List(Box::new(item.clone())));
        let none = self.zero(&part.ty);
        self.set(&part, &none);
        Walk { parts, next: self.counter(0), part, at: self.counter(0) }
    }

    /// The next item; where there is none, to `exhausted`.
    pub(crate) fn advance_parts(&mut self, walk: &Walk, exhausted: Block) -> Value {
        let [look, found, over] = [(); 3].map(|()| self.b.create_block());
        self.jump(look, &[]);
        self.enter(look);
        let (part, at) = (self.get(&walk.part), self.get(&walk.at).one());
        let length = self.list_length(&part);
        let more = self.b.ins().icmp(IntCC::SignedLessThan, at, length);
        self.branch(more, found, over);
        self.enter_sealed(over);
        let (next, count) = (self.get(&walk.next).one(), self.list_length(&walk.parts));
        let another = self.b.ins().icmp(IntCC::SignedLessThan, next, count);
        self.go_on_if(another, exhausted);
        let part = self.list_item(&walk.parts, next);
        self.set(&walk.part, &part);
        let start = self.int(0);
        self.set(&walk.at, &Value::new(Type::Int, vec![start]));
        self.step(&walk.next, 1);
        self.jump(look, &[]);
        self.b.seal_block(look);
        self.enter_sealed(found);
        let (part, at) = (self.get(&walk.part), self.get(&walk.at).one());
        let item = self.list_item(&part, at);
        self.step(&walk.at, 1);
        item
    }

    /// The number of all items.
    pub(crate) fn parts_length(&mut self, value: &Value) -> Result<IrValue> {
        self.call_value("parts_length", &[value.one()], 'I')
    }

    /// Lets loops make as many more passes as there are items.
    pub(crate) fn allow_passes(&mut self, value: &Value) -> Result<()> {
        let more = self.parts_length(value)?;
        let budget = self.b.use_var(self.budget);
        let budget = self.b.ins().iadd(budget, more);
        self.b.def_var(self.budget, budget);
        Ok(())
    }

    /// The item at an index, which may count from the end.
    pub(crate) fn parts_item(&mut self, value: &Value, index: IrValue) -> Result<Value> {
        let Type::Parts(item) = &value.ty else { return Ok(value.clone()) };
        let address = self.call_value("parts_item", &[value.one(), index], 'I')?;
        let outside = self.b.ins().icmp_imm(IntCC::Equal, address, 0);
        self.raise_if(outside, Raised::Index);
        if **item == Type::Never {
            return Ok(self.unreachable());
        }
        Ok(self.load(item, address, 0))
    }
}
