//! Concatenation. `text += part` in a loop must not take memory for every text on the way, since nothing is
//! given back before the block ends: the last result gets room to grow, and what is appended to it goes there.

use bumpalo::Bump;

/// The last result of a concatenation.
#[derive(Default)]
pub(super) struct Growing {
    /// Where it is; a number, since it is only written to by `append`.
    address: usize,
    length: usize,
    capacity: usize,
}

impl Growing {
    /// `text + part`. The result may begin with `text`'s own bytes, which stay as they are.
    pub(super) fn append(&mut self, arena: &Bump, text: &[u8], part: &[u8]) -> *const [u8] {
        let length = text.len() + part.len();
        let again = self.capacity > 0
            && text.as_ptr().expose_provenance() == self.address
            && text.len() == self.length;
        if !again || length > self.capacity {
            // A text that is appended to for the second time will be again.
            self.capacity = if again { length * 2 } else { length };
            let room = arena.alloc_slice_fill_copy(self.capacity, 0_u8);
            room[..text.len()].copy_from_slice(text);
            self.address = room.as_mut_ptr().expose_provenance();
        }
        self.length = length;
        let start: *mut u8 = std::ptr::with_exposed_provenance_mut(self.address);
        // SAFETY: the arena's room at `address` has `capacity` bytes, of which no string has those from the
        // end of `text` on: the last result ended there.
        unsafe {
            std::ptr::copy_nonoverlapping(part.as_ptr(), start.add(text.len()), part.len());
        }
        std::ptr::slice_from_raw_parts(start, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_to_twice_keeps_both_results() {
        let (arena, mut growing) = (Bump::new(), Growing::default());
        let mut texts: Vec<*const [u8]> = vec![growing.append(&arena, b"a", b"b")];
        for part in [b"c", b"d", b"e", b"f"] {
            // SAFETY: the results are in the arena.
            let last = unsafe { &**texts.last().unwrap_or(&texts[0]) };
            texts.push(growing.append(&arena, last, part));
        }
        // SAFETY: as above.
        let other = growing.append(&arena, unsafe { &*texts[1] }, b"x");
        // SAFETY: as above.
        let all = unsafe { [&*texts[0], &*texts[1], &*texts[4], &*other] };
        assert_eq!(all, [&b"ab"[..], b"abc", b"abcdef", b"abcx"]);
    }
}
