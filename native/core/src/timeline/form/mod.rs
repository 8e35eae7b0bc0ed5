//! What lies in the store, and what it is called: pure values, their bytes and their names.

pub mod condemned;
pub mod control;
pub mod edit;
pub mod extent;
pub mod holders;
pub mod id;
pub mod meta;
pub mod name;
pub mod names;
pub mod pack;
pub mod packer;
pub mod parts;
pub mod record;
pub mod reference;
pub mod sections;
pub mod snapshot;
pub mod walk;
