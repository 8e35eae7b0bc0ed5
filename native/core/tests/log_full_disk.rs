//! On a disk that is really full (a small tmpfs): puts are refused with DISK_FULL and leave
//! nothing, deletes and compaction succeed and give the space back, in both durabilities.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::Command;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Embedded, Mode, Op, Store, StoreExt};
use keepstate_core::Code;
use support::*;

/// A file system of four megabytes, gone with the test.
struct Small(tempfile::TempDir);

impl Small {
    /// None where mounting is not allowed; there the faults of `log_faults` stand for it.
    fn mount() -> Option<Small> {
        let folder = folder();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "none"])
            .arg(folder.path())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Small(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn fill_up(path: &Path, options: LogOptions) {
    let log = open(path, options.clone());
    let mut model = Vec::new();
    let error = loop {
        let key = format!("key-{:05}", model.len());
        match log.put_wait(&key, vec![model.len() as u8; 1500], Mode::Overwrite) {
            Ok(_) => model.push((key, vec![model.len() as u8; 1500])),
            Err(error) => break error,
        }
        assert!(model.len() < 4000, "the disk never fills");
    };
    assert_eq!(error.code(), Code::DiskFull);
    assert!(model.len() > 1000, "{}", model.len());
    assert_eq!(all(&*log), model);
    // Closed and opened on the full disk, it still deletes.
    log.close().unwrap();
    let log = open(path, options.clone());
    assert_eq!(all(&*log), model);
    let keys: Vec<String> = model.drain(10..).map(|(key, _)| key).collect();
    for part in keys.chunks(50) {
        let delete = |key: &String| Op::Delete { key: key.clone(), if_version: None };
        log.commit_wait(part.iter().map(delete).collect()).unwrap();
    }
    log.compact().unwrap();
    let freed = log.put_wait("big", vec![1; 2_000_000], Mode::Overwrite);
    freed.expect("the space came back");
    assert_eq!(all(&*log).len(), 11);
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
    log.close().unwrap();
    assert_eq!(all(&*open(path, options)).len(), 11);
}

#[test]
fn in_both_durabilities_and_with_one_segment_or_many() {
    for base in [quiet(), quiet_async()] {
        for segment_bytes in [300 << 10, 64 << 20] {
            let Some(small) = Small::mount() else { return };
            let options = LogOptions { segment_bytes, ..base.clone() };
            fill_up(&small.path().join("store"), options);
        }
    }
}
