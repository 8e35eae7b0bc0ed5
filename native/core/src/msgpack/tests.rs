//! Proves that encoded bytes and marked JSON turn into each other exactly (the vectors that
//! TypeScript runs too), and that no damage is taken for a value, hangs or panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::error::Code;

struct Vector {
    name: String,
    json: String,
    bytes: Vec<u8>,
}

/// The vectors file is JSON of three texts each; the decoder under test reads it, by its tape.
fn vectors() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors/msgpack.json");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| line.starts_with("  {")).map(vector).collect()
}

fn vector(line: &str) -> Vector {
    let mut texts = Vec::new();
    let mut lexer = json_lexer::Lexer::new(line);
    lexer.expect(b'{').unwrap();
    for _ in 0..3 {
        lexer.string().unwrap();
        lexer.expect(b':').unwrap();
        match lexer.string().unwrap() {
            json_lexer::Text::Utf8(text) => texts.push(text.to_string()),
            json_lexer::Text::Utf16(_) => panic!("a lone surrogate"),
        }
        lexer.eat(b',');
    }
    let [name, json, hex]: [String; 3] = texts.try_into().unwrap();
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    let bytes = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
    Vector { name, json, bytes }
}

fn marked(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    to_json(bytes, JsonForm::Marked, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn encoded(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json(json, JsonForm::Marked, &mut out).unwrap();
    out
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

#[test]
fn vectors_turn_into_json_and_back() {
    let all = vectors();
    assert!(all.len() > 80);
    for vector in all {
        assert_eq!(marked(&vector.bytes), vector.json, "{}", vector.name);
        assert_eq!(encoded(&vector.json), vector.bytes, "{}", vector.name);
        validate(&vector.bytes).unwrap();
        Tape::new().read(&vector.bytes).unwrap();
    }
}

/// Every vector in one document, several times, so that shapes and texts repeat.
fn document() -> Vec<u8> {
    let entries: Vec<String> = vectors().into_iter().map(|vector| vector.json).collect();
    let one = format!("{{\"role\":\"user\",\"content\":[{}]}}", entries.join(","));
    encoded(&format!("[{one},{{\"role\":\"tool\",\"id\":1}},{{\"role\":\"tool\",\"id\":2}}]"))
}

#[test]
fn every_truncation_is_corrupt_and_names_its_offset() {
    let bytes = document();
    let mut tape = Tape::new();
    tape.read(&bytes).unwrap();
    for length in 0..bytes.len() {
        let error = tape.read(&bytes[..length]).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt, "{length}");
        assert!(error.place().offset.unwrap() <= length as u64);
    }
}

#[test]
fn every_flipped_byte_is_another_value_or_a_named_error() {
    let mut bytes = document();
    let mut tape = Tape::new();
    for place in 0..bytes.len() {
        for flip in [0x01, 0x80] {
            bytes[place] ^= flip;
            let read = tape.read(&bytes);
            let checked = validate(&bytes);
            if let Err(error) = &checked {
                assert!(matches!(error.code(), Code::Corrupt | Code::TooDeep), "{error}");
                assert!(read.is_err());
            } else if let Err(error) = read {
                assert_eq!(error.code(), Code::Unsupported, "{error}");
            }
            if checked.is_ok() {
                let json = marked(&bytes);
                assert!(marked(&encoded(&json)) == json, "byte {place}");
            }
            bytes[place] ^= flip;
        }
    }
}

#[test]
fn counts_and_lengths_beyond_the_bytes_reserve_nothing() {
    for text in ["ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff4d", "dcffff"] {
        let error = Tape::new().read(&hex(text)).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt, "{text}");
    }
}

#[test]
fn nesting_is_bounded_and_takes_no_stack() {
    let deep = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
    validate(&deep(MAX_DEPTH)).unwrap();
    assert_eq!(validate(&deep(MAX_DEPTH + 1)).unwrap_err().code(), Code::TooDeep);
    assert_eq!(validate(&deep(5_000_000)).unwrap_err().code(), Code::TooDeep);
    let json = format!("{}{}", "[".repeat(5_000_000), "]".repeat(5_000_000));
    let mut out = Vec::new();
    let error = from_json(&json, JsonForm::Marked, &mut out).unwrap_err();
    assert_eq!(error.code(), Code::TooDeep);
    let fits = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(marked(&encoded(&fits)), fits);
}

#[test]
fn trailing_bytes_and_unshared_ends_are_corrupt() {
    for text in ["c0c0", "c1", "c7024d810101", "c7044d8101c0c0", "d4530190", "d54d80c0"] {
        assert_eq!(validate(&hex(text)).unwrap_err().code(), Code::Corrupt, "{text}");
    }
}

#[test]
fn a_value_of_a_type_has_a_name_and_one_value() {
    validate(&hex("d654 a150 91 01")).unwrap();
    for text in ["c70054", "d45401", "d55401c0", "d554a150", "c70354a150c0c0", "c70454a150c0c0"] {
        for error in [validate(&hex(text)).unwrap_err(), Tape::new().read(&hex(text)).unwrap_err()]
        {
            assert_eq!(error.code(), Code::Corrupt, "{text}");
        }
    }
    let error = to_json(&hex("c70354a150c0"), JsonForm::Plain, &mut Vec::new()).unwrap_err();
    assert_eq!(error.code(), Code::NotJson);
}

#[test]
fn values_of_types_nest_without_taking_stack() {
    let nested = |levels: usize| {
        let open = r#"{"$type":["P","#.repeat(levels);
        format!("{open}null{}", "]}".repeat(levels))
    };
    let bytes = encoded(&nested(MAX_DEPTH));
    assert_eq!(marked(&bytes), nested(MAX_DEPTH));
    Tape::new().read(&bytes).unwrap();
    assert_eq!(locate(&bytes, &["a".to_owned()]).unwrap(), None);
    let mut out = Vec::new();
    let error = from_json(&nested(MAX_DEPTH + 1), JsonForm::Marked, &mut out).unwrap_err();
    assert_eq!(error.code(), Code::TooDeep);
    // A header of six bytes around so many levels that a step for each would need too much stack.
    let mut hostile = vec![0xc0];
    let mut outer = Vec::new();
    for level in 0..200_000_usize {
        let size = 3 + level * 8;
        outer.push([&[0xc9][..], &(size as u32).to_be_bytes(), &[ext::NAMED, 0xa1, b'P']].concat());
    }
    hostile.splice(0..0, outer.into_iter().rev().flatten());
    assert_eq!(validate(&hostile).unwrap_err().code(), Code::TooDeep);
    assert_eq!(locate(&hostile, &["a".to_owned()]).unwrap(), None);
}

#[test]
fn maps_of_other_languages_are_kept() {
    let bytes = hex("83a16101 02a162 a16303");
    let json = r#"{"a":1,"$dict":[[2,"b"],["c",3]]}"#;
    assert_eq!(marked(&bytes), json);
    assert_eq!(encoded(json), bytes);
    assert_eq!(marked(&hex("81c0c0")), r#"{"$dict":[[null,null]]}"#);
    assert_eq!(encoded(r#"{"$dict":[[null,null]]}"#), hex("81c0c0"));
    Tape::new().read(&bytes).unwrap();
}

#[test]
fn integers_of_other_languages_keep_all_their_bits() {
    for json in ["9223372036854775807", "-9223372036854775808", "18446744073709551615"] {
        assert_eq!(marked(&encoded(json)), json);
    }
    assert_eq!(marked(&encoded("18446744073709551616")), "18446744073709552000.0");
    assert_eq!(marked(&hex("c7050501020304 05")), r#"{"$ext":"5:AQIDBAU="}"#);
    assert_eq!(encoded(r#"{"$ext":"5:AQIDBAU="}"#), hex("c70505 0102030405"));
}

#[test]
fn plain_json_is_plain() {
    let mut out = Vec::new();
    from_json(r#"{"$ref":"x","n":1.0,"e":1e3,"z":-0}"#, JsonForm::Plain, &mut out).unwrap();
    let mut text = Vec::new();
    to_json(&out, JsonForm::Plain, &mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), r#"{"$ref":"x","n":1,"e":1000,"z":-0.0}"#);
    for rich in
        [r#"{"$undefined":true}"#, r#"{"$number":"NaN"}"#, r#"{"$map":[]}"#, r#"[{"$set":[]}]"#]
    {
        let error = to_json(&encoded(rich), JsonForm::Plain, &mut Vec::new()).unwrap_err();
        assert_eq!(error.code(), Code::NotJson);
    }
}

#[test]
fn what_is_no_json_is_refused_at_its_offset() {
    let wrong = [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":1,}",
        "01",
        "1.",
        "1e",
        "-",
        "+1",
        "tru",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"",
        "[1 2]",
        "{a:1}",
        "1 2",
        "1e999",
        "{\"$date\":\"yesterday\"}",
        "{\"$unknown\":1}",
        "{\"a\":1,\"$date\":null}",
        "{\"$map\":[[1]]}",
        "{\"$bytes\":\"A\"}",
        "{\"$date\":\"2023-02-29T00:00:00.000Z\"}",
        "{\"$set\":[1]",
        "{\"$typed\":\"Int16Array:AQ==\"}",
        "{\"$bytes\":\"AB==\"}",
        "{\"$number\":\"1\"}",
        "{\"$undefined\":true,\"a\":1}",
        "{\"$type\":\"Point\"}",
        "{\"$type\":[]}",
        "{\"$type\":[1,2]}",
        "{\"$type\":[\"Point\"]}",
        "{\"$type\":[\"Point\",1,2]}",
        "{\"$type\":[\"\\ud800\",1]}",
        "{\"$type\":[\"Point\",1]",
    ];
    for text in wrong {
        let mut out = vec![7];
        let error = from_json(text, JsonForm::Marked, &mut out).unwrap_err();
        assert_eq!(error.code(), Code::NotJson, "{text}");
        assert!(error.place().offset.unwrap() <= text.len() as u64, "{text}");
        assert_eq!(out, [7]);
    }
}

fn any_json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(json_text::float),
        any::<String>().prop_map(quoted),
        any::<i64>().prop_map(|ms| {
            let text = date::format(ms / 1000 % 8_640_000_000_000, 0);
            format!("{{\"$date\":\"{text}\"}}")
        }),
        any::<Vec<u8>>().prop_map(|bytes| {
            let mut text = Vec::new();
            base64::encode(&bytes, &mut text);
            format!("{{\"$bytes\":\"{}\"}}", String::from_utf8(text).unwrap())
        }),
        any::<i128>().prop_map(|value| format!("{{\"$bigint\":\"{value}\"}}")),
        Just("null".to_string()),
    ];
    scalar.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-f]{1,2}", inner.clone()), 0..20).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
            prop::collection::vec((inner.clone(), inner.clone()), 0..5).prop_map(|pairs| {
                let pairs: Vec<String> =
                    pairs.into_iter().map(|(key, value)| format!("[{key},{value}]")).collect();
                format!("{{\"$map\":[{}]}}", pairs.join(","))
            }),
            inner.clone().prop_map(|value| format!("{{\"$set\":[{value}]}}")),
            (any::<String>(), inner)
                .prop_map(|(name, value)| format!("{{\"$type\":[{},{value}]}}", quoted(name))),
        ]
    })
}

fn quoted(text: String) -> String {
    let mut out = Vec::new();
    json_text::string(&mut out, text.as_bytes());
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn any_json_comes_back(json in any_json()) {
        let bytes = encoded(&json);
        prop_assert_eq!(marked(&bytes), json);
        Tape::new().read(&bytes).unwrap();
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in any::<Vec<u8>>()) {
        let _ = Tape::new().read(&bytes);
        if validate(&bytes).is_ok() {
            let json = marked(&bytes);
            prop_assert_eq!(marked(&encoded(&json)), json);
        }
    }

    #[test]
    fn dates_come_back(seconds in any::<i64>(), nanoseconds in 0u32..1_000_000_000) {
        for seconds in [seconds, seconds % 8_640_000_000_000] {
            let text = date::format(seconds, nanoseconds);
            prop_assert_eq!(date::parse(&text), Some((seconds, nanoseconds)));
        }
    }
}
