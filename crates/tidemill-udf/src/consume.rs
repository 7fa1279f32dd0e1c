//! Functions that take every item of what they are given: `sum`, `min`, `any`, `list`, `sorted` and their kin.
//!
//! A generator is used up on the spot, item by item, and by `any` and `all` only as far as CPython would: so
//! nobody can tell that there is none.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value as IrValue};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::expr::Item;
use crate::json::is_either_json;
use crate::record::{holds_dict, is_made_here};
use crate::scope::{Local, Value};
use crate::sites::Cause;
use crate::tree::{Expr, ExprKind, Function};
use crate::types::Type;

/// An argument that is given by its name.
pub(crate) type Named<'t> = (&'t str, &'t Expr);

/// What `key=` names.
enum Key<'t> {
    Function(&'t Function),
    Builtin(&'t str),
}

impl<'g> Gen<'g> {
    /// A call of a function that consumes; `None` if it is not one.
    pub(crate) fn consumer(
        &mut self,
        name: &str,
        compensated: bool,
        args: &[Expr],
        kw: &[(String, Expr)],
        line: u32,
    ) -> Result<Option<Value>> {
        if let ([Expr { kind: ExprKind::Name { .. }, .. }], []) = (args, kw) {
            // That a name is looked up twice makes no difference.
            let value = self.expr(&args[0])?;
            if value.ty == Type::Digest {
                return Ok(self.asked_of_digest(name, &value));
            }
        }
        Ok(Some(match (name, args) {
            ("any" | "all", [arg]) if kw.is_empty() => self.any(name == "any", arg)?,
            ("sum", [arg]) if kw.is_empty() => self.sum(arg, None, compensated, line)?,
            ("sum", [arg, start]) if kw.is_empty() => {
                self.sum(arg, Some(start), compensated, line)?
            }
            ("sum", [arg]) => match kw {
                [(name, start)] if name == "start" => {
                    self.sum(arg, Some(start), compensated, line)?
                }
                _ => return Err(Reason::unsupported("a keyword of sum()", line)),
            },
            ("len", [Expr { kind: ExprKind::Comp { lazy: false, .. }, .. }]) if kw.is_empty() => {
                self.count(&args[0])?
            }
            ("min" | "max", [arg]) => self.extreme_of(name, arg, kw, line)?,
            ("min" | "max", [_, _, ..]) if kw.is_empty() => {
                let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
                self.extreme(name, &args, line)?
            }
            ("list", [arg]) if kw.is_empty() => self.collected(arg)?,
            ("sorted", [arg]) => {
                let list = self.collected(arg)?;
                let kw: Vec<_> = kw.iter().map(|(name, value)| (name.as_str(), value)).collect();
                self.sort(&list, &kw, line)?;
                list
            }
            _ => return Ok(None),
        }))
    }

    fn any(&mut self, any: bool, arg: &Expr) -> Result<Value> {
        let end = self.b.create_block();
        let start = self.int(i64::from(!any));
        let result = self.variable(start);
        let mut look = |this: &mut Gen<'g>, item: Value| {
            let flag = this.truthy(&item);
            let [stop, on] = [(); 2].map(|()| this.b.create_block());
            let (yes, no) = if any { (stop, on) } else { (on, stop) };
            this.branch(flag, yes, no);
            this.enter_sealed(stop);
            let found = this.int(i64::from(any));
            this.set(&result, &Value::new(Type::Int, vec![found]));
            this.jump(end, &[]);
            this.enter_sealed(on);
            Ok(())
        };
        match arg.kind {
            // All of its items are made, whichever is the last that is looked at.
            ExprKind::Comp { lazy: false, .. } => {
                let cursor = self.cursor(arg)?;
                self.walk(&cursor, &mut look)?;
            }
            _ => self.consume(arg, &mut look)?,
        }
        self.jump(end, &[]);
        self.enter_sealed(end);
        let result = self.get(&result).one();
        Ok(Value::new(Type::Bool, vec![result]))
    }

    /// The number of items of a list that nobody else has.
    fn count(&mut self, arg: &Expr) -> Result<Value> {
        let count = self.counter(0);
        self.consume(arg, &mut |this, _| {
            this.step(&count, 1);
            Ok(())
        })?;
        Ok(self.get(&count))
    }

    /// A new list of the items.
    fn collected(&mut self, arg: &Expr) -> Result<Value> {
        let made_by = match &arg.kind {
            ExprKind::Comp { elt, lazy: true, .. } => Some(elt),
            _ => None,
        };
        self.filled_list(|this, list| {
            let mut made = Item::NEVER;
            this.consume(arg, &mut |this, item| {
                let item = this.settle_if_simple(&item);
                if holds_dict(&item.ty) && !made_by.is_some_and(|e| is_made_here(e, &item.ty)) {
                    return Err(Reason::unsupported("a list of dicts from elsewhere", arg.line));
                }
                made = Item::of(&item);
                this.push(list, &item)
            })?;
            Ok(made)
        })
    }

    /// `sum(arg, start)`. Without a start that says otherwise the sum of nothing is the `int` 0.
    fn sum(
        &mut self,
        arg: &Expr,
        start: Option<&Expr>,
        compensated: bool,
        line: u32,
    ) -> Result<Value> {
        if matches!((&arg.kind, start), (ExprKind::Comp { lazy: true, .. }, Some(_))) {
            // Its first iterable is evaluated before the start, the rest after it.
            return Err(Reason::unsupported("sum() of a generator with a start", line));
        }
        // What is walked is evaluated before the start is.
        let cursor = match arg.kind {
            ExprKind::Comp { .. } if start.is_none() => None,
            _ => Some(self.cursor(arg)?),
        };
        let start = self
            .while_open(&cursor, |this| start.map(|start| this.either_number(start)).transpose())?;
        let start_whole = start.as_ref().and_then(|start| start.whole);
        let start = start.map(|start| self.solid(&start));
        let total = self.declare(&start.as_ref().map_or(Type::Int, |start| start.ty.clone()));
        let zero = self.int(0);
        let seen = self.variable(zero);
        let reals = Sum { high: self.declare(&Type::Float), low: self.declare(&Type::Float) };
        self.begin_sum(start.as_ref(), &total, &reals, line)?;
        let mut kind = Type::Never;
        let mut add = |this: &mut Gen<'g>, item: Value| -> Result<()> {
            let item = this.settle_if_simple(&item);
            kind = item.ty.clone();
            let one = this.int(1);
            this.set(&seen, &Value::new(Type::Int, vec![one]));
            match (&total.ty, &item.ty) {
                (_, Type::Never) => {}
                (Type::Int, Type::Int | Type::Bool) => {
                    let so_far = this.get(&total);
                    let sum = this.binary("+", &so_far, &item, line)?;
                    this.set(&total, &sum);
                }
                (_, Type::Float) => this.add_real(&reals, &item, compensated),
                (sum, item) => return Err(Reason::types("sum()", &[sum, item], line)),
            }
            Ok(())
        };
        match cursor {
            Some(cursor) => self.walk(&cursor, &mut add)?,
            None => self.consume(arg, &mut add)?,
        }
        if kind != Type::Float && total.ty == Type::Int {
            return Ok(self.get(&total));
        }
        let mut whole = None;
        if total.ty == Type::Int || start_whole.is_some() {
            // The sum of no floats is the start, which may be a whole number.
            let nothing = self.get(&seen).one();
            let nothing = self.b.ins().icmp_imm(IntCC::Equal, nothing, 0);
            whole = Some(start_whole.map_or(nothing, |start| self.b.ins().band(nothing, start)));
        }
        if total.ty == Type::Int {
            // A whole start is added without correction.
            let start = self.get(&total).one();
            let other = self.b.ins().icmp_imm(IntCC::NotEqual, start, 0);
            self.deopt_if(other, Cause::Unsure);
        }
        if let (true, Some(whole), Some(start)) = (compensated, start_whole, &start) {
            let zero = self.b.ins().f64const(0.0);
            let other = self.b.ins().fcmp(FloatCC::NotEqual, start.one(), zero);
            let other = self.b.ins().band(other, whole);
            self.deopt_if(other, Cause::Unsure);
        }
        let sum = self.real_sum(&reals, compensated);
        // Which of two nans comes out, and with it the sign, is up to CPython's own compiler.
        let nan = self.b.ins().fcmp(FloatCC::Unordered, sum.one(), sum.one());
        self.deopt_if(nan, Cause::Unsure);
        Ok(Value { whole, ..sum })
    }

    fn begin_sum(
        &mut self,
        start: Option<&Value>,
        total: &Local,
        reals: &Sum,
        line: u32,
    ) -> Result<()> {
        let zero = self.b.ins().f64const(0.0);
        let none = Value::new(Type::Float, vec![zero]);
        self.set(&reals.low, &none);
        self.set(&reals.high, &none);
        match start {
            None => {
                let zero = self.int(0);
                self.set(total, &Value::new(Type::Int, vec![zero]));
            }
            Some(start) if start.ty == Type::Int => self.set(total, start),
            Some(start) if start.ty == Type::Float => self.set(&reals.high, start),
            Some(start) => return Err(Reason::types("sum()", &[&start.ty], line)),
        }
        Ok(())
    }

    /// Adds as CPython does: plainly, or since 3.12 with Neumaier's correction.
    fn add_real(&mut self, sum: &Sum, item: &Value, compensated: bool) {
        let (high, x) = (self.get(&sum.high).one(), item.one());
        let next = self.b.ins().fadd(high, x);
        self.set(&sum.high, &Value::new(Type::Float, vec![next]));
        if !compensated {
            return;
        }
        let (size, other) = (self.b.ins().fabs(high), self.b.ins().fabs(x));
        let larger = self.b.ins().fcmp(FloatCC::GreaterThanOrEqual, size, other);
        let big = self.b.ins().select(larger, high, x);
        let small = self.b.ins().select(larger, x, high);
        let lost = self.b.ins().fsub(big, next);
        let lost = self.b.ins().fadd(lost, small);
        let low = self.get(&sum.low).one();
        let low = self.b.ins().fadd(low, lost);
        self.set(&sum.low, &Value::new(Type::Float, vec![low]));
    }

    fn real_sum(&mut self, sum: &Sum, compensated: bool) -> Value {
        let high = self.get(&sum.high).one();
        if !compensated {
            return Value::new(Type::Float, vec![high]);
        }
        // A correction that is not finite says nothing; one of zero would lose the sign of a zero.
        let low = self.get(&sum.low).one();
        let zero = self.b.ins().f64const(0.0);
        let rest = self.b.ins().fsub(low, low);
        let finite = self.b.ins().fcmp(FloatCC::Equal, rest, zero);
        let any = self.b.ins().fcmp(FloatCC::NotEqual, low, zero);
        let counts = self.b.ins().band(finite, any);
        let corrected = self.b.ins().fadd(high, low);
        let value = self.b.ins().select(counts, corrected, high);
        Value::new(Type::Float, vec![value])
    }

    /// `min` and `max` of several arguments: the first of those that no other is strictly beyond.
    fn extreme(&mut self, name: &str, args: &[Value], line: u32) -> Result<Value> {
        let args: Vec<Value> = args.iter().map(|arg| self.solid(arg)).collect();
        let Some((first, rest)) = args.split_first() else {
            return Err(Reason::unsupported(format!("{name}() of nothing"), line));
        };
        let mut best = first.clone();
        for item in rest {
            if is_either_json(item, &best) {
                best = self.of_its_type(best);
                best = self.json_extreme(name, &best, item, line)?;
                continue;
            }
            let mut item = item.clone();
            match (&best.ty, &item.ty) {
                (Type::Float, Type::Int) if Self::is_whole_constant(&item) => {
                    item = self.held_as_float(&item);
                }
                (Type::Int, Type::Float) if Self::is_whole_constant(&best) => {
                    best = self.held_as_float(&best);
                }
                _ => {}
            }
            if item.ty != best.ty {
                // Which of the two types comes out is only known when it runs.
                return Err(Reason::types(format!("{name}()"), &[&best.ty, &item.ty], line));
            }
            let better = self.compare(beyond(name), &item, &best, line)?;
            let whole = self.chosen_whole(better, &item, &best);
            let pairs = best.slots.iter().zip(&item.slots);
            let slots = pairs.map(|(&x, &y)| self.b.ins().select(better, y, x)).collect();
            best = Value { whole, ..Value::new(best.ty, slots) };
        }
        Ok(best)
    }

    /// `min(arg, key=..., default=...)` and `max`.
    fn extreme_of(
        &mut self,
        name: &str,
        arg: &Expr,
        kw: &[(String, Expr)],
        line: u32,
    ) -> Result<Value> {
        let (mut key, mut default) = (None, None);
        for (keyword, value) in kw {
            match keyword.as_str() {
                "key" => key = key_of(value),
                "default" => default = Some(value),
                _ => {}
            }
        }
        if kw.len() != usize::from(key.is_some()) + usize::from(default.is_some()) {
            return Err(Reason::unsupported(format!("a keyword of {name}()"), line));
        }
        let is_constant = |e: &Expr| matches!(e.kind, ExprKind::Const { .. });
        let cursor = match arg.kind {
            ExprKind::Comp { .. } if default.is_none_or(is_constant) => None,
            ExprKind::Comp { lazy: true, .. } => {
                // Its first iterable is evaluated before the default, the rest after it.
                return Err(Reason::unsupported(format!("this default of {name}()"), line));
            }
            _ => Some(self.cursor(arg)?),
        };
        let default =
            self.while_open(&cursor, |this| default.map(|value| this.expr(value)).transpose())?;
        let zero = self.int(0);
        let seen = self.variable(zero);
        let mut best: Option<(Local, Local)> = None;
        let mut pick = |this: &mut Gen<'g>, item: Value| -> Result<()> {
            let item = this.settle_if_simple(&item);
            let measure = this.keyed(key.as_ref(), &item, line)?;
            let (held, measured) = best
                .get_or_insert_with(|| (this.declare(&item.ty), this.declare(&measure.ty)))
                .clone();
            let [compare, take, next] = [(); 3].map(|()| this.b.create_block());
            let any = this.get(&seen).one();
            this.branch(any, compare, take);
            this.enter_sealed(compare);
            let so_far = this.get(&measured);
            let better = this.compare(beyond(name), &measure, &so_far, line)?;
            this.branch(better, take, next);
            this.enter_sealed(take);
            this.set(&held, &item);
            this.set(&measured, &measure);
            let one = this.int(1);
            this.set(&seen, &Value::new(Type::Int, vec![one]));
            this.jump(next, &[]);
            this.enter_sealed(next);
            Ok(())
        };
        match cursor {
            Some(cursor) => self.walk(&cursor, &mut pick)?,
            None => self.consume(arg, &mut pick)?,
        }
        let Some((held, _)) = best else {
            return Err(Reason::unsupported(format!("{name}() of this"), line));
        };
        let any = self.get(&seen).one();
        let Some(default) = default else {
            let none = self.b.ins().icmp_imm(IntCC::Equal, any, 0);
            self.raise_if(none, Raised::Value);
            return Ok(self.get(&held));
        };
        let best = self.get(&held);
        let [found, none] = [(); 2].map(|()| self.b.create_block());
        self.branch(any, found, none);
        let ways = [(found, best), (none, default)];
        self.join(&format!("the results of {name}()"), &ways, line)
    }

    /// What an item is compared by.
    fn keyed(&mut self, key: Option<&Key<'_>>, item: &Value, line: u32) -> Result<Value> {
        let measure = match key {
            None => item.clone(),
            Some(Key::Builtin(name)) => self.builtin(name, std::slice::from_ref(item), line)?,
            Some(Key::Function(function)) => {
                let value = self.inline(function, vec![item.clone()])?;
                value.ok_or_else(|| Reason::unsupported("this key", line))?
            }
        };
        Ok(self.settle_if_simple(&measure))
    }

    /// `list.sort(key=..., reverse=...)`: stable, so what equal items do is certain.
    pub(crate) fn sort(&mut self, list: &Value, kw: &[Named<'_>], line: u32) -> Result<()> {
        let (mut key, mut reverse) = (None, self.int(0));
        for &(keyword, value) in kw {
            match keyword {
                "key" => match key_of(value) {
                    Some(found) => key = Some(found),
                    None => return Err(Reason::unsupported("this key", line)),
                },
                "reverse" => reverse = self.flag(value)?,
                _ => return Err(Reason::unsupported("a keyword of sort()", line)),
            }
        }
        let Type::List(item) = &list.ty else {
            return Err(Reason::types("sort()", &[&list.ty], line));
        };
        if **item == Type::Never {
            self.must_be_empty(list);
            return Ok(());
        }
        let (keys, ty) = match &key {
            None => (list.one(), (**item).clone()),
            Some(_) => {
                let keys = self.new_list(&Type::Never)?;
                let mut ty = Type::Never;
                let cursor = self.cursor_of(list, line)?;
                self.walk(&cursor, &mut |this, item| {
                    let value = this.keyed(key.as_ref(), &item, line)?;
                    ty = value.ty.clone();
                    this.push(&keys, &value)
                })?;
                (keys.one(), ty)
            }
        };
        if !is_ordered(&ty) {
            return Err(Reason::types("sort()", &[&list.ty], line));
        }
        let told = self.told(&ty);
        let args = [self.rows, keys, list.one(), told, reverse];
        let status = self.call_value("list_sort", &args, 'i')?;
        self.check(status, Raised::Value);
        Ok(())
    }

    fn flag(&mut self, value: &Expr) -> Result<IrValue> {
        let value = self.expr(value)?;
        match value.ty {
            Type::Bool | Type::Int => {
                if value.ty == Type::Int {
                    self.must_be_a_c_int(value.one());
                }
                let flag = self.truthy(&value);
                Ok(self.bool(flag).one())
            }
            _ => Err(Reason::types("the argument reverse", &[&value.ty], 0)),
        }
    }
}

/// A sum of floats, and what was lost of it.
struct Sum {
    high: Local,
    low: Local,
}

fn beyond(name: &str) -> &'static str {
    if name == "min" { "<" } else { ">" }
}

fn key_of(key: &Expr) -> Option<Key<'_>> {
    match &key.kind {
        ExprKind::Func { f } => Some(Key::Function(f)),
        ExprKind::Builtin { id, .. } => Some(Key::Builtin(id)),
        _ => None,
    }
}

/// Whether values of a type can be sorted; where they hold a `None` or a nan, only CPython can tell how.
pub(crate) fn is_ordered(ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Int | Type::Float | Type::Str | Type::None => true,
        Type::List(item) | Type::Option(item) => is_ordered(item),
        Type::Tuple(items) => items.iter().all(is_ordered),
        Type::Never => true,
        Type::DateTime | Type::Match(_) | Type::Record(_) | Type::Json(_) => false,
        Type::Parts(_) | Type::Runs | Type::Digest => false,
    }
}
