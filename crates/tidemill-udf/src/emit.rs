//! The code generator's vocabulary: jumps, rows that are given up, calls of the runtime, memory, truth.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{
    AbiParam, Block, BlockArg, FuncRef, InstBuilder, MemFlags, StackSlotData, StackSlotKind,
    Value as IrValue, types,
};
use cranelift_frontend::{FunctionBuilder, Variable};
use cranelift_jit::JITModule;
use cranelift_module::{Linkage, Module};

use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::pattern::{Matcher, Pattern, Spec};
use crate::runtime::{DONE, RAISES};
use crate::scope::{Frame, Local, Loop, Origin, Place, Try, Value, ir_types};
use crate::shape::Shape;
use crate::sites::{Cause, Site};
use crate::types::Type;

/// Why the attempt stopped, and at which statement: the next attempt leaves that one to CPython, unless the
/// attempt has learnt a type that may do.
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) statement: usize,
    pub(crate) lesson: Option<Box<(Place, Type)>>,
}

/// What compiled code points to.
pub(crate) type Kept = Vec<Box<dyn Any + Send + Sync>>;

/// What earlier attempts have found out.
#[derive(Default)]
pub(crate) struct Knowledge {
    /// Statements that are left to CPython.
    pub(crate) forced: Vec<usize>,
    /// Types of places that turned out to hold more than their first value's type.
    pub(crate) types: HashMap<Place, Type>,
    /// What documents look like, by the place in the tree where they are parsed.
    pub(crate) shapes: HashMap<usize, Shape>,
    /// Whether there are rows to learn that from.
    pub(crate) sampling: bool,
    /// Regular expressions, which take a while to compile.
    pub(crate) patterns: RefCell<HashMap<Spec, Arc<Pattern>>>,
}

impl Knowledge {
    /// Takes in a lesson; false if it says nothing new.
    pub(crate) fn learn(&mut self, place: &Place, ty: &Type) -> bool {
        let before = self.types.get(place);
        let after = before.map_or(Some(ty.clone()), |before| before.unify(ty));
        let news = |after: &Type| before != Some(after) && after.depth() <= MOST_DEPTH;
        let Some(after) = after.filter(news) else {
            return false;
        };
        self.types.insert(place.clone(), after);
        true
    }
}

/// The deepest type that a place may be found to have: one that holds itself would grow with each attempt.
const MOST_DEPTH: usize = 12;

/// Generates one function.
pub(crate) struct Gen<'a> {
    pub(crate) b: FunctionBuilder<'a>,
    pub(crate) module: &'a mut JITModule,
    pub(crate) constants: &'a mut Kept,
    pub(crate) matchers: &'a mut Vec<Arc<Matcher>>,
    pub(crate) helpers: HashMap<&'static str, FuncRef>,
    pub(crate) rows: IrValue,
    /// The machine code's parameters; the first is `rows`.
    pub(crate) parameters: Vec<IrValue>,
    /// Where rows are given up, each with the block that says so.
    pub(crate) sites: Vec<(Site, Block)>,
    /// The line in hand, of the function in hand; 0 if it is of none.
    pub(crate) line: u32,
    /// Passes of loops that the row may still make.
    pub(crate) budget: Variable,
    pub(crate) frames: Vec<Frame>,
    pub(crate) tries: Vec<Try>,
    pub(crate) loops: Vec<Loop>,
    /// Whether the function in hand may return a generator.
    pub(crate) uses_up: bool,
    /// Whether the current block can be reached and is open.
    pub(crate) live: bool,
    /// The statement in hand.
    pub(crate) statement: usize,
    /// What earlier attempts have found out.
    pub(crate) known: &'a Knowledge,
    /// What this one has, if it fails.
    pub(crate) lesson: Option<Box<(Place, Type)>>,
    /// Places of which all that is known so far is the type of a constant.
    pub(crate) constant_only: HashSet<Place>,
    /// The place in the tree of a document whose looks must be learnt first; the attempt stopped there.
    pub(crate) unseen: Option<usize>,
    /// Loops in hand that go through a dict.
    pub(crate) views: usize,
    pub(crate) effects: Effects,
}

/// What code does besides giving its result.
#[derive(Clone, Copy, Default)]
pub(crate) struct Effects {
    /// Whether CPython could raise, or do anything but compute, on values of these types.
    pub(crate) may_raise: bool,
    /// Whether it makes a list.
    pub(crate) makes_lists: bool,
    /// Whether a helper is given the rows, where it may keep what it makes.
    pub(crate) uses_rows: bool,
}

impl Gen<'_> {
    pub(crate) fn int(&mut self, value: i64) -> IrValue {
        self.b.ins().iconst(types::I64, value)
    }

    pub(crate) fn bool(&mut self, flag: IrValue) -> Value {
        let wide = self.b.ins().uextend(types::I64, flag);
        Value::new(Type::Bool, vec![wide])
    }

    pub(crate) fn constant_str(&mut self, text: &str) -> Value {
        let bytes: Box<[u8]> = text.as_bytes().into();
        let (address, length) = (bytes.as_ptr() as i64, bytes.len() as i64);
        self.constants.push(Box::new(bytes));
        let slots = vec![self.int(address), self.int(length)];
        Value::new(Type::Str, slots)
    }

    /// Keeps something for as long as the code lives, and gives its address.
    pub(crate) fn keep<T: Any + Send + Sync>(&mut self, value: T) -> IrValue {
        let value = Box::new(value);
        let address = std::ptr::from_ref(&*value) as i64;
        self.constants.push(value);
        self.int(address)
    }

    pub(crate) fn jump(&mut self, block: Block, args: &[IrValue]) {
        if self.live {
            let args: Vec<BlockArg> = args.iter().map(|&arg| BlockArg::Value(arg)).collect();
            self.b.ins().jump(block, &args);
            self.live = false;
        }
    }

    pub(crate) fn branch(&mut self, flag: IrValue, yes: Block, no: Block) {
        self.b.ins().brif(flag, yes, &[], no, &[]);
        self.live = false;
    }

    pub(crate) fn enter(&mut self, block: Block) {
        self.b.switch_to_block(block);
        self.live = true;
    }

    pub(crate) fn enter_sealed(&mut self, block: Block) {
        self.enter(block);
        self.b.seal_block(block);
    }

    /// The block for rows that are given up here.
    pub(crate) fn give_up(&mut self, why: Cause) -> Block {
        let file = self.frames.last().and_then(|frame| frame.file.as_deref());
        let site = Site::new(why, file, self.line);
        if let Some((_, block)) = self.sites.iter().find(|(known, _)| *known == site) {
            return *block;
        }
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        self.sites.push((site, block));
        block
    }

    /// The row is CPython's from here.
    pub(crate) fn deopt(&mut self, why: Cause) {
        let block = self.give_up(why);
        self.jump(block, &[]);
    }

    /// The row is CPython's, for certain; the code that follows is generated for its types alone.
    pub(crate) fn never(&mut self, why: Cause) {
        self.effects.may_raise = true;
        self.deopt(why);
        let unreached = self.b.create_block();
        self.enter_sealed(unreached);
    }

    /// Gives the row up if `flag` is true.
    pub(crate) fn deopt_if(&mut self, flag: IrValue, why: Cause) {
        let (off, on) = (self.give_up(why), self.b.create_block());
        self.branch(flag, off, on);
        self.enter_sealed(on);
    }

    pub(crate) fn raise_if(&mut self, flag: IrValue, raised: Raised) {
        let (bad, good) = (self.b.create_block(), self.b.create_block());
        self.branch(flag, bad, good);
        self.enter_sealed(bad);
        self.raise(raised);
        self.enter_sealed(good);
    }

    /// Goes on only if a helper is done; it may raise, or be unsure.
    pub(crate) fn check(&mut self, status: IrValue, raised: Raised) {
        let bad = self.b.create_block();
        let good = self.b.create_block();
        let done = self.b.ins().icmp_imm(IntCC::Equal, status, i64::from(DONE));
        self.branch(done, good, bad);
        self.enter_sealed(bad);
        let certain = self.b.ins().icmp_imm(IntCC::Equal, status, i64::from(RAISES));
        let (raising, off) = (self.b.create_block(), self.give_up(Cause::Unsure));
        self.branch(certain, raising, off);
        self.enter_sealed(raising);
        self.raise(raised);
        self.enter_sealed(good);
    }

    /// Goes on only if a helper that never raises is sure.
    pub(crate) fn check_sure(&mut self, status: IrValue) {
        let unsure = self.b.ins().icmp_imm(IntCC::NotEqual, status, i64::from(DONE));
        self.deopt_if(unsure, Cause::Unsure);
    }

    /// Calls a runtime helper. `F` among the result letters is a float, `i` a 32-bit status, `I` 64 bits.
    pub(crate) fn call(
        &mut self,
        name: &'static str,
        args: &[IrValue],
        result: Option<char>,
    ) -> Result<Option<IrValue>> {
        self.effects.uses_rows |= args.contains(&self.rows);
        let known = self.helpers.get(name).copied();
        let function = match known {
            Some(function) => function,
            None => {
                let mut signature = self.module.make_signature();
                for &arg in args {
                    signature.params.push(AbiParam::new(self.b.func.dfg.value_type(arg)));
                }
                let ty = result.map(|letter| match letter {
                    'F' => types::F64,
                    'i' => types::I32,
                    _ => types::I64,
                });
                signature.returns.extend(ty.map(AbiParam::new));
                let id = self
                    .module
                    .declare_function(name, Linkage::Import, &signature)
                    .map_err(|e| Reason::Codegen(e.to_string()))?;
                let function = self.module.declare_func_in_func(id, self.b.func);
                self.helpers.insert(name, function);
                function
            }
        };
        let call = self.b.ins().call(function, args);
        Ok(self.b.inst_results(call).first().copied())
    }

    /// Calls a helper that gives a value.
    pub(crate) fn call_value(
        &mut self,
        name: &'static str,
        args: &[IrValue],
        result: char,
    ) -> Result<IrValue> {
        let value = self.call(name, args, Some(result))?;
        value.ok_or_else(|| Reason::Codegen(format!("{name} gives nothing")))
    }

    /// Room for `count` slots, and its address.
    pub(crate) fn room(&mut self, count: usize) -> IrValue {
        let size = (count.max(1) * 8) as u32;
        let slot = self.b.create_sized_stack_slot(StackSlotData::new(
            StackSlotKind::ExplicitSlot,
            size,
            3,
        ));
        self.b.ins().stack_addr(types::I64, slot, 0)
    }

    pub(crate) fn store(&mut self, value: &Value, address: IrValue) {
        for (i, &slot) in value.slots.iter().enumerate() {
            self.b.ins().store(MemFlags::trusted(), slot, address, (i * 8) as i32);
        }
    }

    /// A value in memory: its address, and the number of its slots.
    pub(crate) fn stored(&mut self, value: &Value) -> (IrValue, IrValue) {
        let room = self.room(value.slots.len());
        self.store(value, room);
        (room, self.int(value.slots.len() as i64))
    }

    /// The address of a type, for helpers that are told of one.
    pub(crate) fn told(&mut self, ty: &Type) -> IrValue {
        self.keep(ty.clone())
    }

    pub(crate) fn load(&mut self, ty: &Type, address: IrValue, first: usize) -> Value {
        let slots = ir_types(ty).into_iter().enumerate().map(|(i, ir)| {
            self.b.ins().load(ir, MemFlags::trusted(), address, ((first + i) * 8) as i32)
        });
        let slots = slots.collect();
        Value::new(ty.clone(), slots)
    }

    pub(crate) fn declare(&mut self, ty: &Type) -> Local {
        let slots: Vec<Variable> =
            ir_types(ty).into_iter().map(|ir| self.b.declare_var(ir)).collect();
        Local { ty: ty.clone(), slots, whole: None }
    }

    pub(crate) fn set(&mut self, local: &Local, value: &Value) {
        for (&variable, &slot) in local.slots.iter().zip(&value.slots) {
            self.b.def_var(variable, slot);
        }
        if let Some(flag) = local.whole {
            let whole = value.whole.unwrap_or_else(|| self.b.ins().iconst(types::I8, 0));
            self.b.def_var(flag, whole);
        }
    }

    pub(crate) fn get(&mut self, local: &Local) -> Value {
        let slots = local.slots.iter().map(|&variable| self.b.use_var(variable)).collect();
        let whole = local.whole.map(|flag| self.b.use_var(flag));
        Value { whole, ..Value::new(local.ty.clone(), slots) }
    }

    pub(crate) fn frame(&mut self) -> Result<&mut Frame> {
        self.frames.last_mut().ok_or_else(|| Reason::Codegen("no function".into()))
    }

    /// Python's truth of a value, as 0 or 1 in 8 bits.
    pub(crate) fn truthy(&mut self, value: &Value) -> IrValue {
        match &value.ty {
            Type::None | Type::Never => self.b.ins().iconst(types::I8, 0),
            Type::Option(inner) => {
                let there = self.b.ins().icmp_imm(IntCC::NotEqual, value.one(), 0);
                let inner = Value::new((**inner).clone(), value.slots[1..].to_vec());
                // An absent value's slots are as good as any to look at.
                let truth = self.truthy(&inner);
                self.b.ins().band(there, truth)
            }
            // Of a digest, the first slot is the number of values.
            Type::Bool | Type::Int | Type::Digest => {
                self.b.ins().icmp_imm(IntCC::NotEqual, value.slots[0], 0)
            }
            Type::Float => {
                let zero = self.b.ins().f64const(0.0);
                // NaN is true.
                self.b.ins().fcmp(FloatCC::NotEqual, value.one(), zero)
            }
            Type::Str => self.b.ins().icmp_imm(IntCC::NotEqual, value.slots[1], 0),
            Type::Tuple(items) => self.b.ins().iconst(types::I8, i64::from(!items.is_empty())),
            Type::Record(fields) => self.b.ins().iconst(types::I8, i64::from(!fields.is_empty())),
            Type::Json(_) => self.json_truth(value),
            Type::Match(_) | Type::DateTime => self.b.ins().iconst(types::I8, 1),
            // None of a list's parts is empty.
            Type::List(_) | Type::Parts(_) | Type::Runs => {
                let length = self.list_length(value);
                self.b.ins().icmp_imm(IntCC::NotEqual, length, 0)
            }
        }
    }

    pub(crate) fn list_length(&mut self, list: &Value) -> IrValue {
        self.b.ins().load(types::I64, MemFlags::trusted(), list.one(), 8)
    }

    /// The item of a list at a checked index.
    pub(crate) fn list_item(&mut self, list: &Value, index: IrValue) -> Value {
        let Type::List(item) = list.ty.clone() else {
            return list.clone();
        };
        if *item == Type::Never {
            return self.unreachable();
        }
        let data = self.b.ins().load(types::I64, MemFlags::trusted(), list.one(), 0);
        let offset = self.b.ins().imul_imm(index, (item.slots() * 8) as i64);
        let address = self.b.ins().iadd(data, offset);
        let origin = list.origin.clone().map(|o| Origin { depth: o.depth + 1, ..o });
        Value { origin, ..self.load(&item, address, 0) }
    }
}
