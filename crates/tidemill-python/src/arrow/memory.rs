//! Arrow in the memory that the driver shares: reading it where it lies, and keeping what user code holds on to.

use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::objects::objects;

/// Reads the pages when they are mapped, since all of them will be.
#[cfg(target_os = "linux")]
const AT_ONCE: libc::c_int = libc::MAP_POPULATE;
#[cfg(not(target_os = "linux"))]
const AT_ONCE: libc::c_int = 0;

/// The pages of a file that some bytes lie in, mapped for reading. The file need not stay open.
struct Mapping {
    pages: NonNull<u8>,
    length: usize,
    /// Where the bytes begin.
    skipped: usize,
}

// SAFETY: memory that is only read may be read and unmapped by any thread.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(file: RawFd, start: usize, length: usize) -> std::io::Result<Mapping> {
        let skipped = start % page();
        let from = libc::off_t::try_from(start - skipped).map_err(std::io::Error::other)?;
        let length = length + skipped;
        let (read, shared) = (libc::PROT_READ, libc::MAP_SHARED | AT_ONCE);
        // SAFETY: a new mapping at a place that the system chooses.
        let pages = unsafe { libc::mmap(std::ptr::null_mut(), length, read, shared, file, from) };
        if pages == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let pages = NonNull::new(pages.cast()).ok_or(std::io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { pages, length, skipped })
    }

    /// The bytes.
    fn start(&self) -> NonNull<u8> {
        // SAFETY: fewer bytes are skipped than are mapped.
        unsafe { self.pages.add(self.skipped) }
    }
}

fn page() -> usize {
    // SAFETY: a question to the system.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's alone.
        unsafe { libc::munmap(self.pages.as_ptr().cast(), self.length) };
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
    let mapping = Mapping::new(file, start, length)?;
    let at = mapping.start();
    // SAFETY: the mapping lives as long as the buffer, and the driver does not write before the task has ended.
    let stream = unsafe { Buffer::from_custom_allocation(at, length, Arc::new(mapping)) };
    objects(py, &stream)
}

/// Some bytes of a file, for code that may keep them. They are there as long as this object, and what the file
/// holds until `keep`.
#[pyclass(module = "tidemill._engine", frozen, weakref)]
pub struct Lent(Mapping);

#[pymethods]
impl Lent {
    #[new]
    fn new(file: RawFd, start: usize, length: usize) -> PyResult<Lent> {
        Ok(Lent(Mapping::new(file, start, length)?))
    }

    /// Where the bytes are.
    #[getter]
    fn address(&self) -> usize {
        self.0.start().as_ptr() as usize
    }

    /// Makes the memory this process's own, with what is in it now, where it is: user code has kept a batch that
    /// lies there, and the driver is about to write again.
    fn keep(&self) -> PyResult<()> {
        #[cfg(target_os = "linux")]
        return Ok(own(&self.0)?);
        #[cfg(not(target_os = "linux"))]
        return Err(super::objects::damaged("shared memory on a system that has none"));
    }
}

#[cfg(target_os = "linux")]
fn own(mapping: &Mapping) -> std::io::Result<()> {
    let length = mapping.length.next_multiple_of(page());
    let (rights, private) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at a place that the system chooses.
    let copy = unsafe { libc::mmap(std::ptr::null_mut(), length, rights, private, -1, 0) };
    if copy == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error());
    }
    let start = mapping.pages.as_ptr();
    // SAFETY: mapped are whole pages, and the copy is as long.
    unsafe { std::ptr::copy_nonoverlapping(start, copy.cast::<u8>(), length) };
    let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: the copy takes the place of the mapping's pages, with the same content, in one step.
    let moved = unsafe { libc::mremap(copy, length, length, how, start) };
    if moved == libc::MAP_FAILED {
        let error = std::io::Error::last_os_error();
        // SAFETY: the copy is this function's alone.
        unsafe { libc::munmap(copy, length) };
        return Err(error);
    }
    Ok(())
}
