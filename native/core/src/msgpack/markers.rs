//! The markers of rich types that one text tells all about.

use super::{base64, date, ext, json_text, TYPED};

/// Writes the value of a marker that has one text; nothing if it is wrong.
pub(super) fn write(body: &mut Vec<u8>, name: &str, text: &str) -> Option<()> {
    match name {
        "$date" => {
            let (seconds, nanoseconds) = date::parse(text)?;
            super::write::timestamp(body, seconds, nanoseconds);
        }
        "$number" => {
            let value = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
                .into_iter()
                .find(|value| json_text::not_finite(*value) == text)?;
            super::write::float(body, value);
        }
        "$bigint" => super::write::ext(body, ext::BIGINT, &json_text::parse_bigint(text)?),
        "$bytes" => super::write::bytes(body, &base64::decode(text.as_bytes())?),
        "$typed" => {
            let (name, elements) = text.split_once(':')?;
            let subtype = TYPED.iter().position(|(known, _)| *known == name)?;
            let mut payload = vec![subtype as u8];
            payload.append(&mut base64::decode(elements.as_bytes())?);
            let (_, size) = TYPED.get(subtype)?;
            super::write::ext(
                body,
                ext::TYPED,
                Some(&payload).filter(|all| (all.len() - 1) % size == 0)?,
            );
        }
        "$ext" => {
            let (kind, payload) = text.split_once(':')?;
            super::write::ext(body, kind.parse().ok()?, &base64::decode(payload.as_bytes())?);
        }
        _ => return None,
    }
    Some(())
}
