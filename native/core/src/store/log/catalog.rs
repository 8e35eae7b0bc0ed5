//! The small files: which store this is, and which segments there are (FORMAT.md 3).

use std::path::Path;

use super::medium::{Access, Folder};
use super::reader::Reader;
use super::segment::Origin;
use super::{digest64, too_new, StoreId, FORMAT};
use crate::error::{Code, Error, Result};

/// The name of the identity file.
pub(super) const IDENTITY: &str = "KEEPSTATE";
/// The name of the catalog.
pub(super) const CATALOG: &str = "catalog";

const IDENTITY_MAGIC: [u8; 8] = *b"KEEPSTAT";
const CATALOG_MAGIC: [u8; 8] = *b"KSCATLOG";
const LARGEST: u64 = 64 << 20;

fn wrap(magic: [u8; 8], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 24);
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&0u16.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(body);
    let check = digest64(&bytes);
    bytes.extend_from_slice(&check.to_le_bytes());
    bytes
}

/// The body of a small file, after every check.
fn unwrap<'a>(bytes: &'a [u8], magic: [u8; 8], path: &Path) -> Result<&'a [u8]> {
    let damaged = || damaged(path);
    let known = magic.len().min(bytes.len());
    if bytes.get(..known) != magic.get(..known) {
        let message =
            format!("{} does not begin as Keepstate's file of this name.", path.display());
        let code = if magic == IDENTITY_MAGIC { Code::NotOurs } else { Code::Corrupt };
        return Err(at(Error::new(code, message + " " + ADVICE), path));
    }
    let mut reader = Reader::new(bytes);
    reader.take(magic.len()).ok_or_else(damaged)?;
    let (version, bits) = (reader.u16().ok_or_else(damaged)?, reader.u16().ok_or_else(damaged)?);
    let length = reader.u32().ok_or_else(damaged)? as usize;
    let body = reader.take(length).ok_or_else(damaged)?;
    let covered = reader.at();
    let check = reader.u64().ok_or_else(damaged)?;
    let sum = digest64(bytes.get(..covered).unwrap_or_default());
    let holds = reader.is_empty() && (check == sum || sabotaged!(SmallFileCheck));
    if holds && (version > FORMAT || bits != 0) {
        return Err(too_new(path));
    }
    if holds {
        Ok(body)
    } else {
        Err(damaged())
    }
}

const ADVICE: &str = "If the folder is another program's, choose another one; if it is a store, \
                      copy it aside and run repair.";

fn damaged(path: &Path) -> Error {
    let message = format!("{} is damaged; copy the folder aside and run repair.", path.display());
    at(Error::new(Code::Corrupt, message), path)
}

fn at(error: Error, path: &Path) -> Error {
    error.at(|place| place.path = Some(path.display().to_string()))
}

/// Which store this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub id: StoreId,
    pub created: u64,
}

impl Identity {
    pub fn read(folder: &Folder) -> Result<Identity> {
        let file = folder.open(IDENTITY, Access::Read)?;
        let path = file.path();
        let bytes = file.read_all(LARGEST)?.ok_or_else(|| damaged(path))?;
        let mut body = Reader::new(unwrap(&bytes, IDENTITY_MAGIC, path)?);
        let mut parse = || Some(Identity { id: StoreId(body.array()?), created: body.u64()? });
        parse().ok_or_else(|| damaged(path))
    }

    pub fn write(&self, folder: &Folder) -> Result<()> {
        let mut body = self.id.0.to_vec();
        body.extend_from_slice(&self.created.to_le_bytes());
        folder.replace(IDENTITY, &wrap(IDENTITY_MAGIC, &body))
    }
}

/// One segment as the catalog has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub number: u64,
    pub id: [u8; 16],
    pub origin: Origin,
    /// Where an ended segment ends, and the greatest commit in it; none for the active one.
    pub ended: Option<(u64, u64)>,
}

/// Which segments there are, in the order of replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Catalog {
    pub store: StoreId,
    pub generation: u64,
    pub next: u64,
    pub segments: Vec<Listed>,
}

impl Catalog {
    pub fn find(&self, number: u64) -> Option<(usize, &Listed)> {
        self.segments.iter().enumerate().find(|(_, listed)| listed.number == number)
    }

    pub fn read(folder: &Folder, store: StoreId) -> Result<Catalog> {
        let file = folder.open(CATALOG, Access::Read).map_err(|error| match error.code() {
            Code::NotFound => {
                let path = folder.path.join(CATALOG);
                let message = format!("{} is gone; run repair.", path.display());
                at(Error::new(Code::Corrupt, message), &path).caused_by(error)
            }
            _ => error,
        })?;
        let path = file.path();
        let bytes = file.read_all(LARGEST)?.ok_or_else(|| damaged(path))?;
        let catalog = Catalog::parse(unwrap(&bytes, CATALOG_MAGIC, path)?);
        let catalog = catalog.ok_or_else(|| damaged(path))?;
        if catalog.store != store {
            let message = format!(
                "{} belongs to another store than {IDENTITY}; put back the files that belong \
                 together.",
                path.display()
            );
            return Err(at(Error::new(Code::Corrupt, message), path));
        }
        Ok(catalog)
    }

    fn parse(body: &[u8]) -> Option<Catalog> {
        let mut body = Reader::new(body);
        let store = StoreId(body.array()?);
        let (generation, next, count) = (body.u64()?, body.u64()?, body.u32()?);
        let mut segments = Vec::new();
        for _ in 0..count {
            segments.push(listed(&mut body)?);
        }
        let catalog = Catalog { store, generation, next, segments };
        (body.is_empty() && catalog.is_sound()).then_some(catalog)
    }

    /// Exactly the last segment is active, and no number is used twice or yet to be given.
    fn is_sound(&self) -> bool {
        let Some((last, ended)) = self.segments.split_last() else { return false };
        let mut numbers: Vec<u64> = self.segments.iter().map(|listed| listed.number).collect();
        numbers.sort_unstable();
        numbers.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
            && numbers.last().is_some_and(|greatest| *greatest < self.next)
            && last.ended.is_none()
            && ended.iter().all(|listed| listed.ended.is_some())
    }

    /// Replaces the catalog on disk, with the next generation.
    pub fn replace(&mut self, folder: &Folder) -> Result<()> {
        let fresh = self.prepare(folder)?;
        folder.put_in_place(CATALOG)?;
        *self = fresh;
        Ok(())
    }

    /// Writes what will be the next catalog beside this one, so that only a rename is left to do.
    pub fn prepare(&self, folder: &Folder) -> Result<Catalog> {
        let fresh = Catalog { generation: self.generation + 1, ..self.clone() };
        folder.write_new(CATALOG, &wrap(CATALOG_MAGIC, &fresh.body()))?;
        Ok(fresh)
    }

    fn body(&self) -> Vec<u8> {
        let mut body = self.store.0.to_vec();
        body.extend_from_slice(&self.generation.to_le_bytes());
        body.extend_from_slice(&self.next.to_le_bytes());
        body.extend_from_slice(&(self.segments.len() as u32).to_le_bytes());
        for listed in &self.segments {
            let (end, last) = listed.ended.unwrap_or_default();
            body.extend_from_slice(&listed.number.to_le_bytes());
            body.extend_from_slice(&listed.id);
            body.extend_from_slice(&[listed.origin as u8, u8::from(listed.ended.is_some())]);
            body.extend_from_slice(&end.to_le_bytes());
            body.extend_from_slice(&last.to_le_bytes());
        }
        body
    }
}

fn listed(body: &mut Reader<'_>) -> Option<Listed> {
    let (number, id) = (body.u64()?, body.array()?);
    let origin = match body.u8()? {
        0 => Origin::Appended,
        1 => Origin::Compacted,
        _ => return None,
    };
    let state = body.u8()?;
    let place = (body.u64()?, body.u64()?);
    let ended = match state {
        0 if place == (0, 0) => None,
        1 => Some(place),
        _ => return None,
    };
    Some(Listed { number, id, origin, ended })
}
