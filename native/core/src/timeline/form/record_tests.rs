//! Values and control objects come back as written; every flipped byte and every truncation of them
//! is a named error, never other content and never a panic.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::control::Control;
use super::super::edit::Edit;
use super::super::extent::Extent;
use super::super::meta::Meta;
use super::super::sections::{Branch, Claim, Dead, Debt, Floor, Lease, Origin, Packed, Pin, Tag};
use super::*;

fn record(full: bool) -> Record {
    let mut edit = Edit::default();
    edit.keep(7);
    edit.drop(3);
    edit.insert(5);
    let (mut coded, mut extents) = (Vec::new(), Extents::default());
    edit.encode(&mut coded);
    extents.push(Extent { offset: 0, length: 7 });
    extents.push(Extent { offset: 90, length: 5 });
    let meta = Meta {
        time: 1,
        label: Some("l".into()),
        unknown: vec![(90, "x".into())],
        ..Meta::default()
    };
    let mut record = Record {
        id: Id([7; 32]),
        parent: full.then_some(Id([6; 32])),
        fence: false,
        hidden: false,
        base: 90,
        length: 12,
        meta: meta.encode().unwrap(),
        edit: coded.into(),
        manifest: full.then_some(extents),
        sha256: full.then_some([9; 32]),
        raw: 5,
        form: if full { Form::Plain } else { Form::Continued { back: 3, guard: 77 } },
        stored: "bytes".into(),
        size: 0,
        leads: full,
    };
    record.size = record.encoded_length();
    record
}

fn control() -> Control {
    Control {
        nonce: [1; 16],
        floor: Floor { sequence: 4, parent: Id([2; 32]), base: 99 },
        hint: 64,
        tags: vec![Tag { name: "good".into(), sequence: 9, id: Id([3; 32]) }],
        pins: vec![Pin { timeline: "a/b".into(), from: 2, sequence: 5, since: 8 }],
        lease: Some(Lease { holder: [4; 16], epoch: 2, until: 1000 }),
        origin: Some(Origin {
            id: Id([5; 32]),
            first: 4,
            base: 70,
            line: vec![Branch { timeline: "a/c".into(), first: 1, last: 3, base: 0 }],
        }),
        packs: vec![Packed {
            first: 4,
            last: 8,
            base: 70,
            end: 80,
            size: 300,
            head: 60,
            nonce: [7; 8],
        }],
        loose: 9,
        debt: vec![
            Debt { since: 5, keys: Dead::Loose { first: 4, last: 8 } },
            Debt { since: 6, keys: Dead::Pack { first: 4, nonce: [6; 8] } },
            Debt { since: 6, keys: Dead::Chunks { nonce: [9; 8] } },
        ],
        cuts: 2,
        claims: vec![Claim { nonce: [8; 8], since: 7 }],
        uses: 3,
        unknown: vec![(200, "later".into())],
    }
}

fn damaged(bytes: &[u8], still_right: impl Fn(&Bytes) -> bool) {
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            assert!(!still_right(&flipped.into()), "bit {bit} of byte {at}");
        }
        assert!(!still_right(&bytes[..at].to_vec().into()), "cut at {at}");
    }
}

#[test]
fn values_come_back() {
    let value = Value { records: vec![record(true), record(false)], nonce: [8; 8] };
    let bytes = value.encode("k");
    assert_eq!(Value::decode("k", &bytes.clone().into()).unwrap(), value);
    assert_eq!(Value::decode("l", &bytes.clone().into()).unwrap_err().code(), Code::Corrupt);
    let meta = Meta::decode(&value.records[0].meta).unwrap();
    assert_eq!((meta.label.as_deref(), meta.unknown.len()), (Some("l"), 1));
    damaged(&bytes, |bytes| Value::decode("k", bytes).is_ok());
}

#[test]
fn control_objects_come_back() {
    let bytes = control().encode("k");
    assert_eq!(Control::decode("k", &bytes.clone().into()).unwrap(), control());
    damaged(&bytes, |bytes| Control::decode("k", bytes).is_ok());
}

#[test]
fn newer_formats_are_named() {
    let mut bytes = Value { records: vec![record(true)], nonce: [8; 8] }.encode("k");
    bytes[2] = 2;
    assert_eq!(Value::decode("k", &bytes.into()).unwrap_err().code(), Code::FormatTooNew);
    let mut bytes = control().encode("k");
    bytes[2] = 2;
    assert_eq!(Control::decode("k", &bytes.into()).unwrap_err().code(), Code::FormatTooNew);
    assert_eq!(Value::decode("k", &"no value".into()).unwrap_err().code(), Code::NotOurs);
}

#[test]
fn an_id_covers_everything_but_the_storage_form() {
    let record = record(true);
    let parent = Id([6; 32]);
    let of = |record: &Record, fresh: &[u8]| {
        let Record { base, length, edit, meta, fence, .. } = record;
        let fresh = digest::blake3(fresh);
        Content { base: *base, length: *length, edit, fresh, meta, fence: *fence }.id(&parent)
    };
    let id = of(&record, b"bytes");
    assert_ne!(of(&record, b"bytez"), id);
    assert_ne!(of(&Record { base: 91, ..record.clone() }, b"bytes"), id);
    assert_ne!(of(&Record { meta: "m".into(), ..record.clone() }, b"bytes"), id);
    assert_ne!(of(&Record { edit: "e".into(), ..record.clone() }, b"bytes"), id);
    assert_eq!(
        of(&Record { manifest: None, sha256: None, form: Form::Zstd, ..record }, b"bytes"),
        id
    );
}
