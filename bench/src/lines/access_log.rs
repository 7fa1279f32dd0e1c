//! A web server's log in Apache's combined format: 300 paths by Zipf's law; 0.1 % of the lines are not of the
//! format.

use crate::random::Random;

const BAD: [&str; 3] = ["", "10.0.0.1 - - [23/Nov/2026:05:04:32 +0000] \"-\" 408 -", "-- MARK --"];
const STATUSES: [&str; 10] = ["200", "200", "200", "200", "200", "200", "200", "304", "404", "500"];
const METHODS: [&str; 4] = ["GET", "GET", "GET", "POST"];
const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0",
    "curl/8.14.1",
];

pub(super) fn write(text: &mut String, random: &mut Random) {
    if random.below(1000) == 0 {
        *text += random.of(&BAD);
        return;
    }
    let address = format!("10.{}.{}.{}", random.below(256), random.below(256), random.below(256));
    let (minute, second) = (random.below(60), random.below(60));
    let (method, path) = (random.of(&METHODS), path(random.zipf(300)));
    let status = random.of(&STATUSES);
    let size = if status == "304" { "-".to_owned() } else { random.below(50_000).to_string() };
    let agent = random.of(&AGENTS);
    *text += &format!(
        "{address} - - [23/Nov/2026:05:{minute:02}:{second:02} +0000] \"{method} {path} HTTP/1.1\" \
         {status} {size} \"https://www.example.com/\" \"{agent}\""
    );
}

fn path(rank: u64) -> String {
    match rank % 3 {
        0 => format!("/products/{rank}"),
        1 => format!("/static/app-{rank}.js"),
        _ => format!("/search?q=word{rank}"),
    }
}
