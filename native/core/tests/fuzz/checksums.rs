//! Checksums that hold although the bytes below them do not, so that what lies behind a checksum is
//! reached. By FORMAT.md, not by the code under test.

fn crc64(bytes: &[u8]) -> [u8; 8] {
    crc_fast::crc64_nvme(bytes).to_le_bytes()
}

fn set(bytes: &mut [u8], at: usize, sum: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + sum.len()) {
        place.copy_from_slice(sum);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 4).map(|four| u32::from_le_bytes(four.try_into().unwrap()) as usize)
}

/// crc32c of the key and all before, as timeline values and control objects end; and `.ks` files,
/// without a key.
pub fn crc32c_at_end(key: &str, bytes: &mut [u8]) {
    let Some(end) = bytes.len().checked_sub(4) else { return };
    let sum = crc_fast::crc32_iscsi(&[key.as_bytes(), &bytes[..end]].concat()).to_le_bytes();
    set(bytes, end, &sum);
}

/// The directory of a pack and what follows it (8): the length of the directory stands in front.
pub fn pack(key: &str, bytes: &mut [u8]) {
    let Some(head) = u32_at(bytes, 4).filter(|head| (8..=bytes.len()).contains(head)) else {
        return;
    };
    crc32c_at_end(key, &mut bytes[..head]);
}

/// The sections of a timeline as one file: kind, length, content, crc32c of these.
pub fn sections(bytes: &mut [u8]) {
    let mut at = 12;
    while let Some(length) = u32_at(bytes, at + 1) {
        let Some(end) = length.checked_add(at + 9).filter(|end| *end <= bytes.len()) else {
            return;
        };
        crc32c_at_end("", &mut bytes[at..end]);
        at = end;
    }
}

/// How many bytes a list of parts makes, in the four bytes before it (8).
pub fn parts(bytes: &mut [u8]) {
    let sum = bytes.get(4..).and_then(sum_of_parts).unwrap_or_default();
    set(bytes, 0, &(sum as u32).to_le_bytes());
}

fn sum_of_parts(mut list: &[u8]) -> Option<u64> {
    let own = byte(&mut list)? == 1;
    if own {
        let count = varint(&mut list)? as usize;
        list = list.get(count.checked_mul(8)?..)?;
    }
    let mut sum = 0u64;
    for _ in 0..varint(&mut list)? {
        let tagged = varint(&mut list)?;
        sum = sum.wrapping_add(tagged >> 1);
        if tagged & 1 == 1 {
            list = list.get(32..)?;
            if own {
                varint(&mut list)?;
            }
        }
    }
    Some(sum)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0u64, 0);
    loop {
        let byte = byte(rest)?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte < 0x80 {
            return Some(number);
        }
    }
}

/// The envelope of KEEPSTATE and catalog (3).
pub fn small_file(bytes: &mut [u8]) {
    let Some(length) = bytes.len().checked_sub(24) else { return };
    set(bytes, 12, &(length as u32).to_le_bytes());
    let sum = crc64(&bytes[..16 + length]);
    set(bytes, 16 + length, &sum);
}

/// The header of a segment and the chain of its frames (4).
pub fn segment(bytes: &mut [u8]) {
    if bytes.len() < 64 {
        return;
    }
    let mut check = crc64(&bytes[..56]);
    set(bytes, 56, &check);
    let mut at = 64;
    while let Some(length) = u32_at(bytes, at + 4) {
        let Some(payload) = bytes.get(at + 36..).and_then(|rest| rest.get(..length)) else {
            return;
        };
        if bytes[at..at + 2] != *b"KF" {
            return;
        }
        let covered = [&check[..], &bytes[at..at + 28], payload].concat();
        check = crc64(&covered);
        set(bytes, at + 28, &check);
        at += 36 + length;
    }
}

/// The header, the blocks and the end of a checkpoint (6).
pub fn checkpoint(bytes: &mut [u8]) {
    let Some(count) = u32_at(bytes, 84) else { return };
    let Some(end) = count.checked_mul(24).map(|all| 88 + all) else { return };
    if end + 8 > bytes.len() {
        return;
    }
    let sum = crc64(&bytes[..end]);
    set(bytes, end, &sum);
    let (mut at, mut sums) = (end + 8, Vec::new());
    while let Some(length) = u32_at(bytes, at) {
        if length == 0 {
            return set(bytes, at + 12, &crc64(&sums));
        }
        let Some(block) = bytes.get(at..).and_then(|rest| rest.get(..8 + length)) else { return };
        let sum = crc64(block);
        set(bytes, at + 8 + length, &sum);
        sums.extend_from_slice(&sum);
        at += 16 + length;
    }
}

/// The check of what was synced in the page (3).
pub fn page(bytes: &mut [u8]) {
    if bytes.len() >= 56 {
        let sum = crc64(&[&bytes[8..24], &bytes[40..48]].concat());
        set(bytes, 48, &sum);
    }
}
