//! Counts the 2D points that a TCP server sends, per quadrant: `nc -lk 9999` in one terminal, and
//! `cargo run --release --example quadrant_count -- localhost 9999` in another.

use std::num::ParseFloatError;
use std::time::Duration;

use tidemill::{Result, SparkContext, StreamingContext};

/// `None` if the line is not two coordinates.
fn quadrant(line: &str) -> std::result::Result<Option<&'static str>, ParseFloatError> {
    let mut numbers = line.split_whitespace().map(str::parse::<f64>);
    let (Some(x), Some(y), None) = (numbers.next(), numbers.next(), numbers.next()) else {
        return Ok(None);
    };
    Ok(Some(match (x?, y?) {
        (x, y) if x > 0.0 && y > 0.0 => "First quadrant",
        (x, y) if x < 0.0 && y > 0.0 => "Second quadrant",
        (x, y) if x < 0.0 && y < 0.0 => "Third quadrant",
        (x, y) if x > 0.0 && y < 0.0 => "Fourth quadrant",
        (0.0, 0.0) => "Origin",
        (0.0, _) => "Lies on Y axis",
        _ => "Lies on X axis",
    }))
}

/// The key to count a line under; bad lines are reported and counted too.
fn key(line: &str) -> String {
    match quadrant(line) {
        Ok(Some(quadrant)) => return quadrant.to_owned(),
        Ok(None) => eprintln!("expected two numbers, got {line:?}"),
        Err(error) => eprintln!("expected two numbers, got {line:?}: {error}"),
    }
    "Invalid points".to_owned()
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, host, port] = &arguments[..] else { usage() };
    let Ok(port) = port.parse() else { usage() };

    let sc = SparkContext::new("local[*]", "QuadrantCount")?;
    let ssc = StreamingContext::new(&sc, Duration::from_secs(2))?;
    ssc.checkpoint("checkpoint");
    ssc.socket_text_stream(host, port)
        .map(|line| (key(&line), 1_u64))
        .update_state_by_key(|new, count| Some(count.unwrap_or(0) + new.iter().sum::<u64>()))
        .print();
    ssc.start()?;
    ssc.await_termination()
}

fn usage() -> ! {
    eprintln!("usage: quadrant_count HOST PORT");
    std::process::exit(2)
}
