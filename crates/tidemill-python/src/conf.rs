//! Reads settings with Spark's spellings of durations (`200ms`, `2s`, `5min`) and sizes (`64m`, `1g`).

use std::collections::HashMap;
use std::time::Duration;

use tidemill::exec::EngineConfig;
use tidemill::streaming::StreamingConfig;
use tidemill::{Error, Result};

use crate::stage::CompileMode;

/// A program's settings.
pub type Conf = HashMap<String, String>;

const DURATIONS: [(&str, u64); 7] = [
    ("ms", 1),
    ("min", 60_000),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("", 1),
];
const SIZES: [(&str, u64); 6] = [
    ("kb", 1 << 10),
    ("mb", 1 << 20),
    ("gb", 1 << 30),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
];

/// The engine's settings.
pub fn engine_config(slots: usize, conf: &Conf) -> Result<EngineConfig> {
    let key = "spark.task.maxFailures";
    let attempts = number(conf, key, 4)?;
    if !(1..=1000).contains(&attempts) {
        return Err(wrong(key, "a number from 1 to 1000", &attempts.to_string()));
    }
    Ok(EngineConfig {
        slots,
        max_attempts: attempts as u32,
        storage_bytes: size(conf, "tidemill.storage.maxBytes", 1 << 30)?,
    })
}

/// `tidemill.python.compile`.
pub fn compile_mode(conf: &Conf) -> Result<CompileMode> {
    let key = "tidemill.python.compile";
    match conf.get(key).map_or("auto", |text| text.trim()) {
        "off" => Ok(CompileMode::Off),
        "auto" => Ok(CompileMode::Auto),
        "strict" => Ok(CompileMode::Strict),
        other => Err(wrong(key, "off, auto or strict", other)),
    }
}

/// A stream's settings.
pub fn streaming_config(conf: &Conf) -> Result<StreamingConfig> {
    let known = StreamingConfig::default();
    let most = number(conf, "tidemill.streaming.maxBatches", 0)?;
    let remember = "spark.streaming.fileStream.minRememberDuration";
    Ok(StreamingConfig {
        block_interval: duration(conf, "spark.streaming.blockInterval", known.block_interval)?,
        max_buffered_bytes: given_size(conf, "tidemill.receiver.maxBufferedBytes")?,
        max_line_bytes: size(conf, "tidemill.receiver.maxLineBytes", known.max_line_bytes)?,
        max_reconnect_delay: duration(
            conf,
            "spark.streaming.receiverRestartDelay",
            known.max_reconnect_delay,
        )?,
        file_remember: duration(conf, remember, known.file_remember)?,
        app_name: conf.get("spark.app.name").cloned().unwrap_or_default(),
        log: known.log,
        max_batches: (most > 0).then_some(most),
        report: known.report,
    })
}

fn number(conf: &Conf, key: &str, default: u64) -> Result<u64> {
    let Some(text) = conf.get(key) else {
        return Ok(default);
    };
    text.trim().parse().map_err(|_| wrong(key, "a whole number", text))
}

fn duration(conf: &Conf, key: &str, default: Duration) -> Result<Duration> {
    let Some(text) = conf.get(key) else {
        return Ok(default);
    };
    let millis = with_unit(text, &DURATIONS);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| wrong(key, "a duration such as 200ms or 2s", text))
}

fn size(conf: &Conf, key: &str, default: usize) -> Result<usize> {
    Ok(given_size(conf, key)?.unwrap_or(default))
}

fn given_size(conf: &Conf, key: &str) -> Result<Option<usize>> {
    let Some(text) = conf.get(key) else {
        return Ok(None);
    };
    let bytes = with_unit(text, &SIZES).or_else(|| text.trim().trim_end_matches('b').parse().ok());
    let wrong = || wrong(key, "a size such as 64m or 1g", text);
    bytes.map(|bytes| Some(bytes as usize)).ok_or_else(wrong)
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    units.iter().find_map(|(unit, factor)| {
        let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(*factor)
    })
}

fn wrong(key: &str, expected: &str, got: &str) -> Error {
    Error::IllegalArgument(format!("{key} must be {expected}, got {got:?}"))
}
