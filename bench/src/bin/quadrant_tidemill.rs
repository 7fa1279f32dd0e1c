//! The quadrant count on Tidemill's typed Rust front end: the same work per line as `hand_loop`, as a
//! streaming program with batches and checkpointed state.
//!
//! `quadrant_tidemill HOST PORT`: runs until it is killed; progress goes to `BENCH_OUT` at each batch.

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use tidemill::{Error, Result, SparkContext, StreamingContext};
use tidemill_bench::arguments::Arguments;
use tidemill_bench::progress::Progress;
use tidemill_bench::quadrant::{Counts, of_line};

fn main() -> ExitCode {
    match arguments().and_then(|(host, port)| run(&host, port).map_err(|e| e.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("quadrant_tidemill: {message}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> std::result::Result<(String, u16), String> {
    let given = Arguments::parse(&[], &[])?;
    Ok((given.word(0, "a host")?, given.word(1, "a port")?))
}

fn run(host: &str, port: u16) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("quadrant-tidemill-{}", std::process::id()));
    let failed = |e| Error::io("writing the progress file", e);
    let progress = Mutex::new(Progress::from_environment().map_err(failed)?);
    let sc = SparkContext::new("local[2]", "QuadrantCount")?;
    let ssc = StreamingContext::new(&sc, Duration::from_secs(1))?;
    ssc.checkpoint(&folder.to_string_lossy());
    ssc.socket_text_stream(host, port)
        .map(|line| (of_line(line.as_bytes()), 1_u64))
        .update_state_by_key(|new, count| Some(count.unwrap_or(0) + new.iter().sum::<u64>()))
        .foreach_rdd(move |time, rdd| {
            let mut counts = Counts::default();
            for (quadrant, count) in rdd.collect()? {
                counts.add(quadrant, count);
            }
            let mut progress = progress.lock().unwrap_or_else(|e| e.into_inner());
            progress.record(time.0 as f64 / 1000.0, &counts).map_err(failed)
        });
    ssc.start()?;
    let ended = ssc.await_termination();
    // The temporary folder is of no use to anyone after the run.
    let _ = std::fs::remove_dir_all(folder);
    ended
}
