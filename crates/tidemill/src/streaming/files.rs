//! `textFileStream`: the lines of files that appear in a folder, by their modification time, as Spark
//! picks them: not older than the stream, not newer than the batch, each path once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::error::Result;
use crate::exec::Engine;
use crate::exec::text_file::{TextFiles, is_hidden, local_path};
use crate::lock::Lock;
use crate::streaming::BatchTime;
use crate::streaming::source::{Input, InputSource, SourceContext};

/// File times are taken from the system's coarse clock, which may be this far behind.
const CLOCK_GRAIN: Duration = Duration::from_millis(10);

/// A folder (or a glob pattern of folders) that is watched.
pub struct FileSource {
    directory: String,
    state: Lock<Watch>,
}

struct Watch {
    not_before: BatchTime,
    remember: Duration,
    seen: HashMap<PathBuf, BatchTime>,
}

impl FileSource {
    /// Files that appear in `directory` from now on.
    pub fn new(directory: &str) -> Self {
        let remember = Duration::from_secs(60);
        let not_before = BatchTime::now().minus(CLOCK_GRAIN);
        let watch = Watch { not_before, remember, seen: HashMap::new() };
        FileSource { directory: directory.to_owned(), state: Lock::new(watch) }
    }
}

impl InputSource for FileSource {
    fn label(&self) -> String {
        format!("textFileStream {}", self.directory)
    }

    fn start(&self, context: &SourceContext) -> Result<()> {
        self.state.lock().remember = context.file_remember;
        Ok(())
    }

    fn rdd(&self, engine: &Engine, time: BatchTime) -> Result<Input> {
        let files = self.state.lock().select(local_path(&self.directory), time);
        let label = self.label();
        let one = |file| Ok(engine.source(Arc::new(TextFiles::of_files(&label, &[file])?)));
        let rdds = files.iter().cloned().map(one).collect::<Result<Vec<_>>>();
        if rdds.is_err() {
            // None of them was read; the next batch takes those that are still there.
            self.state.lock().seen.retain(|path, _| !files.contains(path));
        }
        let rdds = rdds?;
        Ok(Input { rdd: engine.union(rdds)?, records: 0 })
    }
}

impl Watch {
    /// The new files of batch `time`, by path. A file that cannot be looked at is left for later.
    fn select(&mut self, directory: &str, time: BatchTime) -> Vec<PathBuf> {
        let oldest = self.not_before.max(time.minus(self.remember));
        self.seen.retain(|_, modified| *modified >= oldest);
        let mut found = Vec::new();
        for folder in glob::glob(directory).into_iter().flatten().filter_map(|entry| entry.ok()) {
            for path in visible_files(&folder) {
                let Some(modified) = modified(&path) else {
                    continue;
                };
                let fresh = modified >= oldest && modified <= time;
                if fresh && !self.seen.contains_key(&path) {
                    self.seen.insert(path.clone(), modified);
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

fn visible_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.filter_map(|entry| entry.ok()).map(|entry| entry.path());
    paths.filter(|path| path.is_file() && !is_hidden(path)).collect()
}

fn modified(path: &Path) -> Option<BatchTime> {
    let time = std::fs::metadata(path).ok()?.modified().ok()?;
    Some(BatchTime(time.duration_since(UNIX_EPOCH).ok()?.as_millis() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_once_and_hidden_ones_never() {
        let folder = tempfile::tempdir().unwrap_or_else(|_| unreachable!("a temporary folder"));
        let source = FileSource::new(&folder.path().to_string_lossy());
        for name in ["a.txt", ".hidden", "_temporary"] {
            std::fs::write(folder.path().join(name), "x\n").unwrap_or_default();
        }
        let later = BatchTime(BatchTime::now().0 + 1000);
        let directory = folder.path().to_string_lossy().into_owned();
        let mut watch = source.state.lock();
        let before = BatchTime(watch.not_before.0 - 1);
        assert_eq!(watch.select(&directory, before).len(), 0);
        assert_eq!(watch.select(&directory, later), [folder.path().join("a.txt")]);
        assert_eq!(watch.select(&directory, later).len(), 0);
        assert_eq!(watch.select("/no/such/folder", later).len(), 0);
    }
}
