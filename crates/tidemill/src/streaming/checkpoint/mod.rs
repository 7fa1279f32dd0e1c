//! Checkpoints: a file of what changed, then an immutable manifest, then one atomic pointer with a generation number.
//!
//! State is written in parts; a part that an earlier checkpoint wrote and that has not changed is not written again
//! ([`parts`]). The manifest says where each part is ([`manifest`]). A thread of its own writes ([`writer`]).
//! A crash at any moment leaves the pointer on a complete manifest. A program that starts on the folder
//! takes the next generation; an older one that still runs then finds a higher number and stops writing. Closures
//! are never stored: the program rebuilds its graph and attaches the state by its ordinal.

mod manifest;
mod parts;
pub mod writer;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::manifest::{DataEntry, FORMAT, Manifest, OLDEST, Places, StateEntry, WindowEntry};
use self::parts::{DataFile, Index, Wanted, Written};
pub use self::parts::{Snapshot, WindowSnapshot};
use crate::error::{Error, Result};
use crate::exec::text_file::local_path;
use crate::lock::Lock;
use crate::streaming::BatchTime;

const POINTER: &str = "CURRENT.json";
/// Says that a folder is a Tidemill checkpoint.
const MARKER: &str = "tidemill-checkpoint.json";
/// Folders beside ours that `RDD.checkpoint` makes.
const RDD_FOLDER: &str = "rdds-";
/// How the names of files begin that are removed when no manifest needs them.
const OURS: [&str; 3] = ["manifest-", "data-", "state-"];
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

    /// Writes the states after batch `time` and makes them the newest checkpoint.
    ///
    /// # Errors
    /// If a file cannot be written, or another program has taken the folder over.
    pub fn write(&self, time: BatchTime, snapshots: &[Snapshot]) -> Result<()> {
        let name = |what: &str| format!("{what}-{}-{}", self.generation, time.0);
        let mut writing = Writing::new(self, &format!("{}.bin", name("data")), snapshots);
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
            windows.push(WindowEntry { reduced, end_ms: window.end.map(|end| end.0), slices });
        }
        let (files, index) = writing.finish()?;
        let manifest = Manifest {
            format: FORMAT,
            generation: self.generation,
            app_name: self.app_name.clone(),
            batch_time_ms: time.0,
            files,
            states,
            windows,
        };
        let manifest_name = format!("{}.json", name("manifest"));
        self.put(&manifest_name, &to_json(&manifest)?)?;
        self.set_pointer(Some(manifest_name))?;
        *self.newest.lock() = index;
        self.clean();
        Ok(())
    }

    fn set_pointer(&self, manifest: Option<String>) -> Result<()> {
        let current = read_pointer(&self.path)?;
        if let Some(other) = current.filter(|pointer| pointer.generation > self.generation) {
            return Err(Error::Checkpoint(format!(
                "{}: another program (generation {}) has taken this checkpoint folder over from \
                 this one (generation {}); stop one of them, or give each its own folder",
                self.path.display(),
                other.generation,
                self.generation
            )));
        }
        self.put(POINTER, &to_json(&Pointer { generation: self.generation, manifest })?)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_whole(&self.path.join(name), bytes).map_err(|e| unwritable(&self.path, &e))
    }

    /// Removes files that no kept manifest names. What cannot be removed now is tried again next time.
    fn clean(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return;
        };
        let names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        let is_manifest = |name: &&String| name.starts_with("manifest-") && name.ends_with(".json");
        let mut manifests: Vec<&String> = names.iter().filter(is_manifest).collect();
        manifests.sort_by_key(|name| std::cmp::Reverse(numbers_in(name)));
        manifests.truncate(KEEP);
        let read = |name: &&String| Manifest::read(&self.path.join(name));
        let Ok(kept) = manifests.iter().map(read).collect::<Result<Vec<_>>>() else {
            return;
        };
        for name in &names {
            let ours = OURS.iter().any(|start| name.starts_with(start));
            let wanted = manifests.contains(&name) || kept.iter().any(|m| m.names(name));
            if ours && !wanted {
                let _ = fs::remove_file(self.path.join(name));
            }
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
    fn finish(self) -> Result<(Vec<DataEntry>, Index)> {
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
        Ok((entries, Index::of(parts, files.into_iter())))
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
        Ok(EncodedWindow { reduced, end: entry.end_ms.map(BatchTime), slices })
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

/// Generation and batch time in a file's name.
fn numbers_in(name: &str) -> (u64, u64) {
    let mut numbers = name.split(['-', '.']).skip(1).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
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
    let mut others = names.filter(|name| !name.to_string_lossy().starts_with(RDD_FOLDER));
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

/// Writes a file so that it is there as a whole or not at all, also after a power cut.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => "make it writable or choose another folder",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "choose a folder, not a file",
        _ => "choose a folder that can be written",
    };
    Error::Checkpoint(format!(
        "cannot write the checkpoint folder {}: {error}; {hint}",
        path.display()
    ))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Checkpoint(format!("cannot read the checkpoint {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{BlockRef, Codec, Part, Partition, VecBlock};

    fn folder() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap_or_else(|_| unreachable!("a temporary folder"));
        let path = folder.path().join("checkpoint").to_string_lossy().into_owned();
        (folder, path)
    }

    /// Blocks of bytes; one of several bytes is in parts of one byte, of which the version is the byte.
    struct Bytes;

    impl Codec for Bytes {
        fn format(&self) -> &'static str {
            "test"
        }

        fn encode(&self, block: &BlockRef) -> Result<Vec<u8>> {
            let bytes: Option<&VecBlock<u8>> = block.as_any().downcast_ref();
            Ok(bytes.map(|block| block.records().to_vec()).unwrap_or_default())
        }

        fn decode(&self, bytes: &[u8]) -> Result<BlockRef> {
            Ok(Arc::new(VecBlock::new(bytes.to_vec())))
        }

        fn parts(&self, block: &BlockRef) -> Vec<Part> {
            let bytes = self.encode(block).unwrap_or_default();
            let part = |byte: &u8| Part {
                block: Arc::new(VecBlock::new(vec![*byte])),
                version: Some(u64::from(*byte)),
            };
            bytes.iter().map(part).collect()
        }
    }

    fn blocks(bytes: &[u8]) -> Vec<Partition> {
        vec![vec![Arc::new(VecBlock::new(bytes.to_vec()))], vec![]]
    }

    fn state(bytes: &[u8]) -> Vec<Snapshot> {
        let codec = Arc::new(Bytes);
        vec![Snapshot { ordinal: 0, codec, partitions: blocks(bytes), window: None }]
    }

    fn window(end: i64, slices: &[(i64, u8)]) -> Vec<Snapshot> {
        let codec = Arc::new(Bytes);
        let slice = |(at, byte): &(i64, u8)| (BatchTime(*at), blocks(&[*byte]));
        let slices = slices.iter().map(slice).collect();
        let window = Some(WindowSnapshot { end: Some(BatchTime(end)), slices });
        vec![Snapshot { ordinal: 0, codec, partitions: blocks(&[end as u8]), window }]
    }

    /// The bytes of the first partition.
    fn bytes_of(state: &EncodedState) -> Vec<u8> {
        assert_eq!((&*state.format, &state.partitions[1..]), ("test", &[vec![]][..]));
        state.partitions[0].concat()
    }

    fn files_of(path: &str, start: &str) -> Vec<(String, u64)> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let length = entry.metadata().ok()?.len();
                Some((entry.file_name().into_string().ok()?, length))
            })
            .filter(|(name, _)| name.starts_with(start))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn what_has_not_changed_is_not_written_again() -> Result<()> {
        let (_guard, path) = folder();
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        checkpoint.write(BatchTime(1), &state(&[1, 2, 3, 4]))?;
        checkpoint.write(BatchTime(2), &state(&[1, 9, 3, 4]))?;
        checkpoint.write(BatchTime(3), &state(&[1, 9, 3, 4]))?;
        let file = |time: i64, bytes: u64| (format!("data-1-{time}.bin"), bytes);
        assert_eq!(files_of(&path, "data-"), [file(1, 4), file(2, 1)]);
        let read = checkpoint.read()?.map(|c| (c.time, c.states.iter().map(bytes_of).collect()));
        assert_eq!(read, Some((BatchTime(3), vec![vec![1, 9, 3, 4]])));
        Ok(())
    }

    #[test]
    fn a_file_that_is_mostly_garbage_is_given_up() -> Result<()> {
        let (_guard, path) = folder();
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        checkpoint.write(BatchTime(1), &state(&[1, 2, 3, 4, 5]))?;
        checkpoint.write(BatchTime(2), &state(&[1, 2, 7, 8, 9]))?;
        checkpoint.write(BatchTime(3), &state(&[1, 2, 7, 8, 9]))?;
        assert_eq!(files_of(&path, "data-"), [("data-1-2.bin".to_owned(), 5)]);
        Ok(())
    }

    #[test]
    fn the_number_of_files_is_bounded() -> Result<()> {
        let (_guard, path) = folder();
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        let mut bytes = vec![0; 200];
        for time in 1..200 {
            bytes[time as usize] = time as u8;
            checkpoint.write(BatchTime(time), &state(&bytes))?;
            assert!(files_of(&path, "data-").len() <= 2 * 64 + 2);
        }
        let read = checkpoint.read()?.map(|c| bytes_of(&c.states[0]));
        assert_eq!(read, Some(bytes));
        Ok(())
    }

    #[test]
    fn a_slice_of_a_window_is_written_once() -> Result<()> {
        let (_guard, path) = folder();
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        checkpoint.write(BatchTime(1), &window(1, &[(1, 11)]))?;
        checkpoint.write(BatchTime(2), &window(2, &[(1, 11), (2, 12)]))?;
        checkpoint.write(BatchTime(3), &window(3, &[(2, 12), (3, 13)]))?;
        let lengths: Vec<u64> = files_of(&path, "data-").into_iter().map(|(_, n)| n).collect();
        assert_eq!(lengths, [2, 2, 2]);
        let again = CheckpointFolder::open(&path, "app")?.read()?;
        let read = again.map(|c| {
            assert!(c.states.is_empty());
            let window = &c.windows[0];
            let slices: Vec<_> =
                window.slices.iter().map(|(at, slice)| (at.0, bytes_of(slice))).collect();
            (window.end, bytes_of(&window.reduced), slices)
        });
        let slices = vec![(2, vec![12]), (3, vec![13])];
        assert_eq!(read, Some((Some(BatchTime(3)), vec![3], slices)));
        Ok(())
    }

    #[test]
    fn a_write_that_fails_costs_nothing_but_itself() -> Result<()> {
        let (_guard, path) = folder();
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        checkpoint.write(BatchTime(1), &state(&[1, 2]))?;
        let in_the_way = Path::new(&path).join("data-1-2.tmp");
        fs::create_dir(&in_the_way).unwrap_or_default();
        assert!(checkpoint.write(BatchTime(2), &state(&[1, 3])).is_err());
        fs::remove_dir(&in_the_way).unwrap_or_default();
        assert_eq!(checkpoint.read()?.map(|c| c.time), Some(BatchTime(1)));
        checkpoint.write(BatchTime(3), &state(&[1, 3]))?;
        assert_eq!(checkpoint.read()?.map(|c| bytes_of(&c.states[0])), Some(vec![1, 3]));
        Ok(())
    }

    #[test]
    fn a_checkpoint_of_the_first_format_is_read() -> Result<()> {
        let (_guard, path) = folder();
        let at = |name: &str| Path::new(&path).join(name);
        fs::create_dir_all(&path).unwrap_or_default();
        let files: [(&str, &str); 4] = [
            (MARKER, r#"{"format": 1}"#),
            (POINTER, r#"{"generation": 4, "manifest": "manifest-4-7.json"}"#),
            (
                "manifest-4-7.json",
                r#"{"format": 1, "generation": 4, "app_name": "app", "batch_time_ms": 7, "states":
                    [{"ordinal": 0, "format": "test", "file": "state-4-7-0.bin", "blocks": [[2, 1], []]}]}"#,
            ),
            ("state-4-7-0.bin", "abc"),
        ];
        for (name, text) in files {
            fs::write(at(name), text).unwrap_or_default();
        }
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        let read = checkpoint.read()?.map(|c| (c.time, c.states[0].partitions.clone()));
        let parts = vec![vec![b"ab".to_vec(), b"c".to_vec()], vec![]];
        assert_eq!(read, Some((BatchTime(7), parts)));
        checkpoint.write(BatchTime(8), &state(b"d"))?;
        checkpoint.write(BatchTime(9), &state(b"e"))?;
        assert!(!at("state-4-7-0.bin").exists());
        Ok(())
    }

    #[test]
    fn a_checkpoint_of_a_later_format_is_refused() -> Result<()> {
        let (_guard, path) = folder();
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        checkpoint.write(BatchTime(1), &state(b"1"))?;
        let manifest = Path::new(&path).join("manifest-1-1.json");
        let text = fs::read_to_string(&manifest).unwrap_or_default();
        fs::write(&manifest, text.replace("\"format\":2", "\"format\":3")).unwrap_or_default();
        let text = checkpoint.read().map(drop).map_err(|e| e.to_string());
        assert!(
            text.is_err_and(|text| text.contains("expected checkpoint format 1 or 2, found 3"))
        );
        Ok(())
    }

    #[test]
    fn the_newest_state_comes_back_and_old_files_go() -> Result<()> {
        let (_guard, path) = folder();
        assert!(!CheckpointFolder::exists(&path)?);
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        assert!(!CheckpointFolder::exists(&path)?);
        for time in 1..6 {
            checkpoint.write(BatchTime(time), &state(&[time as u8; 3]))?;
        }
        assert!(CheckpointFolder::exists(&path)?);
        let again = CheckpointFolder::open(&path, "app")?;
        let read = again.read()?.map(|c| (c.time, bytes_of(&c.states[0])));
        assert_eq!(read, Some((BatchTime(5), vec![5; 3])));
        let files = fs::read_dir(&path).map(Iterator::count).unwrap_or(0);
        assert_eq!(files, 2 + 2 * KEEP);
        Ok(())
    }

    #[test]
    fn an_older_program_is_fenced_off() -> Result<()> {
        let (_guard, path) = folder();
        let old = CheckpointFolder::open(&path, "app")?;
        let new = CheckpointFolder::open(&path, "app")?;
        new.write(BatchTime(2), &state(b"new"))?;
        let refused = old.write(BatchTime(3), &state(b"old")).map_err(|e| e.to_string());
        assert!(refused.is_err_and(|text| text.contains("another program (generation 2)")));
        assert_eq!(new.read()?.map(|c| c.time), Some(BatchTime(2)));
        Ok(())
    }

    #[test]
    fn another_applications_state_is_refused() -> Result<()> {
        let (_guard, path) = folder();
        CheckpointFolder::open(&path, "one")?.write(BatchTime(1), &state(b"1"))?;
        let text =
            CheckpointFolder::open(&path, "two")?.read().map(drop).map_err(|e| e.to_string());
        assert!(text.is_err_and(|text| text.contains("application \"two\", found one of \"one\"")));
        Ok(())
    }

    #[test]
    fn a_foreign_folder_is_refused() {
        let (_guard, path) = folder();
        fs::create_dir_all(&path).unwrap_or_default();
        fs::write(Path::new(&path).join("checkpoint-1795343873000"), b"java").unwrap_or_default();
        let text = CheckpointFolder::open(&path, "app").map(drop).map_err(|e| e.to_string());
        assert!(
            text.is_err_and(
                |text| text.contains("expected an empty folder or a Tidemill checkpoint")
            )
        );
        assert!(CheckpointFolder::exists(&path).is_err());
    }

    #[test]
    fn a_half_written_state_is_noticed() -> Result<()> {
        let (_guard, path) = folder();
        let checkpoint = CheckpointFolder::open(&path, "app")?;
        checkpoint.write(BatchTime(7), &state(b"12345"))?;
        fs::write(Path::new(&path).join("data-1-7.bin"), b"123").unwrap_or_default();
        let text = checkpoint.read().map(drop).map_err(|e| e.to_string());
        assert!(text.is_err_and(|text| text.contains("expected 5 bytes of state, got 3")));
        Ok(())
    }
}
