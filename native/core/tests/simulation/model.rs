//! What must hold, whatever happened: the list of all that anybody tried to save, and where it was
//! seen. Each check panics with a sentence when the timeline has lied.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use keepstate_core::error::{Code, Error, Result};
use keepstate_core::machine::{Answer, Machine, Request, Step};
use keepstate_core::timeline::{
    At, Change, Deleted, Id, Meta, Name, Options, Page, Policy, Pruned, Report, Restored, Save,
    Snapshot, Timeline,
};

use super::dice::Dice;
use super::lives::{Life, Try};
use super::store::{SimStore, Watched};

/// What became of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Open,
    Acknowledged,
    /// By an error after which nothing may be there.
    Refused,
    /// By an error after which it may be there or not.
    Unknown,
}

/// A save that somebody tried.
pub struct Attempt {
    pub bytes: Bytes,
    pub key: Option<String>,
    pub fate: Fate,
    /// The greatest sequence that was acknowledged when it began.
    pub behind: u64,
}

/// What was known when a call began.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The greatest acknowledged sequence.
    pub acknowledged: u64,
    pub floor: u64,
    /// In which life the name was.
    pub life: usize,
}

/// A prune that was begun.
pub struct Begun {
    policy: Policy,
    /// It has failed, and nobody knows what it has done.
    pub ended: bool,
}

/// One timeline.
pub struct Line {
    pub name: Name,
    pub attempts: Vec<Attempt>,
    by_bytes: HashMap<Bytes, Vec<usize>>,
    /// What was seen under each sequence of its own.
    placed: BTreeMap<u64, Bytes>,
    sequence_of: HashMap<Bytes, u64>,
    ids: BTreeMap<u64, Id>,
    /// The lives of the name, the last of which it is in.
    pub lives: Vec<Life>,
    /// Prunes that may take out something yet, because they have not ended or nobody knows how.
    pub prunes: BTreeMap<usize, Begun>,
    /// How many prunes have begun.
    pruned: usize,
    /// What each tag may name.
    pub tags: BTreeMap<String, BTreeSet<u64>>,
    /// Something may have taken tags away.
    pub untagged: bool,
    /// Of what somebody tried to make it a fork.
    pub tries: Vec<Try>,
}

/// Errors that a bad day explains.
pub fn is_transient(error: &Error) -> bool {
    matches!(error.code(), Code::Unavailable | Code::Timeout | Code::Io | Code::Aborted)
}

/// Figures to print.
#[derive(Default, Debug, Clone)]
pub struct Figures {
    pub saves: u64,
    pub refused: u64,
    pub unknown: u64,
    pub reads: u64,
    pub checks: u64,
    pub faults: u64,
    pub crashes: u64,
}

/// Whether a policy keeps a snapshot for certain, where this may be the newest.
fn is_kept(policy: &Policy, sequence: u64, newest: u64) -> bool {
    policy.keep_last.is_some_and(|last| sequence + last > newest)
        || policy.keep_every.is_some_and(|every| sequence % every == 0)
        || sequence >= newest
}

/// The store and what must be in it.
pub struct Model {
    pub store: SimStore,
    pub lines: Vec<Line>,
    pub figures: Figures,
    nothing: Watched,
    /// When checks are made: long after every lease.
    later: u64,
    /// How many calls were made by the checks.
    calls: u64,
}

impl Model {
    pub fn new(store: SimStore, names: &[(&str, &str)]) -> Model {
        let line = |(agent, session): &(&str, &str)| Line {
            name: Name::new(agent, session).unwrap(),
            attempts: Vec::new(),
            by_bytes: HashMap::new(),
            placed: BTreeMap::new(),
            sequence_of: HashMap::new(),
            ids: BTreeMap::new(),
            lives: vec![Life::first()],
            prunes: BTreeMap::new(),
            pruned: 0,
            tags: BTreeMap::new(),
            untagged: false,
            tries: Vec::new(),
        };
        let lines = names.iter().map(line).collect();
        Model {
            store,
            lines,
            figures: Figures::default(),
            nothing: Watched::default(),
            later: 1_900_000_000_000,
            calls: 0,
        }
    }

    fn watched(&self, line: usize) -> &Watched {
        self.store.watched.get(self.lines[line].name.prefix()).unwrap_or(&self.nothing)
    }

    pub fn floor(&self, line: usize) -> u64 {
        self.watched(line).control.floor
    }

    pub fn moment(&self, line: usize) -> Moment {
        let acknowledged = self.life(line).acknowledged.last().copied().unwrap_or(0);
        Moment { acknowledged, floor: self.floor(line), life: self.now(line) }
    }

    /// Notes a save that is about to begin.
    pub fn begin(&mut self, line: usize, bytes: Bytes, key: Option<String>) -> usize {
        let behind = self.moment(line).acknowledged;
        let line = &mut self.lines[line];
        let number = line.attempts.len();
        line.by_bytes.entry(bytes.clone()).or_default().push(number);
        line.attempts.push(Attempt { bytes, key, fate: Fate::Open, behind });
        number
    }

    /// A save has ended.
    pub fn saved(&mut self, line: usize, attempt: usize, result: &Result<Snapshot>) {
        let fate = match result {
            Ok(_) => Fate::Acknowledged,
            Err(error) => match error.code() {
                Code::Conflict | Code::IdempotencyMismatch => Fate::Refused,
                Code::LeaseHeld | Code::LeaseLost => Fate::Refused,
                Code::Unavailable | Code::Timeout | Code::Io | Code::Aborted => Fate::Unknown,
                _ => panic!("a save ended with {error:?}"),
            },
        };
        self.lines[line].attempts[attempt].fate = fate;
        match fate {
            Fate::Refused => self.figures.refused += 1,
            Fate::Unknown => self.figures.unknown += 1,
            _ => self.figures.saves += 1,
        }
        let Ok(snapshot) = result else { return };
        let sequence = snapshot.sequence;
        let Attempt { bytes, key, behind, .. } = &self.lines[line].attempts[attempt];
        assert!(
            key.is_some() || sequence > *behind,
            "a save was acknowledged as @{sequence}, but @{behind} was before it began"
        );
        assert_eq!(snapshot.length, bytes.len() as u64, "@{sequence} has another length");
        let bytes = bytes.clone();
        let life = self.life_of(line, sequence);
        self.place(line, sequence, &bytes);
        self.identify(line, sequence, snapshot.id);
        assert!(
            !self.watched(line).late.contains(&sequence),
            "@{sequence} was acknowledged where nothing counts: below the floor {} or loose {}",
            self.floor(line),
            self.watched(line).control.loose
        );
        self.lines[line].lives[life].acknowledged.insert(sequence);
    }

    /// Whoever waited for these is gone.
    pub fn given_up(&mut self, line: usize, attempts: &[usize]) {
        for attempt in attempts {
            self.lines[line].attempts[*attempt].fate = Fate::Unknown;
        }
    }

    /// A state was seen under a sequence, by somebody who began in that life. It must be one of
    /// that life, or of a later one.
    fn see(&mut self, (line, life): (usize, usize), snapshot: &Snapshot, bytes: &Bytes) {
        let sequence = snapshot.sequence;
        let owners = (life..=self.now(line)).filter_map(|life| self.owner((line, life), sequence));
        let of = owners.into_iter().find(|owner| self.lines[*owner].by_bytes.contains_key(bytes));
        let Some(owner) = of else {
            panic!("@{sequence} holds {} bytes that nobody saved", bytes.len());
        };
        // What a fork shows is there in its parent, too, though it may be shown there no more.
        self.place(owner, sequence, bytes);
        self.identify(owner, sequence, snapshot.id);
    }

    /// These bytes were seen under that sequence of the line's own.
    fn place(&mut self, line: usize, sequence: u64, bytes: &Bytes) {
        let there = self.lines[line].sequence_of.get(bytes).copied();
        let earlier = there.map_or(sequence, |there| there.min(sequence));
        let former = self.life_of(line, earlier) < self.now(line);
        let gone = former || earlier < self.floor(line) || self.may_be_gone(line, earlier);
        let line = &mut self.lines[line];
        let attempts = &line.by_bytes[bytes];
        let refused = |attempt: &usize| line.attempts[*attempt].fate == Fate::Refused;
        assert!(!attempts.iter().all(refused), "@{sequence} holds a save that was refused");
        let before = line.placed.entry(sequence).or_insert_with(|| bytes.clone());
        assert!(before == bytes, "@{sequence} was another state before: two writers have won");
        let keyed = |attempt: &usize| line.attempts[*attempt].key.is_some();
        let place = line.sequence_of.entry(bytes.clone()).or_insert(sequence);
        // What was saved under a key and taken out can be saved again. Who reads slowly may tell of
        // the first only then.
        if gone && attempts.iter().all(keyed) {
            *place = sequence.max(*place);
            return;
        }
        assert_eq!(*place, sequence, "one save is there twice");
    }

    /// Whether a prune may have taken this out, or has.
    pub fn may_be_gone(&self, line: usize, sequence: u64) -> bool {
        let newest = self.newest(line);
        let taken = |prune: &Begun| !is_kept(&prune.policy, sequence, newest);
        let gone = &self.life(line).gone;
        gone.contains(&sequence) || self.lines[line].prunes.values().any(taken)
    }

    /// The greatest sequence that there can be.
    fn newest(&self, line: usize) -> u64 {
        let (own, life) = (self.watched(line).created, self.life(line));
        match life.parent {
            Some(parent) if own < life.first => parent.upto,
            _ => own,
        }
    }

    /// A prune begins; the number and the life are for its end.
    pub fn begin_prune(&mut self, line: usize, policy: &Policy) -> (usize, usize) {
        let life = self.now(line);
        let line = &mut self.lines[line];
        line.untagged |= policy.drop_tagged;
        line.pruned += 1;
        if !policy.dry_run {
            line.prunes.insert(line.pruned, Begun { policy: policy.clone(), ended: false });
        }
        (line.pruned, life)
    }

    /// A prune has ended. What a failed one has done, nobody knows.
    pub fn end_prune(
        &mut self,
        line: usize,
        ((number, life), policy): ((usize, usize), &Policy),
        result: &Result<Pruned>,
    ) {
        let pruned = match result {
            Ok(pruned) => pruned,
            Err(error) => {
                let code = error.code();
                let explained = matches!(code, Code::Conflict | Code::NotFound);
                assert!(is_transient(error) || explained, "a prune gave {error:?}");
                if let Some(prune) = self.lines[line].prunes.get_mut(&number) {
                    prune.ended = true;
                }
                return;
            }
        };
        if policy.dry_run {
            return;
        }
        if life != self.now(line) {
            // Nobody knows in which life it has done it.
            if let Some(prune) = self.lines[line].prunes.get_mut(&number) {
                prune.ended = true;
            }
            return;
        }
        let newest = self.newest(line);
        self.lines[line].prunes.remove(&number);
        for stretch in pruned.runs.iter().filter(|stretch| stretch.why.is_none()) {
            for sequence in stretch.first..=stretch.last {
                // Between neighbours there may be some that had been taken out before.
                let before = self.may_be_gone(line, sequence);
                let kept = is_kept(policy, sequence, newest);
                // And fences, which are no snapshots: nobody has ever saved or seen one.
                let owner = self.owner((line, life), sequence);
                let placed = |owner: usize| self.lines[owner].placed.contains_key(&sequence);
                let there =
                    self.life(line).acknowledged.contains(&sequence) || owner.is_some_and(placed);
                let wrong = there && kept && !before;
                assert!(!wrong, "@{sequence} was taken out, against {policy:?}");
                self.lines[line].lives[life].gone.insert(sequence);
            }
        }
    }

    fn identify(&mut self, line: usize, sequence: u64, id: Id) {
        let known = *self.lines[line].ids.entry(sequence).or_insert(id);
        assert!(known == id, "@{sequence} has changed its id");
    }

    /// A restore has ended, which began at that moment.
    pub fn restored(&mut self, line: usize, at: &At, began: Moment, result: &Result<Restored>) {
        self.figures.reads += 1;
        let floor = self.floor(line);
        let restored = match result {
            Ok(restored) => restored,
            Err(error) => return self.unread(line, at, began, error),
        };
        let sequence = restored.snapshot.sequence;
        self.see((line, began.life), &restored.snapshot, &restored.bytes);
        match at {
            At::Latest if began.life != self.now(line) => {}
            At::Sequence(asked) => assert_eq!(*asked, sequence, "another sequence was restored"),
            At::Latest => {
                let overtaken = floor > began.acknowledged;
                assert!(
                    overtaken || sequence >= began.acknowledged,
                    "the latest was @{sequence}, but @{} was acknowledged",
                    began.acknowledged
                );
                assert!(sequence >= began.floor, "the latest was @{sequence}, which was deleted");
            }
            At::Tag(name) => {
                let may = &self.lines[line].tags[name];
                assert!(may.contains(&sequence), "the tag {name} gave @{sequence}, not {may:?}");
            }
        }
    }

    /// Refuses an error that nothing explains.
    fn unread(&self, line: usize, at: &At, began: Moment, error: &Error) {
        let there = match at {
            At::Latest => began.acknowledged,
            At::Sequence(sequence) if self.life(line).acknowledged.contains(sequence) => *sequence,
            _ => 0,
        };
        let absent = there < self.floor(line)
            || there > began.acknowledged
            || matches!(at, At::Sequence(_)) && self.may_be_gone(line, there);
        let absent = absent || matches!(at, At::Tag(_)) && self.lines[line].untagged;
        // Between two lives there is nothing.
        let absent = absent || began.life != self.now(line);
        match error.code() {
            _ if is_transient(error) => {}
            Code::NotFound if absent => {}
            _ => panic!("{at:?} gave {error:?}; floor {}, {began:?}", self.floor(line)),
        }
    }

    /// A listing of everything has ended.
    pub fn listed(
        &mut self,
        line: usize,
        (page, began): (Page, Moment),
        result: &Result<Vec<Snapshot>>,
    ) {
        self.figures.reads += 1;
        let snapshots = match result {
            Ok(snapshots) => snapshots,
            Err(error) => {
                return assert!(is_transient(error), "a listing gave {error:?}");
            }
        };
        let mut last = None;
        for snapshot in snapshots {
            let sequence = snapshot.sequence;
            let rising = last.is_none_or(|last| (sequence > last) != page.newest_first);
            assert!(rising, "a listing is out of order at @{sequence}");
            last = Some(sequence);
        }
        self.recognize((line, began.life), snapshots);
        if began.life != self.now(line) {
            return;
        }
        let floor = self.floor(line);
        let full = snapshots.len() >= page.limit.unwrap_or(100);
        let seen: BTreeSet<u64> = snapshots.iter().map(|snapshot| snapshot.sequence).collect();
        let live = &self.life(line).acknowledged;
        for sequence in live.range(floor..=began.acknowledged.max(floor)) {
            if *sequence > began.acknowledged || page.after.is_some_and(|after| *sequence <= after)
            {
                continue;
            }
            if self.may_be_gone(line, *sequence) {
                continue;
            }
            let cut = full && last.is_some_and(|last| (*sequence > last) != page.newest_first);
            assert!(cut || seen.contains(sequence), "@{sequence} is not in a listing");
        }
    }

    /// Snapshots were told by their numbers and ids, to somebody who began in that life. All are of
    /// one life: that one, or a later one.
    pub fn recognize(&mut self, (line, life): (usize, usize), snapshots: &[Snapshot]) {
        let fits = |life: &usize| {
            snapshots.iter().all(|snapshot| {
                let owner = self.owner((line, *life), snapshot.sequence);
                let known = owner.map(|owner| self.lines[owner].ids.get(&snapshot.sequence));
                known.is_some_and(|known| known.is_none_or(|id| *id == snapshot.id))
            })
        };
        let lives: Vec<usize> = (life..=self.now(line)).filter(fits).collect();
        let told: Vec<u64> = snapshots.iter().map(|snapshot| snapshot.sequence).collect();
        assert!(!lives.is_empty(), "{told:?} with these ids are of no life since {life}");
        for snapshot in snapshots.iter().filter(|_| lives.len() == 1) {
            let owner = self.owner((line, lives[0]), snapshot.sequence);
            self.identify(owner.expect("it fits"), snapshot.sequence, snapshot.id);
        }
    }

    /// A verification has ended.
    pub fn verified(&mut self, result: &Result<Report>) {
        self.figures.reads += 1;
        match result {
            Ok(report) => assert!(report.problems.is_empty(), "verify: {:?}", report.problems),
            Err(error) => {
                assert!(is_transient(error), "verify gave {error:?}");
            }
        }
    }

    /// A delete of everything has ended.
    pub fn deleted(&mut self, line: usize, began: Moment, result: &Result<Deleted>) {
        // What it has deleted may be another timeline by now.
        let again = began.life != self.now(line);
        let floor = if again { u64::MAX } else { self.floor(line) };
        match result {
            Ok(_) => assert!(
                floor > began.acknowledged,
                "a delete succeeded, but the floor is {floor} and @{} was there",
                began.acknowledged
            ),
            Err(error) => match error.code() {
                _ if is_transient(error) || error.code() == Code::Conflict => {}
                Code::NotFound if floor > began.acknowledged => {}
                _ => panic!("a delete gave {error:?}; floor {floor}, {began:?}"),
            },
        }
    }

    /// A handle of a process that was not there before.
    pub fn fresh(&self, line: usize) -> Timeline {
        let supports = Arc::new(self.store.supports.clone());
        Timeline::new(self.lines[line].name.clone(), supports, Options::default())
    }

    /// Does what the store is asked, and takes note of what that means.
    pub fn perform(&mut self, request: &Request) -> Result<Answer> {
        let answer = self.store.perform(request);
        for birth in std::mem::take(&mut self.store.births) {
            self.born(&birth);
        }
        answer
    }

    /// Runs a machine to its end at this very moment, without a fault.
    pub fn at_once<T>(&mut self, mut machine: Machine<T>) -> Result<T> {
        self.calls += 1;
        // No two calls ever draw the same nonces.
        let mut dice = Dice::new(self.calls);
        loop {
            match machine.step() {
                Step::Done(result) => return result,
                Step::Do(requests) => {
                    for (id, request) in requests {
                        let answer = match &request {
                            Request::Now => Ok(Answer::Time(self.later)),
                            Request::Random(count) => Ok(Answer::Random(dice.bytes(*count))),
                            Request::Sleep(_) => Ok(Answer::Nothing),
                            Request::Cancelled => Ok(Answer::Cancelled(false)),
                            other => self.perform(other),
                        };
                        machine.answer(id, answer);
                    }
                }
            }
        }
    }

    /// At this very moment an acknowledged save comes back, to a process that was not there before.
    pub fn check_one(&mut self, line: usize, dice: &mut Dice) {
        let floor = self.floor(line);
        let live = self.life(line).acknowledged.range(floor..).copied();
        let live: Vec<u64> = live.filter(|sequence| !self.may_be_gone(line, *sequence)).collect();
        if !live.is_empty() {
            self.check_exact(line, *dice.pick(&live), &self.fresh(line));
        }
    }

    fn check_exact(&mut self, line: usize, sequence: u64, timeline: &Timeline) {
        self.figures.checks += 1;
        let restored = match self.at_once(timeline.restore(At::Sequence(sequence))) {
            Ok(restored) => restored,
            Err(error) => panic!("@{sequence} was acknowledged and is lost: {error:?}"),
        };
        assert_eq!(restored.snapshot.sequence, sequence, "another sequence was restored");
        self.see((line, self.now(line)), &restored.snapshot, &restored.bytes);
    }

    /// After everything: each acknowledged save is there, exactly, and the timeline is sound.
    pub fn check_all(&mut self, line: usize) {
        let (floor, timeline) = (self.floor(line), self.fresh(line));
        let page = Page { limit: Some(100_000), ..Page::default() };
        let listed = self.at_once(timeline.list(page)).unwrap();
        let sequences: BTreeSet<u64> = listed.iter().map(|snapshot| snapshot.sequence).collect();
        for sequence in self.life(line).acknowledged.range(floor..) {
            let there = sequences.contains(sequence) || self.may_be_gone(line, *sequence);
            assert!(there, "@{sequence} was acknowledged and is not listed");
        }
        let back = sequences.intersection(&self.life(line).gone).next();
        assert!(back.is_none(), "@{back:?} was taken out and is listed");
        for sequence in &sequences {
            self.check_exact(line, *sequence, &timeline);
        }
        let result = self.at_once(self.fresh(line).verify());
        self.verified(&result);
        let count = result.expect("a verification without faults").snapshots;
        let name = &self.lines[line].name;
        assert_eq!(count, sequences.len() as u64, "verify of {name} read less than {sequences:?}");
        self.check_goes_on(line);
    }

    /// When nothing happens any more, a prune of every timeline leaves no chunk that nobody needs,
    /// and takes none that somebody does; and once all is deleted, none is left at all.
    pub fn check_chunks(&mut self) {
        let all = |dry_run| Policy { keep_last: Some(100_000), dry_run, ..Policy::default() };
        let lines = 0..self.lines.len();
        for line in lines.clone() {
            let pruned = self.at_once(self.fresh(line).prune(all(false)));
            assert!(pruned.is_ok(), "nothing can be pruned any more: {pruned:?}");
        }
        // What was found dead is due.
        self.later += 7_200_000;
        for line in lines.clone() {
            self.at_once(self.fresh(line).prune(all(false))).unwrap();
            let more = self.at_once(self.fresh(line).prune(all(true))).unwrap().freed;
            assert_eq!(more, 0, "{more} bytes of {} were left", self.lines[line].name);
        }
        for line in lines.clone() {
            let timeline = self.fresh(line);
            for sequence in 1..=self.newest(line) {
                let now = self.now(line);
                match self.at_once(timeline.restore(At::Sequence(sequence))) {
                    Ok(restored) => self.see((line, now), &restored.snapshot, &restored.bytes),
                    Err(error) => assert_eq!(error.code(), Code::NotFound, "{error:?}"),
                }
            }
            let result = self.at_once(self.fresh(line).verify());
            self.verified(&result);
        }
        for _ in 0..3 {
            for line in lines.clone().rev() {
                let _ = self.at_once(self.fresh(line).delete());
            }
            self.later += 7_200_000;
        }
        let left = self.store.chunks();
        assert!(left.is_empty(), "all is deleted, and there is {left:?}");
    }

    /// One more save succeeds, and is the latest.
    fn check_goes_on(&mut self, line: usize) {
        let bytes = Bytes::from(format!("one more of {}", self.lines[line].name));
        let attempt = self.begin(line, bytes.clone(), None);
        let save = Save { change: Change::Whole(bytes), meta: Meta::default(), onto: None };
        let (sender, receiver) = std::sync::mpsc::channel();
        let timeline = self.fresh(line);
        let done = Box::new(move |result| sender.send(result).unwrap());
        if let Some(machine) = timeline.save(save, done) {
            self.at_once(machine).unwrap();
        }
        let result = receiver.recv().unwrap();
        assert!(result.is_ok(), "nothing can be saved any more: {result:?}");
        self.saved(line, attempt, &result);
        let began = self.moment(line);
        let restored = self.at_once(self.fresh(line).restore(At::Latest));
        assert!(restored.is_ok(), "{restored:?}");
        self.restored(line, &At::Latest, began, &restored);
    }
}

impl Figures {
    pub fn add(&mut self, other: &Figures) {
        self.saves += other.saves;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.reads += other.reads;
        self.checks += other.checks;
        self.faults += other.faults;
        self.crashes += other.crashes;
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} saves acknowledged, {} refused, {} left open, {} reads, {} checks, {} faults, \
             {} crashes",
            self.saves,
            self.refused,
            self.unknown,
            self.reads,
            self.checks,
            self.faults,
            self.crashes
        )
    }
}
