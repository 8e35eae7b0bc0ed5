//! Read views: the store as it was at one commit number, until the view is closed.

use std::sync::Arc;

use parking_lot::Mutex;

use super::index::Moment;
use super::shared::Shared;
use crate::error::{fail, Code, Result};
use crate::store::{self, Commit, Found, Query, Range, Store, Supports};

/// A view.
pub(super) struct View {
    shared: Arc<Shared>,
    moment: Mutex<Option<Arc<Moment>>>,
}

impl View {
    pub fn new(shared: Arc<Shared>, moment: Arc<Moment>) -> View {
        View { shared, moment: Mutex::new(Some(moment)) }
    }

    fn moment(&self) -> Result<Arc<Moment>> {
        match &*self.moment.lock() {
            Some(moment) => Ok(moment.clone()),
            None => fail(Code::Closed, "The view is closed; open another one."),
        }
    }
}

impl Store for View {
    fn supports(&self) -> Supports {
        Supports {
            kind: "log".into(),
            commit: false,
            conditional_put: false,
            conditional_delete: false,
            ttl: false,
            view: true,
            durable: store::Durable::Yes,
            max_value: super::MAX_VALUE,
            max_batch: 0,
        }
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        let moment = self.moment()?;
        self.shared.check_open()?;
        store::key::check(key)?;
        self.shared.read(key, range, Some(&moment))
    }

    fn list(&self, query: &Query) -> Result<Vec<store::Entry>> {
        let moment = self.moment()?;
        let listed = self.shared.list(query, Some(&moment));
        self.shared.check_open().map(|()| listed)
    }

    fn commit(&self, commits: Vec<Commit>) {
        for commit in commits {
            let message = "A view cannot be written; write to the store that it was opened on.";
            (commit.done)(fail(Code::ReadOnly, message));
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(View::new(self.shared.clone(), self.moment()?)))
    }

    fn close(&self) -> Result<()> {
        let Some(moment) = self.moment.lock().take() else { return Ok(()) };
        drop(moment);
        let gone = self.shared.index.write().close_moments();
        self.shared.cache.forget(&gone);
        Ok(())
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = self.close();
    }
}
