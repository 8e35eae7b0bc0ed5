//! Changing the control object: by compare-and-set, and known to have happened or not.

pub mod claims;
pub mod debts;
pub mod fence;
pub mod fork;
pub mod pins;
pub mod swap;
pub mod tag;
