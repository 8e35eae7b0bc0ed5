//! The way of a save: from what waits to an acknowledged value.
//!
//! What a save builds on is advanced before its write is acknowledged, and forgotten when the write
//! fails: then the next save begins from what the store holds.

use bytes::Bytes;

use super::build::{self, Built, Ground};
use super::queue::{Change, Save};
use super::{idempotency, lease};
use crate::error::{Code, Error, Result};
use crate::store::{Mode, Op};
use crate::timeline::change::{claims, fence, swap};
use crate::timeline::form::control::Held;
use crate::timeline::form::record::Value;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::form::walk;
use crate::timeline::operation::run::Run;
use crate::timeline::read::tail::{self, Tail};
use crate::timeline::read::{fetch, list};

/// How many saves the hint in the control object may lag behind.
const HINT_EVERY: u64 = 64;
/// How often a save is tried again because the control object changed under it.
const ATTEMPTS: usize = 8;
/// A writer that has not seen the head for this long reads the floor before it acknowledges, where
/// the store cannot make it a condition. Whoever deletes waits twice as long (milliseconds).
const UNSEEN_MAX: u64 = 30_000;
/// What a round of writing begins with.
pub struct Start {
    /// What this handle knows of the latest snapshot. Afterwards, if the round was acknowledged,
    /// what the next save builds on.
    pub ground: Option<Ground>,
    /// Another writer won, and the caller has not looked since.
    pub refused: bool,
    /// The head that the caller has looked at.
    pub seen: Option<u64>,
}

/// Makes records of the saves and has them acknowledged.
pub async fn write(run: &Run, saves: Vec<Save>, start: &mut Start) -> Result<Vec<Snapshot>> {
    let streamed = saves.iter().filter_map(|save| match &save.change {
        Change::Streamed(streamed) => Some(streamed.claim.clone()),
        _ => None,
    });
    run.seen.claims.lock().extend(streamed);
    let written = attempt(run, saves, start).await;
    claims::settle(run, written.as_ref().err()).await;
    written
}

async fn attempt(run: &Run, saves: Vec<Save>, start: &mut Start) -> Result<Vec<Snapshot>> {
    run.require_conditions()?;
    run.forget_layout();
    run.begin();
    let blind = saves.iter().any(|save| save.onto.is_none());
    if start.refused && blind {
        lease::check(run, &run.look().await?.held.control)?;
        return Err(conflict(run).await);
    }
    let ground = match start.ground.take() {
        // Others have gone on, and packed what they saved: nothing would meet it under its number.
        Some(ground) if ground.tail.is_outrun() && blind => return Err(conflict(run).await),
        Some(ground) if !ground.tail.is_outrun() => ground,
        _ => run.again(|| Box::pin(Ground::load(run))).await?,
    };
    let ground = start.ground.insert(ground);
    let mut left = ATTEMPTS;
    loop {
        lease::require(run, ground).await?;
        if claim(run, ground).await? {
            break;
        }
        left -= 1;
        if left == 0 {
            return Err(swap::busy(run));
        }
    }
    if blind && start.seen.is_some_and(|seen| seen != ground.tail.head) {
        return Err(conflict(run).await);
    }
    if let Some(save) = saves.first() {
        if let Some(snapshot) = idempotency::earlier(run, ground, save).await? {
            ground.captured = false;
            return Ok(vec![snapshot]);
        }
    }
    let epoch = run.shared.epoch();
    let first = ground.tail.sequence + 1;
    ground.first = first;
    let mut built = Vec::with_capacity(saves.len());
    if !run.ask.supports().commit {
        ground.share_frame(saves.len())?;
    }
    for save in saves {
        if save.onto.is_some_and(|onto| onto != ground.tail.head) {
            return Err(conflict(run).await);
        }
        if let Change::Edits { epoch: of_edit, .. } = save.change {
            if of_edit != epoch || !ground.captured {
                return Err(stale(run));
            }
        }
        match build::build(run, ground, save).await {
            Ok(part) => built.push(part),
            Err(error) => return Err(outrun(run, &ground.tail, error).await),
        }
    }
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&run.ask.random(8).await?);
    let mut round = Round { run, first, built, nonce };
    round.submit(ground).await?;
    Ok(round.remember())
}

/// Makes sure that nobody who has put a fence before this save can go on. False: what it builds on
/// was read anew.
async fn claim(run: &Run, ground: &mut Ground) -> Result<bool> {
    if fence::claim(run, &mut ground.tail).await? {
        return Ok(true);
    }
    let head = ground.tail.head;
    run.look().await?;
    *ground = run.again(|| Box::pin(Ground::load(run))).await?;
    match ground.tail.head == head {
        true => Ok(false),
        false => Err(conflict(run).await),
    }
}

/// What a save builds on may be gone by now: then it is no damage that it cannot be read.
async fn outrun(run: &Run, tail: &Tail, error: Error) -> Error {
    if !walk::is_damage(&error) {
        return error;
    }
    match run.look().await {
        Ok(layout) => {
            let (now, then) = (&layout.held.control, &tail.control.control);
            match (now.cuts, now.loose) == (then.cuts, then.loose) {
                true => error,
                false => conflict(run).await,
            }
        }
        // Nobody knows whether it is damage.
        Err(error) => error,
    }
}

fn stale(run: &Run) -> Error {
    let message = format!(
        "The state of {} that this save builds on was not saved; save again.",
        run.shared.name
    );
    Error::new(Code::Unavailable, message)
}

/// What was put may have been there before others removed it, or come after that.
fn uncertain(run: &Run) -> Error {
    let message = format!(
        "Others have removed snapshots of {} while this one was saved, perhaps it too; restore the \
         latest, and save again what is missing.",
        run.shared.name
    );
    Error::new(Code::Unavailable, message)
}

/// Another writer was first. Says who is ahead.
pub async fn conflict(run: &Run) -> Error {
    let head = match run.look().await {
        Ok(_) => tail::latest(run).await,
        Err(error) => Err(error),
    };
    let ahead = match head {
        Ok(Some(sequence)) => format!("its latest snapshot is now @{sequence}"),
        Ok(None) => "it has no snapshots now".to_owned(),
        Err(error) => format!("its head cannot be read ({error})"),
    };
    let message = format!(
        "Another writer has changed {}: {ahead}. Restore it, or save onto the head you mean.",
        run.shared.name
    );
    let name = run.shared.name.to_string();
    Error::new(Code::Conflict, message).at(|place| place.timeline = Some(name))
}

/// One write: consecutive snapshots under one nonce.
struct Round<'a> {
    run: &'a Run,
    first: u64,
    built: Vec<Built>,
    nonce: [u8; 8],
}

/// A snapshot is written only where nothing is.
fn create() -> Mode {
    match sabotaged!(TimelineCreate) {
        true => Mode::Overwrite,
        false => Mode::Create,
    }
}

/// Whose value lies under the key that a write was for.
enum Owner {
    Ours,
    Another,
    Nobody,
}

impl Round<'_> {
    /// Hands the value to the store, until it is acknowledged or refused.
    async fn submit(&mut self, ground: &mut Ground) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if self.lost_frame(&ground.tail) {
                ground.reframe(self.first, &mut self.built)?;
            }
            let tail = &mut ground.tail;
            let (asked, result) = match self.run.ask.supports().commit {
                true => (0, self.commit(tail).await),
                false => (self.run.ask.now().await?, self.put().await),
            };
            let Err(error) = result else { return self.counted(tail, asked).await };
            match self.owner(&error).await? {
                Owner::Ours => return self.counted(tail, asked).await,
                Owner::Another => break,
                Owner::Nobody if error.code() != Code::Conflict => return Err(error),
                Owner::Nobody => {}
            }
            if self.buried(tail).await? {
                match self.packed().await? {
                    Owner::Ours => return self.counted(tail, asked).await,
                    _ => break,
                }
            }
            lease::check(self.run, &tail.control.control)?;
        }
        self.buried(&mut ground.tail).await?;
        lease::check(self.run, &ground.tail.control.control)?;
        Err(conflict(self.run).await)
    }

    /// Whether records continue a frame that was packed away.
    fn lost_frame(&self, tail: &Tail) -> bool {
        let begins = |(sequence, part): (u64, &Built)| sequence - part.record.form.back();
        let loose = tail.control.control.loose;
        let lost = (self.first..).zip(&self.built).map(begins).any(|begins| begins < loose);
        lost && !sabotaged!(TimelineFrame)
    }

    /// What was written counts where its conditions were part of the write.
    async fn counted(&self, tail: &mut Tail, asked: u64) -> Result<()> {
        match self.run.ask.supports().commit {
            true => Ok(()),
            false => self.confirm(tail, asked).await,
        }
    }

    /// One batch: each snapshot under its own key, on the condition that the control object is as
    /// it was read. From time to time the batch moves the hint.
    async fn commit(&self, tail: &mut Tail) -> Result<()> {
        let name = &self.run.shared.name;
        let mut ops = Vec::with_capacity(self.built.len() + 1);
        for (sequence, part) in (self.first..).zip(&self.built) {
            let value = Value { records: vec![part.record.clone()], nonce: self.nonce };
            let key = name.key(sequence);
            let bytes = value.encode(&key).into();
            ops.push(Op::Put { key, value: bytes, mode: create(), ttl: None });
        }
        let version = tail.control.version.clone();
        let claims = self.run.seen.claims.lock().clone();
        claims::require(self.run, &tail.control.control, &claims)?;
        if !self.hinted(tail) && claims.is_empty() {
            if !sabotaged!(TimelineControl) {
                ops.push(Op::Check { key: name.control(), version });
            }
            return self.run.ask.commit(ops).await.map(|_| ());
        }
        let mut control = tail.control.control.clone();
        control.hint = control.hint.max(tail.sequence);
        claims::release(&mut control, &claims);
        control.nonce.copy_from_slice(&self.run.ask.random(16).await?);
        let mode = version.map_or(Mode::Create, Mode::IfVersion);
        let value = Bytes::from(control.encode(&name.control()));
        ops.push(Op::Put { key: name.control(), value, mode, ttl: None });
        let _alone = swap::alone(self.run).await?;
        let versions = self.run.ask.commit(ops).await?;
        tail.control = Held { control, version: versions.last().cloned() };
        Ok(())
    }

    fn hinted(&self, tail: &Tail) -> bool {
        tail.sequence / HINT_EVERY > (self.first - 1) / HINT_EVERY
    }

    /// One value for all, where a store has no batches.
    async fn put(&self) -> Result<()> {
        let records = self.built.iter().map(|part| part.record.clone()).collect();
        let key = self.run.shared.name.key(self.first);
        let value = Value { records, nonce: self.nonce }.encode(&key);
        self.run.ask.put(key, value.into(), create()).await.map(|_| ())
    }

    /// Reads the floor before a put counts, if it may have moved meanwhile. That the key was free
    /// when it was put says as much as a look at the head.
    async fn confirm(&self, tail: &mut Tail, asked: u64) -> Result<()> {
        let now = self.run.ask.now().await?;
        let claims = self.run.seen.claims.lock().clone();
        let unseen = now.abs_diff(tail.seen) > UNSEEN_MAX && !sabotaged!(TimelineLate);
        let unseen = unseen || self.hinted(tail);
        if unseen || !claims.is_empty() {
            // What was put stays: others may have seen it. Below the floor it counts for nothing.
            if self.buried(tail).await? {
                match self.packed().await? {
                    Owner::Ours => {}
                    Owner::Another => return Err(conflict(self.run).await),
                    Owner::Nobody => return Err(uncertain(self.run)),
                }
            }
            if let Err(error) = claims::require(self.run, &tail.control.control, &claims) {
                // Chunks that it needs may be gone.
                self.run.ask.delete(self.run.shared.name.key(self.first), None).await?;
                return Err(error);
            }
            // A lease that was lost is found by the fence: what stands before it was in time.
            self.hint(tail).await;
        }
        tail.seen = asked;
        Ok(())
    }

    /// Whose snapshots others have packed under the numbers of this write. They may have taken out
    /// some of them.
    async fn packed(&self) -> Result<Owner> {
        for (sequence, part) in (self.first..).zip(&self.built) {
            match self.run.again(|| Box::pin(fetch::record(self.run, sequence))).await? {
                Some(record) if record.id == part.record.id => return Ok(Owner::Ours),
                Some(_) => return Ok(Owner::Another),
                None => {}
            }
        }
        Ok(Owner::Nobody)
    }

    /// Reads the control object again. True: others have taken the numbers of this write meanwhile,
    /// or removed what it builds on, so it must not count.
    async fn buried(&self, tail: &mut Tail) -> Result<bool> {
        let held = self.run.look().await?.held.clone();
        let before = std::mem::replace(&mut tail.control, held).control;
        Ok(claims::overtaken((&before, &tail.control.control), self.first))
    }

    /// Moves the hint. Nothing depends on it, so a failure is none.
    async fn hint(&self, tail: &mut Tail) {
        let mut control = tail.control.control.clone();
        control.hint = control.hint.max(tail.sequence);
        let Ok(nonce) = self.run.ask.random(16).await else { return };
        control.nonce.copy_from_slice(&nonce);
        let mode = tail.control.version.clone().map_or(Mode::Create, Mode::IfVersion);
        let key = self.run.shared.name.control();
        let value = control.encode(&key).into();
        let Ok(_alone) = swap::alone(self.run).await else { return };
        if let Ok(version) = self.run.ask.put(key, value, mode).await {
            tail.control = Held { control, version: Some(version) };
        }
    }

    /// Reads back: an answer may have been lost, or a client's own retry may have met its first
    /// try.
    async fn owner(&self, error: &Error) -> Result<Owner> {
        if !error.is_ambiguous() || sabotaged!(TimelineReadBack) {
            return Ok(Owner::Nobody);
        }
        let key = self.run.shared.name.key(self.first);
        let Some(found) = self.run.ask.get(key.clone()).await? else { return Ok(Owner::Nobody) };
        match Value::decode(&key, &found.value) {
            Ok(value) if value.nonce == self.nonce => Ok(Owner::Ours),
            _ => Ok(Owner::Another),
        }
    }

    /// Remembers what was acknowledged, and tells of it.
    fn remember(self) -> Vec<Snapshot> {
        let mut cache = self.run.cache();
        let mut snapshots = Vec::with_capacity(self.built.len());
        let each = self.run.ask.supports().commit;
        for (sequence, mut part) in (self.first..).zip(self.built) {
            part.record.leads = each || sequence == self.first;
            // All of a value or none: the next key is looked for behind the newest that is known.
            match part.fresh {
                Some(fresh) => cache.keep_raw(sequence, &part.record, fresh),
                None => drop(cache.keep(sequence, &part.record)),
            }
            snapshots.push(list::saved(sequence, &part.record, (part.parent, part.meta)));
        }
        snapshots
    }
}
