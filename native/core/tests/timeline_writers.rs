//! For each sequence exactly one writer wins; the other gets CONFLICT and saves again only after it
//! has looked. Lost answers are resolved by reading back, bursts share a write, what waits behind a
//! failed save fails with it, and a stalled writer creates nothing in what was deleted meanwhile.
#![allow(clippy::unwrap_used)]

mod timelines;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use keepstate_core::error::{fail, Code, Result};
use keepstate_core::store::{Commit, Entry, Found, Op, Query, Range, Store, Supports};
use keepstate_core::timeline::{At, Save};
use parking_lot::Mutex;
use timelines::{memory, spliced, stores, whole, Kept};

#[test]
fn the_loser_gets_a_conflict_and_must_look() {
    for (_, store) in stores() {
        let (first, second) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
        first.save(b"one").unwrap();
        second.restore(At::Latest).unwrap();
        second.save(b"two").unwrap();
        let error = first.save(b"other two").unwrap_err();
        assert_eq!(error.code(), Code::Conflict);
        assert!(error.message().contains("@2"), "{}", error.message());
        assert_eq!(first.save(b"still not").unwrap_err().code(), Code::Conflict);
        assert_eq!(first.restore(At::Latest).unwrap(), b"two");
        assert_eq!(first.save(b"three").unwrap().sequence, 3);
        assert_eq!(first.restore(At::Latest).unwrap(), b"three");
    }
}

#[test]
fn a_save_that_is_given_up_does_not_hold_up_the_next_ones() {
    for steps in [0, 1, 2] {
        let kept = Kept::open(&memory(), "a/b");
        let (sender, receiver) = std::sync::mpsc::channel();
        let save = |state: &[u8]| {
            let sender = sender.clone();
            kept.timeline.save(whole(state), Box::new(move |ended| sender.send(ended).unwrap()))
        };
        let mut first = save(b"one").unwrap();
        assert!(save(b"behind it").is_none());
        for _ in 0..steps {
            first.step();
        }
        drop(first);
        // What had not been taken up is told; what had may or may not have been written.
        while let Ok(ended) = receiver.try_recv() {
            assert_eq!(ended.unwrap_err().code(), Code::Aborted);
        }
        kept.save(b"two").unwrap();
        assert_eq!(kept.restore(At::Latest).unwrap(), b"two");
    }
}

#[test]
fn onto_names_the_head_that_is_meant() {
    let store = memory();
    let (first, second) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
    let onto = |state: &[u8], onto| Save { onto: Some(onto), ..whole(state) };
    assert_eq!(first.start(onto(b"one", 1)).recv().unwrap().unwrap_err().code(), Code::Conflict);
    first.start(onto(b"one", 0)).recv().unwrap().unwrap();
    second.save(b"two").unwrap();
    assert_eq!(first.save(b"x").unwrap_err().code(), Code::Conflict);
    assert_eq!(first.start(onto(b"three", 2)).recv().unwrap().unwrap().sequence, 3);
}

#[test]
fn an_edit_of_a_state_that_was_not_saved_is_refused() {
    let store = memory();
    let (first, second) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
    assert_eq!(
        first.start(spliced(&first, b"x", b"y")).recv().unwrap().unwrap_err().code(),
        Code::Unavailable
    );
    first.restore(At::Latest).unwrap_err();
    first.save(b"one").unwrap();
    let late = spliced(&first, b"one", b"one more");
    second.save(b"two").unwrap();
    assert_eq!(first.save(b"x").unwrap_err().code(), Code::Conflict);
    assert_eq!(first.restore(At::Latest).unwrap(), b"two");
    assert_eq!(first.start(late).recv().unwrap().unwrap_err().code(), Code::Unavailable);
}

/// A store whose writes go wrong in chosen ways.
struct Faulty {
    store: Arc<dyn Store>,
    fault: Mutex<Option<Fault>>,
    held: Mutex<Vec<Commit>>,
    commits: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Stored, but the answer is a timeout.
    AnswerLost,
    /// Not stored, and the answer is a timeout.
    Dropped,
    /// Answered only when `release` is called.
    Late,
}

impl Faulty {
    fn new(store: Arc<dyn Store>) -> Arc<Faulty> {
        let (fault, held) = (Mutex::new(None), Mutex::new(Vec::new()));
        Arc::new(Faulty { store, fault, held, commits: AtomicUsize::new(0) })
    }

    fn release(&self) {
        *self.fault.lock() = None;
        let held = std::mem::take(&mut *self.held.lock());
        self.store.commit(held);
    }
}

impl Store for Faulty {
    fn supports(&self) -> Supports {
        self.store.supports()
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        self.store.get(key, range)
    }

    fn list(&self, query: &Query) -> Result<Vec<Entry>> {
        self.store.list(query)
    }

    fn commit(&self, commits: Vec<Commit>) {
        for commit in commits {
            self.commits.fetch_add(1, Ordering::Relaxed);
            let fault = *self.fault.lock();
            match fault {
                None => self.store.commit(vec![commit]),
                Some(Fault::Late) => self.held.lock().push(commit),
                Some(fault) => {
                    *self.fault.lock() = None;
                    let Commit { ops, done } = commit;
                    if fault == Fault::AnswerLost {
                        self.store.commit(vec![Commit { ops, done: Box::new(|_| ()) }]);
                    }
                    done(fail(Code::Timeout, "No answer."));
                }
            }
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        self.store.view()
    }

    fn close(&self) -> Result<()> {
        self.store.close()
    }
}

#[test]
fn a_lost_answer_is_read_back() {
    for (_, store) in stores() {
        let faulty = Faulty::new(store);
        let store: Arc<dyn Store> = faulty.clone();
        let kept = Kept::open(&store, "a/b");
        kept.save(b"one").unwrap();
        *faulty.fault.lock() = Some(Fault::AnswerLost);
        assert_eq!(kept.save(b"two").unwrap().sequence, 2);
        *faulty.fault.lock() = Some(Fault::Dropped);
        assert_eq!(kept.save(b"three").unwrap_err().code(), Code::Timeout);
        assert_eq!(kept.save(b"three again").unwrap().sequence, 3);
        assert_eq!(kept.restore(At::Latest).unwrap(), b"three again");
    }
}

#[test]
fn a_burst_shares_a_write_and_keeps_its_order() {
    for (kind, store) in stores() {
        let faulty = Faulty::new(store);
        let store: Arc<dyn Store> = faulty.clone();
        let kept = Kept::open(&store, "a/b");
        *faulty.fault.lock() = Some(Fault::Late);
        let saves: Vec<_> = (0..100u8).map(|n| kept.start(whole(&vec![n; 500]))).collect();
        faulty.release();
        for (n, saved) in (1..).zip(saves) {
            assert_eq!(saved.recv().unwrap().unwrap().sequence, n);
        }
        // One batch of 64, or one value of 32 where there are none.
        let most = if store.supports().commit { 4 } else { 6 };
        assert!(faulty.commits.load(Ordering::Relaxed) <= most, "{kind}: a burst was not joined");
        let reopened = Kept::open(&store, "a/b");
        for n in 0..100u8 {
            assert_eq!(reopened.restore(At::Sequence(u64::from(n) + 1)).unwrap(), vec![n; 500]);
        }
        assert_eq!(reopened.save(b"on").unwrap().sequence, 101);
    }
}

#[test]
fn what_waits_behind_a_failed_save_fails_too() {
    let faulty = Faulty::new(memory());
    let store: Arc<dyn Store> = faulty.clone();
    let kept = Kept::open(&store, "a/b");
    kept.save(b"one").unwrap();
    *faulty.fault.lock() = Some(Fault::Late);
    let first = kept.start(spliced(&kept, b"one", b"one two"));
    let second = kept.start(spliced(&kept, b"one two", b"one two three"));
    let commit = faulty.held.lock().pop().unwrap();
    (commit.done)(fail(Code::DiskFull, "Full."));
    assert_eq!(first.recv().unwrap().unwrap_err().code(), Code::DiskFull);
    assert_eq!(second.recv().unwrap().unwrap_err().code(), Code::DiskFull);
    *faulty.fault.lock() = None;
    assert_eq!(kept.save(b"two").unwrap().sequence, 2);
}

#[test]
fn a_deleted_timeline_is_empty_and_its_numbers_go_on() {
    for (_, store) in stores() {
        let (kept, stalled) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
        for n in 0..100u8 {
            kept.save(&[n; 50]).unwrap();
        }
        stalled.restore(At::Latest).unwrap();
        stalled.save(b"last").unwrap();
        assert_eq!(kept.run(kept.timeline.delete()).unwrap().snapshots, 101);
        assert_eq!(kept.restore(At::Latest).unwrap_err().code(), Code::NotFound);
        assert_eq!(kept.restore(At::Sequence(5)).unwrap_err().code(), Code::NotFound);
        assert_eq!(kept.run(kept.timeline.delete()).unwrap_err().code(), Code::NotFound);
        assert!(kept.save(b"new").unwrap().sequence > 101);
        assert_eq!(stalled.save(b"late").unwrap_err().code(), Code::Conflict);
        assert_eq!(Kept::open(&store, "a/b").restore(At::Latest).unwrap(), b"new");
        let report = kept.run(kept.timeline.verify()).unwrap();
        assert!(report.problems.is_empty() && report.snapshots == 1, "{report:?}");
    }
}

#[test]
fn a_stalled_writer_creates_nothing_below_the_floor() {
    for (what, store) in stores() {
        let faulty = Faulty::new(store.clone());
        let slow: Arc<dyn Store> = faulty.clone();
        let stalled = Kept::open(&slow, "a/b");
        stalled.save(b"one").unwrap();
        *faulty.fault.lock() = Some(Fault::Late);
        let late = stalled.start(whole(b"two"));
        let other = Kept::open(&store, "a/b");
        other.run(other.timeline.delete()).unwrap();
        faulty.release();
        assert_eq!(late.recv().unwrap().unwrap_err().code(), Code::Conflict, "{what}");
        assert_eq!(other.restore(At::Latest).unwrap_err().code(), Code::NotFound, "{what}");
    }
}

#[test]
fn a_conflict_in_the_control_object_is_no_conflict_of_saves() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    kept.save(b"one").unwrap();
    let control = keepstate_core::store::Mode::Create;
    let mut bytes = b"KC\x01\x00\x01\x10".to_vec();
    bytes.extend_from_slice(&[7; 16]);
    let sum = keepstate_core::digest::crc32c_at("t/a/b/control", &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    let op = Op::Put { key: "t/a/b/control".into(), value: bytes.into(), mode: control, ttl: None };
    keepstate_core::store::StoreExt::commit_wait(&*store, vec![op]).unwrap();
    assert_eq!(kept.save(b"two").unwrap().sequence, 2);
}

#[test]
fn a_retry_under_the_same_key_is_the_same_snapshot() {
    for (_, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let keyed = |state: &[u8], key: &str| {
            let mut save = whole(state);
            save.meta.idempotency_key = Some(key.into());
            save
        };
        let first = kept.start(keyed(b"one", "k1")).recv().unwrap().unwrap();
        kept.save(b"two").unwrap();
        assert_eq!(kept.start(keyed(b"one", "k1")).recv().unwrap().unwrap(), first);
        let error = kept.start(keyed(b"other", "k1")).recv().unwrap().unwrap_err();
        assert_eq!(error.code(), Code::IdempotencyMismatch);
        let reopened = Kept::open(&store, "a/b");
        assert_eq!(reopened.start(keyed(b"one", "k1")).recv().unwrap().unwrap(), first);
        assert_eq!(reopened.start(keyed(b"one", "k2")).recv().unwrap().unwrap().sequence, 3);
        assert_eq!(reopened.save(b"four").unwrap().sequence, 4);
        assert_eq!(Kept::open(&store, "a/b").restore(At::Latest).unwrap(), b"four");
    }
}

#[test]
fn what_does_not_exist_is_not_found() {
    for (_, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        assert_eq!(kept.restore(At::Latest).unwrap_err().code(), Code::NotFound);
        kept.save(b"one").unwrap();
        assert_eq!(kept.restore(At::Sequence(9)).unwrap_err().code(), Code::NotFound);
        assert_eq!(kept.restore(At::Sequence(0)).unwrap_err().code(), Code::NotFound);
        assert_eq!(kept.restore(At::Tag("t".into())).unwrap_err().code(), Code::NotFound);
    }
}

#[test]
fn who_has_looked_at_the_head_saves_onto_it() {
    for (_, store) in stores() {
        let (first, second) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
        first.save(b"one").unwrap();
        second.restore(At::Latest).unwrap();
        first.save(b"two").unwrap();
        assert_eq!(second.save(b"lost").unwrap_err().code(), Code::Conflict);
        second.restore(At::Latest).unwrap();
        assert_eq!(second.save(b"three").unwrap().sequence, 3);
        first.restore(At::Latest).unwrap();
        assert_eq!(first.save(b"four").unwrap().sequence, 4);
    }
}
