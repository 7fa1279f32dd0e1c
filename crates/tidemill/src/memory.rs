//! How much memory the machine, or the container that the program is in, has.

use std::fs;
use std::path::Path;

/// Part of the memory that received data may take, by default.
const BUFFERED_PART: u64 = 8;
/// The same where nobody knows how much memory there is, in bytes.
const BUFFERED: u64 = 512 << 20;
/// However little it is, a receiver may hold this: it must be able to take something in.
const LEAST_BUFFERED: usize = 64 << 10;

/// The bound of the received and unprocessed bytes of one of some receivers, if one is given or not.
pub(crate) fn buffered(given: Option<usize>, receivers: usize) -> usize {
    let bytes = given.unwrap_or_else(|| share(total(Path::new("/")), receivers));
    bytes.max(LEAST_BUFFERED)
}

fn share(total: Option<u64>, receivers: usize) -> usize {
    let all = total.map_or(BUFFERED, |bytes| bytes / BUFFERED_PART);
    usize::try_from(all / receivers.max(1) as u64).unwrap_or(usize::MAX)
}

/// Bytes that the machine has, or fewer where a control group limits the program to them; `None` if the kernel does
/// not say, as only Linux does.
///
/// The files are described in proc(5) and cgroups(7), and in the kernel's `admin-guide/cgroup-v2.rst` and
/// `admin-guide/cgroup-v1/memory.rst`.
fn total(root: &Path) -> Option<u64> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let kib =
        machine.lines().find_map(|line| line.strip_prefix("MemTotal:")?.strip_suffix("kB"))?;
    let machine = kib.trim().parse::<u64>().ok()? << 10;
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let groups = root.join("sys/fs/cgroup");
    let second = limits(&groups, path_in(&own, |controllers| controllers.is_empty()), "memory.max");
    let first = path_in(&own, |controllers| controllers.split(',').any(|one| one == "memory"));
    let first = limits(&groups.join("memory"), first, "memory.limit_in_bytes");
    second.into_iter().chain(first).chain([machine]).min()
}

/// The path of the program's group in the hierarchy whose controllers are the right ones; its root if none is.
fn path_in(own: &str, right: impl Fn(&str) -> bool) -> &str {
    let mut groups = own.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let path = groups.find_map(|(names, path)| right(names).then_some(path));
    path.map_or("", |path| path.trim_start_matches('/'))
}

/// The limits of a group and of those that it is in. No limit is `max`, or in the first version a number that is above
/// what any machine has.
fn limits(hierarchy: &Path, group: &str, file: &str) -> Vec<u64> {
    let group = hierarchy.join(group);
    let ancestors = group.ancestors().take_while(|group| group.starts_with(hierarchy));
    let limit = |group: &Path| fs::read_to_string(group.join(file)).ok()?.trim().parse().ok();
    ancestors.filter_map(limit).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Result;

    use super::*;

    /// What a machine is said to have whose files these are.
    fn total_of(files: &[(&str, &str)]) -> Result<Option<u64>> {
        let root = tempfile::tempdir()?;
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap_or(root.path()))?;
            fs::write(path, text)?;
        }
        Ok(total(root.path()))
    }

    #[test]
    fn the_least_limit_counts() -> Result<()> {
        let machine = ("proc/meminfo", "MemTotal:        4194304 kB\nMemFree:  1 kB\n");
        let own = ("proc/self/cgroup", "12:cpu,memory:/x\n0::/user.slice/job.service\n");
        let outer = ("sys/fs/cgroup/user.slice/memory.max", "1073741824\n");
        let inner = ("sys/fs/cgroup/user.slice/job.service/memory.max", "max\n");
        let container = ("sys/fs/cgroup/memory.max", "2147483648\n");
        let unlimited = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        let first = ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "536870912\n");
        assert_eq!(total_of(&[])?, None);
        assert_eq!(total_of(&[("proc/meminfo", "nothing")])?, None);
        assert_eq!(total_of(&[machine, unlimited])?, Some(4 << 30));
        assert_eq!(total_of(&[machine, container])?, Some(2 << 30));
        assert_eq!(total_of(&[machine, own, container, outer, inner])?, Some(1 << 30));
        assert_eq!(total_of(&[machine, own, container, unlimited, first])?, Some(512 << 20));
        Ok(())
    }

    #[test]
    fn receivers_share_an_eighth() {
        assert_eq!(share(Some(8 << 30), 1), 1 << 30);
        assert_eq!(share(Some(8 << 30), 4), 256 << 20);
        assert_eq!(share(None, 2), 256 << 20);
        assert_eq!(buffered(Some(0), 1), LEAST_BUFFERED);
        assert_eq!(buffered(Some(1 << 20), 7), 1 << 20);
    }
}
