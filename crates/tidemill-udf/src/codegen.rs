//! From the tree to machine code: statements, expressions, chains of operators.
//!
//! Types flow forward in the same pass. What does not fit stops the attempt at its statement; the next attempt
//! leaves that statement to CPython (the row is given up there), so a rare branch never keeps the rest
//! from being compiled.

use std::collections::HashSet;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::json::constant_key;
use crate::loops::Cursor;
use crate::matches::holds_match;
use crate::pieces::split_by;
use crate::record::{changed_in, holds_dict, may_share};
use crate::scope::{Frame, Place, Value};
use crate::sites::Cause;
use crate::tree::{Expr, ExprKind, Function, Step, Stmt, Target};
use crate::types::Type;

/// The type of a chain's records is found out by its first attempt.
pub(crate) type Emitted = Option<Type>;

/// Instructions after which no more functions are put in place: their number may double from call to call.
const MOST_CODE: usize = 60_000;

impl Gen<'_> {
    /// The steps from here on, applied to a value, which a function may have made; at the end it is emitted.
    pub(crate) fn chain(
        &mut self,
        steps: &[Step],
        value: Value,
        maker: Option<&Function>,
        emitted: &mut Emitted,
    ) -> Result<()> {
        let Some((step, rest)) = steps.split_first() else {
            let done = self.emit_record(&value, emitted);
            return done.map_err(|reason| reason.made_by(maker));
        };
        match step {
            Step::Map(f) => {
                let result = self.apply(f, vec![value])?;
                self.go_on(rest, result, f, emitted)
            }
            Step::Filter(f) => {
                // What the function changes goes on changed.
                let value = self.changeable(f, value)?;
                let Some(result) = self.apply(f, vec![value.clone()])? else {
                    return Ok(());
                };
                let flag = self.truthy(&result);
                let (kept, after) = (self.b.create_block(), self.b.create_block());
                self.branch(flag, kept, after);
                self.enter_sealed(kept);
                self.chain(rest, value, maker, emitted)?;
                self.jump(after, &[]);
                self.enter_sealed(after);
                Ok(())
            }
            Step::FlatMap(f) => {
                let Some(items) = self.items_of(f, value)? else { return Ok(()) };
                self.walk(&items, &mut |this, item| this.chain(rest, item, Some(f), emitted))
            }
            Step::MapValues(f) => {
                let [key, value] = self.pair(value)?;
                let result = self.apply(f, vec![value])?;
                self.go_on(rest, result.map(|v| Value::tuple(vec![key, v])), f, emitted)
            }
            Step::Pair => {
                let pair = self.pair(value)?;
                self.chain(rest, Value::tuple(pair.to_vec()), maker, emitted)
            }
            Step::FlatMapValues(f) => {
                let [key, value] = self.pair(value)?;
                if holds_dict(&key.ty) {
                    return Err(Reason::types("flatMapValues", &[&key.ty], 0));
                }
                let Some(items) = self.items_of(f, value)? else { return Ok(()) };
                self.walk(&items, &mut |this, item| {
                    this.chain(rest, Value::tuple(vec![key.clone(), item]), Some(f), emitted)
                })
            }
        }
    }

    /// The argument of an operator's function; a dict that the function changes, and nobody else has, as a
    /// dynamic one.
    fn changeable(&mut self, function: &Function, value: Value) -> Result<Value> {
        let changes = |name: &String| changed_in(&function.body).contains(name);
        match (&value.ty, function.params.as_slice()) {
            (Type::Record(_), [name]) if changes(name) => self.dynamic_record(&value),
            _ => Ok(value),
        }
    }

    /// What a function for `flatMap` returns; a generator is used up here and now.
    fn items_of(&mut self, function: &Function, value: Value) -> Result<Option<Cursor>> {
        let statement = function.body.as_ptr() as usize;
        if let Some((text, args, line)) = split_by(function)
            && !self.known.forced.contains(&statement)
        {
            self.open_frame(function, vec![value])?;
            // What fails after the call is not this statement's fault.
            let caller = std::mem::replace(&mut self.statement, statement);
            let pieces = self.pieces(text, args, line);
            let pieces = pieces.map_err(|reason| reason.at(function.file.as_deref(), self.line))?;
            self.frames.pop();
            self.statement = caller;
            return Ok(Some(pieces));
        }
        self.uses_up = true;
        let items = self.apply(function, vec![value]);
        self.uses_up = false;
        let Some(items) = items? else { return Ok(None) };
        if function.lazy && items.ty.item().is_some_and(Type::may_change) {
            // As of a generator that is returned: it could be changed before the next one is made.
            let reason = Reason::unsupported("a generator of lists or dicts", function.line);
            return Err(reason.at(function.file.as_deref(), function.line));
        }
        let items = self.cursor_of(&items, 0).map(Some);
        items.map_err(|reason| reason.made_by(Some(function)))
    }

    /// The key and the value of a record.
    fn pair(&mut self, value: Value) -> Result<[Value; 2]> {
        let value = self.solid(&value);
        let items = match value.ty {
            Type::Tuple(_) => value.items(),
            _ => Vec::new(),
        };
        items.try_into().map_err(|_| Reason::types("an operator by key", &[&value.ty], 0))
    }

    fn go_on(
        &mut self,
        rest: &[Step],
        value: Option<Value>,
        maker: &Function,
        emitted: &mut Emitted,
    ) -> Result<()> {
        value.map_or(Ok(()), |value| self.chain(rest, value, Some(maker), emitted))
    }

    fn emit_record(&mut self, value: &Value, emitted: &mut Emitted) -> Result<()> {
        let value = &self.kept(value)?;
        let value = &match emitted {
            Some(ty) => self.fit(&Place::Record, &ty.clone(), value, "records", 0)?,
            None => {
                let ty = self.known_type(&Place::Record, &value.ty);
                let value = self.fit(&Place::Record, &ty, value, "records", 0)?;
                *emitted = Some(ty);
                value
            }
        };
        if holds_match(&value.ty) {
            return Err(Reason::unsupported(format!("a record of type {}", value.ty), 0));
        }
        if may_share(&value.ty) {
            return Err(Reason::unsupported("a record with two dicts that may be one", 0));
        }
        let room = self.room(value.slots.len());
        self.store(value, room);
        self.call("emit", &[self.rows, room], None)?;
        Ok(())
    }

    /// A call of an operator's function.
    pub(crate) fn apply(&mut self, function: &Function, args: Vec<Value>) -> Result<Option<Value>> {
        let result = self.inline(function, args);
        result.map_err(|reason| reason.made_by(Some(function)))
    }

    /// A call of a user's function, its body put in place. `None` if it never returns to here.
    pub(crate) fn inline(
        &mut self,
        function: &Function,
        args: Vec<Value>,
    ) -> Result<Option<Value>> {
        let result = self.put_in_place(function, args);
        result.map_err(|reason| reason.at(function.file.as_deref(), self.line))
    }

    fn put_in_place(&mut self, function: &Function, args: Vec<Value>) -> Result<Option<Value>> {
        let exit = self.open_frame(function, args)?;
        // A loop of the caller is not one that the callee could break, and a failure after the call is
        // the caller's.
        let loops = std::mem::take(&mut self.loops);
        let (statement, line) = (self.statement, self.line);
        self.body(&function.body)?;
        if self.live {
            self.return_value(Value::new(Type::None, vec![]))?;
        }
        self.loops = loops;
        (self.statement, self.line) = (statement, line);
        let Some(frame) = self.frames.pop() else {
            return Ok(None);
        };
        self.enter_sealed(exit);
        match frame.result {
            Some(local) if frame.exit_used => {
                Ok(Some(self.get(&local).from(Place::Return(frame.function))))
            }
            _ => {
                // Nothing jumps here; the block still needs an end.
                self.deopt(Cause::Unsure);
                Ok(None)
            }
        }
    }

    /// Begins a call: its parameters are bound. Gives the block that it returns to.
    fn open_frame(&mut self, function: &Function, args: Vec<Value>) -> Result<Block> {
        if function.params.len() != args.len() {
            let what = format!("a call with {} arguments of {}", args.len(), function.name);
            return Err(Reason::unsupported(what, 0));
        }
        if self.b.func.dfg.num_insts() > MOST_CODE {
            return Err(Reason::TooLarge);
        }
        let exit = self.b.create_block();
        let address = std::ptr::from_ref(function) as usize;
        let mut frame = Frame {
            function: address,
            file: function.file.clone(),
            scope: function.scope,
            locals: Default::default(),
            assigned: Default::default(),
            flags: Default::default(),
            tries: self.tries.len(),
            changed: changed_in(&function.body),
            exit,
            result: None,
            exit_used: false,
        };
        let changed = frame.changed.clone();
        for (name, value) in function.params.iter().zip(args) {
            // A record's dict, which nobody else has, may be changed as a dynamic one.
            let value = match value.ty {
                Type::Record(_) if self.frames.is_empty() && changed.contains(name) => {
                    self.dynamic_record(&value)?
                }
                _ => value,
            };
            let place = Place::Local(address, name.clone());
            let ty = self.known_type(&place, &value.ty);
            let local = self.declare(&ty);
            let value = self.fit(&place, &ty, &value, "a parameter", 0)?;
            self.set(&local, &value);
            frame.locals.insert(name.clone(), local);
            frame.assigned.insert(name.clone());
        }
        // A call within a loop begins anew each time.
        for name in function.vars.iter().filter(|name| !function.params.contains(name)) {
            let flag = self.b.declare_var(types::I8);
            let unset = self.b.ins().iconst(types::I8, 0);
            self.b.def_var(flag, unset);
            frame.flags.insert(name.clone(), flag);
        }
        self.frames.push(frame);
        Ok(exit)
    }

    fn return_value(&mut self, value: Value) -> Result<()> {
        let place = Place::Return(self.frame()?.function);
        let known = self.frame()?.result.clone();
        let local = match known {
            None => {
                let ty = self.known_type(&place, &value.ty);
                self.has_type_of(&place, &value);
                let local = self.declare(&ty);
                self.frame()?.result = Some(local.clone());
                local
            }
            Some(local) => local,
        };
        let value = self.fit(&place, &local.ty, &value, "results", 0)?;
        self.set(&local, &value);
        let frame = self.frame()?;
        let (exit, tries) = (frame.exit, frame.tries);
        self.leave_tries(tries)?;
        if self.live {
            self.frame()?.exit_used = true;
        }
        self.jump(exit, &[]);
        Ok(())
    }

    pub(crate) fn body(&mut self, statements: &[Stmt]) -> Result<()> {
        for statement in statements {
            if !self.live {
                return Ok(());
            }
            self.statement = std::ptr::from_ref(statement) as usize;
            self.line = statement.line().unwrap_or(self.line);
            if self.known.forced.contains(&self.statement) {
                self.effects.may_raise = true;
                self.deopt(Cause::Left);
                return Ok(());
            }
            self.one_statement(statement)?;
        }
        Ok(())
    }

    fn one_statement(&mut self, statement: &Stmt) -> Result<()> {
        match statement {
            Stmt::Assign { t: Target::Tuple { v: targets }, v, l } if pairs_up(targets, v) => {
                let ExprKind::Tuple { v: items } = &v.kind else {
                    return Ok(());
                };
                let pairs = targets.iter().zip(items);
                let value = |(target, item): (&Target, &Expr)| match target {
                    Target::Name { .. } => self.either_number(item),
                    _ => self.expr(item),
                };
                let values = pairs.map(value).collect::<Result<Vec<_>>>()?;
                let mut pairs = targets.iter().zip(values);
                pairs.try_for_each(|(target, value)| self.bind(target, value, *l))
            }
            Stmt::Assign { t, v, l } => {
                let value = match (t, &v.kind) {
                    (Target::Name { id }, ExprKind::Dict { v }) => {
                        let frame = self.frame()?;
                        let (changes, function) = (frame.changed.contains(id), frame.function);
                        let known = self.known.types.get(&Place::Local(function, id.clone()));
                        let dynamic = changes || matches!(known, Some(Type::Json(_)));
                        self.dict(v, dynamic, *l)?
                    }
                    (Target::Name { .. }, _) => self.either_number(v)?,
                    _ => self.expr(v)?,
                };
                self.bind(t, value, *l)
            }
            Stmt::Aug { id, op, v, l } => {
                let before = self.name(id, *l)?;
                let value = self.augmented(op, &before, v, *l)?;
                self.assign(id, value, *l)
            }
            Stmt::AugItem { o, i, op, v, l } => {
                let (object, index) = (self.expr(o)?, self.expr(i)?);
                let before = match object.ty {
                    Type::Json(_) => self.json_item(&object, &index, constant_key(i), *l)?,
                    _ => self.item(&object, &index, *l)?,
                };
                let value = self.augmented(op, &before, v, *l)?;
                self.set_item(&object, &index, constant_key(i), &value, *l)
            }
            Stmt::If { c, a, b } => self.if_statement(c, a, b),
            Stmt::Return { v, .. } => {
                let value = match v {
                    Some(v) if self.uses_up && self.frames.len() == 1 => self.returned(v)?,
                    Some(Expr { kind: ExprKind::Dict { v: items }, line }) => {
                        let place = Place::Return(self.frame()?.function);
                        let dynamic = matches!(self.known.types.get(&place), Some(Type::Json(_)));
                        self.dict(items, dynamic, *line)?
                    }
                    Some(v) => self.expr(v)?,
                    None => Value::new(Type::None, vec![]),
                };
                if self.live { self.return_value(value) } else { Ok(()) }
            }
            Stmt::Expr { v } => self.expr(v).map(drop),
            Stmt::Pass => Ok(()),
            Stmt::For { t, iter, body, otherwise, l } => {
                self.for_statement(t, iter, body, otherwise, *l)
            }
            Stmt::While { c, body, otherwise } => self.while_statement(c, body, otherwise),
            Stmt::Break | Stmt::Continue => self.leave_loop(matches!(statement, Stmt::Break)),
            Stmt::Try { body, handlers, otherwise, finally, .. } => {
                self.try_statement(body, handlers, otherwise, finally)
            }
            Stmt::Raise { kind, args, .. } => self.raise_statement(kind.as_deref(), args),
            Stmt::Deopt { .. } => {
                self.effects.may_raise = true;
                self.deopt(Cause::Left);
                Ok(())
            }
        }
    }

    fn if_statement(&mut self, condition: &Expr, yes: &[Stmt], no: &[Stmt]) -> Result<()> {
        if let Some(known) = self.foregone(condition) {
            return self.body(if known { yes } else { no });
        }
        let flag = self.truth(condition)?;
        if !self.live {
            return Ok(());
        }
        let [then, otherwise, after] = [(); 3].map(|()| self.b.create_block());
        let before = self.frame()?.assigned.clone();
        self.branch(flag, then, otherwise);
        self.enter_sealed(then);
        self.body(yes)?;
        let after_yes = self.live.then_some(self.frame()?.assigned.clone());
        self.jump(after, &[]);
        self.frame()?.assigned = before;
        self.enter_sealed(otherwise);
        self.body(no)?;
        let after_no = self.live.then_some(self.frame()?.assigned.clone());
        self.jump(after, &[]);
        self.merge(after, &[after_yes, after_no])
    }

    /// Goes on in `after` with what every live way to it has assigned.
    pub(crate) fn merge(&mut self, after: Block, ways: &[Option<HashSet<String>>]) -> Result<()> {
        let mut live = ways.iter().flatten();
        self.enter_sealed(after);
        let Some(first) = live.next() else {
            self.deopt(Cause::Unsure);
            return Ok(());
        };
        let mut assigned = first.clone();
        for way in live {
            assigned.retain(|name| way.contains(name));
        }
        self.frame()?.assigned = assigned;
        Ok(())
    }

    pub(crate) fn assign(&mut self, name: &str, value: Value, line: u32) -> Result<()> {
        let place = Place::Local(self.frame()?.function, name.to_owned());
        let known = self.frame()?.locals.get(name).cloned();
        let local = match known {
            Some(local) => local,
            None => {
                let ty = self.known_type(&place, &value.ty);
                self.has_type_of(&place, &value);
                let is_number = self.known.types.get(&place) == Some(&Type::Float);
                let local = if is_number { self.declare_number() } else { self.declare(&ty) };
                self.frame()?.locals.insert(name.to_owned(), local.clone());
                local
            }
        };
        let value = match local.whole {
            Some(_) if Self::is_whole_constant(&value) => self.held_as_float(&value),
            Some(_) => value,
            None => self.of_its_type(value),
        };
        // One of several variables of a name has that name, a dot and a number.
        let what = format!("the variable {}", name.split('.').next().unwrap_or(name));
        let whole = value.whole;
        let value = self.fit(&place, &local.ty, &value, &what, line)?;
        self.set(&local, &Value { whole, ..value });
        self.frame()?.assigned.insert(name.to_owned());
        if let Some(&flag) = self.frame()?.flags.get(name) {
            let set = self.b.ins().iconst(types::I8, 1);
            self.b.def_var(flag, set);
        }
        Ok(())
    }

    pub(crate) fn bind(&mut self, target: &Target, value: Value, line: u32) -> Result<()> {
        if !self.live {
            return Ok(());
        }
        let targets = match target {
            Target::Name { id } => return self.assign(id, value, line),
            Target::Item { o, i } => {
                let (object, index) = (self.expr(o)?, self.expr(i)?);
                return self.set_item(&object, &index, constant_key(i), &value, line);
            }
            Target::Star { .. } => return Err(Reason::unsupported("a star here", line)),
            Target::Tuple { v } => v,
        };
        let value = self.solid(&value);
        let star = targets.iter().position(|target| matches!(target, Target::Star { .. }));
        let items = match &value.ty {
            Type::Never => vec![value; targets.len()],
            Type::Tuple(_) => {
                let items = value.items();
                if items.len() + 1 < targets.len() + usize::from(star.is_none())
                    || (star.is_none() && items.len() > targets.len())
                {
                    self.raise(Raised::Value);
                    return Ok(());
                }
                match star {
                    None => items,
                    Some(star) => {
                        let taken = star + items.len() + 1 - targets.len();
                        let rest = Value::tuple(items[star..taken].to_vec());
                        let rest = self.list_of(&rest, line)?;
                        [&items[..star], &[rest], &items[taken..]].concat()
                    }
                }
            }
            Type::List(_) => self.unpacked(&value, targets.len(), star)?,
            other => return Err(Reason::types("unpacking", &[other], line)),
        };
        for (target, item) in targets.iter().zip(items) {
            match target {
                Target::Star { v } => self.bind(v, item, line)?,
                target => self.bind(target, item, line)?,
            }
        }
        Ok(())
    }

    /// The items of a list of which there must be one for each target; the one at `star` takes the rest.
    fn unpacked(
        &mut self,
        list: &Value,
        targets: usize,
        star: Option<usize>,
    ) -> Result<Vec<Value>> {
        let length = self.list_length(list);
        let least = targets - usize::from(star.is_some());
        let code = if star.is_some() { IntCC::SignedLessThan } else { IntCC::NotEqual };
        let wrong = self.b.ins().icmp_imm(code, length, least as i64);
        self.raise_if(wrong, Raised::Value);
        let surplus = self.b.ins().iadd_imm(length, -(least as i64));
        let mut items = Vec::new();
        for i in 0..targets {
            let index = self.int(i as i64);
            items.push(match star {
                Some(star) if i == star => {
                    let end = self.b.ins().iadd(index, surplus);
                    self.slice_of(list, Some(index), Some(end), None)?
                }
                Some(star) if i > star => {
                    let before = self.int(i as i64 - 1);
                    let index = self.b.ins().iadd(before, surplus);
                    self.list_item(list, index)
                }
                _ => self.list_item(list, index),
            });
        }
        Ok(items)
    }

    pub(crate) fn name(&mut self, name: &str, line: u32) -> Result<Value> {
        let depth = self.frames.len().saturating_sub(1);
        self.name_in(depth, name, line)
    }

    /// A variable of the innermost function of that scope, as it is now: that is what CPython's cell holds.
    pub(crate) fn outer_name(&mut self, name: &str, scope: usize, line: u32) -> Result<Value> {
        let depth = self.frames.iter().rposition(|frame| frame.scope == scope);
        let depth =
            depth.ok_or_else(|| Reason::unsupported(format!("{name} from outside"), line))?;
        self.name_in(depth, name, line)
    }

    fn name_in(&mut self, depth: usize, name: &str, line: u32) -> Result<Value> {
        let unset = || Reason::unsupported(format!("{name}, which may have no value here,"), line);
        let frame = self.frames.get(depth).ok_or_else(unset)?;
        let local = frame.locals.get(name).cloned().ok_or_else(unset)?;
        let place = Place::Local(frame.function, name.to_owned());
        if !frame.assigned.contains(name) {
            let flag = *frame.flags.get(name).ok_or_else(unset)?;
            let set = self.b.use_var(flag);
            let unset = self.b.ins().icmp_imm(IntCC::Equal, set, 0);
            self.effects.may_raise = true;
            self.deopt_if(unset, Cause::Unsure);
        }
        Ok(self.get(&local).from(place))
    }
}

/// Whether an unpacking gives each target an item that is written out, so that no tuple is needed.
fn pairs_up(targets: &[Target], value: &Expr) -> bool {
    let star = |target: &Target| matches!(target, Target::Star { .. });
    match &value.kind {
        ExprKind::Tuple { v } => v.len() == targets.len() && !targets.iter().any(star),
        _ => false,
    }
}
