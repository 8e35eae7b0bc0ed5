//! Those who save what is cut into chunks, at once or in pieces, and read it in pieces.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use keepstate_core::error::{Code, Result};
use keepstate_core::timeline::{
    At, Change, Inflow, Meta, Outflow, Restored, Snapshot, Splice, Streamed,
};

use super::dice::Dice;
use super::model::{is_transient, Moment};
use super::world::{Actor, Turn};

/// Inserts of at least so many bytes become chunks.
pub const CUT_FROM: u64 = 64;
/// How many different attachments there are: they are the same in all timelines, and come again.
const POOL: usize = 6;

fn attachment(dice: &mut Dice) -> Vec<u8> {
    let number = dice.below(POOL);
    Dice::new(number as u64).bytes(CUT_FROM as usize + 40 * number)
}

/// Puts attachments into its state and takes them out again.
pub struct Attacher {
    number: usize,
    saves: u64,
    /// What is in the state handed over last, and the epoch then; behind a line that is its own.
    handed: Option<(Vec<Vec<u8>>, usize, u64)>,
}

impl Attacher {
    pub fn new(number: usize) -> Attacher {
        Attacher { number, saves: 0, handed: None }
    }

    fn save(&mut self, turn: &mut Turn<'_>) {
        self.saves += 1;
        let before = self.handed.take().filter(|_| !turn.dice.one_in(6));
        let (mut parts, head, epoch) = before.unwrap_or((Vec::new(), 0, u64::MAX));
        let attempt = turn.model.lines[turn.line].attempts.len();
        let first = format!("state {} {} {attempt}\n", self.number, self.saves).into_bytes();
        let at = turn.dice.below(parts.len() + 1);
        let before: usize = parts[..at].iter().map(Vec::len).sum();
        let mut splices = vec![Splice { position: 0, old: head as u64, new: first.len() as u64 }];
        let mut fresh = first.clone();
        let position = (head + before) as u64;
        if parts.len() > at && turn.dice.one_in(3) {
            let old = parts.remove(at).len() as u64;
            splices.push(Splice { position, old, new: 0 });
        } else if !turn.dice.one_in(4) {
            let new = attachment(turn.dice);
            fresh.extend_from_slice(&new);
            splices.push(Splice { position, old: 0, new: new.len() as u64 });
            parts.insert(at, new);
        }
        let state = Bytes::from([&first[..], &parts.concat()].concat());
        let edits = epoch != u64::MAX && at > 0 && turn.dice.one_in(2);
        let change = match edits {
            true => Change::Edits { splices, fresh: fresh.into(), epoch },
            false => Change::Whole(state.clone()),
        };
        let epoch = turn.timeline.epoch();
        turn.save(&state, change, (Meta::default(), None));
        self.handed = Some((parts, first.len(), epoch));
    }
}

impl Actor for Attacher {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy > 2 {
            return;
        }
        for _ in 0..*turn.dice.pick(&[1, 1, 2]) {
            self.save(turn);
        }
    }

    fn saved(&mut self, _: usize, result: &Result<Snapshot>) {
        if result.is_err() {
            self.handed = None;
        }
    }

    fn crashed(&mut self) {
        self.handed = None;
    }
}

/// How far a stream is.
#[derive(Default)]
struct Flow {
    inflow: Option<Inflow>,
    /// How many pieces were fed, and how many of them are stored.
    fed: usize,
    stored: usize,
    ready: Option<Streamed>,
    failed: bool,
    /// Its end was asked for.
    ending: bool,
}

/// Saves states in pieces, and sometimes does not.
pub struct Streamer {
    number: usize,
    saves: u64,
    state: Option<(Bytes, Rc<RefCell<Flow>>)>,
}

/// Errors of a stream that a bad day explains.
fn borne<T>(what: &str, result: Result<T>) -> Option<T> {
    if let Err(error) = &result {
        let explained = is_transient(error) || error.code() == Code::Conflict;
        assert!(explained, "{what} gave {error:?}");
    }
    result.ok()
}

impl Streamer {
    pub fn new(number: usize) -> Streamer {
        Streamer { number, saves: 0, state: None }
    }

    fn begin(&mut self, turn: &mut Turn<'_>) {
        self.saves += 1;
        let attempt = turn.model.lines[turn.line].attempts.len();
        // The same attachment is the same chunk where nothing else is in the stream but its name.
        let mut state = attachment(turn.dice);
        state.extend(attachment(turn.dice));
        state.extend(format!("stream {} {} {attempt}", self.number, self.saves).into_bytes());
        let flow = Rc::new(RefCell::new(Flow::default()));
        self.state = Some((state.into(), flow.clone()));
        turn.run("begin of a stream", turn.timeline.stream(), move |result, _| {
            let inflow = borne("a stream", result);
            let mut flow = flow.borrow_mut();
            flow.failed = inflow.is_none();
            flow.inflow = inflow;
        });
    }

    fn feed(turn: &mut Turn<'_>, (state, flow): &(Bytes, Rc<RefCell<Flow>>)) {
        let Some(inflow) = flow.borrow().inflow.clone() else { return };
        let pieces: Vec<Bytes> =
            state.chunks(150).skip(flow.borrow().fed).map(|piece| state.slice_ref(piece)).collect();
        for piece in pieces.into_iter().take(1 + turn.dice.below(3)) {
            flow.borrow_mut().fed += 1;
            let flow = flow.clone();
            turn.run("feed", inflow.feed(piece), move |result, _| {
                let mut flow = flow.borrow_mut();
                match borne("feeding", result) {
                    Some(()) => flow.stored += 1,
                    None => flow.failed = true,
                }
            });
        }
    }
}

impl Actor for Streamer {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy > 0 {
            return;
        }
        let Some((state, flow)) = self.state.take() else {
            if turn.dice.one_in(2) {
                self.begin(turn);
            }
            return;
        };
        let all = state.len().div_ceil(150);
        let ready = flow.borrow_mut().ready.take();
        if let Some(streamed) = ready {
            let change = Change::Streamed(Arc::new(streamed));
            turn.save(&state, change, (Meta::default(), None));
            return;
        }
        let (inflow, fed, lost) = {
            let flow = flow.borrow();
            (flow.inflow.clone(), flow.fed, flow.failed || flow.ending || flow.stored < flow.fed)
        };
        let Some(inflow) = inflow else { return };
        if lost || turn.dice.one_in(12) {
            // Sometimes nobody says that it is over.
            if !turn.dice.one_in(4) {
                turn.run("abort", inflow.abort(), |result, _| _ = borne("an abort", result));
            }
            return;
        }
        let of = (state, flow);
        if fed < all {
            Streamer::feed(turn, &of);
        } else {
            let flow = of.1.clone();
            flow.borrow_mut().ending = true;
            turn.run("end of a stream", inflow.finish(), move |result, _| {
                let mut flow = flow.borrow_mut();
                flow.ready = borne("the end of a stream", result);
                flow.failed = flow.ready.is_none();
            });
        }
        self.state = Some(of);
    }

    fn crashed(&mut self) {
        self.state = None;
    }
}

/// A state that is being read.
#[derive(Default)]
struct Reading {
    outflow: Option<Outflow>,
    bytes: Vec<u8>,
    /// A piece was asked for, and nobody has told of it.
    open: bool,
}

/// Reads states in pieces.
#[derive(Default)]
pub struct StreamReader {
    reading: Option<(At, Moment, Rc<RefCell<Reading>>)>,
}

impl Actor for StreamReader {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy > 0 {
            return;
        }
        let line = turn.line;
        if let Some((at, began, reading)) = self.reading.take() {
            let Some(outflow) = reading.borrow().outflow.clone() else { return };
            if std::mem::replace(&mut reading.borrow_mut().open, true) {
                return;
            }
            self.reading = Some((at.clone(), began, reading.clone()));
            turn.run("next of a state", outflow.next(), move |result, model| match result {
                Ok(Some(piece)) => {
                    reading.borrow_mut().open = false;
                    reading.borrow_mut().bytes.extend_from_slice(&piece);
                }
                Ok(None) => {
                    let bytes = std::mem::take(&mut reading.borrow_mut().bytes).into();
                    let Some(outflow) = reading.borrow_mut().outflow.take() else { return };
                    let restored = Restored { snapshot: outflow.snapshot.clone(), bytes };
                    model.restored(line, &at, began, &Ok(restored));
                }
                Err(error) => {
                    let outflow = reading.borrow_mut().outflow.take();
                    // It may be gone by now, whatever was asked for.
                    let at = outflow.map_or(at, |o| At::Sequence(o.snapshot.sequence));
                    model.restored(line, &at, began, &Err(error));
                }
            });
            return;
        }
        let began = turn.model.moment(line);
        let at = match turn.dice.one_in(2) {
            true => At::Latest,
            false => At::Sequence(turn.dice.below(began.acknowledged as usize + 2) as u64),
        };
        let reading = Rc::new(RefCell::new(Reading::default()));
        self.reading = Some((at.clone(), began, reading.clone()));
        let machine = turn.timeline.restore_stream(at.clone());
        turn.run("stream of a state", machine, move |result, model| match result {
            Ok(outflow) => reading.borrow_mut().outflow = Some(outflow),
            Err(error) => model.restored(line, &at, began, &Err(error)),
        });
    }

    fn crashed(&mut self) {
        self.reading = None;
    }
}
