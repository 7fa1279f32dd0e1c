//! String methods: which runtime helper each is.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value as IrValue};

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::Value;
use crate::types::Type;

/// The tests without arguments, in the order in which the helper counts them.
const TESTS: [&str; 12] = [
    "isdigit",
    "isalpha",
    "isalnum",
    "isspace",
    "isupper",
    "islower",
    "isdecimal",
    "isnumeric",
    "istitle",
    "isidentifier",
    "isascii",
    "isprintable",
];

/// The methods that change case, likewise.
const CASES: [&str; 6] = ["lower", "upper", "title", "capitalize", "swapcase", "casefold"];

/// Parameters that may be given by name: the method, its parameters, and the spelling of their defaults:
/// `n` is `None`, a number is one.
const NAMED: [(&str, &[(&str, &str)]); 4] = [
    ("split", &[("sep", "n"), ("maxsplit", "-1")]),
    ("rsplit", &[("sep", "n"), ("maxsplit", "-1")]),
    ("splitlines", &[("keepends", "0")]),
    ("expandtabs", &[("tabsize", "8")]),
];

/// A type as a letter: `s`tring, `i`nteger or bool, `n`one, `l`ist of strings, `t`uple of strings.
fn letter(ty: &Type) -> char {
    match ty {
        Type::Str => 's',
        Type::Int | Type::Bool => 'i',
        Type::None => 'n',
        Type::List(item) if matches!(**item, Type::Str | Type::Never) => 'l',
        Type::Tuple(items) if items.iter().all(|item| *item == Type::Str) => 't',
        _ => '?',
    }
}

fn strings() -> Type {
    Type::List(Box::new(Type::Str))
}

impl Gen<'_> {
    /// A method of a string; the last arguments may have names.
    pub(crate) fn text_method(
        &mut self,
        object: &Value,
        name: &str,
        args: &[Value],
        names: &[String],
        line: u32,
    ) -> Result<Value> {
        let placed = self.placed(name, args, names);
        let found = match &placed {
            Some(args) => self.known_text_method(object, name, args)?,
            None => None,
        };
        found.ok_or_else(|| {
            let mut types = vec![&object.ty];
            types.extend(args.iter().map(|arg| &arg.ty));
            Reason::types(format!(".{name}()"), &types, line)
        })
    }

    /// The arguments by position, defaults where others by name leave a gap.
    fn placed(&mut self, method: &str, args: &[Value], names: &[String]) -> Option<Vec<Value>> {
        let positional = args.len() - names.len();
        let mut placed = args[..positional].to_vec();
        if names.is_empty() {
            return Some(placed);
        }
        let (_, parameters) = NAMED.iter().find(|(name, _)| *name == method)?;
        let after = parameters.get(positional..)?;
        if !names.iter().all(|name| after.iter().any(|(known, _)| known == name)) {
            return None;
        }
        for (parameter, default) in after {
            placed.push(match names.iter().position(|name| name == parameter) {
                Some(at) => args[positional + at].clone(),
                None => self.default(default),
            });
        }
        Some(placed)
    }

    fn default(&mut self, spelled: &str) -> Value {
        match spelled.parse() {
            Ok(number) => Value::new(Type::Int, vec![self.int(number)]),
            Err(_) => Value::new(Type::None, vec![]),
        }
    }

    /// A method whose arguments are in place; `None` if there is none for their types.
    fn known_text_method(
        &mut self,
        object: &Value,
        name: &str,
        args: &[Value],
    ) -> Result<Option<Value>> {
        let letters: String = args.iter().map(|arg| letter(&arg.ty)).collect();
        let ranged = matches!(letters.get(1..), Some("" | "i" | "n" | "ii" | "in" | "ni" | "nn"));
        let first = letters.chars().next();
        let value = match (name, letters.as_str()) {
            ("split" | "rsplit", "" | "n" | "ni") => {
                let helper = if name == "split" { "split_space" } else { "rsplit_space" };
                let most = self.number_or(args.get(1), -1);
                self.text_call(helper, &[object], &[most], strings())?
            }
            ("split" | "rsplit", "s" | "si") => {
                let helper = if name == "split" { "split_by" } else { "rsplit_by" };
                let most = self.number_or(args.get(1), -1);
                self.text_call(helper, &[object, &args[0]], &[most], strings())?
            }
            ("splitlines", "" | "i") => {
                let keep = self.number_or(args.first(), 0);
                self.text_call("split_lines", &[object], &[keep], strings())?
            }
            ("partition" | "rpartition", "s") => {
                let right = self.int(i64::from(name == "rpartition"));
                let three = Type::Tuple(vec![Type::Str; 3]);
                self.text_call("partition", &[object, &args[0]], &[right], three)?
            }
            ("strip" | "lstrip" | "rstrip", "" | "n" | "s") => {
                let sides = ["lstrip", "rstrip", "strip"].iter().position(|n| *n == name);
                let sides = self.int(sides.map_or(3, |at| at as i64 + 1));
                match args.first().filter(|chars| chars.ty == Type::Str) {
                    Some(chars) => {
                        self.text_call("strip_chars", &[object, chars], &[sides], Type::Str)?
                    }
                    None => self.text_call("strip", &[object], &[sides], Type::Str)?,
                }
            }
            ("removeprefix" | "removesuffix", "s") => {
                let right = self.int(i64::from(name == "removesuffix"));
                self.text_call("remove_affix", &[object, &args[0]], &[right], Type::Str)?
            }
            ("replace", "ss" | "ssi") => {
                let most = self.number_or(args.get(2), -1);
                self.text_call("replace", &[object, &args[0], &args[1]], &[most], Type::Str)?
            }
            ("find" | "rfind" | "index" | "rindex" | "count", _)
                if ranged && first == Some('s') =>
            {
                self.search(object, name, args)?
            }
            ("startswith" | "endswith", _) if ranged && matches!(first, Some('s' | 't')) => {
                self.affix(object, name, args)?
            }
            ("join", "l") => {
                let out = self.room(2);
                let [s, n] = [object.slots[0], object.slots[1]];
                self.call("join", &[self.rows, s, n, args[0].one(), out], None)?;
                self.load(&Type::Str, out, 0)
            }
            ("join", "t") => {
                let list = self.new_list(&Type::Str)?;
                for item in args[0].items() {
                    self.push(&list, &item)?;
                }
                return self.known_text_method(object, name, &[list]);
            }
            ("join", "s") => {
                let list = self.characters(&args[0])?;
                return self.known_text_method(object, name, &[list]);
            }
            ("center" | "ljust" | "rjust", "i" | "is") => {
                let how = ["ljust", "rjust", "center"].iter().position(|n| *n == name);
                let how = self.int(how.unwrap_or_default() as i64);
                let space = self.constant_str(" ");
                let fill = args.get(1).unwrap_or(&space);
                let call = [args[0].one(), fill.slots[0], fill.slots[1], how];
                self.text_call("justify", &[object], &call, Type::Str)?
            }
            ("zfill", "i") => {
                self.text_call("zero_fill", &[object], &[args[0].one()], Type::Str)?
            }
            ("expandtabs", "" | "i") => {
                let size = self.number_or(args.first(), 8);
                self.text_call("expand", &[object], &[size], Type::Str)?
            }
            (_, "") => return self.counted(object, name),
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    /// The methods without arguments that a helper knows by number.
    fn counted(&mut self, object: &Value, name: &str) -> Result<Option<Value>> {
        let place = |names: &[&str]| names.iter().position(|known| *known == name);
        if let Some(how) = place(&TESTS) {
            let how = self.int(how as i64);
            return self.text_call("classify", &[object], &[how], Type::Bool).map(Some);
        }
        let Some(how) = place(&CASES) else { return Ok(None) };
        let how = self.int(how as i64);
        self.text_call("change_case", &[object], &[how], Type::Str).map(Some)
    }

    fn search(&mut self, object: &Value, name: &str, args: &[Value]) -> Result<Value> {
        let part = &args[0];
        let (low, high) = (self.number_or(args.get(1), 0), self.number_or(args.get(2), i64::MAX));
        let texts = [object.slots[0], object.slots[1], part.slots[0], part.slots[1]];
        let [s, n, p, m] = texts;
        if name == "count" {
            let number = self.call_value("occur", &[s, n, p, m, low, high], 'I')?;
            return Ok(Value::new(Type::Int, vec![number]));
        }
        let last = self.int(i64::from(name.starts_with('r')));
        let found = self.call_value("search", &[s, n, p, m, last, low, high], 'I')?;
        if name.ends_with("index") {
            let missing = self.b.ins().icmp_imm(IntCC::SignedLessThan, found, 0);
            self.raise_if(missing, Raised::Value);
        }
        Ok(Value::new(Type::Int, vec![found]))
    }

    /// `startswith` and `endswith` of a string, or of any of a tuple.
    fn affix(&mut self, object: &Value, name: &str, args: &[Value]) -> Result<Value> {
        let (low, high) = (self.number_or(args.get(1), 0), self.number_or(args.get(2), i64::MAX));
        let right = self.int(i64::from(name == "endswith"));
        let one = std::slice::from_ref(&args[0]);
        let items = args[0].items();
        let parts = if args[0].ty == Type::Str { one } else { &items };
        let mut any = self.int(0);
        for part in parts {
            let texts = [object.slots[0], object.slots[1], part.slots[0], part.slots[1]];
            let [s, n, p, m] = texts;
            let found = self.call_value("has_affix", &[s, n, p, m, right, low, high], 'I')?;
            any = self.b.ins().bor(any, found);
        }
        Ok(Value::new(Type::Bool, vec![any]))
    }

    /// The characters of a string, as a list.
    pub(crate) fn characters(&mut self, text: &Value) -> Result<Value> {
        self.text_call("characters", &[text], &[], strings())
    }

    /// Calls a helper that takes the run's state, strings, more, and where the result goes; if it raises for
    /// certain, that is a `ValueError`.
    pub(crate) fn text_call(
        &mut self,
        helper: &'static str,
        texts: &[&Value],
        more: &[IrValue],
        result: Type,
    ) -> Result<Value> {
        let out = self.room(result.slots());
        let mut call = vec![self.rows];
        call.extend(texts.iter().flat_map(|text| &text.slots));
        call.extend(more);
        call.push(out);
        let status = self.call_value(helper, &call, 'i')?;
        self.check(status, Raised::Value);
        Ok(self.load(&result, out, 0))
    }

    /// A number, or the default if it is missing or `None`.
    fn number_or(&mut self, value: Option<&Value>, default: i64) -> IrValue {
        match value.filter(|value| value.ty != Type::None) {
            Some(value) => value.one(),
            None => self.int(default),
        }
    }
}
