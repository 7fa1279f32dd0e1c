//! Lines of words: 8 to 12 a line, exactly ten on average over five lines, out of 50,000, by Zipf's law.

use crate::random::Random;

const WORDS: u64 = 50_000;
const SYLLABLES: u64 = 80;

pub(super) fn write(text: &mut String, random: &mut Random, index: u64) {
    for _ in 0..7 + index % 5 {
        word(text, random.zipf(WORDS));
        text.push(' ');
    }
    // The last word of each line walks through all of them, so that none is missing.
    word(text, index * 7919 % WORDS);
}

/// The word of a rank: two or three syllables of two letters.
fn word(text: &mut String, rank: u64) {
    let mut rest = rank + SYLLABLES;
    while rest > 0 {
        let syllable = (rest % SYLLABLES) as usize;
        text.push(char::from(b"bdfghjklmnprstvz"[syllable / 5]));
        text.push(char::from(b"aeiou"[syllable % 5]));
        rest /= SYLLABLES;
    }
}
