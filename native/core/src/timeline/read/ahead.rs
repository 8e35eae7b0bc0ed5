//! Reading ahead: a handle that knows nothing yet asks at once for what it will need, so that a
//! restore over a network takes few rounds, however many values it reads.
//!
//! Nothing is concluded here but which snapshot is the latest. What is damaged or gone is left to
//! whoever needs it.

use std::sync::Arc;

use super::tail::TRIED;
use super::{fetch, unpack};
use crate::error::{Code, Error, Result};
use crate::machine::{Answer, Request};
use crate::store::{Entry, Query};
use crate::timeline::form::name::Name;
use crate::timeline::form::sections::Packed;
use crate::timeline::form::snapshot::At;
use crate::timeline::operation::layout::{self, Layout, Region};
use crate::timeline::operation::run::Run;

/// How many keys are listed to find the latest.
const LISTED: usize = 1000;
/// The most snapshots in values of their own, and the most packs, that are read ahead.
const VALUES: usize = 96;
const PACKS: usize = 24;
/// How far the latest may be behind the hint: as many saves as move it, and a write of several.
const BEHIND: u64 = 64 + TRIED;
/// The most bytes of values of their own that are read ahead.
const BYTES: u64 = 32 << 20;

/// How much is wanted of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What is said of it.
    Record,
    /// Its state.
    State,
}

/// Reads what a snapshot will need. A handle that has read something before only asks for what is
/// new.
pub async fn read(run: &Run, at: &At, wanted: Wanted) -> Result<()> {
    if run.seen.layout.lock().is_some() {
        return Ok(());
    }
    let known = run.shared.layout.lock().clone();
    match known {
        Some(known) if *at == At::Latest => return again(run, &known).await,
        Some(_) => return Ok(()),
        None => {}
    }
    if *at == At::Latest {
        return latest(run, wanted).await;
    }
    let layout = run.layout().await?;
    let tag = |name: &String| layout.held.control.tags.iter().find(|tag| tag.name == *name);
    let sequence = match at {
        At::Sequence(sequence) => Some(*sequence),
        At::Tag(name) => tag(name).map(|tag| tag.sequence),
        At::Latest => None,
    };
    let Some(sequence) = sequence.filter(|_| wanted == Wanted::State) else { return Ok(()) };
    let own = layout.own();
    let loose: Vec<u64> = (own.loose..=sequence).rev().take(VALUES).collect();
    together(run, &loose, packs(&layout, sequence)).await.map(|_| ())
}

/// The control object and a listing tell what to read; then all of that is read at once.
async fn latest(run: &Run, wanted: Wanted) -> Result<()> {
    let listed = look(run).await?;
    let layout = run.layout().await?;
    let own = layout.own();
    let number = |entry: &Entry| Some((Name::of_key(&entry.key)?.1?, entry.size));
    let mut loose: Vec<(u64, u64)> = listed.iter().filter_map(number).collect();
    let cut = listed.len() == LISTED && listed.last().and_then(number).is_some();
    loose.retain(|(sequence, _)| *sequence >= own.loose);
    let last = loose.last().map_or(own.loose - 1, |(sequence, _)| *sequence);
    if cut || layout.held.control.hint.max(own.loose - 1) > last {
        return hinted(run, wanted).await;
    }
    let (most, packs) = match wanted {
        Wanted::Record => (1, Vec::new()),
        Wanted::State => (VALUES, packs(&layout, last)),
    };
    let mut bytes = 0;
    let fits = |(_, size): &&(u64, u64)| {
        bytes += size;
        bytes <= BYTES
    };
    let mut keys: Vec<u64> =
        loose.iter().rev().take(most).take_while(fits).map(|(sequence, _)| *sequence).collect();
    keys.extend(last + 1..=last + TRIED);
    let Some(reached) = together(run, &keys, packs).await? else { return Ok(()) };
    conclude(run, &layout, (reached.max(last), last + TRIED));
    Ok(())
}

/// Where a listing tells too little: what was removed a moment ago may still be listed, and fill
/// it. Every number is asked for that the latest can have by the hint.
async fn hinted(run: &Run, wanted: Wanted) -> Result<()> {
    let layout = run.layout().await?;
    let loose = layout.own().loose;
    let hint = layout.held.control.hint.max(loose - 1);
    let end = hint + BEHIND;
    let (from, packs) = match wanted {
        Wanted::Record => (hint.max(loose), Vec::new()),
        Wanted::State => (loose, packs(&layout, end)),
    };
    if end - from > 2 * BEHIND {
        return Ok(());
    }
    let keys: Vec<u64> = (from..=end).collect();
    match together(run, &keys, packs).await? {
        // A value that begins before may reach here.
        Some(0) if from > loose => {}
        Some(reached) => conclude(run, &layout, (reached.max(loose - 1), end)),
        None => {}
    }
    Ok(())
}

/// Which one is the latest: the last that was found, if more were asked for.
fn conclude(run: &Run, layout: &Layout, (reached, end): (u64, u64)) {
    if reached < end {
        let loose = layout.own().loose;
        *run.seen.reached.lock() = Some(if reached < loose { None } else { Some(reached) });
        run.doubt();
    }
}

/// Reads the control object again, and beside it the keys behind the newest that is known.
async fn again(run: &Run, known: &Arc<Layout>) -> Result<()> {
    let own = known.own();
    run.begin();
    let newest = run.cache().newest().unwrap_or(0).max(own.loose - 1);
    if known.held.control.hint > newest {
        return Ok(());
    }
    let keys = std::iter::once(own.name.control());
    let keys = keys.chain((newest + 1..=newest + TRIED).map(|sequence| own.name.key(sequence)));
    let mut found = run.ask.get_all(keys.collect()).await?.into_iter();
    let layout = layout::take(run, found.next().flatten()).await?;
    if !Arc::ptr_eq(&layout, known) {
        return Ok(());
    }
    let (mut reached, mut whole) = (0, true);
    for (sequence, found) in (newest + 1..).zip(found) {
        let Some(found) = found else { continue };
        let mut records = fetch::Records::new();
        whole &= fetch::take(run, (own, sequence, &found), &mut records).is_ok();
        reached = reached.max(records.last_key_value().map_or(0, |(last, _)| *last));
    }
    if whole {
        conclude(run, &layout, (reached.max(newest), newest + TRIED));
    }
    Ok(())
}

/// Reads the control object, and beside it the first keys.
async fn look(run: &Run) -> Result<Vec<Entry>> {
    let name = &run.shared.name;
    let prefix = name.prefix().to_owned();
    let query = Query { prefix, after: None, limit: Some(LISTED) };
    let control = Request::Get { key: name.control(), range: None };
    run.begin();
    let mut answers = run.ask.all(vec![control, Request::List(query)]).await.into_iter();
    let (control, listed) = (answers.next().transpose()?, answers.next().transpose()?);
    let (Some(Answer::Found(found)), Some(Answer::Listed(listed))) = (control, listed) else {
        return Err(Error::new(Code::Internal, "A driver answered something else."));
    };
    layout::take(run, found).await?;
    Ok(listed)
}

type Lies<'a> = (&'a Region, &'a Packed);

/// The newest packs of the history up to a snapshot.
fn packs(layout: &Layout, upto: u64) -> Vec<Lies<'_>> {
    let all = layout.regions().iter().rev().flat_map(|region| {
        let newest = region.packs.iter().rev();
        newest.filter(move |pack| pack.first <= upto).map(move |pack| (region, pack))
    });
    all.take(PACKS).collect()
}

/// Reads values of their own and the beginnings of packs. Tells the greatest number that was found
/// among the values, 0 if there is none; none if one of them cannot be read.
async fn together(run: &Run, loose: &[u64], packs: Vec<Lies<'_>>) -> Result<Option<u64>> {
    let layout = run.layout().await?;
    let own = layout.own();
    let get = |sequence: &u64| Request::Get { key: own.name.key(*sequence), range: None };
    let mut requests: Vec<Request> = loose.iter().map(get).collect();
    requests.extend(packs.iter().map(|(region, pack)| unpack::opening(&region.name, pack)));
    let mut found = run.ask_all(requests).await?.into_iter();
    let (mut reached, mut whole) = (0, true);
    for (sequence, found) in loose.iter().zip(found.by_ref()) {
        let Some(found) = found else { continue };
        let mut records = fetch::Records::new();
        whole &= fetch::take(run, (own, *sequence, &found), &mut records).is_ok();
        reached = reached.max(records.last_key_value().map_or(0, |(last, _)| *last));
    }
    for ((region, pack), found) in packs.into_iter().zip(found) {
        if let Some(found) = found {
            // What is damaged will be read again by whoever needs it, who then tells.
            let key = pack.key(&region.name);
            let opened = unpack::opened(run, (&key, pack), found.value.clone());
            if opened.is_ok() && pack.size <= unpack::WHOLE_MAX {
                run.seen.wholes.lock().insert(pack.nonce, found.value);
            }
        }
    }
    Ok(whole.then_some(reached))
}
