//! Compiled chains of operators, and how any function is compiled: by attempts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cranelift_codegen::ir::{AbiParam, Block, InstBuilder, UserFuncName, types};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module};

use crate::emit::{Effects, Failure, Gen, Kept, Knowledge};
use crate::error::{Reason, Result};
use crate::pattern::Matcher;
use crate::runtime::{self, DONE, Rows};
use crate::scope::Place;
use crate::shape::{Profile, Shape};
use crate::sites::{Cause, Site};
use crate::tree::Step;
use crate::types::Type;

type RowFn = unsafe extern "C" fn(*mut Rows<'_>, *const u64) -> u32;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOutcome {
    /// Its records are there.
    Done,
    /// It is CPython's.
    GivenUp,
}

/// Machine code and what it points to.
pub(crate) struct Code {
    module: Option<JITModule>,
    pub(crate) address: *const u8,
    constants: Kept,
    /// Shared, so that they stay where the code knows them.
    matchers: Vec<Arc<Matcher>>,
    /// Where it gives rows up: the first has the status after [`DONE`], and so on.
    pub(crate) sites: Vec<Site>,
}

// SAFETY: the code and its constants are never written after they are made.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the owner of this code, the only one to run it, is going.
            unsafe { module.free_memory() };
        }
    }
}

/// A chain of operators over records.
pub struct Compiled {
    code: Code,
    record: Type,
    left_out: Vec<Reason>,
    /// What documents looked like, by the place where they are parsed.
    looks: HashMap<usize, Shape>,
    /// The type of the input, if its lists and dicts must be the row's own.
    refreshed: Option<Type>,
}

impl Compiled {
    /// Compiles a chain whose input is records of type `input`; lines of text are [`Type::Str`].
    ///
    /// # Errors
    /// Why it cannot be compiled, if nothing useful of it can.
    pub fn new(steps: &[Step], input: &Type) -> Result<Compiled> {
        Self::of_samples(steps, input, None)
    }

    /// Compiles a chain over lines of text, having run it on some of them to see what their values look like.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn for_lines(steps: &[Step], lines: &[&str]) -> Result<Compiled> {
        let slots: Vec<[u64; 2]> =
            lines.iter().map(|line| [line.as_ptr() as u64, line.len() as u64]).collect();
        let records: Vec<&[u64]> = slots.iter().map(|slots| slots.as_slice()).collect();
        // SAFETY: these are the slots of strings.
        unsafe { Self::with_samples(steps, &Type::Str, &records) }
    }

    /// Compiles a chain whose input is records of type `input`, having run it on some of them to see what their
    /// values look like.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// # Safety
    /// The slots of each sample must be those of a value of the input type.
    pub unsafe fn with_samples(
        steps: &[Step],
        input: &Type,
        samples: &[&[u64]],
    ) -> Result<Compiled> {
        Self::of_samples(steps, input, Some(samples))
    }

    fn of_samples(steps: &[Step], input: &Type, samples: Option<&[&[u64]]>) -> Result<Compiled> {
        let generate = |g: &mut Gen<'_>, record: &mut Option<Type>| {
            let address = g.parameters[1];
            let value = g.load(input, address, 0);
            g.chain(steps, value, None, record)
        };
        let Made { code, record, left_out, looks } =
            attempts(&[types::I64; 2], samples, None, generate)?;
        let lists = crate::json::holds_list(input) && crate::json::holds_list(&record);
        let refreshed = (lists || crate::record::holds_dynamic(input)).then(|| input.clone());
        Ok(Compiled { code, record, left_out, looks, refreshed })
    }

    /// The type of the records.
    pub fn record(&self) -> &Type {
        &self.record
    }

    /// What of it is left to CPython, row by row.
    pub fn left_out(&self) -> &[Reason] {
        &self.left_out
    }

    /// Where it gives rows up.
    pub fn sites(&self) -> &[Site] {
        &self.code.sites
    }

    /// Whether it was made for what documents looked like, so that others may make a better one.
    pub fn has_looked(&self) -> bool {
        !self.looks.is_empty()
    }

    /// Whether both were made for documents that look the same.
    pub fn saw_the_same(&self, other: &Compiled) -> bool {
        self.looks == other.looks
    }

    /// A run over a block.
    pub fn begin<'a>(&self) -> Rows<'a> {
        Rows::new(self.record.slots())
    }

    /// Runs the chain on one line, which outlives `rows`: records may point into it.
    pub fn line<'a>(&self, rows: &mut Rows<'a>, line: &'a str) -> RowOutcome {
        // SAFETY: these are the slots of a string, and it lives as long as the rows.
        unsafe { self.row(rows, &[line.as_ptr() as u64, line.len() as u64]) }
    }

    /// Runs the chain on one record.
    ///
    /// # Safety
    /// The slots must be those of a value of the input type, and what they point to must outlive `rows`.
    pub unsafe fn row(&self, rows: &mut Rows<'_>, record: &[u64]) -> RowOutcome {
        rows.begin_row();
        let mut own;
        let record = match &self.refreshed {
            None => record,
            Some(ty) => {
                own = record.to_vec();
                // SAFETY: the caller's promise.
                unsafe { runtime::refresh(rows, ty, &mut own) };
                own.as_slice()
            }
        };
        // SAFETY: the code was generated for this signature and, the caller's promise, these slots.
        let status = unsafe {
            let run: RowFn = std::mem::transmute(self.code.address);
            run(rows, record.as_ptr())
        };
        if status == DONE {
            return RowOutcome::Done;
        }
        rows.give_up_row(status);
        RowOutcome::GivenUp
    }
}

/// Passes of all loops after which a row is CPython's, which can be interrupted.
const MOST_PASSES: i64 = 10_000_000;

/// What an attempt gives.
enum Attempt {
    /// The code, and the type of its records if it has any.
    Done(Code, Option<Type>),
    /// Code up to a document whose looks are not known, for which it asks: its place in the tree.
    Unseen(Code, usize),
}

/// What a document looked like in the samples that come to its place in the tree.
fn look(code: &Code, place: usize, samples: &[&[u64]]) -> Shape {
    let mut rows = Rows::new(0);
    for sample in samples {
        rows.begin_row();
        // SAFETY: the code was generated for this signature; the samples are values of its input type. It
        // ends at the document, so it emits no record.
        unsafe {
            let run: RowFn = std::mem::transmute(code.address);
            run(&mut rows, sample.as_ptr());
        }
    }
    rows.profiles.get(&(place as u64)).map(Profile::shape).unwrap_or_default()
}

/// What attempts come to.
pub(crate) struct Made {
    pub(crate) code: Code,
    /// The type of the records.
    pub(crate) record: Type,
    /// What is left to CPython.
    pub(crate) left_out: Vec<Reason>,
    /// What documents looked like, by their place in the tree.
    pub(crate) looks: HashMap<usize, Shape>,
}

/// Attempts until one succeeds, each leaving one more statement to CPython, or knowing more; the type of a place may
/// be known from the start.
pub(crate) fn attempts(
    parameters: &[types::Type],
    samples: Option<&[&[u64]]>,
    expected: Option<(Place, Type)>,
    generate: impl Fn(&mut Gen<'_>, &mut Option<Type>) -> Result<()>,
) -> Result<Made> {
    let mut reasons = Vec::new();
    let mut known = Knowledge { sampling: samples.is_some(), ..Knowledge::default() };
    known.types.extend(expected);
    loop {
        match attempt(parameters, &known, &generate) {
            // A record of an unknown type is one that nothing gets to.
            Ok(Attempt::Done(code, Some(record))) if !record.is_unreachable() => {
                let looks = known.shapes;
                return Ok(Made { code, record, left_out: reasons, looks });
            }
            Ok(Attempt::Unseen(code, place)) => {
                known.shapes.insert(place, look(&code, place, samples.unwrap_or_default()));
            }
            Ok(Attempt::Done(code, _)) => {
                let site = || code.sites.first().map_or_else(String::new, Site::to_string);
                let first = reasons.first().map_or_else(site, Reason::to_string);
                return Err(Reason::NothingLeft(first));
            }
            // Types only grow, and not beyond a depth, so lessons come to an end.
            Err(Failure { lesson: Some(lesson), .. }) if known.learn(&lesson.0, &lesson.1) => {}
            Err(failure) => {
                let fatal = failure.statement == 0 || failure.reason == Reason::TooLarge;
                if fatal || known.forced.contains(&failure.statement) {
                    return Err(failure.reason);
                }
                known.forced.push(failure.statement);
                reasons.push(failure.reason);
            }
        }
    }
}

fn attempt(
    parameters: &[types::Type],
    known: &Knowledge,
    generate: &impl Fn(&mut Gen<'_>, &mut Option<Type>) -> Result<()>,
) -> std::result::Result<Attempt, Failure> {
    let failed = |reason: Reason| Failure { reason, statement: 0, lesson: None };
    // From here on the memory is given back, whatever happens.
    let mut code = Code {
        module: None,
        address: std::ptr::null(),
        constants: Vec::new(),
        matchers: Vec::new(),
        sites: Vec::new(),
    };
    let Code { constants, matchers, module, sites, .. } = &mut code;
    let module = module.insert(new_module().map_err(failed)?);
    let mut context = module.make_context();
    for &ty in parameters {
        context.func.signature.params.push(AbiParam::new(ty));
    }
    context.func.signature.returns.push(AbiParam::new(types::I32));
    context.func.name = UserFuncName::user(0, 0);
    let mut builder_context = FunctionBuilderContext::new();
    let (record, unseen) = {
        let builder = FunctionBuilder::new(&mut context.func, &mut builder_context);
        let mut g = Gen::begin(builder, module, (constants, matchers), known);
        let mut record = None;
        let result = generate(&mut g, &mut record);
        let unseen = g.unseen;
        match result {
            Err(_) if unseen.is_some() => g.break_off(),
            Err(reason) => {
                let (statement, lesson) = (g.statement, g.lesson.take());
                return Err(Failure { reason, statement, lesson });
            }
            Ok(()) => {}
        }
        sites.extend(g.end());
        (record, unseen)
    };
    let defined = |e: String| failed(Reason::Codegen(e));
    let id = module.declare_function("row", Linkage::Export, &context.func.signature);
    let id = id.map_err(|e| defined(e.to_string()))?;
    module.define_function(id, &mut context).map_err(|e| defined(format!("{e:?}")))?;
    module.finalize_definitions().map_err(|e| failed(Reason::Codegen(e.to_string())))?;
    code.address = module.get_finalized_function(id);
    Ok(match unseen {
        Some(place) => Attempt::Unseen(code, place),
        None => Attempt::Done(code, record),
    })
}

impl<'a> Gen<'a> {
    fn begin(
        mut b: FunctionBuilder<'a>,
        module: &'a mut JITModule,
        (constants, matchers): (&'a mut Kept, &'a mut Vec<Arc<Matcher>>),
        known: &'a Knowledge,
    ) -> Gen<'a> {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        let parameters = b.block_params(entry).to_vec();
        let rows = parameters[0];
        let budget = b.declare_var(types::I64);
        let most = b.ins().iconst(types::I64, MOST_PASSES);
        b.def_var(budget, most);
        Gen {
            b,
            module,
            constants,
            matchers,
            helpers: Default::default(),
            rows,
            parameters,
            sites: Vec::new(),
            line: 0,
            budget,
            frames: Vec::new(),
            tries: Vec::new(),
            loops: Vec::new(),
            uses_up: false,
            live: true,
            statement: 0,
            known,
            lesson: None,
            constant_only: Default::default(),
            unseen: None,
            views: 0,
            effects: Effects::default(),
        }
    }

    /// Gives the row up wherever code was still to come.
    fn break_off(&mut self) {
        let give_up = self.give_up(Cause::Unsure);
        let sites: HashSet<Block> = self.sites.iter().map(|(_, block)| *block).collect();
        for index in 0..self.b.func.dfg.num_blocks() {
            let block = Block::from_u32(index as u32);
            let last = self.b.func.layout.last_inst(block);
            let ends = |inst| self.b.func.dfg.insts[inst].opcode().is_terminator();
            if !sites.contains(&block) && !last.is_some_and(ends) {
                self.b.switch_to_block(block);
                self.b.ins().jump(give_up, &[]);
            }
        }
        self.live = false;
    }

    /// Ends the function; where it gives rows up.
    fn end(mut self) -> Vec<Site> {
        if self.live {
            let done = self.b.ins().iconst(types::I32, i64::from(DONE));
            self.b.ins().return_(&[done]);
        }
        let mut sites = Vec::with_capacity(self.sites.len());
        for (status, (site, block)) in (i64::from(DONE) + 1..).zip(self.sites) {
            self.b.switch_to_block(block);
            let status = self.b.ins().iconst(types::I32, status);
            self.b.ins().return_(&[status]);
            sites.push(site);
        }
        self.b.seal_all_blocks();
        self.b.finalize();
        sites
    }
}

fn new_module() -> Result<JITModule> {
    let wrong = |e: String| Reason::Codegen(e);
    let mut flags = settings::builder();
    for (name, value) in
        [("opt_level", "speed"), ("use_colocated_libcalls", "false"), ("is_pic", "false")]
    {
        flags.set(name, value).map_err(|e| wrong(e.to_string()))?;
    }
    let isa = cranelift_native::builder().map_err(|e| wrong(e.to_owned()))?;
    let isa = isa.finish(settings::Flags::new(flags)).map_err(|e| wrong(e.to_string()))?;
    let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
    for (name, address) in runtime::symbols() {
        builder.symbol(name, address);
    }
    Ok(JITModule::new(builder))
}

#[cfg(test)]
mod tests;
