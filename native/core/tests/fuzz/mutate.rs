//! Nonsense that is nearly sense: valid inputs, changed in the ways that break decoders.

/// Random numbers that are the same every time (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }
}

/// Lengths and counts that somebody might believe.
const EXTREMES: [&[u8]; 12] = [
    &[0xff; 4],
    &[0xff; 8],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0, 0, 0, 0x80],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    // Varints: 2^63, 2^64 - 1, 2^32, 2^31, one that is too long.
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x10],
    &[0x80, 0x80, 0x80, 0x80, 0x08],
    &[0x80; 11],
    // MessagePack: arrays, maps, bytes and ext of 4 GB.
    &[0xdd, 0xff, 0xff, 0xff, 0xff, 0xdf, 0xff, 0xff, 0xff, 0xff],
    &[0xc6, 0xff, 0xff, 0xff, 0xff, 0xc9, 0xff, 0xff, 0xff, 0xff, 0x4d],
];

/// One of the corpus, changed in a few ways.
pub fn mutate(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    for _ in 0..1 + dice.below(4) {
        change(&mut bytes, (corpus, dice));
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, (corpus, dice): (&[Vec<u8>], &mut Dice)) {
    let at = dice.below(bytes.len());
    match dice.below(13) {
        0..=2 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
        3 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'{', b'['][at % 8],
        4 if !bytes.is_empty() => bytes[at] = bytes[at].wrapping_add([1, 255][dice.below(2)]),
        5 => {
            let extreme = EXTREMES[dice.below(EXTREMES.len())];
            let end = if dice.below(2) == 0 { at } else { bytes.len().min(at + extreme.len()) };
            bytes.splice(at.min(end)..end, extreme.iter().copied());
        }
        6 => bytes.truncate(at),
        7 => {
            let byte = dice.next() as u8;
            bytes.extend(std::iter::repeat_n(byte, 1 + dice.below(40)));
        }
        8 => drop(bytes.drain(at..bytes.len().min(at + 1 + dice.below(16)))),
        9 => {
            let part = bytes[at..bytes.len().min(at + 1 + dice.below(64))].to_vec();
            let to = dice.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        10 => {
            let other = &corpus[dice.below(corpus.len())];
            let from = dice.below(other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        11 if dice.below(8) == 0 && !bytes.is_empty() => {
            // Depth and length: one byte many times.
            let (byte, times) = (bytes[at], dice.below(6000));
            bytes.splice(at..at, std::iter::repeat_n(byte, times));
        }
        _ => {
            let noise: Vec<u8> = (0..dice.below(12)).map(|_| dice.next() as u8).collect();
            bytes.splice(at..at, noise);
        }
    }
}
