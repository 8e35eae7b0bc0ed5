//! Which paths of a state hold its bytes: how many it has, and how many they take in the store.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Code, Error, Result};
use crate::msgpack::{self, Kind};
use crate::timeline::form::extent::Extents;
use crate::timeline::form::snapshot::At;
use crate::timeline::operation::run::Run;
use crate::timeline::read::{fetch, list, restore, tail};

/// How much to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// How deep.
    pub depth: u32,
    /// How many parts of one value; the rest is told together.
    pub most: usize,
}

/// The bytes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// What it is called in the value around it; empty for the whole.
    pub name: String,
    /// What kind of value it is.
    pub kind: Kind,
    /// How many bytes it has, encoded.
    pub logical: u64,
    /// About how many they take in the store, compressed.
    pub stored: u64,
    /// How many values are in it.
    pub count: u64,
    /// Those of them that weigh most.
    pub parts: Vec<Weight>,
}

/// Weighs a snapshot.
pub async fn why(run: &Run, at: &At, detail: Detail) -> Result<Weight> {
    let sequence = tail::resolve(run, at).await?;
    let record = list::present(run, sequence).await?;
    let meta = list::snapshot(sequence, &record, record.id).map_err(run.placed(sequence))?.meta;
    let extents = restore::state(run, sequence).await?;
    let scale = Scale::new(run, &extents, sequence).await?;
    let whole = 0..extents.length() as usize;
    if meta.foreign().is_some() {
        return Ok(scale.weigh(String::new(), Kind::Bytes, &whole));
    }
    let bytes = fetch::gather(run, &extents, sequence).await?;
    let weighing = Weighing { bytes: &bytes, scale: &scale, most: detail.most };
    // Deeper than an encoder goes, a state of another's making could need any stack.
    let depth = detail.depth.min(msgpack::MAX_DEPTH as u32);
    weighing.weigh((String::new(), whole), depth).map_err(run.placed(sequence))
}

struct Weighing<'a> {
    bytes: &'a [u8],
    scale: &'a Scale,
    most: usize,
}

impl Weighing<'_> {
    fn weigh(&self, of: (String, Range<usize>), depth: u32) -> Result<Weight> {
        let (name, at) = of;
        let (mut children, mut count) = (Vec::new(), 0u64);
        let kind = msgpack::children(self.bytes, at.start, &mut |child| {
            count += 1;
            if depth > 0 {
                children.push(child);
            }
            Ok(true)
        })?;
        let mut weight = Weight { count, ..self.scale.weigh(name, kind, &at) };
        // The heaviest come first, and only they are looked into.
        children.sort_by_key(|child| std::cmp::Reverse(child.at.len()));
        for child in children.into_iter().take(self.most) {
            weight.parts.push(self.weigh((child.name, child.at), depth - 1)?);
        }
        Ok(weight)
    }
}

/// How many stored bytes lie before each place of a state.
struct Scale {
    /// Where a piece begins in the state, and how many bytes are stored for all before.
    marks: Vec<(u64, f64)>,
}

impl Scale {
    async fn new(run: &Run, extents: &Extents, sequence: u64) -> Result<Scale> {
        let ratios = ratios(run, sequence).await?;
        let (mut marks, mut at, mut sum) = (Vec::new(), 0u64, 0f64);
        for extent in extents.iter() {
            let mut offset = extent.offset;
            while offset < extent.end() {
                let piece = ratios.range(..=offset).next_back();
                let Some((base, (raw, stored))) = piece.filter(|(b, (r, _))| *b + r > offset)
                else {
                    let message = "A state needs bytes that no snapshot holds; run verify.";
                    return Err(Error::new(Code::Corrupt, message));
                };
                let upto = (base + raw).min(extent.end());
                marks.push((at, sum));
                at += upto - offset;
                sum += (upto - offset) as f64 * *stored as f64 / *raw as f64;
                offset = upto;
            }
        }
        marks.push((at, sum));
        Ok(Scale { marks })
    }

    fn before(&self, at: u64) -> f64 {
        let behind = self.marks.partition_point(|(place, _)| *place <= at);
        let last = self.marks.get(behind.saturating_sub(1));
        let (place, sum) = last.copied().unwrap_or_default();
        match self.marks.get(behind) {
            Some((next, more)) if *next > place => {
                sum + (more - sum) * (at - place) as f64 / (next - place) as f64
            }
            _ => sum,
        }
    }

    fn weigh(&self, name: String, kind: Kind, at: &Range<usize>) -> Weight {
        let stored = self.before(at.end as u64) - self.before(at.start as u64);
        let logical = at.len() as u64;
        Weight { name, kind, logical, stored: stored.round() as u64, count: 0, parts: Vec::new() }
    }
}

/// For each record: where its new bytes begin, how many they are, and how many are stored for them.
async fn ratios(run: &Run, sequence: u64) -> Result<BTreeMap<u64, (u64, u64)>> {
    let mut ratios = BTreeMap::new();
    let mut next = run.layout().await?.oldest();
    while next <= sequence {
        run.ask.check_cancelled().await?;
        let upto = sequence.min(next + 63);
        for record in fetch::records(run, next..=upto).await?.values() {
            if record.raw > 0 {
                ratios.insert(record.base, (record.raw, record.weight()));
            }
        }
        next = upto + 1;
    }
    Ok(ratios)
}
