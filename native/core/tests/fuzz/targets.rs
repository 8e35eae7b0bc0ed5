//! Every decoder, with valid inputs to start from and what must hold for any input.

use std::path::Path;
use std::sync::{Arc, Mutex};

use keepstate_core::clock::SystemClock;
use keepstate_core::codec::{ContextDecoder, ContextEncoder, Piece, Registry};
use keepstate_core::file::{File, Forms, Metadata, State, Writing};
use keepstate_core::msgpack::{from_json, to_json, validate, JsonForm, Tape};
use keepstate_core::seal::{KeyRing, Stretch};
use keepstate_core::store::log::{fuzzing as log, repair, Log, LogOptions};
use keepstate_core::store::memory::MemoryStore;
use keepstate_core::store::{key, Embedded, Mode, Query, Range, Store, StoreExt};
use keepstate_core::timeline::{fuzzing as timeline, At, Cursor, Import, Name};
use keepstate_core::Code;

use crate::checksums;
use crate::repository::{fill, is_named, Kept, Repository, CHUNKED};
use crate::support::{folder, quiet};

type Fix = Box<dyn Fn(&mut Vec<u8>) + Send + Sync>;
type Feed = Box<dyn Fn(&[u8]) + Send + Sync>;
/// A file of a log, and how its checksums are made to hold.
type FileOfLog<'a> = (&'a str, fn(&mut Vec<u8>));

/// A decoder under fire.
pub struct Target {
    pub name: &'static str,
    pub corpus: Vec<Vec<u8>>,
    /// Makes the checksums of a changed input hold.
    pub fix: Fix,
    /// Panics where something is wrong.
    pub run: Feed,
    /// What it may take beside what the input explains.
    pub allowance: usize,
}

fn crc32c(key: &'static str) -> Fix {
    Box::new(move |bytes| checksums::crc32c_at_end(key, bytes))
}

fn target(name: &'static str, corpus: Vec<Vec<u8>>, run: fn(&[u8])) -> Target {
    assert!(!corpus.is_empty(), "{name} has no corpus");
    Target { name, corpus, fix: Box::new(|_| ()), run: Box::new(run), allowance: 0 }
}

pub fn all() -> Vec<Target> {
    let mut all = of_the_log();
    all.extend(of_timelines());
    all.extend(of_files());
    all.extend(of_values());
    all
}

/// A closed log with everything in it, as files by name.
fn log_files(checkpoint: bool) -> Vec<(String, Vec<u8>)> {
    let folder = folder();
    let options = LogOptions { segment_bytes: 3000, ..quiet() };
    let log = Log::open(folder.path(), options, Arc::new(SystemClock)).unwrap();
    if checkpoint {
        log.put_wait("large", vec![5; 1_100_000], Mode::Create).unwrap();
    }
    let store: Arc<dyn Store> = log.clone();
    fill(&store);
    log.compact().unwrap();
    log.close().unwrap();
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    let read = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

fn of_the_log() -> Vec<Target> {
    let files = log_files(false);
    let segments: Vec<&(String, Vec<u8>)> =
        files.iter().filter(|(name, _)| name.ends_with(".log")).collect();
    let frames = segments.iter().map(|(_, bytes)| bytes[64..].to_vec()).collect();
    let heads = segments.iter().map(|(_, bytes)| bytes[..64].to_vec()).collect();
    let mut all = vec![
        target("frame", frames, |bytes| {
            log::frames(bytes);
        }),
        Target {
            fix: Box::new(|bytes| checksums::segment(bytes)),
            ..target("segment header", heads, |bytes| {
                log::segment_head(bytes);
            })
        },
    ];
    let in_log: [(&'static str, FileOfLog<'_>); 4] = [
        ("segment", (segments[0].0.as_str(), |bytes| checksums::segment(bytes))),
        ("catalog", ("catalog", |bytes| checksums::small_file(bytes))),
        ("identity", ("KEEPSTATE", |bytes| checksums::small_file(bytes))),
        ("page", ("page", |bytes| checksums::page(bytes))),
    ];
    for (name, file) in in_log {
        all.push(file_of_a_log(name, &files, file));
    }
    let large = log_files(true);
    all.push(file_of_a_log("checkpoint", &large, ("checkpoint", |b| checksums::checkpoint(b))));
    all
}

/// A log one file of which is nonsense: it opens or says why not, to write and to read, and repair
/// makes something of it or says why not.
fn file_of_a_log(
    name: &'static str,
    files: &[(String, Vec<u8>)],
    (file, fix): FileOfLog<'_>,
) -> Target {
    let (changed, same): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|(n, _)| n == file);
    let (home, file) = (Mutex::new(folder()), file.to_owned());
    let run = move |bytes: &[u8]| {
        let home = home.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let path = home.path();
        let reset = || {
            for entry in std::fs::read_dir(path).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            same.iter().for_each(|(name, bytes)| std::fs::write(path.join(name), bytes).unwrap());
            std::fs::write(path.join(&file), bytes).unwrap();
        };
        reset();
        look(path, bytes.len() % 2 == 0);
        if bytes.len() % 5 == 0 {
            reset();
            if let Err(error) = repair(path, LogOptions::default(), Arc::new(SystemClock)) {
                assert_ne!(error.code(), Code::Internal, "{error:?}");
            }
        }
    };
    let corpus = changed.into_iter().map(|(_, bytes)| bytes).collect();
    Target { name, corpus, fix: Box::new(fix), run: Box::new(run), allowance: 4 << 20 }
}

fn look(path: &Path, read_only: bool) {
    let options = LogOptions { read_only, create: false, segment_bytes: 3000, ..quiet() };
    let log = match Log::open(path, options, Arc::new(SystemClock)) {
        Ok(log) => log,
        Err(error) => return assert_ne!(error.code(), Code::Internal, "{error:?}"),
    };
    for entry in log.list(&Query::default()).unwrap_or_default() {
        let _ = log.get(&entry.key, None);
    }
    let _ = log.verify(&mut |_, _| ());
    if !read_only {
        let _ = log.put_wait("more", vec![1; 100], Mode::Overwrite);
    }
    let _ = log.close();
}

/// What holds in a decoder that writes again what it has read.
fn sane(read: keepstate_core::Result<()>) {
    if let Err(error) = read {
        assert_ne!(error.code(), Code::Internal, "{error:?}");
    }
}

/// Timelines as values by key, and the chunks that they share behind them.
fn timelines() -> (Vec<(String, Vec<u8>)>, Repository) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let repository = fill(&store);
    let list = |prefix: &str| store.list(&Query { prefix: prefix.into(), ..Query::default() });
    let entries = ["t/", "chunk/"].map(|prefix| list(prefix).unwrap()).concat();
    let value = |key: &str| store.get(key, None).unwrap().unwrap().value.to_vec();
    let all = entries.iter().map(|entry| (entry.key.clone(), value(&entry.key))).collect();
    (all, repository)
}

fn of_timelines() -> Vec<Target> {
    let (values, repository) = timelines();
    let own = || crc32c(timeline::KEY);
    let of = |kind: &str| -> Vec<Vec<u8>> {
        let last = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
        let chosen = values.iter().filter(|(key, _)| last(key).starts_with(kind));
        let mut chosen: Vec<Vec<u8>> = chosen.map(|(_, value)| value.clone()).collect();
        assert!(!chosen.is_empty(), "nothing is called {kind}");
        match kind {
            "p" => chosen.iter_mut().for_each(|value| checksums::pack("", value)),
            _ => chosen.iter_mut().for_each(|value| own()(value)),
        }
        chosen
    };
    let edits = vec![vec![0, 0, 1, 20], vec![10, 5, 2, 8, 9, 100], vec![200, 1, 0, 3, 1, 1, 2]];
    let manifests = vec![vec![2, 50, 0, 60, 8], vec![1, 0x80, 0x10, 4], vec![0]];
    let meta =
        b"\x01\x02\x80\x01\x02\x05label\x04\x04json\x06\x03key\x07\x04\x81\xa1a\x01".to_vec();
    let mut all = vec![
        Target { fix: own(), ..target("value", of("0"), |b| drop(timeline::value(b))) },
        Target { fix: own(), ..target("control", of("control"), |b| drop(timeline::control(b))) },
        Target {
            fix: Box::new(|bytes| checksums::pack("", bytes)),
            ..target("pack", of("p"), |b| drop(timeline::pack(b)))
        },
        target("edit", edits, |bytes| drop(timeline::edit(bytes))),
        target("manifest", manifests, |bytes| drop(timeline::manifest(bytes))),
        target("metadata", vec![meta], |bytes| drop(timeline::meta(bytes))),
    ];
    all.extend(of_chunks());
    // The first byte tells which key holds nonsense.
    let corpus = (0u8..).zip(&values).map(|(n, (_, value))| [&[n], &value[..]].concat()).collect();
    let keys: Vec<String> = values.iter().map(|(key, _)| key.clone()).collect();
    let run = move |bytes: &[u8]| restore_all((&values, &repository), bytes);
    all.push(Target {
        name: "timeline",
        corpus,
        fix: Box::new(move |bytes| {
            if let Some((which, value)) = bytes.split_first_mut() {
                fix_value(&keys[*which as usize % keys.len()], value);
            }
        }),
        run: Box::new(run),
        allowance: 8 << 20,
    });
    let packs = Target { allowance: 4 << 20, ..target("exported timeline", exports(), import) };
    all.push(Target { fix: Box::new(|bytes| checksums::sections(bytes)), ..packs });
    all
}

/// What is said of chunks.
fn of_chunks() -> Vec<Target> {
    let own = || crc32c(timeline::KEY);
    let (hash, nonce) = ([7u8; 32], [9u8; 8]);
    let shared = [&[0, 3, 0x81, 0x02][..], &hash, &[10, 0x83, 0x10], &hash, b"\0hello"].concat();
    let one = [&[1, 1][..], &nonce, &[2, 0x81, 0x02], &hash, &[0, 6, 0], b"abc"].concat();
    let lists = [shared, one].map(|list| {
        let mut counted = [&[0; 4][..], &list].concat();
        checksums::parts(&mut counted);
        counted
    });
    let holders = [&b"KR\x01\0"[..], &nonce, &[0x80, 0x02], b"\x03a/b\x03c/d", &[0; 4]].concat();
    let condemned = [&b"KX"[..], &hash, &nonce, &[8; 32], &nonce, &[0; 4]].concat();
    let text = b"what is in a chunk, and what is in a chunk".repeat(9);
    let zstd = Registry::new().get("zstd").unwrap().compress(None, &text).unwrap();
    let length = (text.len() as u32).to_le_bytes();
    let packed = [[&length[..], &[1], &zstd].concat(), [&length[..], &[0], &text].concat()];
    let summed = |mut value: Vec<u8>| {
        checksums::crc32c_at_end(timeline::KEY, &mut value);
        timeline::holders(&value).or(timeline::condemned(&value)).expect("a valid one");
        vec![value]
    };
    lists.iter().for_each(|list| timeline::parts(list).expect("a valid list"));
    packed.iter().for_each(|chunk| timeline::chunk(chunk).expect("a valid chunk"));
    vec![
        Target {
            fix: Box::new(|bytes| checksums::parts(bytes)),
            ..target("parts", lists.to_vec(), |bytes| sane(timeline::parts(bytes)))
        },
        Target {
            fix: own(),
            ..target("holders", summed(holders), |bytes| sane(timeline::holders(bytes)))
        },
        Target {
            fix: own(),
            ..target("condemned", summed(condemned), |bytes| sane(timeline::condemned(bytes)))
        },
        // A chunk may be a megabyte, however little is stored of it.
        Target {
            allowance: 4 << 20,
            ..target("chunk", packed.to_vec(), |bytes| sane(timeline::chunk(bytes)))
        },
    ]
}

/// Timelines as single files.
fn exports() -> Vec<Vec<u8>> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    fill(&store);
    let export = |session: &&str| {
        let kept = Kept::open(&store, session);
        let (mut file, mut next) = (Vec::new(), Some(Cursor::default()));
        while let Some(cursor) = next {
            let part = kept.run(kept.timeline.export(cursor)).unwrap();
            file.extend_from_slice(&part.bytes);
            next = part.next;
        }
        file
    };
    ["run", "packed", "pruned", "sharing"].iter().map(export).collect()
}

/// Takes in a timeline, which then verifies, or is not there.
fn import(bytes: &[u8]) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let kept = Kept::open(&store, "imported");
    let import = Arc::new(Import::default());
    let taken = bytes.chunks(500).try_for_each(|piece| {
        kept.run(kept.timeline.take_in(import.clone(), piece.to_vec().into()))
    });
    let done = taken.and_then(|()| kept.run(kept.timeline.finish_import(import.clone())));
    match done {
        Ok(_) => {
            let fresh = Kept::open(&store, "imported");
            let report = fresh.run(fresh.timeline.verify()).unwrap();
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        }
        Err(error) => {
            assert_ne!(error.code(), Code::Internal, "{error:?}");
            let _ = kept.run(kept.timeline.abandon_import(import));
            let left = store.list(&Query::default()).unwrap();
            assert!(left.is_empty(), "something is left: {left:?}");
        }
    }
}

type Values = [(String, Vec<u8>)];

/// Makes the checksums hold of what lies at a key of a timeline.
fn fix_value(key: &str, value: &mut [u8]) {
    match key.rsplit('/').next() {
        Some(last) if last.starts_with('p') => checksums::pack(key, value),
        _ => checksums::crc32c_at_end(key, value),
    }
}

/// Whatever one key holds, each state is exactly what was saved or a named error; but what has a
/// checksum that holds may restore as anything, without a panic.
fn restore_all((values, repository): (&Values, &Repository), bytes: &[u8]) {
    let Some((&which, nonsense)) = bytes.split_first() else { return };
    let which = which as usize % values.len();
    let mut fixed = nonsense.to_vec();
    fix_value(&values[which].0, &mut fixed);
    let strict = fixed != nonsense;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    for (number, (key, value)) in values.iter().enumerate() {
        let value = if number == which { nonsense } else { value };
        store.put_wait(key, value.to_vec(), Mode::Create).unwrap();
    }
    for (session, saved) in &repository.lines {
        let key = &values[which].0;
        let own = match key.starts_with("chunk/") {
            true => CHUNKED.contains(&session.as_str()),
            false => key.contains(&format!("/{session}/")),
        };
        if !own && session != "forked" {
            continue;
        }
        let kept = Kept::open(&store, session);
        for (sequence, state) in saved {
            match kept.restore(At::Sequence(*sequence)) {
                Ok(bytes) => {
                    let exact = Some(&bytes) == state.as_ref();
                    assert!(exact || !strict, "{session}@{sequence} is another");
                }
                Err(error) => {
                    let code = error.code();
                    assert!(is_named(&error) || code == Code::NotFound, "{error:?}");
                }
            }
        }
        let fresh = Kept::open(&store, session);
        let _ = fresh.run(fresh.timeline.list(Default::default()));
        let _ = fresh.run(fresh.timeline.verify());
        let change = keepstate_core::timeline::Change::Whole(b"more".to_vec().into());
        if let Err(error) = Kept::open(&store, session).save(change, Default::default()) {
            assert_ne!(error.code(), Code::Internal, "{error:?}");
        }
    }
}

const EXTENSIONS: [&str; 4] = ["a.json.gz", "a.json.zst", "a.json.lz4", "a.json.br"];

fn forms(longest: usize) -> Forms {
    Forms { longest, ..Forms::new(Arc::new(Registry::new())) }
}

fn file(name: &str) -> Vec<u8> {
    let metadata = Metadata {
        label: Some("a \"label\" \u{e9}".into()),
        time: Some(1_795_267_161_843),
        user: Some("{\"cost\": 0.25, \"tags\": [\"a\", null]}".into()),
        ..Metadata::default()
    };
    let text =
        "{\"messages\":[{\"role\":\"user\",\"text\":\"hello\"},[],-1.5e+10,true]}".to_owned();
    let state = match name.ends_with(".ks") {
        true => State::Bytes(text.repeat(20).into_bytes()),
        false => State::Json(text),
    };
    forms(1 << 20).encode(name, &File { state, metadata }, Writing::default()).unwrap()
}

fn read_file(name: &str, bytes: &[u8]) {
    let forms = forms(16 * bytes.len() + 1000);
    for result in [forms.decode(name, bytes).map(drop), forms.metadata(name, bytes).map(drop)] {
        if let Err(error) = result {
            assert_ne!(error.code(), Code::Internal, "{error:?}");
        }
    }
}

fn of_files() -> Vec<Target> {
    let compressed = (0u8..).zip(EXTENSIONS).map(|(n, name)| [vec![n], file(name)].concat());
    let registry = Registry::new();
    let packed = (0u8..).zip(["gzip", "zstd", "lz4", "brotli", "none"]).map(|(number, codec)| {
        let raw = b"a few words, and a few words more, and more".repeat(9);
        [vec![number], registry.get(codec).unwrap().compress(None, &raw).unwrap()].concat()
    });
    vec![
        Target { fix: crc32c(""), ..target(".ks", vec![file("a.ks")], |b| read_file("a.ks", b)) },
        target(".json", vec![file("a.json")], |bytes| read_file("a.json", bytes)),
        Target {
            // What a codec needs for its window, whatever comes.
            allowance: 20 << 20,
            ..target("compressed .json", compressed.collect(), |bytes| {
                let Some((&which, bytes)) = bytes.split_first() else { return };
                read_file(EXTENSIONS[which as usize % EXTENSIONS.len()], bytes);
            })
        },
        Target { allowance: 20 << 20, ..target("codec", packed.collect(), unpack) },
        target("zstd with context", pieces(), decode_pieces),
    ]
}

fn unpack(bytes: &[u8]) {
    let Some((&which, stored)) = bytes.split_first() else { return };
    let name = ["gzip", "zstd", "lz4", "brotli", "none"][which as usize % 5];
    let bound = 16 * stored.len();
    match Registry::new().get(name).unwrap().decompress(stored, bound) {
        Ok(raw) => assert!(raw.len() <= bound, "{name} gave {} bytes", raw.len()),
        Err(error) => assert_ne!(error.code(), Code::Internal, "{error:?}"),
    }
}

/// Each piece behind its length and that of what it unpacks to.
fn pieces() -> Vec<Vec<u8>> {
    let mut encoder = ContextEncoder::new(None).unwrap();
    let mut all = Vec::new();
    for number in 0..4u8 {
        let raw = format!("message {number} of some, each as the one before").repeat(3);
        let mut stored = Vec::new();
        encoder.push(raw.as_bytes(), &mut stored).unwrap();
        all.extend([stored.len() as u8, raw.len() as u8]);
        all.extend(stored);
    }
    vec![all]
}

fn decode_pieces(mut bytes: &[u8]) {
    let mut decoder = ContextDecoder::new().unwrap();
    let mut back = 0;
    while let [length, raw, rest @ ..] = bytes {
        let (stored, behind) = rest.split_at(rest.len().min(*length as usize));
        let piece = Piece { back, raw: *raw as usize, stored };
        let mut out = Vec::new();
        match decoder.push(piece, &mut out) {
            Ok(()) => assert_eq!(out.len(), *raw as usize),
            Err(error) => return assert_ne!(error.code(), Code::Internal, "{error:?}"),
        }
        back += 1;
        bytes = behind;
    }
}

const JSON: &str = concat!(
    r#"{"a":[1,-2.5e3,"\u00e9\ud83d\ude00",true,null,{"$date":"2026-01-01T00:00:00.000Z"}],"#,
    r#""big":12345678901234567890,"$$a":{"$bytes":"AAEC"},"m":{"$map":[[1,2],[[],{}]]},"#,
    r#""s":{"$set":[1,"x"]},"u":{"$undefined":true},"n":{"$number":"NaN"},"deep":[[[[[[]]]]]]}"#
);

fn of_values() -> Vec<Target> {
    let mut packed = Vec::new();
    let texts = [JSON, "[]", "0", "\"\"", "-0.0", "[1e400]"];
    for text in texts {
        let mut out = Vec::new();
        if from_json(text, JsonForm::Marked, &mut out).is_ok() {
            packed.push(out);
        }
    }
    packed.push(
        b"\xc7\x09\x52\x93\xa1a\xa1g\x00\xd6\xff\x00\x00\x00\x01\xc7\x03\x55\x00\xd8".to_vec(),
    );
    packed
        .push(b"\x9a\xc7\x05\x74\x02\x01\x00\x02\x00\xd4\x00\x01\xcb\x7f\xf8\0\0\0\0\0\0".to_vec());
    let sealed = ring().seal(KEY, &raw(), &mut counting()).unwrap();
    let names = ["planner/run-42@17", "a%2Fb/c@latest", "x/y#good", "t/a%25/b/000000000001"];
    let names = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    vec![
        target("msgpack", packed, unpack_msgpack),
        target("from_json", texts.iter().map(|t| t.as_bytes().to_vec()).collect(), read_json),
        target("seal", vec![sealed], open_sealed),
        target("references and keys", names, read_names),
    ]
}

fn unpack_msgpack(bytes: &[u8]) {
    let valid = validate(bytes);
    let read = Tape::new().read(bytes);
    match (valid, read) {
        // What is valid may be nothing that JavaScript has.
        (Ok(()), Err(error)) => assert_eq!(error.code(), Code::Unsupported, "{error:?}"),
        (Err(error), Ok(())) => panic!("the tape took what is not valid: {error:?}"),
        _ => {}
    }
    let mut marked = Vec::new();
    match to_json(bytes, JsonForm::Marked, &mut marked) {
        Ok(()) => there_and_back(&marked),
        Err(error) => assert_ne!(error.code(), Code::Internal, "{error:?}"),
    }
    let _ = to_json(bytes, JsonForm::Plain, &mut Vec::new());
}

/// Text becomes bytes and the same text again.
fn there_and_back(text: &[u8]) {
    let text = std::str::from_utf8(text).expect("JSON is UTF-8");
    let (mut bytes, mut again) = (Vec::new(), Vec::new());
    from_json(text, JsonForm::Marked, &mut bytes).unwrap_or_else(|e| panic!("{e:?}: {text}"));
    to_json(&bytes, JsonForm::Marked, &mut again).unwrap_or_else(|e| panic!("{e:?}: {text}"));
    assert_eq!(text, std::str::from_utf8(&again).unwrap());
}

fn read_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for form in [JsonForm::Marked, JsonForm::Plain] {
        let mut out = Vec::new();
        match from_json(text, form, &mut out) {
            Ok(()) => validate(&out).unwrap_or_else(|error| panic!("{error:?}: {text}")),
            Err(error) => assert_ne!(error.code(), Code::Internal, "{error:?}"),
        }
    }
}

const KEY: &str = "t/planner/run-42/000000000017";

fn raw() -> Vec<u8> {
    (0..3000u32).map(|at| (at * 7) as u8).collect()
}

fn ring() -> KeyRing {
    KeyRing::new("2026-a", [9; 32]).unwrap()
}

fn counting() -> impl FnMut(&mut [u8]) -> keepstate_core::Result<()> {
    let mut next = 0u8;
    move |buffer: &mut [u8]| {
        for byte in buffer {
            next = next.wrapping_add(1);
            *byte = next;
        }
        Ok(())
    }
}

/// Opens to what was sealed or not at all.
fn open_sealed(bytes: &[u8]) {
    match ring().open(KEY, bytes) {
        Ok(opened) => assert_eq!(opened, raw()),
        Err(error) => assert!(is_named(&error), "{error:?}"),
    }
    let range = Range { offset: 100, length: 50 };
    if let Ok(opened) = ring().open_range(KEY, bytes, range) {
        assert_eq!(opened, raw()[100..150]);
    }
    if let Ok(sealed) = ring().read(KEY, bytes) {
        assert_eq!(sealed.length(), 3000);
    }
}

fn read_names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = Name::parse(text) {
        let again = Name::parse(&name.to_string()).unwrap();
        assert_eq!(again, name);
        let (of_key, sequence) = Name::of_key(&name.key(7)).unwrap();
        assert_eq!((of_key, sequence), (name, Some(7)));
    }
    let _ = At::parse(text);
    let _ = Name::of_key(text);
    if let Some(plain) = key::unescape(text) {
        assert_eq!(key::unescape(&key::escape(&plain)), Some(plain));
    }
    let _ = Stretch::parse(text);
}
