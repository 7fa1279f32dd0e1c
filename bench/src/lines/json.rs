//! A shop's events, an object a line as `json.dumps` writes it. A quarter are purchases; 1 % have a city that
//! is not ASCII, written as it is or with an escape. Amounts are quarters, so that their sums are exact in
//! whatever order they are added.

use crate::random::Random;

const OTHER_EVENTS: [&str; 4] = ["view", "view", "click", "search"];
const PLACES: [&str; 20] = [
    "DE Berlin",
    "FR Paris",
    "GB London",
    "IT Rome",
    "ES Madrid",
    "NL Utrecht",
    "BE Ghent",
    "AT Graz",
    "CH Bern",
    "PL Lodz",
    "SE Malmo",
    "NO Oslo",
    "DK Odense",
    "FI Turku",
    "PT Porto",
    "IE Cork",
    "US Boston",
    "CA Toronto",
    "JP Osaka",
    "BR Recife",
];
const STRANGE_PLACES: [&str; 4] = ["DE Köln", "BR São Paulo", r"CH Z\u00fcrich", r"PL Krak\u00f3w"];

pub(super) fn write(text: &mut String, random: &mut Random) {
    let user = random.below(100_000);
    let purchase = random.below(4) == 0;
    let event = if purchase { "purchase" } else { random.of(&OTHER_EVENTS) };
    let amount = if purchase { (1 + random.below(2000)) as f64 / 4.0 } else { 0.0 };
    let items: Vec<String> =
        (0..1 + random.below(3)).map(|_| format!("\"i{}\"", random.below(5000))).collect();
    let place =
        if random.below(100) == 0 { random.of(&STRANGE_PLACES) } else { random.of(&PLACES) };
    let (country, city) = place.split_once(' ').unwrap_or((place, ""));
    let second = random.below(60);
    *text += &format!(
        "{{\"user\": \"u{user}\", \"event\": \"{event}\", \"amount\": {amount:?}, \
         \"items\": [{}], \"geo\": {{\"country\": \"{country}\", \"city\": \"{city}\"}}, \
         \"time\": \"2026-11-23T05:04:{second:02}Z\"}}",
        items.join(", ")
    );
}
