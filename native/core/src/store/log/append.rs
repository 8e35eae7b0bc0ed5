//! The way of a group of commits into the log: conditions, frames, one write, one sync.

use std::collections::HashMap;

use super::commit::Ticket;
use super::frame::{self, Head, Kind, PutStep};
use super::index::{Change, Index, Stored};
use super::page::{Left, Page, Spot};
use super::shared::Shared;
use super::tail::Tail;
use crate::error::{Code, Error, Result};
use crate::store::{batch, Mode, Op, Version};

/// Kept free behind the last frame, so that deletes succeed on a full disk.
pub(super) const RESERVE: u64 = 64 << 10;

/// A buffer above this size is given back after the group.
const KEEP_BUFFER: usize = 8 << 20;

/// A group under way: what its frames change, in their order.
#[derive(Default)]
struct Draft {
    changes: Vec<(Box<[u8]>, Change)>,
    /// Keys that the group changed so far: the new version, or none.
    overlay: HashMap<Box<[u8]>, Option<u64>>,
    /// Whether conditions need the overlay: a batch alone never meets its own keys.
    layered: bool,
    end: (u64, u64),
    commit: u64,
    time: u64,
    scarce: Option<Error>,
}

impl Shared {
    /// Commits a group under the append lock: each ticket gets its outcome, told to nobody yet.
    pub fn commit_group(&self, tail: &mut Tail, tickets: &mut [Ticket]) {
        if let Err(error) = self.try_commit_group(tail, tickets) {
            for ticket in tickets.iter_mut() {
                ticket.fail(&error);
            }
        }
    }

    fn try_commit_group(&self, tail: &mut Tail, tickets: &mut [Ticket]) -> Result<()> {
        self.settle(tail)?;
        let draft = self.draft(tail, tickets)?;
        if draft.changes.is_empty() {
            return Ok(());
        }
        let page = self.page()?;
        page.set_left(Left::Midway);
        if let Err(error) = tail.segment.file.write(&tail.buffer, tail.offset) {
            self.take_back(tail);
            return Err(error);
        }
        if self.is_sync() && !sabotaged!(SyncCommit) {
            if let Err(error) = tail.segment.file.sync() {
                return Err(self.sync_failed(tail, error));
            }
        }
        let begin = tail.offset;
        self.publish(tail, page, &draft);
        self.apply(tail, (begin, draft));
        Ok(())
    }

    /// Makes the group known to all processes: from here on it is acknowledged.
    fn publish(&self, tail: &mut Tail, page: &Page, draft: &Draft) {
        let length = draft.end.0 - tail.offset;
        (tail.offset, tail.check) = draft.end;
        (tail.commit, tail.time) = (draft.commit, draft.time);
        tail.content = tail.offset;
        tail.stated = tail.stated.max(tail.synced);
        tail.room = tail.room.max(tail.offset);
        tail.since_checkpoint += length;
        if self.is_sync() {
            tail.synced = tail.offset;
            page.set_synced(Spot::new(tail.segment.number, tail.offset));
        }
        page.set_acknowledged(tail.commit);
        page.set_left(Left::Order);
    }

    /// Lets this process see the group.
    fn apply(&self, tail: &mut Tail, (begin, draft): (u64, Draft)) {
        let mut gone = Vec::new();
        let mut index = self.index.write();
        for (key, change) in draft.changes {
            match &change.put {
                None => index.count(tail.segment.number, 0, frame::delete_weight(key.len())),
                Some(stored) => {
                    if stored.expires != 0 {
                        index.count(tail.segment.number, 0, frame::delete_weight(key.len()));
                    }
                    let at = (stored.place.offset() - begin) as usize;
                    let value = tail.buffer.get(at..at + stored.length as usize);
                    self.cache.hold(stored.place, value.unwrap_or_default());
                }
            }
            gone.extend(index.apply(key, &change));
        }
        self.seen.set(tail.commit, tail.catalog.generation);
        drop(index);
        self.cache.forget(&gone);
        if tail.buffer.capacity() > KEEP_BUFFER {
            tail.buffer = Vec::new();
        }
    }

    /// Checks conditions and builds the frames into the tail's buffer.
    fn draft(&self, tail: &mut Tail, tickets: &mut [Ticket]) -> Result<Draft> {
        let mut draft = Draft { layered: tickets.len() > 1, ..Draft::default() };
        (draft.commit, draft.end) = (tail.commit, (tail.offset, tail.check));
        draft.time = tail.time.max(self.clock.now());
        let size: u64 = tickets.iter().map(Ticket::size).sum();
        let reserve = if sabotaged!(Reserve) { 0 } else { RESERVE };
        match self.make_room(tail, size + reserve) {
            Err(error) if error.code() == Code::DiskFull => {
                self.upkeep.note_scarce();
                draft.scarce = Some(error);
            }
            other => other?,
        }
        tail.buffer.clear();
        let index = self.index.read();
        for ticket in tickets.iter_mut() {
            let written = draft.admit(&index, tail, ticket);
            ticket.outcome(written);
        }
        Ok(draft)
    }
}

impl Draft {
    fn admit(
        &mut self,
        index: &Index,
        tail: &mut Tail,
        ticket: &mut Ticket,
    ) -> Result<Vec<Version>> {
        self.check_space(tail, ticket)?;
        for op in ticket.ops() {
            self.check(index, op)?;
        }
        let ops = ticket.take_ops();
        self.write(index, tail, ops)
    }

    /// On a full disk only what frees space may use the reserve.
    fn check_space(&self, tail: &Tail, ticket: &Ticket) -> Result<()> {
        let Some(error) = &self.scarce else { return Ok(()) };
        let all = ticket.frees() || sabotaged!(Reserve);
        let reserve = if all { 0 } else { RESERVE };
        if self.end.0 + ticket.size() + reserve > tail.room {
            return Err(error.duplicate());
        }
        Ok(())
    }

    fn version(&self, index: &Index, key: &str) -> Option<u64> {
        if self.layered {
            if let Some(version) = self.overlay.get(key.as_bytes()) {
                return *version;
            }
        }
        index.get(key.as_bytes(), || self.time).map(|entry| entry.commit)
    }

    /// Looks a key up only where something depends on it.
    fn check(&self, index: &Index, op: &Op) -> Result<()> {
        let unconditional = matches!(
            op,
            Op::Put { mode: Mode::Overwrite, .. } | Op::Delete { if_version: None, .. }
        );
        if unconditional || sabotaged!(Conditions) {
            return Ok(());
        }
        let there = self.version(index, op.key()).map(Version::from);
        batch::check_condition(op, there.as_ref())
    }

    fn write(&mut self, index: &Index, tail: &mut Tail, ops: Vec<Op>) -> Result<Vec<Version>> {
        let commit = self.commit + 1;
        let buffer = &mut tail.buffer;
        let (number, begin) = (tail.segment.number, self.end.0);
        let start = frame::begin(buffer);
        let mut versions = Vec::new();
        let mut steps = 0u16;
        for op in ops {
            let (key, put) = match op {
                Op::Check { .. } => continue,
                Op::Delete { key, .. } => {
                    let here = self.overlay.get(key.as_bytes()).copied();
                    let gone = here.map_or_else(
                        || index.raw(key.as_bytes()).is_none(),
                        |version| version.is_none(),
                    );
                    if gone {
                        continue;
                    }
                    frame::delete(buffer, key.as_bytes());
                    (key, None)
                }
                Op::Put { key, value, ttl, .. } => {
                    let life = ttl.map(|ttl| ttl.as_millis() as u64);
                    let expires = life.map_or(0, |life| self.time.saturating_add(life).max(1));
                    let step = PutStep { key: key.as_bytes(), value: &value, expires };
                    let (at, crc) = frame::put(buffer, step);
                    let place = Spot::new(number, begin + (at - start) as u64);
                    versions.push(Version::from(commit));
                    (key, Some(Stored { place, length: value.len() as u32, crc, expires }))
                }
            };
            steps += 1;
            let key = key.into_bytes().into_boxed_slice();
            if self.layered {
                self.overlay.insert(key.clone(), put.map(|_| commit));
            }
            self.changes.push((key, Change { commit, time: self.time, put }));
        }
        if steps == 0 {
            buffer.truncate(start);
            return Ok(versions);
        }
        let behind = frame::behind(begin, tail.synced);
        let (kind, time) = (Kind::Commit, self.time);
        let head = Head { kind, length: 0, commit, time, steps, behind };
        let (_, check) = frame::seal(buffer, start, (head, self.end.1));
        self.end = (begin + (buffer.len() - start) as u64, check);
        self.commit = commit;
        Ok(versions)
    }
}
