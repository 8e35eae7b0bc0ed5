//! Reading: from a reference to proven bytes.

pub mod ahead;
pub mod fetch;
pub mod frame;
pub mod list;
pub mod outflow;
pub mod parted;
pub mod restore;
pub mod tail;
pub mod unpack;
