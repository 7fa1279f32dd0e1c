//! Arrow in the memory that the driver shares: reading it where it lies, and keeping what user code holds on to.

use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::objects::{damaged, objects};

/// Pages of a file that are mapped for reading.
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: memory that is only read may be read and unmapped by any thread.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(file: RawFd, length: usize) -> std::io::Result<Mapping> {
        let (read, shared) = (libc::PROT_READ, libc::MAP_SHARED);
        // SAFETY: a new mapping at a place that the system chooses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, read, shared, file, 0) };
        if start == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(std::io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's alone.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// The records of an IPC stream that lies in a file.
#[pyfunction]
pub fn arrow_records_at<'py>(
    py: Python<'py>,
    file: RawFd,
    start: usize,
    length: usize,
) -> PyResult<Bound<'py, PyList>> {
    let mapping = Mapping::new(file, start + length)?;
    let (at, whole) = (mapping.start, mapping.length);
    // SAFETY: the mapping lives as long as the buffer, and the driver does not write before the task has ended.
    let whole = unsafe { Buffer::from_custom_allocation(at, whole, Arc::new(mapping)) };
    let mut stream = whole.slice_with_length(start, length);
    let (mut decoder, mut batches) = (StreamDecoder::new(), Vec::new());
    while !stream.is_empty() {
        batches.extend(decoder.decode(&mut stream).map_err(damaged)?);
    }
    objects(py, &batches)
}

/// Makes memory that is mapped from a file this process's own, with what is in it now, where it is: user code has
/// kept a batch that lies there, and the driver is about to write again.
#[pyfunction]
pub fn keep_memory(address: usize, length: usize) -> PyResult<()> {
    #[cfg(target_os = "linux")]
    return Ok(own(address, length)?);
    #[cfg(not(target_os = "linux"))]
    return Err(damaged(format!("shared memory at {address}, {length} bytes, on this system")));
}

#[cfg(target_os = "linux")]
fn own(address: usize, length: usize) -> std::io::Result<()> {
    // SAFETY: a question to the system.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let start = address - address % page;
    let length = (address + length - start).next_multiple_of(page);
    let (rights, private) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at a place that the system chooses.
    let copy = unsafe { libc::mmap(std::ptr::null_mut(), length, rights, private, -1, 0) };
    if copy == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the caller has mapped these pages, and the copy is as long.
    unsafe { std::ptr::copy_nonoverlapping(start as *const u8, copy.cast::<u8>(), length) };
    let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: the copy takes the place of pages with the same content, in one step.
    let moved = unsafe { libc::mremap(copy, length, length, how, start as *mut libc::c_void) };
    if moved == libc::MAP_FAILED {
        let error = std::io::Error::last_os_error();
        // SAFETY: the copy is this function's alone.
        unsafe { libc::munmap(copy, length) };
        return Err(error);
    }
    Ok(())
}
