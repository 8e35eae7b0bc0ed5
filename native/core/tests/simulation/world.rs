//! The world of a simulation: one thread, a queue of what is to happen, and weather. Each request
//! of each machine goes through here, and meets its fate by the seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::time::Duration;

use bytes::Bytes;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::machine::{Answer, Machine, Request, RequestId, Step};
use keepstate_core::timeline::{Change, Meta, Options, Save, Snapshot, Timeline};

use super::control;
use super::dice::Dice;
use super::model::Model;

/// How likely things go wrong, in a thousand requests (or turns of an actor).
#[derive(Debug, Clone)]
pub struct Weather {
    /// Fails before it is done, and says so.
    pub refused: u32,
    /// Is done, but the answer is lost.
    pub lost: u32,
    /// The caller is told of a timeout; it is done much later.
    pub late: u32,
    /// The client tries again by itself; the answer is that of the second try.
    pub retried: u32,
    /// Done again much later.
    pub doubled: u32,
    /// A listing is old or lacks something.
    pub stale: u32,
    /// Takes seconds to minutes.
    pub slow: u32,
    /// An actor stands still for up to five minutes.
    pub stalled: u32,
    /// An actor and all that it runs is gone; another comes in its place.
    pub crashed: u32,
    /// A machine is given up, and its handle goes on.
    pub dropped: u32,
    /// The caller says that it has cancelled.
    pub cancelled: u32,
}

impl Weather {
    /// From calm to storm, each kind by itself.
    pub fn by(dice: &mut Dice) -> Weather {
        let storm = [0, 10, 40, 120][dice.below(4)];
        let mut chance = |most: u32| if dice.one_in(2) { 0 } else { most.min(storm) };
        Weather {
            refused: chance(100),
            lost: chance(100),
            late: chance(100),
            retried: chance(60),
            doubled: chance(60),
            stale: chance(1000) * 4,
            slow: chance(50),
            stalled: chance(40),
            crashed: chance(40),
            dropped: chance(30),
            cancelled: chance(10),
        }
    }
}

/// Somebody who uses a timeline.
pub trait Actor {
    /// Does the next thing, if there is one: `turn` starts it.
    fn act(&mut self, turn: &mut Turn<'_>);

    /// One of its saves has ended.
    fn saved(&mut self, _attempt: usize, _result: &Result<Snapshot>) {}

    /// It was killed; another process with the same task comes in its place, and knows nothing.
    fn crashed(&mut self) {}
}

/// What an actor does its next thing with.
pub struct Turn<'a> {
    pub timeline: Timeline,
    pub line: usize,
    pub model: &'a mut Model,
    pub dice: &'a mut Dice,
    /// How many operations of this actor are under way.
    pub busy: usize,
    /// Set by an actor that goes on with a handle that knows nothing.
    pub reopen: bool,
    started: Vec<(String, Box<dyn Running>)>,
    saved: Sender<Saved>,
    actor: (usize, u64),
    attempts: &'a mut Vec<usize>,
}

/// Which save of whom, and how it ended.
struct Saved {
    actor: (usize, u64),
    attempt: usize,
    result: Result<Snapshot>,
}

impl Turn<'_> {
    /// Starts an operation; `end` is told its result, and the model.
    pub fn run<T: 'static>(
        &mut self,
        what: impl Into<String>,
        machine: Machine<T>,
        end: impl FnOnce(Result<T>, &mut Model) + 'static,
    ) {
        self.started.push((what.into(), Box::new(Operation { machine, end: Some(end) })));
    }

    /// Starts a save of these bytes, by that change. Returns its number.
    pub fn save(
        &mut self,
        bytes: &Bytes,
        change: Change,
        (meta, onto): (Meta, Option<u64>),
    ) -> usize {
        let key = meta.idempotency_key.clone();
        let attempt = self.model.begin(self.line, bytes.clone(), key);
        self.attempts.push(attempt);
        let (saved, actor) = (self.saved.clone(), self.actor);
        let done = Box::new(move |result| {
            // Nobody listens once the world has ended.
            let _ = saved.send(Saved { actor, attempt, result });
        });
        if let Some(machine) = self.timeline.save(Save { change, meta, onto }, done) {
            self.run(format!("save {attempt}"), machine, |_, _| ());
        }
        attempt
    }
}

/// A machine, whatever it gives.
trait Running {
    fn answer(&mut self, id: RequestId, answer: Result<Answer>);
    /// None: it has ended.
    fn step(&mut self, model: &mut Model) -> Option<Vec<(RequestId, Request)>>;
}

struct Operation<T, F> {
    machine: Machine<T>,
    end: Option<F>,
}

impl<T, F: FnOnce(Result<T>, &mut Model)> Running for Operation<T, F> {
    fn answer(&mut self, id: RequestId, answer: Result<Answer>) {
        self.machine.answer(id, answer);
    }

    fn step(&mut self, model: &mut Model) -> Option<Vec<(RequestId, Request)>> {
        match self.machine.step() {
            Step::Do(requests) => Some(requests),
            Step::Done(result) => {
                let end = self.end.take().expect("an operation ends once");
                end(result, model);
                None
            }
        }
    }
}

struct Slot {
    actor: Box<dyn Actor>,
    line: usize,
    options: Options,
    timeline: Timeline,
    /// Grows with each crash.
    life: u64,
    running: BTreeMap<u64, (String, Box<dyn Running>)>,
    /// Saves that have not ended.
    attempts: Vec<usize>,
    turns: u32,
    /// Its clock, less the true time.
    skew: i64,
    stalled_until: u64,
}

/// Whom an answer is for.
#[derive(Clone, Copy)]
struct Address {
    actor: usize,
    life: u64,
    operation: u64,
    id: RequestId,
}

enum Event {
    /// An actor's next turn.
    Turn(usize, u64),
    /// The store does it; the answer goes there.
    Effect(Request, Option<Address>),
    Answer(Address, Result<Answer>),
}

/// Everything.
pub struct World {
    pub model: Model,
    pub dice: Dice,
    pub weather: Weather,
    pub trace: Option<Vec<String>>,
    /// Of those who are added from now on.
    pub cut_from: u64,
    slots: Vec<Slot>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    time: u64,
    order: u64,
    saved: (Sender<Saved>, Receiver<Saved>),
}

impl World {
    pub fn new(model: Model, mut dice: Dice, trace: bool) -> World {
        World {
            model,
            weather: Weather::by(&mut dice),
            dice,
            trace: trace.then(Vec::new),
            cut_from: Options::default().cut_from,
            slots: Vec::new(),
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            time: 1_700_000_000_000,
            order: 0,
            saved: channel(),
        }
    }

    /// Adds somebody, with a clock of his own, who has so many turns.
    pub fn add(&mut self, line: usize, turns: u32, actor: impl Actor + 'static) {
        self.add_with(None, (line, turns), actor);
    }

    /// The same, with leases that last so long.
    pub fn add_with(
        &mut self,
        lease: Option<Duration>,
        (line, turns): (usize, u32),
        actor: impl Actor + 'static,
    ) {
        let dice = &mut self.dice;
        let skew = if dice.one_in(2) { 0 } else { dice.between(0, 1_200_000) as i64 - 600_000 };
        let options = Options {
            level: 1 + dice.below(3) as i32,
            full_integrity: dice.one_in(3),
            cache_bytes: [1, 3000, 64 << 20][dice.below(3)],
            lease,
            cut_from: self.cut_from,
            ..Options::default()
        };
        let timeline = self.open(line, &options);
        let slot = Slot {
            actor: Box::new(actor),
            line,
            options,
            timeline,
            life: 0,
            running: BTreeMap::new(),
            attempts: Vec::new(),
            turns,
            skew,
            stalled_until: 0,
        };
        self.slots.push(slot);
        let delay = self.dice.between(0, 100);
        self.later(delay, Event::Turn(self.slots.len() - 1, 0));
    }

    fn open(&self, line: usize, options: &Options) -> Timeline {
        let supports = std::sync::Arc::new(self.model.store.supports.clone());
        Timeline::new(self.model.lines[line].name.clone(), supports, options.clone())
    }

    /// Runs until nothing happens any more.
    pub fn run(&mut self) {
        while let Some(Reverse((time, order))) = self.queue.pop() {
            self.time = self.time.max(time);
            self.model.store.now = self.time;
            let event = self.events.remove(&order).expect("each event happens once");
            self.happen(event);
        }
        for (number, slot) in self.slots.iter().enumerate() {
            let open: Vec<&String> = slot.running.values().map(|(what, _)| what).collect();
            assert!(open.is_empty(), "actor {number} never ended: {open:?}");
            assert!(slot.attempts.is_empty(), "actor {number}: a save was never answered");
        }
        for line in 0..self.model.lines.len() {
            self.model.check_all(line);
        }
        if self.cut_from != Options::default().cut_from {
            self.model.check_chunks();
        }
    }

    fn later(&mut self, delay: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse((self.time + delay, self.order)));
        self.events.insert(self.order, event);
    }

    fn say(&mut self, text: impl FnOnce(&Model) -> String) {
        let (model, time) = (&self.model, self.time);
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>8} ms  {}", time - 1_700_000_000_000, text(model)));
        }
    }

    fn happen(&mut self, event: Event) {
        if let Event::Turn(actor, _) | Event::Answer(Address { actor, .. }, _) = event {
            let until = self.slots[actor].stalled_until;
            if until > self.time {
                return self.later(until - self.time, event);
            }
        }
        match event {
            Event::Turn(actor, life) if self.slots[actor].life == life => self.turn(actor),
            Event::Turn(..) => {}
            Event::Effect(request, address) => self.effect(request, address),
            Event::Answer(address, answer) => self.answer(address, answer),
        }
    }

    fn fault(&mut self, chance: u32) -> bool {
        let hit = self.dice.permille(chance);
        self.model.figures.faults += u64::from(hit);
        hit
    }

    fn turn(&mut self, number: usize) {
        if self.fault(self.weather.crashed) {
            return self.crash(number);
        }
        if self.fault(self.weather.stalled) {
            self.slots[number].stalled_until = self.time + self.dice.between(1000, 300_000);
        }
        if self.fault(self.weather.dropped) {
            self.give_up(number);
        }
        let slot = &mut self.slots[number];
        if slot.turns == 0 {
            return;
        }
        slot.turns -= 1;
        let mut turn = Turn {
            timeline: slot.timeline.clone(),
            line: slot.line,
            model: &mut self.model,
            dice: &mut self.dice,
            busy: slot.running.len(),
            reopen: false,
            started: Vec::new(),
            saved: self.saved.0.clone(),
            actor: (number, slot.life),
            attempts: &mut slot.attempts,
        };
        slot.actor.act(&mut turn);
        let (started, life, reopen) = (turn.started, slot.life, turn.reopen);
        if reopen {
            let (line, options) = (slot.line, slot.options.clone());
            self.slots[number].timeline = self.open(line, &options);
        }
        for (what, operation) in started {
            self.order += 1;
            let key = self.order;
            self.say(|_| format!("actor {number} begins {what}"));
            self.slots[number].running.insert(key, (what, operation));
            self.step(number, key);
        }
        let delay = self.dice.between(1, 200);
        self.later(delay, Event::Turn(number, life));
    }

    fn crash(&mut self, number: usize) {
        self.say(|_| format!("actor {number} is killed"));
        self.model.figures.crashes += 1;
        let (line, options) = (self.slots[number].line, self.slots[number].options.clone());
        let timeline = self.open(line, &options);
        let slot = &mut self.slots[number];
        slot.life += 1;
        slot.running.clear();
        slot.timeline = timeline;
        slot.actor.crashed();
        let attempts = std::mem::take(&mut slot.attempts);
        let life = slot.life;
        self.model.given_up(line, &attempts);
        self.drain();
        let delay = self.dice.between(1, 2000);
        self.later(delay, Event::Turn(number, life));
    }

    /// Drops a machine; its saves that were not yet taken up are told so by the queue.
    fn give_up(&mut self, number: usize) {
        let keys: Vec<u64> = self.slots[number].running.keys().copied().collect();
        if keys.is_empty() {
            return;
        }
        let key = *self.dice.pick(&keys);
        let slot = &mut self.slots[number];
        let Some((what, operation)) = slot.running.remove(&key) else { return };
        drop(operation);
        self.say(|_| format!("actor {number} gives up {what}"));
        self.drain();
        if what.starts_with("save") {
            let line = self.slots[number].line;
            let attempts = std::mem::take(&mut self.slots[number].attempts);
            self.model.given_up(line, &attempts);
            for attempt in attempts {
                let told = fail(Code::Aborted, "Given up by the simulation.");
                self.slots[number].actor.saved(attempt, &told);
            }
        }
    }

    fn answer(&mut self, to: Address, answer: Result<Answer>) {
        let slot = &mut self.slots[to.actor];
        if slot.life != to.life {
            return;
        }
        let Some((_, operation)) = slot.running.get_mut(&to.operation) else { return };
        operation.answer(to.id, answer);
        self.step(to.actor, to.operation);
    }

    /// Lets a machine go on as far as its answers reach. What needs no store is answered here.
    fn step(&mut self, number: usize, key: u64) {
        loop {
            let slot = &mut self.slots[number];
            let Some((what, mut operation)) = slot.running.remove(&key) else { return };
            let Some(requests) = operation.step(&mut self.model) else {
                self.say(|_| format!("actor {number} ends {what}"));
                return self.drain();
            };
            let mut again = false;
            for (id, request) in requests {
                let address =
                    Address { actor: number, life: self.slots[number].life, operation: key, id };
                if let Some(answer) = self.own(number, &request) {
                    operation.answer(id, Ok(answer));
                    again = true;
                } else {
                    self.say(|_| format!("actor {number} {what}: asks {}", brief(&request)));
                    self.serve(request, address);
                }
            }
            self.slots[number].running.insert(key, (what, operation));
            self.drain();
            if !again {
                return;
            }
        }
    }

    /// Answers what a process answers itself.
    fn own(&mut self, number: usize, request: &Request) -> Option<Answer> {
        match request {
            Request::Now => {
                let now = self.time.saturating_add_signed(self.slots[number].skew);
                Some(Answer::Time(now))
            }
            Request::Random(count) => Some(Answer::Random(self.dice.bytes(*count))),
            Request::Cancelled => Some(Answer::Cancelled(self.fault(self.weather.cancelled))),
            _ => None,
        }
    }

    /// Decides what becomes of a request.
    fn serve(&mut self, request: Request, to: Address) {
        if let Request::Sleep(time) = request {
            return self.later(time.as_millis() as u64, Event::Answer(to, Ok(Answer::Nothing)));
        }
        let writes = !matches!(request, Request::Get { .. } | Request::List(_));
        let slow = self.fault(self.weather.slow);
        let delay = if slow { self.dice.between(1000, 120_000) } else { self.dice.between(1, 40) };
        let much_later = self.dice.between(1, 200_000);
        if self.fault(self.weather.refused) {
            let code = *self.dice.pick(&[Code::Unavailable, Code::Timeout, Code::Io]);
            let refused = fail(code, "Refused by the simulation.");
            return self.later(delay, Event::Answer(to, refused));
        }
        if writes && self.fault(self.weather.lost) {
            self.later(delay, Event::Effect(request, None));
            return self.later(delay + 5, Event::Answer(to, timeout()));
        }
        if writes && self.fault(self.weather.late) {
            self.later(delay + much_later, Event::Effect(request, None));
            return self.later(delay, Event::Answer(to, timeout()));
        }
        if writes && self.fault(self.weather.retried) {
            let first = self.dice.between(1, 2 * delay);
            self.later(first, Event::Effect(request.clone(), None));
        }
        if writes && self.fault(self.weather.doubled) {
            self.later(delay + much_later, Event::Effect(request.clone(), None));
        }
        self.later(delay, Event::Effect(request, Some(to)));
    }

    fn effect(&mut self, request: Request, to: Option<Address>) {
        let loose = matches!(request, Request::List(_)) && self.fault(self.weather.stale);
        let answer = match &request {
            Request::List(query) if loose => {
                Ok(self.model.store.list_loosely(query, &mut self.dice))
            }
            request => self.model.perform(request),
        };
        self.say(|_| {
            let code = answer.as_ref().err().map(|error| error.code());
            let nobody = if to.is_none() { ", and nobody is told" } else { "" };
            let from = to.map_or(String::new(), |to| format!("of actor {} ", to.actor));
            match code {
                Some(code) => format!("store: {from}{} is {code:?}{nobody}", brief(&request)),
                None => format!("store: {from}{} done{nobody}", brief(&request)),
            }
        });
        let Some(to) = to else { return };
        let delay = match self.fault(self.weather.slow) {
            true => self.dice.between(1000, 120_000),
            false => self.dice.between(0, 30),
        };
        if self.dice.one_in(50) {
            // An answer that comes twice does no harm.
            let again = match &answer {
                Ok(answer) => Ok(answer.clone()),
                Err(error) => Err(error.duplicate()),
            };
            self.later(delay + 1, Event::Answer(to, again));
        }
        self.later(delay, Event::Answer(to, answer));
    }

    /// Tells the model and the actors of the saves that have ended, and looks whether all is well.
    fn drain(&mut self) {
        while let Ok(Saved { actor: (number, life), attempt, result }) = self.saved.1.try_recv() {
            if self.slots[number].life != life || !self.slots[number].attempts.contains(&attempt) {
                continue;
            }
            self.say(|_| match &result {
                Ok(saved) => format!("actor {number}: save {attempt} is @{}", saved.sequence),
                Err(error) => format!("actor {number}: save {attempt} failed, {error}"),
            });
            let slot = &mut self.slots[number];
            slot.attempts.retain(|open| *open != attempt);
            let line = slot.line;
            self.model.saved(line, attempt, &result);
            self.slots[number].actor.saved(attempt, &result);
            if self.dice.one_in(4) {
                self.model.check_one(line, &mut self.dice);
            }
        }
    }
}

fn timeout() -> Result<Answer> {
    fail(Code::Timeout, "No answer, says the simulation.")
}

/// A request in a few words.
fn brief(request: &Request) -> String {
    use keepstate_core::store::Op;
    let last = |key: &str| {
        let mut parts = key.rsplit('/');
        let name = parts.next().unwrap_or_default().trim_start_matches('0').to_owned();
        format!("{} {name}", parts.next().unwrap_or_default())
    };
    let what = |key: &str, value: &[u8]| match key.ends_with("/control") {
        true => format!("{} ({})", last(key), control::words(value)),
        false if last(key).contains(" p") => last(key),
        false if value.len() < 5 || !value.starts_with(b"KT") => last(key),
        false => format!("{} of {}", last(key), value[4]),
    };
    match request {
        Request::Get { key, .. } => format!("get {}", last(key)),
        Request::Put { key, value, mode } => format!("put {} {mode:?}", what(key, value)),
        Request::Delete { key, .. } => format!("delete {}", last(key)),
        Request::List(query) => format!("list after {:?}", query.after.as_deref().map(last)),
        Request::Commit(ops) => {
            let one = |op: &Op| match op {
                Op::Put { key, value, mode, .. } => format!("put {} {mode:?}", what(key, value)),
                Op::Delete { key, .. } => format!("delete {}", last(key)),
                Op::Check { key, version } => format!("check {} {version:?}", last(key)),
            };
            format!("commit [{}]", ops.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}
