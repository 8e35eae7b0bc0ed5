//! Compaction: what lives in a run of ended segments goes to a new one, and the old ones go.

mod output;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::catalog::{Catalog, Listed};
use super::corrupt;
use super::frame::{self, Step};
use super::index::{Index, Stored};
use super::page::{Left, Spot};
use super::segment::{self, unparsable, Frame, Origin, Scan, Segment, SegmentHead, FIRST};
use super::shared::Shared;
use crate::error::{Code, Result};
use output::Output;

/// The output is written and synced in parts, so that commits wait for little of it.
const PART: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(1);
/// At most so many segments are merged at once.
const LONGEST_RUN: usize = 32;

/// How eagerly space is won back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zeal {
    /// What keeps the bound: under 2x live bytes and two segments.
    Bound,
    /// Whatever is worth it, because somebody asked.
    Asked,
}

/// A run of segments to be merged.
struct Plan {
    run: Vec<Listed>,
    /// No put that is dead lies before the run: deletes have nothing left to hide.
    clean: bool,
    /// About how many bytes stay.
    kept: u64,
}

/// What a run would cost and win.
struct Prospect {
    range: Range<usize>,
    size: u64,
    kept: u64,
    clean: bool,
    /// A put in it is dead.
    dead: bool,
}

impl Prospect {
    fn worth(&self) -> f64 {
        self.gain() as f64 / (self.kept + 4096) as f64
    }

    fn gain(&self) -> u64 {
        self.size.saturating_sub(self.kept)
    }
}

impl Shared {
    /// Compacts as long as it is due. Only under the lock for maintenance.
    pub fn compact_due(&self, zeal: Zeal) -> Result<()> {
        let gone = self.index.write().sweep(self.clock.now());
        self.cache.forget(&gone);
        for _ in 0..10_000 {
            let plan = {
                let tail = self.tail.lock();
                plan(&tail.catalog, &self.index.read(), (zeal, self.options.segment_bytes))
            };
            match plan {
                Some(plan) if !self.is_closing(zeal) => self.compact_run(&plan)?,
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn is_closing(&self, zeal: Zeal) -> bool {
        zeal == Zeal::Bound && self.check_open().is_err()
    }

    fn compact_run(&self, plan: &Plan) -> Result<()> {
        let output = match plan.kept {
            0 => None,
            _ => Some(self.write_output(plan)?),
        };
        let output = output.filter(|output| output.end > FIRST);
        // What made the rest dead must be on disk before the rest is gone.
        let flushed = if sabotaged!(FlushBeforeCompact) { Ok(()) } else { self.flush_tail() };
        if sabotaged!(CatalogBeforeRemove) {
            for listed in &plan.run {
                self.folder.remove(&segment::name(listed.number))?;
            }
        }
        // If this fails, the catalog on disk may be either one; the next holder of the append lock
        // sees to it, and removes what is left over.
        if !flushed.and_then(|()| self.publish_output(plan, output.as_ref()))? {
            if let Some(output) = &output {
                self.folder.remove(&segment::name(output.segment.number))?;
            }
            return Ok(());
        }
        let numbers: Vec<u64> = plan.run.iter().map(|listed| listed.number).collect();
        let moved = match &output {
            Some(output) => self.relocate_slowly(output),
            None => Ok(()),
        };
        if moved.is_ok() {
            // Else entries still point there: the open files serve them until the store is closed.
            self.index.write().unpin(&numbers);
        }
        for number in numbers {
            self.folder.remove(&segment::name(number))?;
        }
        moved
    }

    /// Takes a number for the output, so that no segment of anybody else gets it.
    fn take_number(&self) -> Result<u64> {
        let _lock = self.append_lock()?;
        let mut tail = self.tail.lock();
        self.settle(&mut tail)?;
        let mut catalog = tail.catalog.clone();
        let number = catalog.next;
        catalog.next += 1;
        self.replace_catalog(&mut tail, catalog)?;
        Ok(number)
    }

    fn write_output(&self, plan: &Plan) -> Result<Output> {
        let number = self.take_number()?;
        let mut id = [0; 16];
        self.clock.random(&mut id)?;
        let head = SegmentHead { origin: Origin::Compacted, number, id };
        let written = Segment::create(&self.folder, self.store, head).and_then(|segment| {
            let mut output = Output::new(Arc::new(segment));
            for listed in &plan.run {
                self.copy_live(plan, listed, &mut output)?;
            }
            output.close_frame();
            output.write_part()?;
            if !sabotaged!(SyncCompacted) {
                output.segment.file.sync()?;
            }
            self.folder.sync()?;
            Ok(output)
        });
        if written.is_err() {
            self.folder.remove(&segment::name(number))?;
        }
        written
    }

    fn copy_live(&self, plan: &Plan, listed: &Listed, output: &mut Output) -> Result<()> {
        let (end, _) = listed.ended.unwrap_or_default();
        let number = listed.number;
        let segment = self.index.read().file(number);
        let Some(segment) = segment else { return Err(corrupt("A segment is gone", number, 0)) };
        let mut scan = Scan::whole(segment, end);
        while let Some(frame) = scan.peek()? {
            keep_live(plan, (&self.index.read(), number), (&frame, output))?;
            scan.accept();
            if output.buffer.len() > PART {
                output.write_part()?;
                self.clock.sleep(PAUSE);
            }
        }
        if scan.offset != end {
            return Err(corrupt("A frame of an ended segment is damaged", number, scan.offset));
        }
        Ok(())
    }

    /// Puts the output in the place of the run. False: the run is no longer there as it was.
    fn publish_output(&self, plan: &Plan, output: Option<&Output>) -> Result<bool> {
        let _lock = self.append_lock()?;
        let mut tail = self.tail.lock();
        self.settle(&mut tail)?;
        if tail.offset == FIRST {
            // The greatest number may stand only in what is about to go.
            self.write_mark(&mut tail)?;
        }
        let mut catalog = tail.catalog.clone();
        let Some(first) = plan.run.first() else { return Ok(false) };
        let Some((at, _)) = catalog.find(first.number) else { return Ok(false) };
        let range = at..at + plan.run.len();
        if catalog.segments.get(range.clone()) != Some(&plan.run) {
            return Ok(false);
        }
        let listed = output.map(Output::listed);
        catalog.segments.splice(range, listed);
        let mut index = self.index.write();
        let numbers: Vec<u64> = plan.run.iter().map(|listed| listed.number).collect();
        index.pin(&numbers);
        if let Some(output) = output {
            index.open(output.segment.clone());
            index.count(output.segment.number, 0, output.deletes);
        }
        drop(index);
        let replaced = self.replace_catalog(&mut tail, catalog);
        if replaced.is_err() {
            let mut index = self.index.write();
            index.release(&numbers);
            if let Some(output) = output {
                index.retire(output.segment.number);
            }
        }
        replaced.map(|()| true)
    }

    /// Replaces the catalog and tells all processes. On a full disk what was only set aside is
    /// given up first: a catalog is what lets space be won back.
    pub fn replace_catalog(&self, tail: &mut super::tail::Tail, catalog: Catalog) -> Result<()> {
        let page = self.page()?;
        let mut catalog = catalog;
        page.set_left(Left::Midway);
        let mut replaced = catalog.replace(&self.folder);
        if replaced.as_ref().is_err_and(|error| error.code() == Code::DiskFull) {
            self.give_up_space(tail)?;
            replaced = catalog.replace(&self.folder);
        }
        replaced?;
        tail.catalog = catalog;
        page.set_generation(tail.catalog.generation);
        self.seen.set(tail.commit, tail.catalog.generation);
        page.set_left(Left::Order);
        Ok(())
    }

    /// Points the index to the output, a frame at a time, while commits go on.
    fn relocate_slowly(&self, output: &Output) -> Result<()> {
        let mut scan = Scan::whole(output.segment.clone(), output.end);
        while let Some(frame) = scan.peek()? {
            let places = places(&frame, output.segment.number)?;
            let mut index = self.index.write();
            let from: Vec<Spot> = places
                .iter()
                .filter_map(|(key, commit, stored)| index.relocate(key, *commit, stored))
                .collect();
            drop(index);
            self.cache.forget(&from);
            scan.accept();
        }
        Ok(())
    }
}

type Moved<'a> = (&'a [u8], u64, Stored);

/// The puts of a frame and where their values lie.
pub(super) fn places<'a>(frame: &Frame<'a>, number: u64) -> Result<Vec<Moved<'a>>> {
    let payload = frame.offset + frame::HEAD as u64;
    let mut places = Vec::new();
    for step in frame.steps() {
        let step = step.ok_or_else(|| unparsable(number, frame.offset))?;
        let Some(put) = step.put else { continue };
        let place = Spot::new(number, payload + put.at as u64);
        let (length, crc, expires) = (put.value.len() as u32, put.crc, put.expires);
        places.push((step.key, step.commit, Stored { place, length, crc, expires }));
    }
    Ok(places)
}

/// Copies what still counts of a frame.
fn keep_live(
    plan: &Plan,
    (index, number): (&Index, u64),
    (frame, output): (&Frame<'_>, &mut Output),
) -> Result<()> {
    for step in frame.steps() {
        let step = step.ok_or_else(|| unparsable(number, frame.offset))?;
        let live = index.raw(step.key);
        let newer = live.is_some_and(|entry| entry.commit > step.commit);
        match step.put {
            Some(put) if live.is_some_and(|entry| entry.commit == step.commit) => {
                if super::digest32(put.value) != put.crc {
                    return Err(corrupt("A value is damaged", number, frame.offset));
                }
                output.step(&step)?;
            }
            // What it hides in an older segment must stay hidden: a delete, or an expired value.
            Some(put) if put.expires == 0 => {}
            _ if !newer && !plan.clean => output.step(&Step { put: None, ..step })?,
            _ => {}
        }
    }
    Ok(())
}

/// Which run to merge, if any is due.
fn plan(catalog: &Catalog, index: &Index, (zeal, segment_bytes): (Zeal, u64)) -> Option<Plan> {
    let ended: u64 = catalog.segments.iter().filter_map(|s| s.ended).map(|(end, _)| end).sum();
    let live = index.live_bytes();
    let due = match zeal {
        Zeal::Bound => ended > live + live / 2 + segment_bytes / 2,
        Zeal::Asked => true,
    };
    let prospects = prospects(catalog, index, segment_bytes);
    let mut best = prospects.iter().max_by(|a, b| a.worth().total_cmp(&b.worth()))?;
    // What costs nothing is always due.
    if best.kept > 0 && !due {
        return None;
    }
    if best.gain() * 10 < best.size {
        // Only deletes are left to win, and these must wait until nothing older needs them: the
        // oldest segment with a dead put goes first.
        let deletes: u64 = index.used().values().map(|used| used.deletes).sum();
        let dirty = |p: &&Prospect| p.clean && p.range.len() == 1 && p.dead;
        best = prospects.iter().find(dirty).filter(|_| deletes * 10 > ended)?;
    }
    let best = Prospect { range: best.range.clone(), ..*best };
    let run = catalog.segments.get(best.range)?.to_vec();
    Some(Plan { run, clean: best.clean, kept: best.kept })
}

fn prospects(catalog: &Catalog, index: &Index, segment_bytes: u64) -> Vec<Prospect> {
    let count = catalog.segments.len().saturating_sub(1);
    let mut found = Vec::new();
    let mut clean = true;
    for start in 0..count {
        let (mut size, mut kept, mut deletes, mut dead) = (0, 0, 0, false);
        for (at, listed) in catalog.segments.iter().enumerate().take(count).skip(start) {
            let (Some((end, _)), Some(used)) = (listed.ended, index.used().get(&listed.number))
            else {
                break;
            };
            size += end;
            kept += used.live_bytes;
            deletes += used.deletes;
            dead |= used.live < used.puts;
            let stays = if clean { kept } else { kept + deletes };
            let stays = if stays == 0 { 0 } else { stays + FIRST + frame::HEAD as u64 };
            let range = start..at + 1;
            found.push(Prospect { range, size, kept: stays, clean, dead });
            if stays > segment_bytes || at - start >= LONGEST_RUN {
                break;
            }
        }
        let used = catalog.segments.get(start).and_then(|s| index.used().get(&s.number));
        clean &= used.is_some_and(|used| used.live == used.puts);
    }
    found
}
