//! Repair: what can be proven is kept, what cannot is reported, and nothing is thrown away: the
//! damaged files are kept beside the store under another name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalog::{Catalog, Identity, Listed, CATALOG, IDENTITY};
use super::frame::{self, Head, Kind, PutStep, Step, Steps};
use super::lock::{Byte, Locks, Patience};
use super::medium::{Access, File, Folder};
use super::options::LogOptions;
use super::segment::{self, Origin, Segment, SegmentHead, FIRST};
use super::sys::Claim;
use super::{corrupt, digest32, StoreId};
use crate::clock::Clock;
use crate::error::{fail, Code, Error, Result};

/// What a repair did.
#[derive(Debug, Default)]
pub struct Report {
    /// Frames that were kept.
    pub kept: u64,
    /// What was lost or is doubtful, each with its place.
    pub lost: Vec<Error>,
    /// Where the damaged files are now.
    pub copies: Vec<PathBuf>,
}

/// A segment's file as it is found.
struct Found {
    number: u64,
    bytes: Vec<u8>,
    frames: Vec<Piece>,
    /// Its frames chain from the first to the end that the catalog states, or it is the active one
    /// and nothing follows the last.
    whole: bool,
}

/// A frame that is kept, and where it lies in the file.
struct Piece {
    at: usize,
    head: Head,
}

/// Repairs the log in a folder that nobody has open.
pub fn repair(
    path: impl AsRef<Path>,
    options: LogOptions,
    clock: Arc<dyn Clock>,
) -> Result<Report> {
    let folder = Folder {
        medium: options.medium.clone(),
        path: path.as_ref().to_path_buf(),
        read_only: false,
    };
    let names = folder.names()?;
    if !names.iter().any(|name| name == IDENTITY || segment::number(name).is_some()) {
        return fail(Code::NotOurs, "The folder holds nothing of a store; check the path.");
    }
    let locks = Locks::new(folder.open("lock", Access::Create)?);
    for byte in [Byte::Append, Byte::Maintain, Byte::Present] {
        let timeout = options.lock_timeout;
        locks.wait(byte, Claim::Alone, Patience { clock: &*clock, timeout, asked: &|| () })?;
    }
    Repair { folder, clock, report: Report::default() }.run(&names)
}

struct Repair {
    folder: Folder,
    clock: Arc<dyn Clock>,
    report: Report,
}

impl Repair {
    fn run(mut self, names: &[String]) -> Result<Report> {
        let numbers: Vec<u64> = names.iter().filter_map(|name| segment::number(name)).collect();
        let store = self.identity(&numbers)?;
        let catalog = match Catalog::read(&self.folder, store) {
            Ok(catalog) => Some(catalog),
            Err(error) if error.code() == Code::FormatTooNew => return Err(error),
            Err(error) => {
                self.report.lost.push(error);
                None
            }
        };
        let mut found = self.read_all(store, (&numbers, catalog.as_ref()))?;
        if catalog.is_none() {
            // Commit numbers grow along the order of replay.
            found.sort_by_key(|f| f.frames.first().map_or(u64::MAX, |piece| piece.head.commit));
        }
        if catalog.is_some() && found.iter().all(|found| found.whole) {
            self.report.kept = found.iter().map(|found| found.frames.len() as u64).sum();
            return Ok(self.report);
        }
        self.rewrite(store, (found, catalog))?;
        Ok(self.report)
    }

    /// The store's id; if its file is damaged, the one that most segments name.
    fn identity(&mut self, numbers: &[u64]) -> Result<StoreId> {
        let error = match Identity::read(&self.folder) {
            Ok(identity) => return Ok(identity.id),
            Err(error) if error.code() == Code::FormatTooNew => return Err(error),
            Err(error) => error,
        };
        let mut votes: BTreeMap<[u8; 16], usize> = BTreeMap::new();
        for number in numbers {
            let file = self.folder.open(&segment::name(*number), Access::Read)?;
            let mut bytes = [0; FIRST as usize];
            let filled = file.read(&mut bytes, 0)?;
            if filled == bytes.len() && bytes.starts_with(b"KSEGMENT") {
                if let Some(id) = bytes.get(40..56).and_then(|id| id.try_into().ok()) {
                    *votes.entry(id).or_default() += 1;
                }
            }
        }
        let Some((id, _)) = votes.into_iter().max_by_key(|(_, count)| *count) else {
            return Err(error);
        };
        self.set_aside(IDENTITY)?;
        self.report.lost.push(error);
        let id = StoreId(id);
        Identity { id, created: self.clock.now() }.write(&self.folder)?;
        Ok(id)
    }

    fn read_all(
        &mut self,
        store: StoreId,
        (numbers, catalog): (&[u64], Option<&Catalog>),
    ) -> Result<Vec<Found>> {
        let named: Vec<(u64, Option<u64>)> = match catalog {
            Some(catalog) => catalog
                .segments
                .iter()
                .map(|listed| (listed.number, listed.ended.map(|(end, _)| end)))
                .collect(),
            None => numbers.iter().map(|number| (*number, None)).collect(),
        };
        let mut found = Vec::new();
        for (number, end) in named {
            match self.folder.open(&segment::name(number), Access::Read) {
                Ok(file) => found.push(self.read_one(store, (number, end), &file)?),
                Err(error) if error.code() == Code::NotFound => {
                    let lost = corrupt("A segment that the catalog names is gone", number, 0);
                    self.report.lost.push(lost.caused_by(error));
                    let (bytes, frames) = (Vec::new(), Vec::new());
                    found.push(Found { number, bytes, frames, whole: false });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn read_one(
        &mut self,
        store: StoreId,
        (number, end): (u64, Option<u64>),
        file: &File,
    ) -> Result<Found> {
        let bytes = file.read_all(u64::MAX)?.unwrap_or_default();
        let parsed = SegmentHead::parse(&bytes, store).ok();
        let head = parsed.map(|(head, _)| head).filter(|head| head.number == number);
        if head.is_none() {
            self.report.lost.push(corrupt("The header of a segment is damaged", number, 0));
        }
        let mut found = Found { number, bytes, frames: Vec::new(), whole: head.is_some() };
        let limit = end.map_or(found.bytes.len(), |end| end as usize);
        found.bytes.truncate(limit);
        let short = end.is_some_and(|end| (found.bytes.len() as u64) < end);
        let lost = found.collect(parsed.map(|(_, check)| check));
        found.whole &= lost.is_empty() && !short;
        if short {
            let has = found.bytes.len() as u64;
            self.report.lost.push(corrupt("A segment is shorter than it was", number, has));
        }
        self.report.lost.extend(lost);
        Ok(found)
    }

    /// Writes what is kept of each damaged segment to a new one in its place, and a new catalog.
    fn rewrite(
        &mut self,
        store: StoreId,
        (found, catalog): (Vec<Found>, Option<Catalog>),
    ) -> Result<()> {
        let greatest = found.iter().map(|found| found.number).max().unwrap_or(0);
        let mut next = catalog.as_ref().map_or(greatest + 1, |catalog| catalog.next);
        let generation = catalog.as_ref().map_or_else(|| self.clock.now(), |c| c.generation);
        let mut segments = Vec::new();
        let mut damaged = Vec::new();
        for found in &found {
            self.report.kept += found.frames.len() as u64;
            let before = catalog.as_ref().and_then(|catalog| catalog.find(found.number));
            match before
                .map(|(_, listed)| *listed)
                .filter(|listed| found.whole && listed.ended.is_some())
            {
                Some(listed) => segments.push(listed),
                None => {
                    segments.push(self.write_kept(store, (found, next))?);
                    damaged.push(segment::name(found.number));
                    next += 1;
                }
            }
        }
        let active = self.create(store, (Origin::Appended, next))?;
        active.0.file.sync()?;
        segments.push(active.1);
        self.folder.sync()?;
        for name in damaged {
            self.set_aside(&name)?;
        }
        for name in [CATALOG, "checkpoint"] {
            self.set_aside(name)?;
        }
        let mut fresh = Catalog { store, generation, next: next + 1, segments };
        fresh.replace(&self.folder)
    }

    fn create(&self, store: StoreId, (origin, number): (Origin, u64)) -> Result<(Segment, Listed)> {
        let mut id = [0; 16];
        self.clock.random(&mut id)?;
        let head = SegmentHead { origin, number, id };
        let segment = Segment::create(&self.folder, store, head)?;
        Ok((segment, Listed { number, id, origin, ended: None }))
    }

    /// A new segment of moved frames, one for each that was kept.
    fn write_kept(&self, store: StoreId, (found, number): (&Found, u64)) -> Result<Listed> {
        let (segment, listed) = self.create(store, (Origin::Compacted, number))?;
        let mut buffer = Vec::new();
        let mut end = (FIRST, segment.check);
        let mut last = 0;
        for piece in &found.frames {
            let start = frame::begin(&mut buffer);
            let mut steps = 0;
            for step in found.steps(piece).flatten().filter(is_proven) {
                rewrite_step(&mut buffer, &step);
                steps += 1;
            }
            let head = Head { kind: Kind::Moved, steps, behind: 0, ..piece.head };
            let behind = frame::behind(end.0, FIRST);
            let (_, check) = frame::seal(&mut buffer, start, (Head { behind, ..head }, end.1));
            end = (FIRST + buffer.len() as u64, check);
            last = last.max(piece.head.commit);
        }
        segment.file.write(&buffer, FIRST)?;
        segment.file.sync()?;
        Ok(Listed { ended: Some((end.0, last)), ..listed })
    }

    /// Gives a file another name, which nothing of ours ever has.
    fn set_aside(&mut self, name: &str) -> Result<()> {
        let there = self.folder.names()?;
        if !there.iter().any(|other| other == name) {
            return Ok(());
        }
        let mut round = 1;
        while there.contains(&format!("{name}.damaged-{round}")) {
            round += 1;
        }
        let aside = format!("{name}.damaged-{round}");
        self.folder.rename(name, &aside)?;
        self.report.copies.push(self.folder.path.join(aside));
        Ok(())
    }
}

fn rewrite_step(buffer: &mut Vec<u8>, step: &Step<'_>) {
    frame::origin(buffer, step.commit, step.time);
    match step.put {
        Some(put) => {
            let (key, value, expires) = (step.key, put.value, put.expires);
            frame::put(buffer, PutStep { key, value, expires });
        }
        None => frame::delete(buffer, step.key),
    }
}

fn is_proven(step: &Step<'_>) -> bool {
    step.put.is_none_or(|put| digest32(put.value) == put.crc)
}

impl Found {
    fn steps(&self, piece: &Piece) -> impl Iterator<Item = Option<Step<'_>>> {
        let start = piece.at + frame::HEAD;
        let payload = self.bytes.get(start..start + piece.head.length as usize);
        Steps::new(piece.head, payload.unwrap_or_default())
    }

    /// Finds the frames: those that chain, and behind damage those that prove themselves.
    fn collect(&mut self, first: Option<u64>) -> Vec<Error> {
        let mut lost = Vec::new();
        let mut at = FIRST as usize;
        let mut before = first;
        let mut last = 0;
        while let Some((head, stated)) = self.bytes.get(at..).and_then(Head::parse) {
            let whole = frame::HEAD + head.length as usize;
            let Some(bytes) = self.bytes.get_mut(at..at + whole) else { break };
            if before.is_none_or(|before| frame::check(bytes, before) != stated) {
                break;
            }
            self.keep(at, head);
            last = head.commit;
            before = Some(stated);
            at += whole;
        }
        while let Some(next) = self.resync(at, last) {
            lost.push(corrupt("Bytes between frames are damaged", self.number, at as u64));
            while let Some(head) = self.self_proven(at.max(next), last) {
                let here = at.max(next);
                let what = "A frame behind damage was kept on its own checksums: it is doubtful";
                lost.push(corrupt(what, self.number, here as u64));
                self.keep(here, head);
                last = head.commit;
                at = here + frame::HEAD + head.length as usize;
            }
        }
        let rest = self.bytes.get(at..).unwrap_or_default();
        if rest.iter().any(|byte| *byte != 0) {
            lost.push(corrupt("What follows the last frame is lost", self.number, at as u64));
        }
        lost
    }

    fn keep(&mut self, at: usize, head: Head) {
        if matches!(head.kind, Kind::Commit | Kind::Moved) {
            self.frames.push(Piece { at, head });
        }
    }

    fn resync(&self, from: usize, last: u64) -> Option<usize> {
        (from..self.bytes.len()).find(|at| self.self_proven(*at, last).is_some())
    }

    /// A frame whose steps all parse, fill it exactly, hold their values' checksums, and whose
    /// number fits its place.
    fn self_proven(&self, at: usize, last: u64) -> Option<Head> {
        let (head, _) = Head::parse(self.bytes.get(at..)?)?;
        let commits = matches!(head.kind, Kind::Commit | Kind::Moved);
        (commits && head.commit > last && head.steps > 0).then_some(())?;
        self.bytes.get(at..at + frame::HEAD + head.length as usize)?;
        let piece = Piece { at, head };
        let proven = self.steps(&piece).all(|step| step.is_some_and(|step| is_proven(&step)));
        proven.then_some(head)
    }
}
