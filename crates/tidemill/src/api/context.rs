//! `SparkContext` of the typed front end.

use std::fmt::Display;
use std::sync::Arc;

use crate::api::native::{Data, NativeBackend, block};
use crate::api::rdd::Rdd;
use crate::error::{Error, Result};
use crate::exec::text_file::TextFiles;
use crate::exec::{Engine, EngineConfig};
use crate::text::Line;

/// Most bytes of persisted partitions kept by default.
const STORAGE_BYTES: usize = 1 << 30;

/// The entry point: makes RDDs and runs their jobs on threads of this process. Cheap to clone.
///
/// ```
/// use tidemill::SparkContext;
/// let sc = SparkContext::new("local[2]", "example")?;
/// assert_eq!(sc.parallelize(1..=10, 3).map(|x| x * x).reduce(|a, b| a + b)?, Some(385));
/// # Ok::<(), tidemill::Error>(())
/// ```
#[derive(Clone)]
pub struct SparkContext {
    engine: Arc<Engine>,
    app_name: Arc<str>,
}

impl SparkContext {
    /// A context for `local`, `local[N]`, `local[*]` or `local[N,F]` (F attempts at a task).
    ///
    /// ```
    /// use tidemill::SparkContext;
    /// assert_eq!(SparkContext::new("local[3]", "example")?.default_parallelism(), 3);
    /// let error = SparkContext::new("yarn", "example").err().map(|error| error.to_string());
    /// assert!(error.is_some_and(|text| text.starts_with("master must be local")));
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the master is none of these.
    pub fn new(master: &str, app_name: &str) -> Result<Self> {
        let (slots, max_attempts) = parse_master(master)?;
        let config = EngineConfig { slots, max_attempts, storage_bytes: STORAGE_BYTES };
        let engine = Arc::new(Engine::new(config, Arc::new(NativeBackend))?);
        Ok(SparkContext { engine, app_name: app_name.into() })
    }

    /// A context with `slots` executor threads.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(2)?;
    /// assert_eq!(sc.default_parallelism(), 2);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `slots` is 0.
    pub fn local(slots: usize) -> Result<Self> {
        SparkContext::new(&format!("local[{slots}]"), "tidemill")
    }

    /// The program's name.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::new("local", "example")?;
    /// assert_eq!(sc.app_name(), "example");
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn app_name(&self) -> &str {
        &self.app_name
    }

    /// Partitions of a shuffle whose number is not given: the number of executor threads.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::new("local[4]", "example")?;
    /// assert_eq!(sc.default_parallelism(), 4);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn default_parallelism(&self) -> usize {
        self.engine.slots()
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// An RDD of some records, in `partitions` slices.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let slices = sc.parallelize(0..10, 4).glom().collect()?;
    /// assert_eq!(slices, [vec![0, 1], vec![2, 3, 4], vec![5, 6], vec![7, 8, 9]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn parallelize<T: Data>(
        &self,
        records: impl IntoIterator<Item = T>,
        partitions: usize,
    ) -> Rdd<T> {
        let mut records: Vec<T> = records.into_iter().collect();
        let (length, slices) = (records.len(), partitions.max(1));
        let mut parts = Vec::with_capacity(slices);
        for slice in (0..slices).rev() {
            parts.push(vec![block(records.split_off(slice * length / slices))]);
        }
        parts.reverse();
        Rdd::new(self.clone(), self.engine.from_blocks("parallelize", parts))
    }

    /// An RDD without partitions.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert!(sc.empty_rdd::<i32>().collect()?.is_empty());
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn empty_rdd<T: Data>(&self) -> Rdd<T> {
        Rdd::new(self.clone(), self.engine.from_blocks("empty", Vec::new()))
    }

    /// The lines of a file, a folder or a glob pattern, in at least `min_partitions` partitions.
    /// The path is looked at by the first action.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let error = sc.text_file("/no/such/file", 2).count().unwrap_err();
    /// assert_eq!(error.to_string(), "Input path does not exist: file:/no/such/file");
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn text_file(&self, path: impl Display, min_partitions: usize) -> Rdd<Line> {
        let source = TextFiles::new(&path.to_string(), min_partitions);
        Rdd::new(self.clone(), self.engine.source(Arc::new(source)))
    }

    /// Ends the executors; running jobs fail.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// sc.stop();
    /// assert!(sc.parallelize([1], 1).collect().is_err());
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn stop(&self) {
        self.engine.stop();
    }
}

/// Executor threads and attempts at a task.
fn parse_master(master: &str) -> Result<(usize, u32)> {
    let wrong = || {
        Error::IllegalArgument(format!(
            "master must be local, local[N], local[*] or local[N,F] with N and F of at least 1, \
             got {master:?}"
        ))
    };
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
    if master == "local" {
        return Ok((1, 4));
    }
    let inner = master.strip_prefix("local[").and_then(|rest| rest.strip_suffix(']'));
    let (slots, attempts) = match inner.ok_or_else(wrong)?.split_once(',') {
        Some((slots, attempts)) => (slots, attempts.trim().parse().map_err(|_| wrong())?),
        None => (inner.ok_or_else(wrong)?, 4),
    };
    let slots = match slots.trim() {
        "*" => cores(),
        number => number.parse().map_err(|_| wrong())?,
    };
    if slots == 0 || attempts == 0 { Err(wrong()) } else { Ok((slots, attempts)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_parsed_or_refused() {
        assert_eq!(parse_master("local[3]").ok(), Some((3, 4)));
        assert_eq!(parse_master("local[3, 1]").ok(), Some((3, 1)));
        assert!(parse_master("local[*]").is_ok_and(|(slots, _)| slots > 0));
        for wrong in
            ["", "yarn", "local[0]", "local[x]", "local[2", "spark://host:7077", "local[2,0]"]
        {
            let text = parse_master(wrong).map_err(|e| e.to_string());
            assert!(text.is_err_and(|text| text.contains("master must be local")), "{wrong}");
        }
    }
}
