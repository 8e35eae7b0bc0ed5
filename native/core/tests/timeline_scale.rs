//! What a save costs does not grow with the timeline, nor with the number of timelines beside it,
//! and neither does the memory.
//!
//!     KEEPSTATE_LONG=1         a timeline of 100,000 snapshots
//!     KEEPSTATE_SCALE=1000000  one of so many
//!
//! Costs are processor time, which a busy machine changes little.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod timelines;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepstate_core::clock::SystemClock;
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::{Embedded, Query, Store};
use keepstate_core::timeline::{At, From, Name, Packing, Page, Policy};
use timelines::{Dice, Kept};

const SMALL: u64 = 12_000;

fn scale(unless: u64) -> u64 {
    let unless = if std::env::var("KEEPSTATE_LONG").is_ok() { 100_000 } else { unless };
    std::env::var("KEEPSTATE_SCALE").ok().map_or(unless, |text| text.parse().unwrap())
}

/// Processor time of the whole process.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// A line of /proc/self/status in megabytes.
fn memory(line: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = text.lines().find_map(|l| l.strip_prefix(line)).unwrap();
    found.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn folder_bytes(path: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(path).unwrap();
    entries.map(|entry| entry.unwrap().metadata().unwrap()).map(|m| m.len()).sum()
}

fn open(path: &std::path::Path) -> Arc<Log> {
    Log::open(path, LogOptions::asynchronous(), Arc::new(SystemClock)).unwrap()
}

/// A state of about a kilobyte that changes a little at each step.
struct Agent {
    dice: Dice,
    lines: Vec<Vec<u8>>,
    step: u64,
}

impl Agent {
    fn new(seed: u64) -> Agent {
        Agent { dice: Dice(seed * 77 + 1), lines: Vec::new(), step: 0 }
    }

    fn state(&mut self) -> Vec<u8> {
        self.step += 1;
        let length = 40 + self.dice.roll(60);
        if self.lines.len() == 14 {
            self.lines.remove(0);
        }
        self.lines.push(self.dice.text(length));
        let mut state = format!("{{\"step\":{:07},\"messages\":[", self.step).into_bytes();
        self.lines.iter().for_each(|line| state.extend_from_slice(line));
        state
    }
}

/// What a thousand saves cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu: Duration,
    save: Duration,
    p99: Duration,
    maintain: Duration,
}

fn thousand(kept: &Kept, agent: &mut Agent) -> Cost {
    let before = cpu();
    let (mut walls, mut maintain) = (Vec::with_capacity(1000), Duration::ZERO);
    for _ in 0..1000 {
        let state = agent.state();
        let start = Instant::now();
        kept.save(&state).unwrap();
        walls.push(start.elapsed());
        let start = Instant::now();
        if let Some(machine) = kept.timeline.maintain() {
            kept.run(machine).unwrap();
            maintain += start.elapsed();
        }
    }
    walls.sort();
    let save = walls.iter().sum();
    Cost { cpu: cpu() - before, save, p99: walls[989], maintain }
}

/// The mean of costs, in microseconds of processor time for a save.
fn mean(costs: &[Cost]) -> f64 {
    let total: Duration = costs.iter().map(|cost| cost.cpu).sum();
    total.as_secs_f64() * 1e6 / (costs.len() as f64 * 1000.0)
}

fn timed<T>(what: &str, count: u32, mut call: impl FnMut() -> T) -> Duration {
    let (start, before) = (Instant::now(), cpu());
    (0..count).for_each(|_| drop(call()));
    let each = start.elapsed() / count;
    println!("  {what}: {each:?}, {:?} of processor", (cpu() - before) / count);
    each
}

fn tell(store: &Log, path: &std::path::Path, what: &str) {
    let stats: Vec<_> = store.stats().unwrap();
    println!("  {what}: {} MB resident, {} MB at most", memory("VmRSS:"), memory("VmHWM:"));
    println!("  folder {} MB, {stats:?}", folder_bytes(path) >> 20);
}

#[test]
fn a_long_timeline_costs_what_a_short_one_does() {
    let count = scale(SMALL);
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let store: Arc<dyn Store> = log.clone();
    let kept = Kept::open(&store, "a/b");
    let (mut agent, mut costs) = (Agent::new(1), Vec::new());
    let begun = Instant::now();
    while (costs.len() as u64) < count / 1000 {
        costs.push(thousand(&kept, &mut agent));
        let done = costs.len();
        if done.is_power_of_two() || done % 100 == 0 {
            let Cost { save, p99, maintain, .. } = costs[done - 1];
            let mean = mean(&costs[done.saturating_sub(50)..]);
            println!(
                "{done} k: cpu {mean:.1} us, save {save:?}/k p99 {p99:?}, pack {maintain:?}/k"
            );
            tell(&log, folder.path(), "now");
        }
    }
    println!("scale: {count} saves in {:?}, {:?} of processor", begun.elapsed(), cpu());
    let part = (costs.len() / 4).clamp(1, 20);
    let (first, last) = (mean(&costs[..part]), mean(&costs[costs.len() - part..]));
    println!("scale: first {first:.1} us, last {last:.1} us, {:.2} x", last / first);
    let last_state = kept.restore(At::Latest).unwrap();
    drop(kept);
    log.close().unwrap();
    drop((store, log));

    let start = Instant::now();
    let log = open(folder.path());
    let store: Arc<dyn Store> = log.clone();
    let opened = start.elapsed();
    println!("  open: {opened:?}");
    let kept = Kept::open(&store, "a/b");
    let mut restored = Vec::new();
    timed("restore latest, cold", 1, || restored = kept.restore(At::Latest).unwrap());
    assert!(restored == last_state);
    timed("restore latest, warm", 20, || kept.restore(At::Latest).unwrap());
    let mut dice = Dice(9);
    timed("restore random", 200, || {
        let at = 1 + dice.roll(count as usize) as u64;
        let bytes = kept.restore(At::Sequence(at)).unwrap();
        assert!(bytes.starts_with(format!("{{\"step\":{at:07}").as_bytes()));
    });
    timed("show random", 200, || {
        kept.run(kept.timeline.show(At::Sequence(1 + dice.roll(count as usize) as u64))).unwrap()
    });
    for newest_first in [true, false] {
        timed("list of 100", 10, || {
            let page = Page { limit: Some(100), newest_first, ..Page::default() };
            kept.run(kept.timeline.list(page)).unwrap()
        });
    }
    let mut forks = 0;
    let forked = timed("fork", 10, || {
        forks += 1;
        let at = At::Sequence(1 + dice.roll(count as usize) as u64);
        let name = Name::new("a", &format!("fork-{forks}")).unwrap();
        kept.run(kept.timeline.fork(name, at)).unwrap()
    });
    let mut tags = 0;
    let tagged = timed("tag", 10, || {
        tags += 1;
        let at = At::Sequence(1 + dice.roll(count as usize) as u64);
        kept.run(kept.timeline.tag(format!("tag-{tags}"), at, From::Nowhere)).unwrap()
    });
    let saved = timed("save after open", 1, || kept.save(&agent.state()).unwrap());
    tell(&log, folder.path(), "then");
    for fork in 1..=forks {
        let fork = Kept::open(&store, &format!("a/fork-{fork}"));
        fork.run(fork.timeline.delete()).unwrap();
    }
    for tag in 1..=tags {
        kept.run(kept.timeline.untag(format!("tag-{tag}"), From::Anywhere)).unwrap();
    }
    let before = memory("VmHWM:");
    timed("verify", 1, || {
        let report = kept.run(kept.timeline.verify()).unwrap();
        assert_eq!((report.snapshots, report.problems.len()), (count + 1, 0));
    });
    tell(&log, folder.path(), "verified");
    let policy = |dry_run| Policy { keep_last: Some(1000), dry_run, ..Policy::default() };
    timed("prune, dry", 1, || {
        let pruned = kept.run(kept.timeline.prune(policy(true))).unwrap();
        assert_eq!(pruned.kept, 1000);
        println!("  would free {}", pruned.freed);
    });
    tell(&log, folder.path(), "planned");
    timed("prune", 1, || {
        let pruned = kept.run(kept.timeline.prune(policy(false))).unwrap();
        assert_eq!((pruned.kept, pruned.gone), (1000, count + 1 - 1000));
        println!("  freed {}", pruned.freed);
    });
    tell(&log, folder.path(), "pruned");
    println!("  {} MB at most before verify", before);
    assert!(last / first < 1.5, "a save costs {first} us at first and {last} us at last");
    assert!(opened < Duration::from_secs(1), "open took {opened:?}");
    assert!(memory("VmHWM:") < 300, "{} MB", memory("VmHWM:"));
    for (what, time) in [("fork", forked), ("tag", tagged), ("save", saved)] {
        assert!(time < Duration::from_millis(20), "{what} took {time:?}");
    }
}

#[test]
fn a_folder_of_many_timelines_costs_what_one_does() {
    let count = scale(SMALL) / 100;
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let store: Arc<dyn Store> = log.clone();
    // Everybody's handles stay open, and all of them save in turn.
    let name = |number: u64| format!("agent-{}/run-{number}", number % 7);
    let kepts: Vec<Kept> = (0..count).map(|number| Kept::open(&store, &name(number))).collect();
    let mut agents: Vec<Agent> = (0..count).map(Agent::new).collect();
    let mut costs = Vec::new();
    for round in 0..ROUNDS {
        let before = cpu();
        for (kept, agent) in kepts.iter().zip(&mut agents) {
            kept.save(&agent.state()).unwrap();
            kept.timeline.maintain().map(|machine| kept.run(machine).unwrap());
        }
        costs.push((cpu() - before).as_secs_f64() * 1e6 / count as f64);
        println!("round {round}: {:.1} us of processor for a save", costs[round]);
        tell(&log, folder.path(), "now");
    }
    let held: usize = kepts.iter().map(|kept| kept.timeline.memory()).sum();
    println!("  the handles hold {} MB", held >> 20);
    drop(kepts);
    log.close().unwrap();
    drop((store, log));
    let start = Instant::now();
    let log = open(folder.path());
    let store: Arc<dyn Store> = log.clone();
    let opened = start.elapsed();
    println!("  open: {opened:?}");
    timed("list all keys", 1, || {
        let query = Query { prefix: "t/".into(), ..Query::default() };
        println!("  {} keys", store.list(&query).unwrap().len());
    });
    timed("skip from timeline to timeline", 1, || {
        let (mut found, mut after) = (0, "t/".to_owned());
        loop {
            let query = Query { prefix: "t/".into(), after: Some(after), limit: Some(1) };
            let Some(entry) = store.list(&query).unwrap().pop() else { break };
            after = Name::of_key(&entry.key).unwrap().0.behind();
            found += 1;
        }
        assert_eq!(found, count);
    });
    let mut dice = Dice(5);
    timed("restore the latest of any", 50, || {
        let kept = Kept::open(&store, &name(dice.roll(count as usize) as u64));
        assert!(kept.restore(At::Latest).unwrap().starts_with(b"{\"step\":0000012"));
    });
    tell(&log, folder.path(), "then");
    let half = costs.len() / 2;
    let (first, last) = (costs[1..half].iter().sum::<f64>(), costs[half + 1..].iter().sum::<f64>());
    assert!(last / first < 1.5, "saves cost {costs:?}");
    assert!(opened < Duration::from_secs(1), "open took {opened:?}");
    assert!(memory("VmHWM:") < 300, "{} MB", memory("VmHWM:"));
}

const ROUNDS: usize = 12;

/// Saves with and without packing beside them, in turn: the median and the slowest of a hundred.
#[test]
fn packing_beside_saves_does_not_slow_them() {
    let rounds = if scale(0) == 0 { 3 } else { 15 };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let logs = [open(folders[0].path()), open(folders[1].path())];
    let mut walls = [Vec::new(), Vec::new()];
    let mut agents = [Agent::new(4), Agent::new(4)];
    let kepts = [0, 1].map(|at: usize| Kept::open(&(logs[at].clone() as Arc<dyn Store>), "a/b"));
    for _ in 0..rounds {
        for packs in [0, 1] {
            let (kept, done) = (&kepts[packs], AtomicBool::new(packs == 0));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        match kept.timeline.maintain() {
                            Some(machine) => drop(kept.run(machine).unwrap()),
                            None => std::thread::sleep(Duration::from_micros(200)),
                        }
                    }
                });
                for _ in 0..1000 {
                    let state = agents[packs].state();
                    let start = Instant::now();
                    kept.save(&state).unwrap();
                    walls[packs].push(start.elapsed());
                    // An agent does something else, too.
                    std::thread::sleep(Duration::from_micros(100));
                }
                done.store(true, Ordering::Relaxed);
            });
        }
    }
    let [without, with] = walls.map(|mut walls| {
        walls.sort();
        let at = |part: usize| walls[walls.len() * part / 1000];
        (at(500), at(990), at(999))
    });
    println!("p50, p99, p99.9 without packing {without:?}, with {with:?}");
    assert!(with.0 < without.0 * 2, "half of the saves take {:?}, not {:?}", with.0, without.0);
}

/// What packing a recorded session gives, where KEEPSTATE_SESSION names the folder it was saved in.
#[test]
fn a_recorded_session_packs_tightly() {
    let Ok(path) = std::env::var("KEEPSTATE_SESSION") else { return };
    let log = open(path.as_ref());
    let store: Arc<dyn Store> = log.clone();
    let kept = Kept::open(&store, "bench/run");
    let sizes = |what: &str| {
        let entries = store.list(&Query { prefix: "t/".into(), ..Query::default() }).unwrap();
        println!(
            "{what}: {} values, {}",
            entries.len(),
            entries.iter().map(|e| e.size).sum::<u64>()
        );
        entries
    };
    sizes("saved");
    for level in [9, 12, 15, 19, 22] {
        timed("pack", 1, || {
            let packing = Packing { all: true, level: Some(level) };
            kept.run(kept.timeline.pack(packing)).unwrap();
            let page = Page { limit: Some(0), ..Page::default() };
            kept.run(kept.timeline.list(page)).unwrap();
        });
        for entry in sizes(&format!("level {level}")) {
            let value = store.get(&entry.key, None).unwrap().unwrap().value;
            println!("  {} {}{}", entry.key, entry.size, parts(&value));
        }
    }
}

/// The lengths of a pack's heads and data.
fn parts(value: &[u8]) -> String {
    if !value.starts_with(b"KP") {
        return String::new();
    }
    let mut at = 8;
    let mut varint = |skip: usize| {
        let (mut number, mut shift) = (0u64, 0);
        loop {
            let byte = value[at];
            at += 1;
            number |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                at += skip;
                return number;
            }
        }
    };
    let (_, _, _, count) = (varint(0), varint(0), varint(0), varint(0));
    let (mut heads, mut data) = ((0, 0), (0, 0));
    for _ in 0..count {
        for _ in 0..4 {
            varint(0);
        }
        heads = (heads.0 + varint(0), heads.1 + varint(4));
        data = (data.0 + varint(0), data.1 + varint(4));
    }
    format!(": {count} blocks, heads (raw, stored) {heads:?}, data {data:?}")
}
