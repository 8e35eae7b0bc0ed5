//! Looking: whether everything is whole, where bytes come from, and who changed what.

pub mod blame;
pub mod verify;
pub mod why;
