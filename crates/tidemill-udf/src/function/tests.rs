//! Chains from trees, on lines that stay and lines that are given up.

use super::*;

fn lambda(params: &str, v: &str) -> String {
    format!(r#"{{"params":["{params}"],"body":[{{"s":"return","v":{v}}}]}}"#)
}

fn steps(json: &str) -> Vec<Step> {
    serde_json::from_str(json).unwrap_or_else(|e| unreachable!("{e}: {json}"))
}

/// The pickled records of each line, `None` where it was given up.
fn run(compiled: &Compiled, lines: &[&str]) -> Vec<Option<usize>> {
    let mut rows = compiled.begin();
    let mut results = Vec::new();
    for line in lines {
        let before = rows.len();
        let outcome = compiled.line(&mut rows, line);
        results.push((outcome == RowOutcome::Done).then(|| rows.len() - before));
    }
    results
}

#[test]
fn a_word_count_splits_and_pairs() {
    let split = lambda("l", r#"{"e":"method","o":{"e":"name","id":"l"},"m":"split","args":[]}"#);
    let pair =
        lambda("w", r#"{"e":"tuple","v":[{"e":"name","id":"w"},{"e":"const","t":"int","v":1}]}"#);
    let json = format!(
        r#"[{},{}]"#,
        split.replacen('{', r#"{"op":"flat_map","#, 1),
        pair.replacen('{', r#"{"op":"map","#, 1)
    );
    let compiled = match Compiled::new(&steps(&json), &Type::Str) {
        Ok(compiled) => compiled,
        Err(reason) => unreachable!("{reason}"),
    };
    assert_eq!(compiled.record(), &Type::Tuple(vec![Type::Str, Type::Int]));
    let counts = run(&compiled, &["a b  c", "", "stra\u{df}e x", " y "]);
    assert_eq!(counts, [Some(3), Some(0), Some(2), Some(1)]);
}

#[test]
fn an_overflow_is_given_up() {
    let parse = r#"{"e":"call","f":{"e":"builtin","id":"int"},"args":[{"e":"name","id":"l"}]}"#;
    let square = format!(r#"{{"e":"bin","op":"*","a":{parse},"b":{parse}}}"#);
    let json = format!("[{}]", lambda("l", &square).replacen('{', r#"{"op":"map","#, 1));
    let compiled = match Compiled::new(&steps(&json), &Type::Str) {
        Ok(compiled) => compiled,
        Err(reason) => unreachable!("{reason}"),
    };
    let results = run(&compiled, &["3", "4000000000", "x", "1_0", "-7"]);
    assert_eq!(results, [Some(1), None, None, Some(1), Some(1)]);
}
