//! PySpark's `portable_hash`, with the hash seed 0 in every process and on every Python release: strings and
//! bytes by SipHash-1-3 with a zero key over CPython's own representation, tuples by PySpark's
//! formula (`pyspark/rdd.py`), `None` as 0, everything else by its own `hash`.

use std::hash::Hasher;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use siphasher::sip::SipHasher13;

/// The hash that decides a key's partition.
#[pyfunction]
pub fn portable_hash(obj: &Bound<'_, PyAny>) -> PyResult<i64> {
    if obj.is_none() {
        return Ok(0);
    }
    if let Ok(text) = obj.cast_exact::<PyString>() {
        return string_hash(text);
    }
    if let Ok(bytes) = obj.cast_exact::<PyBytes>() {
        return Ok(siphash(bytes.as_bytes()));
    }
    match obj.cast::<PyTuple>() {
        Ok(tuple) => tuple_hash(tuple),
        Err(_) => Ok(obj.hash()? as i64),
    }
}

fn tuple_hash(tuple: &Bound<'_, PyTuple>) -> PyResult<i64> {
    let items = tuple.iter().map(|item| portable_hash(&item)).collect::<PyResult<Vec<_>>>()?;
    Ok(of_tuple(&items))
}

/// PySpark's hash of a tuple, from its items' hashes.
pub fn of_tuple(items: &[i64]) -> i64 {
    let mut hash: i64 = 0x0034_5678;
    for item in items {
        hash ^= item;
        hash = hash.wrapping_mul(1_000_003) & i64::MAX;
    }
    hash ^= items.len() as i64;
    if hash == -1 { -2 } else { hash }
}

/// CPython's hash of an integer: modulo the prime 2**61 - 1, with its sign.
pub fn of_int(value: i64) -> i64 {
    const PRIME: u64 = (1 << 61) - 1;
    let rest = (value.unsigned_abs() % PRIME) as i64;
    match if value < 0 { -rest } else { rest } {
        -1 => -2,
        hash => hash,
    }
}

fn string_hash(text: &Bound<'_, PyString>) -> PyResult<i64> {
    match text.encode_utf8() {
        Ok(utf8) => Ok(of_str(&String::from_utf8_lossy(utf8.as_bytes()))),
        Err(_) => Ok(of_points(&surrogate_points(text)?)),
    }
}

/// The hash of a string.
pub fn of_str(text: &str) -> i64 {
    if text.is_ascii() {
        return siphash(text.as_bytes());
    }
    of_points(&text.chars().map(u32::from).collect::<Vec<u32>>())
}

/// CPython hashes a string's storage: one, two or four bytes a character, by the widest one.
fn of_points(points: &[u32]) -> i64 {
    let bytes: Vec<u8> = match points.iter().copied().max().unwrap_or(0) {
        0..=0xff => points.iter().map(|&point| point as u8).collect(),
        0x100..=0xffff => points.iter().flat_map(|&point| (point as u16).to_le_bytes()).collect(),
        _ => points.iter().flat_map(|point| point.to_le_bytes()).collect(),
    };
    siphash(&bytes)
}

/// The code points of a string with lone surrogates, which Rust's strings cannot hold.
fn surrogate_points(text: &Bound<'_, PyString>) -> PyResult<Vec<u32>> {
    let encoded = text.call_method1("encode", ("utf-32-le", "surrogatepass"))?;
    let bytes = encoded.cast::<PyBytes>()?.as_bytes();
    let point = |four: &[u8]| u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
    Ok(bytes.chunks_exact(4).map(point).collect())
}

fn siphash(bytes: &[u8]) -> i64 {
    if bytes.is_empty() {
        return 0;
    }
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(bytes);
    match hasher.finish() as i64 {
        -1 => -2,
        hash => hash,
    }
}
