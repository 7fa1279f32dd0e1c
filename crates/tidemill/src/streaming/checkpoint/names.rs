//! The names of the files in a checkpoint folder, in one place: what is made here, and only that, may be removed.

use std::fmt;

use crate::streaming::BatchTime;

/// A file that belongs to one checkpoint: `manifest-1-5000.json`, `data-1-5000.bin`, and `.tmp` while it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileName {
    pub kind: Kind,
    pub generation: u64,
    pub time: BatchTime,
    /// Whether it is not whole yet.
    pub temporary: bool,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where the parts are.
    Manifest,
    /// The parts.
    Data,
    /// Format 1: a state of this number.
    State(u64),
}

impl FileName {
    /// The name of a whole file.
    pub(super) fn new(kind: Kind, generation: u64, time: BatchTime) -> FileName {
        FileName { kind, generation, time, temporary: false }
    }

    /// What a name says; `None` for every name that is not made here, to the letter.
    pub(super) fn parse(text: &str) -> Option<FileName> {
        let (stem, extension) = text.split_once('.')?;
        let mut fields = stem.split('-');
        let kind = fields.next()?;
        let numbers: Option<Vec<u64>> = fields.map(|field| field.parse().ok()).collect();
        let (kind, generation, time) = match (kind, numbers?.as_slice()) {
            ("manifest", &[generation, time]) => (Kind::Manifest, generation, time),
            ("data", &[generation, time]) => (Kind::Data, generation, time),
            ("state", &[generation, time, number]) => (Kind::State(number), generation, time),
            _ => return None,
        };
        let time = BatchTime(i64::try_from(time).ok()?);
        let name = FileName { kind, generation, time, temporary: extension == "tmp" };
        // Numbers have more spellings than ours.
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = format!("{}-{}", self.generation, self.time.0);
        let extension = match (self.temporary, self.kind) {
            (true, _) => "tmp",
            (false, Kind::Manifest) => "json",
            (false, Kind::Data | Kind::State(_)) => "bin",
        };
        match self.kind {
            Kind::Manifest => write!(f, "manifest-{numbers}.{extension}"),
            Kind::Data => write!(f, "data-{numbers}.{extension}"),
            Kind::State(number) => write!(f, "state-{numbers}-{number}.{extension}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_names_are_read_as_they_are_written() {
        for kind in [Kind::Manifest, Kind::Data, Kind::State(7)] {
            for temporary in [false, true] {
                let name =
                    FileName { temporary, ..FileName::new(kind, 12, BatchTime(1_795_343_873_000)) };
                assert_eq!(FileName::parse(&name.to_string()), Some(name));
            }
        }
        assert!(FileName::parse("manifest-1-5.json").is_some());
        assert!(FileName::parse("state-4-7-0.bin").is_some());
        assert!(FileName::parse("data-1-5.tmp").is_some());
    }
}
