//! String methods: which runtime helper each is.

use crate::emit::Gen;
use crate::error::{Reason, Result};
use crate::exceptions::Raised;
use crate::scope::Value;
use crate::types::Type;

impl Gen<'_> {
    /// A method of a string.
    pub(crate) fn method(
        &mut self,
        object: &Value,
        name: &str,
        args: &[Value],
        line: u32,
    ) -> Result<Value> {
        let object = &self.solid(object);
        let wrong = || {
            let mut types = vec![&object.ty];
            types.extend(args.iter().map(|arg| &arg.ty));
            Reason::types(format!(".{name}()"), &types, line)
        };
        if object.ty == Type::DateTime {
            return self.datetime_method(object, name, args, line);
        }
        if object.ty != Type::Str {
            return Err(wrong());
        }
        let [s, n] = [object.slots[0], object.slots[1]];
        let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
        match (name, types.as_slice()) {
            ("split", [] | [Type::None] | [Type::None, Type::Int]) => {
                let most = self.limit(args.get(1));
                let out = self.room(1);
                let status = self.call_value("split_space", &[self.rows, s, n, most, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::List(Box::new(Type::Str)), out, 0))
            }
            ("split", [Type::Str] | [Type::Str, Type::Int]) => {
                let most = self.limit(args.get(1));
                let out = self.room(1);
                let sep = &args[0].slots;
                let status = self.call_value(
                    "split_by",
                    &[self.rows, s, n, sep[0], sep[1], most, out],
                    'i',
                )?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::List(Box::new(Type::Str)), out, 0))
            }
            ("strip" | "lstrip" | "rstrip", []) => {
                let sides = self.int(match name {
                    "lstrip" => 1,
                    "rstrip" => 2,
                    _ => 3,
                });
                let out = self.room(2);
                let status = self.call_value("strip", &[s, n, sides, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Str, out, 0))
            }
            ("lower" | "upper", []) => {
                let upper = self.int(i64::from(name == "upper"));
                let out = self.room(2);
                let status = self.call_value("change_case", &[self.rows, s, n, upper, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Str, out, 0))
            }
            ("replace", [Type::Str, Type::Str]) => {
                let (old, new) = (&args[0].slots, &args[1].slots);
                let out = self.room(2);
                let call = [self.rows, s, n, old[0], old[1], new[0], new[1], out];
                let status = self.call_value("replace", &call, 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Str, out, 0))
            }
            ("startswith" | "endswith", [Type::Str]) => {
                let how = self.int(if name == "startswith" { 1 } else { 2 });
                let part = &args[0].slots;
                let found = self.call_value("contains", &[s, n, part[0], part[1], how], 'I')?;
                Ok(Value::new(Type::Bool, vec![found]))
            }
            ("find" | "count", [Type::Str]) => {
                let how = self.int(i64::from(name == "count"));
                let part = &args[0].slots;
                let out = self.room(1);
                let status = self.call_value("search", &[s, n, part[0], part[1], how, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Int, out, 0))
            }
            ("join", [Type::List(item)]) if **item == Type::Str => {
                let out = self.room(2);
                self.call("join", &[self.rows, s, n, args[0].one(), out], None)?;
                Ok(self.load(&Type::Str, out, 0))
            }
            (_, []) => {
                let tests = ["isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower"];
                let how = tests.iter().position(|test| *test == name).ok_or_else(wrong)?;
                let how = self.int(how as i64);
                let out = self.room(1);
                let status = self.call_value("classify", &[s, n, how, out], 'i')?;
                self.check(status, Raised::Value);
                Ok(self.load(&Type::Bool, out, 0))
            }
            _ => Err(wrong()),
        }
    }

    fn limit(&mut self, most: Option<&Value>) -> cranelift_codegen::ir::Value {
        match most {
            Some(most) => most.one(),
            None => self.int(-1),
        }
    }
}
