//! How many rows compiled code is given and gives up, and where.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tidemill::lock::Lock;
use tidemill_udf::{Rows, Site};

/// A chain that gives up more than one row in this many is not worth it.
const WORTH: usize = 2;
/// Rows after which that is judged.
const JUDGED: usize = 1000;
/// Rows after which those before count half.
const RECENT: usize = 16 * JUDGED;
/// Sites that are named.
const MOST_SITES: usize = 3;

/// Rows or calls so far, and those given up.
#[derive(Default)]
pub struct Counts {
    seen: AtomicUsize,
    given_up: AtomicUsize,
    /// Those of them that a function of several was to have.
    stuck: AtomicUsize,
    /// All and those given up, of late.
    recent: Lock<(usize, usize)>,
    /// Whether the code was made again, for other documents.
    replaced: AtomicBool,
    /// How many were given up at each site of the code.
    sites: Lock<BTreeMap<String, usize>>,
}

/// How many rows or calls a run has given up at each site of its code.
#[derive(Default)]
pub struct Sites(HashMap<usize, usize>);

impl Sites {
    /// Counts the last that `rows` has given up.
    #[cold]
    pub fn add(&mut self, rows: &Rows<'_>) {
        if let Some(site) = rows.gave_up_at() {
            *self.0.entry(site).or_default() += 1;
        }
    }
}

impl Counts {
    /// Adds rows or calls, and those of them that were given up.
    pub fn add(&self, seen: usize, given_up: usize) {
        self.seen.fetch_add(seen, Ordering::Relaxed);
        self.given_up.fetch_add(given_up, Ordering::Relaxed);
        let mut recent = self.recent.lock();
        if recent.0 >= RECENT {
            *recent = (recent.0 / 2, recent.1 / 2);
        }
        *recent = (recent.0 + seen, recent.1 + given_up);
    }

    /// Adds what a run counted. One that fails is made again, and counted then.
    pub fn add_run(&self, run: Counts) {
        let (seen, given_up) = run.get();
        self.add(seen, given_up);
        self.stuck.fetch_add(run.stuck.into_inner(), Ordering::Relaxed);
        for (site, count) in run.sites.into_inner() {
            self.add_site(site, count);
        }
    }

    /// Adds what was given up at one site.
    pub fn add_site(&self, site: String, count: usize) {
        *self.sites.lock().entry(site).or_default() += count;
    }

    /// Adds what was given up, by the places of its sites among those of the code.
    pub fn add_sites(&self, sites: &[Site], given_up: &Sites) {
        if given_up.0.is_empty() {
            return;
        }
        for (&at, &count) in &given_up.0 {
            if let Some(site) = sites.get(at) {
                self.add_site(site.to_string(), count);
            }
        }
    }

    /// Adds rows that a function of several was to have, and the site where it gave up.
    pub fn add_stuck(&self, rows: usize, site: Option<&Site>) {
        self.add(0, rows);
        self.stuck.fetch_add(rows, Ordering::Relaxed);
        if let Some(site) = site {
            self.add_site(site.to_string(), rows);
        }
    }

    /// The sites where most were given up, with their numbers, and how many were at other ones.
    pub fn sites(&self) -> (Vec<(String, usize)>, usize) {
        let mut sites: Vec<(String, usize)> = self.sites.lock().clone().into_iter().collect();
        sites.sort_by_key(|(_, count)| Reverse(*count));
        let others = sites.split_off(sites.len().min(MOST_SITES));
        (sites, others.into_iter().map(|(_, count)| count).sum())
    }

    /// All so far, and those given up.
    pub fn get(&self) -> (usize, usize) {
        (self.seen.load(Ordering::Relaxed), self.given_up.load(Ordering::Relaxed))
    }

    /// Whether chains gave up all rows or calls; whether what takes their records did.
    pub fn is_all_given_up(&self) -> (bool, bool) {
        let ((seen, given_up), stuck) = (self.get(), self.stuck.load(Ordering::Relaxed));
        (seen > 0 && given_up - stuck.min(given_up) >= seen, seen > 0 && stuck >= seen)
    }

    /// Whether the code still pays.
    pub fn is_worth_it(&self) -> bool {
        self.is_worth_it_after(JUDGED)
    }

    /// Whether the code still pays, as far as so many rows or calls can tell.
    pub fn is_worth_it_after(&self, judged: usize) -> bool {
        let (seen, given_up) = *self.recent.lock();
        seen < judged || given_up * WORTH <= seen
    }

    /// Whether everything is CPython's now.
    pub fn is_away(&self) -> bool {
        !self.is_worth_it() && !self.replaced.load(Ordering::Relaxed)
    }

    /// Says that the code was made again, for other documents.
    pub fn is_replaced(&self) {
        self.replaced.store(true, Ordering::Relaxed);
    }

    /// What became of the code because of the rows that it gave up, for people.
    pub fn fate(&self) -> &'static str {
        match (self.is_worth_it(), self.replaced.load(Ordering::Relaxed)) {
            (_, true) => ", therefore compiled again for what rows look like now",
            (true, false) => "",
            (false, false) => ", therefore now all of them",
        }
    }
}
