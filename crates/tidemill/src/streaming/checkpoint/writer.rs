//! The thread that writes checkpoints: a batch hands over a snapshot and goes on.
//!
//! A snapshot is a list of blocks, which never change, so taking one costs nothing and writing it disturbs no batch.
//! One waits at most: if the disk is slower than the interval, checkpoints are left out, the newest stays.

use std::sync::Arc;
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::lock::{Lock, Signal};
use crate::panics;
use crate::streaming::BatchTime;
use crate::streaming::checkpoint::{CheckpointFolder, Snapshot};

/// Told why a checkpoint could not be written.
pub type OnError = Box<dyn Fn(Error) + Send>;

/// Writes checkpoints behind the batches' backs.
pub struct CheckpointWriter {
    inbox: Arc<Inbox>,
    thread: Lock<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Inbox {
    next: Lock<Next>,
    changed: Signal,
}

#[derive(Default)]
struct Next {
    checkpoint: Option<(BatchTime, Vec<Snapshot>)>,
    closed: bool,
}

impl CheckpointWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(folder: CheckpointFolder, on_error: OnError) -> Result<CheckpointWriter> {
        let inbox = Arc::new(Inbox::default());
        let theirs = inbox.clone();
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || theirs.run(&folder, &on_error))
            .map_err(|error| Error::io("starting the checkpoint thread".to_owned(), error))?;
        Ok(CheckpointWriter { inbox, thread: Lock::new(Some(thread)) })
    }

    /// Hands a checkpoint over; it takes the place of one that waits.
    pub fn submit(&self, time: BatchTime, snapshots: Vec<Snapshot>) {
        self.inbox.next.lock().checkpoint = Some((time, snapshots));
        self.inbox.changed.notify();
    }

    /// Waits until everything handed over is written, and ends the thread.
    pub fn finish(&self) {
        self.inbox.next.lock().closed = true;
        self.inbox.changed.notify();
        // The thread itself may be the last to let go of the stream.
        let other = |thread: &JoinHandle<()>| thread.thread().id() != std::thread::current().id();
        if let Some(thread) = self.thread.lock().take().filter(other) {
            // A panic was caught and reported.
            let _ = thread.join();
        }
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Inbox {
    fn run(&self, folder: &CheckpointFolder, on_error: &OnError) {
        while let Some((time, snapshots)) = self.wait() {
            let written = panics::catch(|| folder.write(time, &snapshots));
            let written = written.unwrap_or_else(|panic| {
                Err(Error::Checkpoint(format!("writing a checkpoint failed: {}", panic.message)))
            });
            if let Err(error) = written {
                on_error(error);
            }
        }
    }

    fn wait(&self) -> Option<(BatchTime, Vec<Snapshot>)> {
        let mut next = self.next.lock();
        loop {
            if let Some(checkpoint) = next.checkpoint.take() {
                return Some(checkpoint);
            }
            if next.closed {
                return None;
            }
            next = self.changed.wait(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_over_is_written_before_the_end() -> Result<()> {
        let guard = tempfile::tempdir().map_err(|e| Error::io("a folder".to_owned(), e))?;
        let path = guard.path().join("checkpoint").to_string_lossy().into_owned();
        let folder = CheckpointFolder::open(&path, "app")?;
        let writer = CheckpointWriter::start(folder, Box::new(|_| ()))?;
        for time in 1..50 {
            writer.submit(BatchTime(time), Vec::new());
        }
        writer.finish();
        let newest = CheckpointFolder::open(&path, "app")?.read()?;
        assert_eq!(newest.map(|checkpoint| checkpoint.time), Some(BatchTime(49)));
        Ok(())
    }

    #[test]
    fn a_failure_is_told_and_the_next_one_is_written() -> Result<()> {
        let guard = tempfile::tempdir().map_err(|e| Error::io("a folder".to_owned(), e))?;
        let path = guard.path().join("checkpoint").to_string_lossy().into_owned();
        let older = CheckpointFolder::open(&path, "app")?;
        CheckpointFolder::open(&path, "app")?.write(BatchTime(1), &[])?;
        let (sender, told) = std::sync::mpsc::channel();
        let writer = CheckpointWriter::start(older, Box::new(move |e| drop(sender.send(e))))?;
        writer.submit(BatchTime(2), Vec::new());
        let error = told.recv().map(|error| error.to_string());
        assert!(error.is_ok_and(|text| text.contains("another program (generation 2)")));
        writer.finish();
        Ok(())
    }
}
