//! A worker process: starts it, talks to it over a private socket pair, notices when it dies. Large blocks go
//! through shared memory, both ways.
//!
//! The wire format is described in `docs/architecture.md`: a frame is a `u32` length, a JSON header, and the
//! blobs that the header announces. The other side is `python/tidemill/worker.py`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufReader, IoSlice, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::{TaskContext, TaskError};
use tidemill::{Error, UserError};

use crate::block::{PICKLE, from_wire, handed_over};
use crate::native::Part;
use crate::shared::{Shared, inherit};

/// Payloads a worker keeps before it is told to drop them all.
const MOST_PAYLOADS: usize = 256;
/// How long a worker may take to leave by itself.
const LEAVE_WAIT: Duration = Duration::from_millis(500);
/// Imports nothing from the current folder before the worker's own modules.
const START: &str = "import sys; sys.path[:] = [p for p in sys.path if p]; \
                     from tidemill.worker import main; main()";
/// The environment variable that tells a worker which open file is the shared memory.
const SHARED: &str = "TIDEMILL_SHARED_MEMORY";

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
    /// Whether the process has said that it takes no more tasks.
    pub leaves: bool,
}

/// The process itself, for whoever has to end it.
pub struct Process {
    child: Child,
    socket: UnixStream,
}

impl Worker {
    /// Starts a process. Must be called on a thread that lives as long as the worker is to live: the system
    /// ends the worker with that thread, so that none is left behind when the driver is killed.
    pub fn start(
        python: &str,
        environment: &BTreeMap<String, String>,
    ) -> std::io::Result<(Worker, Process)> {
        let (ours, theirs) = UnixStream::pair()?;
        let shared = Shared::new();
        let number = shared.as_ref().map(Shared::number);
        let mut command = Command::new(python);
        command
            .args(["-c", START])
            .env("PYTHONHASHSEED", "0")
            .envs(environment)
            .envs(number.map(|number| (SHARED, number.to_string())))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // The program's own output is the driver's; a worker's prints go where Spark puts them.
            .stdout(std::io::stderr().as_fd().try_clone_to_owned()?);
        let prepare = move || {
            tie_to_parent()?;
            number.map_or(Ok(()), inherit)
        };
        // SAFETY: between fork and exec only three system calls are made, all async-signal-safe.
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn()?;
        let process = Process { child, socket: ours.try_clone()? };
        let worker = Worker {
            reader: BufReader::with_capacity(1 << 16, ours.try_clone()?),
            writer: ours,
            shared,
            payloads: HashSet::new(),
            broadcasts: HashSet::new(),
            leaves: false,
        };
        Ok((worker, process))
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
                Err(error) => return Ok(Err(TaskError::Fatal(error))),
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
    pub fn stop(mut self) {
        // An idle worker leaves when its socket closes.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let until = Instant::now() + LEAVE_WAIT;
        while Instant::now() < until {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How the process ended, for a message; ends it if it has not.
    pub fn obituary(mut self) -> String {
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) => format!("worker process {} {}", self.child.id(), ending(status)),
            Err(error) => format!("worker process {} was lost: {error}", self.child.id()),
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(code)) => format!("left with exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

/// In the child: Ctrl-C is the driver's business, and the worker ends with the thread that started it.
fn tie_to_parent() -> std::io::Result<()> {
    // SAFETY: plain system calls without pointers.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    Ok(())
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
