//! The end of a timeline: which snapshot is the latest, and what a writer must know of it.

use bytes::Bytes;

use super::ahead::{self, Wanted};
use super::{fetch, list, restore};
use crate::error::{fail, Code, Result};
use crate::store::Query;
use crate::timeline::form::control::Held;
use crate::timeline::form::extent::Extents;
use crate::timeline::form::name::Name;
use crate::timeline::form::record::{Id, Record};
use crate::timeline::form::sections::Tag;
use crate::timeline::form::snapshot::At;
use crate::timeline::form::walk;
use crate::timeline::operation::run::Run;

/// How many keys behind the hint are listed at once.
const LISTED: usize = 1000;
/// How many sequences are tried at once beyond what is known.
pub const TRIED: u64 = 4;
/// How many at once when there turn out to be more.
const WINDOW_MAX: u64 = 64;

/// What a writer knows of the latest snapshot.
pub struct Tail {
    /// The number before the next one's.
    pub sequence: u64,
    /// Its number; below the floor if there is none. A fence or the beginning of a fork may have
    /// taken numbers since.
    pub head: u64,
    /// A fence is the last record: what comes next holds its state by itself, for what lies before
    /// the fence may be removed at any moment.
    pub fenced: bool,
    /// Its id, or that of the last snapshot that was removed.
    pub id: Id,
    /// Where the next new bytes lie.
    pub base: u64,
    /// Its state.
    pub extents: Extents,
    /// Its state's bytes, where they are at hand.
    pub whole: Option<Bytes>,
    /// How many bytes of edits were written since the last full manifest.
    pub edits: usize,
    /// How many bytes that manifest took.
    pub manifest: usize,
    /// crc32c of the newest new bytes, where they are known.
    pub guard: Option<u32>,
    /// The control object as it was read last.
    pub control: Held,
    /// When the head was seen last.
    pub seen: u64,
}

/// The number of the latest snapshot, if there is one.
///
/// The hint, what is remembered and the listing only say where to look. What counts is that a key
/// is there and that the next ones are not.
pub async fn latest(run: &Run) -> Result<Option<u64>> {
    ahead::read(run, &At::Latest, Wanted::Record).await?;
    let layout = run.layout().await?;
    let control = &layout.held.control;
    let begins = layout.own().loose;
    if let Some(reached) = run.seen.reached.lock().take() {
        let last = reached.unwrap_or_else(|| layout.before(begins));
        return Ok(Some(last).filter(|last| *last >= control.floor.sequence));
    }
    let newest = run.cache().newest().unwrap_or(0);
    let mut next = control.hint.max(newest).max(begins);
    let (mut last, mut window) = (None, TRIED);
    loop {
        let upto = next.saturating_add(window - 1);
        let found = fetch::reaching(run, next..=upto).await?;
        match found.last_key_value() {
            Some((&sequence, _)) => {
                last = Some(sequence);
                let newest = run.cache().newest().filter(|newest| *newest > sequence);
                if let Some(newest) = newest.filter(|_| sequence < upto) {
                    // Of a value only its beginning may be remembered, but of the newest its end.
                    (last, next, window) = (None, newest, TRIED);
                    continue;
                }
                if sequence < upto {
                    break;
                }
                next = listed(run, sequence + 1).await?.unwrap_or(0).max(sequence + 1);
                window = (window * 2).min(WINDOW_MAX);
            }
            // A value that begins before the hint may reach beyond it.
            None if last.is_none() && next > begins => next = begins,
            None => break,
        }
    }
    run.doubt();
    let last = last.or_else(|| Some(layout.before(begins)));
    Ok(last.filter(|last| *last >= control.floor.sequence))
}

/// The same where values may be damaged: a key that is there counts, whatever is under it.
pub async fn reach(run: &Run) -> Result<Option<u64>> {
    match latest(run).await {
        Err(error) if walk::is_damage(&error) => {
            let loose = run.layout().await?.own().loose;
            Ok(listed(run, loose).await?.or(Some(loose.saturating_sub(1))))
        }
        result => result,
    }
}

/// The greatest sequence that a listing tells of, from `from` on.
async fn listed(run: &Run, from: u64) -> Result<Option<u64>> {
    let mut greatest = None;
    let mut after = run.shared.name.key(from.saturating_sub(1));
    loop {
        let prefix = run.shared.name.prefix().to_owned();
        let query = Query { prefix, after: Some(after.clone()), limit: Some(LISTED) };
        let entries = run.ask.list(query).await?;
        let sequence = |key: &str| Name::of_key(key).and_then(|(_, sequence)| sequence);
        for entry in &entries {
            greatest = greatest.max(sequence(&entry.key));
        }
        match entries.last() {
            // Behind the sequences come other keys, and none of them again.
            Some(entry) if entries.len() == LISTED && sequence(&entry.key).is_some() => {
                after = entry.key.clone();
            }
            _ => return Ok(greatest),
        }
    }
}

/// Which sequence is meant.
pub async fn resolve(run: &Run, at: &At) -> Result<u64> {
    match at {
        At::Sequence(sequence) => Ok(*sequence),
        At::Latest => match latest_state(run).await? {
            Some(sequence) => Ok(sequence),
            None => fail(Code::NotFound, list::empty(run)),
        },
        At::Tag(name) => {
            let layout = run.layout().await?;
            let tag = layout.held.control.tags.iter().find(|tag: &&Tag| tag.name == *name);
            match tag {
                Some(tag) => Ok(tag.sequence),
                None => fail(
                    Code::NotFound,
                    format!("{} has no tag {name}; name one it has, or a number.", run.shared.name),
                ),
            }
        }
    }
}

/// The latest snapshot that shows.
pub async fn latest_state(run: &Run) -> Result<Option<u64>> {
    match latest(run).await? {
        Some(sequence) => showing(run, sequence).await,
        None => Ok(None),
    }
}

/// The newest snapshot up to this one that shows.
async fn showing(run: &Run, mut sequence: u64) -> Result<Option<u64>> {
    let layout = run.layout().await?;
    while sequence >= layout.held.control.floor.sequence {
        if fetch::record(run, sequence).await?.is_some_and(|record| record.shows()) {
            return Ok(Some(sequence));
        }
        sequence = layout.before(sequence);
    }
    Ok(None)
}

impl Tail {
    /// Adds the whole list of extents to a record when the edits since the last one outweigh it,
    /// and to the first record of all.
    pub fn place_manifest(&mut self, record: &mut Record, extents: &Extents) {
        self.edits += record.edit.len();
        let first = self.manifest == 0 || self.fenced;
        if !first && self.edits < self.manifest {
            return;
        }
        let mut manifest = Vec::new();
        extents.encode(&mut manifest);
        self.manifest = manifest.len();
        if first || self.edits >= self.manifest {
            self.edits = 0;
            record.manifest = Some(extents.clone());
        }
    }

    /// Others have taken the next number, and it was packed since.
    pub fn is_outrun(&self) -> bool {
        self.control.control.loose > self.sequence + 1
    }

    /// Goes on to a record that is on its way: its state, and its bytes where they are at hand.
    pub fn advance(&mut self, record: &Record, state: (Extents, Option<Bytes>)) {
        self.id = record.id;
        self.sequence += 1;
        self.head = self.sequence;
        self.fenced = false;
        self.base += record.raw;
        (self.extents, self.whole) = state;
    }

    /// Reads the end of a timeline.
    pub async fn load(run: &Run) -> Result<Tail> {
        let seen = run.ask.now().await?;
        let layout = run.layout().await?;
        let control = layout.held.clone();
        let floor = control.control.floor.clone();
        let Some(sequence) = latest(run).await? else {
            return Ok(Tail {
                sequence: floor.sequence - 1,
                head: floor.sequence - 1,
                fenced: false,
                id: floor.parent,
                base: floor.base,
                extents: Extents::default(),
                whole: Some(Bytes::new()),
                edits: 0,
                manifest: 0,
                guard: None,
                control,
                seen,
            });
        };
        let Some(record) = fetch::record(run, sequence).await? else {
            return Err(fetch::missing(run, sequence));
        };
        let forked = layout.forked_at(sequence);
        let mut tail = Tail {
            sequence: forked.map_or(sequence, |origin| origin.first - 1),
            head: floor.sequence - 1,
            fenced: record.fence,
            id: record.id,
            base: forked.map_or(record.base + record.raw, |origin| origin.base),
            extents: Extents::default(),
            whole: None,
            edits: 0,
            manifest: 0,
            guard: None,
            control,
            seen,
        };
        // Not a later one than was just seen, though another writer may have gone on.
        match showing(run, sequence).await? {
            Some(head) => tail.build_on(run, head).await?,
            None => tail.whole = Some(Bytes::new()),
        }
        Ok(tail)
    }

    /// The state that the next snapshot differs from.
    async fn build_on(&mut self, run: &Run, head: u64) -> Result<()> {
        let records = restore::way(run, head).await?;
        let mut manifest = Vec::new();
        let full = records.first_key_value().and_then(|(_, record)| record.manifest.clone());
        full.unwrap_or_default().encode(&mut manifest);
        self.head = head;
        self.extents = restore::replay(run, head, &records)?;
        self.edits = records.values().skip(1).map(|record| record.edit.len()).sum();
        self.manifest = manifest.len();
        Ok(())
    }
}
