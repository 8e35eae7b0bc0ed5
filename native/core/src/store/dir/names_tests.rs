//! The names of files: those that FORMAT.md promises, and that none means two keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::names::{file_part, folder_prefix, place};

fn path(key: &str) -> String {
    let place = place(key, 1);
    place.folders.into_iter().chain([place.name]).collect::<Vec<_>>().join("/")
}

#[test]
fn names_are_as_the_format_says() {
    let y = "y".repeat(200);
    let table = [
        ("a.json", "a.json"),
        ("a", "a.value"),
        ("a/b/c.json.gz", "a/b/c.json.gz"),
        ("v1.2/x", "v1%2E2/x.value"),
        ("x.value", "x%2Evalue.value"),
        ("t/planner/run 42/000000000001", "t/planner/run 42/000000000001.value"),
        (".hidden", "%2Ehidden.value"),
        (".hidden.json", "%2Ehidden.json"),
        ("..", "%2E."),
        ("../a", "%2E%2E/a.value"),
        ("", "%-.value"),
        ("/a//", "%-/a/%-/%-.value"),
        (" a", "%20a.value"),
        ("a%2F", "a%252F.value"),
        ("\u{e9}", "%C3%A9.value"),
        (&y, &format!("{y}%+/%-.value")),
        (&format!("{y}z.json"), &format!("{y}%+/z.json")),
        (&format!("{y}z/a"), &format!("{y}%+/z/a.value")),
    ];
    for (key, expected) in table {
        assert_eq!(path(key), expected, "{key:?}");
    }
}

#[test]
fn every_name_leads_back_to_its_key() {
    for length in (0..420).chain([600, 601, 1023, 1024]) {
        for character in ["x", ".", " ", "\u{e9}", "\u{1f600}", "/"] {
            let key = character.repeat(length);
            let place = place(&key, 1);
            let above: String =
                place.folders.iter().map(|name| folder_prefix(name).expect("a folder")).collect();
            assert_eq!(above + &file_part(&place.name).expect("a file"), key);
            assert!(place.folders.iter().all(|name| name.len() <= 202 && !name.contains('.')));
            assert!(place.name.len() <= 200 && place.name.contains('.'));
            assert!(!place.name.starts_with('.'));
        }
    }
}

#[test]
fn shards_come_first_and_spread() {
    let mut folders: Vec<_> =
        (0..200).map(|n| place(&format!("a/{n}"), 4).folders.concat()).collect();
    folders.sort_unstable();
    folders.dedup();
    assert_eq!(folders, ["00a", "01a", "02a", "03a"]);
    // The check value of CRC-32C is 0xE3069283 = 3 mod 4: a folder must open in every version.
    assert_eq!(place("123456789", 4).folders, ["03"]);
}
