//! How fast the crates under the core are on a file, in MB/s, without any boundary: what the
//! benches hold the addon against. `speed "zstd 3" FILE SECONDS` prints one JSON object.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use flate2::{read::GzDecoder, write::GzEncoder, Compression};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use sha2::Digest;

type Answer<T> = Result<T, Box<dyn Error>>;

fn main() -> Answer<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, file, seconds] = arguments.as_slice() else {
        return Err("usage: speed NAME FILE SECONDS, as in: speed \"zstd 3\" state.json 1".into());
    };
    let bytes = std::fs::read(file)?;
    let window = Duration::from_secs_f64(seconds.parse()?);
    println!("{}", measured(name, &bytes, window)?);
    Ok(())
}

fn measured(name: &str, bytes: &[u8], window: Duration) -> Answer<String> {
    let (kind, level) = match name.split_once(' ') {
        Some((kind, level)) => (kind, level.parse()?),
        None => (name, 0),
    };
    if let Some(speed) = digest(kind, bytes, window)? {
        return Ok(format!("{{\"digest\": {speed}}}"));
    }
    let packed = compress(kind, level, bytes)?;
    if decompress(kind, &packed, bytes.len())? != bytes {
        return Err(format!("{name} does not give back what it was given").into());
    }
    let pack = speed(bytes.len(), window, || compress(kind, level, bytes))?;
    let unpack = speed(bytes.len(), window, || decompress(kind, &packed, bytes.len()))?;
    Ok(format!("{{\"compress\": {pack}, \"decompress\": {unpack}}}"))
}

fn digest(kind: &str, bytes: &[u8], window: Duration) -> Answer<Option<f64>> {
    let length = bytes.len();
    Ok(Some(match kind {
        "blake3" => speed(length, window, || Ok(blake3::hash(bytes)))?,
        "sha256" => speed(length, window, || Ok(sha2::Sha256::digest(bytes)))?,
        "crc32c" => {
            let algorithm = crc_fast::CrcAlgorithm::Crc32Iscsi;
            speed(length, window, || Ok(crc_fast::checksum(algorithm, bytes)))?
        }
        _ => return Ok(None),
    }))
}

fn compress(kind: &str, level: u32, bytes: &[u8]) -> Answer<Vec<u8>> {
    match kind {
        "zstd" => Ok(zstd::bulk::compress(bytes, i32::try_from(level)?)?),
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(bytes)?;
            Ok(encoder.finish()?)
        }
        "lz4" => {
            let mut encoder = FrameEncoder::with_frame_info(lz4_frame(bytes.len()), Vec::new());
            encoder.write_all(bytes)?;
            Ok(encoder.finish()?)
        }
        "brotli" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 16 * 1024, level, 22);
            encoder.write_all(bytes)?;
            Ok(encoder.into_inner())
        }
        _ => Err(format!("there is no codec or digest {kind}").into()),
    }
}

/// The frame that the core writes: linked blocks and a checksum of the content.
fn lz4_frame(length: usize) -> FrameInfo {
    FrameInfo::new()
        .block_mode(BlockMode::Linked)
        .block_size(BlockSize::Max256KB)
        .content_size(u64::try_from(length).ok())
        .content_checksum(true)
}

fn decompress(kind: &str, packed: &[u8], length: usize) -> Answer<Vec<u8>> {
    match kind {
        "zstd" => Ok(zstd::bulk::decompress(packed, length)?),
        "gzip" => Ok(read_all(GzDecoder::new(packed), length)?),
        "lz4" => Ok(read_all(FrameDecoder::new(packed), length)?),
        "brotli" => Ok(read_all(brotli::Decompressor::new(packed, 16 * 1024), length)?),
        _ => Err(format!("there is no codec {kind}").into()),
    }
}

fn read_all(mut reader: impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(length);
    reader.read_to_end(&mut out)?;
    Ok(out)
}

/// MB/s at the median call; a fifth of the window goes before, uncounted, as for everybody.
fn speed<T>(length: usize, window: Duration, mut call: impl FnMut() -> Answer<T>) -> Answer<f64> {
    times(window / 5, &mut call)?;
    let mut times = times(window, &mut call)?;
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    Ok(length as f64 / 1e6 / median)
}

fn times<T>(window: Duration, call: &mut impl FnMut() -> Answer<T>) -> Answer<Vec<f64>> {
    let (begin, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || begin.elapsed() < window {
        let start = Instant::now();
        black_box(call()?);
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(times)
}
