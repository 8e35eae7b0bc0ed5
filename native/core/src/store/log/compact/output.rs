//! The segment that a compaction writes: moved frames, a part at a time.

use std::sync::Arc;

use crate::error::Result;
use crate::store::log::catalog::Listed;
use crate::store::log::frame::{self, Head, Kind, PutStep, Step};
use crate::store::log::segment::{Origin, Segment, FIRST};

/// A moved frame is closed when its payload exceeds this.
const PAYLOAD: usize = 256 << 10;
const STEPS: u16 = 60_000;

/// The segment that a compaction writes.
pub(super) struct Output {
    pub segment: Arc<Segment>,
    pub buffer: Vec<u8>,
    /// The offset of the buffer's first byte, and where the open frame begins in it.
    written: u64,
    open: Option<usize>,
    head: Head,
    check: u64,
    pub end: u64,
    last: u64,
    pub deletes: u64,
}

impl Output {
    pub fn new(segment: Arc<Segment>) -> Output {
        let head = Head { kind: Kind::Moved, length: 0, commit: 0, time: 0, steps: 0, behind: 0 };
        Output {
            check: segment.check,
            segment,
            buffer: Vec::new(),
            written: FIRST,
            open: None,
            head,
            end: FIRST,
            last: 0,
            deletes: 0,
        }
    }

    pub fn step(&mut self, step: &Step<'_>) -> Result<()> {
        let start = match self.open {
            Some(start) => start,
            None => frame::begin(&mut self.buffer),
        };
        self.open = Some(start);
        frame::origin(&mut self.buffer, step.commit, step.time);
        if step.put.is_none_or(|put| put.expires != 0) {
            self.deletes += frame::delete_weight(step.key.len());
        }
        match step.put {
            Some(put) => {
                let (key, value, expires) = (step.key, put.value, put.expires);
                frame::put(&mut self.buffer, PutStep { key, value, expires });
            }
            None => frame::delete(&mut self.buffer, step.key),
        }
        self.head.commit = self.head.commit.max(step.commit);
        self.head.time = self.head.time.max(step.time);
        self.head.steps += 1;
        if self.buffer.len() - start > PAYLOAD || self.head.steps >= STEPS {
            self.close_frame();
        }
        Ok(())
    }

    pub fn close_frame(&mut self) {
        let Some(start) = self.open.take() else { return };
        let offset = self.written + start as u64;
        self.head.behind = frame::behind(offset, FIRST);
        let (_, check) = frame::seal(&mut self.buffer, start, (self.head, self.check));
        self.check = check;
        self.last = self.head.commit;
        self.head.steps = 0;
        self.end = self.written + self.buffer.len() as u64;
    }

    /// Writes what is closed.
    pub fn write_part(&mut self) -> Result<()> {
        self.close_frame();
        self.segment.file.write(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if sabotaged!(SyncCompacted) {
            return Ok(());
        }
        self.segment.file.sync()
    }

    pub fn listed(&self) -> Listed {
        let ended = Some((self.end, self.last));
        let (number, id) = (self.segment.number, self.segment.id);
        Listed { number, id, origin: Origin::Compacted, ended }
    }
}
