//! The command line of the benchmark's programs: words, `--name value` options and `--name` switches.
//! An option that the program does not name is an error, so a typing error never measures something else.

use std::str::FromStr;

/// The parsed command line.
pub struct Arguments {
    words: Vec<String>,
    options: Vec<(String, String)>,
    switches: Vec<String>,
}

impl Arguments {
    /// Parses the process's command line; `options` take a value, `switches` do not.
    ///
    /// # Errors
    /// Says which word was not understood and what the program knows.
    pub fn parse(options: &[&str], switches: &[&str]) -> Result<Self, String> {
        let mut parsed = Self { words: Vec::new(), options: Vec::new(), switches: Vec::new() };
        let mut rest = std::env::args().skip(1);
        while let Some(word) = rest.next() {
            let Some(name) = word.strip_prefix("--") else {
                parsed.words.push(word);
                continue;
            };
            if switches.contains(&name) {
                parsed.switches.push(name.to_owned());
            } else if options.contains(&name) {
                let value = rest.next().ok_or(format!("expected a value after --{name}"))?;
                parsed.options.push((name.to_owned(), value));
            } else {
                return Err(format!(
                    "unknown option --{name}; known: {options:?} and {switches:?}"
                ));
            }
        }
        Ok(parsed)
    }

    /// The word at `index`, converted.
    ///
    /// # Errors
    /// Says what was expected when the word is missing or not of that type.
    pub fn word<T: FromStr>(&self, index: usize, what: &str) -> Result<T, String> {
        let word = self.words.get(index).ok_or(format!("expected {what} as word {}", index + 1))?;
        word.parse().map_err(|_| format!("expected {what}, got {word:?}"))
    }

    /// The value of `--name`, or `default`.
    ///
    /// # Errors
    /// Says what came when the value is not of that type.
    pub fn option<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.options.iter().rev().find(|(given, _)| given == name) {
            None => Ok(default),
            Some((_, value)) => {
                value.parse().map_err(|_| format!("--{name}: cannot understand {value:?}"))
            }
        }
    }

    /// Whether `--name` was given.
    #[must_use]
    pub fn switch(&self, name: &str) -> bool {
        self.switches.iter().any(|given| given == name)
    }
}
