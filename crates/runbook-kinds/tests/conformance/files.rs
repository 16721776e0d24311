//! Scenarios of `file.*`.

use conformance::{Scenario, scenarios};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

scenarios![
    write_new,
    write_over_a_file,
    write_over_a_symlink,
    write_mode_only,
    write_unchanged,
    write_over_a_directory,
    write_odd_name,
    write_empty,
    write_without_a_parent,
    write_keeps_the_owner,
    write_keeps_the_acl_and_the_attributes,
    write_over_a_fifo,
    copy_new,
    copy_over_a_file,
    copy_keeps_the_acl,
    copy_without_setuid,
    copy_large,
    copy_over_a_symlink,
    copy_through_a_symlink,
    copy_mode_only,
    copy_unchanged,
    copy_of_nothing,
    copy_of_a_directory,
    remove_a_file,
    remove_a_tree,
    remove_a_symlink,
    remove_a_dangling_symlink,
    remove_nothing,
    remove_the_home,
    remove_the_home_by_another_name,
    remove_a_link_to_the_home,
    remove_above_the_state,
    link_new,
    link_over_a_link,
    link_over_a_file,
    link_unchanged,
    link_over_a_directory,
    link_to_nothing,
    directory_new,
    directory_with_parents,
    directory_without_parents,
    directory_mode,
    directory_unchanged,
    directory_over_a_file,
    directory_over_a_symlink,
    directory_below_a_file,
    template_new,
    template_over_a_file,
    template_unchanged,
    template_with_an_unknown_name,
    template_that_is_missing,
];

fn write_new() -> Scenario {
    Scenario::change("file.write", |_| json!({ "path": "motd", "content": "until five\n", "mode": "0600" })).afterwards(
        |world, done| {
            assert_eq!(fs::read(world.root.join("motd")).unwrap(), b"until five\n");
            assert_eq!(done.results.outputs["path"], *world.root.join("motd").to_string_lossy());
        },
    )
}

fn write_over_a_file() -> Scenario {
    Scenario::change("file.write", |world| {
        world.file_with_mode("motd", "before\n", 0o640);
        json!({ "path": "motd", "content": "after\n" })
    })
}

fn write_over_a_symlink() -> Scenario {
    Scenario::change("file.write", |world| {
        world.file("real", "precious\n");
        world.link("motd", "real");
        json!({ "path": "motd", "content": "after\n" })
    })
    .afterwards(|world, _| assert_eq!(fs::read(world.root.join("real")).unwrap(), b"precious\n"))
}

fn write_mode_only() -> Scenario {
    Scenario::change("file.write", |world| {
        world.file_with_mode("key", "k", 0o644);
        json!({ "path": "key", "content": "k", "mode": "0600" })
    })
}

fn write_unchanged() -> Scenario {
    Scenario::nothing_to_do("file.write", |world| {
        world.file_with_mode("motd", "same", 0o600);
        json!({ "path": "motd", "content": "same" })
    })
}

fn write_over_a_directory() -> Scenario {
    Scenario::refusal("file.write", "is a directory", |world| {
        world.file("motd/inside", "");
        json!({ "path": "motd", "content": "x" })
    })
}

fn write_odd_name() -> Scenario {
    Scenario::change("file.write", |world| {
        world.file("odd \u{a0}\n'\"$(x)/-rf *", "before");
        json!({ "path": "odd \u{a0}\n'\"$(x)/-rf *", "content": "after" })
    })
}

fn write_empty() -> Scenario {
    Scenario::change("file.write", |world| {
        world.file("full", "something");
        json!({ "path": "full", "content": "" })
    })
}

fn write_without_a_parent() -> Scenario {
    Scenario::refusal("file.write", "no such file", |_| json!({ "path": "not/there", "content": "x" }))
}

/// Only root can give files away.
fn give_away(path: &std::path::Path) {
    let _ = std::os::unix::fs::lchown(path, Some(1234), Some(4321));
}

fn write_keeps_the_owner() -> Scenario {
    Scenario::change("file.write", |world| {
        give_away(&world.file_with_mode("theirs", "before", 0o600));
        json!({ "path": "theirs", "content": "after" })
    })
    .afterwards(|world, _| {
        let found = fs::metadata(world.root.join("theirs")).unwrap();
        let other = fs::metadata(&world.root).unwrap();
        assert!(found.uid() == 1234 || other.uid() != 0);
        assert_eq!(found.mode() & 0o7777, 0o600);
    })
}

/// Its group is denied what the mode, which is the mask, seems to allow.
fn with_acl(path: &std::path::Path) {
    let no = u32::MAX;
    let mut acl = 2u32.to_le_bytes().to_vec();
    for (tag, bits, id) in [(1u16, 6u16, no), (2, 6, 1234), (4, 0, no), (16, 6, no), (32, 0, no)] {
        acl.extend([&tag.to_le_bytes()[..], &bits.to_le_bytes()[..], &id.to_le_bytes()[..]].concat());
    }
    for (name, value) in [("system.posix_acl_access", acl.as_slice()), ("user.note", b"kept")] {
        rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
    }
}

/// Whether the group is still denied everything, and the attribute is there.
fn has_acl(path: &std::path::Path) -> bool {
    let (mut acl, mut note) = ([0; 64], [0; 64]);
    let length = rustix::fs::lgetxattr(path, "system.posix_acl_access", &mut acl).unwrap_or(0);
    let noted = rustix::fs::lgetxattr(path, "user.note", &mut note).unwrap_or(0);
    let group = acl[..length].get(4..).unwrap_or_default().chunks(8).find(|entry| entry[0] == 4);
    group.is_some_and(|entry| entry[2] == 0) && &note[..noted] == b"kept"
}

fn write_keeps_the_acl_and_the_attributes() -> Scenario {
    Scenario::change("file.write", |world| {
        with_acl(&world.file_with_mode("config", "before", 0o660));
        json!({ "path": "config", "content": "after", "mode": "0640" })
    })
    .afterwards(|world, _| {
        let path = world.root.join("config");
        assert!(has_acl(&path));
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o640);
    })
}

fn copy_keeps_the_acl() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file_with_mode("from", "after", 0o644);
        with_acl(&world.file_with_mode("config", "before", 0o660));
        json!({ "from": "from", "path": "config" })
    })
    .afterwards(|world, _| assert!(has_acl(&world.root.join("config"))))
}

fn copy_without_setuid() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file_with_mode("from", "#!/bin/sh\n", 0o6755);
        json!({ "from": "from", "path": "copy" })
    })
    .afterwards(|world, _| {
        assert_eq!(fs::metadata(world.root.join("copy")).unwrap().mode() & 0o7777, 0o755);
    })
}

/// A pipe that nobody writes to must not make the probe wait for ever, and what has it open must not lose it.
fn write_over_a_fifo() -> Scenario {
    Scenario::refusal("file.write", "named pipe", |world| {
        let made = std::process::Command::new("mkfifo").arg(world.root.join("pipe")).status().unwrap();
        assert!(made.success());
        json!({ "path": "pipe", "content": "now a file" })
    })
}

fn copy_new() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file_with_mode("from", "content\n", 0o750);
        json!({ "from": "from", "path": "copy" })
    })
    .afterwards(|world, done| {
        assert_eq!(fs::metadata(world.root.join("copy")).unwrap().mode() & 0o7777, 0o750);
        assert_eq!(done.results.outputs["path"], *world.root.join("copy").to_string_lossy());
    })
}

fn copy_over_a_file() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file_with_mode("from", "new\n", 0o644);
        give_away(&world.file_with_mode("copy", "old\n", 0o600));
        json!({ "from": "from", "path": "copy" })
    })
}

fn copy_large() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file("from", vec![7; 40 << 20]);
        world.file("copy", vec![8; 40 << 20]);
        json!({ "from": "from", "path": "copy" })
    })
}

fn copy_over_a_symlink() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file("from", "new");
        world.file("precious", "old");
        world.link("copy", "precious");
        json!({ "from": "from", "path": "copy" })
    })
    .afterwards(|world, _| assert_eq!(fs::read(world.root.join("precious")).unwrap(), b"old"))
}

fn copy_through_a_symlink() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file("real", "content");
        world.link("from", "real");
        json!({ "from": "from", "path": "copy" })
    })
    .afterwards(|world, _| assert!(fs::symlink_metadata(world.root.join("copy")).unwrap().is_file()))
}

fn copy_mode_only() -> Scenario {
    Scenario::change("file.copy", |world| {
        world.file("from", "same");
        world.file_with_mode("copy", "same", 0o644);
        json!({ "from": "from", "path": "copy", "mode": "0600" })
    })
}

fn copy_unchanged() -> Scenario {
    Scenario::nothing_to_do("file.copy", |world| {
        world.file_with_mode("from", "", 0o644);
        world.file_with_mode("copy", "", 0o600);
        json!({ "from": "from", "path": "copy" })
    })
}

fn copy_of_nothing() -> Scenario {
    Scenario::refusal("file.copy", "is not there to be copied", |_| json!({ "from": "no", "path": "copy" }))
}

fn copy_of_a_directory() -> Scenario {
    Scenario::refusal("file.copy", "artifact.deploy", |world| {
        world.dir("from");
        json!({ "from": "from", "path": "copy" })
    })
}

fn remove_a_file() -> Scenario {
    Scenario::change("file.remove", |world| {
        give_away(&world.file_with_mode("lock", "pid 1\n", 0o400));
        json!({ "path": "lock" })
    })
    .afterwards(|_, done| assert_eq!(done.results.outputs["removed"], true))
}

fn remove_a_tree() -> Scenario {
    Scenario::change("file.remove", |world| {
        world.file_with_mode("tree/a", "a", 0o4711);
        world.file("tree/deep/er/ \u{fc}\n*", vec![1; 100_000]);
        world.file("tree/deep/empty", "");
        world.link("tree/deep/out", "../../outside");
        world.file("outside/precious", "stays");
        give_away(&world.dir("tree/theirs"));
        fs::hard_link(world.root.join("tree/a"), world.root.join("tree/b")).unwrap();
        json!({ "path": "tree" })
    })
    .afterwards(|world, _| assert_eq!(fs::read(world.root.join("outside/precious")).unwrap(), b"stays"))
}

fn remove_a_symlink() -> Scenario {
    Scenario::change("file.remove", |world| {
        world.file("real/precious", "stays");
        world.link("link", "real");
        json!({ "path": "link" })
    })
    .afterwards(|world, _| assert_eq!(fs::read(world.root.join("real/precious")).unwrap(), b"stays"))
}

fn remove_a_dangling_symlink() -> Scenario {
    Scenario::change("file.remove", |world| {
        world.link("link", "nowhere");
        json!({ "path": "link" })
    })
}

fn remove_nothing() -> Scenario {
    Scenario::nothing_to_do("file.remove", |_| json!({ "path": "not/there" }))
}

fn remove_the_home() -> Scenario {
    Scenario::refusal("file.remove", "the home directory", |_| json!({ "path": "~" }))
}

fn remove_above_the_state() -> Scenario {
    Scenario::refusal("file.remove", "no step removes", |_| json!({ "path": "../state" }))
}

fn link_new() -> Scenario {
    Scenario::change("file.link", |world| {
        world.file("releases/1/app", "");
        json!({ "path": "current", "to": "releases/1" })
    })
    .afterwards(|world, _| {
        assert_eq!(fs::read_link(world.root.join("current")).unwrap().to_str(), Some("releases/1"));
    })
}

fn link_over_a_link() -> Scenario {
    Scenario::change("file.link", |world| {
        world.dir("releases/1");
        world.dir("releases/2");
        world.link("current", "releases/1");
        json!({ "path": "current", "to": "releases/2" })
    })
}

fn link_over_a_file() -> Scenario {
    Scenario::change("file.link", |world| {
        world.file("real", "");
        world.file_with_mode("config", "the only copy", 0o600);
        json!({ "path": "config", "to": "real" })
    })
}

fn link_unchanged() -> Scenario {
    Scenario::nothing_to_do("file.link", |world| {
        world.dir("releases/1");
        world.link("current", "releases/1");
        json!({ "path": "current", "to": "releases/1" })
    })
}

fn link_over_a_directory() -> Scenario {
    Scenario::refusal("file.link", "is a directory", |world| {
        world.dir("current");
        world.dir("releases/1");
        json!({ "path": "current", "to": "releases/1" })
    })
}

fn link_to_nothing() -> Scenario {
    Scenario::refusal("file.link", "where nothing is", |_| json!({ "path": "current", "to": "releases/1" }))
}

fn directory_new() -> Scenario {
    Scenario::change("file.directory", |_| json!({ "path": "made", "mode": "2770" }))
}

fn directory_with_parents() -> Scenario {
    Scenario::change("file.directory", |_| json!({ "path": "a/b/c", "mode": "0700", "parents": true })).afterwards(
        |world, _| {
            assert_eq!(fs::metadata(world.root.join("a/b")).unwrap().mode() & 0o7777, 0o755);
            assert_eq!(fs::metadata(world.root.join("a/b/c")).unwrap().mode() & 0o7777, 0o700);
        },
    )
}

fn directory_without_parents() -> Scenario {
    Scenario::refusal("file.directory", "parents: true", |_| json!({ "path": "a/b" }))
}

fn directory_mode() -> Scenario {
    Scenario::change("file.directory", |world| {
        world.file("there/kept", "");
        json!({ "path": "there", "mode": "0711" })
    })
}

fn directory_unchanged() -> Scenario {
    Scenario::nothing_to_do("file.directory", |world| {
        world.file("there/kept", "");
        json!({ "path": "there" })
    })
}

fn directory_over_a_file() -> Scenario {
    Scenario::refusal("file.directory", "is a file", |world| {
        world.file("there", "");
        json!({ "path": "there" })
    })
}

fn directory_over_a_symlink() -> Scenario {
    Scenario::refusal("file.directory", "is a symlink", |world| {
        world.dir("real");
        world.link("there", "real");
        json!({ "path": "there", "mode": "0700" })
    })
}

fn directory_below_a_file() -> Scenario {
    Scenario::refusal("file.directory", "not a directory", |world| {
        world.file("file", "");
        json!({ "path": "file/inside", "parents": true })
    })
}

fn template_new() -> Scenario {
    Scenario::change("file.template", |world| {
        world.file("unit.j2", "User={{ user }}\n{% for port in ports %}Port={{ port }}\n{% endfor %}");
        json!({ "from": "unit.j2", "path": "unit", "values": { "user": "app", "ports": [1, 2] }, "mode": "0640" })
    })
    .afterwards(|world, _| {
        let unit = fs::read_to_string(world.root.join("unit")).unwrap();
        assert_eq!(unit.split_whitespace().collect::<Vec<_>>(), ["User=app", "Port=1", "Port=2"]);
    })
}

fn template_over_a_file() -> Scenario {
    Scenario::change("file.template", |world| {
        world.file("unit.j2", "{{ a }}");
        world.file_with_mode("unit", "before", 0o600);
        json!({ "from": "unit.j2", "path": "unit", "values": { "a": "after" } })
    })
}

fn template_unchanged() -> Scenario {
    Scenario::nothing_to_do("file.template", |world| {
        world.file("plain", "no template in it\n");
        world.file("unit", "no template in it\n");
        json!({ "from": "plain", "path": "unit" })
    })
}

fn template_with_an_unknown_name() -> Scenario {
    Scenario::refusal("file.template", "cannot be rendered", |world| {
        world.file("unit.j2", "{{ user }}");
        json!({ "from": "unit.j2", "path": "unit", "values": { "usr": "app" } })
    })
}

fn template_that_is_missing() -> Scenario {
    Scenario::refusal("file.template", "is not there", |_| json!({ "from": "unit.j2", "path": "unit" }))
}

fn remove_the_home_by_another_name() -> Scenario {
    Scenario::refusal("file.remove", "the home directory", |world| {
        world.link("around", "..");
        json!({ "path": "around/home" })
    })
}

fn remove_a_link_to_the_home() -> Scenario {
    Scenario::change("file.remove", |world| {
        world.link("link", "../home");
        json!({ "path": "link" })
    })
    .afterwards(|world, _| assert!(world.home.is_dir()))
}
