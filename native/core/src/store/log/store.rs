//! The log as a store.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::Mutex;

use super::commit::fail_all;
use super::index::{Entry, Index, ListPage, Moment};
use super::lock::Byte;
use super::medium::{File, Reserve};
use super::options::LogOptions;
use super::page::Spot;
use super::segment::Segment;
use super::shared::Shared;
use super::sys::Claim;
use super::view::View;
use super::{corrupt, digest32, open};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::store::{
    self, Commit, Durable, Embedded, Found, Query, Range, Store, Supports, Version,
};

/// An embedded store: one append-only log in a folder.
pub struct Log {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How many entries a listing takes under one lock of the index.
const PAGE_OF_LIST: usize = 1024;

/// Left behind the end of a closed store, so that deleting succeeds on a disk that is full by then.
const HIDDEN_RESERVE: u64 = super::append::RESERVE;

impl Log {
    /// Opens the log in a folder, and makes it there if the options say so.
    pub fn open(
        path: impl AsRef<Path>,
        options: LogOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Log>> {
        let shared = Arc::new(open::open(path.as_ref(), options, clock)?);
        let log = Log { shared: shared.clone(), threads: Mutex::default() };
        if !shared.options.read_only {
            let other = shared.clone();
            log.start("keepstate-commit", move || other.run_commits())?;
        }
        if !log.shared.options.read_only && log.shared.options.maintenance {
            log.start("keepstate-keep", move || shared.run_maintenance())?;
        }
        Ok(Arc::new(log))
    }

    fn start(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(run);
        let thread = thread.map_err(|error| {
            let message = "A thread of the store could not be started; check the process's limits.";
            Error::new(Code::Io, message).caused_by(error)
        })?;
        self.threads.lock().push(thread);
        Ok(())
    }
}

impl Store for Log {
    fn supports(&self) -> Supports {
        let durable = if self.shared.is_sync() { Durable::Yes } else { Durable::No };
        Supports { durable, ..super::SUPPORTS.clone() }
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        self.shared.check_open()?;
        store::key::check(key)?;
        self.shared.refresh()?;
        self.shared.read(key, range, None)
    }

    fn lend(&self, key: &str, see: &mut dyn FnMut(&[u8])) -> Result<bool> {
        self.shared.check_open()?;
        store::key::check(key)?;
        self.shared.refresh()?;
        self.shared.see((key, None), None, |value, _| see(value)).map(|seen| seen.is_some())
    }

    fn list(&self, query: &Query) -> Result<Vec<store::Entry>> {
        self.shared.check_open()?;
        self.shared.refresh()?;
        let listed = self.shared.list(query, None);
        self.shared.check_open().map(|()| listed)
    }

    fn commit(&self, commits: Vec<Commit>) {
        let writable = match self.shared.options.read_only {
            true => Err(read_only()),
            false => self.shared.check_open(),
        };
        match writable {
            Ok(()) => self.shared.submit(commits),
            Err(error) => commits.into_iter().for_each(|c| (c.done)(Err(error.duplicate()))),
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        self.shared.check_open()?;
        self.shared.refresh()?;
        // The tail is held so that the number and the index belong together.
        let tail = self.shared.tail.lock();
        let now = self.shared.clock.now();
        let moment = self.shared.index.write().open_moment(tail.commit, now);
        Ok(Arc::new(View::new(self.shared.clone(), moment)))
    }

    fn close(&self) -> Result<()> {
        if self.shared.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.shared.queue.close();
        self.shared.upkeep.end();
        for thread in self.threads.lock().drain(..) {
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
        fail_all(self.shared.queue.take(), &super::closed());
        let finished = match self.shared.options.read_only {
            true => Ok(()),
            false => {
                // Only a help for the next open.
                let _ = self.shared.last_checkpoint();
                self.shared.finish()
            }
        };
        self.shared.let_go();
        finished
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Who wants to know whether it worked calls close.
        let _ = self.close();
    }
}

fn read_only() -> Error {
    Error::new(Code::ReadOnly, "The store is open to read only; open it to write.")
}

impl Shared {
    /// Sees to it that what anybody acknowledged before now is seen.
    pub fn refresh(&self) -> Result<()> {
        match &self.page {
            Some(page) if !self.seen.is_current(page) => self.catch_up(),
            _ => Ok(()),
        }
    }

    /// The value of a key, now or as of a moment.
    pub fn read(
        &self,
        key: &str,
        range: Option<Range>,
        at: Option<&Moment>,
    ) -> Result<Option<Found>> {
        self.see((key, range), at, |value, entry| {
            let version = Version::from(entry.commit);
            Found { value: value.clone(), version }
        })
    }

    /// Shows the value of a key, or a part of it, now or as of a moment.
    fn see<T>(
        &self,
        (key, range): (&str, Option<Range>),
        at: Option<&Moment>,
        mut show: impl FnMut(&Bytes, &Entry) -> T,
    ) -> Result<Option<T>> {
        let mut failed_at = None;
        loop {
            let index = self.index.read();
            let found = match at {
                None => index.get(key.as_bytes(), || self.clock.now()),
                Some(at) => match at.frozen.get() {
                    Some(frozen) => frozen.get_at(key.as_bytes(), at),
                    None => index.get_at(key.as_bytes(), at),
                },
            };
            let Some(entry) = found else {
                // A close beside us empties the index: that is no answer.
                return self.check_open().map(|()| None);
            };
            let held = self.cache.with(entry.place, |value| match range {
                None => show(value, &entry),
                Some(_) => show(&cut(value, range), &entry),
            });
            if let Some(shown) = held {
                return Ok(Some(shown));
            }
            let number = entry.place.segment();
            let segment = match at.and_then(|at| at.frozen.get()) {
                Some(frozen) => frozen.file(number),
                None => index.file(number),
            };
            drop(index);
            let value = match segment {
                Some(segment) => self.load(&segment.file, &entry, range),
                None => Err(corrupt("A segment is gone", entry.place.segment(), 0)),
            };
            match value {
                Ok(value) => return Ok(Some(show(&value, &entry))),
                // Compacted away or relocated between the two steps: look again, once.
                Err(error) if failed_at == Some(entry.place) => return Err(error.key(key)),
                Err(_) => failed_at = Some(entry.place),
            }
            self.refresh()?;
        }
    }

    /// Reads a value. All of it is read and checked, even if only a part is wanted, unless it was
    /// checked before: what lies at a place never changes.
    fn load(&self, file: &File, entry: &Entry, range: Option<Range>) -> Result<Bytes> {
        if let Some(range) = range.filter(|_| self.cache.is_checked(entry.place)) {
            let offset = range.offset.min(u64::from(entry.length));
            let mut part = vec![0; range.length.min(u64::from(entry.length) - offset) as usize];
            return match file.read(&mut part, entry.place.offset() + offset)? {
                filled if filled == part.len() => Ok(part.into()),
                _ => Err(damaged(entry)),
            };
        }
        let value = read_value(file, entry)?;
        self.cache.hold(entry.place, &value);
        if range.is_some() {
            self.cache.note_checked(entry.place, value.len());
        }
        Ok(cut(&value, range))
    }

    /// Keys in order, now or as of a moment.
    pub fn list(&self, query: &Query, at: Option<&Moment>) -> Vec<store::Entry> {
        let now = self.clock.now();
        let mut all: Vec<store::Entry> = Vec::new();
        let mut after = query.after.clone();
        loop {
            let left = query.limit.map_or(usize::MAX, |limit| limit.saturating_sub(all.len()));
            let count = left.min(PAGE_OF_LIST);
            if count == 0 {
                return all;
            }
            let page = ListPage { query, after: after.as_deref(), count, at, now };
            let index = self.index.read();
            let part = match at.and_then(|at| at.frozen.get()) {
                Some(frozen) => frozen.list(&page),
                None => index.list(&page),
            };
            drop(index);
            let more = part.len() == count;
            all.extend(part);
            if !more {
                return all;
            }
            after = all.last().map(|entry| entry.key.clone());
        }
    }

    /// Makes durable what was acknowledged so far. Commits go on meanwhile.
    pub fn flush_tail(&self) -> Result<()> {
        let (segment, offset) = {
            let tail = self.tail.lock();
            if tail.synced >= tail.offset {
                return Ok(());
            }
            (tail.segment.clone(), tail.offset)
        };
        self.queue.note_syncing();
        let synced = if sabotaged!(SyncFlush) { Ok(()) } else { segment.file.sync() };
        let _lock = self.append_lock()?;
        let mut tail = self.tail.lock();
        if tail.segment.number != segment.number {
            // Whoever ended the segment synced it, or carried over what was not.
            return Ok(());
        }
        match synced {
            Ok(()) if offset > tail.synced => {
                tail.synced = offset;
                self.page()?.set_synced(Spot::new(segment.number, offset));
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(error) => {
                self.settle(&mut tail)?;
                Err(self.sync_failed(&mut tail, error))
            }
        }
    }

    /// Closes the segments: an open file keeps the space of one that is removed later. The lock's
    /// file, which is never removed, stands in for the last.
    fn let_go(&self) {
        *self.index.write() = Index::default();
        let mut tail = self.tail.lock();
        if let Some(locks) = &self.locks {
            let (id, check, file) = ([0; 16], 0, locks.file().clone());
            tail.segment = Arc::new(Segment { number: 0, id, check, file });
        }
    }

    /// The last act: everything is synced and says so, and the zeros ahead are cut.
    fn finish(&self) -> Result<()> {
        let _lock = self.append_lock()?;
        let mut tail = self.tail.lock();
        self.settle(&mut tail)?;
        if tail.synced < tail.offset {
            if let Err(error) = tail.segment.file.sync() {
                return Err(self.sync_failed(&mut tail, error));
            }
            self.publish_tail(&mut tail);
        }
        if tail.content > tail.stated {
            self.write_mark(&mut tail)?;
        }
        if let (Some(page), Some(locks)) = (&self.page, &self.locks) {
            page.flush();
            if locks.attempt(Byte::Present, Claim::Alone)? {
                let file = &tail.segment.file;
                file.truncate(tail.offset)?;
                let _ = file.reserve(tail.offset, HIDDEN_RESERVE, Reserve::Hidden);
            }
            locks.release(Byte::Present);
        }
        Ok(())
    }
}

/// Reads a whole value and checks it.
fn read_value(file: &File, entry: &Entry) -> Result<Bytes> {
    let mut value = vec![0; entry.length as usize];
    let filled = file.read(&mut value, entry.place.offset())?;
    if filled < value.len() || digest32(&value) != entry.crc && !sabotaged!(ValueCheck) {
        return Err(damaged(entry));
    }
    Ok(value.into())
}

fn damaged(entry: &Entry) -> Error {
    corrupt("A value is damaged", entry.place.segment(), entry.place.offset())
}

fn cut(value: &Bytes, range: Option<Range>) -> Bytes {
    let Some(range) = range else { return value.clone() };
    let length = value.len() as u64;
    let start = range.offset.min(length);
    let end = range.offset.saturating_add(range.length).min(length);
    value.slice(start as usize..end as usize)
}

impl Embedded for Log {
    fn flush(&self) -> Result<()> {
        self.shared.check_open()?;
        if self.shared.options.read_only {
            return Ok(());
        }
        self.shared.refresh()?;
        self.shared.flush_tail()
    }

    fn stats(&self) -> Result<Vec<(&'static str, u64)>> {
        self.shared.check_open()?;
        self.shared.refresh()?;
        Ok(self.shared.figures())
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Error>> {
        self.shared.check_open()?;
        self.shared.refresh()?;
        self.shared.verify(progress)
    }

    fn compact(&self) -> Result<()> {
        self.shared.check_open()?;
        self.shared.maintain_now()
    }
}
