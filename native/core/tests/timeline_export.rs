//! A timeline as one file: it comes back in any store under any name with the same ids, a copy can be
//! brought up to date, and a damaged or cut file changes nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::sync::Arc;

use keepstate_core::error::{Code, Result};
use keepstate_core::timeline::{At, Cursor, From, Import, Name, Packing, Page, Policy, Snapshot};
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
