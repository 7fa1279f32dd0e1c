//! Memory that the driver and one worker share: large blocks on their way to the worker and back.
//!
//! A file in memory, without a name, that the worker is given. The driver writes a task's blocks from the start
//! on, the worker reads them where they are and writes its results behind them, and has answered before the
//! driver copies these out and writes again. So the memory is used again and again (fresh pages for each block
//! cost more than a socket does), and it is gone with the last of the two processes, however they end. Where there
//! is no such file, all goes through the socket.

use std::fs::File;
use std::io::Result;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

/// Smaller blocks go through the socket, which is no slower for them.
const LEAST: usize = 64 << 10;
/// What is kept from task to task.
const KEPT: u64 = 64 << 20;
/// Where blocks begin: Arrow wants its buffers at multiples of this.
const ALIGNMENT: u64 = 64;

/// The driver's side of the memory.
pub struct Shared {
    file: File,
    used: u64,
}

impl Shared {
    /// New memory, empty; `None` if the system has none to share.
    pub fn new() -> Option<Shared> {
        file().map(|file| Shared { file, used: 0 })
    }

    /// The file, for the worker.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Copies a block; returns where it is. `None` if it is better sent, or cannot be held.
    pub fn put(&mut self, block: &[u8]) -> Option<u64> {
        if block.len() < LEAST {
            return None;
        }
        let at = self.used.next_multiple_of(ALIGNMENT);
        self.file.write_all_at(block, at).ok()?;
        self.used = at + block.len() as u64;
        Some(at)
    }

    /// Copies a result out.
    pub fn take(&self, at: u64, size: usize) -> Result<Vec<u8>> {
        let mut data = vec![0; size];
        self.file.read_exact_at(&mut data, at)?;
        Ok(data)
    }

    /// The worker has read everything, and its results are taken.
    pub fn clear(&mut self) {
        // Also what the worker has begun to write, when there was no memory for all of it.
        if self.file.metadata().is_ok_and(|file| file.len() > KEPT) {
            // If it fails, the memory is merely kept.
            let _ = self.file.set_len(0);
        }
        self.used = 0;
    }
}

#[cfg(target_os = "linux")]
fn file() -> Option<File> {
    use std::os::fd::{FromRawFd, OwnedFd};

    // SAFETY: the name is a string that ends in zero.
    let number = unsafe { libc::memfd_create(c"tidemill-blocks".as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: the file was opened just now, and nothing else owns it.
    (number >= 0).then(|| File::from(unsafe { OwnedFd::from_raw_fd(number) }))
}

#[cfg(not(target_os = "linux"))]
fn file() -> Option<File> {
    None
}

#[cfg(test)]
mod tests {
    use super::{FileExt, Shared};

    #[test]
    fn large_blocks_are_put_side_by_side() {
        let Some(mut shared) = Shared::new() else { return };
        assert_eq!(shared.put(b"small"), None);
        assert_eq!(shared.put(&vec![1; 70_001]), Some(0));
        assert_eq!(shared.put(&vec![2; 70_000]), Some(70_016));
        shared.clear();
        assert_eq!(shared.put(&vec![3; 70_000]), Some(0));
    }

    #[test]
    fn results_behind_the_blocks_are_copied_out_and_count_as_memory() {
        let Some(mut shared) = Shared::new() else { return };
        assert_eq!(shared.put(&vec![1; 70_000]), Some(0));
        let size = 65 << 20;
        assert!(shared.file.write_all_at(&vec![7; size], 70_016).is_ok());
        assert_eq!(shared.take(70_016, size).ok(), Some(vec![7; size]));
        shared.clear();
        assert_eq!(shared.file.metadata().map_or(1, |file| file.len()), 0);
        assert!(shared.take(0, 1).is_err());
    }

    #[test]
    fn memory_of_a_huge_block_is_given_back() {
        let Some(mut shared) = Shared::new() else { return };
        let size = |shared: &Shared| shared.file.metadata().map_or(0, |file| file.len());
        assert_eq!(shared.put(&vec![1; 65 << 20]), Some(0));
        assert_eq!(size(&shared), 65 << 20);
        shared.clear();
        assert_eq!(size(&shared), 0);
        shared.put(&vec![1; 1 << 20]);
        shared.clear();
        assert_eq!(size(&shared), 1 << 20);
    }
}
