//! A folder of checkpoints as programs find and leave it.

use std::time::Duration;

use super::*;
use crate::block::{BlockRef, Codec, Part, Partition, VecBlock};

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap_or_else(|_| unreachable!("a temporary folder"));
    let path = folder.path().join("checkpoint").to_string_lossy().into_owned();
    (folder, path)
}

/// Blocks of bytes; one of several bytes is in parts of one byte, of which the version is the byte.
struct Bytes;

impl Codec for Bytes {
    fn format(&self) -> &'static str {
        "test"
    }

    fn encode(&self, block: &BlockRef) -> Result<Vec<u8>> {
        let bytes: Option<&VecBlock<u8>> = block.as_any().downcast_ref();
        Ok(bytes.map(|block| block.records().to_vec()).unwrap_or_default())
    }

    fn decode(&self, bytes: &[u8]) -> Result<BlockRef> {
        Ok(Arc::new(VecBlock::new(bytes.to_vec())))
    }

    fn parts(&self, block: &BlockRef) -> Vec<Part> {
        let bytes = self.encode(block).unwrap_or_default();
        let part = |byte: &u8| Part {
            block: Arc::new(VecBlock::new(vec![*byte])),
            version: Some(u64::from(*byte)),
        };
        bytes.iter().map(part).collect()
    }
}

fn blocks(bytes: &[u8]) -> Vec<Partition> {
    vec![vec![Arc::new(VecBlock::new(bytes.to_vec()))], vec![]]
}

fn state(bytes: &[u8]) -> Vec<Snapshot> {
    let codec = Arc::new(Bytes);
    vec![Snapshot { ordinal: 0, codec, partitions: blocks(bytes), window: None }]
}

const SPAN: Span = Span { length: Duration::from_millis(3), slide: Duration::from_millis(1) };

fn window(end: i64, slices: &[(i64, u8)]) -> Vec<Snapshot> {
    let codec = Arc::new(Bytes);
    let slice = |(at, byte): &(i64, u8)| (BatchTime(*at), blocks(&[*byte]));
    let slices = slices.iter().map(slice).collect();
    let window = Some(WindowSnapshot { span: SPAN, end: Some(BatchTime(end)), slices });
    vec![Snapshot { ordinal: 0, codec, partitions: blocks(&[end as u8]), window }]
}

/// The bytes of the first partition.
fn bytes_of(state: &EncodedState) -> Vec<u8> {
    assert_eq!((&*state.format, &state.partitions[1..]), ("test", &[vec![]][..]));
    state.partitions[0].concat()
}

fn files_of(path: &str, start: &str) -> Vec<(String, u64)> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let length = entry.metadata().ok()?.len();
            Some((entry.file_name().into_string().ok()?, length))
        })
        .filter(|(name, _)| name.starts_with(start))
        .collect();
    files.sort();
    files
}

#[test]
fn what_has_not_changed_is_not_written_again() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &state(&[1, 2, 3, 4]))?;
    checkpoint.write(BatchTime(2), &state(&[1, 9, 3, 4]))?;
    checkpoint.write(BatchTime(3), &state(&[1, 9, 3, 4]))?;
    let file = |time: i64, bytes: u64| (format!("data-1-{time}.bin"), bytes);
    assert_eq!(files_of(&path, "data-"), [file(1, 4), file(2, 1)]);
    let read = checkpoint.read()?.map(|c| (c.time, c.states.iter().map(bytes_of).collect()));
    assert_eq!(read, Some((BatchTime(3), vec![vec![1, 9, 3, 4]])));
    Ok(())
}

#[test]
fn a_file_that_is_mostly_garbage_is_given_up() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &state(&[1, 2, 3, 4, 5]))?;
    checkpoint.write(BatchTime(2), &state(&[1, 2, 7, 8, 9]))?;
    checkpoint.write(BatchTime(3), &state(&[1, 2, 7, 8, 9]))?;
    assert_eq!(files_of(&path, "data-"), [("data-1-2.bin".to_owned(), 5)]);
    Ok(())
}

#[test]
fn the_number_of_files_is_bounded() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    let mut bytes = vec![0; 200];
    for time in 1..200 {
        bytes[time as usize] = time as u8;
        checkpoint.write(BatchTime(time), &state(&bytes))?;
        assert!(files_of(&path, "data-").len() <= 2 * 64 + 2);
    }
    let read = checkpoint.read()?.map(|c| bytes_of(&c.states[0]));
    assert_eq!(read, Some(bytes));
    Ok(())
}

#[test]
fn a_slice_of_a_window_is_written_once() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &window(1, &[(1, 11)]))?;
    checkpoint.write(BatchTime(2), &window(2, &[(1, 11), (2, 12)]))?;
    checkpoint.write(BatchTime(3), &window(3, &[(2, 12), (3, 13)]))?;
    let lengths: Vec<u64> = files_of(&path, "data-").into_iter().map(|(_, n)| n).collect();
    assert_eq!(lengths, [2, 2, 2]);
    let again = CheckpointFolder::open(&path, "app")?.read()?;
    let read = again.map(|c| {
        assert!(c.states.is_empty());
        let window = &c.windows[0];
        let slices: Vec<_> =
            window.slices.iter().map(|(at, slice)| (at.0, bytes_of(slice))).collect();
        (window.end, bytes_of(&window.reduced), slices, window.span)
    });
    let slices = vec![(2, vec![12]), (3, vec![13])];
    assert_eq!(read, Some((Some(BatchTime(3)), vec![3], slices, Some(SPAN))));
    Ok(())
}

#[test]
fn a_window_of_an_earlier_version_is_read() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &window(1, &[(1, 11)]))?;
    let manifest = Path::new(&path).join("manifest-1-1.json");
    let text = fs::read_to_string(&manifest).unwrap_or_default();
    let without = text.replace(r#","span":{"length_ms":3,"slide_ms":1}"#, "");
    assert_ne!(text, without);
    fs::write(&manifest, without).unwrap_or_default();
    let read = checkpoint.read()?.map(|c| (bytes_of(&c.windows[0].reduced), c.windows[0].span));
    assert_eq!(read, Some((vec![1], None)));
    Ok(())
}

/// After a failure the first checkpoint is the newest, and the next one can be written.
fn goes_on_from_the_first(checkpoint: &CheckpointFolder, next: i64) -> Result<()> {
    assert_eq!(checkpoint.read()?.map(|c| c.time), Some(BatchTime(1)));
    checkpoint.write(BatchTime(next), &state(&[1, 3]))?;
    assert_eq!(checkpoint.read()?.map(|c| bytes_of(&c.states[0])), Some(vec![1, 3]));
    Ok(())
}

#[test]
fn a_write_that_fails_costs_nothing_but_itself() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &state(&[1, 2]))?;
    let in_the_way = Path::new(&path).join("data-1-2.tmp");
    fs::create_dir(&in_the_way).unwrap_or_default();
    assert!(checkpoint.write(BatchTime(2), &state(&[1, 3])).is_err());
    fs::remove_dir(&in_the_way).unwrap_or_default();
    goes_on_from_the_first(&checkpoint, 3)
}

#[test]
fn a_checkpoint_of_the_first_format_is_read() -> Result<()> {
    let (_guard, path) = folder();
    let at = |name: &str| Path::new(&path).join(name);
    fs::create_dir_all(&path).unwrap_or_default();
    let files: [(&str, &str); 4] = [
        (MARKER, r#"{"format": 1}"#),
        (POINTER, r#"{"generation": 4, "manifest": "manifest-4-7.json"}"#),
        (
            "manifest-4-7.json",
            r#"{"format": 1, "generation": 4, "app_name": "app", "batch_time_ms": 7, "states":
                [{"ordinal": 0, "format": "test", "file": "state-4-7-0.bin", "blocks": [[2, 1], []]}]}"#,
        ),
        ("state-4-7-0.bin", "abc"),
    ];
    for (name, text) in files {
        fs::write(at(name), text).unwrap_or_default();
    }
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    let read = checkpoint.read()?.map(|c| (c.time, c.states[0].partitions.clone()));
    let parts = vec![vec![b"ab".to_vec(), b"c".to_vec()], vec![]];
    assert_eq!(read, Some((BatchTime(7), parts)));
    checkpoint.write(BatchTime(8), &state(b"d"))?;
    checkpoint.write(BatchTime(9), &state(b"e"))?;
    assert!(!at("state-4-7-0.bin").exists());
    Ok(())
}

#[test]
fn a_checkpoint_of_a_later_format_is_refused() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &state(b"1"))?;
    let manifest = Path::new(&path).join("manifest-1-1.json");
    let text = fs::read_to_string(&manifest).unwrap_or_default();
    fs::write(&manifest, text.replace("\"format\":2", "\"format\":3")).unwrap_or_default();
    let text = checkpoint.read().map(drop).map_err(|e| e.to_string());
    assert!(text.is_err_and(|text| text.contains("expected checkpoint format 1 or 2, found 3")));
    Ok(())
}

#[test]
fn the_newest_state_comes_back_and_old_files_go() -> Result<()> {
    let (_guard, path) = folder();
    assert!(!CheckpointFolder::exists(&path)?);
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    assert!(!CheckpointFolder::exists(&path)?);
    for time in 1..6 {
        checkpoint.write(BatchTime(time), &state(&[time as u8; 3]))?;
    }
    assert!(CheckpointFolder::exists(&path)?);
    let again = CheckpointFolder::open(&path, "app")?;
    let read = again.read()?.map(|c| (c.time, bytes_of(&c.states[0])));
    assert_eq!(read, Some((BatchTime(5), vec![5; 3])));
    let files = fs::read_dir(&path).map(Iterator::count).unwrap_or(0);
    assert_eq!(files, 2 + 2 * KEEP);
    Ok(())
}

#[test]
fn an_older_program_is_fenced_off() -> Result<()> {
    let (_guard, path) = folder();
    let old = CheckpointFolder::open(&path, "app")?;
    let new = CheckpointFolder::open(&path, "app")?;
    new.write(BatchTime(2), &state(b"new"))?;
    let refused = old.write(BatchTime(3), &state(b"old")).map_err(|e| e.to_string());
    assert!(refused.is_err_and(|text| text.contains("another program (generation 2)")));
    assert_eq!(new.read()?.map(|c| c.time), Some(BatchTime(2)));
    Ok(())
}

#[test]
fn another_applications_state_is_refused() -> Result<()> {
    let (_guard, path) = folder();
    CheckpointFolder::open(&path, "one")?.write(BatchTime(1), &state(b"1"))?;
    let text = CheckpointFolder::open(&path, "two")?.read().map(drop).map_err(|e| e.to_string());
    assert!(text.is_err_and(|text| text.contains("application \"two\", found one of \"one\"")));
    Ok(())
}

#[test]
fn a_foreign_folder_is_refused() {
    let (_guard, path) = folder();
    fs::create_dir_all(&path).unwrap_or_default();
    fs::write(Path::new(&path).join("checkpoint-1795343873000"), b"java").unwrap_or_default();
    let text = CheckpointFolder::open(&path, "app").map(drop).map_err(|e| e.to_string());
    assert!(
        text.is_err_and(|text| text.contains("expected an empty folder or a Tidemill checkpoint"))
    );
    assert!(CheckpointFolder::exists(&path).is_err());
}

#[test]
fn a_half_written_state_is_noticed() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(7), &state(b"12345"))?;
    fs::write(Path::new(&path).join("data-1-7.bin"), b"123").unwrap_or_default();
    let text = checkpoint.read().map(drop).map_err(|e| e.to_string());
    assert!(text.is_err_and(|text| text.contains("expected 5 bytes of state, got 3")));
    Ok(())
}

/// Leaves files in the folder that only look like ours.
fn with_files(path: &str, names: &[&str]) {
    for name in names {
        fs::write(Path::new(path).join(name), b"mine").unwrap_or_default();
    }
}

fn is_there(path: &str, name: &str) -> bool {
    Path::new(path).join(name).exists()
}

/// A codec that fails for a block of the byte 0.
struct Failing;

impl Codec for Failing {
    fn format(&self) -> &'static str {
        "test"
    }

    fn encode(&self, block: &BlockRef) -> Result<Vec<u8>> {
        match Bytes.encode(block)?.as_slice() {
            [0] => Err(Error::Internal("the codec fails".into())),
            bytes => Ok(bytes.to_vec()),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<BlockRef> {
        Bytes.decode(bytes)
    }
}

#[test]
fn files_of_others_stay() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    let others = [
        "data-report.csv",
        "data-2024-01-02.bin",
        "data-1-1.csv",
        "data-+1-1.bin",
        "data-01-1.bin",
        "data-1-1.bin.gz",
        "state-of-things.txt",
        "state-1-1.bin",
        "manifest-old.json",
        "manifest-1-1-1.json",
        "manifest-1-.json",
        "data-99999999999999999999-1.bin",
    ];
    with_files(&path, &others);
    for time in 1..6 {
        checkpoint.write(BatchTime(time), &state(&[time as u8; 3]))?;
    }
    let gone: Vec<&&str> = others.iter().filter(|name| !is_there(&path, name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(files_of(&path, "manifest-1-").len(), KEEP + 2);
    assert!(!is_there(&path, "data-1-3.bin"));
    Ok(())
}

#[test]
fn a_write_that_fails_leaves_no_file() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &state(&[1, 2]))?;
    let before = files_of(&path, "");
    let mut failing = state(&[3, 4]);
    let codec = Arc::new(Failing);
    failing.push(Snapshot { ordinal: 1, codec, partitions: blocks(&[0]), window: None });
    assert!(checkpoint.write(BatchTime(2), &failing).is_err());
    assert_eq!(files_of(&path, ""), before);
    // The data are written, the manifest or the pointer cannot be.
    for in_the_way in ["manifest-1-3.json", "CURRENT.tmp"] {
        let in_the_way = Path::new(&path).join(in_the_way);
        fs::create_dir(&in_the_way).unwrap_or_default();
        assert!(checkpoint.write(BatchTime(3), &state(&[5, 6])).is_err());
        fs::remove_dir(&in_the_way).unwrap_or_default();
        assert_eq!(files_of(&path, ""), before);
    }
    goes_on_from_the_first(&checkpoint, 4)
}

#[test]
fn what_killed_programs_left_half_written_goes_at_the_start() -> Result<()> {
    let (_guard, path) = folder();
    drop(CheckpointFolder::open(&path, "app")?);
    let left = ["data-1-5.tmp", "manifest-1-5.tmp", "state-1-5-0.tmp"];
    let others = ["data-7-5.tmp", "data-2-5.tmp", "data-report.tmp", "notes.tmp"];
    with_files(&path, &left);
    with_files(&path, &others);
    let _second = CheckpointFolder::open(&path, "app")?;
    assert!(left.iter().all(|name| !is_there(&path, name)), "{:?}", files_of(&path, ""));
    // Files of this generation and of later ones are of programs that are not fenced off.
    assert!(others.iter().all(|name| is_there(&path, name)), "{:?}", files_of(&path, ""));
    Ok(())
}

#[test]
fn a_program_that_lost_the_folder_writes_nothing() -> Result<()> {
    let (_guard, path) = folder();
    let old = CheckpointFolder::open(&path, "app")?;
    let _new = CheckpointFolder::open(&path, "app")?;
    let before = files_of(&path, "");
    assert!(old.write(BatchTime(3), &state(b"old")).is_err());
    assert_eq!(files_of(&path, ""), before);
    Ok(())
}

/// Starts another program on the folder as soon as a block is encoded.
struct Overtaken(String);

impl Codec for Overtaken {
    fn format(&self) -> &'static str {
        "test"
    }

    fn encode(&self, block: &BlockRef) -> Result<Vec<u8>> {
        if Bytes.encode(block)? == [0] {
            CheckpointFolder::open(&self.0, "app")?.write(BatchTime(2), &state(b"new"))?;
        }
        Bytes.encode(block)
    }

    fn decode(&self, bytes: &[u8]) -> Result<BlockRef> {
        Bytes.decode(bytes)
    }
}

#[test]
fn a_program_that_loses_the_folder_while_it_writes_is_told_so() -> Result<()> {
    let (_guard, path) = folder();
    let old = CheckpointFolder::open(&path, "app")?;
    let mut snapshots = state(b"old");
    let codec = Arc::new(Overtaken(path.clone()));
    snapshots.push(Snapshot { ordinal: 1, codec, partitions: blocks(&[0]), window: None });
    let refused = old.write(BatchTime(3), &snapshots).map_err(|e| e.to_string());
    assert!(refused.is_err_and(|text| text.contains("another program (generation 2)")));
    assert!(files_of(&path, "data-1-").is_empty() && files_of(&path, "manifest-1-").is_empty());
    assert_eq!(old.read()?.map(|c| bytes_of(&c.states[0])), Some(b"new".to_vec()));
    Ok(())
}

#[test]
fn a_first_write_that_was_cut_off_is_no_foreign_file() -> Result<()> {
    let (_guard, path) = folder();
    fs::create_dir_all(&path).unwrap_or_default();
    with_files(&path, &["tidemill-checkpoint.tmp"]);
    assert!(!CheckpointFolder::exists(&path)?);
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    checkpoint.write(BatchTime(1), &state(b"1"))?;
    assert!(CheckpointFolder::exists(&path)?);
    assert!(!is_there(&path, "tidemill-checkpoint.tmp"));
    Ok(())
}

#[test]
fn the_same_batch_written_twice_is_whole() -> Result<()> {
    let (_guard, path) = folder();
    let checkpoint = CheckpointFolder::open(&path, "app")?;
    // One state in parts that are not written again, one that is written each time.
    let mut both = state(&[1, 2, 3, 4]);
    let codec = Arc::new(Failing);
    both.push(Snapshot { ordinal: 1, codec, partitions: blocks(&[9, 9]), window: None });
    for _ in 0..2 {
        checkpoint.write(BatchTime(1), &both)?;
        let read = checkpoint.read()?.map(|c| c.states.iter().map(bytes_of).collect());
        assert_eq!(read, Some(vec![vec![1, 2, 3, 4], vec![9, 9]]));
    }
    Ok(())
}

#[test]
fn errors_say_what_to_do() {
    let text = |code: i32| {
        unwritable(Path::new("folder"), &std::io::Error::from_raw_os_error(code)).to_string()
    };
    // ENOSPC, EDQUOT, EFBIG, EACCES, EROFS: the same numbers on Linux only for the first and the last two.
    let told = [
        (28, "the disk is full: make room"),
        #[cfg(target_os = "linux")]
        (122, "quota"),
        (27, "ulimit -f"),
        (13, "may write"),
        (30, "mounted read-only"),
    ];
    for (code, expected) in told {
        let text = text(code);
        assert!(text.contains(expected) && text.contains("folder"), "{text}");
    }
}
