//! A server on 127.0.0.1 that sends lines as fast as the reader takes them, to one client after the other.
//! The lines are made before the first client comes, so that the feed is never what is measured. Its only
//! output is the port it listens on; it ends after `--seconds` whatever happens. Started by `bench/run.py`.
//!
//! `feed [--port 0] [--kind points|...] [--lines 65536] [--points N [--close]] [--burst N] [--rate LINES_PER_SECOND]
//! [--seconds 600]`: `--lines` are made and sent round and round; `--points` ends that; `--burst` are sent
//! at once before a `--rate` counts.

#![allow(clippy::print_stdout, reason = "the port it listens on is what it prints")]

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};
use tidemill_bench::arguments::Arguments;
use tidemill_bench::lines::{Kind, LINES, Lines};

struct Plan {
    lines: Lines,
    /// Lines to send to each client; 0 means without end.
    limit: u64,
    /// Lines to send at once before the rate counts.
    burst: u64,
    /// Lines a second; 0 means as fast as they are taken.
    rate: f64,
    close: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("feed: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let given = Arguments::parse(
        &["port", "kind", "lines", "points", "burst", "rate", "seconds"],
        &["close"],
    )?;
    let port: u16 = given.option("port", 0)?;
    let seconds: u64 = given.option("seconds", 600)?;
    let plan = Plan {
        lines: Lines::new(given.option("kind", Kind::Points)?, given.option("lines", LINES)?),
        limit: given.option("points", 0)?,
        burst: given.option("burst", 0)?,
        rate: given.option("rate", 0.0)?,
        close: given.switch("close"),
    };
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(seconds));
        std::process::exit(0);
    });
    let listener =
        TcpListener::bind(("127.0.0.1", port)).map_err(|error| format!("port {port}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("{}", address.port());
    io::stdout().flush().map_err(|error| error.to_string())?;
    for client in listener.incoming() {
        // A client that goes away ends its own turn only: the next one is served from the first line on.
        let _ = client.and_then(|mut client| serve(&mut client, &plan));
    }
    Ok(())
}

fn serve(client: &mut TcpStream, plan: &Plan) -> io::Result<()> {
    client.set_nodelay(true)?;
    let limit = if plan.limit == 0 { u64::MAX } else { plan.limit };
    if plan.rate > 0.0 {
        send_at_once(client, &plan.lines, plan.burst.min(limit))?;
        send_at_rate(client, plan, limit)?;
    } else {
        send_at_once(client, &plan.lines, limit)?;
    }
    if !plan.close {
        // Nothing is expected from the client: this returns when it closes.
        io::copy(client, &mut io::sink())?;
    }
    Ok(())
}

fn send_at_once(client: &mut TcpStream, lines: &Lines, mut left: u64) -> io::Result<()> {
    while left > 0 {
        client.write_all(lines.first(left))?;
        left -= left.min(lines.count());
    }
    Ok(())
}

fn send_at_rate(client: &mut TcpStream, plan: &Plan, limit: u64) -> io::Result<()> {
    let started = Instant::now();
    for index in plan.burst..limit {
        let due = Duration::from_secs_f64((index - plan.burst) as f64 / plan.rate);
        thread::sleep(due.saturating_sub(started.elapsed()));
        client.write_all(plan.lines.line(index))?;
    }
    Ok(())
}
