//! From the tree to machine code: statements, expressions, chains of operators.
//!
//! Types flow forward in the same pass. What does not fit stops the attempt at its statement; the next attempt
//! leaves that statement to CPython (the row is given up there), so a rare branch never keeps the rest
//! from being compiled.

use std::collections::HashSet;

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{Block, InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::{Frame, Loop, Try, Value};
use crate::tree::{Expr, ExprKind, Function, Handler, Piece, Step, Stmt, Target};
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
                let [key, value] = pair(value)?;
                let result = self.inline(f, vec![value])?;
                self.go_on(rest, result.map(|v| Value::tuple(vec![key, v])), emitted)
            }
            Step::FlatMapValues(f) => {
                let [key, value] = pair(value)?;
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

    fn go_on(&mut self, rest: &[Step], value: Option<Value>, emitted: &mut Emitted) -> Result<()> {
        value.map_or(Ok(()), |value| self.chain(rest, value, emitted))
    }

    fn emit_record(&mut self, value: &Value, emitted: &mut Emitted) -> Result<()> {
        if emitted.get_or_insert_with(|| value.ty.clone()) != &value.ty {
            return Err(Reason::unsupported("a chain whose records have several types", 0));
        }
        if contains_list(&value.ty) {
            return Err(Reason::unsupported("a record with a list in it", 0));
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
        if !matches!(list.ty, Type::List(_)) {
            return Err(Reason::types("iteration", &[&list.ty], 0));
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
        let mut frame = Frame {
            locals: Default::default(),
            assigned: Default::default(),
            exit,
            result: None,
            exit_used: false,
        };
        for (name, value) in function.params.iter().zip(args) {
            let local = self.declare(&value.ty);
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
            Some((local, _)) if frame.exit_used => Ok(Some(self.get(&local))),
            _ => {
                // Nothing jumps here; the block still needs an end.
                self.deopt();
                Ok(None)
            }
        }
    }

    fn return_value(&mut self, value: Value) -> Result<()> {
        let statement = self.statement;
        let known = self.frame()?.result.clone();
        let local = match known {
            None => {
                let local = self.declare(&value.ty);
                self.frame()?.result = Some((local.clone(), statement));
                local
            }
            Some((local, _)) if local.ty == value.ty => local,
            Some((local, first)) => {
                // `return None` is the exception; what else is returned is the rule.
                if local.ty == Type::None {
                    self.statement = first;
                }
                return Err(Reason::types("a function returning", &[&local.ty, &value.ty], 0));
            }
        };
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
            if self.forced.contains(&self.statement) {
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
                let value = self.expr(v)?;
                self.bind(t, value, *l)
            }
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
        let list = self.expr(iter)?;
        if !self.live {
            return Ok(());
        }
        let before = self.frame()?.assigned.clone();
        self.each(&list, |this, item| {
            this.bind(target, item, line)?;
            this.body(body)
        })?;
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
        let known = self.frame()?.locals.get(name).cloned();
        let local = match known {
            Some(local) if local.ty == value.ty => local,
            Some(local) => {
                let what = format!("a variable ({name}) being");
                return Err(Reason::types(what, &[&local.ty, &value.ty], line));
            }
            None => {
                let local = self.declare(&value.ty);
                self.frame()?.locals.insert(name.to_owned(), local.clone());
                local
            }
        };
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

    fn name(&mut self, name: &str, line: u32) -> Result<Value> {
        let frame = self.frame()?;
        match frame.locals.get(name).cloned() {
            Some(local) if frame.assigned.contains(name) => Ok(self.get(&local)),
            _ => Err(Reason::unsupported(format!("{name}, which may have no value here,"), line)),
        }
    }

    /// The value of an expression.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Result<Value> {
        let line = expr.line;
        match &expr.kind {
            ExprKind::Const { t, v } => self.constant(t, v, line),
            ExprKind::Name { id } => self.name(id, line),
            ExprKind::Tuple { v } => {
                let items = v.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?;
                Ok(Value::tuple(items))
            }
            ExprKind::List { v } => self.list(v, line),
            ExprKind::Bin { op, a, b } => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                self.binary(op, &a, &b, line)
            }
            ExprKind::Unary { op, a } if op == "not" => {
                let flag = self.truth(a)?;
                let flag = self.b.ins().icmp_imm(IntCC::Equal, flag, 0);
                Ok(self.bool(flag))
            }
            ExprKind::Unary { op, a } => {
                let value = self.expr(a)?;
                self.unary(op, value, line)
            }
            ExprKind::Cmp { first, rest } => {
                let flag = self.comparison(first, rest, line)?;
                Ok(self.bool(flag))
            }
            ExprKind::Boolop { op, v } => self.either(op, v, line),
            ExprKind::Ifexp { c, a, b } => self.choose(c, a, b, line),
            ExprKind::Call { f, args } => self.call_expr(f, args, line),
            ExprKind::Method { o, m, args } => {
                let object = self.expr(o)?;
                let args = self.used_up(args)?;
                self.method(&object, m, &args, line)
            }
            ExprKind::Index { o, i } => self.index(o, i, line),
            ExprKind::Slice { o, lo, hi } => self.slice(o, lo.as_deref(), hi.as_deref(), line),
            ExprKind::Comp { lazy: true, .. } => Err(Reason::unsupported("a generator here", line)),
            ExprKind::Comp { elt, target, iter, ifs, .. } => {
                self.comprehension(elt, target, iter, ifs, line)
            }
            ExprKind::Fstring { parts } => self.fstring(parts, line),
            ExprKind::ConstSet { .. } | ExprKind::Builtin { .. } | ExprKind::Func { .. } => {
                Err(Reason::unsupported("this use of a name", line))
            }
        }
    }

    /// Arguments of a function that takes every item of a generator.
    pub(crate) fn used_up(&mut self, args: &[Expr]) -> Result<Vec<Value>> {
        args.iter().map(|arg| self.used_up_one(arg)).collect()
    }

    /// A value that the function returns; a generator runs after it has left every `try`.
    fn returned(&mut self, value: &Expr) -> Result<Value> {
        let tries = std::mem::take(&mut self.tries);
        let value = self.used_up_one(value);
        self.tries = tries;
        value
    }

    fn used_up_one(&mut self, arg: &Expr) -> Result<Value> {
        match &arg.kind {
            ExprKind::Comp { elt, target, iter, ifs, .. } => {
                self.comprehension(elt, target, iter, ifs, arg.line)
            }
            _ => self.expr(arg),
        }
    }

    fn constant(&mut self, ty: &str, v: &serde_json::Value, line: u32) -> Result<Value> {
        let wrong = || Reason::unsupported("this constant", line);
        match ty {
            "none" => Ok(Value::new(Type::None, vec![])),
            "bool" => {
                let value = self.int(i64::from(v.as_bool().ok_or_else(wrong)?));
                Ok(Value::new(Type::Bool, vec![value]))
            }
            "int" => {
                let value = self.int(v.as_i64().ok_or_else(wrong)?);
                Ok(Value::new(Type::Int, vec![value]))
            }
            "float" => {
                let text = v.as_str().map(str::to_owned).unwrap_or_else(|| v.to_string());
                let value: f64 = text.parse().map_err(|_| wrong())?;
                let value = self.b.ins().f64const(value);
                Ok(Value::new(Type::Float, vec![value]))
            }
            "str" => Ok(self.constant_str(v.as_str().ok_or_else(wrong)?)),
            _ => Err(wrong()),
        }
    }

    fn unary(&mut self, op: &str, value: Value, line: u32) -> Result<Value> {
        match (op, &value.ty) {
            ("-", Type::Int | Type::Bool) => {
                let zero = self.int(0);
                self.binary("-", &Value::new(Type::Int, vec![zero]), &value, line)
            }
            ("-", Type::Float) => {
                let value = self.b.ins().fneg(value.one());
                Ok(Value::new(Type::Float, vec![value]))
            }
            ("+", Type::Int | Type::Float) => Ok(value),
            _ => Err(Reason::types(format!("the operator {op}"), &[&value.ty], line)),
        }
    }

    /// The truth of an expression, as a flag; `and` and `or` only evaluate what Python would.
    pub(crate) fn truth(&mut self, expr: &Expr) -> Result<IrValue> {
        match &expr.kind {
            ExprKind::Cmp { first, rest } => self.comparison(first, rest, expr.line),
            ExprKind::Boolop { op, v } => {
                let merge = self.b.create_block();
                let result = self.b.append_block_param(merge, types::I8);
                for (i, part) in v.iter().enumerate() {
                    let flag = self.truth(part)?;
                    if i + 1 == v.len() {
                        self.jump(merge, &[flag]);
                        break;
                    }
                    self.stop_or_go_on(op, flag, merge);
                }
                self.enter_sealed(merge);
                Ok(result)
            }
            _ => {
                let value = self.expr(expr)?;
                Ok(self.truthy(&value))
            }
        }
    }

    /// In `and`, goes on if the flag is true; in `or`, if it is false; else to `merge` with the flag.
    fn stop_or_go_on(&mut self, op: &str, flag: IrValue, merge: Block) {
        let [stop, go_on] = [(); 2].map(|()| self.b.create_block());
        let (yes, no) = if op == "and" { (go_on, stop) } else { (stop, go_on) };
        self.branch(flag, yes, no);
        self.enter_sealed(stop);
        self.jump(merge, &[flag]);
        self.enter_sealed(go_on);
    }

    fn comparison(&mut self, first: &Expr, rest: &[(String, Expr)], line: u32) -> Result<IrValue> {
        let mut left = self.expr(first)?;
        let merge = self.b.create_block();
        let result = self.b.append_block_param(merge, types::I8);
        for (i, (op, right)) in rest.iter().enumerate() {
            let (flag, value) = match &right.kind {
                ExprKind::ConstSet { v } => (self.member(op, &left, v, line)?, None),
                ExprKind::Tuple { v } | ExprKind::List { v }
                    if matches!(op.as_str(), "in" | "not in") =>
                {
                    (self.member_of(op, &left, v, line)?, None)
                }
                _ => {
                    let right = self.expr(right)?;
                    (self.compare(op, &left, &right, line)?, Some(right))
                }
            };
            if i + 1 == rest.len() {
                self.jump(merge, &[flag]);
                break;
            }
            left = value.ok_or_else(|| Reason::unsupported("this chained comparison", line))?;
            self.stop_or_go_on("and", flag, merge);
        }
        self.enter_sealed(merge);
        Ok(result)
    }

    /// `value in {constants}`.
    fn member(
        &mut self,
        op: &str,
        value: &Value,
        set: &[serde_json::Value],
        line: u32,
    ) -> Result<IrValue> {
        if !matches!(op, "in" | "not in") || set.len() > 256 {
            return Err(Reason::unsupported("this use of a set", line));
        }
        let mut found = self.b.ins().iconst(types::I8, 0);
        for item in set {
            let item = match (item, &value.ty) {
                (serde_json::Value::String(text), Type::Str) => self.constant_str(text),
                (serde_json::Value::Number(number), Type::Int) if number.is_i64() => {
                    let number = self.int(number.as_i64().unwrap_or_default());
                    Value::new(Type::Int, vec![number])
                }
                // Never equal, whatever the value.
                (serde_json::Value::String(_), Type::Int)
                | (serde_json::Value::Number(_), Type::Str) => continue,
                _ => return Err(Reason::types("membership", &[&value.ty], line)),
            };
            let same = self.compare("==", value, &item, line)?;
            found = self.b.ins().bor(found, same);
        }
        Ok(if op == "in" { found } else { self.b.ins().icmp_imm(IntCC::Equal, found, 0) })
    }

    /// `value in (a, b)`: every item is evaluated first, as Python does.
    fn member_of(&mut self, op: &str, value: &Value, items: &[Expr], line: u32) -> Result<IrValue> {
        let items = items.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?;
        let mut found = self.b.ins().iconst(types::I8, 0);
        if value.ty == Type::Float {
            // An item that is the very same object is in, even if it is not equal to itself.
            let nan = self.b.ins().fcmp(FloatCC::Unordered, value.one(), value.one());
            self.deopt_if(nan);
        }
        for item in items {
            let same = self.compare("==", value, &item, line)?;
            found = self.b.ins().bor(found, same);
        }
        Ok(if op == "in" { found } else { self.b.ins().icmp_imm(IntCC::Equal, found, 0) })
    }

    /// `a and b`, `a or b` as values.
    fn either(&mut self, op: &str, parts: &[Expr], line: u32) -> Result<Value> {
        let Some((last, firsts)) = parts.split_last() else {
            return Err(Reason::unsupported("this expression", line));
        };
        let merge = self.b.create_block();
        let mut local = None;
        for part in firsts {
            let value = self.expr(part)?;
            let flag = self.truthy(&value);
            let room = match &local {
                None => {
                    let declared = self.declare(&value.ty);
                    local = Some(declared.clone());
                    declared
                }
                Some(known) if known.ty == value.ty => known.clone(),
                Some(known) => return Err(Reason::types(op, &[&known.ty, &value.ty], line)),
            };
            self.set(&room, &value);
            let [stop, go_on] = [(); 2].map(|()| self.b.create_block());
            let (yes, no) = if op == "and" { (go_on, stop) } else { (stop, go_on) };
            self.branch(flag, yes, no);
            self.enter_sealed(stop);
            self.jump(merge, &[]);
            self.enter_sealed(go_on);
        }
        let value = self.expr(last)?;
        let room = local.ok_or_else(|| Reason::unsupported("this expression", line))?;
        if room.ty != value.ty {
            return Err(Reason::types(op, &[&room.ty, &value.ty], line));
        }
        self.set(&room, &value);
        self.jump(merge, &[]);
        self.enter_sealed(merge);
        Ok(self.get(&room))
    }

    fn choose(&mut self, condition: &Expr, yes: &Expr, no: &Expr, line: u32) -> Result<Value> {
        let flag = self.truth(condition)?;
        let [then, otherwise, merge] = [(); 3].map(|()| self.b.create_block());
        self.branch(flag, then, otherwise);
        self.enter_sealed(then);
        let value = self.expr(yes)?;
        let room = self.declare(&value.ty);
        self.set(&room, &value);
        self.jump(merge, &[]);
        self.enter_sealed(otherwise);
        let value = self.expr(no)?;
        if value.ty != room.ty {
            return Err(Reason::types("a conditional expression", &[&room.ty, &value.ty], line));
        }
        self.set(&room, &value);
        self.jump(merge, &[]);
        self.enter_sealed(merge);
        Ok(self.get(&room))
    }

    fn list(&mut self, items: &[Expr], line: u32) -> Result<Value> {
        let items = items.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?;
        let Some(first) = items.first() else {
            return Err(Reason::unsupported("an empty list", line));
        };
        if let Some(other) = items.iter().find(|item| item.ty != first.ty) {
            return Err(Reason::types("a list of", &[&first.ty, &other.ty], line));
        }
        let list = self.new_list(&first.ty)?;
        for item in &items {
            self.push(&list, item)?;
        }
        Ok(list)
    }

    fn new_list(&mut self, item: &Type) -> Result<Value> {
        let width = self.int(item.slots() as i64);
        let list = self.call_value("list_new", &[self.rows, width], 'I')?;
        Ok(Value::new(Type::List(Box::new(item.clone())), vec![list]))
    }

    fn push(&mut self, list: &Value, item: &Value) -> Result<()> {
        let room = self.room(item.slots.len());
        self.store(item, room);
        self.call("list_push", &[self.rows, list.one(), room], None)?;
        Ok(())
    }

    fn comprehension(
        &mut self,
        elt: &Expr,
        target: &Target,
        iter: &Expr,
        ifs: &[Expr],
        line: u32,
    ) -> Result<Value> {
        let source = self.expr(iter)?;
        let item_type = self.element_type(elt, target, &source, ifs, line)?;
        let list = self.new_list(&item_type)?;
        let before = self.frame()?.assigned.clone();
        self.each(&source, |this, item| {
            this.bind(target, item, line)?;
            if !this.live {
                return Ok(());
            }
            for condition in ifs {
                let flag = this.truth(condition)?;
                let keep = this.b.create_block();
                let next = this.loops.last().map(|l| l.next);
                let next = next.ok_or_else(|| Reason::Codegen("no loop".into()))?;
                this.branch(flag, keep, next);
                this.enter_sealed(keep);
            }
            let value = this.expr(elt)?;
            this.push(&list, &value)
        })?;
        self.frame()?.assigned = before;
        Ok(list)
    }

    /// The type of a comprehension's element, from code that is generated where nothing reaches it.
    fn element_type(
        &mut self,
        elt: &Expr,
        target: &Target,
        source: &Value,
        ifs: &[Expr],
        line: u32,
    ) -> Result<Type> {
        if !matches!(source.ty, Type::List(_)) {
            return Err(Reason::types("iteration", &[&source.ty], line));
        }
        let [aside, on] = [(); 2].map(|()| self.b.create_block());
        let never = self.b.ins().iconst(types::I8, 0);
        self.branch(never, aside, on);
        self.enter_sealed(aside);
        let before = self.frame()?.assigned.clone();
        let zero = self.int(0);
        let first = self.list_item(source, zero);
        self.bind(target, first, line)?;
        if !self.live {
            return Err(Reason::unsupported("an unpacking that always fails", line));
        }
        for condition in ifs {
            self.truth(condition)?;
        }
        let ty = self.expr(elt)?.ty;
        self.deopt();
        self.frame()?.assigned = before;
        self.enter_sealed(on);
        Ok(ty)
    }

    fn fstring(&mut self, parts: &[Piece], line: u32) -> Result<Value> {
        let mut text = self.constant_str("");
        for part in parts {
            let piece = match part {
                Piece::Text(constant) => self.constant_str(constant),
                Piece::Value(expr) => {
                    let value = self.expr(expr)?;
                    self.text_of(&value, line)?
                }
            };
            text = self.binary("+", &text, &piece, line)?;
        }
        Ok(text)
    }
}

fn pair(value: Value) -> Result<[Value; 2]> {
    let ty = value.ty.clone();
    value.items().try_into().map_err(|_| Reason::types("an operator by key", &[&ty], 0))
}

fn contains_list(ty: &Type) -> bool {
    match ty {
        Type::List(_) => true,
        Type::Tuple(items) => items.iter().any(contains_list),
        _ => false,
    }
}
