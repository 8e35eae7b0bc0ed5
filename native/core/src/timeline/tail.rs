//! The end of a timeline: which snapshot is the latest, and what a writer must know of it.

use bytes::Bytes;

use super::control::{Control, Held, Tag};
use super::extent::Extents;
use super::fetch;
use super::list;
use super::name::Name;
use super::record::{Id, Record};
use super::restore;
use super::{At, Run};
use crate::error::{fail, Code, Result};
use crate::store::Query;

/// How many keys behind the hint are listed at once.
const LISTED: usize = 1000;
/// How many sequences are tried at once beyond those that were listed.
const TRIED: u64 = 4;

/// What a writer knows of the latest snapshot.
pub struct Tail {
    /// Its number; below the floor if there is none.
    pub sequence: u64,
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

/// Reads the control object.
pub async fn control(run: &Run) -> Result<Held> {
    let Some(found) = run.ask.get(run.shared.name.control()).await? else {
        return Ok(Held::default());
    };
    let control = Control::decode(&found.value).map_err(|error| {
        error.at(|place| {
            place.timeline = Some(run.shared.name.to_string());
            place.key = Some(run.shared.name.control());
        })
    })?;
    Ok(Held { control, version: Some(found.version) })
}

/// The number of the latest snapshot, if there is one.
///
/// The hint and the listing only say where to look. What counts is that a key is there and that the
/// next ones are not.
pub async fn latest(run: &Run, control: &Control) -> Result<Option<u64>> {
    let floor = control.floor.sequence;
    let mut last = None;
    let mut next = control.hint.max(floor);
    loop {
        let listed = listed(run, next).await?.unwrap_or(next);
        let upto = listed.max(next) + TRIED - 1;
        let found = fetch::existing(run, listed.max(next)..=upto).await?;
        match found.last_key_value() {
            Some((&sequence, _)) => {
                last = Some(sequence);
                next = sequence + 1;
            }
            None if last.is_none() && next > floor => next = floor,
            None => return Ok(last),
        }
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
        for entry in &entries {
            let sequence = Name::of_key(&entry.key).and_then(|(_, sequence)| sequence);
            greatest = greatest.max(sequence);
        }
        match entries.last() {
            Some(entry) if entries.len() == LISTED => after = entry.key.clone(),
            _ => return Ok(greatest),
        }
    }
}

/// Which sequence is meant.
pub async fn resolve(run: &Run, at: &At) -> Result<u64> {
    match at {
        At::Sequence(sequence) => Ok(*sequence),
        At::Latest => {
            let held = control(run).await?;
            match latest_state(run, &held.control).await? {
                Some(sequence) => Ok(sequence),
                None => fail(Code::NotFound, list::empty(run)),
            }
        }
        At::Tag(name) => {
            let held = control(run).await?;
            let tag = held.control.tags.iter().find(|tag: &&Tag| tag.name == *name);
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

/// The latest snapshot that is no fence.
async fn latest_state(run: &Run, control: &Control) -> Result<Option<u64>> {
    let Some(mut sequence) = latest(run, control).await? else { return Ok(None) };
    while let Some(record) = fetch::record(run, sequence).await? {
        if !record.fence {
            return Ok(Some(sequence));
        }
        sequence -= 1;
    }
    Ok(None)
}

impl Tail {
    /// Adds the whole list of extents to a record when the edits since the last one outweigh it,
    /// and to the first record of all.
    pub fn place_manifest(&mut self, record: &mut Record, extents: &Extents) {
        self.edits += record.edit.len();
        let first = self.sequence + 1 == self.control.control.floor.sequence;
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

    /// Goes on to a record that is on its way: its state, and its bytes where they are at hand.
    pub fn advance(&mut self, record: &Record, state: (Extents, Option<Bytes>)) {
        self.id = record.id;
        self.sequence += 1;
        self.base += record.raw;
        (self.extents, self.whole) = state;
    }

    /// Reads the end of a timeline.
    pub async fn load(run: &Run) -> Result<Tail> {
        let seen = run.ask.now().await?;
        let held = control(run).await?;
        let floor = held.control.floor.clone();
        let Some(sequence) = latest(run, &held.control).await? else {
            return Ok(Tail {
                sequence: floor.sequence - 1,
                id: floor.parent,
                base: floor.base,
                extents: Extents::default(),
                whole: Some(Bytes::new()),
                edits: 0,
                manifest: 0,
                guard: None,
                control: held,
                seen,
            });
        };
        let (extents, records) = restore::state(run, sequence).await?;
        let Some(record) = records.get(&sequence) else {
            return Err(list::not_found(run, sequence));
        };
        let mut manifest = Vec::new();
        let full = records.first_key_value().and_then(|(_, record)| record.manifest.clone());
        full.unwrap_or_default().encode(&mut manifest);
        Ok(Tail {
            sequence,
            id: record.id,
            base: record.base + record.raw,
            extents,
            whole: None,
            edits: records.values().skip(1).map(|record| record.edit.len()).sum(),
            manifest: manifest.len(),
            guard: None,
            control: held,
            seen,
        })
    }
}
