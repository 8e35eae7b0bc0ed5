//! The decoders of this folder, for those who feed them nonsense.

use super::frame::{Head, Steps, HEAD};
use super::segment::SegmentHead;
use super::StoreId;

/// Reads frames one after another, whatever their checks say; how many steps there were.
pub fn frames(bytes: &[u8]) -> usize {
    let (mut rest, mut count) = (bytes, 0);
    while let Some((head, _)) = Head::parse(rest) {
        let Some(behind) = rest.get(HEAD..) else { break };
        let length = (head.length as usize).min(behind.len());
        let (payload, next) = behind.split_at(length);
        count += Steps::new(head, payload).flatten().count();
        rest = next;
    }
    count
}

/// Reads the header of a segment.
pub fn segment_head(bytes: &[u8]) -> bool {
    SegmentHead::parse(bytes, StoreId([1; 16])).is_ok()
}
