//! Loops: what is iterated over, and the code of one pass after the other.
//!
//! A cursor is where an iterator of CPython stands; advancing it does what `next` does, in the same order, so
//! that a list that grows while it is walked is walked to its new end. Each pass takes from the row's budget: a
//! row that loops for too long is CPython's, which can be interrupted.

use std::collections::HashSet;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as IrValue};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::parts::Walk;
use crate::pieces::{Pieces, splits};
use crate::record::holds_dict;
use crate::scope::{Local, Loop, Value};
use crate::sites::Cause;
use crate::tree::{Expr, ExprKind, For, Stmt, Target};
use crate::types::Type;

/// Where an iterator stands.
pub(crate) enum Cursor {
    List {
        list: Value,
        at: Local,
        /// Whether it goes through a dict, which must not change meanwhile.
        view: bool,
    },
    Reversed {
        list: Value,
        at: Local,
    },
    Range {
        next: Local,
        left: Local,
        step: IrValue,
    },
    Enumerate {
        index: Local,
        inner: Box<Cursor>,
    },
    Zip(Vec<Cursor>),
    /// Over the pieces of a text, which are found one by one.
    Pieces(Pieces),
    /// Over a list in parts.
    Parts(Walk),
    /// Over a value that nothing has.
    Never,
}

impl Cursor {
    /// The number of dicts that it goes through.
    fn views(&self) -> usize {
        match self {
            Cursor::List { view, .. } => usize::from(*view),
            Cursor::Enumerate { inner, .. } => inner.views(),
            Cursor::Zip(cursors) => cursors.iter().map(Cursor::views).sum(),
            _ => 0,
        }
    }
}

/// What a pass does with its item.
pub(crate) type Body<'b, 'g> = dyn FnMut(&mut Gen<'g>, Value) -> Result<()> + 'b;

impl<'g> Gen<'g> {
    /// A cursor over what an expression gives; `range` and its kin make no object.
    pub(crate) fn cursor(&mut self, iter: &Expr) -> Result<Cursor> {
        if let ExprKind::Call { f, args, kw } = &iter.kind
            && let ExprKind::Builtin { id, .. } = &f.kind
        {
            match (id.as_str(), args.as_slice(), kw.as_slice()) {
                ("range", [_] | [_, _] | [_, _, _], []) => return self.range(args, iter.line),
                ("enumerate", [inner], []) => return self.enumerate(inner, None, iter.line),
                ("enumerate", [inner, start], []) => {
                    return self.enumerate(inner, Some(start), iter.line);
                }
                ("enumerate", [inner], [(name, start)]) if name == "start" => {
                    return self.enumerate(inner, Some(start), iter.line);
                }
                ("zip", [_, ..], []) => {
                    return self.zip(args);
                }
                ("reversed", [list], []) => return self.reversed(list, iter.line),
                _ => {}
            }
        }
        if let ExprKind::Method { o, m, args, names } = &iter.kind
            && splits(m, args, names)
        {
            return self.pieces(o, args, iter.line);
        }
        let (value, is_view) = self.iterable(iter, iter.line)?;
        let mut cursor = self.cursor_of(&value, iter.line)?;
        if let Cursor::List { view, .. } = &mut cursor {
            *view = is_view;
        }
        Ok(cursor)
    }

    /// Generates what runs while an iterator is there already.
    pub(crate) fn while_open<'c, T>(
        &mut self,
        cursors: impl IntoIterator<Item = &'c Cursor>,
        generate: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let views: usize = cursors.into_iter().map(Cursor::views).sum();
        self.views += views;
        let result = generate(self);
        self.views -= views;
        result
    }

    fn zip(&mut self, args: &[Expr]) -> Result<Cursor> {
        let mut cursors = Vec::with_capacity(args.len());
        for arg in args {
            let cursor = self.while_open(&cursors, |this| this.cursor(arg))?;
            cursors.push(cursor);
        }
        Ok(Cursor::Zip(cursors))
    }

    /// A cursor over a value.
    pub(crate) fn cursor_of(&mut self, value: &Value, line: u32) -> Result<Cursor> {
        let value = self.solid(value);
        Ok(match &value.ty {
            Type::List(_) => Cursor::List { at: self.counter(0), list: value, view: false },
            Type::Tuple(_) => {
                let list = self.list_of(&value, line)?;
                Cursor::List { list, at: self.counter(0), view: false }
            }
            Type::Str => {
                let list = self.characters(&value)?;
                Cursor::List { list, at: self.counter(0), view: false }
            }
            Type::Parts(item) => Cursor::Parts(self.walk_parts(&value, item)),
            Type::Never => Cursor::Never,
            other => return Err(Reason::types("iteration", &[other], line)),
        })
    }

    pub(crate) fn counter(&mut self, start: i64) -> Local {
        let start = self.int(start);
        self.variable(start)
    }

    /// A variable of the generator's own, with a whole number in it.
    pub(crate) fn variable(&mut self, start: IrValue) -> Local {
        let local = self.declare(&Type::Int);
        self.set(&local, &Value::new(Type::Int, vec![start]));
        local
    }

    /// Adds to a variable of the generator's own; wraps around.
    pub(crate) fn step(&mut self, local: &Local, by: i64) {
        let now = self.get(local).one();
        let next = self.b.ins().iadd_imm(now, by);
        self.set(local, &Value::new(Type::Int, vec![next]));
    }

    /// A tuple, whose items are alike, as a list.
    pub(crate) fn list_of(&mut self, tuple: &Value, line: u32) -> Result<Value> {
        if holds_dict(&tuple.ty) {
            return Err(Reason::unsupported("a list of dicts from elsewhere", line));
        }
        self.list_from(&tuple.items(), line)
    }

    fn whole(&mut self, arg: &Expr, what: &str) -> Result<IrValue> {
        let value = self.expr(arg)?;
        let value = self.settled(&value);
        match value.ty {
            Type::Int | Type::Bool => Ok(value.one()),
            Type::Never => Ok(self.int(0)),
            _ => Err(Reason::types(what, &[&value.ty], arg.line)),
        }
    }

    /// The number of items is found as CPython does it, so that no item can overflow.
    fn range(&mut self, args: &[Expr], _line: u32) -> Result<Cursor> {
        let ends = args.iter().map(|arg| self.whole(arg, "range()")).collect::<Result<Vec<_>>>()?;
        let (low, high, step) = match ends.as_slice() {
            [high] => (self.int(0), *high, None),
            [low, high] => (*low, *high, None),
            [low, high, step, ..] => (*low, *high, Some(*step)),
            [] => return Err(Reason::Codegen("range without arguments".into())),
        };
        let none = self.int(0);
        let rises = self.b.ins().icmp(IntCC::SignedLessThan, low, high);
        let up = self.b.ins().isub(high, low);
        let (left, step) = match step {
            None => (self.b.ins().select(rises, up, none), self.int(1)),
            Some(step) => {
                let zero = self.b.ins().icmp_imm(IntCC::Equal, step, 0);
                self.raise_if(zero, Raised::Value);
                let back = self.b.ins().icmp_imm(IntCC::SignedLessThan, step, 0);
                let falls = self.b.ins().icmp(IntCC::SignedLessThan, high, low);
                let down = self.b.ins().isub(low, high);
                let any = self.b.ins().select(back, falls, rises);
                let distance = self.b.ins().select(back, down, up);
                let negated = self.b.ins().ineg(step);
                let size = self.b.ins().select(back, negated, step);
                let last = self.b.ins().iadd_imm(distance, -1);
                let steps = self.b.ins().udiv(last, size);
                let count = self.b.ins().iadd_imm(steps, 1);
                (self.b.ins().select(any, count, none), step)
            }
        };
        Ok(Cursor::Range { next: self.variable(low), left: self.variable(left), step })
    }

    fn enumerate(&mut self, inner: &Expr, start: Option<&Expr>, line: u32) -> Result<Cursor> {
        // The start is an argument, so it is evaluated before anything is taken.
        let inner = Box::new(self.cursor(inner)?);
        let start = match start {
            None => self.int(0),
            Some(start) => {
                let value = self.while_open([&*inner], |this| this.expr(start))?;
                let value = self.settled(&value);
                if value.ty != Type::Int {
                    return Err(Reason::types("enumerate()", &[&value.ty], line));
                }
                value.one()
            }
        };
        Ok(Cursor::Enumerate { index: self.variable(start), inner })
    }

    fn reversed(&mut self, arg: &Expr, line: u32) -> Result<Cursor> {
        let value = self.expr(arg)?;
        let list = match self.solid(&value) {
            value if matches!(value.ty, Type::List(_)) => value,
            value if matches!(value.ty, Type::Tuple(_)) => self.list_of(&value, line)?,
            value => return Err(Reason::types("reversed()", &[&value.ty], line)),
        };
        let length = self.list_length(&list);
        let last = self.b.ins().iadd_imm(length, -1);
        Ok(Cursor::Reversed { at: self.variable(last), list })
    }

    /// The next item; where there is none, to `exhausted`.
    fn advance(&mut self, cursor: &Cursor, exhausted: Block) -> Result<Value> {
        Ok(match cursor {
            Cursor::List { list, at, .. } => {
                let index = self.get(at).one();
                let length = self.list_length(list);
                let more = self.b.ins().icmp(IntCC::SignedLessThan, index, length);
                self.go_on_if(more, exhausted);
                let item = self.list_item(list, index);
                self.step(at, 1);
                item
            }
            Cursor::Reversed { list, at } => {
                let index = self.get(at).one();
                let length = self.list_length(list);
                // An index below zero is a large one without sign.
                let more = self.b.ins().icmp(IntCC::UnsignedLessThan, index, length);
                self.go_on_if(more, exhausted);
                let item = self.list_item(list, index);
                self.step(at, -1);
                item
            }
            Cursor::Range { next, left, step } => {
                let count = self.get(left).one();
                let more = self.b.ins().icmp_imm(IntCC::NotEqual, count, 0);
                self.go_on_if(more, exhausted);
                self.step(left, -1);
                let item = self.get(next);
                let following = self.b.ins().iadd(item.one(), *step);
                self.set(next, &Value::new(Type::Int, vec![following]));
                item
            }
            Cursor::Enumerate { index, inner } => {
                let item = self.advance(inner, exhausted)?;
                let number = self.get(index);
                let one = self.int(1);
                let (next, overflow) = self.b.ins().sadd_overflow(number.one(), one);
                self.deopt_if(overflow, Cause::Overflow);
                self.set(index, &Value::new(Type::Int, vec![next]));
                Value::tuple(vec![number, item])
            }
            Cursor::Zip(cursors) => {
                let items = cursors.iter().map(|inner| self.advance(inner, exhausted));
                Value::tuple(items.collect::<Result<_>>()?)
            }
            Cursor::Pieces(pieces) => {
                let (piece, more) = self.next_piece(pieces)?;
                self.go_on_if(more, exhausted);
                piece
            }
            Cursor::Parts(walk) => self.advance_parts(walk, exhausted),
            Cursor::Never => {
                let more = self.int(0);
                self.go_on_if(more, exhausted);
                Value::new(Type::Never, vec![])
            }
        })
    }

    pub(crate) fn go_on_if(&mut self, flag: IrValue, otherwise: Block) {
        let on = self.b.create_block();
        self.branch(flag, on, otherwise);
        self.enter_sealed(on);
    }

    /// Runs `body` for each item of a list.
    pub(crate) fn each(
        &mut self,
        list: &Value,
        mut body: impl FnMut(&mut Self, Value) -> Result<()>,
    ) -> Result<()> {
        let cursor = self.cursor_of(list, 0)?;
        self.walk(&cursor, &mut body)
    }

    /// Runs `body` for each item.
    pub(crate) fn walk(&mut self, cursor: &Cursor, body: &mut Body<'_, 'g>) -> Result<()> {
        let exit = self.b.create_block();
        self.walk_until(cursor, exit, exit, body)?;
        self.enter_sealed(exit);
        Ok(())
    }

    /// Runs `body` for each item, and ends in `exhausted`, or by `break` in `exit`; returns what each
    /// `break` had assigned.
    fn walk_until(
        &mut self,
        cursor: &Cursor,
        exhausted: Block,
        exit: Block,
        body: &mut Body<'_, 'g>,
    ) -> Result<Vec<HashSet<String>>> {
        let [head, next] = [(); 2].map(|()| self.b.create_block());
        self.jump(head, &[]);
        self.enter(head);
        let item = self.advance(cursor, exhausted)?;
        self.begin_loop(next, exit);
        self.while_open([cursor], |this| body(this, item))?;
        let breaks = self.end_loop();
        self.jump(next, &[]);
        self.enter_sealed(next);
        self.back_edge(head);
        self.b.seal_block(head);
        Ok(breaks)
    }

    fn begin_loop(&mut self, next: Block, exit: Block) {
        let tries = self.tries.len();
        self.loops.push(Loop { next, exit, tries, breaks: Vec::new() });
    }

    fn end_loop(&mut self) -> Vec<HashSet<String>> {
        self.loops.pop().map(|done| done.breaks).unwrap_or_default()
    }

    /// To the head of a loop, if the row's budget allows.
    fn back_edge(&mut self, head: Block) {
        let left = self.b.use_var(self.budget);
        let left = self.b.ins().iadd_imm(left, -1);
        self.b.def_var(self.budget, left);
        let off = self.give_up(Cause::Passes);
        self.branch(left, head, off);
    }

    pub(crate) fn for_statement(
        &mut self,
        target: &Target,
        iter: &Expr,
        body: &[Stmt],
        otherwise: &[Stmt],
        line: u32,
    ) -> Result<()> {
        let cursor = self.cursor(iter)?;
        if !self.live {
            return Ok(());
        }
        let before = self.frame()?.assigned.clone();
        let [exhausted, exit] = [(); 2].map(|()| self.b.create_block());
        let breaks = self.walk_until(&cursor, exhausted, exit, &mut |this, item| {
            this.bind(target, item, line)?;
            this.body(body)
        })?;
        self.enter_sealed(exhausted);
        self.frame()?.assigned = before;
        self.after_loop(otherwise, breaks, exit)
    }

    pub(crate) fn while_statement(
        &mut self,
        condition: &Expr,
        body: &[Stmt],
        otherwise: &[Stmt],
    ) -> Result<()> {
        let [head, next, inside, exhausted, exit] = [(); 5].map(|()| self.b.create_block());
        self.jump(head, &[]);
        self.enter(head);
        // What is true for good only ends by `break`.
        let forever = is_true(condition);
        if forever {
            self.jump(inside, &[]);
        } else {
            let flag = self.truth(condition)?;
            self.branch(flag, inside, exhausted);
        }
        let before = self.frame()?.assigned.clone();
        self.enter_sealed(inside);
        self.begin_loop(next, exit);
        self.body(body)?;
        let breaks = self.end_loop();
        self.jump(next, &[]);
        self.enter_sealed(next);
        self.back_edge(head);
        self.b.seal_block(head);
        self.frame()?.assigned = before;
        if forever {
            self.live = false;
            let ways: Vec<_> = breaks.into_iter().map(Some).collect();
            return self.merge(exit, &ways);
        }
        self.enter_sealed(exhausted);
        self.after_loop(otherwise, breaks, exit)
    }

    /// What runs when a loop is exhausted, and then what follows it.
    fn after_loop(
        &mut self,
        otherwise: &[Stmt],
        breaks: Vec<HashSet<String>>,
        exit: Block,
    ) -> Result<()> {
        self.body(otherwise)?;
        let mut ways: Vec<_> = breaks.into_iter().map(Some).collect();
        ways.push(self.live.then_some(self.frame()?.assigned.clone()));
        self.jump(exit, &[]);
        self.merge(exit, &ways)
    }

    /// `break` and `continue`, through the `finally` clauses on the way.
    pub(crate) fn leave_loop(&mut self, for_good: bool) -> Result<()> {
        let Some(inner) = self.loops.last() else {
            return Err(Reason::unsupported("break or continue here", 0));
        };
        let (to, tries) = (if for_good { inner.exit } else { inner.next }, inner.tries);
        self.leave_tries(tries)?;
        if self.live && for_good {
            let assigned = self.frame()?.assigned.clone();
            if let Some(inner) = self.loops.last_mut() {
                inner.breaks.push(assigned);
            }
        }
        self.jump(to, &[]);
        Ok(())
    }

    /// Runs `body` for each item that a function is given, which takes all of them: the items of a generator
    /// are never put together, nor those of a list that nobody else has.
    pub(crate) fn consume(&mut self, arg: &Expr, body: &mut Body<'_, 'g>) -> Result<()> {
        match &arg.kind {
            ExprKind::Comp { elt, target, iter, ifs, more, .. } => {
                let first = (target, iter.as_ref(), ifs.as_slice());
                self.comprehended(first, more, arg.line, &mut |this| {
                    let item = this.expr(elt)?;
                    body(this, item)
                })
            }
            _ => {
                let cursor = self.cursor(arg)?;
                self.walk(&cursor, body)
            }
        }
    }

    /// Generates `body` for each element of a comprehension; its conditions assign nothing for certain.
    pub(crate) fn comprehended(
        &mut self,
        first: (&Target, &Expr, &[Expr]),
        more: &[For],
        line: u32,
        body: &mut dyn FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let (target, iter, ifs) = first;
        let cursor = self.cursor(iter)?;
        let before = self.frame()?.assigned.clone();
        self.walk(&cursor, &mut |this, item| {
            this.bind(target, item, line)?;
            if !this.live {
                return Ok(());
            }
            for condition in ifs {
                let flag = this.truth(condition)?;
                let next = this.loops.last().map(|l| l.next);
                let next = next.ok_or_else(|| Reason::Codegen("no loop".into()))?;
                this.go_on_if(flag, next);
            }
            match more.split_first() {
                Some((inner, more)) => {
                    let first = (&inner.target, &inner.iter, inner.ifs.as_slice());
                    this.comprehended(first, more, line, body)
                }
                None => body(this),
            }
        })?;
        self.frame()?.assigned = before;
        Ok(())
    }
}

/// Whether a condition is a constant that is true.
fn is_true(condition: &Expr) -> bool {
    match &condition.kind {
        ExprKind::Const { t, v } => match t.as_str() {
            "bool" => v.as_bool() == Some(true),
            "int" => v.as_i64().is_some_and(|value| value != 0),
            _ => false,
        },
        _ => false,
    }
}
