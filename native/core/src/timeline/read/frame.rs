//! Frames: the new bytes of consecutive values, compressed one upon the other.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::fetch::{self, Fresh, Records};
use super::parted::Parted;
use crate::codec::{Codec, ContextDecoder, Piece, Zstd};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::timeline::form::parts::Parts;
use crate::timeline::form::record::Raw;
use crate::timeline::form::record::{Form, Id, Record};
use crate::timeline::operation::layout::Place;
use crate::timeline::operation::run::Run;

/// Decodes a frame from its beginning as far as it is needed, and proves each piece.
pub async fn read(
    run: &Run,
    range: RangeInclusive<u64>,
    raws: &mut BTreeMap<u64, Fresh>,
) -> Result<()> {
    let begins = *range.start();
    let stored = stored(run, range.clone()).await?;
    let mut parent = fetch::parent_id(run, begins, stored.get(&begins)).await?;
    let mut frame = Frame { begins, pieces: 0, guard: 0, decoder: ContextDecoder::new()? };
    for sequence in range {
        let place = run.placed(sequence);
        let Some(record) = stored.get(&sequence) else {
            return Err(fetch::missing(run, sequence));
        };
        if let Form::Parts { .. } = record.form {
            let parted = parted(run, (sequence, record), parent).await?;
            raws.insert(sequence, Fresh::Parted(parted));
        } else if let Some(raw) = frame.decode(sequence, record).map_err(&place)? {
            record.prove(&parent, &raw).map_err(&place)?;
            run.cache().keep_raw(sequence, record, raw.clone());
            raws.insert(sequence, Fresh::Proven(raw));
        }
        parent = record.id;
    }
    Ok(())
}

/// A record whose new bytes lie in parts.
async fn parted(run: &Run, of: (u64, &Record), parent: Id) -> Result<Arc<Parted>> {
    let (sequence, record) = of;
    let layout = run.layout().await?;
    let Place::Loose(region) = layout.place(sequence) else {
        return Err(run.moved(run.shared.name.key(sequence)));
    };
    let parts = Parts::decode(&record.stored, record.raw).map_err(run.placed(sequence))?;
    let (record, home) = (record.clone(), region.name.clone());
    Ok(Arc::new(Parted { sequence, record, parent, home, parts }))
}

/// A frame under way.
struct Frame {
    begins: u64,
    pieces: u32,
    guard: u32,
    decoder: ContextDecoder,
}

impl Frame {
    /// The new bytes of one record, or none if they belong to another frame.
    fn decode(&mut self, sequence: u64, record: &Record) -> Result<Option<Raw>> {
        let bound = usize::try_from(record.raw).unwrap_or(usize::MAX);
        let raw = match record.form {
            Form::Plain => record.stored.clone(),
            Form::Zstd => Zstd.decompress(&record.stored, bound)?.into(),
            Form::Continued { back, .. } if sequence - self.begins != back => return Ok(None),
            Form::Continued { back, guard } if back > 0 && guard != self.guard => {
                let message = "A snapshot continues a frame of another history; run verify.";
                return Err(Error::new(Code::Corrupt, message));
            }
            Form::Continued { .. } => {
                let piece = Piece { back: self.pieces, raw: bound, stored: &record.stored };
                let mut raw = Vec::new();
                self.decoder.push(piece, &mut raw)?;
                self.pieces += 1;
                raw.into()
            }
            Form::Block | Form::Parts { .. } | Form::Apart { .. } => return Ok(None),
        };
        self.guard = digest::crc32c(&raw);
        Ok(Some(raw))
    }
}

/// Records with their stored bytes: those in memory may have given theirs up.
pub async fn stored(run: &Run, range: RangeInclusive<u64>) -> Result<Records> {
    let mut records = Records::new();
    let mut absent = Vec::new();
    {
        let cache = run.cache();
        for sequence in range.clone() {
            match cache.record(sequence) {
                Some(record) if cache.raw(sequence).is_none() => {
                    records.insert(sequence, record);
                }
                _ => absent.push(sequence),
            }
        }
    }
    let layout = run.layout().await?;
    let Place::Loose(region) = layout.place(*range.start()) else {
        return Err(fetch::missing(run, *range.start()));
    };
    fetch::load(run, (region, absent.clone()), &mut records).await?;
    for sequence in absent {
        if !records.contains_key(&sequence) {
            let found = fetch::holding(run, region, sequence).await?;
            records.extend(found.map(|record| (sequence, record)));
        }
    }
    Ok(records)
}
