//! `str.split` where its pieces are walked over: they are found one by one, and there is no list of them.
//!
//! Nobody can tell: a text does not change, and to split it has no effects.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as IrValue};

use crate::emit::Gen;
use crate::error::Result;
use crate::loops::Cursor;
use crate::scope::{Local, Value};
use crate::tree::{Expr, ExprKind, Function, Stmt};
use crate::types::Type;

/// Where the search for the next piece of a text stands.
pub(crate) struct Pieces {
    text: Value,
    /// What is between the pieces; without it they are words.
    separator: Option<Value>,
    at: Local,
}

/// Whether a call of a method is one of `split` that finds all pieces, and certainly does not fail.
pub(crate) fn splits(name: &str, args: &[Expr], names: &[String]) -> bool {
    let certain = match args {
        [] => true,
        [separator] => constant_text(separator).is_some_and(|text| !text.is_empty()),
        _ => false,
    };
    name == "split" && names.is_empty() && certain
}

/// The object and arguments of `split`, if all that a function does is to return its pieces.
pub(crate) fn split_by(function: &Function) -> Option<(&Expr, &[Expr], u32)> {
    match function.body.as_slice() {
        [
            Stmt::Return {
                v: Some(Expr { kind: ExprKind::Method { o, m, args, names }, line }),
                ..
            },
        ] if splits(m, args, names) => Some((o, args, *line)),
        _ => None,
    }
}

fn constant_text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Const { t, v } if t == "str" => v.as_str(),
        _ => None,
    }
}

impl Gen<'_> {
    /// A cursor over the pieces of an object, if it is a text.
    pub(crate) fn pieces(&mut self, object: &Expr, args: &[Expr], line: u32) -> Result<Cursor> {
        let object = self.expr(object)?;
        let text = self.settled(&object);
        let text = self.solid(&text);
        if text.ty != Type::Str {
            let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
            let list = self.method(&object, "split", &args, &[], line)?;
            return self.cursor_of(&list, line);
        }
        let separator = args.first().and_then(constant_text);
        let separator = separator.map(|text| self.constant_str(text));
        let start = self.int(0);
        Ok(Cursor::Pieces(Pieces { text, separator, at: self.variable(start) }))
    }

    /// The next piece, and whether there is one.
    pub(crate) fn next_piece(&mut self, pieces: &Pieces) -> Result<(Value, IrValue)> {
        let out = self.room(2);
        let at = self.get(&pieces.at).one();
        let mut args = pieces.text.slots.clone();
        let helper = match &pieces.separator {
            None => "next_word",
            Some(separator) => {
                args.extend(&separator.slots);
                "next_piece"
            }
        };
        args.extend([at, out]);
        let next = self.call_value(helper, &args, 'I')?;
        self.set(&pieces.at, &Value::new(Type::Int, vec![next]));
        let more = self.b.ins().icmp_imm(IntCC::SignedGreaterThanOrEqual, next, 0);
        Ok((self.load(&Type::Str, out, 0), more))
    }
}
