//! Single files: what was saved comes back exactly in every form, standard tools read it, and every
//! cut and every changed byte gives the exact state or a named error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::codec::{Gzip, Registry};
use keepstate_core::file::{read_path, save_path, File, Forms, Metadata, State, Writing};
use keepstate_core::Code;

const NAMES: [&str; 6] = ["a.json", "a.json.gz", "a.json.zst", "a.json.lz4", "a.json.br", "a.ks"];

fn forms() -> Forms {
    Forms::new(Arc::new(Registry::new()))
}

fn json(text: &str) -> File {
    let metadata = Metadata {
        agent: Some("planner \"7\"\n\\".into()),
        session: Some("run/42 \u{1f600} \u{1}".into()),
        index: Some(17),
        time: Some(1_795_267_161_843),
        label: Some("after the search".into()),
        description: Some("\u{65e5}\u{672c}".into()),
        encoding: "json".into(),
        user: Some("{\"cost\": 0.25, \"tags\": [\"a\", {\"b\": null}]}".into()),
        ..Metadata::default()
    };
    File { state: State::Json(text.into()), metadata }
}

const STATE: &str =
    "{\"messages\": [{\"role\":\"user\",\"text\":\"hello, \\u00e9 \\\"there\\\"\"},\n \
    [], {}, -1.5e+10, 0, true, false, null, \"\u{e9}\u{1f600}\"], \"deep\":[[[[[{\"a\":[{}]}]]]]]}";

fn encode(name: &str, file: &File) -> Vec<u8> {
    forms().encode(name, file, Writing::default()).unwrap()
}

/// As it comes back: with what encoding it fills in.
fn filled(mut file: File, hash: &str) -> File {
    file.metadata.size = file.state.as_bytes().len() as u64;
    file.metadata.hash = hash.into();
    file
}

#[test]
fn every_form_gives_back_what_it_was_given() {
    for name in NAMES {
        for text in [STATE, "null", "0", "\"\"", "[]", "{}"] {
            let bytes = encode(name, &json(text));
            let back = forms().decode(name, &bytes).unwrap();
            assert_eq!(back, filled(json(text), &back.metadata.hash), "{name}");
            assert_eq!(forms().metadata(name, &bytes).unwrap(), back.metadata, "{name}");
        }
    }
    let bare = File { state: State::Json("1".into()), metadata: Metadata::default() };
    let back = forms().decode("a.json", &encode("a.json", &bare)).unwrap();
    assert_eq!((back.metadata.label, back.metadata.time), (None, None));
}

#[test]
fn the_plain_form_is_the_bytes_that_the_format_states() {
    let metadata = Metadata { time: Some(0), label: Some("x".into()), ..Metadata::default() };
    let file = File { state: State::Json("[1, 2]".into()), metadata };
    // The hash is that of `printf '[1, 2]' | sha256sum`.
    let expected = concat!(
        r#"{"keepstate":1,"metadata":{"time":"1970-01-01T00:00:00.000Z","label":"x","#,
        r#""encoding":"json","size":6,"#,
        r#""hash":"sha256:3a316d6d3226f84c1e46e4447fa8d5fd800bff4a1bc6498152523cd4a602b69b"},"#,
        "\"state\":[1, 2]}\n"
    );
    let text = String::from_utf8(encode("a.json", &file)).unwrap();
    assert_eq!(text, expected);
}

#[test]
fn bytes_come_back_from_the_binary_form_with_every_codec() {
    let bytes: Vec<u8> = (0..70_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    for codec in ["none", "gzip", "zstd", "lz4", "brotli"] {
        let metadata = Metadata { encoding: "msgpack".into(), ..Metadata::default() };
        let file = File { state: State::Bytes(bytes.clone()), metadata };
        let writing = Writing { codec: Some(codec), level: None };
        let stored = forms().encode("a.ks", &file, writing).unwrap();
        let back = forms().decode("a.ks", &stored).unwrap();
        assert_eq!(back, filled(file, &back.metadata.hash), "{codec}");
        assert_eq!(forms().metadata("a.ks", &stored).unwrap(), back.metadata);
    }
}

#[test]
fn every_cut_is_a_named_error() {
    for name in NAMES {
        let bytes = encode(name, &json(STATE));
        for length in 0..bytes.len() {
            // The line's end is for people; without it nothing is missing.
            if name == "a.json" && length == bytes.len() - 1 {
                continue;
            }
            let error = forms().decode(name, &bytes[..length]).expect_err("a cut file");
            let empty_magic = length < 8 && error.code() == Code::NotOurs;
            assert!(error.code() == Code::Corrupt || empty_magic, "{name} {length}: {error}");
            assert_eq!(error.place().path.as_deref(), Some(name));
        }
    }
}

#[test]
fn every_changed_bit_gives_the_exact_state_or_a_named_error() {
    for name in NAMES {
        let bytes = encode(name, &json(STATE));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if bit == 0 {
                    let _ = forms().metadata(name, &changed);
                }
                match forms().decode(name, &changed) {
                    Ok(file) => {
                        assert_eq!(file.state, State::Json(STATE.into()), "{name} {at} {bit}");
                        assert_ne!(name, "a.ks", "a checksum covers all of it: {at} {bit}");
                    }
                    Err(error) => {
                        let is_newer = error.code() == Code::FormatTooNew;
                        assert!(name != "a.ks" || !is_newer, "changed, not newer: {at} {bit}");
                        let named = [
                            Code::Corrupt,
                            Code::HashMismatch,
                            Code::NotOurs,
                            Code::FormatTooNew,
                            Code::CodecFailed,
                            Code::ValueTooLarge,
                            Code::UnknownCodec,
                        ];
                        assert!(named.contains(&error.code()), "{name} {at} {bit}: {error}");
                    }
                }
            }
        }
    }
}

fn refusal(name: &str, bytes: &[u8]) -> (Code, String) {
    let error = forms().decode(name, bytes).expect_err("this must be refused");
    (error.code(), error.message().to_string())
}

#[test]
fn a_changed_state_names_both_hashes() {
    let text = String::from_utf8(encode("a.json", &json(STATE))).unwrap();
    let (code, message) = refusal("a.json", text.replace("hello", "hallo").as_bytes());
    assert_eq!(code, Code::HashMismatch);
    let expected = forms().decode("a.json", text.as_bytes()).unwrap().metadata.hash;
    assert!(message.contains(&expected["sha256:".len()..]), "{message}");
    let digits = |word: &&str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = message.split(|c: char| !c.is_ascii_alphanumeric());
    assert_eq!(words.filter(digits).count(), 2, "{message}");
    let spaced = text.replace("\"state\":", "\n \"state\" : ").replace("{\"keep", " {\r\n\t\"keep");
    forms().decode("a.json", spaced.as_bytes()).expect("space around the members changes nothing");
}

#[test]
fn texts_may_be_escaped_in_every_way_of_json() {
    let text = String::from_utf8(encode("a.json", &json("1"))).unwrap();
    let escaped = r#""label":"\u0061\ud83d\ude00\/\n\b\ud83d!\u00e9""#;
    let text = text.replace("\"label\":\"after the search\"", escaped);
    let label = forms().decode("a.json", text.as_bytes()).unwrap().metadata.label;
    assert_eq!(label.as_deref(), Some("a\u{1f600}/\n\u{8}\u{fffd}!\u{e9}"));
}

#[test]
fn a_metadata_that_contradicts_the_state_is_damage() {
    let bytes = encode("a.json", &json("[1, 2]"));
    let text = String::from_utf8(bytes).unwrap().replace("\"size\":6", "\"size\":7");
    assert_eq!(refusal("a.json", text.as_bytes()).0, Code::Corrupt);
    // Another hash beside the state of a .ks file, with a checksum that holds.
    let mut bytes = encode("a.ks", &json("[1, 2]"));
    let hash = keepstate_core::digest::sha256(b"[1, 2]");
    let at = bytes.windows(32).position(|window| window == hash).unwrap();
    bytes.truncate(bytes.len() - 4);
    let checked =
        |body: &[u8]| [body, &keepstate_core::digest::crc32c(body).to_le_bytes()].concat();
    forms().decode("a.ks", &checked(&bytes)).expect("as it was");
    assert_eq!(refusal("a.ks", &checked(&[&bytes, &[0][..]].concat())).0, Code::Corrupt);
    bytes[at] ^= 1;
    assert_eq!(refusal("a.ks", &checked(&bytes)).0, Code::Corrupt);
}

#[test]
fn names_and_contents_that_do_not_fit_say_what_to_do() {
    let plain = encode("a.json", &json(STATE));
    let binary = encode("a.ks", &json(STATE));
    let gzip = encode("a.json.gz", &json(STATE));
    let zstd = encode("a.json.zst", &json(STATE));
    let table: [(&str, &[u8], Code, &str); 14] = [
        ("a.json", &gzip, Code::NotOurs, "end it in .json.gz"),
        ("a.json.gz", &zstd, Code::NotOurs, "end it in .json.zst"),
        ("a.json.zst", &plain, Code::NotOurs, "end it in .json)"),
        ("a.ks", &plain, Code::NotOurs, "end it in .json)"),
        ("a.json.br", &binary, Code::NotOurs, "end it in .ks"),
        ("a.json", b"", Code::Corrupt, "too early"),
        ("a.json", b"[1]", Code::NotOurs, "not the JSON object"),
        ("a.json", b"{}", Code::NotOurs, "not a state that Keepstate saved"),
        ("a.json", b"{\"keepstate\":1,\"metadata\":{}}", Code::Corrupt, "metadata"),
        ("a.json", b"{\"keepstate\":2,\"metadata\":7}", Code::FormatTooNew, "newer Keepstate"),
        ("a.json.xz", &plain, Code::UnknownCodec, ".xz"),
        ("a", &plain, Code::UnknownCodec, ".json.gz"),
        ("a.txt.gz", &gzip, Code::UnknownCodec, ".json.gz"),
        (
            "a.ks",
            b"KSFILE\x1a\n\x02\0\0\0 and whatever a newer one holds",
            Code::FormatTooNew,
            "newer",
        ),
    ];
    for (name, bytes, code, advice) in table {
        let (found, message) = refusal(name, bytes);
        assert_eq!(found, code, "{name}: {message}");
        assert!(message.contains(advice) && message.starts_with(name), "{name}: {message}");
    }
    for wrong in [
        r#"{"keepstate":1,"metadata":{"hash":1},"state":1}"#,
        r#"{"keepstate":1,"metadata":{"hash":"x","size":1},"state":1}"#,
        r#"{"keepstate":1,"metadata":{"hash":"x","time":"now"},"state":1}"#,
        r#"{"keepstate":1.0,"metadata":{"hash":"x"},"state":1}"#,
        r#"{"keepstate":1,"metadata":{"hash":"x"}}"#,
        r#"{"keepstate":1 "metadata":{"hash":"x"}}"#,
        r#"{,"keepstate":1,"metadata":{"hash":"x"}}"#,
    ] {
        assert_eq!(refusal("a.json", wrong.as_bytes()).0, Code::Corrupt, "{wrong}");
    }
    let twice = String::from_utf8(plain).unwrap().replace("\"state\":", "\"state\":1,\"state\":");
    assert_eq!(refusal("a.json", twice.as_bytes()).0, Code::Corrupt, "two states");
}

#[test]
fn what_no_form_can_hold_is_refused_when_it_is_saved() {
    let save =
        |name: &str, file: &File| forms().encode(name, file, Writing::default()).unwrap_err();
    for text in
        ["", "{", "1 2", "[1,]", "{\"a\"}", "nul", "01", "\"\u{1}\"", "'a'", "\"\\x\"", "NaN"]
    {
        assert_eq!(save("a.json", &json(text)).code(), Code::NotJson, "{text:?}");
    }
    let mut file = json("1");
    file.metadata.user = Some("[]".into());
    assert_eq!(save("a.json", &file).code(), Code::NotJson);
    file.metadata.user = Some("{} , \"hash\": 1".into());
    assert_eq!(save("a.json", &file).code(), Code::NotJson);
    file.state = State::Bytes(vec![1]);
    assert_eq!(save("a.json", &file).code(), Code::Unsupported);
    let unknown = Writing { codec: Some("xz"), level: None };
    let error = forms().encode("a.ks", &json("1"), unknown).unwrap_err();
    assert_eq!(error.code(), Code::UnknownCodec);
}

#[test]
fn nesting_does_not_overflow_and_bombs_do_not_fill_the_memory() {
    let deep = "[".repeat(900_000) + &"]".repeat(900_000);
    let bytes = encode("a.json.zst", &json(&deep));
    assert_eq!(forms().decode("a.json.zst", &bytes).unwrap().state, State::Json(deep));
    let deeper = "[".repeat(1_100_000) + &"]".repeat(1_100_000);
    let refused = forms().encode("a.json", &json(&deeper), Writing::default()).unwrap_err();
    assert_eq!(refused.code(), Code::NotJson);
    let large = json(&format!("\"{}\"", " ".repeat(8 << 20)));
    let small = Forms { longest: 1 << 20, ..forms() };
    for name in NAMES {
        let bytes = encode(name, &large);
        let error = small.decode(name, &bytes).expect_err("too large");
        assert_eq!(error.code(), Code::ValueTooLarge, "{name}: {error}");
        match small.metadata(name, &bytes) {
            Ok(metadata) => assert_eq!(metadata.index, Some(17), "{name}"),
            // Its frame states its length before anything else.
            Err(error) => assert_eq!((name, error.code()), ("a.json.lz4", Code::ValueTooLarge)),
        }
    }
}

#[test]
fn a_codec_of_the_users_own_has_its_extension() {
    let registry = Registry::new();
    registry.register("mine", &[".mine"], Arc::new(Gzip)).unwrap();
    let forms = Forms::new(Arc::new(registry));
    let bytes = forms.encode("x/a.json.mine", &json(STATE), Writing::default()).unwrap();
    assert_eq!(forms.decode("a.json.mine", &bytes).unwrap().state, State::Json(STATE.into()));
}

fn run(command: &str) -> Option<String> {
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", command]).stderr(Stdio::null()).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn standard_tools_read_what_we_write() {
    let folder = tempfile::tempdir().unwrap();
    for (name, tool) in [
        ("a.json", "cat"),
        ("a.json.gz", "zcat"),
        ("a.json.zst", "zstd -dc"),
        ("a.json.lz4", "lz4 -dc"),
        ("a.json.br", "brotli -dc"),
    ] {
        let path = folder.path().join(name);
        save_path(&path, &encode(name, &json(STATE)), &SystemClock).unwrap();
        let program = tool.split(' ').next().unwrap();
        if run(&format!("command -v {program}")).is_none() {
            eprintln!("{program} is not on this machine; its form is proven by our own reader");
            assert!(forms().decode(name, &read_path(&path).unwrap()).is_ok());
            continue;
        }
        let text = run(&format!("{tool} '{}'", path.display())).expect("the tool reads it");
        assert_eq!(text.as_bytes(), encode("a.json", &json(STATE)), "{tool}");
        if run("command -v jq").is_some() {
            let command = format!("{tool} '{}' | jq -r .metadata.session", path.display());
            assert_eq!(run(&command).as_deref(), Some("run/42 \u{1f600} \u{1}\n"));
        }
    }
}

fn code_of(path: &Path, bytes: &[u8]) -> Code {
    save_path(path, bytes, &SystemClock).expect_err("this must be refused").code()
}

#[test]
fn a_path_is_replaced_whole_and_nothing_is_left_beside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let link = folder.path().join("link.json");
    save_path(&path, b"one", &SystemClock).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a.json", &link).unwrap();
    save_path(&link, b"two", &SystemClock).unwrap();
    assert_eq!(read_path(&path).unwrap(), "two");
    assert_eq!(read_path(&link).unwrap(), "two");
    assert!(link.is_symlink(), "the link stays");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640, "its mode stays");
    let longest = folder.path().join("n".repeat(250) + ".json");
    save_path(&longest, b"three", &SystemClock).unwrap();
    fs::create_dir(folder.path().join("folder.json")).unwrap();
    assert_eq!(code_of(&folder.path().join("folder.json"), b""), Code::NotOurs);
    assert_eq!(code_of(&folder.path().join("missing/a.json"), b""), Code::NotFound);
    assert_eq!(code_of(&path.join("a.json"), b""), Code::NotOurs);
    assert_eq!(code_of(Path::new("/"), b""), Code::InvalidArgument);
    let absent = read_path(&folder.path().join("b.json")).unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 4, "no temporary file is left: {names:?}");
}
