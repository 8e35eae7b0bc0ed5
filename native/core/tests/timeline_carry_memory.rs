//! A timeline whose one record is far larger than what may be held goes into a file and comes back
//! with a few megabytes of memory: neither side holds the record whole.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, unsafe_code)]

mod timelines;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::Store;
use keepstate_core::timeline::{At, Change, Cursor, Import, Meta, Save};
use timelines::{Dice, Kept};

const MB: usize = 1 << 20;
/// How long the state is.
const STATE: usize = 64 * MB;
/// What may be held beside what was before.
const BOUND: usize = 40 * MB;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Counts what the whole process holds.
struct Counting;

fn grown(size: usize) {
    let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was held meanwhile, beyond what was held before.
fn peak(work: impl FnOnce()) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    work();
    PEAK.load(Ordering::Relaxed) - before
}

fn piece(noise: &[u8], n: usize) -> Vec<u8> {
    let mut piece = noise.to_vec();
    piece.chunks_mut(1024).enumerate().for_each(|(at, part)| {
        part[..8].copy_from_slice(&((n * 1024 + at) as u64).to_le_bytes());
    });
    piece
}

fn streamed(kept: &Kept, noise: &[u8]) {
    let flow = kept.run(kept.timeline.stream()).unwrap();
    for n in 0..STATE / MB {
        kept.run(flow.feed(piece(noise, n).into())).unwrap();
    }
    let ready = kept.run(flow.finish()).unwrap();
    let meta = Meta { encoding: Some("bytes".into()), ..Meta::default() };
    let save = Save { change: Change::Streamed(Arc::new(ready)), meta, onto: None };
    kept.start(save).recv().unwrap().unwrap();
}

fn copied(from: &Kept, to: &Kept) {
    let import = Arc::new(Import::default());
    let mut next = Some(Cursor::default());
    while let Some(cursor) = next {
        let part = from.run(from.timeline.export(cursor)).unwrap();
        to.run(to.timeline.take_in(import.clone(), part.bytes)).unwrap();
        next = part.next;
    }
    to.run(to.timeline.finish_import(import)).unwrap();
}

#[test]
fn a_large_record_is_never_held_whole() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock);
    let log = Log::open(folder.path().join("log"), LogOptions::default(), clock.clone()).unwrap();
    let dir = DirStore::open(&folder.path().join("dir"), DirOptions::default(), clock).unwrap();
    let (log, dir): (Arc<dyn Store>, Arc<dyn Store>) = (log, Arc::new(dir));
    let noise: Vec<u8> = {
        let mut dice = Dice(3);
        (0..MB).map(|_| dice.roll(256) as u8).collect()
    };
    let (one, two) = (Kept::open(&log, "a/b"), Kept::open(&dir, "a/b"));
    let back = Kept::open(&log, "back/again");
    let took = [
        ("a stream", peak(|| streamed(&one, &noise))),
        ("to another store", peak(|| copied(&one, &two))),
        ("and back", peak(|| copied(&two, &back))),
    ];
    for (what, held) in took {
        println!("{what}: {} KB", held / 1024);
        assert!(held < BOUND, "{what} held {held} bytes");
    }
    let flow = back.run(back.timeline.restore_stream(At::Latest)).unwrap();
    let mut n = 0;
    let mut rest = Vec::new();
    while let Some(more) = back.run(flow.next()).unwrap() {
        rest.extend_from_slice(&more);
        while rest.len() >= MB {
            assert!(rest[..MB] == piece(&noise, n), "megabyte {n}");
            rest.drain(..MB);
            n += 1;
        }
    }
    assert_eq!((n, rest.len()), (STATE / MB, 0));
}
