//! The tree of a function, as `python/tidemill/compiler` makes it: Python's own `ast`, with every name
//! resolved and everything that cannot be compiled already refused or marked.

#![allow(missing_docs, reason = "the fields of a node are named in its doc line")]

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::pattern::{Insert, Spec};
pub use crate::runtime::Constant;

/// One narrow operator of a chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Step {
    /// `map(f)`.
    Map(Function),
    /// `filter(f)`.
    Filter(Function),
    /// `flatMap(f)`.
    FlatMap(Function),
    /// `mapValues(f)`.
    MapValues(Function),
    /// `flatMapValues(f)`.
    FlatMapValues(Function),
    /// Takes key and value out of a record, as what follows does first of all.
    #[serde(skip)]
    Pair,
}

/// A function: parameters and body.
#[derive(Debug, Clone, Deserialize)]
pub struct Function {
    /// Its qualified name.
    #[serde(default)]
    pub name: String,
    /// The file that it is in, if it is in one.
    #[serde(default)]
    pub file: Option<String>,
    /// Its line there.
    #[serde(default)]
    pub line: u32,
    /// Its parameters, in order.
    pub params: Vec<String>,
    /// Its statements.
    pub body: Vec<Stmt>,
    /// The names that it binds itself.
    #[serde(default)]
    pub vars: Vec<String>,
    /// What [`ExprKind::Outer`] names it by; 0 if nothing does.
    #[serde(default)]
    pub scope: usize,
    /// Whether it is a generator, of which this is the list of what it yields.
    #[serde(default)]
    pub lazy: bool,
}

/// A statement.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "s", rename_all = "snake_case")]
pub enum Stmt {
    /// `t = v`.
    Assign {
        t: Target,
        v: Expr,
        #[serde(default)]
        l: u32,
    },
    /// `id op= v`.
    Aug {
        id: String,
        op: String,
        v: Expr,
        #[serde(default)]
        l: u32,
    },
    /// `o[i] op= v`.
    AugItem {
        o: Box<Expr>,
        i: Box<Expr>,
        op: String,
        v: Expr,
        #[serde(default)]
        l: u32,
    },
    /// `if c: a else: b`.
    If {
        c: Expr,
        a: Vec<Stmt>,
        #[serde(default)]
        b: Vec<Stmt>,
    },
    /// `return v`.
    Return {
        v: Option<Expr>,
        #[serde(default)]
        l: u32,
    },
    /// An expression for its own sake.
    Expr { v: Expr },
    /// `pass`.
    Pass,
    /// `for t in iter: body else: otherwise`.
    For {
        t: Target,
        iter: Expr,
        body: Vec<Stmt>,
        #[serde(default, rename = "else")]
        otherwise: Vec<Stmt>,
        #[serde(default)]
        l: u32,
    },
    /// `while c: body else: otherwise`.
    While {
        c: Expr,
        body: Vec<Stmt>,
        #[serde(default, rename = "else")]
        otherwise: Vec<Stmt>,
    },
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `try`.
    Try {
        body: Vec<Stmt>,
        handlers: Vec<Handler>,
        #[serde(default, rename = "else")]
        otherwise: Vec<Stmt>,
        /// Shared, because it is generated once for each way out.
        #[serde(default, rename = "final", deserialize_with = "shared")]
        finally: Arc<Vec<Stmt>>,
        #[serde(default)]
        l: u32,
    },
    /// `raise` of a built-in exception made of `args`; without its name the row is CPython's.
    Raise {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        args: Vec<Expr>,
        #[serde(default)]
        l: u32,
    },
    /// Something only CPython may do.
    Deopt {
        why: String,
        #[serde(default)]
        l: u32,
    },
}

impl Stmt {
    /// Where it begins, if it says so and no expression in it does.
    pub(crate) fn line(&self) -> Option<u32> {
        match self {
            Stmt::Assign { l, .. }
            | Stmt::Aug { l, .. }
            | Stmt::AugItem { l, .. }
            | Stmt::Return { l, .. }
            | Stmt::For { l, .. }
            | Stmt::Try { l, .. }
            | Stmt::Raise { l, .. }
            | Stmt::Deopt { l, .. } => Some(*l).filter(|&line| line > 0),
            Stmt::If { c, .. } | Stmt::While { c, .. } => Some(c.line),
            Stmt::Expr { v } => Some(v.line),
            Stmt::Pass | Stmt::Break | Stmt::Continue => None,
        }
    }
}

fn shared<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<Stmt>>, D::Error> {
    Vec::deserialize(from).map(Arc::new)
}

/// `except types: body`.
#[derive(Debug, Clone, Deserialize)]
pub struct Handler {
    /// Names of built-in exceptions; `None` for a bare `except`.
    pub types: Option<Vec<String>>,
    /// The statements.
    pub body: Vec<Stmt>,
}

/// What is assigned to.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Target {
    /// A local variable.
    Name { id: String },
    /// Unpacking.
    Tuple { v: Vec<Target> },
    /// `*v` within an unpacking.
    Star { v: Box<Target> },
    /// `o[i]`.
    Item { o: Box<Expr>, i: Box<Expr> },
}

/// An expression.
#[derive(Debug, Clone, Deserialize)]
pub struct Expr {
    /// What it is.
    #[serde(flatten)]
    pub kind: ExprKind,
    /// Its line.
    #[serde(default, rename = "l")]
    pub line: u32,
}

/// The kinds of expressions.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
pub enum ExprKind {
    /// A constant.
    Const {
        t: String,
        #[serde(default)]
        v: serde_json::Value,
    },
    /// A captured container of constants, right of `in`.
    ConstSet { v: Vec<Constant> },
    /// A captured dictionary of constants.
    ConstMap { v: Vec<Entry> },
    /// A captured list of constants, which is only read.
    ConstList { v: Vec<Constant> },
    /// A local variable.
    Name { id: String },
    /// A variable of the function around this one, known by its scope.
    Outer { id: String, scope: usize },
    /// `id := v`.
    Walrus { id: String, v: Box<Expr> },
    /// A built-in function.
    Builtin {
        id: String,
        /// Of `sum`: floats are added with a correction, as CPython does since 3.12.
        #[serde(default)]
        compensated: bool,
    },
    /// A user's function.
    Func { f: Box<Function> },
    /// `(a, b)`.
    Tuple { v: Vec<Expr> },
    /// `[a, b]`.
    List { v: Vec<Expr> },
    /// `{k: v, **v}`; without a key, the value is a dict whose items are taken.
    Dict { v: Vec<(Option<Expr>, Expr)> },
    /// `a op b`.
    Bin { op: String, a: Box<Expr>, b: Box<Expr> },
    /// `op a`.
    Unary { op: String, a: Box<Expr> },
    /// `a < b < c`.
    Cmp { first: Box<Expr>, rest: Vec<(String, Expr)> },
    /// `a and b`.
    Boolop { op: String, v: Vec<Expr> },
    /// `a if c else b`.
    Ifexp { c: Box<Expr>, a: Box<Expr>, b: Box<Expr> },
    /// `f(args)`.
    Call {
        f: Box<Expr>,
        args: Vec<Expr>,
        #[serde(default)]
        kw: Vec<(String, Expr)>,
    },
    /// A date and time: its format, or the names of replaced fields.
    Datetime {
        op: String,
        args: Vec<Expr>,
        #[serde(default)]
        f: Vec<String>,
    },
    /// `o.a`.
    Attr { o: Box<Expr>, a: String },
    /// A function of `re` or a method of a pattern: the subject and how often at most; what `sub` puts in.
    Regex {
        op: String,
        p: Spec,
        args: Vec<Expr>,
        #[serde(default)]
        t: Option<Vec<Insert>>,
    },
    /// `o.m(args)`; the last arguments have names.
    Method {
        o: Box<Expr>,
        m: String,
        args: Vec<Expr>,
        #[serde(default)]
        names: Vec<String>,
    },
    /// `o[i]`.
    Index { o: Box<Expr>, i: Box<Expr> },
    /// `o[lo:hi:step]`.
    Slice {
        o: Box<Expr>,
        lo: Option<Box<Expr>>,
        hi: Option<Box<Expr>>,
        #[serde(default)]
        step: Option<Box<Expr>>,
    },
    /// `[elt for target in iter if ifs]`, with more loops within the first.
    Comp {
        elt: Box<Expr>,
        target: Target,
        iter: Box<Expr>,
        #[serde(default)]
        ifs: Vec<Expr>,
        #[serde(default)]
        more: Vec<For>,
        /// A generator expression, which must be used up at once where it stands.
        #[serde(default, rename = "gen")]
        lazy: bool,
    },
    /// `{key: value for target in iter if ifs}`, with more loops within the first.
    DictComp {
        key: Box<Expr>,
        value: Box<Expr>,
        target: Target,
        iter: Box<Expr>,
        #[serde(default)]
        ifs: Vec<Expr>,
        #[serde(default)]
        more: Vec<For>,
    },
    /// An f-string, `%` with a constant left side, `str.format` of a constant, `format` by a constant.
    Format {
        args: Vec<Expr>,
        parts: Vec<Part>,
        /// Whether a tuple as the only argument stands for its items.
        #[serde(default)]
        unpack: bool,
    },
}

/// A key and a value of a captured dictionary.
pub type Entry = (Constant, Constant);

/// `for target in iter if ifs` within a comprehension.
#[derive(Debug, Clone, Deserialize)]
pub struct For {
    /// What each item is bound to.
    pub target: Target,
    /// What it loops over.
    pub iter: Expr,
    /// The conditions.
    #[serde(default)]
    pub ifs: Vec<Expr>,
}

/// A piece of a format.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// As it is.
    Text(String),
    /// The argument `a`, converted by `c` (`s`, `r`, or `d` for the whole part), formatted by `s`.
    Field {
        a: usize,
        #[serde(default)]
        c: Option<String>,
        #[serde(default)]
        s: String,
    },
}
