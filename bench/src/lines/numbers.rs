//! Eight samples a line of a wave of one, two or three periods, with noise.

use crate::random::Random;
use std::f64::consts::TAU;

const SAMPLES: usize = 8;

pub(super) fn write(text: &mut String, random: &mut Random) {
    let periods = (1 + random.below(3)) as f64;
    let phase = random.unit();
    for sample in 0..SAMPLES {
        let turn = periods * sample as f64 / SAMPLES as f64 + phase;
        let value = 10.0 * (TAU * turn).sin() + random.unit();
        let space = if sample == 0 { "" } else { " " };
        *text += &format!("{space}{value:.3}");
    }
}
