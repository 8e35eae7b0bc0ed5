//! Numbers and texts come back as written; damage and over-long lengths are named, not believed.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn numbers_come_back() {
    for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        let mut reader = Reader::new(&bytes, "number");
        assert_eq!(reader.varint().unwrap(), value);
        reader.end().unwrap();
        for cut in 0..bytes.len() {
            assert!(Reader::new(&bytes[..cut], "number").varint().is_err());
        }
    }
    for value in [0, 1, -1, 63, -64, i64::MAX, i64::MIN] {
        assert_eq!(unzigzag(zigzag(value)), value);
    }
}

#[test]
fn longer_forms_are_damage() {
    for bytes in [&[0x80, 0x00][..], &[0xff, 0x80, 0x00], &[0xff; 11]] {
        assert_eq!(Reader::new(bytes, "number").varint().unwrap_err().code(), Code::Corrupt);
    }
}

#[test]
fn lengths_are_checked_before_they_are_believed() {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, u64::MAX >> 1);
    let error = Reader::new(&bytes, "list").bytes().unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    assert!(error.message().contains("list"));
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, &[0xff, 0xfe]);
    assert!(Reader::new(&bytes, "text").text().is_err());
}
