//! Counts the 2D points that a TCP server sends, per quadrant: `nc -lk 9999` in one terminal, and
//! `cargo run --release --example quadrant_count -- localhost 9999` in another.

use std::time::Duration;

use tidemill::{Result, SparkContext, StreamingContext};

/// The quadrant of a point such as `1.5 -2`, or what is wrong with the line.
fn quadrant(line: &str) -> std::result::Result<&'static str, String> {
    let numbers: std::result::Result<Vec<f64>, _> =
        line.split_whitespace().map(str::parse).collect();
    match numbers.map_err(|error| format!("expected two numbers, got {line:?}: {error}"))?[..] {
        [x, y] if x > 0.0 && y > 0.0 => Ok("First quadrant"),
        [x, y] if x < 0.0 && y > 0.0 => Ok("Second quadrant"),
        [x, y] if x < 0.0 && y < 0.0 => Ok("Third quadrant"),
        [x, y] if x > 0.0 && y < 0.0 => Ok("Fourth quadrant"),
        [0.0, y] if y != 0.0 => Ok("Lies on Y axis"),
        [x, 0.0] if x != 0.0 => Ok("Lies on X axis"),
        [_, _] => Ok("Origin"),
        _ => Err(format!("expected two numbers, got {line:?}")),
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (host, port) = (arguments.next(), arguments.next().and_then(|port| port.parse().ok()));
    let (Some(host), Some(port)) = (host, port) else {
        eprintln!("usage: quadrant_count HOST PORT");
        std::process::exit(2)
    };
    let sc = SparkContext::new("local[*]", "QuadrantCount")?;
    let ssc = StreamingContext::new(&sc, Duration::from_secs(2))?;
    ssc.checkpoint("checkpoint");
    ssc.socket_text_stream(&host, port)
        .map(|line| match quadrant(&line) {
            Ok(quadrant) => (quadrant.to_owned(), 1_u64),
            Err(error) => {
                eprintln!("{error}");
                ("Invalid points".to_owned(), 1)
            }
        })
        .update_state_by_key(|new, count| Some(count.unwrap_or(0) + new.iter().sum::<u64>()))
        .print();
    ssc.start()?;
    ssc.await_termination()
}
