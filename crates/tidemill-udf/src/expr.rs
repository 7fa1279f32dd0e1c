//! Expressions: constants, operators by truth, conditional values, lists, comprehensions, f-strings.

use std::collections::HashSet;

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{Block, InstBuilder, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::matches::matched;
use crate::record::is_made_here;
use crate::scope::Value;
use crate::sites::Cause;
use crate::tree::{Constant, Expr, ExprKind};
use crate::types::Type;
use crate::whole::LARGEST;

/// What is known of a list's items.
pub(crate) struct Item {
    ty: Type,
    /// Whether items of other types may follow.
    open: bool,
}

impl Item {
    /// There is none.
    pub(crate) const NEVER: Item = Item { ty: Type::Never, open: true };

    /// They are like this one.
    pub(crate) fn of(item: &Value) -> Item {
        Item { ty: item.ty.clone(), open: item.is_open() }
    }
}

impl Gen<'_> {
    /// The value of an expression.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Result<Value> {
        let value = self.either_number(expr)?;
        Ok(self.of_its_type(value))
    }

    /// As [`Gen::either_number`], which calls it.
    pub(crate) fn value_of(&mut self, expr: &Expr) -> Result<Value> {
        let line = expr.line;
        match &expr.kind {
            ExprKind::Const { t, v } => {
                let exact = v.as_i64().is_none_or(|v| v.unsigned_abs() <= LARGEST);
                Ok(Value { literal: exact, ..self.constant(t, v, line)? })
            }
            ExprKind::Name { id } => self.name(id, line),
            ExprKind::Outer { id, scope } => self.outer_name(id, *scope, line),
            ExprKind::Walrus { id, v } => {
                let value = self.expr(v)?;
                self.assign(id, value, line)?;
                // As the variable has it: two names for one list must agree on what its items are.
                self.name(id, line)
            }
            ExprKind::Tuple { v } => {
                let items = v.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?;
                Ok(Value::tuple(items))
            }
            ExprKind::List { v } => self.list(v, line),
            ExprKind::Dict { v } => self.dict(v, false, line),
            ExprKind::Bin { op, a, b } => {
                let (a, b) = (self.either_number(a)?, self.either_number(b)?);
                self.number_binary(op, &a, &b, line)
            }
            ExprKind::Unary { op, a } if op == "not" => {
                let flag = self.truth(a)?;
                let flag = self.b.ins().icmp_imm(IntCC::Equal, flag, 0);
                Ok(self.bool(flag))
            }
            ExprKind::Unary { op, a } => {
                let value = self.either_number(a)?;
                if op == "-" && value.whole.is_some() {
                    return Ok(self.negated_number(&value));
                }
                let value = self.of_its_type(value);
                let value = self.settled(&value);
                self.unary(op, value, line)
            }
            ExprKind::Cmp { first, rest } => {
                let flag = self.comparison(first, rest, line)?;
                Ok(self.bool(flag))
            }
            ExprKind::Boolop { op, v } => self.either(op, v, line),
            ExprKind::Ifexp { c, a, b } => self.choose(c, a, b, line),
            ExprKind::Call { f, args, kw } => self.call_expr(f, args, kw, line),
            ExprKind::Method { o, m, args, names } => self.method_expr(o, m, args, names, line),
            ExprKind::Datetime { op, args, f } => self.datetime(op, args, f, line),
            ExprKind::Attr { o, a } => self.attribute(o, a, line),
            ExprKind::Regex { op, p, args, t } => self.regex(op, p, args, t.as_deref(), line),
            ExprKind::Index { o, i } => self.index(o, i, line),
            ExprKind::Slice { o, lo, hi, step } => {
                self.slice(o, [lo.as_deref(), hi.as_deref(), step.as_deref()], line)
            }
            ExprKind::Comp { lazy: true, .. } => Err(Reason::unsupported("a generator here", line)),
            ExprKind::Comp { .. } => self.comprehension(expr),
            ExprKind::DictComp { key, value, target, iter, ifs, more } => {
                let first = (target, iter.as_ref(), ifs.as_slice());
                self.dict_comprehension([key, value], first, more, line)
            }
            ExprKind::Format { args, parts, unpack } => self.format(args, parts, *unpack, line),
            ExprKind::ConstList { v } => self.constant_list(v, line),
            ExprKind::Builtin { id, .. } => {
                Err(Reason::unsupported(format!("this use of {id}"), line))
            }
            ExprKind::Func { f } => {
                Err(Reason::unsupported(format!("this use of {}", f.name), line))
            }
            ExprKind::ConstSet { .. } | ExprKind::ConstMap { .. } => {
                Err(Reason::unsupported("this use of a name", line))
            }
        }
    }

    /// Arguments of a function that takes every item of a generator.
    pub(crate) fn used_up(&mut self, args: &[Expr]) -> Result<Vec<Value>> {
        args.iter().map(|arg| self.used_up_one(arg)).collect()
    }

    /// A value that the function returns; a generator runs after it has left every `try`.
    pub(crate) fn returned(&mut self, value: &Expr) -> Result<Value> {
        if !matches!(value.kind, ExprKind::Comp { lazy: true, .. }) {
            return self.expr(value);
        }
        if self.tries.iter().any(|guard| guard.finally.is_some()) {
            // It would see what the clause assigns.
            return Err(Reason::unsupported("a generator returned through finally", value.line));
        }
        let tries = std::mem::take(&mut self.tries);
        let made = self.used_up_one(value);
        self.tries = tries;
        let made = made?;
        if made.ty.item().is_some_and(Type::may_change) {
            // What follows, here or in CPython, could change an item before CPython makes the next one.
            return Err(Reason::unsupported("a generator of lists or dicts", value.line));
        }
        Ok(made)
    }

    pub(crate) fn used_up_one(&mut self, arg: &Expr) -> Result<Value> {
        match &arg.kind {
            ExprKind::Comp { .. } => self.comprehension(arg),
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

    pub(crate) fn unary(&mut self, op: &str, value: Value, line: u32) -> Result<Value> {
        match (op, &value.ty) {
            (_, Type::Never) => Ok(value),
            ("+", Type::Bool) => Ok(Value::new(Type::Int, value.slots)),
            ("~", Type::Int) => {
                let value = self.b.ins().bnot(value.one());
                Ok(Value::new(Type::Int, vec![value]))
            }
            ("-", Type::Int | Type::Bool) => {
                let zero = self.int(0);
                self.binary("-", &Value::new(Type::Int, vec![zero]), &value, line)
            }
            ("-", Type::Json(_)) => self.json_negative(&value, line),
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
                let mut certain = None;
                for (i, part) in v.iter().enumerate() {
                    let flag = self.truth(part)?;
                    // Only the first is evaluated for certain.
                    certain = certain.or(Some(self.frame()?.assigned.clone()));
                    if i + 1 == v.len() {
                        self.jump(merge, &[flag]);
                        break;
                    }
                    self.stop_or_go_on(op, flag, merge);
                }
                self.assign_only(certain)?;
                self.enter_sealed(merge);
                Ok(result)
            }
            _ => {
                let value = self.either_number(expr)?;
                Ok(self.truthy(&value))
            }
        }
    }

    /// Takes back what was assigned on only some ways to here.
    fn assign_only(&mut self, certain: Option<HashSet<String>>) -> Result<()> {
        if let Some(certain) = certain {
            self.frame()?.assigned = certain;
        }
        Ok(())
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
        let mut left = self.either_number(first)?;
        let merge = self.b.create_block();
        let result = self.b.append_block_param(merge, types::I8);
        let mut certain = None;
        for (i, (op, right)) in rest.iter().enumerate() {
            let by_value = matches!(op.as_str(), "==" | "!=" | "<" | "<=" | ">" | ">=");
            left = if by_value { left } else { self.of_its_type(left) };
            let (flag, value) = match &right.kind {
                ExprKind::ConstSet { v } | ExprKind::ConstList { v } => {
                    let keys: Vec<&Constant> = v.iter().collect();
                    (self.member(op, &left, &keys, line)?, None)
                }
                ExprKind::Tuple { v } | ExprKind::List { v }
                    if matches!(op.as_str(), "in" | "not in") =>
                {
                    (self.member_of(op, &left, v, line)?, None)
                }
                _ => {
                    let right = self.either_number(right)?;
                    let right = if by_value { right } else { self.of_its_type(right) };
                    (self.compare(op, &left, &right, line)?, Some(right))
                }
            };
            certain = certain.or(Some(self.frame()?.assigned.clone()));
            if i + 1 == rest.len() {
                self.jump(merge, &[flag]);
                break;
            }
            left = value.ok_or_else(|| Reason::unsupported("this chained comparison", line))?;
            self.stop_or_go_on("and", flag, merge);
        }
        self.assign_only(certain)?;
        self.enter_sealed(merge);
        Ok(result)
    }

    /// `value in (a, b)`: every item is evaluated first, as Python does.
    fn member_of(&mut self, op: &str, value: &Value, items: &[Expr], line: u32) -> Result<IrValue> {
        let items = items.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?;
        self.is_among(op, value, &items, line)
    }

    pub(crate) fn is_among(
        &mut self,
        op: &str,
        value: &Value,
        items: &[Value],
        line: u32,
    ) -> Result<IrValue> {
        let mut found = self.b.ins().iconst(types::I8, 0);
        if matches!(value.ty, Type::Json(_)) {
            self.expect_plain(value)?;
        }
        if value.ty == Type::Float {
            // An item that is the very same object is in, even if it is not equal to itself.
            let nan = self.b.ins().fcmp(FloatCC::Unordered, value.one(), value.one());
            self.deopt_if(nan, Cause::Unsure);
        }
        for item in items {
            let same = self.compare("==", value, item, line)?;
            found = self.b.ins().bor(found, same);
        }
        Ok(if op == "in" { found } else { self.b.ins().icmp_imm(IntCC::Equal, found, 0) })
    }

    /// `a and b`, `a or b` as values.
    fn either(&mut self, op: &str, parts: &[Expr], line: u32) -> Result<Value> {
        let (mut ways, mut certain) = (Vec::new(), None);
        for (i, part) in parts.iter().enumerate() {
            let before = ways.last().map(|(_, value): &(Block, Value)| value.ty.clone());
            let value = self.alternative(part, before.as_ref())?;
            certain = certain.or(Some(self.frame()?.assigned.clone()));
            let stop = self.b.create_block();
            if i + 1 == parts.len() {
                self.jump(stop, &[]);
            } else {
                let flag = self.truthy(&value);
                let go_on = self.b.create_block();
                let (yes, no) = if op == "and" { (go_on, stop) } else { (stop, go_on) };
                self.branch(flag, yes, no);
                self.enter_sealed(go_on);
            }
            let stops = i + 1 < parts.len();
            let value = match &value.ty {
                // What stops an `or` is true, and so not None.
                Type::Option(_) if stops && op == "or" => self.inner(&value),
                // A match is true, so what stops an `and` is None.
                Type::Option(_) if stops && matched(&value.ty).is_some() => {
                    Value::new(Type::None, vec![])
                }
                _ => value,
            };
            ways.push((stop, value));
        }
        self.assign_only(certain)?;
        self.join(&format!("the operands of {op}"), &ways, line)
    }

    /// An expression that stands beside one of a type: a dict literal beside a dynamic value is one.
    fn alternative(&mut self, expr: &Expr, beside: Option<&Type>) -> Result<Value> {
        match (&expr.kind, beside) {
            (ExprKind::Dict { v }, Some(Type::Json(_))) => self.dict(v, true, expr.line),
            _ => self.expr(expr),
        }
    }

    /// What a condition comes to where the types alone say so: whether a variable is `None`.
    pub(crate) fn foregone(&self, expr: &Expr) -> Option<bool> {
        let is_none = |expr: &Expr| {
            let ExprKind::Name { id } = &expr.kind else { return None };
            let frame = self.frames.last()?;
            match &frame.locals.get(id).filter(|_| frame.assigned.contains(id))?.ty {
                Type::Option(_) | Type::Json(_) | Type::Never => None,
                ty => Some(*ty == Type::None),
            }
        };
        match &expr.kind {
            ExprKind::Name { .. } => is_none(expr).filter(|none| *none).map(|_| false),
            ExprKind::Unary { op, a } if op == "not" => self.foregone(a).map(|known| !known),
            ExprKind::Cmp { first, rest } => {
                let [(op, right)] = rest.as_slice() else { return None };
                let none = matches!(&right.kind, ExprKind::Const { t, .. } if t == "none");
                let wanted = match op.as_str() {
                    "is" if none => true,
                    "is not" if none => false,
                    _ => return None,
                };
                is_none(first).map(|found| found == wanted)
            }
            ExprKind::Boolop { op, v } => {
                let decides = op == "or";
                for part in v {
                    // What is not foregone may raise, and so must be evaluated.
                    if self.foregone(part)? == decides {
                        return Some(decides);
                    }
                }
                Some(!decides)
            }
            _ => None,
        }
    }

    fn choose(&mut self, condition: &Expr, yes: &Expr, no: &Expr, line: u32) -> Result<Value> {
        if let Some(known) = self.foregone(condition) {
            return self.expr(if known { yes } else { no });
        }
        let flag = self.truth(condition)?;
        let [then, otherwise] = [(); 2].map(|()| self.b.create_block());
        self.branch(flag, then, otherwise);
        let mut ways = Vec::new();
        let certain = self.frame()?.assigned.clone();
        for (block, expr) in [(then, yes), (otherwise, no)] {
            self.enter_sealed(block);
            let before = ways.last().map(|(_, value): &(Block, Value)| value.ty.clone());
            let value = self.alternative(expr, before.as_ref())?;
            self.frame()?.assigned = certain.clone();
            let end = self.b.create_block();
            self.jump(end, &[]);
            ways.push((end, value));
        }
        self.join("a conditional expression", &ways, line)
    }

    /// Goes on with the value of whichever way was taken; each ends in its block.
    pub(crate) fn join(&mut self, what: &str, ways: &[(Block, Value)], line: u32) -> Result<Value> {
        let Some((_, first)) = ways.first() else {
            return Err(Reason::unsupported("this expression", line));
        };
        // What is computed says of which type it is; a constant of another one is the rare case.
        let is_constant = |value: &Value| value.literal && ways.iter().any(|(_, v)| !v.literal);
        let (constants, others): (Vec<_>, Vec<_>) =
            ways.iter().map(|(_, value)| value).partition(|value| is_constant(value));
        let mut ty = others.first().unwrap_or(&first).ty.clone();
        for value in others {
            ty = ty.unify(&value.ty).ok_or_else(|| Reason::mixed(what, &[&ty, &value.ty], line))?;
        }
        for value in constants {
            ty = ty.unify(&value.ty).unwrap_or(ty);
        }
        let fits = |value: &Value| {
            ty.unify(&value.ty).is_some_and(|both| both == ty) && value.ty.fits(&ty)
        };
        if let Some((_, value)) = ways.iter().find(|(_, value)| !fits(value) && !is_constant(value))
        {
            return Err(Reason::mixed(what, &[&ty, &value.ty], line));
        }
        let whole = |value: &Value| ty == Type::Float && Self::is_whole_constant(value);
        let is_number = ways.iter().any(|(_, value)| whole(value) || value.whole.is_some());
        let room = if is_number { self.declare_number() } else { self.declare(&ty) };
        let merge = self.b.create_block();
        for (block, value) in ways {
            self.enter_sealed(*block);
            if whole(value) {
                let value = self.held_as_float(value);
                self.set(&room, &value);
            } else if fits(value) {
                let fitted = self.coerce(value, &ty, line)?;
                self.set(&room, &Value { whole: value.whole, ..fitted });
            } else {
                self.deopt(Cause::Kind);
            }
            self.jump(merge, &[]);
        }
        self.enter_sealed(merge);
        Ok(self.get(&room))
    }

    fn list(&mut self, written: &[Expr], line: u32) -> Result<Value> {
        let items = written.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?;
        if !written.iter().zip(&items).all(|(expr, item)| is_made_here(expr, &item.ty)) {
            return Err(Reason::unsupported("a list of dicts from elsewhere", line));
        }
        self.list_from(&items, line)
    }

    /// A new list of these values.
    pub(crate) fn list_from(&mut self, items: &[Value], line: u32) -> Result<Value> {
        let mut ty = Type::Never;
        for item in items {
            ty = ty
                .unify(&item.ty)
                .ok_or_else(|| Reason::mixed("a list with items", &[&ty, &item.ty], line))?;
        }
        if let Some(item) = items.iter().find(|item| !item.ty.fits(&ty)) {
            return Err(Reason::mixed("a list with items", &[&ty, &item.ty], line));
        }
        let list = self.new_list(&ty)?;
        for item in items {
            let item = self.coerce(item, &ty, line)?;
            self.push(&list, &item)?;
        }
        let open = items.iter().all(Value::is_open);
        Ok(Value { fresh: open, ..list })
    }

    pub(crate) fn new_list(&mut self, item: &Type) -> Result<Value> {
        Ok(self.begin_list(item)?.0)
    }

    /// A new list, and the number that says how many slots an item has.
    fn begin_list(&mut self, item: &Type) -> Result<(Value, IrValue)> {
        self.effects.makes_lists = true;
        let width = self.int(item.slots() as i64);
        let list = self.call_value("list_new", &[self.rows, width], 'I')?;
        Ok((Value::new(Type::List(Box::new(item.clone())), vec![list]).fresh(), width))
    }

    /// A new list of what `fill` puts there, which tells the items' type: that is known before the list is made when
    /// the code runs, but not when it is generated.
    pub(crate) fn filled_list(
        &mut self,
        fill: impl FnOnce(&mut Self, &Value) -> Result<Item>,
    ) -> Result<Value> {
        let (list, width) = self.begin_list(&Type::Never)?;
        let item = fill(self, &list)?;
        if let Some(inst) = self.b.func.dfg.value_def(width).inst() {
            let slots = item.ty.slots() as i64;
            self.b.func.dfg.replace(inst).iconst(types::I64, slots);
        }
        Ok(Value { fresh: item.open, ..Value::new(Type::List(Box::new(item.ty)), list.slots) })
    }

    /// A list comprehension, or a generator that is used up where it stands.
    fn comprehension(&mut self, comp: &Expr) -> Result<Value> {
        let ExprKind::Comp { elt, target, iter, ifs, more, .. } = &comp.kind else {
            return Err(Reason::Codegen("no comprehension".into()));
        };
        let first = (target, iter.as_ref(), ifs.as_slice());
        self.filled_list(|this, list| {
            let mut made = Item::NEVER;
            this.comprehended(first, more, comp.line, &mut |this| {
                let item = this.expr(elt)?;
                let item = this.settle_if_simple(&item);
                if !is_made_here(elt, &item.ty) {
                    return Err(Reason::unsupported("a list of dicts from elsewhere", comp.line));
                }
                made = Item::of(&item);
                this.push(list, &item)
            })?;
            Ok(made)
        })
    }
}
