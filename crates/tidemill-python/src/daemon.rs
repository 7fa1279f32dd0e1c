//! The daemon: one Python process, of which all workers of a context are forks.
//!
//! CPython hashes some objects by their address (None before 3.12, built-in functions and classes), and so all that
//! holds them. Forks have one address layout, so a key has one hash in all workers. A daemon that ends takes its
//! workers along; the next one has another layout, which is why layouts are numbered ([`Daemon::layout`]).
//!
//! The daemon forks, ends and reaps workers when it is asked to, over a private socket: a line of JSON each way. So
//! the id of a worker is not given to another process before the driver has seen its end. The other side is
//! `python/tidemill/daemon.py`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Error, ErrorKind, IoSlice, Read, Result, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use pyo3::prelude::*;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, WaitId, WaitIdOptions, getppid, waitid};
use serde::{Deserialize, Serialize};
use tidemill::lock::Lock;

/// Imports nothing from the current folder before the workers' own modules.
const START: &str = "import sys; sys.path[:] = [p for p in sys.path if p]; \
                     from tidemill.daemon import main; main()";
/// How long the daemon may take to start, its imports included.
const START_WAIT: Duration = Duration::from_secs(60);
/// How long it may take to answer from then on.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// No answer is longer.
const LONGEST_ANSWER: u64 = 4096;
/// A worker's socket, and its shared memory.
const MOST_FILES: usize = 2;

/// A process's whole environment.
pub type Environment = BTreeMap<OsString, OsString>;

/// Starts the daemon, again after it has ended.
pub struct Daemon {
    /// The Python that it runs.
    pub python: String,
    environment: Environment,
    current: Lock<Current>,
    obituary: Arc<Lock<String>>,
}

#[derive(Default)]
struct Current {
    running: Option<Arc<Running>>,
    /// How many were started.
    started: u64,
    stopped: bool,
}

impl Current {
    fn alive(&self) -> Option<&Arc<Running>> {
        self.running.as_ref().filter(|running| !running.gone.load(Ordering::Acquire))
    }
}

/// A daemon that runs, or has.
pub struct Running {
    id: u32,
    layout: u64,
    control: Lock<Control>,
    child: Lock<Child>,
    gone: AtomicBool,
    /// How the last daemon ended. Locked while one is ending.
    obituary: Arc<Lock<String>>,
}

/// The driver's end of the socket.
struct Control {
    socket: BufReader<UnixStream>,
    answered: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Request {
    Fork,
    Kill(u32),
    Wait(u32),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    pid: Option<u32>,
    /// As `waitpid` gives it.
    status: Option<i32>,
    error: Option<String>,
}

impl Daemon {
    /// A daemon that is started when the first worker is, with that environment: one that is started later must not
    /// read the process's own, which the program may be changing.
    pub fn new(python: String, environment: Environment) -> Daemon {
        Daemon { python, environment, current: Lock::default(), obituary: Arc::default() }
    }

    /// The number of the address layout that a worker has if it is started now.
    pub fn layout(&self) -> u64 {
        let current = self.current.lock();
        current.alive().map_or(current.started, |running| running.layout)
    }

    /// How the last daemon that is no more has ended.
    pub fn obituary(&self) -> String {
        self.obituary.lock().clone()
    }

    /// The daemon that runs; starts one if none does.
    pub fn running(&self) -> Result<Arc<Running>> {
        let mut current = self.current.lock();
        if current.stopped {
            return Err(Error::other("the context was stopped"));
        }
        if let Some(running) = current.alive() {
            return Ok(running.clone());
        }
        let running = self.start(current.started)?;
        current.started += 1;
        current.running = Some(running.clone());
        Ok(running)
    }

    /// Ends the daemon, for good. What is left of its workers ends with it.
    pub fn stop(&self) {
        let running = {
            let mut current = self.current.lock();
            current.stopped = true;
            current.running.take()
        };
        if let Some(running) = running {
            running.end();
        }
    }

    fn start(&self, layout: u64) -> Result<Arc<Running>> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(START_WAIT))?;
        ours.set_write_timeout(Some(ANSWER_WAIT))?;
        let mut command = Command::new(&self.python);
        command
            .args(["-c", START])
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // The program's own output is the driver's; a worker's prints go where Spark puts them.
            .stdout(std::io::stderr().as_fd().try_clone_to_owned()?);
        let driver = std::process::id();
        let prepare = move || {
            // SAFETY: a plain system call without pointers. Ctrl-C is the driver's business.
            unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
            match tied_to(driver)? {
                true => Ok(()),
                false => Err(ErrorKind::BrokenPipe.into()),
            }
        };
        // SAFETY: between fork and exec only three system calls are made, all async-signal-safe.
        unsafe { command.pre_exec(prepare) };
        let (sender, receiver) = sync_channel(1);
        let obituary = self.obituary.clone();
        std::thread::Builder::new()
            .name("worker-daemon".into())
            .spawn(move || own(command, ours, layout, obituary, &sender))?;
        receiver.recv().map_err(Error::other)?
    }
}

/// Starts the daemon and waits for its end. The system ends it with the thread that started it, so that none is left
/// behind when the driver is killed: this thread lives as long.
fn own(
    mut command: Command,
    ours: UnixStream,
    layout: u64,
    obituary: Arc<Lock<String>>,
    started: &SyncSender<Result<Arc<Running>>>,
) {
    let spawned = command.spawn();
    // The daemon's end of the socket is the daemon's alone.
    drop(command);
    let child = match spawned {
        Ok(child) => child,
        Err(error) => {
            // The receiver waits for this.
            let _ = started.send(Err(error));
            return;
        }
    };
    let id = child.id();
    let running = Arc::new(Running {
        id,
        layout,
        control: Lock::new(Control { socket: BufReader::new(ours), answered: false }),
        child: Lock::new(child),
        gone: AtomicBool::new(false),
        obituary,
    });
    let _ = started.send(Ok(running.clone()));
    if let Some(pid) = Pid::from_raw(id as i32) {
        let until = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // An error means that it was reaped elsewhere.
        let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), until));
    }
    running.end();
}

impl Running {
    /// The number of its address layout.
    pub fn layout(&self) -> u64 {
        self.layout
    }

    /// Starts a worker with these open files: its socket, and its shared memory if it has any. Returns its id.
    pub fn fork(&self, files: &[BorrowedFd<'_>]) -> Result<u32> {
        let answer = self.ask(&Request::Fork, files)?;
        answer.pid.ok_or_else(|| Error::other("the daemon has not said the worker's id"))
    }

    /// Kills a worker that was not reaped.
    pub fn kill(&self, pid: u32) -> Result<()> {
        self.ask(&Request::Kill(pid), &[]).map(|_| ())
    }

    /// Reaps a worker if it has ended; returns how it ended.
    pub fn wait(&self, pid: u32) -> Result<Option<ExitStatus>> {
        let answer = self.ask(&Request::Wait(pid), &[])?;
        Ok(answer.status.map(ExitStatus::from_raw))
    }

    /// A daemon that does not answer is ended, and its workers with it.
    fn ask(&self, request: &Request, files: &[BorrowedFd<'_>]) -> Result<Answer> {
        let answer = self.control.lock().ask(request, files);
        let answer = answer.map_err(|error| {
            let ending = self.end();
            match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Error::other(format!(
                    "process {}, which all workers are forks of, did not answer and was ended",
                    self.id
                )),
                _ => Error::other(ending),
            }
        })?;
        match answer.error {
            Some(error) => Err(Error::other(error)),
            None => Ok(answer),
        }
    }

    /// Ends it, if it has not ended; returns how it did.
    fn end(&self) -> String {
        let mut last = self.obituary.lock();
        let mut child = self.child.lock();
        // From here on there is another layout. Who sees that and asks how this daemon ended waits for the text.
        let ended_before = self.gone.swap(true, Ordering::AcqRel);
        if !was_reaped(self.id) {
            // It may have ended just now.
            let _ = child.kill();
        }
        let how = match child.wait() {
            Ok(status) => ending(status),
            Err(error) => format!("was lost: {error}"),
        };
        let text = format!("process {}, which all workers are forks of, {how}", self.id);
        if !ended_before {
            last.clone_from(&text);
        }
        text
    }
}

/// Whether something else in this process has waited for that child's end: its id may be another process's by now.
fn was_reaped(child: u32) -> bool {
    let Some(pid) = Pid::from_raw(child as i32) else { return true };
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let found = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), look));
    found.is_err_and(|error| error == rustix::io::Errno::CHILD)
}

impl Control {
    fn ask(&mut self, request: &Request, files: &[BorrowedFd<'_>]) -> Result<Answer> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.send(&line, files)?;
        let mut answer = Vec::new();
        let read = (&mut self.socket).take(LONGEST_ANSWER).read_until(b'\n', &mut answer)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if !self.answered {
            self.answered = true;
            self.socket.get_ref().set_read_timeout(Some(ANSWER_WAIT))?;
        }
        Ok(serde_json::from_slice(&answer)?)
    }

    /// The files go with the first bytes.
    fn send(&mut self, line: &[u8], files: &[BorrowedFd<'_>]) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let socket = self.socket.get_ref();
        let send = || sendmsg(socket, &[IoSlice::new(line)], &mut ancillary, without_signal());
        let sent = rustix::io::retry_on_intr(send)?;
        self.socket.get_mut().write_all(&line[sent..])
    }
}

/// A closed socket is an error, whatever the program does with SIGPIPE.
fn without_signal() -> SendFlags {
    #[cfg(target_os = "linux")]
    return SendFlags::NOSIGNAL;
    #[cfg(not(target_os = "linux"))]
    SendFlags::empty()
}

/// How a process ended, for a message.
pub fn ending(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(code)) => format!("left with exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Has the system end this process with the thread that started it, where it can; says whether the parent is there
/// still.
fn tied_to(parent: u32) -> Result<bool> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(getppid().is_some_and(|pid| pid.as_raw_nonzero().get() as u32 == parent))
}

/// For a worker that was forked just now: it ends with the daemon. False if that has ended already.
#[pyfunction]
pub fn tie_to_parent(parent: u32) -> PyResult<bool> {
    Ok(tied_to(parent)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_is_started_again_has_another_layout() -> Result<()> {
        // Ends at once, so that its end is noted while the next one is asked for.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let daemon = Daemon::new("true".to_owned(), Environment::from([("PATH".into(), path)]));
        let mut last = daemon.running()?;
        for _ in 0..200 {
            let next = loop {
                let next = daemon.running()?;
                if !Arc::ptr_eq(&last, &next) {
                    break next;
                }
                std::hint::spin_loop();
            };
            assert!(last.layout < next.layout);
            last = next;
        }
        daemon.stop();
        Ok(())
    }
}
