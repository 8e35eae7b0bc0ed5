//! Rules that can be switched off, one at a time, to see a test turn red. Which test that is stands
//! in `scripts/negative.mjs`.

use std::sync::OnceLock;

macro_rules! rules {
    ($($rule:ident: $what:literal;)*) => {
        /// A rule that nothing may break.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rule { $(#[doc = $what] $rule,)* }

        const ALL: &[(&str, Rule)] = &[$((stringify!($rule), Rule::$rule),)*];
    };
}

rules! {
    SyncCommit: "A commit in sync mode is synced before it is acknowledged.";
    SyncFlush: "A flush syncs what is unsynced.";
    SyncFolder: "A folder is synced after its names have changed.";
    SyncSmallFile: "A small file is synced before it is renamed.";
    SyncNewSegment: "A new segment is synced before the catalog names it.";
    SyncCompacted: "What a compaction wrote is synced before the old is removed.";
    FlushBeforeCompact: "What makes the old dead is synced before the old is removed.";
    CatalogBeforeRemove: "The catalog names the new segment before the old ones are removed.";
    FrameCheck: "A frame counts only if its check chains.";
    ValueCheck: "A value's checksum is compared when it is read from a segment.";
    SmallFileCheck: "A small file counts only if its checksum holds.";
    SegmentHeaderCheck: "A segment counts only if its header's checksum holds.";
    CheckpointCheck: "A block of the checkpoint counts only if its checksum holds.";
    AppendLock: "Only the holder of the append lock appends.";
    Conditions: "A write whose condition does not hold changes nothing.";
    TakeBack: "A write that failed is undone before the next one.";
    EndAfterFailedSync: "After a failed sync nobody appends to that segment.";
    Reserve: "Deletes find room on a full disk.";
    DirSyncFile: "A file's content is synced before it gets its name.";
    DirSyncFolder: "A file's name is synced before the write is acknowledged.";
    DirLock: "Writers of a folder take turns.";
    DirCondition: "The condition of a put is looked at under the lock.";
    DirTimesRise: "A new file's time is above that of the one it replaces.";
    DirTimesOfDeleted: "A new file's time is above that of every file that was deleted.";
    ShardsCheck: "The number of shards counts only with its checksum.";
    FileHash: "A single file's state is compared with its hash.";
    TimelineSum: "A timeline's value counts only if its checksum holds.";
    TimelineCreate: "A snapshot is written where nothing is.";
    TimelineReadBack: "After a lost answer a writer looks whether its own write is there.";
    TimelineControl: "A batch of snapshots counts only if the control object is as it was read.";
    TimelineFence: "Who takes a lease over puts a fence behind the latest snapshot.";
    TimelineClose: "A fence takes the next number before a timeline goes or a fork takes its name.";
    TimelineSwap: "The control object is changed only as it was read.";
    TimelinePlace: "Packs are named only in place of what they were made of.";
    TimelinePins: "A plan of what goes holds only while no fork has come.";
    TimelineForkLooks: "A fork looks whether its snapshot is still there once its pins are set.";
    TimelineReread: "A reader that misses a key reads the control object again.";
    TimelineLate: "A put that was answered late counts only once the control object was read.";
    TimelineGrace: "Where there are no batches, keys are removed a grace after they are dead.";
    TimelineFrame: "A frame that was packed is not continued.";
    TimelineForget: "What was not acknowledged is not built on, and no frame continues over it.";
    SealProof: "A sealed value opens only at its place.";
    ChunkHash: "A chunk is proven by its hash.";
    ChunkClaim: "While somebody claims, no chunk of the timeline is removed.";
    ChunkUses: "What no snapshot needed may be needed once somebody has claimed since.";
    ChunkCondemned: "No save takes a chunk that is to be removed.";
    NamedPacks: "A pack that the control object names is never removed as left over.";
    ChunkSum: "What is said of chunks counts only where its checksum holds.";
}

/// Whether this rule is switched off in this process, by `KEEPSTATE_SABOTAGE`.
pub fn is_off(rule: Rule) -> bool {
    static OFF: OnceLock<Option<Rule>> = OnceLock::new();
    let off = OFF.get_or_init(|| {
        let name = std::env::var("KEEPSTATE_SABOTAGE").ok()?;
        ALL.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
    });
    *off == Some(rule)
}
