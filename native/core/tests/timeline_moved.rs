//! A value that lies under another key than it was written for, of the same timeline or of another
//! one, is damage: it never restores as what that key held.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod repository;

use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::memory::MemoryStore;
use keepstate_core::store::{Mode, Query, Store, StoreExt};
use repository::fill;

#[test]
fn a_moved_value_is_refused() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let repository = fill(&store);
    let entries = store.list(&Query { prefix: "t/".into(), ..Query::default() }).unwrap();
    let value = |key: &str| store.get(key, None).unwrap().unwrap().value;
    let all: Vec<_> = entries.iter().map(|e| (e.key.clone(), value(&e.key))).collect();
    for (key, right) in &all {
        // What is the same everywhere cannot be told apart: that a timeline holds a chunk is said by
        // a key alone.
        let others = all.iter().filter(|(_, value)| value != right && !right.is_empty());
        for (other, moved) in others {
            store.put_wait(key, moved.clone(), Mode::Overwrite).unwrap();
            let seen = repository.look(&store, &format!("{other} lies at {key}"));
            assert!(seen.named > 0, "{other} lies at {key}, and nobody noticed");
        }
        store.put_wait(key, right.clone(), Mode::Overwrite).unwrap();
    }
}
