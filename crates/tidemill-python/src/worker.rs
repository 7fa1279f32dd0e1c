//! A worker process: has the daemon fork it, talks to it over a private socket pair, notices when it dies. Large
//! blocks go through shared memory, both ways.
//!
//! The wire format is described in `docs/architecture.md`: a frame is a `u32` length, a JSON header, and the
//! blobs that the header announces. The other side is `python/tidemill/worker.py`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufReader, IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::{TaskContext, TaskError};
use tidemill::{Error, UserError};

use crate::block::{PICKLE, from_wire, handed_over};
use crate::daemon::{Daemon, Running, ending};
use crate::native::Part;
use crate::shared::Shared;

/// Payloads a worker keeps before it is told to drop them all.
const MOST_PAYLOADS: usize = 256;
/// How long a worker may take to leave by itself.
const LEAVE_WAIT: Duration = Duration::from_millis(500);
/// How long the system may take to end one that was killed.
const KILL_WAIT: Duration = Duration::from_secs(10);

/// The functions of a segment, pickled.
pub struct Payload {
    pub hash: String,
    pub bytes: Vec<u8>,
    pub broadcasts: Vec<u64>,
    pub has_head: bool,
    pub buckets: usize,
}

/// Values that functions share, pickled, by id.
pub type Broadcasts = HashMap<u64, Arc<[u8]>>;

#[derive(Serialize)]
struct Request<'a> {
    #[serde(rename = "fn")]
    function: &'a str,
    fn_len: usize,
    clear: bool,
    head: bool,
    tail: usize,
    /// The index that operators get.
    split: usize,
    partition: usize,
    attempt: u32,
    stage: u64,
    task: u64,
    props: &'a BTreeMap<String, String>,
    broadcasts: Vec<(u64, usize)>,
    drop_broadcasts: Vec<u64>,
    inputs: Vec<Vec<WireBlock>>,
    part: Option<&'a Part>,
}

/// A block's kind, records, length, and its place in shared memory if it is there.
type WireBlock = (u8, usize, usize, Option<u64>);

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    #[serde(default)]
    outputs: Vec<WireBlock>,
    #[serde(default)]
    acc_len: usize,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    traceback: String,
    #[serde(default)]
    record: Option<String>,
    #[serde(default)]
    exception_len: usize,
    #[serde(default)]
    leaves: bool,
    #[serde(default, rename = "final")]
    is_final: bool,
}

/// One worker process.
pub struct Worker {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    shared: Option<Shared>,
    payloads: HashSet<String>,
    broadcasts: HashSet<u64>,
    /// The number of its address layout, which is that of its daemon.
    pub layout: u64,
    /// Whether it gets no more tasks: the process has said so, or there are bytes of it that nobody reads.
    pub leaves: bool,
}

/// The process itself, for whoever has to end it.
pub struct Process {
    pid: u32,
    daemon: Arc<Running>,
    socket: UnixStream,
}

impl Worker {
    /// Starts a process, a fork of the daemon.
    pub fn start(daemon: &Daemon) -> std::io::Result<(Worker, Process)> {
        let (ours, theirs) = UnixStream::pair()?;
        let shared = Shared::new();
        let (reader, writer) = (ours.try_clone()?, ours.try_clone()?);
        let daemon = daemon.running()?;
        let files = std::iter::once(theirs.as_fd()).chain(shared.as_ref().map(Shared::file));
        let pid = daemon.fork(&files.collect::<Vec<_>>())?;
        let worker = Worker {
            reader: BufReader::with_capacity(1 << 16, reader),
            writer,
            shared,
            payloads: HashSet::new(),
            broadcasts: HashSet::new(),
            layout: daemon.layout(),
            leaves: false,
        };
        Ok((worker, Process { pid, daemon, socket: ours }))
    }

    /// Runs one task, or a part of one. An I/O error means that the worker has died.
    pub fn run(
        &mut self,
        payload: &Payload,
        part: Option<&Part>,
        inputs: &[Partition],
        known: &Broadcasts,
        split: usize,
        cx: &TaskContext,
    ) -> std::io::Result<Result<Vec<Partition>, TaskError>> {
        if let Err(error) = self.send(payload, part, inputs, known, split, cx)? {
            return Ok(Err(TaskError::Fatal(error)));
        }
        let received = self.receive(cx);
        if let Some(shared) = &mut self.shared {
            shared.clear();
        }
        received
    }

    fn send(
        &mut self,
        payload: &Payload,
        part: Option<&Part>,
        inputs: &[Partition],
        known: &Broadcasts,
        split: usize,
        cx: &TaskContext,
    ) -> std::io::Result<Result<(), Error>> {
        let clear = self.payloads.len() >= MOST_PAYLOADS;
        if clear {
            self.payloads.clear();
        }
        let fresh = self.payloads.insert(payload.hash.clone());
        let body: &[u8] = if fresh { &payload.bytes } else { &[] };
        let dropped: Vec<u64> =
            self.broadcasts.iter().copied().filter(|id| !known.contains_key(id)).collect();
        self.broadcasts.retain(|id| known.contains_key(id));
        let mut shared: Vec<(u64, &[u8])> = Vec::new();
        for id in &payload.broadcasts {
            if let Some(value) = known.get(id)
                && self.broadcasts.insert(*id)
            {
                shared.push((*id, value));
            }
        }
        let data: Result<Vec<_>, Error> = inputs.iter().flatten().map(handed_over).collect();
        let data = match data {
            Ok(data) => data,
            Err(error) => return Ok(Err(error)),
        };
        let mut sent: Vec<&[u8]> = Vec::new();
        let mut data_left = data.iter();
        let mut form = |block: &BlockRef| {
            let (kind, bytes) = data_left.next().map_or((PICKLE, &[][..]), |(k, b)| (*k, b));
            let place = self.shared.as_mut().and_then(|shared| shared.put(bytes));
            if place.is_none() {
                sent.push(bytes);
            }
            (kind, block.len(), bytes.len(), place)
        };
        let mut inputs_header = Vec::new();
        for partition in inputs {
            inputs_header.push(partition.iter().map(&mut form).collect());
        }
        let header = serde_json::to_vec(&Request {
            function: &payload.hash,
            fn_len: body.len(),
            clear,
            head: part.map_or(payload.has_head, Part::has_head),
            tail: part.map_or(payload.buckets, |p| if p.splits() { payload.buckets } else { 0 }),
            split,
            partition: cx.partition,
            attempt: cx.attempt,
            stage: cx.stage.0,
            task: cx.task.0,
            props: &cx.properties,
            broadcasts: shared.iter().map(|(id, value)| (*id, value.len())).collect(),
            drop_broadcasts: dropped,
            inputs: inputs_header,
            part,
        })?;
        let length = (header.len() as u32).to_le_bytes();
        let mut pieces: Vec<&[u8]> = vec![&length, &header, body];
        pieces.extend(shared.iter().map(|(_, value)| *value));
        pieces.extend(sent);
        write_all(&mut self.writer, &pieces).map(Ok)
    }

    fn receive(&mut self, cx: &TaskContext) -> std::io::Result<Result<Vec<Partition>, TaskError>> {
        let mut length = [0; 4];
        self.reader.read_exact(&mut length)?;
        let header = self.blob(u32::from_le_bytes(length) as usize)?;
        let reply: Reply = match serde_json::from_slice(&header) {
            Ok(reply) => reply,
            Err(error) => {
                // What follows it was not read.
                self.leaves = true;
                let text = format!("a worker's reply cannot be read: {error}");
                return Ok(Err(TaskError::Fatal(Error::Internal(text))));
            }
        };
        if !reply.ok {
            self.leaves = reply.leaves;
            let payload = self.blob(reply.exception_len)?;
            let error = Arc::new(UserError {
                kind: reply.kind,
                message: reply.message,
                traceback: reply.traceback,
                record: reply.record,
                payload: (!payload.is_empty()).then(|| payload.into()),
            });
            let (partition, attempts) = (cx.partition, cx.attempt + 1);
            return Ok(Err(match reply.is_final {
                true => TaskError::Fatal(Error::User { error, partition, attempts }),
                false => TaskError::User(error),
            }));
        }
        let mut results = Vec::with_capacity(reply.outputs.len());
        for (kind, records, size, place) in reply.outputs {
            let data = match (place, &self.shared) {
                (Some(at), Some(shared)) => shared.take(at, size)?,
                _ => self.blob(size)?,
            };
            match from_wire(kind, records, data) {
                Ok(block) => results.push(vec![block]),
                Err(error) => {
                    // The others were not read.
                    self.leaves = true;
                    return Ok(Err(TaskError::Fatal(error)));
                }
            }
        }
        if reply.acc_len > 0 {
            let update = self.blob(reply.acc_len)?;
            cx.update(Box::new(update));
        }
        Ok(Ok(results))
    }

    fn blob(&mut self, size: usize) -> std::io::Result<Vec<u8>> {
        let mut data = vec![0; size];
        self.reader.read_exact(&mut data)?;
        Ok(data)
    }
}

impl Process {
    /// Ends the process: politely, then not.
    pub fn stop(self) {
        // An idle worker leaves when its socket closes.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        // Without its daemon it is gone, and there is nothing to end.
        if let Ok(None) = self.ended_within(LEAVE_WAIT) {
            let _ = self.killed();
        }
    }

    /// How the process ended, for a message; ends it if it has not.
    pub fn obituary(self) -> String {
        match self.killed() {
            Ok(Some(status)) => format!("worker process {} {}", self.pid, ending(status)),
            Ok(None) => format!("worker process {} was lost: it does not end", self.pid),
            Err(error) => format!("worker process {} was lost: {error}", self.pid),
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.pid
    }

    fn killed(&self) -> std::io::Result<Option<ExitStatus>> {
        self.daemon.kill(self.pid)?;
        self.ended_within(KILL_WAIT)
    }

    /// Waits for the end. The daemon is never kept waiting: it has others to serve.
    fn ended_within(&self, time: Duration) -> std::io::Result<Option<ExitStatus>> {
        let until = Instant::now() + time;
        loop {
            let status = self.daemon.wait(self.pid)?;
            if status.is_some() || Instant::now() >= until {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Writes all pieces with as few system calls as possible.
fn write_all(writer: &mut UnixStream, pieces: &[&[u8]]) -> std::io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = slices.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let most = left.len().min(512);
        match writer.write_vectored(&left[..most]) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
