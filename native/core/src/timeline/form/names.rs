//! Whether there is a timeline, as far as its control object and a look at its keys can tell: for
//! listings of many.

use bytes::Bytes;

use super::control::Control;
use super::name::Name;
use crate::error::Result;

/// Whether a timeline has snapshots to show. Of a fork that has none of its own yet there is only a
/// control object, and of one that was deleted there may be that, and packs that forks need. None:
/// only a look at its values tells, as `Timeline::show` gives it. `values`: how many keys of values
/// were seen.
pub fn shows(name: &Name, control: Option<&Bytes>, values: usize) -> Result<Option<bool>> {
    let loose = values > 0;
    let Some(bytes) = control else { return Ok(Some(loose)) };
    let control = Control::decode(&name.control(), bytes)?;
    let floor = control.floor.sequence;
    let forked = control
        .origin
        .as_ref()
        .is_some_and(|origin| origin.line.iter().any(|branch| branch.last >= floor));
    if forked || control.packs.iter().any(|pack| pack.last >= floor) {
        return Ok(Some(true));
    }
    // What is below the floor may not yet be removed, and a lease may have left a fence.
    let plain = floor == 1 && control.lease.is_none();
    Ok(if loose && !plain { None } else { Some(loose) })
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
