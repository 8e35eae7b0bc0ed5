//! Large new bytes are cut into chunks that are stored once, by saves and by streams: states come
//! back exactly, what repeats costs next to nothing, and what nobody needs goes, whoever else saves,
//! forks, deletes or dies meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod timelines;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use keepstate_core::clock::Clock;
use keepstate_core::drive::Ground;
use keepstate_core::error::{Code, Error, Result};
use keepstate_core::machine::{Answer, Machine, Request, RequestId, Step};
use keepstate_core::store::{Mode, Op, Query, Store, StoreExt};
use keepstate_core::timeline::{
    At, Change, Cursor, Deleted, Detail, From, Import, Inflow, Meta, Options, Packing, Policy,
    Save, Snapshot, Streamed,
};
use timelines::{memory, stores, whole, Dice, Kept};

const MB: usize = 1 << 20;

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut dice = Dice(seed | 1);
    (0..length).map(|_| dice.roll(256) as u8).collect()
}

fn bytes_in(store: &Arc<dyn Store>) -> u64 {
    store.list(&Query::default()).unwrap().iter().map(|entry| entry.size).sum()
}

/// How many chunks lie in a store.
fn chunks_in(store: &Arc<dyn Store>) -> usize {
    let is_chunk = |key: &str| match key.strip_prefix("chunk/") {
        Some(rest) => !rest.ends_with("/refs"),
        None => key.len() > 82 && key.contains("/c") && key.contains('-'),
    };
    store.list(&Query::default()).unwrap().iter().filter(|entry| is_chunk(&entry.key)).count()
}

fn feed(kept: &Kept, state: &[u8], piece: usize) -> Inflow {
    let flow = kept.run(kept.timeline.stream()).unwrap();
    for piece in state.chunks(piece) {
        kept.run(flow.feed(piece.to_vec().into())).unwrap();
    }
    flow
}

fn streamed(streamed: Streamed) -> Save {
    let meta = Meta { encoding: Some("bytes".into()), ..Meta::default() };
    Save { change: Change::Streamed(Arc::new(streamed)), meta, onto: None }
}

fn save_stream(kept: &Kept, state: &[u8], piece: usize) -> Snapshot {
    let flow = feed(kept, state, piece);
    let ready = kept.run(flow.finish()).unwrap();
    kept.start(streamed(ready)).recv().unwrap().unwrap()
}

fn restore_stream(kept: &Kept, at: At) -> Result<Vec<u8>> {
    let flow = kept.run(kept.timeline.restore_stream(at))?;
    let mut state = Vec::new();
    loop {
        let Some(piece) = kept.run(flow.next())? else {
            assert_eq!(state.len() as u64, flow.snapshot.length);
            return Ok(state);
        };
        assert!(piece.len() <= 5 * MB);
        state.extend_from_slice(&piece);
    }
}

fn healthy(kept: &Kept, what: &str) {
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
}

#[test]
fn states_with_attachments_come_back_exactly_packed_or_not() {
    for (kind, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let (mut dice, mut states) = (Dice(5), Vec::new());
        let mut state = dice.text(2000);
        for n in 0..12u64 {
            match n % 4 {
                0 => state.splice(100..100, noise(n, MB)),
                1 => state.splice(50..60, dice.text(300_000)),
                2 => state.splice(1000..1000 + MB / 2, noise(n, 300)),
                _ => state.splice(5..5, dice.text(40)),
            };
            kept.save(&state).unwrap();
            states.push(state.clone());
        }
        assert!(chunks_in(&store) > 20, "{kind}: {} chunks", chunks_in(&store));
        for round in ["fresh", "packed"] {
            for kept in [&kept, &Kept::open(&store, "a/b")] {
                for (sequence, state) in (1..).zip(&states) {
                    let at = At::Sequence(sequence);
                    assert!(
                        kept.restore(at.clone()).unwrap() == *state,
                        "{kind} {round} @{sequence}"
                    );
                    assert!(restore_stream(kept, at).unwrap() == *state, "{kind} {round} stream");
                }
                healthy(kept, kind);
            }
            kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
        }
        let packs = store.list(&Query { prefix: "t/a/b/p".into(), ..Query::default() }).unwrap();
        assert_eq!(packs.len(), 1, "{kind}");
        assert!(packs[0].size < MB as u64, "{kind}: a pack holds {} bytes", packs[0].size);
        kept.save(&states[3]).unwrap();
        assert!(kept.restore(At::Latest).unwrap() == states[3]);
    }
}

#[test]
fn what_is_there_already_costs_next_to_nothing() {
    for (kind, store) in stores() {
        let attachment = noise(1, 3 * MB);
        let kept = Kept::open(&store, "a/b");
        kept.save(b"small").unwrap();
        kept.save(&attachment).unwrap();
        kept.save(b"small").unwrap();
        let before = bytes_in(&store);
        assert!(before > 3 * MB as u64);
        let with = [b"small, and ", attachment.as_slice()].concat();
        kept.save(&with).unwrap();
        let again = Kept::open(&store, "a/b");
        again.save(b"other").unwrap();
        again.save(&[b"longer in front: ", attachment.as_slice(), b"."].concat()).unwrap();
        save_stream(&again, &attachment, 700_000);
        let more = bytes_in(&store) - before;
        assert!(more < 600_000, "{kind}: the same again took {more} bytes");
        if store.supports().commit {
            let before = bytes_in(&store);
            let other = Kept::open(&store, "other/line");
            save_stream(&other, &attachment, 123_457);
            let more = bytes_in(&store) - before;
            assert!(more < 60_000, "{kind}: in another timeline it took {more} bytes");
            assert!(other.restore(At::Latest).unwrap() == attachment);
        }
        healthy(&again, kind);
    }
}

#[test]
fn a_stream_is_a_save_like_any_other() {
    for (kind, store) in stores() {
        let options = Options { full_integrity: true, ..Options::default() };
        let kept = Kept::with(&store, "a/b", options);
        let state = noise(2, 9 * MB + 17);
        kept.save(b"before").unwrap();
        let first = save_stream(&kept, &state, 1_000_003);
        assert_eq!((first.sequence, first.length), (2, state.len() as u64));
        assert_eq!(first.meta.encoding.as_deref(), Some("bytes"));
        assert!(kept.restore(At::Latest).unwrap() == state, "{kind}");
        assert!(restore_stream(&kept, At::Latest).unwrap() == state, "{kind}");
        // The id is that of the same bytes handed over at once.
        let other = Kept::open(&memory(), "a/b");
        other.save(b"").unwrap();
        // Changed in its middle, its new bytes are needed only in part.
        let mut edited = state.clone();
        edited.splice(4 * MB..4 * MB + 10, *b"changed");
        edited.splice(7 * MB..8 * MB, noise(3, 100));
        let kept = Kept::open(&store, "a/b");
        kept.save(&edited).unwrap();
        assert!(restore_stream(&kept, At::Latest).unwrap() == edited, "{kind}");
        let empty = save_stream(&kept, b"", 10);
        assert_eq!(empty.length, 0);
        assert!(restore_stream(&kept, At::Latest).unwrap().is_empty());
        save_stream(&kept, b"a few bytes", 3);
        assert_eq!(restore_stream(&kept, At::Latest).unwrap(), b"a few bytes");
        assert!(restore_stream(&kept, At::Sequence(1)).unwrap() == b"before");
        healthy(&kept, kind);
    }
}

#[test]
fn a_stream_under_the_key_of_an_earlier_one_is_the_same_snapshot() {
    for (_, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let state = noise(2, MB);
        let keyed = |state: &[u8]| {
            let mut save = streamed(kept.run(feed(&kept, state, 300_000).finish()).unwrap());
            save.meta.idempotency_key = Some("k".into());
            kept.start(save).recv().unwrap()
        };
        let first = keyed(&state).unwrap();
        assert_eq!(keyed(&state).unwrap(), first);
        assert_eq!(keyed(&noise(9, MB)).unwrap_err().code(), Code::IdempotencyMismatch);
        assert_eq!(kept.run(kept.timeline.list(Default::default())).unwrap().len(), 1);
    }
}

#[test]
fn a_stream_that_is_not_whole_is_no_snapshot() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    kept.save(b"before").unwrap();
    let flow = feed(&kept, &noise(1, MB), 100_000);
    // Fed, but never stored.
    drop(flow.feed(noise(2, MB).into()));
    assert_eq!(kept.run(flow.finish()).unwrap_err().code(), Code::InvalidArgument);
    kept.run(flow.abort()).unwrap();
    assert_eq!(kept.restore(At::Latest).unwrap(), b"before");
    assert!(chunks_in(&store) > 0);
    let policy = Policy { keep_last: Some(5), ..Policy::default() };
    kept.run(kept.timeline.prune(policy)).unwrap();
    assert_eq!(chunks_in(&store), 0);
}

#[test]
fn what_nobody_needs_goes_and_a_dry_run_tells_it() {
    for (kind, store) in stores() {
        let clock = Hours::new();
        let kept = clock.open(&store, "a/b");
        let (first, second) = (noise(1, MB), noise(2, MB));
        kept.save(&first).unwrap();
        kept.save(b"between").unwrap();
        kept.save(&second).unwrap();
        kept.save(&[second.as_slice(), b"."].concat()).unwrap();
        let fork = clock.open(&store, "a/fork");
        let name = fork.timeline.name().clone();
        kept.run(kept.timeline.fork(name, At::Sequence(1))).unwrap();
        let policy = Policy { keep_last: Some(1), ..Policy::default() };
        let held = kept.run(kept.timeline.prune(policy.clone())).unwrap();
        assert!(held.freed < 10_000, "{kind}: {} bytes of a fork went", held.freed);
        assert!(fork.restore(At::Latest).unwrap() == first, "{kind}");
        assert!(restore_stream(&fork, At::Latest).unwrap() == first, "{kind}");
        fork.run(fork.timeline.delete()).unwrap();
        let dry = Policy { dry_run: true, ..policy.clone() };
        let foreseen = kept.run(kept.timeline.prune(dry)).unwrap();
        let pruned = kept.run(kept.timeline.prune(policy)).unwrap();
        assert!(pruned.freed > MB as u64, "{kind}: only {} bytes came back", pruned.freed);
        assert!(pruned.freed.abs_diff(foreseen.freed) < 300, "{kind}: {foreseen:?} {pruned:?}");
        clock.pass(1);
        kept.run(kept.timeline.pack(Packing::default())).unwrap();
        let left = bytes_in(&store);
        assert!(left < 12 * MB as u64 / 10, "{kind}: {left} bytes are left");
        assert!(kept.restore(At::Latest).unwrap().len() == MB + 1);
        healthy(&kept, kind);
        kept.run(kept.timeline.delete()).unwrap();
        clock.pass(1);
        let _ = kept.run(kept.timeline.pack(Packing::default()));
        assert_eq!(chunks_in(&store), 0, "{kind}");
    }
}

#[test]
fn a_shared_chunk_lives_as_long_as_one_timeline_needs_it() {
    let store = memory();
    let attachment = noise(1, MB);
    let (one, two) = (Kept::open(&store, "a/one"), Kept::open(&store, "a/two"));
    one.save(&attachment).unwrap();
    two.save(&attachment).unwrap();
    let Deleted { freed, .. } = one.run(one.timeline.delete()).unwrap();
    assert!(freed < 50_000, "{freed} bytes of another went");
    assert!(Kept::open(&store, "a/two").restore(At::Latest).unwrap() == attachment);
    healthy(&two, "two");
    let Deleted { freed, .. } = two.run(two.timeline.delete()).unwrap();
    assert!(freed > MB as u64);
    let left = store.list(&Query::default()).unwrap();
    let left: Vec<_> = left.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(left, ["t/a/one/control", "t/a/two/control"]);
}

#[test]
fn a_missing_or_changed_chunk_is_named_and_never_given() {
    for (kind, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let state = noise(1, 6 * MB);
        save_stream(&kept, &state, MB);
        let keys = store.list(&Query::default()).unwrap();
        let chunk = keys.iter().filter(|entry| entry.size > 30_000).nth(20).unwrap().key.clone();
        let right = store.get(&chunk, None).unwrap().unwrap().value.to_vec();
        let mut wrong = right.clone();
        wrong[20_000] ^= 1;
        for damaged in [None, Some(wrong), Some(right[..right.len() - 1].to_vec())] {
            match damaged {
                Some(damaged) => drop(store.put_wait(&chunk, damaged, Mode::Overwrite).unwrap()),
                None => store.delete_wait(&chunk, None).unwrap(),
            }
            let kept = Kept::open(&store, "a/b");
            for error in [
                kept.restore(At::Latest).unwrap_err(),
                restore_stream(&kept, At::Latest).unwrap_err(),
                kept.run(kept.timeline.verify()).unwrap().problems.remove(0),
            ] {
                assert!(matches!(error.code(), Code::Corrupt | Code::HashMismatch), "{error}");
                assert_eq!(error.place().key.as_deref(), Some(chunk.as_str()), "{kind}");
            }
        }
    }
}

/// A clock that is set forward by hand.
struct Hours(AtomicU64);

impl Hours {
    fn new() -> Arc<Hours> {
        Arc::new(Hours(AtomicU64::new(1_800_000_000_000)))
    }

    fn pass(&self, hours: u64) {
        self.0.fetch_add(hours * 3_600_000 + 1, Ordering::Relaxed);
    }

    fn open(self: &Arc<Self>, store: &Arc<dyn Store>, name: &str) -> Kept {
        self.with(store, (name, Options::default()))
    }

    fn with(self: &Arc<Self>, store: &Arc<dyn Store>, of: (&str, Options)) -> Kept {
        let mut kept = Kept::with(store, of.0, of.1);
        kept.ground = Ground::new(store.clone(), self.clone());
        kept
    }
}

impl Clock for Hours {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn sleep(&self, _: Duration) {}

    fn random(&self, bytes: &mut [u8]) -> Result<()> {
        keepstate_core::clock::SystemClock.random(bytes)
    }
}

/// A machine that is driven one request at a time.
struct Slow<T> {
    machine: Machine<T>,
    ground: Ground,
    open: Vec<(RequestId, Request)>,
    ended: Option<Result<T>>,
}

impl<T> Slow<T> {
    fn new(kept: &Kept, machine: Machine<T>) -> Slow<T> {
        Slow { machine, ground: kept.ground.clone(), open: Vec::new(), ended: None }
    }

    /// Serves so many requests; false: it had ended before.
    fn go(&mut self, mut requests: usize) -> bool {
        while self.ended.is_none() {
            if self.open.is_empty() {
                match self.machine.step() {
                    Step::Done(result) => self.ended = Some(result),
                    Step::Do(asked) => self.open = asked,
                }
                continue;
            }
            if requests == 0 {
                return true;
            }
            requests -= 1;
            let (id, request) = self.open.remove(0);
            let answer = self.serve(request);
            self.machine.answer(id, answer);
        }
        requests == 0
    }

    fn serve(&self, request: Request) -> Result<Answer> {
        let Ground { store, clock, .. } = &self.ground;
        let committed = |op| store.commit_wait(vec![op]).map(Answer::Committed);
        match request {
            Request::Get { key, range } => store.get(&key, range).map(Answer::Found),
            Request::List(query) => store.list(&query).map(Answer::Listed),
            Request::Put { key, value, mode } => committed(Op::Put { key, value, mode, ttl: None }),
            Request::Delete { key, if_version } => committed(Op::Delete { key, if_version }),
            Request::Commit(ops) => store.commit_wait(ops).map(Answer::Committed),
            Request::Now => Ok(Answer::Time(clock.now())),
            Request::Cancelled => Ok(Answer::Cancelled(false)),
            Request::Sleep(_) => Ok(Answer::Nothing),
            Request::Random(count) => {
                let mut bytes = vec![0; count];
                clock.random(&mut bytes).map(|()| Answer::Random(bytes))
            }
        }
    }

    fn end(mut self) -> Result<T> {
        self.go(usize::MAX);
        self.ended.unwrap()
    }
}

/// Small chunks, so that many cases are quick.
fn tiny() -> Options {
    Options { cut_from: 64, ..Options::default() }
}

fn expected(error: &Error) -> bool {
    matches!(error.code(), Code::Conflict | Code::NotFound | Code::Unavailable)
}

/// A machine of whatever result.
trait Driven {
    fn go(&mut self, requests: usize) -> bool;
    fn end(self: Box<Self>) -> Option<Error>;
}

impl<T> Driven for Slow<T> {
    fn go(&mut self, requests: usize) -> bool {
        Slow::go(self, requests)
    }

    fn end(self: Box<Self>) -> Option<Error> {
        Slow::end(*self).err()
    }
}

type Begin = fn(&Kept) -> Box<dyn Driven>;

fn deleting(kept: &Kept) -> Box<dyn Driven> {
    Box::new(Slow::new(kept, kept.timeline.delete()))
}

fn pruning(kept: &Kept) -> Box<dyn Driven> {
    let policy = Policy { keep_last: Some(1), ..Policy::default() };
    Box::new(Slow::new(kept, kept.timeline.prune(policy)))
}

fn packing(kept: &Kept) -> Box<dyn Driven> {
    Box::new(Slow::new(kept, kept.timeline.pack(Packing { all: true, level: None })))
}

/// Saves the attachment.
struct Saving {
    slow: Slow<()>,
    told: std::sync::mpsc::Receiver<Result<Snapshot>>,
}

fn saving(kept: &Kept, save: Save) -> Saving {
    let (sender, told) = std::sync::mpsc::sync_channel(1);
    let done = Box::new(move |result| drop(sender.send(result)));
    let machine = kept.timeline.save(save, done).unwrap();
    Saving { slow: Slow::new(kept, machine), told }
}

/// A store in which an old snapshot of `a/one` and one of `a/two` hold the attachment.
fn prepared(store: &Arc<dyn Store>, clock: &Arc<Hours>, attachment: &[u8]) {
    for name in ["a/one", "a/two"] {
        let kept = clock.with(store, (name, tiny()));
        kept.save(attachment).unwrap();
        kept.save(b"nothing much").unwrap();
    }
}

/// Everything that a timeline lists restores, and nothing in it is damaged.
fn sound(kept: &Kept, states: &[&[u8]], what: &str) {
    healthy(kept, what);
    for snapshot in kept.run(kept.timeline.list(Default::default())).unwrap_or_default() {
        let state = kept.restore(At::Sequence(snapshot.sequence)).unwrap();
        assert!(states.contains(&state.as_slice()), "{what}: @{} is invented", snapshot.sequence);
    }
}

/// One save beside one other call, each stopped before each of its requests while the other runs.
fn race(kind: usize, (whose, begin): (&str, Begin), stream: bool) -> usize {
    let attachment = noise(7, 500);
    let (mut tried, mut at) = (0, 0);
    let mut going = true;
    while going {
        going = false;
        for save_first in [true, false] {
            let store = stores().swap_remove(kind).1;
            let clock = Hours::new();
            prepared(&store, &clock, &attachment);
            let what = format!("{whose}, store {kind}, stopped at {at}, save first {save_first}");
            let kept = clock.with(&store, ("a/one", tiny()));
            let save = match stream {
                true => streamed(kept.run(feed(&kept, &attachment, 99).finish()).unwrap()),
                false => whole(&attachment),
            };
            let mut saving = saving(&kept, save);
            let other = clock.with(&store, (whose, tiny()));
            let mut beside = begin(&other);
            let failed = if save_first {
                going |= saving.slow.go(at);
                let failed = beside.end();
                saving.slow.go(usize::MAX);
                failed
            } else {
                going |= beside.go(at);
                saving.slow.go(usize::MAX);
                beside.end()
            };
            failed.iter().for_each(|error| assert!(expected(error), "{what}: {error}"));
            let saved = saving.told.recv().unwrap();
            let states: [&[u8]; 2] = [&attachment, b"nothing much"];
            let fresh = clock.with(&store, ("a/one", tiny()));
            sound(&fresh, &states, &what);
            sound(&clock.with(&store, ("a/two", tiny())), &states, &what);
            match saved {
                Ok(saved) => match fresh.restore(At::Sequence(saved.sequence)) {
                    Ok(state) => assert!(state == attachment, "{what}"),
                    Err(error) => assert_eq!(error.code(), Code::NotFound, "{what}: {error}"),
                },
                Err(error) => assert!(expected(&error), "{what}: {error}"),
            }
            swept(&store, &clock, &what);
            tried += 1;
        }
        at += 1;
    }
    tried
}

/// Once all timelines are gone and time has passed, no chunk is left of whatever was begun.
fn swept(store: &Arc<dyn Store>, clock: &Arc<Hours>, what: &str) {
    for _ in 0..3 {
        clock.pass(2);
        for name in ["a/one", "a/two"] {
            let kept = clock.with(store, (name, tiny()));
            let _ = kept.run(kept.timeline.delete());
        }
    }
    let left = store.list(&Query::default()).unwrap();
    let left: Vec<_> = left.iter().map(|entry| &entry.key).collect();
    assert_eq!(chunks_in(store), 0, "{what}: {left:?}");
}

#[test]
fn a_save_beside_a_delete_of_another_holder_keeps_its_chunks() {
    assert!(race(0, ("a/two", deleting), false) > 30);
    assert!(race(0, ("a/two", pruning), false) > 30);
}

#[test]
fn a_save_beside_a_prune_or_delete_of_its_own_timeline_keeps_its_chunks() {
    for kind in [0, 1] {
        assert!(race(kind, ("a/one", pruning), false) > 40);
        assert!(race(kind, ("a/one", deleting), false) > 40);
        assert!(race(kind, ("a/one", packing), false) > 40);
    }
}

#[test]
fn a_stream_beside_a_prune_or_delete_keeps_its_chunks() {
    for kind in [0, 1] {
        assert!(race(kind, ("a/one", pruning), true) > 30);
        assert!(race(kind, ("a/one", deleting), true) > 30);
    }
}

#[test]
fn two_timelines_take_the_same_new_chunk_at_once() {
    let attachment = noise(3, 400);
    for at in 0..40 {
        let store = memory();
        let clock = Hours::new();
        let one = clock.with(&store, ("a/one", tiny()));
        let two = clock.with(&store, ("a/two", tiny()));
        let mut first = saving(&one, whole(&attachment));
        first.slow.go(at);
        two.save(&attachment).unwrap();
        first.slow.go(usize::MAX);
        first.told.recv().unwrap().unwrap();
        for kept in [one, two] {
            assert!(kept.restore(At::Latest).unwrap() == attachment);
            healthy(&kept, "taken at once");
        }
        assert_eq!(chunks_in(&store), 1);
        swept(&store, &clock, "taken at once");
    }
}

#[test]
fn a_sweep_over_a_lost_control_object_removes_nothing_that_was_taken_since() {
    let attachment = noise(7, 500);
    for kind in 0..2 {
        let (mut at, mut going, mut finished) = (0, true, 0);
        while going {
            let store = stores().swap_remove(kind).1;
            let clock = Hours::new();
            let what = format!("store {kind}, stopped at {at}");
            let other = clock.with(&store, ("a/one", tiny()));
            other.save(b"nothing much").unwrap();
            // Nothing needs its chunks, so the prune sweeps them.
            other.run(feed(&other, &attachment, 99).abort()).unwrap();
            let mut beside = pruning(&other);
            going = beside.go(at);
            let garbage = b"no control object".to_vec();
            store.put_wait("t/a/one/control", garbage, Mode::Overwrite).unwrap();
            let fresh = clock.with(&store, ("a/one", tiny()));
            let repaired = fresh.run(fresh.timeline.repair()).unwrap();
            assert!(repaired.control, "{what}");
            let saved = fresh.save(&attachment).unwrap();
            finished += usize::from(beside.end().is_none());
            clock.pass(2);
            let _ = fresh.run(fresh.timeline.pack(Packing { all: true, level: None }));
            let fresh = clock.with(&store, ("a/one", tiny()));
            sound(&fresh, &[&attachment, b"nothing much"], &what);
            assert!(fresh.restore(At::Sequence(saved.sequence)).unwrap() == attachment, "{what}");
            let policy = Policy { keep_last: Some(1), ..Policy::default() };
            fresh.save(b"nothing much").unwrap();
            fresh.run(fresh.timeline.prune(policy)).unwrap();
            swept(&store, &clock, &what);
            at += 1;
        }
        assert!(at > 20 && finished > 5, "store {kind}: {at} stops, {finished} finished");
    }
}

#[test]
fn a_snapshot_weighs_what_it_added_and_no_more() {
    for (kind, store) in stores() {
        let attachment = noise(1, 2 * MB);
        let kept = Kept::open(&store, "a/b");
        kept.save(&attachment).unwrap();
        kept.save(b"nothing").unwrap();
        kept.save(&[b"again: ", attachment.as_slice()].concat()).unwrap();
        save_stream(&kept, &attachment, 700_000);
        save_stream(&kept, &noise(2, MB), 700_000);
        let weighs = |kept: &Kept| -> Vec<u64> {
            let list = kept.run(kept.timeline.list(Default::default())).unwrap();
            let shown = kept.run(kept.timeline.show(At::Sequence(1))).unwrap();
            assert_eq!(shown.stored, list[0].stored);
            list.iter().map(|snapshot| snapshot.stored).collect()
        };
        let told = weighs(&kept);
        assert!(told[0] > 2 * MB as u64 && told[4] > MB as u64, "{kind}: {told:?}");
        assert!(told[2] < 600_000 && told[3] < 600_000, "{kind}: {told:?}");
        let (sum, all) = (told.iter().sum::<u64>(), bytes_in(&store));
        assert!(sum.abs_diff(all) < all / 50, "{kind}: {sum} of {all}");
        assert_eq!(weighs(&Kept::open(&store, "a/b")), told);
        let detail = Detail { depth: 0, most: 1 };
        let why = |n| kept.run(kept.timeline.why(At::Sequence(n), detail)).unwrap().stored;
        kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
        let packed = weighs(&kept);
        let near = |(a, b): (&u64, &u64)| a.abs_diff(*b) < 4000;
        assert!(packed.iter().zip(&told).all(near), "{kind}: {told:?} {packed:?}");
        assert!(why(5).abs_diff(told[4]) < 4000, "{kind}: {} of {told:?}", why(5));
    }
}

#[test]
fn what_a_crash_leaves_is_swept_and_nothing_else() {
    let attachment = noise(3, 400);
    for kind in [0, 1] {
        for at in 0.. {
            let (_, store) = stores().swap_remove(kind);
            let clock = Hours::new();
            prepared(
                &store,
                &clock,
                b"what is there before, in a chunk of its own, or is it none?",
            );
            let kept = clock.with(&store, ("a/one", tiny()));
            let mut dying = saving(&kept, whole(&attachment));
            let going = dying.slow.go(at);
            drop((dying, kept));
            let what = format!("store {kind}, died at {at}");
            let kept = clock.with(&store, ("a/one", tiny()));
            // What the next snapshot only says how it differs from stays until both are written anew.
            let open = kept.restore(At::Latest).unwrap() == attachment;
            healthy(&kept, &what);
            // A claim may be of somebody who is alive.
            kept.run(kept.timeline.prune(Policy { keep_last: Some(1), ..Policy::default() }))
                .unwrap();
            healthy(&kept, &what);
            kept.save(b"goes on").unwrap();
            clock.pass(2);
            kept.run(kept.timeline.prune(Policy { keep_last: Some(1), ..Policy::default() }))
                .unwrap();
            clock.pass(2);
            kept.run(kept.timeline.pack(Packing::default())).unwrap();
            assert!(chunks_in(&store) <= usize::from(open), "{what}");
            assert_eq!(kept.restore(At::Latest).unwrap(), b"goes on");
            swept(&store, &clock, &what);
            if !going {
                break;
            }
        }
    }
}

#[test]
fn the_last_of_several_in_one_value_is_found_whatever_is_remembered() {
    let (_, store) = stores().swap_remove(1);
    let kept = Kept::with(&store, "a/b", Options { cache_bytes: 1000, ..tiny() });
    let states = [b"a few bytes".to_vec(), noise(1, 400)];
    let (sender, told) = std::sync::mpsc::channel();
    let mut machine = None;
    for state in &states {
        let sender = sender.clone();
        let done = Box::new(move |result| drop(sender.send(result)));
        machine = machine.or(kept.timeline.save(whole(state), done));
    }
    kept.run(machine.unwrap()).unwrap();
    for sequence in [1, 2] {
        assert_eq!(told.recv().unwrap().unwrap().sequence, sequence);
    }
    assert!(store.get("t/a/b/000000000002", None).unwrap().is_none());
    assert!(kept.restore(At::Latest).unwrap() == states[1]);
    assert_eq!(kept.save(b"what comes next").unwrap().sequence, 3);
}

#[test]
fn a_state_that_is_removed_while_it_is_read_is_gone_and_not_damaged() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    save_stream(&kept, &noise(1, 6 * MB), MB);
    let flow = kept.run(kept.timeline.restore_stream(At::Latest)).unwrap();
    kept.run(flow.next()).unwrap().unwrap();
    let other = Kept::open(&store, "a/b");
    other.run(other.timeline.delete()).unwrap();
    let error = loop {
        match kept.run(flow.next()) {
            Ok(piece) => assert!(piece.is_some(), "all of it was read"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

#[test]
fn a_chunk_that_is_to_be_removed_is_stored_again() {
    for (kind, store) in stores() {
        let clock = Hours::new();
        let kept = clock.with(&store, ("a/b", tiny()));
        let attachment = noise(1, 100);
        kept.save(&attachment).unwrap();
        kept.run(kept.timeline.delete()).unwrap();
        kept.save(&attachment).unwrap();
        clock.pass(2);
        let fresh = clock.with(&store, ("a/b", tiny()));
        fresh
            .run(fresh.timeline.prune(Policy { keep_last: Some(9), ..Policy::default() }))
            .unwrap();
        assert_eq!(chunks_in(&store), 1, "{kind}");
        assert!(fresh.restore(At::Latest).unwrap() == attachment, "{kind}");
        healthy(&fresh, kind);
    }
}

/// Whether a request writes a control object.
fn changes(request: &Request) -> bool {
    let is_one = |op: &Op| matches!(op, Op::Put { key, .. } if key.ends_with("/control"));
    match request {
        Request::Put { key, .. } => key.ends_with("/control"),
        Request::Commit(ops) => ops.iter().any(is_one),
        _ => false,
    }
}

#[test]
fn a_change_that_was_done_and_seems_refused_takes_nothing_back() {
    for (kind, store) in stores() {
        let kept = Kept::with(&store, "a/b", tiny());
        let states: Vec<Vec<u8>> = (1..5).map(|seed| noise(seed, 100)).collect();
        states.iter().for_each(|state| drop(kept.save(state).unwrap()));
        let packing = Packing { all: true, level: None };
        let mut slow = Slow::new(&kept, kept.timeline.pack(packing));
        let mut refused = false;
        while slow.ended.is_none() {
            let asked = match slow.machine.step() {
                Step::Do(asked) => asked,
                Step::Done(result) => {
                    slow.ended = Some(result);
                    break;
                }
            };
            for (id, request) in asked {
                let hit = changes(&request) && !refused;
                let mut answer = slow.serve(request);
                if hit && answer.is_ok() {
                    // A client's own retry met its first try, and others have gone on since.
                    refused = true;
                    let other = Kept::with(&store, "a/b", tiny());
                    let tag = other.timeline.tag("good".into(), At::Latest, From::Nowhere);
                    other.run(tag).unwrap();
                    answer = Err(Error::new(Code::Conflict, "Refused by the test."));
                }
                slow.machine.answer(id, answer);
            }
        }
        assert!(refused, "{kind}");
        slow.end().unwrap();
        let fresh = Kept::with(&store, "a/b", tiny());
        for (sequence, state) in (1..).zip(&states) {
            assert!(fresh.restore(At::Sequence(sequence)).unwrap() == *state, "{kind} @{sequence}");
        }
        healthy(&fresh, kind);
    }
}

/// A timeline with chunks as a file.
fn exported() -> Vec<u8> {
    let store = memory();
    let kept = Kept::with(&store, "a/b", tiny());
    for seed in 1..4 {
        kept.save(&noise(seed, 100)).unwrap();
        kept.save(b"nothing much").unwrap();
    }
    let (mut file, mut next) = (Vec::new(), Some(Cursor::default()));
    while let Some(cursor) = next {
        let part = kept.run(kept.timeline.export(cursor)).unwrap();
        file.extend_from_slice(&part.bytes);
        next = part.next;
    }
    file
}

/// What lies in a store beside control objects.
fn left(store: &Arc<dyn Store>) -> Vec<String> {
    let keys = store.list(&Query::default()).unwrap().into_iter().map(|entry| entry.key);
    keys.filter(|key| !key.ends_with("/control")).collect()
}

#[test]
fn an_import_that_is_given_up_leaves_nothing() {
    let file = exported();
    for (kind, store) in stores() {
        let clock = Hours::new();
        for upto in (0..file.len()).step_by(13) {
            let kept = clock.with(&store, ("a/new", tiny()));
            let import = Arc::new(Import::default());
            let bytes = file[..upto].to_vec().into();
            kept.run(kept.timeline.take_in(import.clone(), bytes)).unwrap();
            // It ends too early.
            assert!(kept.run(kept.timeline.finish_import(import.clone())).is_err());
            kept.run(kept.timeline.abandon_import(import)).unwrap();
            if store.supports().commit {
                let left = store.list(&Query::default()).unwrap();
                assert!(left.is_empty(), "{kind} {upto}: {left:?}");
            }
            clock.pass(2);
        }
        // Where there are no batches, what is found dead goes the next time.
        for _ in 0..2 {
            clock.pass(2);
            let kept = clock.with(&store, ("a/new", tiny()));
            assert!(kept.run(kept.timeline.delete()).is_err());
        }
        assert!(left(&store).is_empty(), "{kind}: {:?}", left(&store));
        // And the name is free.
        let kept = clock.with(&store, ("a/new", tiny()));
        let import = Arc::new(Import::default());
        kept.run(kept.timeline.take_in(import.clone(), file.clone().into())).unwrap();
        kept.run(kept.timeline.finish_import(import)).unwrap();
        assert!(kept.restore(At::Sequence(5)).unwrap() == noise(3, 100), "{kind}");
        healthy(&kept, kind);
    }
}

#[test]
fn nothing_of_an_import_that_is_given_up_is_taken_from_others() {
    let file = exported();
    let store = memory();
    let other = Kept::with(&store, "a/other", tiny());
    other.save(&noise(2, 100)).unwrap();
    let kept = Kept::with(&store, "a/new", tiny());
    let import = Arc::new(Import::default());
    let bytes = file[..file.len() - 1].to_vec().into();
    kept.run(kept.timeline.take_in(import.clone(), bytes)).unwrap();
    // Somebody saves under the name meanwhile, and needs one of the chunks.
    let beside = Kept::with(&store, "a/new", tiny());
    beside.save(&noise(1, 100)).unwrap();
    kept.run(kept.timeline.abandon_import(import)).unwrap();
    for (name, seed) in [("a/other", 2), ("a/new", 1)] {
        let fresh = Kept::with(&store, name, tiny());
        assert!(fresh.restore(At::Latest).unwrap() == noise(seed, 100), "{name}");
        healthy(&fresh, name);
    }
    assert_eq!(chunks_in(&store), 2);
}

#[test]
fn an_import_that_dies_leaves_nothing_once_it_is_swept() {
    let file = exported();
    for kind in [0, 1] {
        for at in 0.. {
            let (_, store) = stores().swap_remove(kind);
            let clock = Hours::new();
            let kept = clock.with(&store, ("a/new", tiny()));
            let import = Arc::new(Import::default());
            let bytes = file.clone().into();
            let going = Slow::new(&kept, kept.timeline.take_in(import.clone(), bytes)).go(at);
            let what = format!("store {kind}, died at {at}");
            let fresh = clock.with(&store, ("a/new", tiny()));
            healthy(&fresh, &what);
            for _ in 0..3 {
                clock.pass(2);
                let fresh = clock.with(&store, ("a/new", tiny()));
                assert!(fresh.run(fresh.timeline.delete()).is_err(), "{what}");
                healthy(&fresh, &what);
            }
            assert!(left(&store).is_empty(), "{what}: {:?}", left(&store));
            if !going {
                assert!(at > 15, "only {at} stops");
                break;
            }
        }
    }
}

#[test]
fn one_who_was_stalled_too_long_is_refused() {
    for (kind, store) in stores() {
        let clock = Hours::new();
        let kept = clock.open(&store, "a/b");
        let flow = feed(&kept, &noise(1, MB), 300_000);
        let ready = kept.run(flow.finish()).unwrap();
        clock.pass(2);
        let other = clock.open(&store, "a/b");
        other.save(b"meanwhile").unwrap();
        other
            .run(other.timeline.prune(Policy { keep_last: Some(1), ..Policy::default() }))
            .unwrap();
        let error = kept.start(streamed(ready)).recv().unwrap().unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{kind}: {error}");
        assert_eq!(kept.run(flow.feed(vec![0; 9].into())).unwrap_err().code(), Code::Unavailable);
        assert_eq!(other.restore(At::Latest).unwrap(), b"meanwhile");
        healthy(&other, kind);
    }
}

#[test]
fn what_a_store_gives_for_another_key_is_refused() {
    // Of two timelines, what lies at keys of this kind changes places.
    for (kind, part) in [(0, "/refs"), (1, "/x")] {
        let is_one = |key: &str| key.contains(part);
        let (what, store) = stores().swap_remove(kind);
        let clock = Hours::new();
        for (seed, name) in [(1, "a/one"), (2, "a/two")] {
            let kept = clock.with(&store, (name, tiny()));
            kept.save(&noise(seed, 100)).unwrap();
            kept.save(b"nothing much").unwrap();
            if kind == 1 {
                kept.run(kept.timeline.delete()).unwrap();
            }
        }
        let mut keys = store.list(&Query::default()).unwrap();
        keys.retain(|entry| is_one(&entry.key));
        assert_eq!(keys.len(), 2, "{what}");
        let values = [1, 0].map(|n| store.get(&keys[n].key, None).unwrap().unwrap().value);
        for (entry, value) in keys.iter().zip(values) {
            store.put_wait(&entry.key, value.to_vec(), Mode::Overwrite).unwrap();
        }
        clock.pass(2);
        for name in ["a/one", "a/two"] {
            let kept = clock.with(&store, (name, tiny()));
            let error = kept.run(kept.timeline.delete()).unwrap_err();
            assert_eq!(error.code(), Code::Corrupt, "{what}: {error}");
            let place = error.place().key.as_deref().unwrap_or_default();
            assert!(is_one(place), "{what}: {place}");
        }
    }
}

#[test]
fn damage_of_any_byte_is_named_and_never_restored() {
    let mut tried = 0;
    for (kind, store) in stores() {
        let kept = Kept::with(&store, "a/b", tiny());
        let mut states = vec![noise(1, 150)];
        states.push([b"longer ".as_slice(), &states[0], b"!"].concat());
        states.push([noise(2, 90), Dice(4).text(100), states[0].clone()].concat());
        states.iter().for_each(|state| drop(kept.save(state).unwrap()));
        for round in ["loose", "packed"] {
            for entry in store.list(&Query::default()).unwrap() {
                let right = store.get(&entry.key, None).unwrap().unwrap().value.to_vec();
                for at in 0..right.len() {
                    let mut flipped = right.clone();
                    flipped[at] ^= 1 << (at % 8);
                    for wrong in [flipped, right[..at].to_vec()] {
                        store.put_wait(&entry.key, wrong, Mode::Overwrite).unwrap();
                        damaged(&store, &states, &format!("{kind} {round} {at} {}", entry.key));
                        tried += 1;
                    }
                }
                store.put_wait(&entry.key, right, Mode::Overwrite).unwrap();
            }
            kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
        }
    }
    assert!(tried > 2000, "only {tried} cases");
}

fn damaged(store: &Arc<dyn Store>, states: &[Vec<u8>], what: &str) {
    let kept = Kept::with(store, "a/b", tiny());
    let named = |error: &Error| {
        use Code::{Corrupt, FormatTooNew, HashMismatch, NotOurs};
        matches!(error.code(), Corrupt | HashMismatch | FormatTooNew | NotOurs)
    };
    let mut broken = false;
    for (sequence, state) in (1..).zip(states) {
        let at = At::Sequence(sequence);
        for restored in [kept.restore(at.clone()), restore_stream(&kept, at)] {
            match restored {
                Ok(bytes) => assert!(bytes == *state, "{what}: @{sequence} restores other bytes"),
                Err(error) => {
                    assert!(named(&error), "{what}: {error}");
                    broken = true;
                }
            }
        }
    }
    // What is left over in the store, and what only a prune reads, breaks no snapshot.
    match kept.run(kept.timeline.verify()) {
        Ok(report) => assert!(!broken || !report.problems.is_empty(), "{what}: verify is silent"),
        Err(error) => assert_ne!(error.code(), Code::Internal, "{what}: {error}"),
    }
}
