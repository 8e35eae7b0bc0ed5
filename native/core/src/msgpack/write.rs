//! Writing items with minimal headers, as `src/encode/scalars.ts` does.

use super::ext;

/// At most six bytes: the header of an item.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Header {
    bytes: [u8; 6],
    len: usize,
}

impl Header {
    fn of(parts: &[&[u8]]) -> Self {
        let mut header = Header::default();
        for byte in parts.iter().copied().flatten() {
            if let Some(slot) = header.bytes.get_mut(header.len) {
                *slot = *byte;
                header.len += 1;
            }
        }
        header
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// A length after the first of three codes that are for 8, 16 and 32 bits.
    fn sized(first: u8, size: usize) -> Self {
        if let Ok(size) = u8::try_from(size) {
            Header::of(&[&[first, size]])
        } else if let Ok(size) = u16::try_from(size) {
            Header::of(&[&[first + 1], &size.to_be_bytes()])
        } else {
            Header::of(&[&[first + 2], &(size as u32).to_be_bytes()])
        }
    }

    fn count(fix: u8, first: u8, count: usize) -> Self {
        if count < 16 {
            Header::of(&[&[fix | count as u8]])
        } else if let Ok(count) = u16::try_from(count) {
            Header::of(&[&[first], &count.to_be_bytes()])
        } else {
            Header::of(&[&[first + 1], &(count as u32).to_be_bytes()])
        }
    }

    pub(super) fn array(count: usize) -> Self {
        Header::count(0x90, 0xdc, count)
    }

    pub(super) fn map(count: usize) -> Self {
        Header::count(0x80, 0xde, count)
    }

    pub(super) fn text(size: usize) -> Self {
        if size < 32 {
            Header::of(&[&[0xa0 | size as u8]])
        } else {
            Header::sized(0xd9, size)
        }
    }

    pub(super) fn bytes(size: usize) -> Self {
        Header::sized(0xc4, size)
    }

    pub(super) fn ext(kind: u8, size: usize) -> Self {
        match size {
            1 | 2 | 4 | 8 | 16 => Header::of(&[&[0xd4 + size.trailing_zeros() as u8, kind]]),
            _ => {
                let sized = Header::sized(0xc7, size);
                Header::of(&[sized.as_slice(), &[kind]])
            }
        }
    }
}

pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(Header::text(text.len()).as_slice());
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(Header::bytes(bytes.len()).as_slice());
    out.extend_from_slice(bytes);
}

pub(super) fn ext(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.extend_from_slice(Header::ext(kind, payload.len()).as_slice());
    out.extend_from_slice(payload);
}

pub(super) fn int(out: &mut Vec<u8>, value: i64) {
    if (-32..0x80).contains(&value) {
        out.push(value as u8);
    } else if let Ok(small) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, small]);
    } else if let Ok(small) = i8::try_from(value) {
        out.extend_from_slice(&[0xd0, small as u8]);
    } else if let Ok(short) = u16::try_from(value) {
        out.push(0xcd);
        out.extend_from_slice(&short.to_be_bytes());
    } else if let Ok(short) = i16::try_from(value) {
        out.push(0xd1);
        out.extend_from_slice(&short.to_be_bytes());
    } else if let Ok(word) = u32::try_from(value) {
        out.push(0xce);
        out.extend_from_slice(&word.to_be_bytes());
    } else if let Ok(word) = i32::try_from(value) {
        out.push(0xd2);
        out.extend_from_slice(&word.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

pub(super) fn uint(out: &mut Vec<u8>, value: u64) {
    out.push(0xcf);
    out.extend_from_slice(&value.to_be_bytes());
}

/// One fixed NaN, as every writer of the format has it.
pub(super) fn float(out: &mut Vec<u8>, value: f64) {
    let bits = if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() };
    out.push(0xcb);
    out.extend_from_slice(&bits.to_be_bytes());
}

/// The smallest of the three timestamps.
pub(super) fn timestamp(out: &mut Vec<u8>, seconds: i64, nanoseconds: u32) {
    match u64::try_from(seconds) {
        Ok(short) if nanoseconds == 0 && u32::try_from(short).is_ok() => {
            ext(out, ext::TIMESTAMP, &(short as u32).to_be_bytes());
        }
        Ok(medium) if medium < 1 << 34 => {
            ext(out, ext::TIMESTAMP, &(u64::from(nanoseconds) << 34 | medium).to_be_bytes());
        }
        _ => {
            let mut payload = nanoseconds.to_be_bytes().to_vec();
            payload.extend_from_slice(&seconds.to_be_bytes());
            ext(out, ext::TIMESTAMP, &payload);
        }
    }
}
