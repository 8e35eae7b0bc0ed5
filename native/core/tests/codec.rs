//! Proves that every codec gives back what it was given: at once, in pieces of any size, from other
//! tools' files and to other tools; and that cut, changed or excessive input is a named error which
//! never costs more memory than the caller allowed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use keepstate_core::codec::{Codec, Levels, OneShot, Registered, Registry};
use keepstate_core::{Code, Error, Result};
use proptest::prelude::*;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// Notes the largest single allocation of each thread.
struct Watched;

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

fn largest_allocation<T>(work: impl FnOnce() -> T) -> (usize, T) {
    LARGEST.set(0);
    let result = work();
    (LARGEST.get(), result)
}

fn codecs() -> Vec<Registered> {
    Registry::new().list()
}

fn codec(name: &str) -> Arc<dyn Codec> {
    Registry::new().get(name).unwrap()
}

/// Text that compresses about as agent state does.
fn sample(length: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut seed = 1u64;
    while text.len() < length {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let word = seed >> 40;
        write!(text, "{{\"role\":\"tool\",\"id\":\"call_{word:x}\",\"step\":{}}},", word % 97)
            .unwrap();
    }
    text.truncate(length);
    text
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = 99u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn decode_in_pieces(
    codec: &dyn Codec,
    stored: &[u8],
    sizes: &[usize],
    bound: usize,
) -> Result<Vec<u8>> {
    let mut decoder = codec.decoder(bound)?;
    let mut out = Vec::new();
    for piece in pieces(stored, sizes) {
        decoder.write(piece, &mut out)?;
    }
    decoder.finish(&mut out)?;
    Ok(out)
}

fn encode_in_pieces(codec: &dyn Codec, raw: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut encoder = codec.encoder(None).unwrap();
    let mut out = Vec::new();
    for piece in pieces(raw, sizes) {
        encoder.write(piece, &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out
}

fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((*sizes.next().unwrap()).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[test]
fn every_level_gives_back_what_it_was_given() {
    for entry in codecs() {
        let Levels { min, max, .. } = entry.codec.levels();
        for raw in [sample(0), sample(1), sample(40_000), noise(3_000)] {
            for level in (min..=max).map(Some).chain([None]) {
                let stored = entry.codec.compress(level, &raw).unwrap();
                assert!(
                    entry.codec.decompress(&stored, raw.len()).unwrap() == raw,
                    "{}",
                    entry.name
                );
            }
        }
    }
}

#[test]
fn a_large_value_spans_many_blocks() {
    let raw = [sample(700_000), noise(400_000), vec![0; 700_000]].concat();
    for entry in codecs() {
        let level = (&*entry.name == "brotli").then_some(2);
        let stored = entry.codec.compress(level, &raw).unwrap();
        assert!(entry.codec.decompress(&stored, raw.len()).unwrap() == raw, "{}", entry.name);
        let pieces = decode_in_pieces(&*entry.codec, &stored, &[1 << 16, 7, 300_000], raw.len());
        assert!(pieces.unwrap() == raw, "{}", entry.name);
        let stored = encode_in_pieces(&*entry.codec, &raw, &[1 << 19, 77, 65_536]);
        assert!(entry.codec.decompress(&stored, raw.len()).unwrap() == raw, "{}", entry.name);
    }
}

#[test]
fn a_level_out_of_range_names_the_range() {
    for (name, level, range) in [
        ("gzip", 10, "levels 0 to 9 (default 6)"),
        ("zstd", 20, "levels -7 to 19 (default 3)"),
        ("lz4", 2, "only level 1"),
        ("brotli", -1, "levels 0 to 11 (default 5)"),
        ("none", 1, "only level 0"),
    ] {
        let error = codec(name).compress(Some(level), b"x").unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains(range), "{error}");
        assert_eq!(codec(name).encoder(Some(level)).err().unwrap().code(), Code::InvalidArgument);
    }
}

#[test]
fn a_bound_is_kept_exactly() {
    for entry in codecs() {
        for raw in [sample(5_000), vec![7; 200_000]] {
            let stored = [
                entry.codec.compress(None, &raw).unwrap(),
                encode_in_pieces(&*entry.codec, &raw, &[999]),
            ];
            for stored in stored {
                assert!(entry.codec.decompress(&stored, raw.len()).is_ok());
                for bound in [0, 1, raw.len() / 2, raw.len() - 1] {
                    let whole = entry.codec.decompress(&stored, bound).unwrap_err();
                    assert_eq!(whole.code(), Code::ValueTooLarge, "{} {whole}", entry.name);
                    let parts =
                        decode_in_pieces(&*entry.codec, &stored, &[100], bound).unwrap_err();
                    assert_eq!(parts.code(), Code::ValueTooLarge, "{} {parts}", entry.name);
                }
            }
        }
    }
}

#[test]
fn what_unpacks_to_far_more_costs_no_more_than_the_bound() {
    for entry in codecs().into_iter().filter(|entry| &*entry.name != "none") {
        let stored = entry.codec.compress(None, &vec![0; 4 << 20]).unwrap();
        let (largest, result) = largest_allocation(|| entry.codec.decompress(&stored, 1 << 17));
        assert_eq!(result.unwrap_err().code(), Code::ValueTooLarge, "{}", entry.name);
        let limit = match &*entry.name {
            "brotli" => 5 << 20,
            "lz4" => 1 << 18,
            _ => (1 << 17) + 1,
        };
        assert!(largest <= limit, "{}: {largest}", entry.name);
    }
}

#[test]
fn a_stated_length_is_not_believed() {
    // A zstd frame that states 1 GiB and holds one byte.
    let lie = [0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0x40, 0x09, 0, 0, b'x'];
    let (largest, result) = largest_allocation(|| codec("zstd").decompress(&lie, 2 << 30));
    assert_eq!(result.unwrap_err().code(), Code::Corrupt);
    assert!(largest <= 1 << 20, "{largest}");
    // An lz4 frame that states blocks of 4 MB and a block of that length, of which four bytes are
    // there.
    let lie = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73, 0, 0, 0x40, 0, 1, 2, 3, 4];
    for bound in [10, 2 << 30] {
        let (largest, result) = largest_allocation(|| codec("lz4").decompress(&lie, bound));
        assert_eq!(result.unwrap_err().code(), Code::Corrupt);
        assert!(largest <= 4096, "{largest}");
    }
    // The same with a whole block of two bytes, which stand for one.
    let honest = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73, 2, 0, 0, 0, 0x10, b'a', 0, 0, 0, 0];
    let (largest, result) = largest_allocation(|| codec("lz4").decompress(&honest, 2 << 30));
    assert_eq!(result.unwrap(), b"a");
    assert!(largest <= 4096, "{largest}");
}

#[test]
fn an_lz4_header_has_its_own_checksum() {
    let mut stored = codec("lz4").compress(None, b"state").unwrap();
    stored[14] ^= 1;
    let error = codec("lz4").decompress(&stored, 5).unwrap_err();
    assert!(error.message().contains("its header has another checksum"), "{error}");
}

/// Exact data, or a named error, and little memory.
fn check_damaged(entry: &Registered, stored: &[u8], raw: &[u8], what: &str) {
    let bound = raw.len() + 100;
    let one_shot = || entry.codec.decompress(stored, bound);
    let streamed = || decode_in_pieces(&*entry.codec, stored, &[3, 1, 50], bound);
    for work in [&one_shot as &dyn Fn() -> Result<Vec<u8>>, &streamed] {
        let (largest, result) = largest_allocation(work);
        // Brotli has no checksum, and its window is allocated as the header says, up to 16 MiB.
        let brotli = &*entry.name == "brotli";
        match result {
            Ok(data) => assert!(brotli || data == raw, "{} {what}", entry.name),
            Err(error) => {
                let named = matches!(error.code(), Code::Corrupt | Code::ValueTooLarge);
                assert!(named, "{} {what}: {error}", entry.name);
            }
        }
        let limit = if brotli { 17 << 20 } else { 1 << 19 };
        assert!(largest <= limit, "{} {what}: {largest}", entry.name);
    }
}

fn samples_to_damage(entry: &Registered) -> Vec<(Vec<u8>, Vec<u8>)> {
    let raws = [sample(0), sample(10), sample(700), noise(50), vec![5; 3000]];
    let encode = |raw: &Vec<u8>| {
        [entry.codec.compress(None, raw).unwrap(), encode_in_pieces(&*entry.codec, raw, &[13])]
    };
    raws.iter().flat_map(|raw| encode(raw).map(|stored| (raw.clone(), stored))).collect()
}

#[test]
fn every_truncation_is_an_error() {
    for entry in codecs().into_iter().filter(|entry| &*entry.name != "none") {
        for (raw, stored) in samples_to_damage(&entry) {
            for length in 0..stored.len() {
                let cut = &stored[..length];
                check_damaged(&entry, cut, &raw, "cut");
                let error = entry.codec.decompress(cut, raw.len()).unwrap_err();
                assert_eq!(error.code(), Code::Corrupt, "{} {length}: {error}", entry.name);
                let error = decode_in_pieces(&*entry.codec, cut, &[1], raw.len()).unwrap_err();
                assert_eq!(error.code(), Code::Corrupt, "{} {length}: {error}", entry.name);
            }
        }
    }
}

#[test]
fn every_changed_byte_gives_exact_data_or_an_error() {
    for entry in codecs().into_iter().filter(|entry| &*entry.name != "none") {
        for (raw, stored) in samples_to_damage(&entry) {
            for at in 0..stored.len() {
                for flip in [0x01, 0x80, 0xFF, 0x10] {
                    let mut changed = stored.clone();
                    changed[at] ^= flip;
                    check_damaged(&entry, &changed, &raw, &format!("byte {at} ^ {flip:#x}"));
                }
            }
        }
    }
}

#[test]
fn what_follows_the_end_is_an_error() {
    for entry in codecs().into_iter().filter(|entry| &*entry.name != "none") {
        let stored = entry.codec.compress(None, b"state").unwrap();
        for tail in
            [&b"\0"[..], b"\0\0\0\0\0\0\0\0", b"more", &stored[..1], &stored[..stored.len() - 1]]
        {
            let all = [&stored, tail].concat();
            let whole = entry.codec.decompress(&all, 1000).unwrap_err();
            assert_eq!(whole.code(), Code::Corrupt, "{} {whole}", entry.name);
            let parts = decode_in_pieces(&*entry.codec, &all, &[1], 1000).unwrap_err();
            assert_eq!(parts.code(), Code::Corrupt, "{} {parts}", entry.name);
        }
    }
}

#[test]
fn writes_of_nothing_change_nothing() {
    for entry in codecs() {
        let stored = entry.codec.compress(None, b"state").unwrap();
        let mut decoder = entry.codec.decoder(5).unwrap();
        let mut out = Vec::new();
        for byte in stored.chunks(1) {
            (0..40).for_each(|_| decoder.write(b"", &mut out).unwrap());
            decoder.write(byte, &mut out).unwrap();
        }
        (0..40).for_each(|_| decoder.write(b"", &mut out).unwrap());
        decoder.finish(&mut out).unwrap();
        assert_eq!(out, b"state", "{}", entry.name);
    }
}

#[test]
fn frames_that_follow_each_other_are_read_whole() {
    for name in ["gzip", "zstd", "lz4"] {
        let codec = codec(name);
        let (one, two) = (sample(1000), noise(1000));
        let empty = codec.compress(None, b"").unwrap();
        let stored =
            [codec.compress(None, &one).unwrap(), empty, encode_in_pieces(&*codec, &two, &[9])];
        let raw = [one, two].concat();
        assert!(codec.decompress(&stored.concat(), raw.len()).unwrap() == raw, "{name}");
        for size in [1, 2, 5, 700] {
            let parts = decode_in_pieces(&*codec, &stored.concat(), &[size], raw.len());
            assert!(parts.unwrap() == raw, "{name}");
        }
        let short = codec.decompress(&stored.concat(), raw.len() - 1).unwrap_err();
        assert_eq!(short.code(), Code::ValueTooLarge);
    }
}

#[test]
fn skippable_frames_are_skipped() {
    let skippable = [&[0x51, 0x2A, 0x4D, 0x18, 5, 0, 0, 0][..], b"other"].concat();
    for name in ["zstd", "lz4"] {
        let frame = codec(name).compress(None, b"state").unwrap();
        let stored = [&skippable[..], &frame, &skippable].concat();
        assert_eq!(codec(name).decompress(&stored, 5).unwrap(), b"state", "{name}");
        assert_eq!(decode_in_pieces(&*codec(name), &stored, &[1], 5).unwrap(), b"state", "{name}");
        let cut =
            decode_in_pieces(&*codec(name), &stored[..stored.len() - 1], &[1], 5).unwrap_err();
        assert_eq!(cut.code(), Code::Corrupt, "{name}");
    }
}

#[test]
fn the_registry_finds_by_name_extension_and_path() {
    let registry = Registry::new();
    for (name, extension) in
        [("none", ""), ("gzip", ".gz"), ("zstd", ".zst"), ("lz4", ".lz4"), ("brotli", ".br")]
    {
        assert!(registry.get(name).is_ok());
        assert_eq!(&*registry.by_extension(extension).unwrap().name, name);
        assert_eq!(&*registry.by_path(&format!("a/b.json{extension}")).unwrap().name, name);
    }
    let error = registry.get("snappy").err().unwrap();
    assert_eq!(error.code(), Code::UnknownCodec);
    assert!(error.message().contains("none, gzip, zstd, lz4, brotli"), "{error}");
    let error = registry.by_extension(".sz").err().unwrap();
    assert_eq!(error.code(), Code::UnknownCodec);
    assert!(error.message().contains(".gz .zst .lz4 .br"), "{error}");
}

/// A codec of a user's: one byte and a count for each run.
fn runs() -> OneShot {
    let compress = |_: i32, raw: &[u8]| {
        let runs = raw.chunk_by(|a, b| a == b);
        Ok(runs.flat_map(|run| run.chunks(255)).flat_map(|run| [run[0], run.len() as u8]).collect())
    };
    let decompress = |_: usize, stored: &[u8]| match stored.len() % 2 {
        0 => Ok(stored.chunks(2).flat_map(|run| vec![run[0]; run[1].into()]).collect()),
        _ => Err(Error::new(Code::Corrupt, "Half a run.")),
    };
    OneShot::new(Levels { min: 1, max: 3, default: 2 }, compress, decompress)
}

#[test]
fn a_codec_of_ones_own_is_one_like_the_others() {
    let registry = Registry::new();
    registry.register("runs", &[".run"], Arc::new(runs())).unwrap();
    let codec = registry.by_path("state.json.run").unwrap().codec;
    let raw = vec![3; 700];
    let stored = codec.compress(Some(3), &raw).unwrap();
    assert_eq!(stored.len(), 6);
    assert_eq!(encode_in_pieces(&*codec, &raw, &[100]), stored);
    assert_eq!(codec.decompress(&stored, 700).unwrap(), raw);
    assert_eq!(codec.decompress(&stored, 699).unwrap_err().code(), Code::ValueTooLarge);
    let error = codec.decompress(&stored[1..], 700).unwrap_err();
    assert_eq!((error.code(), error.causes().len()), (Code::CodecFailed, 1));
    assert_eq!(codec.compress(Some(4), &raw).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn a_name_or_an_extension_keeps_its_meaning() {
    let registry = Registry::new();
    for (name, extensions) in [
        ("gzip", &[".x"][..]),
        ("x", &[".gz"]),
        ("x", &[".y", ""]),
        ("x", &["y"]),
        ("X", &[".x"]),
        ("", &[".x"]),
        ("x", &["./x"]),
    ] {
        let error = registry.register(name, extensions, Arc::new(runs())).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{name} {extensions:?}");
    }
    assert_eq!(registry.list().len(), 5);
}

/// Runs `tool` with `input`; none where it is not on PATH.
fn run(tool: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(tool);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("`{tool}` is not on PATH: what it reads and writes is not compared here");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn other_tools_read_ours_and_we_read_theirs() {
    let raws = [sample(0), sample(900), [sample(600_000), noise(300_000), sample(99)].concat()];
    let theirs: [(&str, &[&[&str]]); 3] = [
        ("gzip", &[&["-1"], &["-9"]]),
        ("zstd", &[&["-1"], &["-19"], &["--no-check"]]),
        ("lz4", &[&["-1"], &["-9", "-BD"], &["-B4", "-BX"], &["--no-frame-crc", "-B7"]]),
    ];
    for (name, options) in theirs {
        let codec = codec(name);
        for raw in &raws {
            for ours in
                [codec.compress(None, raw).unwrap(), encode_in_pieces(&*codec, raw, &[5000])]
            {
                let Some(read) = run(name, &["-dc"], &ours) else { continue };
                assert!(read == *raw, "{name} reads ours");
            }
            for option in options {
                let Some(theirs) = run(name, &[option, &["-c"][..]].concat(), raw) else {
                    continue;
                };
                assert!(codec.decompress(&theirs, raw.len()).unwrap() == *raw, "{name} {option:?}");
                let parts = decode_in_pieces(&*codec, &theirs, &[1, 4096], raw.len());
                assert!(parts.unwrap() == *raw, "{name} {option:?} in pieces");
            }
        }
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3000),
        prop::collection::vec(0..3u8, 0..3000),
        (0usize..120_000).prop_map(sample),
        (0usize..100_000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_split_gives_the_same(
        raw in any_bytes(),
        writes in prop::collection::vec(1usize..5000, 1..5),
        reads in prop::collection::vec(1usize..3000, 1..5),
    ) {
        for entry in codecs() {
            let whole = entry.codec.compress(None, &raw).unwrap();
            let streamed = encode_in_pieces(&*entry.codec, &raw, &writes);
            for stored in [whole, streamed] {
                prop_assert!(entry.codec.decompress(&stored, raw.len()).unwrap() == raw);
                let parts = decode_in_pieces(&*entry.codec, &stored, &reads, raw.len()).unwrap();
                prop_assert!(parts == raw, "{}", entry.name);
            }
        }
    }

    #[test]
    fn noise_never_costs_more_than_the_bound(stored in prop::collection::vec(any::<u8>(), 0..600)) {
        for entry in codecs() {
            let frame = entry.codec.compress(None, b"").unwrap();
            let begun = [&frame[..frame.len() / 2], &stored].concat();
            for input in [&stored, &begun] {
                let (largest, result) = largest_allocation(|| entry.codec.decompress(input, 5000));
                prop_assert!(result.map_or(0, |data| data.len()) <= 5000);
                prop_assert!(largest <= 17 << 20);
            }
        }
    }
}
