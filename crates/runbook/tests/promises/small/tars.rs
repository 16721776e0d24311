//! Archives that other programs packed: what is fair is unpacked, and what is not is refused by its name before anything is done.

use crate::bench::Bench;
use std::fs;
use std::process::Command;

/// One member as a tar of Version 7 writes it; `magic` is what later formats write behind.
struct Entry<'a> {
    name: &'a str,
    tag: u8,
    link: &'a str,
    /// What the header says; the content need not be as long.
    size: usize,
    content: &'a [u8],
    magic: &'a [u8],
}

const USTAR: &[u8] = b"ustar\x0000";
const GNU: &[u8] = b"ustar  \0";

fn file<'a>(name: &'a str, content: &'a [u8]) -> Entry<'a> {
    Entry { name, tag: b'0', link: "", size: content.len(), content, magic: USTAR }
}

fn other<'a>(name: &'a str, tag: u8, link: &'a str) -> Entry<'a> {
    Entry { name, tag, link, size: 0, content: b"", magic: USTAR }
}

fn header(entry: &Entry<'_>) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, entry.name.as_bytes());
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", entry.size).as_bytes());
    put(136, b"00000000001\0");
    put(156, &[entry.tag]);
    put(157, entry.link.as_bytes());
    put(257, entry.magic);
    block
}

fn summed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn packed(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        tar.extend(summed(header(entry)));
        tar.extend(entry.content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    tar
}

/// A plan that deploys the archive.
fn deploying(bench: &Bench, archive: &str) -> String {
    let allow: String = ["verify-is-functional", "verify-is-negative"]
        .map(|rule| format!("      - {{ rule: {rule}, because: \"a test\" }}\n"))
        .concat();
    bench.plan(
        "deploy",
        &format!(
            "steps:\n  - {{ id: backup, uses: backup.create, with: {{ paths: [HOST/app] }} }}\n  - id: deploy\n    uses: artifact.deploy\n    with: {{ from: {archive}, to: HOST/app }}\n    allow:\n{allow}"
        ),
    )
}

#[test]
fn what_other_tars_write_is_unpacked() {
    let bench = Bench::new();
    let long = format!("{}/{}", "d".repeat(90), "n".repeat(200));
    let sparse_old = {
        // Content at 512 of a file of 2048 bytes, as `tar -S` has it in the header.
        let mut block = header(&Entry { name: "sparse", tag: b'S', link: "", size: 4, content: b"", magic: GNU });
        block[386..398].copy_from_slice(b"00000001000\0");
        block[398..410].copy_from_slice(b"00000000004\0");
        block[483..495].copy_from_slice(b"00000004000\0");
        let mut tar = summed(block).to_vec();
        tar.extend(b"data");
        tar.resize(1024, 0);
        tar.extend([0; 1024]);
        tar
    };
    let with_size = |magic| Entry { size: 5, magic, ..other("hard", b'1', "first") };
    let v7 = |entry: Entry<'static>| Entry { magic: b"", ..entry };
    let with_garbage = [packed(&[file("a", b"1")]), b"garbage".repeat(300)].concat();
    type Case<'a> = (&'a str, Vec<u8>, Vec<(&'a str, &'a str)>);
    let cases: Vec<Case<'_>> = vec![
        (
            "a hard link with a size",
            packed(&[file("first", b"hello"), with_size(USTAR), file("last", b"x")]),
            vec![("first", "hello"), ("hard", "hello"), ("last", "x")],
        ),
        ("the same at the end", packed(&[file("first", b"hello"), with_size(GNU)]), vec![("hard", "hello")]),
        (
            "a hard link that repeats its content",
            packed(&[file("first", b"hello"), Entry { content: b"hello", ..with_size(USTAR) }, file("last", b"x")]),
            vec![("hard", "hello"), ("last", "x")],
        ),
        (
            "a symlink and a directory with a size",
            packed(&[
                Entry { size: 700, ..other("dir", b'5', "") },
                Entry { size: 9, ..other("dir/s", b'2', "../a") },
                file("a", b"1"),
            ]),
            vec![("dir/s", "1")],
        ),
        (
            "Version 7",
            packed(&[v7(Entry { tag: 0, ..other("dir/", 0, "") }), v7(Entry { tag: 0, ..file("dir/a", b"1") })]),
            vec![("dir/a", "1")],
        ),
        (
            "names with ./",
            packed(&[other("./", b'5', ""), file("./a", b"1"), file("./b/c", b"2")]),
            vec![("a", "1"), ("b/c", "2")],
        ),
        ("directories that are missing", packed(&[file("x/y/z", b"1")]), vec![("x/y/z", "1")]),
        ("two roots", packed(&[file("x/a", b"1"), file("y/b", b"2")]), vec![("x/a", "1"), ("y/b", "2")]),
        (
            "a name that comes twice",
            packed(&[file("a", b"old"), file("b", b"2"), file("a", b"new")]),
            vec![("a", "new"), ("b", "2")],
        ),
        (
            "a long name of GNU",
            packed(&[Entry { tag: b'L', magic: GNU, ..file("././@LongLink", long.as_bytes()) }, file("short", b"1")]),
            vec![(&long, "1")],
        ),
        ("a label of a volume", packed(&[other("label", b'V', ""), file("a", b"1")]), vec![("a", "1")]),
        ("garbage behind its end", with_garbage, vec![("a", "1")]),
        ("an old sparse file", sparse_old, vec![]),
    ];
    for (what, tar, wanted) in cases {
        let plan = deploying(&bench, &bench.write("artifact.tar", tar));
        let said = bench.run(&["apply", &plan, "--yes"]);
        assert_eq!(said.code, Some(0), "{what}: {said:#?}");
        for (name, content) in wanted {
            assert_eq!(fs::read_to_string(bench.host("app").join(name)).unwrap(), content, "{what}: {name}");
        }
        bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
    }
    let sparse = fs::read(bench.host("app/sparse")).unwrap();
    assert_eq!(
        (sparse.len(), &sparse[512..516], sparse.iter().filter(|byte| **byte != 0).count()),
        (2048, &b"data"[..], 4)
    );
}

#[test]
fn every_form_of_sparse_file_is_unpacked() {
    let bench = Bench::new();
    let source = bench.path("source");
    fs::create_dir(&source).unwrap();
    let holes = fs::File::create(source.join("holes")).unwrap();
    // More runs than one header holds.
    for nth in 0..40_u64 {
        std::os::unix::fs::FileExt::write_all_at(&holes, format!("part {nth}").as_bytes(), nth * 65_536).unwrap();
    }
    holes.set_len(40 * 65_536).unwrap();
    for format in [
        &["--format=gnu"][..],
        &["--format=posix"],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
    ] {
        let archive = bench.path("sparse.tar");
        let packed =
            Command::new("tar").args(["-S", "-C"]).arg(&source).args(format).arg("-cf").arg(&archive).arg(".").status();
        assert!(packed.unwrap().success());
        let plan = deploying(&bench, archive.to_str().unwrap());
        bench.expect(0, &["apply", &plan, "--yes"]);
        assert_eq!(fs::read(bench.host("app/holes")).unwrap(), fs::read(source.join("holes")).unwrap(), "{format:?}");
        bench.expect(0, &["rollback", "--yes"]);
    }
}

#[test]
fn what_may_not_be_unpacked_is_named_in_the_dry_run_already() {
    let bench = Bench::new();
    for (name, entry, why) in [
        ("/etc/passwd", file("/etc/passwd", b"x"), "absolute"),
        ("../out", file("../out", b"x"), "leads out"),
        ("a/../../out", file("a/../../out", b"x"), "leads out"),
        ("null", other("null", b'3', ""), "device"),
        ("disk", other("disk", b'4', ""), "device"),
        ("pipe", other("pipe", b'6', ""), "named pipe"),
        ("link", other("link", b'2', "/etc/passwd"), "points out"),
        ("up", other("up", b'2', "../../x"), "points out"),
        ("hard", other("hard", b'1', "/etc/passwd"), "points out"),
        ("lone", other("lone", b'1', "nowhere"), "does not come before it"),
        ("strange", other("strange", b'Z', ""), "neither a file"),
    ] {
        let plan = deploying(&bench, &bench.write("artifact.tar", packed(&[file("a", b"1"), entry])));
        for args in [&["apply", &plan, "--dry-run"][..], &["apply", &plan, "--yes"]] {
            bench.run(args).says(&["artifact.tar", name, why]);
        }
        assert!(!bench.host("app").exists());
    }
    for (content, why) in
        [(b"no archive at all".to_vec(), "too early"), (vec![b'x'; 2048], "damaged"), (Vec::new(), "too early")]
    {
        let plan = deploying(&bench, &bench.write("artifact.tar", content));
        bench.run(&["apply", &plan, "--yes"]).says(&["artifact.tar", why]);
        assert!(!bench.host("app").exists());
    }
}
