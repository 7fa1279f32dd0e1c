//! `socketTextStream`: lines from a TCP server.
//!
//! One thread reads; it hands over whole lines in blocks, so nothing is done per line here. Memory is
//! bounded: when a batch has as much as can be processed in time, or received and unprocessed bytes reach
//! their limit, the thread stops reading, and TCP makes the sender wait. It reconnects for ever, with a
//! growing pause, and says so in one line.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::block::{Partition, records_in};
use crate::error::{Error, Result};
use crate::exec::Engine;
use crate::lock::{Lock, Signal};
use crate::rdd::RddRef;
use crate::streaming::BatchTime;
use crate::streaming::line_buffer::{LeftOut, LineBuffer};
use crate::streaming::rate::RateEstimate;
use crate::streaming::source::{Input, InputSource, SourceContext};
use crate::text::{TextBlock, WholeLines};

/// Bytes of text per block, about.
const BLOCK: usize = 1 << 20;
/// A partition is closed even within a block interval, so that a burst is shared among the executors: at this
/// size, or at a share of what the batch has, whichever is more. Each partition costs something, such as keys
/// that are in all of them.
const PARTITION: usize = 4 << 20;
/// Partitions of such a share that each executor could have.
const SHARES: usize = 4;
/// How often the reading thread looks whether it is to stop.
const POLL: Duration = Duration::from_millis(100);
/// How long a stop waits for the reading thread.
const STOP_WAIT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A line-oriented TCP server to read from.
pub struct SocketSource {
    address: String,
    shared: Arc<Shared>,
    thread: Lock<Option<JoinHandle<()>>>,
}

struct Shared {
    stop: AtomicBool,
    received: Lock<Received>,
    room: Signal,
}

/// What came and is not processed yet.
#[derive(Default)]
struct Received {
    open: Vec<Chunks>,
    open_bytes: usize,
    batches: BTreeMap<BatchTime, Batch>,
    bytes: usize,
    rate: Option<RateEstimate>,
    slots: usize,
}

/// Whole lines that came within one block interval.
#[derive(Default)]
struct Chunks {
    interval: u128,
    bytes: usize,
    blocks: Partition,
    /// What is to be a block.
    open: WholeLines<'static>,
}

/// A batch that was cut: an RDD once it was asked for.
#[derive(Default)]
struct Batch {
    parts: Vec<Chunks>,
    bytes: usize,
    rdd: Option<(RddRef, u64)>,
}

impl SocketSource {
    /// Lines from `host:port`.
    ///
    /// # Errors
    /// If the port is not within 1 and 65535, or the host is empty.
    pub fn new(host: &str, port: i64) -> Result<Self> {
        if host.is_empty() || !(1..=65535).contains(&port) {
            return Err(Error::IllegalArgument(format!(
                "socketTextStream expects a host and a port from 1 to 65535, got {host:?} and {port}"
            )));
        }
        let shared = Shared {
            stop: AtomicBool::new(false),
            received: Lock::default(),
            room: Signal::default(),
        };
        let address = format!("{host}:{port}");
        Ok(SocketSource { address, shared: Arc::new(shared), thread: Lock::new(None) })
    }
}

impl InputSource for SocketSource {
    fn label(&self) -> String {
        format!("socket {}", self.address)
    }

    fn start(&self, context: &SourceContext) -> Result<()> {
        let mut received = self.shared.received.lock();
        received.rate = Some(RateEstimate::new(context.interval));
        received.slots = context.slots;
        drop(received);
        let receiver = Receiver {
            address: self.address.clone(),
            shared: self.shared.clone(),
            context: context.clone(),
            started: Instant::now(),
        };
        let thread = std::thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || receiver.run())
            .map_err(|error| Error::io("starting a receiver thread", error))?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    fn cut(&self, time: BatchTime) {
        let mut received = self.shared.received.lock();
        received.close();
        let parts = std::mem::take(&mut received.open);
        let bytes = std::mem::take(&mut received.open_bytes);
        if !parts.is_empty() {
            let batch = received.batches.entry(time).or_default();
            batch.parts.extend(parts);
            batch.bytes += bytes;
        }
        drop(received);
        // There is room again, for the next batch.
        self.shared.room.notify();
    }

    fn rdd(&self, engine: &Engine, time: BatchTime) -> Result<Input> {
        let mut received = self.shared.received.lock();
        let Some(batch) = received.batches.get_mut(&time) else {
            return Ok(Input { rdd: engine.from_blocks(&self.label(), Vec::new()), records: 0 });
        };
        if let Some((rdd, records)) = &batch.rdd {
            return Ok(Input { rdd: rdd.clone(), records: *records });
        }
        let parts = std::mem::take(&mut batch.parts);
        drop(received);
        let partitions: Vec<Partition> = parts.into_iter().map(|part| part.blocks).collect();
        let records = partitions.iter().map(|blocks| records_in(blocks) as u64).sum();
        let rdd = engine.from_blocks(&self.label(), partitions);
        if let Some(batch) = self.shared.received.lock().batches.get_mut(&time) {
            batch.rdd = Some((rdd.clone(), records));
        }
        Ok(Input { rdd, records })
    }

    fn done(&self, time: BatchTime, processing: Duration) {
        let mut received = self.shared.received.lock();
        let freed = received.batches.remove(&time).map_or(0, |batch| batch.bytes);
        received.bytes -= freed;
        if let Some(rate) = &mut received.rate {
            rate.observe(freed, processing);
        }
        drop(received);
        self.shared.room.notify();
    }

    fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.room.notify();
        let Some(thread) = self.thread.lock().take() else { return };
        // A connect that nobody answers takes long to give up; that thread then ends by itself.
        let until = Instant::now() + STOP_WAIT;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn has_uncut(&self) -> bool {
        !self.shared.received.lock().open.is_empty()
    }
}

impl Received {
    /// Keeps lines that came within a block interval.
    fn add(&mut self, interval: u128, lines: &WholeLines<'_>) {
        let most = PARTITION.max(self.open_bytes / (SHARES * self.slots.max(1)));
        self.bytes += lines.bytes();
        self.open_bytes += lines.bytes();
        match self.open.last_mut() {
            Some(part) if part.interval == interval && part.bytes < most => part.add(lines),
            _ => {
                self.close();
                let mut part = Chunks { interval, ..Chunks::default() };
                part.add(lines);
                self.open.push(part);
            }
        }
    }

    /// Says that nothing more comes to the last part.
    fn close(&mut self) {
        if let Some(part) = self.open.last_mut() {
            part.close();
        }
    }
}

impl Chunks {
    fn add(&mut self, lines: &WholeLines<'_>) {
        if self.open.bytes() + lines.bytes() > BLOCK {
            self.close();
        }
        self.bytes += lines.bytes();
        self.open.extend(lines);
    }

    fn close(&mut self) {
        let mut lines = std::mem::take(&mut self.open);
        if lines.bytes() > 0 {
            // It waits for its batch, maybe long, and counts as what it holds.
            lines.shrink();
            self.blocks.push(Arc::new(TextBlock::joined(lines)));
        }
    }
}

/// The reading thread.
struct Receiver {
    address: String,
    shared: Arc<Shared>,
    context: SourceContext,
    started: Instant,
}

/// Since the last byte came: whether it was told, and the next pause.
struct Outage {
    told: bool,
    pause: Duration,
}

/// How a connection ended.
enum Ended {
    /// The receiver is to stop.
    Stopped,
    /// The peer closed it, or it failed.
    Lost(String),
}

impl Receiver {
    fn run(&self) {
        let mut outage = Outage { told: false, pause: FIRST_PAUSE };
        while !self.stopping() {
            let lost = match self.connect() {
                Ok(stream) => match self.read(stream, &mut outage) {
                    Ended::Stopped => return,
                    Ended::Lost(reason) => reason,
                },
                Err(reason) => reason,
            };
            // One line per outage, not per attempt.
            if !outage.told {
                self.say(&format!("{lost}; connecting again until it answers"));
                outage.told = true;
            }
            self.sleep(outage.pause);
            outage.pause = (outage.pause * 2).min(self.context.max_reconnect_delay);
        }
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let addresses = self.address.to_socket_addrs().map_err(|e| format!("no such host: {e}"))?;
        let mut reason = "the host has no address".to_owned();
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(POLL)).map_err(|e| e.to_string())?;
                    return Ok(stream);
                }
                Err(error) => reason = format!("cannot connect: {error}"),
            }
        }
        Err(reason)
    }

    fn read(&self, mut stream: TcpStream, outage: &mut Outage) -> Ended {
        let mut buffer = LineBuffer::new(BLOCK, self.context.max_line_bytes);
        loop {
            if !self.wait_for_room() {
                return Ended::Stopped;
            }
            let lost = match stream.read(buffer.space()) {
                Ok(0) => {
                    // An unfinished last line is a line when the peer has ended it so.
                    if let Some(rest) = buffer.finish() {
                        self.store(&rest);
                    }
                    "the server closed the connection".to_owned()
                }
                Ok(n) => {
                    if std::mem::take(&mut outage.told) {
                        self.say("connected again");
                    }
                    outage.pause = FIRST_PAUSE;
                    buffer.filled(n, |lines| self.store(lines));
                    self.tell_skipped(&mut buffer);
                    continue;
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                // What came of the last line may be half of it, so it is none, as in Spark.
                Err(e) => {
                    let rest = buffer.finish().map_or(0, |rest| rest.len() - 1);
                    format!(
                        "the connection failed: {e} ({rest} bytes of an unfinished line dropped)"
                    )
                }
            };
            self.tell_skipped(&mut buffer);
            return Ended::Lost(lost);
        }
    }

    fn tell_skipped(&self, buffer: &mut LineBuffer) {
        let LeftOut { lines, longest } = buffer.take_skipped();
        let what = match lines {
            0 => return,
            1 => format!("a line of {longest} bytes was left out"),
            _ => format!("{lines} lines of up to {longest} bytes were left out"),
        };
        self.say(&format!(
            "{what}: a line may have {} bytes (raise tidemill.receiver.maxLineBytes to take longer \
             ones)",
            self.context.max_line_bytes
        ));
    }

    /// Back-pressure: waits until enough is processed; false if the receiver is to stop.
    fn wait_for_room(&self) -> bool {
        let mut received = self.shared.received.lock();
        while !self.stopping() {
            let full = received.bytes >= self.context.max_buffered_bytes;
            if !full && received.rate.as_ref().is_none_or(|r| received.open_bytes < r.limit()) {
                return true;
            }
            received = self.shared.room.wait_for(received, POLL);
        }
        false
    }

    fn store(&self, lines: &[u8]) {
        let block_millis = self.context.block_interval.as_millis().max(1);
        let interval = self.started.elapsed().as_millis() / block_millis;
        // Before the lock, for which the clock waits; the bytes are at hand.
        let lines = WholeLines::of(lines);
        self.shared.received.lock().add(interval, &lines);
    }

    fn sleep(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut received = self.shared.received.lock();
        while !self.stopping() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            received = self.shared.room.wait_for(received, left);
        }
    }

    fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    fn say(&self, text: &str) {
        (self.context.report)(&format!("socket {}: {text}", self.address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lines that come in pieces take, and what they count as.
    fn taken(pieces: impl IntoIterator<Item = (u128, usize)>) -> (usize, usize) {
        let mut received = Received::default();
        for (interval, bytes) in pieces {
            let lines = [&b"x".repeat(bytes - 1), &b"\n"[..]].concat();
            received.add(interval, &WholeLines::of(&lines));
        }
        received.close();
        let blocks = received.open.iter().flat_map(|part| &part.blocks);
        let texts = blocks.filter_map(|block| block.as_any().downcast_ref::<TextBlock>());
        let open: usize = received.open.iter().map(|part| part.open.bytes()).sum();
        assert_eq!(open, 0);
        (texts.map(TextBlock::capacity).sum(), received.bytes)
    }

    #[test]
    fn what_is_received_takes_the_memory_that_it_counts_as() {
        // Within a block, block after block, and one block interval after the other.
        let programs: [Vec<(u128, usize)>; 3] = [
            vec![(0, 300_000); 3],
            vec![(0, 350_000); 40],
            (0..40).map(|n| (n / 3, 700)).collect(),
        ];
        for pieces in programs {
            let expected: usize = pieces.iter().map(|(_, bytes)| bytes).sum();
            let (taken, counted) = taken(pieces);
            assert_eq!(counted, expected);
            assert_eq!(taken, counted);
        }
    }

    #[test]
    fn a_burst_is_shared_among_the_executors_in_few_partitions() {
        const MB: usize = 1 << 20;
        for (slots, expected) in [(1, 4..14), (2, 8..24), (8, 32..64)] {
            let mut received = Received { slots, ..Received::default() };
            let line = [&b"x".repeat(MB - 1)[..], b"\n"].concat();
            (0..200).for_each(|_| received.add(0, &WholeLines::of(&line)));
            let sizes: Vec<usize> = received.open.iter().map(|part| part.bytes).collect();
            assert!(
                expected.contains(&sizes.len()),
                "{slots} executors: {} partitions",
                sizes.len()
            );
            let most = 200 * MB / (SHARES * slots) + MB;
            assert!(sizes.iter().all(|&size| size <= most.max(PARTITION)), "{sizes:?}");
        }
        let mut small = Received { slots: 2, ..Received::default() };
        (0..20).for_each(|n| small.add(n / 4, &WholeLines::of(b"x\n")));
        assert_eq!(small.open.len(), 5);
    }

    #[test]
    fn malformed_text_counts_as_what_it_becomes() {
        let mut received = Received::default();
        received.add(0, &WholeLines::of(b"\xff\xff\n"));
        assert_eq!((received.bytes, received.open_bytes), (7, 7));
    }
}
