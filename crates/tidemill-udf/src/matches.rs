//! Regular expressions in compiled code: searches, and what a match is asked for.

use std::sync::Arc;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlags, Value as IrValue, types};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::pattern::{Insert, Matcher, Pattern, Spec};
use crate::runtime::{SUBJECT, absent};
use crate::scope::Value;
use crate::tree::{Expr, ExprKind};
use crate::types::Type;

/// The pattern of a match, or of a match or None.
pub(crate) fn matched(ty: &Type) -> Option<Arc<Pattern>> {
    match ty {
        Type::Match(pattern) => Some(pattern.clone()),
        Type::Option(inner) => matched(inner),
        _ => None,
    }
}

/// Whether values of a type hold matches, which cannot leave their row.
pub(crate) fn holds_match(ty: &Type) -> bool {
    ty.any(&|ty| matches!(ty, Type::Match(_)))
}

impl Gen<'_> {
    /// A function of `re`, or a method of a pattern.
    pub(crate) fn regex(
        &mut self,
        op: &str,
        spec: &Spec,
        args: &[Expr],
        inserts: Option<&[Insert]>,
        line: u32,
    ) -> Result<Value> {
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        let args: Vec<Value> = args.iter().map(|arg| self.solid(arg)).collect();
        let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
        if !matches!(types.as_slice(), [Type::Str] | [Type::Str, Type::Int]) {
            return Err(Reason::types(format!("re.{op}()"), &types, line));
        }
        let pattern = self.pattern(spec);
        let once = matches!(op, "match" | "search" | "fullmatch");
        if !once && !pattern.goes_on_alike() {
            return Err(Reason::unsupported("a pattern that prefers to match nothing", line));
        }
        let matcher = Matcher {
            engine: pattern.engine(op == "fullmatch", line)?,
            pattern: pattern.clone(),
            anchored: matches!(op, "match" | "fullmatch"),
            inserts: inserts.unwrap_or_default().to_vec(),
        };
        let address = self.matcher(matcher);
        let most = args.get(1).map_or_else(|| self.int(0), Value::one);
        let subject = [self.rows, address, args[0].slots[0], args[0].slots[1]];
        match op {
            "match" | "search" | "fullmatch" => self.first_match(&pattern, subject),
            "findall" => {
                let item = match pattern.count() {
                    1 | 2 => Type::Str,
                    groups => Type::Tuple(vec![Type::Str; groups - 1]),
                };
                self.found("regex_find_all", &subject, &[], &Type::List(Box::new(item)))
            }
            "finditer" => {
                let list = Type::List(Box::new(Type::Match(pattern)));
                self.found("regex_find_matches", &subject, &[], &list)
            }
            "split" => {
                let certain = (0..pattern.count()).all(|group| pattern.is_certain(group));
                let item = if certain { Type::Str } else { Type::Option(Box::new(Type::Str)) };
                let maybe = self.int(i64::from(!certain));
                self.found("regex_split", &subject, &[most, maybe], &Type::List(Box::new(item)))
            }
            "sub" => self.found("regex_sub", &subject, &[most], &Type::Str),
            "subn" => {
                let both = Type::Tuple(vec![Type::Str, Type::Int]);
                self.found("regex_sub", &subject, &[most], &both)
            }
            _ => Err(Reason::unsupported(format!("re.{op}()"), line)),
        }
    }

    fn pattern(&self, spec: &Spec) -> Arc<Pattern> {
        let mut known = self.known.patterns.borrow_mut();
        let pattern = known.entry(spec.clone());
        pattern.or_insert_with(|| Arc::new(Pattern::new(spec.clone()))).clone()
    }

    /// Keeps a matcher as long as the code, and gives its address.
    fn matcher(&mut self, matcher: Matcher) -> IrValue {
        let matcher = Arc::new(matcher);
        let address = Arc::as_ptr(&matcher) as i64;
        self.matchers.push(matcher);
        self.int(address)
    }

    /// Calls a helper that finds something of a type, or is unsure.
    fn found(
        &mut self,
        helper: &'static str,
        subject: &[IrValue; 4],
        rest: &[IrValue],
        ty: &Type,
    ) -> Result<Value> {
        let out = self.room(3);
        let status = self.call_value(helper, &[subject, rest, &[out]].concat(), 'i')?;
        self.check(status, Raised::Value);
        Ok(self.load(ty, out, 0))
    }

    fn first_match(&mut self, pattern: &Arc<Pattern>, subject: [IrValue; 4]) -> Result<Value> {
        let found = Type::Match(pattern.clone());
        let found = self.found("regex_match", &subject, &[], &found)?;
        let there = self.b.ins().icmp_imm(IntCC::NotEqual, found.one(), 0);
        let there = self.bool(there).one();
        Ok(Value::new(Type::Option(Box::new(found.ty.clone())), vec![there, found.one()]))
    }

    /// A method of a match; `None` has none of them.
    pub(crate) fn match_method(
        &mut self,
        object: &Value,
        pattern: &Arc<Pattern>,
        name: &str,
        args: &[Expr],
        line: u32,
    ) -> Result<Value> {
        if matches!(object.ty, Type::Option(_)) {
            let none = self.is_none(object, true);
            self.raise_if(none, Raised::Attribute);
        }
        let found = &self.inner(object);
        match (name, args) {
            ("group", []) => Ok(self.group(found, pattern, 0)),
            ("group", [one]) => self.match_group(found, pattern, one),
            ("group", several) => {
                let items = several.iter().map(|one| self.match_group(found, pattern, one));
                Ok(Value::tuple(items.collect::<Result<_>>()?))
            }
            ("groups", [] | [_]) => {
                let default = args.first().map(|default| self.expr(default)).transpose()?;
                let groups = (1..pattern.count()).map(|group| {
                    let value = self.group(found, pattern, group);
                    self.value_or(value, default.as_ref(), line)
                });
                Ok(Value::tuple(groups.collect::<Result<_>>()?))
            }
            ("start" | "end" | "span", [] | [_]) => {
                let group = args.first().map_or(Ok(0), |group| number(pattern, group))?;
                Ok(self.group_place(found, pattern, group, name)?)
            }
            _ => Err(Reason::unsupported(format!(".{name}() of a match"), line)),
        }
    }

    /// `m[index]`, `m.group(index)`.
    pub(crate) fn match_group(
        &mut self,
        found: &Value,
        pattern: &Pattern,
        index: &Expr,
    ) -> Result<Value> {
        let group = number(pattern, index)?;
        Ok(self.group(found, pattern, group))
    }

    /// What a group matched; an option if it may not have taken part.
    fn group(&mut self, found: &Value, pattern: &Pattern, group: usize) -> Value {
        let [address, length] = self.group_slots(found, pattern, group);
        if pattern.is_certain(group) {
            return Value::new(Type::Str, vec![address, length]);
        }
        let there = self.b.ins().icmp_imm(IntCC::NotEqual, address, absent() as i64);
        let there = self.bool(there).one();
        Value::new(Type::Option(Box::new(Type::Str)), vec![there, address, length])
    }

    fn group_slots(&mut self, found: &Value, pattern: &Pattern, group: usize) -> [IrValue; 2] {
        pattern.want(group + 1);
        [0, 1].map(|slot| {
            let at = ((SUBJECT + 2 * group + slot) * 8) as i32;
            self.b.ins().load(types::I64, MemFlags::trusted(), found.one(), at)
        })
    }

    /// A group, or a default where it did not take part.
    fn value_or(&mut self, value: Value, default: Option<&Value>, line: u32) -> Result<Value> {
        let default = match default {
            Some(default) if value.ty != Type::Str && default.ty != Type::None => default,
            _ => return Ok(value),
        };
        if default.ty != Type::Str {
            return Err(Reason::types(".groups()", &[&default.ty], line));
        }
        let there = value.one();
        let slots = value.slots[1..].iter().zip(&default.slots);
        let slots = slots.map(|(&group, &other)| self.b.ins().select(there, group, other));
        Ok(Value::new(Type::Str, slots.collect()))
    }

    /// `start`, `end` or `span` of a group.
    fn group_place(
        &mut self,
        found: &Value,
        pattern: &Pattern,
        group: usize,
        which: &str,
    ) -> Result<Value> {
        let [address, length] = self.group_slots(found, pattern, group);
        let end = self.b.ins().iadd(address, length);
        let offset = |this: &mut Self, of: IrValue| -> Result<Value> {
            let absent = this.b.ins().icmp_imm(IntCC::Equal, address, absent() as i64);
            // The subject's own address stands in for one that is not there.
            let subject = this.b.ins().load(types::I64, MemFlags::trusted(), found.one(), 0);
            let of = this.b.ins().select(absent, subject, of);
            let offset = this.call_value("match_offset", &[found.one(), of], 'I')?;
            let nowhere = this.int(-1);
            let offset = this.b.ins().select(absent, nowhere, offset);
            Ok(Value::new(Type::Int, vec![offset]))
        };
        match which {
            "start" => offset(self, address),
            "end" => offset(self, end),
            _ => Ok(Value::tuple(vec![offset(self, address)?, offset(self, end)?])),
        }
    }
}

/// The number of the group that a constant names.
fn number(pattern: &Pattern, index: &Expr) -> Result<usize> {
    let group = match &index.kind {
        ExprKind::Const { t, v } if t == "int" => v.as_u64().and_then(|i| usize::try_from(i).ok()),
        ExprKind::Const { t, v } if t == "str" => v.as_str().and_then(|v| pattern.number(v)),
        _ => None,
    };
    let group = group.filter(|&group| group < pattern.count());
    group.ok_or_else(|| Reason::unsupported("a group that the pattern may not have", index.line))
}
