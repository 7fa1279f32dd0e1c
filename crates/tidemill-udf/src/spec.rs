//! The format mini-language: `[[fill]align][sign][#][0][width][grouping][.precision][type]`.
//!
//! A specification that CPython would refuse, or that means different things in its versions, is not parsed
//! or does not suit the type; what it stands in is then CPython's.

use crate::types::Type;

/// Wider or more precise fields are CPython's.
const LARGEST: usize = 1000;

/// Where a field's text is in its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
    Center,
    /// Padding comes after the sign.
    Inside,
}

/// A parsed specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) fill: char,
    pub(crate) align: Option<Align>,
    /// What a number that is not negative begins with.
    pub(crate) sign: Option<char>,
    pub(crate) alternate: bool,
    /// Whether a `0` before the width asks for zeros.
    pub(crate) zeros: bool,
    pub(crate) width: usize,
    pub(crate) grouping: Option<char>,
    pub(crate) precision: Option<usize>,
    pub(crate) kind: Option<char>,
}

impl Spec {
    /// Parses a specification; an empty one has no `Spec`.
    pub(crate) fn parse(text: &str) -> Option<Spec> {
        let characters: Vec<char> = text.chars().collect();
        let mut rest = characters.as_slice();
        let (fill, align) = take_align(&mut rest);
        let sign = take_if(&mut rest, |c| matches!(c, '+' | '-' | ' '));
        let alternate = take_if(&mut rest, |c| c == '#').is_some();
        let zeros = fill.is_none() && take_if(&mut rest, |c| c == '0').is_some();
        let width = take_number(&mut rest)?.unwrap_or(0);
        let grouping = take_if(&mut rest, |c| matches!(c, ',' | '_'));
        let precision = match take_if(&mut rest, |c| c == '.') {
            Some(_) => Some(take_number(&mut rest)??),
            None => None,
        };
        let kind = take_if(&mut rest, |_| true);
        let fill = fill.unwrap_or(if zeros { '0' } else { ' ' });
        let spec = Spec { fill, align, sign, alternate, zeros, width, grouping, precision, kind };
        rest.is_empty().then_some(spec)
    }

    /// Whether CPython takes it for a value of a type, and native code does the same.
    pub(crate) fn suits(&self, ty: &Type) -> bool {
        match ty {
            Type::Str => self.suits_str(),
            Type::Int | Type::Bool => match self.kind {
                Some('c') => *self == Spec { kind: Some('c'), ..Spec::default() },
                Some('b' | 'o' | 'x' | 'X') => {
                    self.precision.is_none() && self.grouping != Some(',')
                }
                None | Some('d') => self.precision.is_none(),
                _ => self.suits_float(),
            },
            Type::Float => self.suits_float(),
            _ => false,
        }
    }

    fn suits_str(&self) -> bool {
        // Since 3.10 zeros are a fill for text as well; before they were an error.
        let zeros = self.zeros && self.align.is_none();
        let plain = self.sign.is_none() && !self.alternate && self.grouping.is_none() && !zeros;
        plain && self.align != Some(Align::Inside) && matches!(self.kind, None | Some('s'))
    }

    fn suits_float(&self) -> bool {
        let known = matches!(self.kind, None | Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'));
        known && !self.alternate
    }
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            fill: ' ',
            align: None,
            sign: None,
            alternate: false,
            zeros: false,
            width: 0,
            grouping: None,
            precision: None,
            kind: None,
        }
    }
}

fn align_of(c: char) -> Option<Align> {
    Some(match c {
        '<' => Align::Left,
        '>' => Align::Right,
        '^' => Align::Center,
        '=' => Align::Inside,
        _ => return None,
    })
}

fn take_align(rest: &mut &[char]) -> (Option<char>, Option<Align>) {
    if let [fill, c, after @ ..] = *rest
        && let Some(align) = align_of(*c)
    {
        *rest = after;
        return (Some(*fill), Some(align));
    }
    let align = rest.first().and_then(|c| align_of(*c));
    if align.is_some() {
        *rest = &rest[1..];
    }
    (None, align)
}

fn take_if(rest: &mut &[char], test: impl Fn(char) -> bool) -> Option<char> {
    let first = rest.first().copied().filter(|c| test(*c))?;
    *rest = &rest[1..];
    Some(first)
}

/// A number, or none; `None` if it is too large.
fn take_number(rest: &mut &[char]) -> Option<Option<usize>> {
    let mut number = None;
    while let Some(digit) = rest.first().and_then(|c| c.to_digit(10)) {
        number = Some(number.unwrap_or(0) * 10 + digit as usize);
        *rest = &rest[1..];
        if number > Some(LARGEST) {
            return None;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_are_parsed() {
        let spec = |text: &str| Spec::parse(text).unwrap_or_default();
        assert_eq!(spec("*^+12,.3f").fill, '*');
        assert_eq!(spec("*^+12,.3f").precision, Some(3));
        assert_eq!(
            spec("05d"),
            Spec { fill: '0', zeros: true, width: 5, kind: Some('d'), ..Spec::default() }
        );
        assert_eq!(spec("<<3").align, Some(Align::Left));
        for wrong in [".", "5.", ",,,", "dd", "99999", "z.2f"] {
            assert_eq!(Spec::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_specification_suits_the_types_that_python_takes_it_for() {
        let suits = |text, ty: Type| Spec::parse(text).is_some_and(|spec| spec.suits(&ty));
        assert!(suits(">5", Type::Str) && suits("05", Type::Int) && suits(",.2f", Type::Float));
        assert!(!suits("=5", Type::Str) && !suits(".2d", Type::Int) && !suits("d", Type::Float));
        assert!(!suits(",,", Type::Int) && !suits("q", Type::Float) && !suits("n", Type::Int));
        assert!(!suits("05", Type::Str) && !suits("s", Type::Int) && !suits(",x", Type::Int));
    }
}
