//! The hand-written loop: one thread that reads points from a socket and counts them per quadrant, written
//! for speed with no framework in the way. It is the yardstick of the benchmark: one big buffer, newlines
//! found by `memchr`, numbers read by `fast-float2`, no allocation per line, the clock read once per read.
//!
//! `hand_loop HOST PORT [--seconds 5] [--points N]`: stops after so many seconds or points (or at the end of
//! the stream) and prints the counts and the points a second. Progress goes to `BENCH_OUT` every 0.25 s.

#![allow(clippy::print_stdout, reason = "the counts are what it prints")]

use std::io::{self, Read};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tidemill_bench::arguments::Arguments;
use tidemill_bench::progress::{Progress, now};
use tidemill_bench::quadrant::{Counts, Quadrant};

const BUFFER: usize = 1 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("hand_loop: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let given = Arguments::parse(&["seconds", "points"], &[])?;
    let (host, port) = (given.word::<String>(0, "a host")?, given.word::<u16>(1, "a port")?);
    let seconds: f64 = given.option("seconds", 5.0)?;
    let points: u64 = given.option("points", u64::MAX)?;
    let stream = TcpStream::connect((host.as_str(), port))
        .map_err(|error| format!("{host}:{port}: {error}"))?;
    let started = Instant::now();
    let counts = count(stream, Duration::from_secs_f64(seconds), points)
        .map_err(|error| error.to_string())?;
    print(&counts, started.elapsed());
    Ok(())
}

fn count(mut stream: TcpStream, limit: Duration, points: u64) -> io::Result<Counts> {
    let mut progress = Progress::from_environment()?;
    let mut counts = Counts::default();
    let mut buffer = vec![0; BUFFER];
    let mut held = 0;
    let started = Instant::now();
    loop {
        let read = stream.read(&mut buffer[held..])?;
        let filled = held + read;
        let used = counts.add_lines(&buffer[..filled]);
        buffer.copy_within(used..filled, 0);
        held = filled - used;
        let clock = Instant::now();
        let finished = read == 0 || clock - started >= limit || counts.total() >= points;
        if finished || progress.is_due(clock) {
            progress.record(now(), &counts)?;
        }
        if finished {
            return Ok(counts);
        }
        if held == BUFFER {
            return Err(io::Error::other(format!("a line is longer than {BUFFER} bytes")));
        }
    }
}

fn print(counts: &Counts, elapsed: Duration) {
    for quadrant in Quadrant::ALL {
        println!("{}: {}", quadrant.name(), counts.of(quadrant));
    }
    println!("points/s: {:.0}", counts.total() as f64 / elapsed.as_secs_f64());
}
