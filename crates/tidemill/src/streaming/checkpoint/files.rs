//! Writing files so that each is there as a whole or not at all, and telling why one cannot be written or read.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A file that is being written under another name; gone if it is not kept, also on a full disk.
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
    temporary: PathBuf,
    kept: bool,
}

impl Temporary {
    /// An empty file that is to be at `path`.
    pub(super) fn create(path: &Path) -> std::io::Result<Temporary> {
        let temporary = path.with_extension("tmp");
        let file = File::create(&temporary)?;
        Ok(Temporary { file, path: path.to_owned(), temporary, kept: false })
    }

    /// Makes it permanent under its name; the folder is not synced.
    pub(super) fn keep(mut self) -> std::io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.kept = true;
        Ok(())
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            // The next program on the folder tries again.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a file so that it is there as a whole or not at all, also after a power cut.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = Temporary::create(path)?;
    file.write_all(bytes)?;
    file.keep()?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Why a folder cannot be written, and what to do.
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => {
            "choose a folder that the program's user may write, or make this one writable"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "choose a folder, not a file",
        ErrorKind::StorageFull => {
            "the disk is full: make room on it, or choose a folder on another one"
        }
        ErrorKind::QuotaExceeded => {
            "the user's disk quota is used up: make room, have the quota raised, or choose a folder elsewhere"
        }
        ErrorKind::FileTooLarge => {
            "a file is larger than is allowed: raise the limit (`ulimit -f`), or choose a folder on a file \
             system for larger files"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "the file system is mounted read-only: mount it writable, or choose a folder elsewhere"
        }
        _ => "choose a folder that can be written",
    };
    Error::Checkpoint(format!(
        "cannot write the checkpoint folder {}: {error}; {hint}",
        path.display()
    ))
}

/// Why a file or folder cannot be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Checkpoint(format!("cannot read the checkpoint {}: {error}", path.display()))
}
