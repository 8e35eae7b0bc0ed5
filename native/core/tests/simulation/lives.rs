//! The lives of a name. Each begins when the name becomes a fork, and ends when another one takes
//! it after a delete. A life shows what it was forked from, and from its first own number on what
//! was saved in it; own numbers never come again, so a number tells in which life it was saved.

use std::collections::BTreeSet;

use super::control::Origin;
use super::model::Model;
use super::store::Birth;

/// Where the history of a fork comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    pub line: usize,
    /// Which of its lives.
    pub life: usize,
    /// The snapshot that was forked.
    pub upto: u64,
}

/// A life of a name.
#[derive(Debug, Clone)]
pub struct Life {
    /// None: it began with its first save.
    pub parent: Option<Parent>,
    /// The first number of its own.
    pub first: u64,
    /// What it must show, unless it is taken out.
    pub acknowledged: BTreeSet<u64>,
    /// What a prune said that it took out.
    pub gone: BTreeSet<u64>,
}

impl Life {
    /// That of a name which is no fork.
    pub fn first() -> Life {
        Life { parent: None, first: 1, acknowledged: BTreeSet::new(), gone: BTreeSet::new() }
    }
}

/// A try to make a fork.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    pub from: usize,
    pub upto: u64,
    /// In which lives of the two names it began.
    life_from: usize,
    life_to: usize,
}

impl Model {
    /// The life that a name is in.
    pub fn life(&self, line: usize) -> &Life {
        &self.lines[line].lives[self.now(line)]
    }

    /// The number of that life.
    pub fn now(&self, line: usize) -> usize {
        self.lines[line].lives.len() - 1
    }

    /// What a number of a life is: saved to which line under that number, if it can be at all.
    pub fn owner(&self, (line, life): (usize, usize), sequence: u64) -> Option<usize> {
        let lives = &self.lines[line].lives;
        if sequence >= lives[life].first {
            let ended = lives.get(life + 1).is_some_and(|next| sequence >= next.first);
            return (!ended).then_some(line);
        }
        let Parent { line, life, upto } = lives[life].parent?;
        (sequence <= upto).then(|| self.owner((line, life), sequence)).flatten()
    }

    /// In which life of a line a number of its own was given.
    pub fn life_of(&self, line: usize, sequence: u64) -> usize {
        let lives = &self.lines[line].lives;
        lives.iter().rposition(|life| sequence >= life.first).unwrap_or(0)
    }

    /// A fork of a snapshot is tried.
    pub fn begin_fork(&mut self, (from, to): (usize, usize), upto: u64) -> Try {
        let (life_from, life_to) = (self.now(from), self.now(to));
        let begun = Try { from, upto, life_from, life_to };
        self.lines[to].tries.push(begun);
        begun
    }

    /// A fork was acknowledged: there was one, and if it is still there, it shows the snapshot.
    pub fn forked(&mut self, to: usize, of: Try, upto: u64) {
        assert_eq!(upto, of.upto, "another snapshot was forked");
        let is_this = |life: &Life| {
            life.parent.is_some_and(|parent| (parent.line, parent.upto) == (of.from, of.upto))
        };
        let lives = &self.lines[to].lives;
        let made = lives.iter().skip(of.life_to + 1).any(is_this);
        assert!(made, "a fork of @{upto} was acknowledged, and never made");
        if is_this(self.life(to)) {
            self.acknowledge(to, upto);
        }
    }

    /// From now on the life that a name is in must show this.
    fn acknowledge(&mut self, line: usize, sequence: u64) {
        let now = self.now(line);
        self.lines[line].lives[now].acknowledged.insert(sequence);
    }

    /// A name has become a fork. It must be one that somebody tried to make, and shows what its
    /// parent does, whatever becomes of that.
    pub fn born(&mut self, birth: &Birth) {
        let of = |line: &super::model::Line| line.name.prefix() == birth.prefix;
        let to = self.lines.iter().position(of).expect("a timeline of the model");
        let created = self.store.watched[&birth.prefix].created;
        let Origin { first, parts } = &birth.origin;
        assert!(*first > created, "a fork goes on with @{first}, but @{created} was there");
        let matches = |of: &Try| {
            let lives = of.life_from..=self.now(of.from);
            let mut parents = lives.map(|life| Parent { line: of.from, life, upto: of.upto });
            // What was deleted and went on as no fork shows nothing of its own parent any more.
            let is = |all: Vec<_>| all.ends_with(parts);
            parents.find(|parent| self.parts(*parent).is_some_and(is))
        };
        let parent = self.lines[to].tries.iter().rev().find_map(matches);
        let Some(parent) = parent else {
            panic!("a fork nobody tried to make: {:?}, from {first}", parts);
        };
        let shown = self.shown(parent);
        if let Some(least) = shown.first() {
            assert!(birth.floor <= *least, "a fork does not show @{least} of what it forks");
        }
        let life = Life { parent: Some(parent), first: *first, ..Life::first() };
        let line = &mut self.lines[to];
        line.lives.push(Life { acknowledged: shown, ..life });
        // Of those that have ended, nothing comes any more: the control object has changed.
        line.prunes.retain(|_, prune| !prune.ended);
    }

    /// In whose keys the history of a fork lies, and up to where.
    fn parts(&self, Parent { line, life, upto }: Parent) -> Option<Vec<(String, u64)>> {
        let name = self.lines[line].name.to_string();
        let of = &self.lines[line].lives[life];
        let Some(parent) = of.parent else { return Some(vec![(name, upto)]) };
        if upto < of.first {
            return (upto <= parent.upto).then(|| self.parts(Parent { upto, ..parent })).flatten();
        }
        let mut parts = self.parts(parent)?;
        parts.push((name, upto));
        Some(parts)
    }

    /// What a parent shows for certain.
    fn shown(&self, Parent { line, life, upto }: Parent) -> BTreeSet<u64> {
        let floor = self.floor(line);
        if life != self.now(line) || floor > upto {
            return BTreeSet::new();
        }
        let shown = self.life(line).acknowledged.range(floor..=upto).copied();
        shown.filter(|sequence| !self.may_be_gone(line, *sequence)).collect()
    }
}
