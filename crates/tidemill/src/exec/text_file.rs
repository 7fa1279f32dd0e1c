//! `textFile`: files as a source of text blocks, split by bytes as Hadoop's `FileInputFormat` splits
//! them, so that partitions and their order are Spark's.
//!
//! The path is looked at when an action first needs it. `.gz` files are one partition each.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::block::{BlockRef, Partition};
use crate::error::{Error, Result};
use crate::rdd::Source;
use crate::text::TextBlock;

/// Hadoop's block size of a local file system.
const FILE_BLOCK: u64 = 32 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes of text per block.
const TEXT_BLOCK: usize = 1 << 20;

/// The lines of some files.
pub struct TextFiles {
    path: String,
    min_partitions: usize,
    splits: OnceLock<Result<Vec<Split>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Split {
    path: PathBuf,
    start: u64,
    end: u64,
}

impl TextFiles {
    /// Lines of `path`: a file, a folder, a glob pattern, or several of them separated by commas.
    pub fn new(path: &str, min_partitions: usize) -> Self {
        TextFiles { path: path.to_owned(), min_partitions, splits: OnceLock::new() }
    }

    /// Lines of exactly these files, one partition each unless they are large.
    pub fn of_files(label: &str, files: &[PathBuf]) -> Result<Self> {
        let splits = split_files(files, 1)?;
        let source = TextFiles::new(label, 1);
        // Just made, so nothing is set yet.
        let _ = source.splits.set(Ok(splits));
        Ok(source)
    }

    fn splits(&self) -> Result<&[Split]> {
        let splits = self.splits.get_or_init(|| {
            let files = list_files(&self.path)?;
            split_files(&files, self.min_partitions)
        });
        splits.as_deref().map_err(Clone::clone)
    }
}

impl Source for TextFiles {
    fn label(&self) -> String {
        format!("textFile {}", self.path)
    }

    fn partitions(&self) -> Result<usize> {
        Ok(self.splits()?.len())
    }

    fn is_text(&self) -> bool {
        true
    }

    fn read(&self, partition: usize) -> Result<Partition> {
        self.splits()?.get(partition).map_or(Ok(Vec::new()), read_split)
    }
}

/// The files a path names, in order; hidden ones (`.x`, `_x`) are left out in folders and patterns.
pub fn list_files(path: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for part in expand_braces(path) {
        let local = local_path(&part);
        let bad = |_| Error::IllegalArgument(format!("not a path or glob pattern: {part:?}"));
        let mut found: Vec<PathBuf> = if Path::new(local).exists() {
            vec![PathBuf::from(local)]
        } else {
            glob::glob(local).map_err(bad)?.filter_map(|entry| entry.ok()).collect()
        };
        if found.is_empty() {
            return Err(Error::PathMissing(format!("file:{local}")));
        }
        found.sort();
        for entry in found {
            match entry.is_dir() {
                true => files.extend(files_in(&entry)?),
                false => files.push(entry),
            }
        }
    }
    Ok(files)
}

/// The paths of a list: separated by commas, with Hadoop's `{a,b}` alternatives written out.
fn expand_braces(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for character in path.chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        if character == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts.iter().flat_map(|part| alternatives(part)).collect()
}

fn alternatives(part: &str) -> Vec<String> {
    let braces = part.find('{').and_then(|open| Some((open, open + part[open..].find('}')?)));
    let Some((open, close)) = braces else { return vec![part.to_owned()] };
    let (before, after) = (&part[..open], &part[close + 1..]);
    let chosen = part[open + 1..close].split(',').map(|choice| format!("{before}{choice}{after}"));
    chosen.flat_map(|path| alternatives(&path)).collect()
}

/// `file:` URIs name local files.
pub fn local_path(path: &str) -> &str {
    path.strip_prefix("file://").or_else(|| path.strip_prefix("file:")).unwrap_or(path)
}

/// The plain, visible files directly in a folder, by name.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| io_error("listing", folder, e))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| io_error("listing", folder, e))?.path();
        if path.is_file() && !is_hidden(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether Hadoop would overlook the file.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.starts_with('.') || name.starts_with('_')
    })
}

fn split_files(files: &[PathBuf], min_partitions: usize) -> Result<Vec<Split>> {
    let mut sizes = Vec::with_capacity(files.len());
    for file in files {
        let meta = std::fs::metadata(file).map_err(|e| io_error("reading", file, e))?;
        sizes.push(meta.len());
    }
    let goal = sizes.iter().sum::<u64>() / min_partitions.max(1) as u64;
    let size = goal.clamp(1, FILE_BLOCK);
    let mut splits = Vec::new();
    for (path, &length) in files.iter().zip(&sizes) {
        let mut start = 0;
        if !is_gzip(path) {
            // Hadoop's slop: a last piece may be a tenth longer.
            while (length - start) as f64 / size as f64 > 1.1 {
                splits.push(Split { path: path.clone(), start, end: start + size });
                start += size;
            }
        }
        if start < length {
            splits.push(Split { path: path.clone(), start, end: length });
        }
    }
    Ok(splits)
}

fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// Lines that start in `(start, end]`, or in `[0, end]` for the first split, as Hadoop reads them.
fn read_split(split: &Split) -> Result<Partition> {
    let failed = |e| io_error("reading", &split.path, e);
    let mut file = File::open(&split.path).map_err(failed)?;
    if is_gzip(&split.path) {
        let reader = BufReader::new(flate2::read::MultiGzDecoder::new(file));
        return read_blocks(reader, u64::MAX).map_err(failed);
    }
    file.seek(SeekFrom::Start(split.start)).map_err(failed)?;
    let mut reader = BufReader::with_capacity(TEXT_BLOCK, file);
    let mut at = split.start;
    if split.start > 0 {
        at += reader.skip_until(b'\n').map_err(failed)? as u64;
    } else if reader.fill_buf().map_err(failed)?.starts_with(BYTE_ORDER_MARK) {
        // Left out, as Hadoop does.
        reader.consume(BYTE_ORDER_MARK.len());
        at += BYTE_ORDER_MARK.len() as u64;
    }
    match split.end.checked_sub(at) {
        Some(left) => read_blocks(reader, left).map_err(failed),
        None => Ok(Vec::new()),
    }
}

/// Blocks of whole lines; the last line is the one that starts at or before offset `left`.
fn read_blocks(mut reader: impl BufRead, mut left: u64) -> std::io::Result<Partition> {
    let mut blocks: Vec<BlockRef> = Vec::new();
    loop {
        // A line that starts exactly at the end of the split belongs to it.
        let want = left.saturating_add(1).min(TEXT_BLOCK as u64);
        let mut bytes = Vec::new();
        let mut read = (&mut reader).take(want).read_to_end(&mut bytes)? as u64;
        if read == 0 {
            return Ok(blocks);
        }
        if bytes.last() != Some(&b'\n') {
            read += reader.read_until(b'\n', &mut bytes)? as u64;
        }
        blocks.push(Arc::new(TextBlock::from_bytes(bytes)));
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return Ok(blocks),
        }
    }
}

fn io_error(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("{what} {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(source: &TextFiles) -> Vec<Vec<String>> {
        let count = source.partitions().unwrap_or(0);
        let read = |p| source.read(p).unwrap_or_default();
        let texts = |p: usize| {
            let blocks = read(p);
            let block = |b: &BlockRef| b.as_any().downcast_ref::<TextBlock>().map(|b| b.lines());
            blocks.iter().filter_map(block).flatten().map(|line| line.to_string()).collect()
        };
        (0..count).map(texts).collect()
    }

    #[test]
    fn every_line_is_in_exactly_one_split() {
        let folder = tempfile::tempdir().unwrap_or_else(|_| unreachable!("a temporary folder"));
        let path = folder.path().join("a.txt");
        for length in 1..40 {
            let all: Vec<String> = (0..length).map(|i| format!("{}", 10_u64.pow(i % 5))).collect();
            std::fs::write(&path, all.join("\n")).unwrap_or_default();
            for partitions in 1..6 {
                let source = TextFiles::new(&path.to_string_lossy(), partitions);
                assert_eq!(lines(&source).concat(), all, "{length} lines, {partitions} partitions");
            }
        }
    }

    #[test]
    fn gzip_is_read_by_its_suffix() {
        let folder = tempfile::tempdir().unwrap_or_else(|_| unreachable!("a temporary folder"));
        let path = folder.path().join("a.gz");
        let file = File::create(&path).unwrap_or_else(|_| unreachable!("a file"));
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(b"a\r\nb").unwrap_or_default();
        encoder.finish().map(drop).unwrap_or_default();
        assert_eq!(lines(&TextFiles::new(&path.to_string_lossy(), 4)), [["a", "b"]]);
    }

    #[test]
    fn a_missing_path_is_named() {
        let error = TextFiles::new("/no/such/file", 2).partitions().map_err(|e| e.to_string());
        assert_eq!(error, Err("Input path does not exist: file:/no/such/file".to_owned()));
    }
}
