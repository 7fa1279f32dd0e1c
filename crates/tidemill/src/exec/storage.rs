//! What the engine keeps between tasks: persisted partitions and shuffle buckets, in memory.
//!
//! Persisted partitions are bounded: over the limit the least recently used go, and are computed
//! again from their lineage when asked for. Shuffle buckets live as long as the RDD that reads them. All that is kept
//! was made with keys hashed in one way ([`Backend::hashing`](crate::exec::Backend::hashing)), and only jobs that hash
//! them so find it.

use std::collections::HashMap;

use crate::block::{BlockRef, Partition, bytes_in};
use crate::exec::backend::TaskError;
use crate::ids::{RddId, ShuffleId};
use crate::lock::Lock;
use crate::rdd::Availability;

/// The block store. One per engine.
///
/// ```
/// use std::sync::Arc;
/// use tidemill::block::{BlockRef, VecBlock};
/// use tidemill::exec::storage::Storage;
/// use tidemill::ids::RddId;
///
/// let store = Storage::new(100);
/// let partition = |bytes: usize| vec![Arc::new(VecBlock::new(vec![0_u8; bytes])) as BlockRef];
/// store.put(RddId(1), 0, &partition(60), 0);
/// store.put(RddId(2), 0, &partition(60), 0);
/// assert!(store.get(RddId(1), 0, 0).is_none(), "made room for the other");
/// assert_eq!(store.persisted_bytes(), 60);
/// ```
#[derive(Default)]
pub struct Storage {
    limit_bytes: usize,
    persisted: Lock<Persisted>,
    shuffles: Lock<Shuffles>,
}

/// The buckets of each map task of each shuffle.
#[derive(Default)]
struct Shuffles {
    outputs: HashMap<ShuffleId, HashMap<usize, Vec<Partition>>>,
    hashing: u64,
}

#[derive(Default)]
struct Persisted {
    partitions: HashMap<(RddId, usize), Kept>,
    bytes: usize,
    clock: u64,
    hashing: u64,
}

struct Kept {
    blocks: Partition,
    bytes: usize,
    used: u64,
}

impl Storage {
    /// A store that keeps at most `limit_bytes` of persisted partitions.
    pub fn new(limit_bytes: usize) -> Self {
        Storage { limit_bytes, ..Storage::default() }
    }

    /// Keys are hashed in this way from now on: forgets what was made in another.
    pub fn renew(&self, hashing: u64) {
        let mut persisted = self.persisted.lock();
        if persisted.hashing < hashing {
            *persisted = Persisted { hashing, clock: persisted.clock, ..Persisted::default() };
        }
        drop(persisted);
        let mut shuffles = self.shuffles.lock();
        if shuffles.hashing < hashing {
            *shuffles = Shuffles { hashing, ..Shuffles::default() };
        }
    }

    /// A persisted partition.
    pub fn get(&self, rdd: RddId, partition: usize, hashing: u64) -> Option<Partition> {
        let mut persisted = self.persisted.lock();
        if persisted.hashing != hashing {
            return None;
        }
        persisted.clock += 1;
        let now = persisted.clock;
        let kept = persisted.partitions.get_mut(&(rdd, partition))?;
        kept.used = now;
        Some(kept.blocks.clone())
    }

    /// Keeps a partition; one larger than the limit is not kept.
    pub fn put(&self, rdd: RddId, partition: usize, blocks: &Partition, hashing: u64) {
        let bytes = bytes_in(blocks);
        if bytes > self.limit_bytes {
            return;
        }
        let mut persisted = self.persisted.lock();
        if persisted.hashing != hashing {
            return;
        }
        persisted.clock += 1;
        let kept = Kept { blocks: blocks.clone(), bytes, used: persisted.clock };
        let before = persisted.partitions.insert((rdd, partition), kept);
        persisted.bytes += bytes;
        persisted.bytes -= before.map_or(0, |kept| kept.bytes);
        persisted.evict(self.limit_bytes);
    }

    /// Forgets an RDD's partitions.
    pub fn remove_rdd(&self, rdd: RddId) {
        let mut persisted = self.persisted.lock();
        let before = persisted.bytes;
        let mut freed = 0;
        persisted.partitions.retain(|(id, _), kept| {
            let stays = *id != rdd;
            freed += if stays { 0 } else { kept.bytes };
            stays
        });
        persisted.bytes = before - freed;
    }

    /// Keeps the buckets of a map task.
    pub fn put_map(&self, shuffle: ShuffleId, map: usize, buckets: Vec<Partition>, hashing: u64) {
        let mut shuffles = self.shuffles.lock();
        if shuffles.hashing == hashing {
            shuffles.outputs.entry(shuffle).or_default().insert(map, buckets);
        }
    }

    /// One bucket of every map task, in their order.
    pub fn fetch(
        &self,
        shuffle: ShuffleId,
        maps: usize,
        bucket: usize,
        hashing: u64,
    ) -> Result<Partition, TaskError> {
        let shuffles = self.shuffles.lock();
        let same = shuffles.hashing == hashing;
        let outputs = shuffles.outputs.get(&shuffle).filter(|_| same);
        let mut blocks: Vec<BlockRef> = Vec::new();
        for map in 0..maps {
            let buckets = outputs.and_then(|outputs| outputs.get(&map));
            let part = buckets.and_then(|buckets| buckets.get(bucket));
            let part = part.ok_or(TaskError::FetchFailed { shuffle, map })?;
            blocks.extend(part.iter().filter(|block| !block.is_empty()).cloned());
        }
        Ok(blocks)
    }

    /// Forgets a shuffle.
    pub fn remove_shuffle(&self, shuffle: ShuffleId) {
        self.shuffles.lock().outputs.remove(&shuffle);
    }

    /// Bytes of persisted partitions.
    pub fn persisted_bytes(&self) -> usize {
        self.persisted.lock().bytes
    }
}

impl Persisted {
    fn evict(&mut self, limit: usize) {
        while self.bytes > limit {
            let oldest = self.partitions.iter().min_by_key(|(_, kept)| kept.used);
            let Some(key) = oldest.map(|(key, _)| *key) else {
                return;
            };
            if let Some(kept) = self.partitions.remove(&key) {
                self.bytes -= kept.bytes;
            }
        }
    }
}

impl Availability for Storage {
    fn missing_maps(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize> {
        let shuffles = self.shuffles.lock();
        let there = shuffles.outputs.get(&shuffle);
        (0..maps).filter(|map| !there.is_some_and(|outputs| outputs.contains_key(map))).collect()
    }

    fn is_cached(&self, rdd: RddId, partitions: usize) -> bool {
        let persisted = self.persisted.lock();
        (0..partitions).all(|partition| persisted.partitions.contains_key(&(rdd, partition)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::block::VecBlock;

    fn block(bytes: usize) -> Partition {
        vec![Arc::new(VecBlock::new(vec![0_u8; bytes]))]
    }

    #[test]
    fn the_least_recently_used_partition_goes_first() {
        let store = Storage::new(100);
        store.put(RddId(1), 0, &block(40), 0);
        store.put(RddId(2), 0, &block(40), 0);
        store.get(RddId(1), 0, 0);
        store.put(RddId(3), 0, &block(40), 0);
        assert!(store.get(RddId(1), 0, 0).is_some());
        assert!(store.get(RddId(2), 0, 0).is_none());
        assert_eq!(store.persisted_bytes(), 80);
        store.remove_rdd(RddId(1));
        store.put(RddId(4), 0, &block(101), 0);
        assert_eq!(store.persisted_bytes(), 40);
    }

    #[test]
    fn a_missing_map_output_is_named() {
        let store = Storage::new(0);
        store.put_map(ShuffleId(7), 0, vec![block(1), block(2)], 0);
        let missing = store.fetch(ShuffleId(7), 2, 1, 0);
        assert!(matches!(missing, Err(TaskError::FetchFailed { map: 1, .. })));
        assert_eq!(store.missing_maps(ShuffleId(7), 2), [1]);
    }

    #[test]
    fn what_was_kept_with_other_hashes_is_not_used_again() {
        let store = Storage::new(100);
        store.put(RddId(1), 0, &block(40), 0);
        store.put_map(ShuffleId(7), 0, vec![block(1)], 0);
        store.renew(0);
        assert!(store.get(RddId(1), 0, 0).is_some());
        assert!(store.fetch(ShuffleId(7), 1, 0, 0).is_ok());
        store.renew(1);
        assert_eq!(store.missing_maps(ShuffleId(7), 1), [0]);
        assert!(!store.is_cached(RddId(1), 1));
        assert_eq!(store.persisted_bytes(), 0);
        // A job that began before neither leaves anything nor sees what the next one leaves.
        store.put(RddId(1), 0, &block(40), 0);
        store.put_map(ShuffleId(7), 0, vec![block(1)], 0);
        assert!(store.get(RddId(1), 0, 1).is_none());
        assert!(store.fetch(ShuffleId(7), 1, 0, 1).is_err());
        store.put(RddId(1), 0, &block(40), 1);
        store.put_map(ShuffleId(7), 0, vec![block(1)], 1);
        assert!(store.get(RddId(1), 0, 0).is_none());
        assert!(store.fetch(ShuffleId(7), 1, 0, 0).is_err());
        assert!(store.get(RddId(1), 0, 1).is_some());
        assert!(store.fetch(ShuffleId(7), 1, 0, 1).is_ok());
    }
}
