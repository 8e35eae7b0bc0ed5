//! References of any text come back, and what is none is named.
#![allow(clippy::unwrap_used)]

use super::super::name::Name;
use super::super::snapshot::At;
use crate::error::Code;

#[test]
fn any_name_comes_back() {
    for (agent, session) in [("planner", "run-42"), ("a/b", "c@d#e%f"), ("%2F", "\u{e9}\u{1f600} ")]
    {
        let written = Name::new(agent, session).unwrap().to_string();
        let read = Name::parse(&written).unwrap();
        assert_eq!((read.agent(), read.session()), (agent, session), "{written}");
    }
}

#[test]
fn snapshots_are_named_in_several_ways() {
    for text in ["", "latest", "@latest"] {
        assert_eq!(At::parse(text).unwrap(), At::Latest, "{text}");
    }
    for text in ["17", "@17"] {
        assert_eq!(At::parse(text).unwrap(), At::Sequence(17), "{text}");
    }
    for text in ["#go%20od", "@tag:go%20od"] {
        assert_eq!(At::parse(text).unwrap(), At::Tag("go od".into()), "{text}");
    }
}

#[test]
fn what_names_nothing_is_refused() {
    for text in
        ["@", "#", "@tag:", "x", "@1x", "-1", "@99999999999999999999", "#%2", "#%zz", "#%ff"]
    {
        assert_eq!(At::parse(text).unwrap_err().code(), Code::InvalidRef, "{text}");
    }
    for text in ["", "a", "a/b/c", "a/", "/b", "a/b@1", "a/b#t", "a/%", "a/%+1"] {
        assert_eq!(Name::parse(text).unwrap_err().code(), Code::InvalidRef, "{text}");
    }
}
