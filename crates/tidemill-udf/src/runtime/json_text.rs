//! `json.dumps`: dynamic values to text, as CPython's encoder writes them with its default settings.

use std::fmt::Write as _;

use super::float_text::write_finite;
use super::json::{DEEPEST, Node};
use crate::shape::Kind;

/// Writes a value; `None` if that is CPython's.
pub(crate) fn write(
    out: &mut bumpalo::collections::Vec<'_, u8>,
    value: Node,
    depth: usize,
) -> Option<()> {
    match value.kind() {
        Kind::None => out.extend_from_slice(b"null"),
        Kind::Bool => out.extend_from_slice(if value.as_int() != 0 { b"true" } else { b"false" }),
        Kind::Int => out.extend_from_slice(value.as_int().to_string().as_bytes()),
        Kind::Float => write_float(out, value.as_float()),
        Kind::Str => write_str(out, value.text())?,
        Kind::List | Kind::Dict if depth == DEEPEST => return None,
        Kind::List => {
            out.push(b'[');
            for (at, item) in value.items().nodes().enumerate() {
                separate(out, at);
                write(out, item, depth + 1)?;
            }
            out.push(b']');
        }
        Kind::Dict => {
            out.push(b'{');
            for (at, (key, held)) in value.items().entries().enumerate() {
                separate(out, at);
                write_str(out, key)?;
                out.extend_from_slice(b": ");
                write(out, held, depth + 1)?;
            }
            out.push(b'}');
        }
        Kind::Other => return None,
    }
    Some(())
}

fn separate(out: &mut bumpalo::collections::Vec<'_, u8>, at: usize) {
    if at > 0 {
        out.extend_from_slice(b", ");
    }
}

fn write_float(out: &mut bumpalo::collections::Vec<'_, u8>, value: f64) {
    if value.is_finite() {
        write_finite(value, |part| out.extend_from_slice(part));
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
}

/// Writes a string with everything beyond printable ASCII escaped.
fn write_str(out: &mut bumpalo::collections::Vec<'_, u8>, text: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(text).ok()?;
    out.push(b'"');
    for char in text.chars() {
        match char {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            ' '..='~' => out.push(char as u8),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(Hex(out), "\\u{unit:04x}").ok()?;
                }
            }
        }
    }
    out.push(b'"');
    Some(())
}

/// Takes formatted text.
struct Hex<'o, 'b>(&'o mut bumpalo::collections::Vec<'b, u8>);

impl std::fmt::Write for Hex<'_, '_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
