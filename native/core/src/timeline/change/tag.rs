//! Tags: names for snapshots. They hold what they name, and move only from where they are known to
//! be.

use super::swap;
use crate::error::{fail, Code, Error, Result};
use crate::timeline::form::sections::Tag;
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::operation::run::Run;
use crate::timeline::read::{list, tail};

/// How often it is tried to tag beside other changes.
const ATTEMPTS: usize = 32;
/// The longest name of a tag, in bytes.
const NAME_MAX: usize = 512;
/// The most tags of a timeline: all of them are read with every restore.
const TAGS_MAX: usize = 10_000;

/// From where a tag may be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// It must not be there, or name this snapshot already.
    Nowhere,
    /// It must name this one.
    Sequence(u64),
    /// From wherever it is.
    Anywhere,
}

/// Names a snapshot.
pub async fn tag(run: &Run, name: &str, to: (At, From)) -> Result<Snapshot> {
    check(name)?;
    run.require_conditions()?;
    let (at, from) = to;
    for _ in 0..ATTEMPTS {
        let layout = run.look().await?;
        let sequence = tail::resolve(run, &at).await?;
        let snapshot = list::show(run, &At::Sequence(sequence)).await?;
        run.settle().await?;
        let mut control = layout.held.control.clone();
        let tag = Tag { name: name.into(), sequence, id: snapshot.id };
        match control.tags.binary_search_by(|other| other.name.as_str().cmp(name)) {
            Ok(there) => {
                let now = control.tags[there].sequence;
                if now == sequence {
                    return Ok(snapshot);
                }
                require(run, (name, now), &from)?;
                control.tags[there] = tag;
            }
            Err(_) if matches!(from, From::Sequence(_)) => return Err(untagged(run, name)),
            Err(_) if control.tags.len() >= TAGS_MAX => {
                let message = format!("{} has {TAGS_MAX} tags; remove some.", run.shared.name);
                return fail(Code::ValueTooLarge, message);
            }
            Err(place) => control.tags.insert(place, tag),
        }
        let tags = control.names_of(sequence);
        if swap::swap(run, (&layout, control), Vec::new()).await? {
            return Ok(Snapshot { tags, ..snapshot });
        }
    }
    Err(swap::busy(run))
}

/// Takes a name away; tells what it named.
pub async fn untag(run: &Run, name: &str, from: &From) -> Result<u64> {
    swap::control(run, |_, control| {
        let there = control.tags.iter().position(|tag| tag.name == name);
        let Some(there) = there else { return Err(untagged(run, name)) };
        let now = control.tags[there].sequence;
        if let From::Sequence(_) = from {
            require(run, (name, now), from)?;
        }
        Ok(control.tags.remove(there).sequence)
    })
    .await
}

/// All names, with what they name, by name.
pub async fn tags(run: &Run) -> Result<Vec<(String, u64)>> {
    let layout = run.layout().await?;
    let tags = layout.held.control.tags.iter();
    Ok(tags.map(|tag| (tag.name.clone(), tag.sequence)).collect())
}

fn check(name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= NAME_MAX && name != "latest" {
        return Ok(());
    }
    let message = format!("A tag has 1 to {NAME_MAX} bytes and is not 'latest'; choose another.");
    fail(Code::InvalidArgument, message)
}

fn require(run: &Run, (name, now): (&str, u64), from: &From) -> Result<()> {
    let holds = match from {
        From::Anywhere => true,
        From::Sequence(sequence) => *sequence == now,
        From::Nowhere => false,
    };
    if holds {
        return Ok(());
    }
    let message = format!(
        "The tag {name} of {} names @{now}; say that it is to be moved from there.",
        run.shared.name
    );
    let name = run.shared.name.to_string();
    Err(Error::new(Code::Conflict, message).at(|place| place.timeline = Some(name)))
}

fn untagged(run: &Run, name: &str) -> Error {
    let message = format!("{} has no tag {name}; name one it has.", run.shared.name);
    Error::new(Code::NotFound, message)
}
