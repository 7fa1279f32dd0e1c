//! Checkpoints: state files, then an immutable manifest, then one atomic pointer with a generation number.
//!
//! A crash at any moment leaves the pointer on a complete manifest. A program that starts on the folder
//! takes the next generation; an older one that still runs then finds a higher number and stops writing. Closures
//! are never stored: the program rebuilds its graph and attaches the state by its ordinal.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::exec::text_file::local_path;
use crate::streaming::BatchTime;

const FORMAT: u32 = 1;
const POINTER: &str = "CURRENT.json";
/// Says that a folder is a Tidemill checkpoint.
const MARKER: &str = "tidemill-checkpoint.json";
/// Folders beside ours that `RDD.checkpoint` makes.
const RDD_FOLDER: &str = "rdds-";
/// Manifests that are kept.
const KEEP: usize = 2;

/// One keyed state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedState {
    /// Which of the program's states, in order of definition.
    pub ordinal: usize,
    /// The codec's format.
    pub format: String,
    /// For each partition, its encoded blocks.
    pub partitions: Vec<Vec<Vec<u8>>>,
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

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    generation: u64,
    app_name: String,
    batch_time_ms: i64,
    states: Vec<StateEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StateEntry {
    ordinal: usize,
    format: String,
    file: String,
    /// For each partition, the length of each of its blocks.
    blocks: Vec<Vec<usize>>,
}

/// What a checkpoint holds.
#[derive(Debug)]
pub struct Checkpoint {
    /// The batch after which it was written.
    pub time: BatchTime,
    /// The states.
    pub states: Vec<EncodedState>,
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
        let folder = CheckpointFolder { path, generation, app_name: app_name.to_owned() };
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
        let manifest: Manifest = read_json(&self.path.join(&name))?;
        if manifest.format != FORMAT {
            return Err(wrong_format(&self.path, manifest.format));
        }
        if manifest.app_name != self.app_name {
            return Err(Error::Checkpoint(format!(
                "{}: expected a checkpoint of the application {:?}, found one of {:?}; give each \
                 application its own folder, or this one the other's name",
                self.path.display(),
                self.app_name,
                manifest.app_name
            )));
        }
        let states = manifest.states.iter().map(|entry| self.read_state(entry));
        let time = BatchTime(manifest.batch_time_ms);
        Ok(Some(Checkpoint { time, states: states.collect::<Result<_>>()? }))
    }

    fn read_state(&self, entry: &StateEntry) -> Result<EncodedState> {
        let path = self.path.join(&entry.file);
        let bytes = fs::read(&path).map_err(|e| unreadable(&path, &e))?;
        let expected: usize = entry.blocks.iter().flatten().sum();
        if bytes.len() != expected {
            return Err(Error::Checkpoint(format!(
                "{}: expected {expected} bytes of state, got {}; the checkpoint is damaged: remove the \
                 folder to start afresh, or restore it from a copy",
                path.display(),
                bytes.len()
            )));
        }
        let mut at = 0;
        let mut block = |length: &usize| {
            at += length;
            bytes[at - length..at].to_vec()
        };
        let mut partition = |lengths: &Vec<usize>| lengths.iter().map(&mut block).collect();
        let partitions = entry.blocks.iter().map(&mut partition).collect();
        Ok(EncodedState { ordinal: entry.ordinal, format: entry.format.clone(), partitions })
    }

    /// Writes the state after batch `time` and makes it the newest.
    ///
    /// # Errors
    /// If a file cannot be written, or another program has taken the folder over.
    pub fn write(&self, time: BatchTime, states: &[EncodedState]) -> Result<()> {
        let name = |what: &str| format!("{what}-{}-{}", self.generation, time.0);
        let mut entries = Vec::new();
        for state in states {
            let file = format!("{}-{}.bin", name("state"), state.ordinal);
            let lengths = |blocks: &Vec<Vec<u8>>| blocks.iter().map(Vec::len).collect();
            self.put(&file, &state.partitions.concat().concat())?;
            entries.push(StateEntry {
                ordinal: state.ordinal,
                format: state.format.clone(),
                file,
                blocks: state.partitions.iter().map(lengths).collect(),
            });
        }
        let manifest = Manifest {
            format: FORMAT,
            generation: self.generation,
            app_name: self.app_name.clone(),
            batch_time_ms: time.0,
            states: entries,
        };
        let manifest_name = format!("{}.json", name("manifest"));
        self.put(&manifest_name, &to_json(&manifest)?)?;
        self.set_pointer(Some(manifest_name))?;
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
        let mut manifests: Vec<&String> =
            names.iter().filter(|name| name.starts_with("manifest-")).collect();
        manifests.sort_by_key(|name| std::cmp::Reverse(numbers_in(name)));
        let kept: Vec<(u64, u64)> =
            manifests.iter().take(KEEP).map(|name| numbers_in(name)).collect();
        for name in &names {
            let ours = name.starts_with("manifest-") || name.starts_with("state-");
            if ours && !kept.contains(&numbers_in(name)) {
                let _ = fs::remove_file(self.path.join(name));
            }
        }
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
        return if found.format == FORMAT {
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
        "{}: expected checkpoint format {FORMAT}, found {found}; use the version of Tidemill that wrote \
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
    serde_json::to_vec_pretty(value).map_err(|e| Error::Internal(e.to_string()))
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

    fn folder() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap_or_else(|_| unreachable!("a temporary folder"));
        let path = folder.path().join("checkpoint").to_string_lossy().into_owned();
        (folder, path)
    }

    fn state(bytes: &[u8]) -> Vec<EncodedState> {
        let partitions = vec![vec![bytes.to_vec()], vec![]];
        vec![EncodedState { ordinal: 0, format: "test".to_owned(), partitions }]
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
        let read = again.read()?.map(|c| (c.time, c.states));
        assert_eq!(read, Some((BatchTime(5), state(&[5; 3]))));
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
        fs::write(Path::new(&path).join("state-1-7-0.bin"), b"123").unwrap_or_default();
        let text = checkpoint.read().map(drop).map_err(|e| e.to_string());
        assert!(text.is_err_and(|text| text.contains("expected 5 bytes of state, got 3")));
        Ok(())
    }
}
