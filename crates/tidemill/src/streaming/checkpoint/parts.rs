//! Which parts of a snapshot are in the folder already, and which are written now.
//!
//! A part that has not changed since the checkpoint before stays where it is. A file of which less than half is
//! still wanted is given up: what is wanted of it is written anew. So are the smallest files when there are many. So
//! the folder stays below about twice the size of the state, whatever the program does.

use std::collections::{HashMap, HashSet};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::files::Temporary;
use crate::block::{BlockRef, Codec, Partition};
use crate::streaming::BatchTime;

/// Files of earlier checkpoints that one may refer to; when there are more, the smaller half is written anew.
const MOST_FILES: usize = 64;

/// A keyed state or a reduced window at one moment. Costs nothing: blocks never change.
pub struct Snapshot {
    /// Which of the program's states (or of its windows), in order of definition.
    pub ordinal: usize,
    /// Writes the blocks.
    pub codec: Arc<dyn Codec>,
    /// The blocks of each partition.
    pub partitions: Vec<Partition>,
    /// What a window has besides.
    pub window: Option<WindowSnapshot>,
}

/// What tells one reduced window from another, besides the order of definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The window duration.
    pub length: Duration,
    /// From one window to the next.
    pub slide: Duration,
}

/// What a reduced window has besides its values.
pub struct WindowSnapshot {
    /// Its durations.
    pub span: Span,
    /// The batch that the newest window ends with, if there was one.
    pub end: Option<BatchTime>,
    /// The reduced values of the batches in it.
    pub slices: Vec<(BatchTime, Vec<Partition>)>,
}

/// Where in a program's states a part is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    window: bool,
    ordinal: usize,
    slice: Option<BatchTime>,
    partition: usize,
    block: usize,
    part: usize,
}

/// A part that belongs to a checkpoint.
pub(super) struct Wanted {
    pub spot: Spot,
    pub version: Option<u64>,
    pub block: BlockRef,
}

/// Where a part is.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub file: Arc<str>,
    pub offset: u64,
    pub length: u64,
}

/// The parts of the newest checkpoint.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// After which batch it was written.
    time: Option<BatchTime>,
    parts: HashMap<Spot, (u64, Written)>,
    /// Lengths of files.
    files: HashMap<Arc<str>, u64>,
}

impl Snapshot {
    /// The parts of its partitions, or of a slice's; those of a slice never change.
    pub(super) fn parts(
        &self,
        slice: Option<BatchTime>,
        partitions: &[Partition],
    ) -> Vec<Vec<Wanted>> {
        let mut all = Vec::new();
        for (partition, blocks) in partitions.iter().enumerate() {
            let mut wanted = Vec::new();
            for (at, block) in blocks.iter().enumerate() {
                for (part, found) in self.codec.parts(block).into_iter().enumerate() {
                    let (ordinal, window) = (self.ordinal, self.window.is_some());
                    let spot = Spot { window, ordinal, slice, partition, block: at, part };
                    let version = found.version.or(slice.map(|_| 0));
                    wanted.push(Wanted { spot, version, block: found.block });
                }
            }
            wanted.retain(|part| !part.block.is_empty());
            all.push(wanted);
        }
        all
    }
}

impl Index {
    /// Whether it is the index of the checkpoint after batch `time`.
    pub(super) fn is_of(&self, time: BatchTime) -> bool {
        self.time == Some(time)
    }

    /// Where an unchanged part is.
    pub(super) fn find(&self, part: &Wanted) -> Option<&Written> {
        let (version, written) = self.parts.get(&part.spot)?;
        (Some(*version) == part.version).then_some(written)
    }

    /// Files that a checkpoint of these parts may refer to.
    pub(super) fn kept<'a>(&self, parts: impl Iterator<Item = &'a Wanted>) -> HashSet<Arc<str>> {
        let mut live: HashMap<&Arc<str>, u64> = HashMap::new();
        for written in parts.filter_map(|part| self.find(part)) {
            *live.entry(&written.file).or_default() += written.length;
        }
        let mut kept: Vec<(u64, &Arc<str>)> = live
            .into_iter()
            .map(|(file, bytes)| (bytes, file))
            .filter(|(bytes, file)| self.files.get(*file).is_some_and(|all| 2 * bytes >= *all))
            .collect();
        if kept.len() > MOST_FILES {
            kept.sort_unstable_by(|one, other| other.cmp(one));
            kept.truncate(MOST_FILES / 2);
        }
        kept.into_iter().map(|(_, file)| file.clone()).collect()
    }

    /// The index after a checkpoint: where each part is, and the files' lengths.
    pub(super) fn of(
        time: BatchTime,
        parts: Vec<(Wanted, Written)>,
        files: impl Iterator<Item = (Arc<str>, u64)>,
    ) -> Index {
        let parts = parts.into_iter().filter_map(|(part, written)| {
            part.version.map(|version| (part.spot, (version, written)))
        });
        Index { time: Some(time), parts: parts.collect(), files: files.collect() }
    }

    /// The length of a file.
    pub(super) fn length(&self, file: &str) -> u64 {
        self.files.get(file).copied().unwrap_or(0)
    }
}

/// A file of parts that is being written.
pub(super) struct DataFile {
    name: Arc<str>,
    path: PathBuf,
    file: Option<BufWriter<Temporary>>,
    length: u64,
}

impl DataFile {
    /// Nothing yet; a file is made for the first part.
    pub(super) fn new(folder: &Path, name: &str) -> DataFile {
        DataFile { name: name.into(), path: folder.join(name), file: None, length: 0 }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<Written> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(Temporary::create(&self.path)?)),
        };
        file.write_all(bytes)?;
        let (offset, length) = (self.length, bytes.len() as u64);
        self.length += length;
        Ok(Written { file: self.name.clone(), offset, length })
    }

    /// Makes what was written permanent under its name; its length, if there was any.
    pub(super) fn finish(self) -> std::io::Result<Option<(Arc<str>, u64)>> {
        let Some(file) = self.file else { return Ok(None) };
        // The folder is synced with the manifest, which comes next.
        file.into_inner().map_err(|error| error.into_error())?.keep()?;
        Ok(Some((self.name, self.length)))
    }
}
