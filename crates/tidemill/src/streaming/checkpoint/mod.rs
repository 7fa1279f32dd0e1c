//! Checkpoints: a file of what changed, then an immutable manifest, then one atomic pointer with a generation number.
//!
//! State is written in parts; a part that an earlier checkpoint wrote and that has not changed is not written again
//! ([`parts`]). The manifest says where each part is ([`manifest`]). A thread of its own writes ([`writer`]).
//! A crash at any moment leaves the pointer on a complete manifest. A program that starts on the folder
//! takes the next generation; an older one that still runs then finds a higher number and stops writing. Closures
//! are never stored: the program rebuilds its graph and attaches the state by its ordinal.

mod files;
mod manifest;
mod names;
mod parts;
pub mod writer;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::files::{unreadable, unwritable, write_whole};
use self::manifest::{DataEntry, FORMAT, Manifest, OLDEST, Places, StateEntry, WindowEntry};
use self::names::{FileName, Kind};
use self::parts::{DataFile, Index, Wanted, Written};
pub use self::parts::{Snapshot, Span, WindowSnapshot};
use crate::error::{Error, Result};
use crate::exec::text_file::local_path;
use crate::lock::Lock;
use crate::streaming::BatchTime;

const POINTER: &str = "CURRENT.json";
/// Says that a folder is a Tidemill checkpoint.
const MARKER: &str = "tidemill-checkpoint.json";
/// The marker while it is written, by a program that may have been killed just then.
const UNFINISHED_MARKER: &str = "tidemill-checkpoint.tmp";
/// Folders beside ours that `RDD.checkpoint` makes.
const RDD_FOLDER: &str = "rdds-";
/// Manifests that are kept.
const KEEP: usize = 2;

/// A keyed state, or a reduced window's values, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedState {
    /// Which of the program's states (or of its windows), in order of definition.
    pub ordinal: usize,
    /// The codec's format.
    pub format: String,
    /// For each partition, its encoded parts.
    pub partitions: Vec<Vec<Vec<u8>>>,
}

/// A reduced window as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedWindow {
    /// The values of the newest window.
    pub reduced: EncodedState,
    /// The batch that it ends with, if there was one.
    pub end: Option<BatchTime>,
    /// The reduced values of each batch in it, with the same ordinal and format.
    pub slices: Vec<(BatchTime, EncodedState)>,
    /// Its durations, if the version that wrote it did say.
    pub span: Option<Span>,
}

/// A folder that holds a program's checkpoints.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("tidemill-folder-{}", std::process::id()));
/// # let path = folder.to_string_lossy().into_owned();
/// use tidemill::streaming::BatchTime;
/// use tidemill::streaming::checkpoint::CheckpointFolder;
///
/// let (older, newer) = (CheckpointFolder::open(&path, "app")?, CheckpointFolder::open(&path, "app")?);
/// assert!(newer.write(BatchTime(1000), &[]).is_ok());
/// assert!(older.write(BatchTime(1000), &[]).is_err(), "the newer program has the folder");
/// assert_eq!(older.read()?.map(|checkpoint| checkpoint.time), Some(BatchTime(1000)));
/// # let _ = std::fs::remove_dir_all(folder);
/// # Ok::<(), tidemill::Error>(())
/// ```
#[derive(Debug)]
pub struct CheckpointFolder {
    path: PathBuf,
    generation: u64,
    app_name: String,
    newest: Lock<Index>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pointer {
    generation: u64,
    manifest: Option<String>,
}

/// What a checkpoint holds.
#[derive(Debug)]
pub struct Checkpoint {
    /// The batch after which it was written.
    pub time: BatchTime,
    /// The states.
    pub states: Vec<EncodedState>,
    /// The reduced windows.
    pub windows: Vec<EncodedWindow>,
}

impl CheckpointFolder {
    /// Takes a folder for this program, making it if need be.
    ///
    /// # Errors
    /// If it cannot be written, or holds something else than a Tidemill checkpoint.
    pub fn open(directory: &str, app_name: &str) -> Result<CheckpointFolder> {
        let path = PathBuf::from(local_path(directory));
        let failed = |e: std::io::Error| unwritable(&path, &e);
        fs::create_dir_all(&path).map_err(failed)?;
        let marker = path.join(MARKER);
        if !is_ours(&path)? {
            write_whole(&marker, &to_json(&Marker { format: FORMAT })?).map_err(failed)?;
        }
        let generation = read_pointer(&path)?.map_or(0, |pointer| pointer.generation) + 1;
        let folder = CheckpointFolder {
            path,
            generation,
            app_name: app_name.to_owned(),
            newest: Lock::default(),
        };
        let manifest = read_pointer(&folder.path)?.and_then(|pointer| pointer.manifest);
        folder.set_pointer(manifest)?;
        folder.remove(|name| name.temporary && folder.is_behind(name));
        Ok(folder)
    }

    /// Whether a folder holds a checkpoint to go on from.
    ///
    /// # Errors
    /// If it holds something else.
    pub fn exists(directory: &str) -> Result<bool> {
        let path = PathBuf::from(local_path(directory));
        if !path.exists() || !is_ours(&path)? {
            return Ok(false);
        }
        Ok(read_pointer(&path)?.is_some_and(|pointer| pointer.manifest.is_some()))
    }

    /// The newest complete checkpoint.
    pub fn read(&self) -> Result<Option<Checkpoint>> {
        let Some(pointer) = read_pointer(&self.path)? else {
            return Ok(None);
        };
        let Some(name) = pointer.manifest else {
            return Ok(None);
        };
        let manifest = Manifest::read(&self.path.join(&name))?;
        if manifest.app_name != self.app_name {
            return Err(Error::Checkpoint(format!(
                "{}: expected a checkpoint of the application {:?}, found one of {:?}; give each \
                 application its own folder, or this one the other's name",
                self.path.display(),
                self.app_name,
                manifest.app_name
            )));
        }
        let mut files = DataFiles { folder: &self.path, manifest: &manifest, open: HashMap::new() };
        let states = manifest.states.iter().map(|entry| files.state(entry));
        let states = states.collect::<Result<_>>()?;
        let windows = manifest.windows.iter().map(|entry| files.window(entry));
        let windows = windows.collect::<Result<_>>()?;
        Ok(Some(Checkpoint { time: BatchTime(manifest.batch_time_ms), states, windows }))
    }

    /// Writes the states after batch `time` and makes them the newest checkpoint; nothing to do if they are.
    ///
    /// # Errors
    /// If a file cannot be written, or another program has taken the folder over. Nothing is left of the files then.
    pub fn write(&self, time: BatchTime, snapshots: &[Snapshot]) -> Result<()> {
        self.check_owner()?;
        // A batch gives the same states each time, but files that others refer to must not be written twice.
        if self.newest.lock().is_of(time) {
            return Ok(());
        }
        let name = |kind| FileName::new(kind, self.generation, time).to_string();
        let (data, manifest) = (name(Kind::Data), name(Kind::Manifest));
        match self.write_files(time, snapshots, &data, &manifest) {
            Ok(index) => {
                *self.newest.lock() = index;
                self.clean();
                Ok(())
            }
            Err(error) => {
                self.discard(&data, &manifest);
                // A program that takes the folder over removes what it finds half written.
                self.check_owner()?;
                Err(error)
            }
        }
    }

    fn write_files(
        &self,
        time: BatchTime,
        snapshots: &[Snapshot],
        data_name: &str,
        manifest_name: &str,
    ) -> Result<Index> {
        let mut writing = Writing::new(self, data_name, snapshots);
        let (mut states, mut windows) = (Vec::new(), Vec::new());
        for snapshot in snapshots {
            let reduced = StateEntry {
                ordinal: snapshot.ordinal,
                format: snapshot.codec.format().to_owned(),
                partitions: writing.put(snapshot, None, &snapshot.partitions)?,
            };
            let Some(window) = &snapshot.window else {
                states.push(reduced);
                continue;
            };
            let mut slices = Vec::new();
            for (at, partitions) in &window.slices {
                slices.push((at.0, writing.put(snapshot, Some(*at), partitions)?));
            }
            let (end_ms, span) = (window.end.map(|end| end.0), Some(window.span.into()));
            windows.push(WindowEntry { reduced, end_ms, slices, span });
        }
        let (files, index) = writing.finish(time)?;
        let manifest = Manifest {
            format: FORMAT,
            generation: self.generation,
            app_name: self.app_name.clone(),
            batch_time_ms: time.0,
            files,
            states,
            windows,
        };
        self.put(manifest_name, &to_json(&manifest)?)?;
        self.set_pointer(Some(manifest_name.to_owned()))?;
        Ok(index)
    }

    /// Removes the files of a checkpoint that failed, unless it is the newest one after all.
    fn discard(&self, data: &str, manifest: &str) {
        let pointer = read_pointer(&self.path);
        let is_newest = |pointer: Pointer| pointer.manifest.as_deref() == Some(manifest);
        if pointer.is_ok_and(|pointer| !pointer.is_some_and(is_newest)) {
            for name in [data, manifest] {
                let _ = fs::remove_file(self.path.join(name));
            }
        }
    }

    fn set_pointer(&self, manifest: Option<String>) -> Result<()> {
        self.check_owner()?;
        self.put(POINTER, &to_json(&Pointer { generation: self.generation, manifest })?)
    }

    /// An error if another program has taken the folder over.
    fn check_owner(&self) -> Result<()> {
        let current = read_pointer(&self.path)?;
        match current.filter(|pointer| pointer.generation > self.generation) {
            None => Ok(()),
            Some(other) => Err(Error::Checkpoint(format!(
                "{}: another program (generation {}) has taken this checkpoint folder over from \
                 this one (generation {}); stop one of them, or give each its own folder",
                self.path.display(),
                other.generation,
                self.generation
            ))),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_whole(&self.path.join(name), bytes).map_err(|e| unwritable(&self.path, &e))
    }

    /// Removes files that no kept manifest names. What cannot be removed now is tried again next time.
    fn clean(&self) {
        let is_mine = |name: &FileName| self.is_behind(name) || name.generation == self.generation;
        let mut manifests = self.files();
        manifests.retain(|name| name.kind == Kind::Manifest && !name.temporary && is_mine(name));
        manifests.sort_by_key(|name| std::cmp::Reverse((name.generation, name.time)));
        manifests.truncate(KEEP);
        let read = |name: &FileName| Manifest::read(&self.path.join(name.to_string()));
        let Ok(kept) = manifests.iter().map(read).collect::<Result<Vec<_>>>() else {
            return;
        };
        let is_wanted = |name: &FileName| {
            manifests.contains(name) || kept.iter().any(|m| m.names(&name.to_string()))
        };
        self.remove(|name| match name.temporary {
            true => self.is_behind(name),
            false => is_mine(name) && !is_wanted(name),
        });
    }

    /// Whether a file is of a program that has lost the folder to this one: what it still writes is of no use.
    fn is_behind(&self, name: &FileName) -> bool {
        name.generation < self.generation
    }

    /// The files of checkpoints, those of other programs too.
    fn files(&self) -> Vec<FileName> {
        let entries = fs::read_dir(&self.path).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| FileName::parse(&name)).collect()
    }

    fn remove(&self, is_unwanted: impl Fn(&FileName) -> bool) {
        for name in self.files().iter().filter(|name| is_unwanted(name)) {
            let _ = fs::remove_file(self.path.join(name.to_string()));
        }
    }
}

/// A checkpoint's parts on their way to its files.
struct Writing<'a> {
    folder: &'a CheckpointFolder,
    before: Index,
    /// Files of `before` that may be referred to.
    kept: std::collections::HashSet<Arc<str>>,
    file: DataFile,
    /// All files so far, with their numbers.
    numbers: HashMap<Arc<str>, usize>,
    parts: Vec<(Wanted, Written)>,
}

impl<'a> Writing<'a> {
    fn new(folder: &'a CheckpointFolder, file: &str, snapshots: &[Snapshot]) -> Writing<'a> {
        // What failed halfway leaves no index, and the next checkpoint writes everything.
        let before = std::mem::take(&mut *folder.newest.lock());
        let mut wanted = Vec::new();
        for snapshot in snapshots {
            wanted.extend(snapshot.parts(None, &snapshot.partitions));
            for (at, partitions) in snapshot.window.iter().flat_map(|window| &window.slices) {
                wanted.extend(snapshot.parts(Some(*at), partitions));
            }
        }
        let kept = before.kept(wanted.iter().flatten());
        let file = DataFile::new(&folder.path, file);
        Writing { folder, before, kept, file, numbers: HashMap::new(), parts: Vec::new() }
    }

    /// The places of partitions, of which only what is new is written.
    fn put(
        &mut self,
        snapshot: &Snapshot,
        slice: Option<BatchTime>,
        partitions: &[crate::block::Partition],
    ) -> Result<Places> {
        let mut places = Vec::new();
        for wanted in snapshot.parts(slice, partitions) {
            let mut partition = Vec::new();
            for part in wanted {
                let known = self.before.find(&part).filter(|known| self.kept.contains(&known.file));
                let written = match known {
                    Some(known) => known.clone(),
                    None => {
                        let bytes = snapshot.codec.encode(&part.block)?;
                        let failed = |e| unwritable(&self.folder.path, &e);
                        self.file.append(&bytes).map_err(failed)?
                    }
                };
                let next = self.numbers.len();
                let number = *self.numbers.entry(written.file.clone()).or_insert(next);
                partition.push((number, written.offset, written.length));
                self.parts.push((part, written));
            }
            places.push(partition);
        }
        Ok(places)
    }

    /// The files by number, and where all parts are.
    fn finish(self, time: BatchTime) -> Result<(Vec<DataEntry>, Index)> {
        let Writing { folder, before, file, numbers, parts, .. } = self;
        let new = file.finish().map_err(|e| unwritable(&folder.path, &e))?;
        let mut files: Vec<(Arc<str>, u64)> = vec![("".into(), 0); numbers.len()];
        for (name, number) in numbers {
            let known = new.as_ref().filter(|(new, _)| *new == name);
            let length = known.map_or_else(|| before.length(&name), |(_, length)| *length);
            files[number] = (name, length);
        }
        let entry =
            |(name, bytes): &(Arc<str>, u64)| DataEntry { name: (**name).into(), bytes: *bytes };
        let entries = files.iter().map(entry).collect();
        Ok((entries, Index::of(time, parts, files.into_iter())))
    }
}

/// The files of a manifest, to read from.
struct DataFiles<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    open: HashMap<usize, File>,
}

impl DataFiles<'_> {
    fn window(&mut self, entry: &WindowEntry) -> Result<EncodedWindow> {
        let reduced = self.state(&entry.reduced)?;
        let mut slices = Vec::new();
        for (at, places) in &entry.slices {
            let partitions = self.partitions(places)?;
            slices.push((BatchTime(*at), EncodedState { partitions, ..reduced.clone() }));
        }
        let (end, span) = (entry.end_ms.map(BatchTime), entry.span.map(Span::from));
        Ok(EncodedWindow { reduced, end, slices, span })
    }

    fn state(&mut self, entry: &StateEntry) -> Result<EncodedState> {
        let partitions = self.partitions(&entry.partitions)?;
        Ok(EncodedState { ordinal: entry.ordinal, format: entry.format.clone(), partitions })
    }

    fn partitions(&mut self, places: &Places) -> Result<Vec<Vec<Vec<u8>>>> {
        let mut all = Vec::new();
        for partition in places {
            let parts = partition.iter().map(|place| self.part(*place));
            all.push(parts.collect::<Result<_>>()?);
        }
        Ok(all)
    }

    fn part(&mut self, (number, offset, length): manifest::Place) -> Result<Vec<u8>> {
        let path = self.folder.join(&self.manifest.file(number)?.name);
        if !self.open.contains_key(&number) {
            let file = self.whole_file(number, &path)?;
            self.open.insert(number, file);
        }
        let mut bytes = Vec::new();
        if let Some(file) = self.open.get_mut(&number) {
            let read = file.seek(SeekFrom::Start(offset));
            let read = read.and_then(|_| file.take(length).read_to_end(&mut bytes));
            read.map_err(|e| unreadable(&path, &e))?;
        }
        Ok(bytes)
    }

    /// A file that is as long as the manifest says.
    fn whole_file(&self, number: usize, path: &Path) -> Result<File> {
        let expected = self.manifest.file(number)?.bytes;
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        let found = file.metadata().map_err(|e| unreadable(path, &e))?.len();
        if found != expected {
            return Err(Error::Checkpoint(format!(
                "{}: expected {expected} bytes of state, got {found}; the checkpoint is damaged: remove the \
                 folder to start afresh, or restore it from a copy",
                path.display()
            )));
        }
        Ok(file)
    }
}

/// Whether the folder has our marker; an error if it has other things but not that.
fn is_ours(path: &Path) -> Result<bool> {
    let marker = path.join(MARKER);
    if marker.exists() {
        let found: Marker = read_json(&marker)?;
        return if (OLDEST..=FORMAT).contains(&found.format) {
            Ok(true)
        } else {
            Err(wrong_format(path, found.format))
        };
    }
    let entries = fs::read_dir(path).map_err(|e| unreadable(path, &e))?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let is_known = |name: &str| name == UNFINISHED_MARKER || name.starts_with(RDD_FOLDER);
    let mut others = names.filter(|name| !is_known(&name.to_string_lossy()));
    let Some(other) = others.next() else {
        return Ok(false);
    };
    Err(Error::Checkpoint(format!(
        "{}: expected an empty folder or a Tidemill checkpoint, found {other:?} and no {MARKER} \
         (a checkpoint of Apache Spark cannot be continued); choose another folder or empty this one",
        path.display()
    )))
}

fn wrong_format(path: &Path, found: u32) -> Error {
    Error::Checkpoint(format!(
        "{}: expected checkpoint format {OLDEST} or {FORMAT}, found {found}; use the version of Tidemill that wrote \
         it, or another folder",
        path.display()
    ))
}

fn read_pointer(path: &Path) -> Result<Option<Pointer>> {
    let pointer = path.join(POINTER);
    if pointer.exists() { read_json(&pointer).map(Some) } else { Ok(None) }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(|e| unreadable(path, &e))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        Error::Checkpoint(format!(
            "{}: not a file of a Tidemill checkpoint ({e}); choose another folder or remove this one",
            path.display()
        ))
    })
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::Internal(e.to_string()))
}

#[cfg(test)]
mod tests;
