//! Look-ups in captured containers of constants: sets, dictionaries, lists.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::runtime::{Captured, Constant, Table, is_looked_up};
use crate::scope::Value;
use crate::tree::{Entry, Expr};
use crate::types::Type;

impl Gen<'_> {
    /// `value in {constants}`, or `not in`, as a flag.
    pub(crate) fn member(
        &mut self,
        op: &str,
        value: &Value,
        keys: &[&Constant],
        line: u32,
    ) -> Result<IrValue> {
        let place = self.place(value, keys, line)?;
        match op {
            "in" => Ok(self.b.ins().icmp_imm(IntCC::SignedGreaterThanOrEqual, place, 0)),
            "not in" => Ok(self.b.ins().icmp_imm(IntCC::SignedLessThan, place, 0)),
            _ => Err(Reason::unsupported("this use of a container", line)),
        }
    }

    /// `{constants}[key]`.
    pub(crate) fn map_item(&mut self, entries: &[Entry], key: &Expr, line: u32) -> Result<Value> {
        let key = self.expr(key)?;
        let place = self.place(&key, &keys(entries), line)?;
        let missing = self.b.ins().icmp_imm(IntCC::SignedLessThan, place, 0);
        self.raise_if(missing, Raised::Key);
        self.map_value(entries, place, line)
    }

    /// `{constants}.get(key)`, `.get(key, default)`.
    pub(crate) fn map_method(
        &mut self,
        entries: &[Entry],
        name: &str,
        args: &[Expr],
        line: u32,
    ) -> Result<Value> {
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        let (key, default) = match (name, args.as_slice()) {
            ("get", [key]) => (key, Value::new(Type::None, vec![])),
            ("get", [key, default]) => (key, default.clone()),
            _ => return Err(Reason::unsupported(format!(".{name}() of a dict"), line)),
        };
        let place = self.place(key, &keys(entries), line)?;
        let found = self.b.ins().icmp_imm(IntCC::SignedGreaterThanOrEqual, place, 0);
        let value = self.map_value(entries, place, line)?;
        let wrong = || Reason::types(".get() of a dict", &[&value.ty, &default.ty], line);
        let ty = value.ty.unify(&default.ty).ok_or_else(wrong)?;
        let (value, default) = (self.coerce(&value, &ty, line)?, self.coerce(&default, &ty, line)?);
        let pairs = value.slots.iter().zip(&default.slots);
        let slots = pairs.map(|(&v, &d)| self.b.ins().select(found, v, d)).collect();
        Ok(Value::new(ty, slots))
    }

    /// A captured list, which is only read.
    pub(crate) fn constant_list(&mut self, items: &[Constant], line: u32) -> Result<Value> {
        let ty = common(items.iter()).ok_or_else(|| mixed(line))?;
        let captured = Captured::new(items.to_vec(), &ty);
        // What it points to stays where it is when it is kept.
        let list = self.int(captured.list());
        self.keep(captured);
        Ok(Value::new(Type::List(Box::new(ty)), vec![list]))
    }

    /// The value at a place; anything at a place of -1.
    fn map_value(&mut self, entries: &[Entry], place: IrValue, line: u32) -> Result<Value> {
        let ty = common(entries.iter().map(|(_, value)| value)).ok_or_else(|| mixed(line))?;
        let values = entries.iter().map(|(_, value)| value.clone()).collect();
        let captured = Captured::new(values, &ty);
        let first = captured.values();
        self.keep(captured);
        let index = self.b.ins().iadd_imm(place, 1);
        let offset = self.b.ins().imul_imm(index, (ty.slots() * 8) as i64);
        let address = self.b.ins().iadd_imm(offset, first);
        Ok(self.load(&ty, address, 0))
    }

    /// The place of a value among constants, or -1.
    fn place(&mut self, value: &Value, keys: &[&Constant], line: u32) -> Result<IrValue> {
        let value = &self.settled(value);
        if !is_looked_up(&value.ty) {
            return Err(Reason::types("a look-up", &[&value.ty], line));
        }
        let table = self.keep(Table::new(keys.iter().copied()));
        match value.ty {
            Type::Str => {
                self.call_value("place_of_text", &[table, value.slots[0], value.slots[1]], 'I')
            }
            Type::Int | Type::Bool => {
                self.call_value("place_of_number", &[table, value.one()], 'I')
            }
            _ => {
                let (room, out) = (self.room(value.slots.len()), self.room(1));
                self.store(value, room);
                let ty = self.keep(value.ty.clone());
                let call = [self.rows, table, ty, room, out];
                let status = self.call_value("place_of", &call, 'i')?;
                self.check_sure(status);
                Ok(self.b.ins().load(
                    types::I64,
                    cranelift_codegen::ir::MemFlags::trusted(),
                    out,
                    0,
                ))
            }
        }
    }
}

fn keys(entries: &[Entry]) -> Vec<&Constant> {
    entries.iter().map(|(key, _)| key).collect()
}

/// The type that holds all of some constants.
fn common<'a>(constants: impl Iterator<Item = &'a Constant>) -> Option<Type> {
    let mut ty = Type::Never;
    for constant in constants {
        let next = constant.ty();
        ty = if ty == Type::Never { next } else { ty.unify(&next)? };
    }
    Some(ty)
}

fn mixed(line: u32) -> Reason {
    Reason::unsupported("a container of values of more than one type", line)
}
