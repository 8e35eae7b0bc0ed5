//! Views: the index as of a commit number, and listings of it.

use std::ops::Bound;
use std::sync::{Arc, OnceLock, Weak};

use super::{Entry, Index, ListPage, Moment, Old};
use crate::store::log::page::Spot;
use crate::store::{self, Version};

impl Index {
    /// Opens a view at a commit number.
    pub fn open_moment(&mut self, commit: u64, now: u64) -> Arc<Moment> {
        let now = now.max(self.time);
        self.close_moments();
        let moment = Arc::new(Moment { commit, now, frozen: OnceLock::new() });
        self.moments.push(Arc::downgrade(&moment));
        moment
    }

    pub(super) fn has_moments(&self) -> bool {
        self.moments.iter().any(|moment| moment.strong_count() > 0)
    }

    /// Forgets what only closed views saw. Returns the places that nobody needs any more.
    pub fn close_moments(&mut self) -> Vec<Spot> {
        self.moments.retain(|moment| moment.strong_count() > 0);
        let open: Vec<u64> =
            self.moments.iter().filter_map(|m| m.upgrade().map(|m| m.commit)).collect();
        let mut gone = Vec::new();
        self.old.retain(|_, olds| {
            olds.retain(|old| {
                let seen = open.iter().any(|at| old.entry.commit <= *at && *at < old.until);
                if !seen {
                    gone.push(old.entry.place);
                }
                seen
            });
            !olds.is_empty()
        });
        if open.is_empty() {
            self.retired.clear();
        }
        gone
    }

    /// Leaves this index to the open views, when it is about to be replaced.
    pub fn freeze(self: Arc<Self>) {
        for moment in self.moments.iter().filter_map(Weak::upgrade) {
            let _ = moment.frozen.set(self.clone());
        }
    }

    /// The entry of a key as of a moment.
    pub fn get_at(&self, key: &[u8], at: &Moment) -> Option<Entry> {
        let live = self.map.get(key).filter(|entry| entry.commit <= at.commit);
        if let Some(entry) = live {
            let expired = entry.expires() && self.expiry(key) <= at.now;
            return (!expired).then_some(*entry);
        }
        let olds = self.old.get(key)?;
        olds.iter().find(|old| old.is_seen(at)).map(|old| old.entry)
    }

    /// Up to `count` entries behind `after`, as of a moment or now.
    pub fn list(&self, page: &ListPage<'_>) -> Vec<store::Entry> {
        self.visible(page).into_iter().map(|(key, entry, _)| told(key, entry)).collect()
    }

    /// The same with what only the log knows of an entry: where it lies, and when it expires.
    pub fn entries(&self, page: &ListPage<'_>) -> Vec<(Box<[u8]>, Entry, u64)> {
        let visible = self.visible(page).into_iter();
        visible.map(|(key, entry, expires)| (key.into(), entry, expires)).collect()
    }

    fn visible(&self, page: &ListPage<'_>) -> Vec<(&[u8], Entry, u64)> {
        let prefix = page.query.prefix.as_bytes();
        let start = match page.after.map(str::as_bytes) {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let range = (start, Bound::<&[u8]>::Unbounded);
        let (commit, now) = match page.at {
            Some(at) => (at.commit, at.now),
            None => (u64::MAX, page.now.max(self.time)),
        };
        let live = self.map.range::<[u8], _>(range);
        let live =
            live.take_while(|(key, _)| key.starts_with(prefix)).filter_map(|(key, entry)| {
                let expires = if entry.expires() { self.expires(key) } else { 0 };
                let seen = entry.commit <= commit && (expires == 0 || expires > now);
                seen.then_some((&**key, *entry, expires))
            });
        let mut found: Vec<_> = live.take(page.count).collect();
        let Some(at) = page.at else { return found };
        let old = self.old.range::<[u8], _>(range);
        let old = old.take_while(|(key, _)| key.starts_with(prefix)).filter_map(|(key, olds)| {
            let old = olds.iter().find(|old| old.is_seen(at))?;
            Some((&**key, old.entry, old.expires))
        });
        found.extend(old.take(page.count));
        found.sort_by(|a, b| a.0.cmp(b.0));
        found.truncate(page.count);
        found
    }
}

impl Old {
    fn is_seen(&self, at: &Moment) -> bool {
        let expired = self.expires != 0 && self.expires <= at.now;
        self.entry.commit <= at.commit && at.commit < self.until && !expired
    }
}

fn told(key: &[u8], entry: Entry) -> store::Entry {
    store::Entry {
        key: String::from_utf8_lossy(key).into_owned(),
        size: u64::from(entry.length),
        version: Version::from(entry.commit),
        modified: entry.time(),
    }
}
