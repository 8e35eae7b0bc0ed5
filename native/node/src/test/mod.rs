//! Exports that fail on purpose, in builds for tests alone (see Cargo.toml).
#![allow(clippy::panic)]

use std::time::Duration;

use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::error::Result;
use keepstate_core::machine::Machine;
use keepstate_core::store::{Durable, Supports};

use crate::export::{Call, Named};
use crate::home::Home;
use crate::js::{Env, Js};
use crate::machine::{machine, Converted};
use crate::queue::Ticket;

pub const EXPORTS: &[Named] = &[
    (c"testPanic", |_| panic!("on purpose")),
    (c"testPanicOnPool", |call| {
        Home::of(call.env)?.later(call.env, || panic!("on the pool"), none)
    }),
    (c"testPanicInQueue", |call| {
        let convert = |_, ()| panic!("in the queue");
        Home::of(call.env)?.later(call.env, || Ok(()), convert)
    }),
    (c"testPanicInMachine", |call| stepped(call, Machine::new(supports(), |_| panicking()))),
    (c"testDrop", |call| Ok(Ticket::new(call.env, &Home::of(call.env)?.queue)?.1)),
    (c"testSleep", sleep),
    (c"testMachine", |call| {
        let first = |ask: keepstate_core::machine::Ask| async move {
            let keys = vec!["a".to_owned(), "b".to_owned()];
            let found = ask.get_all(keys).await?;
            let time = ask.now().await?;
            let sum = found.iter().flatten().map(|found| found.value.len() as u64).sum::<u64>();
            Ok(time + sum)
        };
        stepped(call, Machine::new(supports(), first))
    }),
];

async fn panicking() -> Result<u64> {
    panic!("in a machine")
}

fn supports() -> std::sync::Arc<Supports> {
    std::sync::Arc::new(Supports {
        kind: "test".into(),
        commit: true,
        conditional_put: true,
        conditional_delete: true,
        ttl: false,
        view: false,
        durable: Durable::No,
        max_value: 1 << 20,
        max_batch: 100,
    })
}

fn stepped(call: &Call, sum: Machine<u64>) -> Result<Js> {
    let convert = |env: Env, result: Result<u64>| env.count(result?);
    machine(call.env, Box::new(Converted { machine: sum, convert }), 0)
}

/// A job that takes this many milliseconds.
fn sleep(call: &Call) -> Result<Js> {
    let time = Duration::from_millis(call.env.read_count(call.arguments[0], "milliseconds")?);
    let work = move || {
        SystemClock.sleep(time);
        Ok(())
    };
    Home::of(call.env)?.later(call.env, work, none)
}

fn none(env: Env, (): ()) -> Result<Js> {
    env.null()
}
