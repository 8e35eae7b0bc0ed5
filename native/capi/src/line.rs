//! A timeline as its handle and its operations share it, and the lane in which its saves wait.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::Arc;

use keepstate_core::drive::{self, Ground};
use keepstate_core::error::{Code, Error, Result};
use keepstate_core::machine::Machine;
use keepstate_core::timeline::{Save, Snapshot, Timeline};
use parking_lot::Mutex;

use crate::opened::{ground, Opened};

/// A save that waits for its turn: hands itself over to the timeline, or ends itself.
pub type Waiting = Box<dyn FnOnce(&Timeline) -> Option<Machine<()>> + Send>;

/// A timeline in its store.
pub struct Line {
    /// The store.
    pub opened: Arc<Opened>,
    /// The timeline.
    pub timeline: Timeline,
    lane: Mutex<VecDeque<Waiting>>,
}

impl Line {
    /// A timeline that is shared from now on.
    pub fn new(opened: Arc<Opened>, timeline: Timeline) -> Arc<Line> {
        Arc::new(Line { opened, timeline, lane: Mutex::default() })
    }

    /// What drives its machines.
    pub fn ground(&self) -> Ground {
        ground(&self.opened)
    }

    /// Adds a save behind those that wait. Somebody must call `advance` afterwards.
    pub fn join(&self, save: Waiting) {
        self.lane.lock().push_back(save);
    }

    /// Hands over everything that waits, in the order in which it came, and drives it.
    pub fn advance(&self) {
        loop {
            let machine = {
                // Held while it is handed over, so that no later save overtakes.
                let mut lane = self.lane.lock();
                let Some(next) = lane.pop_front() else { return };
                next(&self.timeline)
            };
            if let Some(machine) = machine {
                // How each save ended is told to its own waiter.
                drive::start(machine, &self.ground(), |_| {});
            }
        }
    }

    /// Saves and waits.
    pub fn save(&self, save: Save) -> Result<Snapshot> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.join(Box::new(move |timeline| {
            timeline.save(
                save,
                Box::new(move |result| {
                    let _ = sender.send(result);
                }),
            )
        }));
        self.advance();
        receiver.recv().unwrap_or_else(|_| {
            Err(Error::new(Code::Internal, "A save ended without an answer; please report it."))
        })
    }
}
