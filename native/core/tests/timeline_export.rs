//! A timeline as one file: it comes back in any store under any name with the same ids, a copy can be
//! brought up to date, and a damaged or cut file changes nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::sync::Arc;

use keepstate_core::error::{Code, Result};
use keepstate_core::store::Store;
use keepstate_core::timeline::{
    At, Cursor, From, Import, Name, Options, Packing, Page, Policy, Snapshot,
};
use timelines::{memory, stores, Dice, Kept};

fn exported(kept: &Kept, after: u64) -> Vec<u8> {
    let (mut file, mut next) = (Vec::new(), Some(Cursor { after, ..Cursor::default() }));
    while let Some(cursor) = next {
        let part = kept.run(kept.timeline.export(cursor)).unwrap();
        file.extend_from_slice(&part.bytes);
        next = part.next;
    }
    file
}

fn imported(kept: &Kept, file: &[u8]) -> Result<Snapshot> {
    let import = Arc::new(Import::default());
    let taken = file.chunks(777).try_for_each(|piece| {
        kept.run(kept.timeline.take_in(import.clone(), piece.to_vec().into()))
    });
    let done = taken.and_then(|()| kept.run(kept.timeline.finish_import(import.clone())));
    if done.is_err() {
        kept.run(kept.timeline.abandon_import(import)).unwrap();
    }
    done
}

fn shown(kept: &Kept) -> Vec<(u64, [u8; 32], Vec<u8>)> {
    let page = Page { limit: Some(1000), ..Page::default() };
    let list = kept.run(kept.timeline.list(page)).unwrap();
    let state = |s: Snapshot| (s.sequence, s.id.0, kept.restore(At::Sequence(s.sequence)).unwrap());
    list.into_iter().map(state).collect()
}

fn grow(kept: &Kept, dice: &mut Dice, state: &mut Vec<u8>, count: usize) {
    for _ in 0..count {
        dice.change(state);
        kept.save(state).unwrap();
    }
}

#[test]
fn a_file_comes_back_anywhere_and_a_copy_follows() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let (mut dice, mut state) = (Dice(5), Vec::new());
        grow(&kept, &mut dice, &mut state, 60);
        kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
        grow(&kept, &mut dice, &mut state, 12);
        kept.run(kept.timeline.tag("good".into(), At::Sequence(20), From::Nowhere)).unwrap();
        kept.run(kept.timeline.fork(Name::new("a", "f").unwrap(), At::Sequence(50))).unwrap();
        let fork = Kept::open(&store, "a/f");
        grow(&fork, &mut dice, &mut state, 8);
        let policy = Policy { keep_every: Some(2), keep_last: Some(5), ..Policy::default() };
        fork.run(fork.timeline.prune(policy)).unwrap();
        for (_, target) in stores() {
            for source in [&kept, &fork] {
                let name = format!("x/{}", source.timeline.name().session());
                let copy = Kept::open(&target, &name);
                imported(&copy, &exported(source, 0)).unwrap();
                assert_eq!(shown(source), shown(&copy), "{what}");
                let fresh = Kept::open(&target, &name);
                let report = fresh.run(fresh.timeline.verify()).unwrap();
                assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
            }
            let copy = Kept::open(&target, "x/b");
            assert_eq!(copy.restore(At::Tag("good".into())).unwrap(), shown(&kept)[19].2);
            let twice = imported(&copy, &exported(&kept, 0)).unwrap_err();
            assert_eq!(twice.code(), Code::Conflict, "{what}");
            grow(&kept, &mut dice, &mut state, 7);
            let head = copy.run(copy.timeline.show(At::Latest)).unwrap();
            imported(&copy, &exported(&kept, head.sequence)).unwrap();
            assert_eq!(shown(&kept), shown(&copy), "{what}");
            grow(&copy, &mut dice, &mut state, 3);
            let report = copy.run(copy.timeline.verify()).unwrap();
            assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
            let parted = imported(&copy, &exported(&kept, head.sequence)).unwrap_err();
            assert_eq!(parted.code(), Code::Conflict);
        }
    }
}

#[test]
fn it_comes_back_under_a_name_that_was_deleted() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    let (mut dice, mut state) = (Dice(6), Vec::new());
    grow(&kept, &mut dice, &mut state, 10);
    let (file, before) = (exported(&kept, 0), shown(&kept));
    grow(&kept, &mut dice, &mut state, 5);
    kept.run(kept.timeline.delete()).unwrap();
    imported(&kept, &file).unwrap();
    assert_eq!(shown(&kept), before);
    assert!(kept.save(b"on").unwrap().sequence > 15);
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(report.problems.is_empty() && report.snapshots == 11, "{report:?}");
}

#[test]
fn a_damaged_file_changes_nothing() {
    let kept = Kept::open(&memory(), "a/b");
    let (mut dice, mut state) = (Dice(7), Vec::new());
    for _ in 0..6 {
        dice.change(&mut state);
        state.truncate(150);
        kept.save(&state).unwrap();
    }
    let file = exported(&kept, 0);
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 1 << (at % 8);
        for damaged in [flipped, file[..at].to_vec()] {
            let store = memory();
            let error = imported(&Kept::open(&store, "a/b"), &damaged).unwrap_err();
            assert_ne!(error.code(), Code::Internal, "byte {at}: {error}");
            assert!(store.list(&Default::default()).unwrap().is_empty(), "byte {at}");
        }
    }
}

#[test]
fn what_is_saved_beside_an_import_is_not_lost() {
    for (what, store) in stores() {
        for after in [0, 4] {
            let source = Kept::open(&store, &format!("a/{after}"));
            let (mut dice, mut state) = (Dice(8), Vec::new());
            grow(&source, &mut dice, &mut state, 4);
            let name = format!("x/{after}");
            if after > 0 {
                imported(&Kept::open(&store, &name), &exported(&source, 0)).unwrap();
            }
            grow(&source, &mut dice, &mut state, 4);
            let (kept, import) = (Kept::open(&store, &name), Arc::new(Import::default()));
            let file = exported(&source, after);
            kept.run(kept.timeline.take_in(import.clone(), file.into())).unwrap();
            assert_eq!(import.taken().snapshots, 8 - after, "{what}");
            let saved = Kept::open(&store, &name).save(b"beside").unwrap();
            assert_eq!(saved.sequence, after + 1);
            let error = kept.run(kept.timeline.finish_import(import)).unwrap_err();
            assert_eq!(error.code(), Code::Conflict, "{what}: {error}");
            let fresh = Kept::open(&store, &name);
            assert_eq!(fresh.restore(At::Latest).unwrap(), b"beside", "{what}");
            let report = fresh.run(fresh.timeline.verify()).unwrap();
            assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
        }
    }
}

#[test]
fn who_saves_onto_what_was_before_an_import_is_refused() {
    for grown in 3..7 {
        let store = memory();
        let source = Kept::open(&store, "a/b");
        let (mut dice, mut state) = (Dice(9), Vec::new());
        grow(&source, &mut dice, &mut state, 5);
        let stalled = Kept::open(&store, "x/b");
        grow(&stalled, &mut dice, &mut Vec::new(), grown);
        let other = Kept::open(&store, "x/b");
        other.run(other.timeline.delete()).unwrap();
        imported(&other, &exported(&source, 0)).unwrap();
        assert_eq!(stalled.save(b"on").unwrap_err().code(), Code::Conflict, "{grown}");
        let report = other.run(other.timeline.verify()).unwrap();
        assert!(report.problems.is_empty(), "{grown}: {:?}", report.problems);
        assert!(other.save(b"on").unwrap().sequence > grown as u64);
    }
}

#[test]
fn a_file_goes_on_only_from_its_own_history() {
    let store = memory();
    for (name, seed) in [("a/one", 1), ("a/two", 2)] {
        let (mut dice, mut state) = (Dice(seed), Vec::new());
        grow(&Kept::open(&store, name), &mut dice, &mut state, 6);
    }
    let (one, two) = (Kept::open(&store, "a/one"), Kept::open(&store, "a/two"));
    let cut = Kept::open(&store, "a/cut");
    let part = one.run(one.timeline.fork(Name::new("a", "cut").unwrap(), At::Sequence(4)));
    assert_eq!(part.unwrap().sequence, 4);
    let before = shown(&cut);
    let error = imported(&cut, &exported(&two, 4)).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
    assert_eq!(shown(&Kept::open(&store, "a/cut")), before);
    imported(&cut, &exported(&one, 4)).unwrap();
    assert_eq!(shown(&cut), shown(&one));
}

#[test]
fn parts_from_before_and_after_a_prune_make_no_file() {
    let kept = Kept::open(&memory(), "a/b");
    let (mut dice, mut state) = (Dice(10), Vec::new());
    grow(&kept, &mut dice, &mut state, 9);
    let head = kept.run(kept.timeline.export(Cursor::default())).unwrap();
    let policy = Policy { keep_every: Some(4), ..Policy::default() };
    kept.run(kept.timeline.prune(policy)).unwrap();
    let error = kept.run(kept.timeline.export(head.next.unwrap())).unwrap_err();
    assert_eq!(error.code(), Code::Conflict, "{error}");
    imported(&Kept::open(&memory(), "a/b"), &exported(&kept, 0)).unwrap();
}

#[test]
fn what_is_no_file_of_a_timeline_is_told_apart_from_half_a_one() {
    let kept = Kept::open(&memory(), "a/b");
    for (file, code) in [
        (&b""[..], Code::Corrupt),
        (b"KST", Code::Corrupt),
        (b"KSTIMELN\x01\x00\x00\x00", Code::Corrupt),
        (b"KSTIMELN\x02\x00\x00\x00", Code::FormatTooNew),
        (b"hello", Code::NotOurs),
        (b"hello, this is something else", Code::NotOurs),
    ] {
        assert_eq!(imported(&kept, file).unwrap_err().code(), code, "{file:?}");
    }
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut dice = Dice(seed | 1);
    (0..length).map(|_| dice.roll(256) as u8).collect()
}

fn keys(store: &Arc<dyn Store>) -> Vec<String> {
    let entries = store.list(&Default::default()).unwrap();
    entries.into_iter().map(|entry| entry.key).filter(|key| !key.ends_with("/control")).collect()
}

#[test]
fn attachments_come_along_once_and_are_chunks_again() {
    const MB: usize = 1 << 20;
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let (large, other) = (noise(1, 9 * MB), noise(2, MB));
        let around = |before: &[u8], attachment: &[u8]| [before, attachment, b"."].concat();
        kept.save(b"small").unwrap();
        kept.save(&large).unwrap();
        kept.save(&around(b"before it ", &other)).unwrap();
        kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
        kept.save(b"nothing").unwrap();
        kept.save(&around(b"again ", &large)).unwrap();
        kept.save(&around(b"both ", &[other.as_slice(), large.as_slice()].concat())).unwrap();
        let file = exported(&kept, 0);
        assert!(file.len() < 11 * MB, "{what}: {} bytes", file.len());
        kept.save(&around(b"and more ", &noise(3, 5 * MB))).unwrap();
        for (target_is, target) in stores() {
            let what = format!("{what} to {target_is}");
            let copy = Kept::open(&target, "x/b");
            imported(&copy, &file).unwrap();
            let stored = |kept: &Kept| -> Vec<u64> {
                let list = kept.run(kept.timeline.list(Page::default())).unwrap();
                list.iter().map(|snapshot| snapshot.stored).collect()
            };
            let weighs = stored(&copy);
            assert!(weighs[1] > 9 * MB as u64 && weighs[2] > MB as u64, "{what}: {weighs:?}");
            assert!(weighs[4] < MB as u64 && weighs[5] < MB as u64, "{what}: {weighs:?}");
            imported(&copy, &exported(&kept, 6)).unwrap();
            assert!(shown(&kept) == shown(&copy), "{what}");
            let values = target.list(&Default::default()).unwrap();
            assert!(values.iter().all(|entry| entry.size < MB as u64), "{what}");
            let bytes: u64 = values.iter().map(|entry| entry.size).sum();
            assert!(bytes < 16 * MB as u64, "{what}: {bytes} bytes");
            let policy = Policy { keep_last: Some(3), ..Policy::default() };
            copy.run(copy.timeline.prune(policy)).unwrap();
            let fresh = Kept::open(&target, "x/b");
            let report = fresh.run(fresh.timeline.verify()).unwrap();
            assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
            assert!(
                fresh.restore(At::Sequence(6)).unwrap() == kept.restore(At::Sequence(6)).unwrap()
            );
        }
    }
}

#[test]
fn a_damaged_file_with_chunks_leaves_nothing() {
    let options = Options { cut_from: 64, ..Options::default() };
    let kept = Kept::with(&memory(), "a/b", options);
    kept.save(&noise(1, 100)).unwrap();
    kept.save(&[b"twice".as_slice(), &noise(1, 100), &noise(2, 70)].concat()).unwrap();
    let file = exported(&kept, 0);
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 1 << (at % 8);
        for damaged in [flipped, file[..at].to_vec()] {
            let store = memory();
            let error = imported(&Kept::open(&store, "a/b"), &damaged).unwrap_err();
            assert_ne!(error.code(), Code::Internal, "byte {at}: {error}");
            assert!(keys(&store).is_empty(), "byte {at}: {:?}", keys(&store));
        }
    }
    // Sections that are whole, but not all of them.
    let store = memory();
    let copy = Kept::open(&store, "a/b");
    let chunks = sections(&file)[1].clone();
    assert!(file[chunks.start] == 4 && chunks.len() > 100);
    let without = [&file[..chunks.start], &file[chunks.end..]].concat();
    assert_eq!(imported(&copy, &without).unwrap_err().code(), Code::Corrupt);
    assert!(keys(&store).is_empty());
}

/// Where the sections of a file lie.
fn sections(file: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut sections, mut at) = (Vec::new(), 12);
    while at < file.len() {
        let length = u32::from_le_bytes(file[at + 1..at + 5].try_into().unwrap()) as usize;
        sections.push(at..at + length + 9);
        at += length + 9;
    }
    sections
}
