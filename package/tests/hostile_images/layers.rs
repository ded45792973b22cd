//! Layers as a whole: what unpacks to too much, and what cannot be unpacked.

use super::reader::Input;
use super::writer::{Raw, file, gzip, noise, tar, zstd};
use crate::Case;

const MIB: usize = 1024 * 1024;

/// Many files that pack to nothing, after enough noise that so many of their bytes pass as packed.
fn bomb(noisy: usize, mib: usize) -> Vec<u8> {
    let mut entries = vec![file("package/noise", &noise(noisy))];
    let zeroes = vec![0; MIB];
    let more = (0..mib).map(|number| file(&format!("package/{number}"), &zeroes));
    entries.extend(more);
    tar(&entries)
}

pub(crate) fn bombs() -> Vec<Case> {
    let small = bomb(10, 20);
    let large = bomb(800_000, 70);
    let one = tar(&[file("package/a", &vec![0; 70 * MIB])]);
    let elsewhere = tar(&[
        file("package/a", b""),
        file("var/log/a", &vec![0; 70 * MIB]),
    ]);
    let (ratio, unpacked) = ("100 times its packed size", "more than 67108864 bytes");
    let members = gzip(&[0; MIB]).repeat(80);
    let parts: Vec<_> = (0..8).map(|_| gzip(&bomb(100_000, 10))).collect();
    vec![
        ("a gzip bomb", Input::layer(gzip(&small)), ratio),
        ("a zstd bomb", Input::layer(zstd(&small)), ratio),
        ("a large gzip bomb", Input::layer(gzip(&large)), unpacked),
        ("a large zstd bomb", Input::layer(zstd(&large)), unpacked),
        ("a bomb of one file", Input::layer(gzip(&one)), unpacked),
        (
            "a bomb beside the package",
            Input::layer(zstd(&elsewhere)),
            unpacked,
        ),
        ("a bomb of several layers", Input::Layers(parts), unpacked),
        ("a bomb of gzip members", Input::layer(members), ratio),
        (
            "a bomb in a bomb",
            Input::layer(gzip(&gzip(&small))),
            "not a tar archive",
        ),
        (
            "more than is taken packed",
            Input::layer(noise(10 * MIB + 1)),
            "10485761 bytes packed",
        ),
    ]
}

fn cut(mut bytes: Vec<u8>, by: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - by);
    bytes
}

fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    bytes
}

pub(crate) fn damaged() -> Vec<Case> {
    let content = noise(300_000);
    let good = || tar(&[file("package/a", &content), file("package/b", b"text")]);
    let unread = "layer 0 cannot be read";
    // A window of 128 MiB, as a header claims it.
    let window = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3][..], &[0; 600]].concat();
    let dictionary = [&[0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 100][..], &[0; 600]].concat();
    // 256 MiB in one segment.
    let segment = [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 16][..], &[0; 600]].concat();
    let checksum = {
        let mut bytes = good();
        let second = bytes.len() - 1024 - 1024;
        bytes[second] ^= 1;
        bytes
    };
    let input = Input::layer;
    vec![
        ("cut gzip", input(cut(gzip(&good()), 1000)), unread),
        ("cut zstd", input(cut(zstd(&good()), 1000)), unread),
        ("a cut archive", input(cut(good(), 2000)), unread),
        ("flipped gzip", input(flipped(gzip(&good()))), unread),
        (
            "gzip that is only a head",
            input(gzip(&good())[..9].to_vec()),
            unread,
        ),
        (
            "zstd that is only a head",
            input(zstd(&good())[..5].to_vec()),
            unread,
        ),
        ("a zstd window of 128 MiB", input(window), "too much memory"),
        (
            "a zstd segment of 256 MiB",
            input(segment),
            "too much memory",
        ),
        ("a zstd dictionary", input(dictionary), unread),
        ("a wrong checksum", input(checksum), "checksum"),
        ("noise", input(noise(MIB)), "not a tar archive"),
        (
            "JSON",
            input(b"{\"predicate\": {}}".to_vec()),
            "not a tar archive",
        ),
        ("xz", input(b"\xfd7zXZ\0 and so on".to_vec()), "xz"),
        ("bzip2", input(b"BZh91AY&SY and so on".to_vec()), "bzip2"),
        ("no layer", Input::Layers(Vec::new()), "no package files"),
        ("an empty layer", input(Vec::new()), "no package files"),
        ("zeroes", input(vec![0; MIB]), "no package files"),
        ("hidden files", input(hidden()), "no package files"),
    ]
}

fn hidden() -> Vec<u8> {
    let names = [
        "package/.git/config",
        "package/.a",
        "./.package/a",
        ".wh.package",
    ];
    let entries: Vec<Raw> = names.iter().map(|name| file(name, b"1")).collect();
    tar(&entries)
}
