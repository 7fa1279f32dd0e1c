//! Points: of the lines 0.1 % are bad and 1 % lie on an axis or at the origin, at random places.

use crate::random::Random;

const BAD: [&str; 5] = ["not a point", "1.5", "1 2 3", "", "1,5 2,5"];

pub(super) fn write(text: &mut String, random: &mut Random) {
    let (x, y) = (coordinate(random), coordinate(random));
    match random.below(1000) {
        0 => *text += random.of(&BAD),
        1..=4 => *text += &format!("0 {y:.3}"),
        5..=8 => *text += &format!("{x:.3} 0"),
        9..=10 => *text += "0 0",
        _ => *text += &format!("{x:.3} {y:.3}"),
    }
}

/// A coordinate from -99.999 to 99.999 that is never zero.
fn coordinate(random: &mut Random) -> f64 {
    let thousandths = 1 + random.below(99_999);
    let size = thousandths as f64 / 1000.0;
    if random.below(2) == 0 { size } else { -size }
}
