//! How much memory the machine, or the container that the program is in, has.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Part of the memory that received data may take, by default.
const BUFFERED_PART: u64 = 8;
/// The same where nobody knows how much memory there is.
const BUFFERED: usize = 512 << 20;

/// The default bound of the received and unprocessed bytes of a receiver.
pub(crate) fn buffered_by_default() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let part = total(Path::new("/")).map(|bytes| bytes / BUFFERED_PART);
        part.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(BUFFERED)
    })
}

/// Bytes that the machine has, or fewer where a control group limits the program to them; `None` if the kernel does
/// not say, as only Linux does.
///
/// The files are described in proc(5), and in the kernel's `admin-guide/cgroup-v2.rst` and
/// `admin-guide/cgroup-v1/memory.rst`.
fn total(root: &Path) -> Option<u64> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let kib =
        machine.lines().find_map(|line| line.strip_prefix("MemTotal:")?.strip_suffix("kB"))?;
    let machine = kib.trim().parse::<u64>().ok()? << 10;
    let groups = root.join("sys/fs/cgroup");
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or("");
    let own = groups.join(own);
    let ancestors = own.ancestors().take_while(|group| group.starts_with(&groups));
    let files = ancestors.map(|group| group.join("memory.max"));
    // No limit is `max`, or in the first version a number that is above what any machine has.
    files
        .chain([groups.join("memory/memory.limit_in_bytes")])
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
        .chain([machine])
        .min()
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
        let own = ("proc/self/cgroup", "12:memory:/x\n0::/user.slice/job.service\n");
        let outer = ("sys/fs/cgroup/user.slice/memory.max", "1073741824\n");
        let inner = ("sys/fs/cgroup/user.slice/job.service/memory.max", "max\n");
        let container = ("sys/fs/cgroup/memory.max", "2147483648\n");
        let first_version = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(total_of(&[])?, None);
        assert_eq!(total_of(&[("proc/meminfo", "nothing")])?, None);
        assert_eq!(total_of(&[machine, first_version])?, Some(4 << 30));
        assert_eq!(total_of(&[machine, container])?, Some(2 << 30));
        assert_eq!(total_of(&[machine, own, container, outer, inner])?, Some(1 << 30));
        Ok(())
    }
}
