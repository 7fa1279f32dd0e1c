//! From the tree to machine code: statements, expressions, chains of operators.
//!
//! Types flow forward in the same pass. What does not fit stops the attempt at its statement; the next attempt
//! leaves that statement to CPython (the row is given up there), so a rare branch never keeps the rest
//! from being compiled.

use std::collections::HashSet;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::matches::holds_match;
use crate::record::{changed_in, holds_dict, may_share};
use crate::scope::{Frame, Loop, Place, Try, Value};
use crate::tree::{Expr, ExprKind, Function, Handler, Step, Stmt, Target};
use crate::types::Type;

/// The type of a chain's records is found out by its first attempt.
pub(crate) type Emitted = Option<Type>;

impl Gen<'_> {
    /// The steps from here on, applied to a value; at the end it is emitted.
    pub(crate) fn chain(
        &mut self,
        steps: &[Step],
        value: Value,
        emitted: &mut Emitted,
    ) -> Result<()> {
        let Some((step, rest)) = steps.split_first() else {
            return self.emit_record(&value, emitted);
        };
        match step {
            Step::Map(f) => {
                let result = self.inline(f, vec![value])?;
                self.go_on(rest, result, emitted)
            }
            Step::Filter(f) => {
                let Some(result) = self.inline(f, vec![value.clone()])? else {
                    return Ok(());
                };
                let flag = self.truthy(&result);
                let (kept, after) = (self.b.create_block(), self.b.create_block());
                self.branch(flag, kept, after);
                self.enter_sealed(kept);
                self.chain(rest, value, emitted)?;
                self.jump(after, &[]);
                self.enter_sealed(after);
                Ok(())
            }
            Step::FlatMap(f) => {
                let Some(list) = self.items_of(f, value)? else { return Ok(()) };
                self.each(&list, |this, item| this.chain(rest, item, emitted))
            }
            Step::MapValues(f) => {
                let [key, value] = self.pair(value)?;
                let result = self.inline(f, vec![value])?;
                self.go_on(rest, result.map(|v| Value::tuple(vec![key, v])), emitted)
            }
            Step::Pair => {
                let pair = self.pair(value)?;
                self.chain(rest, Value::tuple(pair.to_vec()), emitted)
            }
            Step::FlatMapValues(f) => {
                let [key, value] = self.pair(value)?;
                if holds_dict(&key.ty) {
                    return Err(Reason::types("flatMapValues", &[&key.ty], 0));
                }
                let Some(list) = self.items_of(f, value)? else { return Ok(()) };
                self.each(&list, |this, item| {
                    this.chain(rest, Value::tuple(vec![key.clone(), item]), emitted)
                })
            }
        }
    }

    /// What a function for `flatMap` returns; a generator is used up here and now.
    fn items_of(&mut self, function: &Function, value: Value) -> Result<Option<Value>> {
        self.uses_up = true;
        let items = self.inline(function, vec![value]);
        self.uses_up = false;
        items
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

    fn go_on(&mut self, rest: &[Step], value: Option<Value>, emitted: &mut Emitted) -> Result<()> {
        value.map_or(Ok(()), |value| self.chain(rest, value, emitted))
    }

    fn emit_record(&mut self, value: &Value, emitted: &mut Emitted) -> Result<()> {
        let value = &self.kept(value)?;
        let value = &match emitted {
            Some(ty) => self.fit(&Place::Record, &ty.clone(), value, "records being", 0)?,
            None => {
                let ty = self.known_type(&Place::Record, &value.ty);
                let value = self.fit(&Place::Record, &ty, value, "records being", 0)?;
                *emitted = Some(ty);
                value
            }
        };
        if holds_match(&value.ty) {
            return Err(Reason::unsupported(format!("a record of {}", value.ty), 0));
        }
        if may_share(&value.ty) {
            return Err(Reason::unsupported("a record with two dicts that may be one", 0));
        }
        let room = self.room(value.slots.len());
        self.store(value, room);
        self.call("emit", &[self.rows, room], None)?;
        Ok(())
    }

    /// Runs `body` for each item of a list.
    pub(crate) fn each(
        &mut self,
        list: &Value,
        mut body: impl FnMut(&mut Self, Value) -> Result<()>,
    ) -> Result<()> {
        let list = self.solid(list);
        let list = &self.iterated(list)?;
        let Type::List(item) = &list.ty else {
            return Err(Reason::types("iteration", &[&list.ty], 0));
        };
        if **item == Type::Never {
            return Ok(());
        }
        let index = self.declare(&Type::Int);
        let zero = self.int(0);
        self.set(&index, &Value::new(Type::Int, vec![zero]));
        let [head, inside, next, exit] = [(); 4].map(|()| self.b.create_block());
        self.jump(head, &[]);
        self.enter(head);
        let at = self.get(&index).one();
        let length = self.list_length(list);
        let more = self.b.ins().icmp(IntCC::SignedLessThan, at, length);
        self.branch(more, inside, exit);
        self.enter_sealed(inside);
        let item = self.list_item(list, at);
        let tries = self.tries.len();
        self.loops.push(Loop { next, exit, tries });
        body(self, item)?;
        self.loops.pop();
        self.jump(next, &[]);
        self.enter_sealed(next);
        let at = self.get(&index).one();
        let following = self.b.ins().iadd_imm(at, 1);
        self.set(&index, &Value::new(Type::Int, vec![following]));
        self.jump(head, &[]);
        self.b.seal_block(head);
        self.enter_sealed(exit);
        Ok(())
    }

    /// What a loop walks: the characters of a string; other values as they are.
    pub(crate) fn iterated(&mut self, value: Value) -> Result<Value> {
        if value.ty == Type::Str { self.characters(&value) } else { Ok(value) }
    }

    /// A call of a user's function, its body put in place. `None` if it never returns to here.
    pub(crate) fn inline(
        &mut self,
        function: &Function,
        args: Vec<Value>,
    ) -> Result<Option<Value>> {
        if function.params.len() != args.len() {
            let what = format!("a call with {} arguments of {}", args.len(), function.name);
            return Err(Reason::unsupported(what, 0));
        }
        let exit = self.b.create_block();
        let address = std::ptr::from_ref(function) as usize;
        let mut frame = Frame {
            function: address,
            locals: Default::default(),
            assigned: Default::default(),
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
            let value = self.fit(&place, &ty, &value, "a parameter being", 0)?;
            self.set(&local, &value);
            frame.locals.insert(name.clone(), local);
            frame.assigned.insert(name.clone());
        }
        self.frames.push(frame);
        // A loop of the caller is not one that the callee could break, and a failure after the call is
        // the caller's.
        let loops = std::mem::take(&mut self.loops);
        let statement = self.statement;
        self.body(&function.body)?;
        if self.live {
            self.return_value(Value::new(Type::None, vec![]))?;
        }
        self.loops = loops;
        self.statement = statement;
        let Some(frame) = self.frames.pop() else {
            return Ok(None);
        };
        self.enter_sealed(exit);
        match frame.result {
            Some(local) if frame.exit_used => Ok(Some(self.get(&local))),
            _ => {
                // Nothing jumps here; the block still needs an end.
                self.deopt();
                Ok(None)
            }
        }
    }

    fn return_value(&mut self, value: Value) -> Result<()> {
        let place = Place::Return(self.frame()?.function);
        let known = self.frame()?.result.clone();
        let local = match known {
            None => {
                let ty = self.known_type(&place, &value.ty);
                let local = self.declare(&ty);
                self.frame()?.result = Some(local.clone());
                local
            }
            Some(local) => local,
        };
        let value = self.fit(&place, &local.ty, &value, "a function returning", 0)?;
        self.set(&local, &value);
        let frame = self.frame()?;
        frame.exit_used = true;
        let exit = frame.exit;
        self.jump(exit, &[]);
        Ok(())
    }

    fn body(&mut self, statements: &[Stmt]) -> Result<()> {
        for statement in statements {
            if !self.live {
                return Ok(());
            }
            self.statement = std::ptr::from_ref(statement) as usize;
            if self.known.forced.contains(&self.statement) {
                self.may_raise = true;
                self.deopt();
                return Ok(());
            }
            self.one_statement(statement)?;
        }
        Ok(())
    }

    fn one_statement(&mut self, statement: &Stmt) -> Result<()> {
        match statement {
            Stmt::Assign { t, v, l } => {
                let value = match (t, &v.kind) {
                    (Target::Name { id }, ExprKind::Dict { v }) => {
                        let frame = self.frame()?;
                        let (changes, function) = (frame.changed.contains(id), frame.function);
                        let known = self.known.types.get(&Place::Local(function, id.clone()));
                        let dynamic = changes || matches!(known, Some(Type::Json(_)));
                        self.dict(v, dynamic, *l)?
                    }
                    _ => self.expr(v)?,
                };
                self.bind(t, value, *l)
            }
            Stmt::SetItem { id, k, v, l } => self.set_item(id, k, v, *l),
            Stmt::Aug { id, op, v, l } => {
                let before = self.name(id, *l)?;
                let value = self.expr(v)?;
                let value = self.binary(op, &before, &value, *l)?;
                self.assign(id, value, *l)
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
            Stmt::While { c, body } => self.while_statement(c, body),
            Stmt::Break | Stmt::Continue => {
                let Some(inner) = self.loops.last() else {
                    return Err(Reason::unsupported("break or continue here", 0));
                };
                if inner.tries != self.tries.len() {
                    return Err(Reason::unsupported("break or continue out of try", 0));
                }
                let to = if matches!(statement, Stmt::Break) { inner.exit } else { inner.next };
                self.jump(to, &[]);
                Ok(())
            }
            Stmt::Try { body, handlers, otherwise, finally, l } => {
                if !finally.is_empty() {
                    return Err(Reason::unsupported("finally", *l));
                }
                self.try_statement(body, handlers, otherwise)
            }
            Stmt::Raise | Stmt::Deopt { .. } => {
                self.may_raise = true;
                self.deopt();
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
    fn merge(&mut self, after: Block, ways: &[Option<HashSet<String>>]) -> Result<()> {
        let mut live = ways.iter().flatten();
        self.enter_sealed(after);
        let Some(first) = live.next() else {
            self.deopt();
            return Ok(());
        };
        let mut assigned = first.clone();
        for way in live {
            assigned.retain(|name| way.contains(name));
        }
        self.frame()?.assigned = assigned;
        Ok(())
    }

    fn for_statement(
        &mut self,
        target: &Target,
        iter: &Expr,
        body: &[Stmt],
        otherwise: &[Stmt],
        line: u32,
    ) -> Result<()> {
        if !otherwise.is_empty() {
            return Err(Reason::unsupported("for with else", line));
        }
        let (list, view) = self.iterable(iter, line)?;
        if !self.live {
            return Ok(());
        }
        let before = self.frame()?.assigned.clone();
        self.views += usize::from(view);
        self.each(&list, |this, item| {
            this.bind(target, item, line)?;
            this.body(body)
        })?;
        self.views -= usize::from(view);
        self.frame()?.assigned = before;
        Ok(())
    }

    fn while_statement(&mut self, condition: &Expr, body: &[Stmt]) -> Result<()> {
        let [head, inside, exit] = [(); 3].map(|()| self.b.create_block());
        let before = self.frame()?.assigned.clone();
        self.jump(head, &[]);
        self.enter(head);
        let flag = self.truth(condition)?;
        if self.live {
            self.branch(flag, inside, exit);
        }
        self.enter_sealed(inside);
        let tries = self.tries.len();
        self.loops.push(Loop { next: head, exit, tries });
        self.body(body)?;
        self.loops.pop();
        self.jump(head, &[]);
        self.b.seal_block(head);
        self.enter_sealed(exit);
        self.frame()?.assigned = before;
        Ok(())
    }

    fn try_statement(
        &mut self,
        body: &[Stmt],
        handlers: &[Handler],
        otherwise: &[Stmt],
    ) -> Result<()> {
        let blocks: Vec<_> =
            handlers.iter().map(|h| (h.types.clone(), self.b.create_block())).collect();
        let after = self.b.create_block();
        let before = self.frame()?.assigned.clone();
        let used = vec![false; blocks.len()];
        self.tries.push(Try { handlers: blocks.clone(), used });
        self.body(body)?;
        let inner = self.tries.pop();
        self.body(otherwise)?;
        let mut ways = vec![self.live.then_some(self.frame()?.assigned.clone())];
        self.jump(after, &[]);
        let used = inner.map(|inner| inner.used).unwrap_or_default();
        for ((handler, (_, block)), used) in handlers.iter().zip(blocks).zip(used) {
            self.enter_sealed(block);
            self.frame()?.assigned = before.clone();
            if used {
                self.body(&handler.body)?;
            } else {
                // Nothing native gets here.
                self.deopt();
            }
            ways.push(self.live.then_some(self.frame()?.assigned.clone()));
            self.jump(after, &[]);
        }
        self.merge(after, &ways)
    }

    fn assign(&mut self, name: &str, value: Value, line: u32) -> Result<()> {
        let place = Place::Local(self.frame()?.function, name.to_owned());
        let known = self.frame()?.locals.get(name).cloned();
        let local = match known {
            Some(local) => local,
            None => {
                let ty = self.known_type(&place, &value.ty);
                let local = self.declare(&ty);
                self.frame()?.locals.insert(name.to_owned(), local.clone());
                local
            }
        };
        let what = format!("a variable ({name}) being");
        let value = self.fit(&place, &local.ty, &value, &what, line)?;
        self.set(&local, &value);
        self.frame()?.assigned.insert(name.to_owned());
        Ok(())
    }

    pub(crate) fn bind(&mut self, target: &Target, value: Value, line: u32) -> Result<()> {
        if !self.live {
            return Ok(());
        }
        let targets = match target {
            Target::Name { id } => return self.assign(id, value, line),
            Target::Tuple { v } => v,
        };
        let value = self.solid(&value);
        let items = match &value.ty {
            Type::Tuple(types) if types.len() == targets.len() => value.items(),
            Type::Tuple(_) => {
                self.raise(Raised::Value);
                return Ok(());
            }
            Type::List(_) => {
                let length = self.list_length(&value);
                let wrong = self.b.ins().icmp_imm(IntCC::NotEqual, length, targets.len() as i64);
                self.raise_if(wrong, Raised::Value);
                let mut items = Vec::new();
                for i in 0..targets.len() {
                    let index = self.int(i as i64);
                    items.push(self.list_item(&value, index));
                }
                items
            }
            other => return Err(Reason::types("unpacking", &[other], line)),
        };
        for (target, item) in targets.iter().zip(items) {
            self.bind(target, item, line)?;
        }
        Ok(())
    }

    pub(crate) fn name(&mut self, name: &str, line: u32) -> Result<Value> {
        let frame = self.frame()?;
        match frame.locals.get(name).cloned() {
            Some(local) if frame.assigned.contains(name) => Ok(self.get(&local)),
            _ => Err(Reason::unsupported(format!("{name}, which may have no value here,"), line)),
        }
    }
}
