//! The page: 4,096 bytes that every process on the folder maps, with counters and hints.
//!
//! Unsafe because memory shared with other processes is reached through a raw pointer. What makes
//! it sound: the map is 4,096 bytes long and page aligned, lives as long as `Page`, and is only
//! touched as aligned `AtomicU64`, so no plain access ever races.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::medium::File;
use super::{digest64, StoreId};
use crate::error::{Error, Result};

/// The page's length.
pub(super) const SIZE: u64 = 4096;
const MAGIC: u64 = u64::from_le_bytes(*b"KSPAGE\x01\n");

const MAGIC_AT: usize = 0;
const ID_AT: usize = 8;
const GENERATION_AT: usize = 24;
const ACKNOWLEDGED_AT: usize = 32;
const SYNCED_AT: usize = 40;
const SYNCED_CHECK_AT: usize = 48;
const STATE_AT: usize = 56;
const WANTED_AT: usize = 64;

/// What the last holder of the append lock left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// All in order.
    Order,
    /// It ended in the middle of something.
    Midway,
    /// Its sync failed: the segment must be ended at `synced` first.
    SyncFailed,
}

/// A place in the log: a segment's number and an offset in it, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Spot(pub u64);

impl Spot {
    pub const OFFSET_BITS: u32 = 40;

    pub fn new(segment: u64, offset: u64) -> Self {
        Spot(segment << Self::OFFSET_BITS | offset & ((1 << Self::OFFSET_BITS) - 1))
    }

    pub fn segment(self) -> u64 {
        self.0 >> Self::OFFSET_BITS
    }

    pub fn offset(self) -> u64 {
        self.0 & ((1 << Self::OFFSET_BITS) - 1)
    }
}

type Mapping = fn(&MmapOptions, &std::fs::File) -> std::io::Result<MmapRaw>;

/// The mapped page.
pub(super) struct Page {
    map: MmapRaw,
    id: StoreId,
}

impl Page {
    /// Maps, to read, a page that is there and belongs to the store.
    pub fn existing(file: &File, id: StoreId) -> Result<Option<Page>> {
        Page::mapped(file, id, |options, file| options.map_raw_read_only(file))
    }

    /// Maps, to write, a page that is there and belongs to the store.
    pub fn of_store(file: &File, id: StoreId) -> Result<Option<Page>> {
        Page::mapped(file, id, |options, file| options.map_raw(file))
    }

    fn mapped(file: &File, id: StoreId, how: Mapping) -> Result<Option<Page>> {
        if file.length()? < SIZE {
            return Ok(None);
        }
        let page = Page::map(file, id, how)?;
        Ok(page.is_ours().then_some(page))
    }

    /// Maps the page; makes it again where it is short, of another store, or new. Only under the
    /// append lock.
    pub fn ensure(file: &File, id: StoreId) -> Result<Page> {
        if file.length()? < SIZE {
            file.write(&[0; SIZE as usize], 0)?;
        }
        let page = Page::map(file, id, |options, file| options.map_raw(file))?;
        if !page.is_ours() {
            page.clear();
        }
        Ok(page)
    }

    fn map(file: &File, id: StoreId, how: Mapping) -> Result<Page> {
        let map = how(MmapOptions::new().len(SIZE as usize), file.raw());
        let map = map.map_err(|error| Error::io(error, "Mapping the page", file.path()))?;
        Ok(Page { map, id })
    }

    fn at(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset % 8 == 0 && offset + 8 <= SIZE as usize);
        // SAFETY: inside the map, aligned, and never accessed other than atomically.
        unsafe { &*(self.map.as_ptr().add(offset) as *const AtomicU64) }
    }

    fn load(&self, offset: usize) -> u64 {
        u64::from_le(self.at(offset).load(Ordering::Acquire))
    }

    fn store(&self, offset: usize, value: u64) {
        self.at(offset).store(value.to_le(), Ordering::Release);
    }

    fn id_words(&self) -> (u64, u64) {
        let (low, high) = self.id.0.split_at(8);
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |all, byte| all << 8 | *byte as u64);
        (word(low), word(high))
    }

    fn is_ours(&self) -> bool {
        let here = (self.load(ID_AT), self.load(ID_AT + 8));
        self.load(MAGIC_AT) == MAGIC && here == self.id_words()
    }

    fn clear(&self) {
        for offset in (8..SIZE as usize).step_by(8) {
            self.store(offset, 0);
        }
        let (low, high) = self.id_words();
        self.store(ID_AT, low);
        self.store(ID_AT + 8, high);
        self.store(STATE_AT, 1);
        self.store(MAGIC_AT, MAGIC);
    }

    pub fn generation(&self) -> u64 {
        self.load(GENERATION_AT)
    }

    pub fn acknowledged(&self) -> u64 {
        self.load(ACKNOWLEDGED_AT)
    }

    /// Everything below was synced; none where the check does not hold.
    pub fn synced(&self) -> Option<Spot> {
        let spot = self.load(SYNCED_AT);
        (self.load(SYNCED_CHECK_AT) == self.synced_check(spot)).then_some(Spot(spot))
    }

    fn synced_check(&self, spot: u64) -> u64 {
        let mut bytes = [0; 24];
        let (id, word) = bytes.split_at_mut(16);
        id.copy_from_slice(&self.id.0);
        word.copy_from_slice(&spot.to_le_bytes());
        digest64(&bytes)
    }

    pub fn left(&self) -> Left {
        match self.load(STATE_AT) {
            0 => Left::Order,
            2 => Left::SyncFailed,
            _ => Left::Midway,
        }
    }

    pub fn set_generation(&self, generation: u64) {
        self.store(GENERATION_AT, generation);
    }

    pub fn set_acknowledged(&self, commit: u64) {
        self.store(ACKNOWLEDGED_AT, commit);
    }

    pub fn set_synced(&self, spot: Spot) {
        self.store(SYNCED_AT, spot.0);
        self.store(SYNCED_CHECK_AT, self.synced_check(spot.0));
    }

    pub fn set_left(&self, left: Left) {
        self.store(
            STATE_AT,
            match left {
                Left::Order => 0,
                Left::Midway => 1,
                Left::SyncFailed => 2,
            },
        );
    }

    /// Says to the holder of the append lock that somebody waits for it.
    pub fn want(&self) {
        self.store(WANTED_AT, 1);
    }

    /// Whether somebody waited; forgets it.
    pub fn take_wanted(&self) -> bool {
        self.load(WANTED_AT) != 0 && {
            self.store(WANTED_AT, 0);
            true
        }
    }

    /// Makes the page durable. Only a hint, so a failure changes nothing.
    pub fn flush(&self) {
        let _ = self.map.flush();
    }
}
