//! A small repository that uses every feature, in any store, and the question whether it still
//! tells the truth: what is there is exactly what was put there, or a named error says why not.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::codec::Registry;
use keepstate_core::drive;
use keepstate_core::error::{Code, Error, Result};
use keepstate_core::file::{File, Forms, Metadata, State, Writing};
use keepstate_core::machine::Machine;
use keepstate_core::seal::KeyRing;
use keepstate_core::store::{Mode, Store, StoreExt};
use keepstate_core::timeline::{
    At, Change, From, Meta, Name, Options, Packing, Page, Policy, Save, Snapshot, Splice, Timeline,
};

pub const FILES: [&str; 3] = ["files/a.json", "files/b.json.zst", "files/c.ks"];
pub const SEALED: &str = "sealed/secret";
/// The timelines. Of those, `forked` shows the beginning of `run`.
pub const LINES: [&str; 8] =
    ["run", "forked", "deleted", "full", "packed", "pruned", "shared", "sharing"];
/// Those with attachments, which are cut into chunks.
pub const CHUNKED: [&str; 2] = ["shared", "sharing"];
pub const TAG: &str = "good";

/// What was put into a repository.
pub struct Repository {
    /// Of each timeline, what each sequence holds; none where it is gone.
    pub lines: Vec<(String, Line)>,
    pub sealed: Vec<u8>,
    pub files: Vec<(&'static str, File)>,
}

/// What a look at a repository found.
#[derive(Default, Debug)]
pub struct Seen {
    pub exact: usize,
    pub named: usize,
}

/// What damage may be called.
const NAMED: [Code; 9] = [
    Code::Corrupt,
    Code::HashMismatch,
    Code::NotOurs,
    Code::FormatTooNew,
    Code::SealBroken,
    Code::KeyUnknown,
    Code::CodecFailed,
    Code::UnknownCodec,
    Code::ValueTooLarge,
];

pub fn is_named(error: &Error) -> bool {
    NAMED.contains(&error.code())
}

fn ring() -> KeyRing {
    KeyRing::new("key-1", [7; 32]).unwrap()
}

fn forms() -> Forms {
    Forms { longest: 1 << 20, ..Forms::new(Arc::new(Registry::new())) }
}

/// A timeline in a store.
pub struct Kept {
    pub timeline: Timeline,
    ground: drive::Ground,
}

impl Kept {
    pub fn open(store: &Arc<dyn Store>, session: &str) -> Kept {
        let mut options = Options { full_integrity: session == "full", ..Options::default() };
        if CHUNKED.contains(&session) {
            options.cut_from = 100;
        }
        let name = Name::new("agent", session).unwrap();
        let timeline = Timeline::new(name, Arc::new(store.supports()), options);
        Kept { timeline, ground: drive::Ground::new(store.clone(), Arc::new(SystemClock)) }
    }

    pub fn run<T: Send + 'static>(&self, machine: Machine<T>) -> Result<T> {
        drive::run(machine, &self.ground)
    }

    pub fn save(&self, change: Change, meta: Meta) -> Result<Snapshot> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let done = Box::new(move |result| sender.send(result).unwrap());
        if let Some(machine) = self.timeline.save(Save { change, meta, onto: None }, done) {
            self.run(machine)?;
        }
        receiver.recv().unwrap()
    }

    pub fn restore(&self, at: At) -> Result<Vec<u8>> {
        self.run(self.timeline.restore(at)).map(|restored| restored.bytes.to_vec())
    }
}

/// A state as an agent's: a counter in front, and a message more behind.
fn state(session: &str, step: u64) -> Vec<u8> {
    let mut text = format!("{{\"step\":{step},\"of\":\"{session}\",\"messages\":[");
    for message in 0..step {
        let digits = format!("{}", message * 7_919_317 % 1_000_003);
        text.push_str(&format!("{{\"text\":\"message {digits}\"}},"));
    }
    text.into_bytes()
}

fn meta(step: u64) -> Meta {
    Meta {
        label: Some(format!("step {step}")),
        idempotency_key: (step == 3).then(|| "third".to_owned()),
        user: Some(bytes::Bytes::from_static(b"\x81\xa1a\x01")),
        ..Meta::default()
    }
}

/// Saves whole states and edits.
fn save_many(kept: &Kept, session: &str, (from, upto): (u64, u64)) -> Line {
    let mut before: Option<Vec<u8>> = None;
    let mut saved = Vec::new();
    for step in from..=upto {
        let next = state(session, step);
        let whole = Change::Whole(next.clone().into());
        let change = match before {
            Some(before) if step % 2 == 0 => {
                let splices =
                    vec![Splice { position: 0, old: before.len() as u64, new: next.len() as u64 }];
                let epoch = kept.timeline.epoch();
                Change::Edits { splices, fresh: next.clone().into(), epoch }
            }
            _ => whole,
        };
        let snapshot = kept.save(change, meta(step)).unwrap();
        saved.push((snapshot.sequence, Some(next.clone())));
        before = Some(next);
    }
    saved
}

/// Puts everything into a store.
pub fn fill(store: &Arc<dyn Store>) -> Repository {
    let mut lines = Vec::new();
    for session in LINES {
        let saved = fill_line(store, session, &lines);
        lines.push((session.to_owned(), saved));
    }
    let sealed = b"what nobody may read".repeat(4);
    let mut next = 0u8;
    let mut random = |buffer: &mut [u8]| {
        buffer.iter_mut().for_each(|byte| {
            next = next.wrapping_add(1);
            *byte = next;
        });
        Ok(())
    };
    let value = ring().seal(SEALED, &sealed, &mut random).unwrap();
    store.put_wait(SEALED, value, Mode::Create).unwrap();
    let files = FILES.map(|name| (name, put_file(store, name))).to_vec();
    Repository { lines, sealed, files }
}

type Line = Vec<(u64, Option<Vec<u8>>)>;

fn fill_line(store: &Arc<dyn Store>, session: &str, before: &[(String, Line)]) -> Line {
    let kept = Kept::open(store, session);
    if session == "forked" {
        let parent = Kept::open(store, "run");
        let name = Name::new("agent", session).unwrap();
        parent.run(parent.timeline.fork(name, At::Sequence(3))).unwrap();
        let mut saved = before[0].1[..3].to_vec();
        saved.extend(save_many(&kept, session, (4, 5)));
        return saved;
    }
    if CHUNKED.contains(&session) {
        return fill_chunks(&kept, session);
    }
    let mut saved = save_many(&kept, session, (1, 5));
    match session {
        "run" => {
            let tag = kept.timeline.tag(TAG.into(), At::Sequence(2), From::Nowhere);
            kept.run(tag).unwrap();
        }
        "deleted" => {
            kept.run(kept.timeline.delete()).unwrap();
            saved.iter_mut().for_each(|(_, bytes)| *bytes = None);
            saved.extend(save_many(&kept, session, (6, 7)));
        }
        "packed" => {
            kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
            saved.extend(save_many(&kept, session, (6, 6)));
        }
        "pruned" => {
            let policy = Policy { keep_last: Some(2), ..Policy::default() };
            let pruned = kept.run(kept.timeline.prune(policy)).unwrap();
            for stretch in pruned.runs.iter().filter(|stretch| stretch.why.is_none()) {
                let gone = |(s, _): &&mut (u64, _)| (stretch.first..=stretch.last).contains(s);
                saved.iter_mut().filter(gone).for_each(|(_, bytes)| *bytes = None);
            }
        }
        _ => {}
    }
    saved
}

/// Something large that is put into a state, and is the same in every timeline.
fn attachment(number: u8) -> Vec<u8> {
    let mut next = u32::from(number);
    let mut byte = || {
        next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (next >> 24) as u8
    };
    (0..100 + number).map(|_| byte()).collect()
}

/// Saves states with attachments, at once and in pieces. Afterwards the one has chunks that are to
/// be removed, or were, and the other a save under way that claims.
fn fill_chunks(kept: &Kept, session: &str) -> Line {
    let attached = |number: u8| (Change::Whole(attachment(number).into()), attachment(number));
    let whole = |state: Vec<u8>| (Change::Whole(state.clone().into()), state);
    let mut saved = Vec::new();
    if session == "shared" {
        add(kept, &mut saved, attached(1));
        add(kept, &mut saved, attached(2));
        add(kept, &mut saved, whole(b"nothing much".to_vec()));
        kept.run(kept.timeline.delete()).unwrap();
        saved.iter_mut().for_each(|(_, bytes)| *bytes = None);
    }
    add(kept, &mut saved, attached(3));
    let both = [attachment(3), b" and ".to_vec(), attachment(4)].concat();
    add(kept, &mut saved, whole(both));
    if session == "sharing" {
        kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
    }
    let flow = kept.run(kept.timeline.stream()).unwrap();
    for piece in attachment(5).chunks(60) {
        kept.run(flow.feed(piece.to_vec().into())).unwrap();
    }
    let streamed = Change::Streamed(Arc::new(kept.run(flow.finish()).unwrap()));
    add(kept, &mut saved, (streamed, attachment(5)));
    if session == "sharing" {
        kept.run(kept.timeline.stream()).unwrap();
    }
    saved
}

fn add(kept: &Kept, saved: &mut Line, (change, state): (Change, Vec<u8>)) {
    let snapshot = kept.save(change, Meta::default()).unwrap();
    saved.push((snapshot.sequence, Some(state)));
}

fn put_file(store: &Arc<dyn Store>, name: &str) -> File {
    let metadata = Metadata { label: Some("a label".into()), ..Metadata::default() };
    let text = format!("{{\"name\":\"{name}\",\"n\":[1,2,3]}}");
    let state = match name.ends_with(".ks") {
        true => State::Bytes(text.into_bytes()),
        false => State::Json(text),
    };
    let bytes = forms().encode(name, &File { state, metadata }, Writing::default()).unwrap();
    store.put_wait(name, bytes.clone(), Mode::Create).unwrap();
    forms().decode(name, &bytes).unwrap()
}

impl Repository {
    /// Looks at everything, through handles that know nothing. Panics at a lie.
    pub fn look(&self, store: &Arc<dyn Store>, what: &str) -> Seen {
        let mut seen = Seen::default();
        for (session, _) in &self.lines {
            self.look_at(store, session, (what, &mut seen));
        }
        let sealed = get(store, SEALED).and_then(|value| ring().open(SEALED, &value));
        seen.judge(sealed, &self.sealed, (what, SEALED));
        for (name, file) in &self.files {
            let state = get(store, name).and_then(|value| forms().decode(name, &value));
            // The metadata of the JSON forms is not covered by the hash: people may edit it.
            let state = state.map(|file| file.state);
            seen.judge(state, &file.state, (what, name));
        }
        seen
    }

    /// Looks at one timeline.
    pub fn look_at(&self, store: &Arc<dyn Store>, session: &str, (what, seen): (&str, &mut Seen)) {
        let (_, saved) = self.lines.iter().find(|(name, _)| name == session).unwrap();
        let kept = Kept::open(store, session);
        for (sequence, bytes) in saved {
            let restored = kept.restore(At::Sequence(*sequence));
            let place = format!("{session}@{sequence}");
            match (bytes, restored) {
                (None, Err(error)) if error.code() == Code::NotFound => seen.exact += 1,
                // A floor that cannot be read is no floor; the keys are gone all the same.
                (None, Err(error)) => seen.count(&error, (what, &place)),
                (None, Ok(_)) => panic!("{what}: {place} was deleted and came back"),
                (Some(bytes), restored) => seen.judge(restored, bytes, (what, &place)),
            }
        }
        let (last, bytes) = saved.last().unwrap();
        let fresh = Kept::open(store, session);
        let latest = fresh.restore(At::Latest);
        seen.judge(latest, bytes.as_ref().unwrap(), (what, session));
        if session == "run" {
            let tagged = fresh.restore(At::Tag(TAG.into()));
            seen.judge(tagged, saved[1].1.as_ref().unwrap(), (what, TAG));
        }
        let page = Page { limit: Some(1000), ..Page::default() };
        let live = saved.iter().filter(|(_, bytes)| bytes.is_some());
        let live: Vec<u64> = live.map(|(sequence, _)| *sequence).collect();
        let listed = fresh.run(fresh.timeline.list(page));
        let listed = listed.map(|all| all.iter().map(|s| s.sequence).collect::<Vec<_>>());
        seen.judge(listed, &live, (what, "a listing"));
        let shown = fresh.run(fresh.timeline.show(At::Latest)).map(|snapshot| snapshot.sequence);
        seen.judge(shown, last, (what, "show"));
        match fresh.run(fresh.timeline.verify()) {
            Ok(report) if report.problems.is_empty() => {
                assert_eq!(report.snapshots, live.len() as u64, "{what}: verify of {session}");
                seen.exact += 1;
            }
            Ok(report) => report.problems.iter().for_each(|p| seen.count(p, (what, "verify"))),
            Err(error) => seen.count(&error, (what, "verify")),
        }
    }
}

impl Seen {
    fn judge<T: PartialEq>(&mut self, result: Result<T>, right: &T, at: (&str, &str)) {
        match result {
            Ok(value) => {
                assert!(value == *right, "{}: {} is something else", at.0, at.1);
                self.exact += 1;
            }
            Err(error) => self.count(&error, at),
        }
    }

    fn count(&mut self, error: &Error, (what, place): (&str, &str)) {
        assert!(is_named(error), "{what}: {place} gave {error:?}");
        self.named += 1;
    }
}

fn get(store: &Arc<dyn Store>, key: &str) -> Result<Vec<u8>> {
    match store.get(key, None)? {
        Some(found) => Ok(found.value.to_vec()),
        None => Err(Error::new(Code::NotFound, format!("{key} is gone."))),
    }
}
