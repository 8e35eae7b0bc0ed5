//! One suite over any store. A store's own test opens fresh stores for it, in a few lines; what a
//! store cannot do it says in `Supports`, and the suite then asks for the refusal instead.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use keepstate_core::store::{Entry, Mode, Query, Store, StoreExt, Version};
use keepstate_core::{Code, Result};

mod batches;
mod concurrency;
mod conditions;
mod lifetime;
mod listing;
mod values;

/// A behaviour that a store may lack, and why. One that the store has after all is a failure: the
/// list must stay true.
pub struct Exception {
    /// The name of the behaviour.
    pub behaviour: &'static str,
    /// Why the store may lack it.
    pub reason: &'static str,
}

type Subject = Arc<dyn Store>;
type Behaviour = (&'static str, fn(Subject));

macro_rules! behaviours {
    ($($topic:ident: $($name:ident)*;)*) => { &[$($((stringify!($name), $topic::$name),)*)*] };
}

const BEHAVIOURS: &[Behaviour] = behaviours! {
    values: what_was_put_is_got an_absent_key_is_none empty_and_large_values_are_kept
        a_range_is_cut_as_pread_cuts odd_keys_stay_apart keys_without_sense_are_refused
        a_delete_removes_and_absence_is_no_error a_too_large_value_is_refused;
    listing: keys_come_in_the_order_of_their_bytes a_prefix_is_of_bytes_not_of_parts
        pages_join_without_gap_or_overlap an_entry_tells_size_version_and_time
        a_random_set_lists_as_a_sorted_map;
    conditions: create_wins_once if_version_meets_exactly_that_version
        a_delete_keeps_to_its_version versions_change_with_every_write
        versions_never_come_back_after_a_delete a_check_alone_writes_nothing;
    batches: a_batch_is_applied_whole_or_not_at_all each_kind_of_condition_fails_a_batch
        versions_come_in_the_order_of_the_puts a_key_may_occur_once_in_a_batch
        an_empty_batch_is_no_error commits_given_together_run_in_order;
    lifetime: what_has_lived_long_enough_is_gone what_expired_counts_as_absent
        a_view_keeps_its_moment a_view_refuses_writes a_closed_view_is_closed
        close_is_idempotent_and_then_closed;
    concurrency: increments_by_compare_and_set_lose_nothing one_creator_wins
        readers_see_whole_values an_acknowledged_write_is_seen_by_every_thread;
};

/// Runs every behaviour on a store of its own and reports all that fail, by name.
pub fn run(open: &dyn Fn() -> Subject, exceptions: &[Exception]) {
    let mut wrong = Vec::new();
    for exception in exceptions {
        if !BEHAVIOURS.iter().any(|(name, _)| *name == exception.behaviour) {
            wrong.push(format!("{} is excepted but no behaviour", exception.behaviour));
        }
    }
    for (name, behaviour) in BEHAVIOURS {
        let store = open();
        let held = catch_unwind(AssertUnwindSafe(|| behaviour(store.clone()))).is_ok();
        let excepted = exceptions.iter().find(|exception| exception.behaviour == *name);
        match (held, excepted) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => wrong.push((*name).to_string()),
            (true, Some(Exception { reason, .. })) => {
                wrong.push(format!("{name} holds, though excepted because: {reason}"));
            }
        }
        store.close().expect("a store closes at the end");
    }
    assert!(wrong.is_empty(), "the store does not conform:\n  {}", wrong.join("\n  "));
}

fn put(store: &Subject, key: &str, value: &[u8]) -> Version {
    store.put_wait(key, value.to_vec(), Mode::Overwrite).expect("a put")
}

fn value(store: &Subject, key: &str) -> Option<Vec<u8>> {
    store.get(key, None).expect("a get").map(|found| found.value.to_vec())
}

fn version(store: &Subject, key: &str) -> Option<Version> {
    store.get(key, None).expect("a get").map(|found| found.version)
}

fn list(store: &Subject, query: Query) -> Vec<Entry> {
    store.list(&query).expect("a list")
}

fn keys(store: &Subject, query: Query) -> Vec<String> {
    list(store, query).into_iter().map(|entry| entry.key).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    result.expect_err("this must be refused").code()
}

/// The deepest keys.
fn deep_keys() -> Vec<String> {
    vec!["/".repeat(1024), "a/".repeat(512), "b/".repeat(500) + "b.json"]
}

/// Keys that some medium or some order gets wrong, each for a reason of its own.
fn odd_keys() -> Vec<String> {
    let long = ["x".repeat(1024), "\u{e9}".repeat(512)];
    let nearly = ["x".repeat(1023), "x".repeat(1024 - 6) + ".value", ".".repeat(1024)];
    // Around the length at which a medium of files has to cut a name.
    let cut = (195..=210).flat_map(|n| ["y".repeat(n), "y".repeat(n) + "/z", ".".repeat(n)]);
    let odd = [
        "a",
        "a/",
        "a//",
        "a/b",
        "a/b/c",
        "a!",
        "a0",
        "a.json",
        "a.value",
        "a.value.value",
        "A",
        "/",
        "//",
        "/a",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/./b",
        ".a",
        "a/.a",
        "..a",
        "a.",
        ".keepstate",
        ".keepstate/lock",
        ".keepstate/tmp/a",
        " ",
        " a",
        "a ",
        "a b",
        "a/ b",
        "%",
        "%41",
        "%2F",
        "a%",
        "a%2Fb",
        "%+",
        "%-",
        "a%+",
        "a%+/b",
        "\0",
        "a\0b",
        "\n",
        "\r\n",
        "\t",
        "\u{7f}",
        "\u{80}",
        "\u{e9}",
        "e\u{301}",
        "\u{65e5}\u{672c}",
        "\u{ffff}",
        "\u{10000}",
        "\u{1f600}",
        "\u{1f468}\u{200d}\u{1f469}",
        "con",
        "nul.txt",
        "a\\b",
        "a:b",
        "a*b?",
        "\"'`$",
        "doc/global/config",
        "t/a%2Fb/s/000000000001",
        "t/a/s/control",
        "00/a",
        "shard-00/a",
    ];
    let mut keys: Vec<String> = odd.iter().map(ToString::to_string).collect();
    keys.extend(long.into_iter().chain(nearly).chain(cut));
    keys.sort_unstable();
    keys.dedup();
    keys
}
