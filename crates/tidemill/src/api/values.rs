//! The new values of a key in a batch, as `update_state_by_key` hands them to the user's function.

use std::vec;

/// A sequence of values in order of arrival, in pieces, so that none is copied to make it.
///
/// ```
/// use tidemill::Values;
/// let values = Values::from(vec![1, 2, 3]);
/// assert_eq!((values.len(), values.iter().sum::<i32>()), (3, 6));
/// assert_eq!(values.into_iter().max(), Some(3));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values<V> {
    pieces: Vec<Vec<V>>,
}

impl<V> Default for Values<V> {
    fn default() -> Self {
        Values { pieces: Vec::new() }
    }
}

impl<V> From<Vec<V>> for Values<V> {
    fn from(values: Vec<V>) -> Self {
        Values { pieces: vec![values] }
    }
}

impl<V> Values<V> {
    pub(crate) fn push_piece(&mut self, piece: Vec<V>) {
        self.pieces.push(piece);
    }

    /// Number of values.
    ///
    /// ```
    /// assert_eq!(tidemill::Values::from(vec!["a", "b"]).len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// Whether the key has no new value in this batch.
    ///
    /// ```
    /// assert!(tidemill::Values::<i32>::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(Vec::is_empty)
    }

    /// The values in order.
    ///
    /// ```
    /// let values = tidemill::Values::from(vec![3, 1, 2]);
    /// assert_eq!(values.iter().max(), Some(&3));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.pieces.iter().flatten()
    }
}

impl<V> IntoIterator for Values<V> {
    type Item = V;
    type IntoIter = std::iter::Flatten<vec::IntoIter<Vec<V>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter().flatten()
    }
}
