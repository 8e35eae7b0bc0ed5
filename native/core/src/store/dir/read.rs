//! Reading the file of a key.

use super::names::Place;
use super::{version, Tree};
use crate::disk;
use crate::error::Result;
use crate::store::{Found, Range};

impl Tree {
    /// The value of a place, or the part of it that was asked for.
    pub fn get(&self, place: &Place, range: Option<Range>) -> Result<Option<Found>> {
        let Some(folder) = self.descend(&place.folders)? else { return Ok(None) };
        let Some(file) = folder.file(&place.name)? else { return Ok(None) };
        let (value, seen) = disk::read(&file, range, &folder.path_of(&place.name))?;
        Ok(Some(Found { value, version: version(&seen) }))
    }

    /// Reads the whole file of a place and forgets it.
    pub fn verify(&self, place: &Place) -> Result<()> {
        let Some(folder) = self.descend(&place.folders)? else { return Ok(()) };
        let Some(file) = folder.file(&place.name)? else { return Ok(()) };
        disk::read_through(&file, &folder.path_of(&place.name))
    }
}
