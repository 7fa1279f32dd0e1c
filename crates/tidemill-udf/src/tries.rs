//! `try`: handlers, and what runs on every way out.
//!
//! A `finally` clause is generated once for each way: behind the statement, before each `return`, `break` and
//! `continue` that leaves it, and once for each kind of exception that passes through. A row that is given
//! up runs none of it, because CPython runs the row again from its start.

use std::sync::Arc;

use crate::emit::Gen;
use crate::error::Result;
use crate::exceptions::Raised;
use crate::scope::{Finally, Try};
use crate::sites::Cause;
use crate::tree::{Expr, Handler, Stmt};

impl Gen<'_> {
    pub(crate) fn try_statement(
        &mut self,
        body: &[Stmt],
        handlers: &[Handler],
        otherwise: &[Stmt],
        finally: &Arc<Vec<Stmt>>,
    ) -> Result<()> {
        if finally.is_empty() {
            return self.try_except(body, handlers, otherwise);
        }
        let before = self.frame()?.assigned.clone();
        let finally =
            Finally { body: finally.clone(), landings: Vec::new(), loops: self.loops.len() };
        self.tries.push(Try { finally: Some(finally), ..Try::default() });
        if handlers.is_empty() {
            self.body(body)?;
        } else {
            self.try_except(body, handlers, otherwise)?;
        }
        let Some(finally) = self.tries.pop().and_then(|guard| guard.finally) else {
            return Ok(());
        };
        self.body(&finally.body)?;
        let after = self.b.create_block();
        let ways = [self.live.then_some(self.frame()?.assigned.clone())];
        self.jump(after, &[]);
        for (raised, landing) in finally.landings {
            self.enter_sealed(landing);
            self.frame()?.assigned = before.clone();
            self.body(&finally.body)?;
            if self.live {
                self.raise(raised);
            }
        }
        self.merge(after, &ways)
    }

    fn try_except(
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
        self.tries.push(Try { handlers: blocks.clone(), used, finally: None });
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
                self.deopt(Cause::Unsure);
            }
            ways.push(self.live.then_some(self.frame()?.assigned.clone()));
            self.jump(after, &[]);
        }
        self.merge(after, &ways)
    }

    /// Runs the `finally` clauses of all but the outermost `to` statements that we are in.
    pub(crate) fn leave_tries(&mut self, to: usize) -> Result<()> {
        let statement = self.statement;
        for depth in (to..self.tries.len()).rev() {
            let Some(finally) = self.tries[depth].finally.as_ref().filter(|_| self.live) else {
                continue;
            };
            let (body, loops) = (finally.body.clone(), finally.loops);
            // It runs outside of what it belongs to.
            let tries = self.tries.split_off(depth);
            let loops = self.loops.split_off(loops);
            self.body(&body)?;
            self.tries.extend(tries);
            self.loops.extend(loops);
        }
        self.statement = statement;
        Ok(())
    }

    /// An exception that is certain: to its handler, or the row is given up.
    pub(crate) fn raise(&mut self, raised: Raised) {
        self.effects.may_raise = true;
        for depth in (0..self.tries.len()).rev() {
            let guard = &mut self.tries[depth];
            let caught =
                guard.handlers.iter().position(|(types, _)| raised.is_caught_by(types.as_deref()));
            if let Some(which) = caught {
                guard.used[which] = true;
                let block = guard.handlers[which].1;
                return self.jump(block, &[]);
            }
            if let Some(finally) = &mut guard.finally {
                let known = finally.landings.iter().find(|(other, _)| *other == raised);
                let block = known.map(|(_, block)| *block).unwrap_or_else(|| {
                    let block = self.b.create_block();
                    finally.landings.push((raised, block));
                    block
                });
                return self.jump(block, &[]);
            }
        }
        self.deopt(Cause::Raises(raised.name()));
    }

    /// `raise` of a built-in exception; what its arguments raise comes first.
    pub(crate) fn raise_statement(&mut self, kind: Option<&str>, args: &[Expr]) -> Result<()> {
        self.effects.may_raise = true;
        match kind.and_then(Raised::named) {
            Some(raised) => {
                for arg in args {
                    self.expr(arg)?;
                }
                self.raise(raised);
            }
            None => self.deopt(Cause::Left),
        }
        Ok(())
    }
}
