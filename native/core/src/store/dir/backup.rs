//! The last versions of a file, kept beside: `.keepstate/backups/<place>/<time of modification>`.

use rustix::io::Errno;

use super::names::Place;
use super::Tree;
use crate::disk::sys::linkat;
use crate::disk::{failed, Folder, Kind};
use crate::error::Result;

const BACKUPS: &str = "backups";

impl Tree {
    /// Gives the file that is about to lose its place a second name, and removes the oldest beyond
    /// what is to be kept.
    pub fn back_up(&self, own: &Folder, place: &Place) -> Result<()> {
        if self.options.backups == 0 {
            return Ok(());
        }
        let Some(from) = self.descend(&place.folders)? else { return Ok(()) };
        let Some(seen) = from.seen_file(&place.name)? else { return Ok(()) };
        let (mut folder, _) = own.child_or_new(BACKUPS, self.folder_mode())?;
        for name in place.folders.iter().chain([&place.name]) {
            folder = folder.child_or_new(name, self.folder_mode())?.0;
        }
        let name = format!("{:020}", seen.modified);
        match linkat((&*from, place.name.as_str()), (&folder, name.as_str())) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno, "Keeping a backup", &folder.path_of(&name))),
        }
        if self.options.sync {
            folder.sync()?;
        }
        self.drop_oldest(&folder)
    }

    fn drop_oldest(&self, folder: &Folder) -> Result<()> {
        let entries = folder.entries()?.into_iter();
        let mut names: Vec<_> =
            entries.filter(|(_, kind)| *kind == Kind::File).map(|(name, _)| name).collect();
        names.sort_unstable();
        let surplus = names.len().saturating_sub(self.options.backups);
        for name in names.iter().take(surplus) {
            folder.remove(name)?;
        }
        Ok(())
    }
}
