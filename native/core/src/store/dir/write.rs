//! Writing: the content first, beside its place; then, under the lock, condition and rename.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::names::Place;
use super::{version, Tree};
use crate::disk::{Existing, Folder, Reached, Seen, Temp};
use crate::error::{Code, Error, Result};
use crate::store::{batch, Mode, Op, Version};

impl Tree {
    /// Applies one step; the version of a put.
    pub fn apply(&self, op: &Op) -> Result<Option<Version>> {
        let place = self.place(op.key());
        // Refused here, it costs nothing; what counts is the same question under the lock.
        let there = self.check(op, &place)?;
        match op {
            Op::Put { value, mode, .. } => {
                let staged = Staged { op, place: &place, value, there };
                self.put(&staged, existing(mode)).map(Some)
            }
            Op::Delete { .. } if there.is_some() => self.delete(op, &place).map(|()| None),
            Op::Delete { .. } | Op::Check { .. } => Ok(None),
        }
    }

    /// Makes the names durable that async writes changed.
    pub fn flush(&self) -> Result<()> {
        let folders = std::mem::take(&mut *self.unsynced.lock());
        let synced = self.sync_all(folders.clone());
        if synced.is_err() {
            self.unsynced.lock().extend(folders);
        }
        synced
    }

    fn check(&self, op: &Op, place: &Place) -> Result<Option<Seen>> {
        let there = self.look(place)?;
        batch::check_condition(op, there.as_ref().map(version).as_ref())?;
        Ok(there)
    }

    fn put(&self, put: &Staged, existing: Existing) -> Result<Version> {
        let own = self.own()?;
        let temporary = self.temporary(&own)?;
        let temp = self.stage(put, &own, &temporary)?;
        let held = self.lock.hold(&own)?;
        let there = match sabotaged!(DirCondition) {
            true => self.look(put.place)?,
            false => self.check(put.op, put.place)?,
        };
        // Between staging and locking, somebody may have taken the time.
        if temp.raise_above(self.floor(there, &own)?)? {
            temp.sync()?;
        }
        let folder = self.make_way(&put.place.folders)?;
        if there.is_some() {
            self.back_up(&own, put.place)?;
        }
        let version = version(&temp.seen()?);
        if !temp.place(&folder, &put.place.name, existing)? {
            let message = "Somebody has put a file there just now; read it and decide anew.";
            return Err(Error::new(Code::Conflict, message));
        }
        drop(held);
        self.settle(&folder, &put.place.folders)?;
        Ok(version)
    }

    /// The value in a temporary file, durable, with a time above all that its key ever had.
    fn stage<'a>(&self, put: &Staged, own: &Folder, folder: &'a Folder) -> Result<Temp<'a>> {
        let mut temp = Temp::create(folder, self.unique_name()?, self.options.mode)?;
        temp.write(put.value)?;
        temp.raise_above(self.floor(put.there, own)?)?;
        if !sabotaged!(DirSyncFile) {
            temp.sync()?;
        }
        Ok(temp)
    }

    fn floor(&self, there: Option<Seen>, own: &Folder) -> Result<i128> {
        if sabotaged!(DirTimesRise) {
            return Ok(i128::MIN);
        }
        let floor = self.lock.floor(own)?;
        Ok(there.map_or(floor, |seen| seen.modified.max(floor)))
    }

    fn delete(&self, op: &Op, place: &Place) -> Result<()> {
        let own = self.own()?;
        let held = self.lock.hold(&own)?;
        let Some(there) = self.check(op, place)? else { return Ok(()) };
        let Some(folder) = self.descend(&place.folders)? else { return Ok(()) };
        self.back_up(&own, place)?;
        held.raise(there.modified, &own)?;
        folder.remove(&place.name)?;
        let left = self.remove_empty(&place.folders)?;
        match self.descend(left)? {
            Some(folder) => self.settle(&folder, left),
            None => Ok(()),
        }
    }

    /// Removes the folders that are empty now, from the last one up; what is left of the way.
    fn remove_empty<'a>(&self, folders: &'a [String]) -> Result<&'a [String]> {
        let mut left = folders;
        while let Some((last, above)) = left.split_last() {
            let removed = match self.descend(above)? {
                // A folder that cannot be removed stays; the value is gone all the same.
                Some(parent) => parent.remove_folder(last).unwrap_or(false),
                None => true,
            };
            if !removed {
                break;
            }
            left = above;
        }
        Ok(left)
    }

    /// The folder at the end of these names; what is missing is made, each name durable before
    /// anything is put below it.
    fn make_way(&self, folders: &[String]) -> Result<Reached<'_>> {
        let mut here = Reached::Here(&self.root);
        for (depth, name) in folders.iter().enumerate() {
            let (folder, made) = here.child_or_new(name, self.folder_mode())?;
            if made {
                self.settle(&here, folders.get(..depth).unwrap_or_default())?;
            }
            here = Reached::Below(folder);
        }
        Ok(here)
    }

    /// Makes the names in a folder durable, now or at the next flush.
    fn settle(&self, folder: &Folder, folders: &[String]) -> Result<()> {
        if self.options.sync && !sabotaged!(DirSyncFolder) {
            return folder.sync();
        }
        self.unsynced.lock().insert(folders.to_vec());
        Ok(())
    }

    /// Syncs these folders. The greatest is the deepest of its kind, and those above it that are
    /// among them are synced on the way to it.
    fn sync_all(&self, mut left: BTreeSet<Vec<String>>) -> Result<()> {
        while let Some(way) = left.pop_last() {
            let mut here = Reached::Here(&self.root);
            for (depth, name) in way.iter().enumerate() {
                if left.remove(way.get(..depth).unwrap_or_default()) {
                    here.sync()?;
                }
                // One that was removed since: its removal is among the changes of one above.
                let Some(folder) = here.child(name)? else { break };
                here = Reached::Below(folder);
            }
            here.sync()?;
        }
        Ok(())
    }
}

/// A put on its way.
struct Staged<'a> {
    op: &'a Op,
    place: &'a Place,
    value: &'a Bytes,
    there: Option<Seen>,
}

fn existing(mode: &Mode) -> Existing {
    match mode {
        Mode::Create => Existing::Keep,
        Mode::Overwrite | Mode::IfVersion(_) => Existing::Replace,
    }
}
