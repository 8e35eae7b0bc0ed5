//! Paths lead to the values that they name, through objects, arrays, Maps, Sets and what
//! types of one's own made of their values.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::{from_json, JsonForm};
use super::*;

fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    from_json(text, JsonForm::Marked, &mut bytes).unwrap();
    bytes
}

fn path(steps: &[&str]) -> Vec<String> {
    steps.iter().map(|step| (*step).to_owned()).collect()
}

#[test]
fn paths_lead_to_values_and_nowhere_else() {
    let text = r#"{"a": [1, {"b": "text"}], "": 2, "m": {"$map": [["k", [7]], [1, 2]]},
        "s": {"$set": [5, 6]}, "p": {"$type": ["Path", [{"$type": ["Point", {"x": 8}]}, 9]]}}"#;
    let bytes = encoded(text);
    for (steps, value) in [
        (&["a", "1", "b"][..], r#""text""#),
        (&["a", "0"], "1"),
        (&[""], "2"),
        (&["m", "k", "0"], "7"),
        (&["m", "<1>"], "2"),
        (&["s", "1"], "6"),
        (&["p"], r#"{"$type": ["Path", [{"$type": ["Point", {"x": 8}]}, 9]]}"#),
        (&["p", "0"], r#"{"$type": ["Point", {"x": 8}]}"#),
        (&["p", "0", "x"], "8"),
        (&["p", "1"], "9"),
    ] {
        let at = locate(&bytes, &path(steps)).unwrap().unwrap();
        assert_eq!(bytes[at], encoded(value), "{steps:?}");
    }
    assert_eq!(locate(&bytes, &[]).unwrap(), Some(0..bytes.len()));
    for steps in [&["x"][..], &["a", "2"], &["a", "0", "0"], &["a", "1", "b", "0"], &["p", "Path"]]
    {
        assert_eq!(locate(&bytes, &path(steps)).unwrap(), None, "{steps:?}");
    }
    for cut in 0..bytes.len() {
        assert!(locate(&bytes[..cut], &path(&["s", "1"])).is_err(), "cut at {cut}");
    }
}
