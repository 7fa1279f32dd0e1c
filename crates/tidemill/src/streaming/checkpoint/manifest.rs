//! What a checkpoint's manifest says: where each part of each state is.
//!
//! Written in format 2; format 1, which had one file per state and no windows, is read as well.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Span, read_json, wrong_format};
use crate::error::{Error, Result};
use crate::streaming::time::millis;

/// The format that is written.
pub(super) const FORMAT: u32 = 2;
/// The oldest format that is read.
pub(super) const OLDEST: u32 = 1;

/// A complete checkpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub format: u32,
    pub generation: u64,
    pub app_name: String,
    pub batch_time_ms: i64,
    /// The files with the parts.
    pub files: Vec<DataEntry>,
    pub states: Vec<StateEntry>,
    pub windows: Vec<WindowEntry>,
}

/// A file and its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DataEntry {
    pub name: String,
    pub bytes: u64,
}

/// A part's place: the file's number, offset and length.
pub(super) type Place = (usize, u64, u64);

/// For each partition, the places of its parts in order.
pub(super) type Places = Vec<Vec<Place>>;

/// A keyed state.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StateEntry {
    pub ordinal: usize,
    pub format: String,
    pub partitions: Places,
}

/// A reduced window.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WindowEntry {
    #[serde(flatten)]
    pub reduced: StateEntry,
    /// The batch that the newest window ends with.
    pub end_ms: Option<i64>,
    /// The slices by batch time.
    pub slices: Vec<(i64, Places)>,
    /// How long it is and how far it slides; earlier versions did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<SpanEntry>,
}

/// A window's durations.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct SpanEntry {
    pub length_ms: i64,
    pub slide_ms: i64,
}

impl From<Span> for SpanEntry {
    fn from(span: Span) -> SpanEntry {
        SpanEntry { length_ms: millis(span.length), slide_ms: millis(span.slide) }
    }
}

impl From<SpanEntry> for Span {
    fn from(entry: SpanEntry) -> Span {
        let duration = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        Span { length: duration(entry.length_ms), slide: duration(entry.slide_ms) }
    }
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

#[derive(Deserialize)]
struct First {
    generation: u64,
    app_name: String,
    batch_time_ms: i64,
    states: Vec<FirstState>,
}

#[derive(Deserialize)]
struct FirstState {
    ordinal: usize,
    format: String,
    file: String,
    /// For each partition, the length of each of its blocks.
    blocks: Vec<Vec<u64>>,
}

impl Manifest {
    /// Reads a manifest of any format that is known.
    pub(super) fn read(path: &Path) -> Result<Manifest> {
        let Version { format } = read_json(path)?;
        match format {
            1 => read_json(path).map(First::into_manifest),
            FORMAT => read_json(path),
            other => Err(wrong_format(path, other)),
        }
    }

    /// Whether a file is part of it.
    pub(super) fn names(&self, file: &str) -> bool {
        self.files.iter().any(|entry| entry.name == file)
    }

    /// The file of a place.
    pub(super) fn file(&self, number: usize) -> Result<&DataEntry> {
        let unknown = || Error::Checkpoint("a manifest with a place in no file".into());
        self.files.get(number).ok_or_else(unknown)
    }
}

impl First {
    fn into_manifest(self) -> Manifest {
        let mut files = Vec::new();
        let mut state = |state: FirstState| {
            let mut at = 0;
            let mut place = |length: u64| {
                at += length;
                (files.len(), at - length, length)
            };
            let mut places = |lengths: Vec<u64>| lengths.into_iter().map(&mut place).collect();
            let partitions = state.blocks.into_iter().map(&mut places).collect();
            files.push(DataEntry { name: state.file, bytes: at });
            StateEntry { ordinal: state.ordinal, format: state.format, partitions }
        };
        let states = self.states.into_iter().map(&mut state).collect();
        let First { generation, app_name, batch_time_ms, .. } = self;
        let windows = Vec::new();
        Manifest { format: 1, generation, app_name, batch_time_ms, files, states, windows }
    }
}
