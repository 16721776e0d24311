//! Random scripts, read and run: the reader says that it is unclear, or what a real shell starts.

use crate::{Launch, follow};
use proptest::prelude::*;
use runbook_host::{Account, Reader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// Lines that are followed, and lines that are not. `PROG` says its arguments.
const LINES: &[&str] = &[
    "A=one",
    "A=two",
    "A=\"a b\"",
    "A='*'",
    "A=",
    "unset A",
    "B=$A",
    "B=\"$A\"",
    "B=${A:-three}",
    "B=${A+four}",
    "B=${A%/*}",
    "B=${A##*/}",
    "A=$PWD/dir",
    "A=$(pwd)",
    "A=$(dirname \"$0\")",
    "A=$(basename \"$0\")",
    "A=$(cat data)",
    "A=$(readlink link)",
    "A=$(cd dir && pwd -P)",
    "A=`uname`",
    "A=$(false)",
    "A=$(echo $A)",
    "A=$(echo a; echo b)",
    "A=~",
    "A=$1",
    "A=$#",
    "export A",
    "export B=\"$A\"",
    "set -e",
    "set -u",
    "set +e",
    "set -- x \"y z\"",
    "set --",
    "set -- \"$@\"",
    "A=$(cat nothing 2>&1 >/dev/null)",
    "A=$(echo a >&1)",
    "shift",
    "cd dir",
    "cd ..",
    "cd link",
    "cd /nowhere",
    "cd dir || exit 1",
    "cd nothing && A=there",
    ". ./settings",
    ". ./nothing",
    "[ -f data ] && A=file",
    "[ -d dir ] || A=none",
    "[ -L link ] && B=link",
    "[ -n \"$A\" ] && B=set",
    "[ -z $A ] && B=empty",
    "[ \"$A\" = one ] || A=other",
    "[ $A = one ] && B=same",
    "test ! -e nothing && A=gone",
    "! false && A=not",
    "if [ -x prog ]; then A=runs; else A=no; fi",
    "if false; then A=1; elif true; then A=2; fi",
    "for A in 1 2; do B=$A$B; done",
    "for A in $PWD/*; do B=$A; done",
    "case $A in one|two) B=some ;; *) B=any ;; esac",
    "case \"$A\" in */*) B=path ;; esac",
    "{ A=group; }",
    "mkdir -p made",
    "[ -d made ] && A=made",
    "cd made",
    "echo \"$A\" > written",
    ". ./written",
    "A=$(cat written)",
    "true || exit",
    "false && exit",
    "f() { A=function; }",
    "f",
    "eval A=evil",
    "( A=sub )",
    "A=a | true",
    "while false; do :; done",
    "A=$((1+1))",
    "IFS=:",
    "set -f",
    "A=${#A}",
    "alias x=y",
    "trap 'exit 1' EXIT",
    "return",
    "readonly A=r",
    "A=1 B=2 true",
    "mkdir there && A=there",
    "sleep 0 && A=slept",
    "A=[a-z]*",
    "B=$'x'",
    "read A < data",
    "export A=$A",
    "A=\"${A:-$B}\"",
    "B=${A=set}",
    "rm -f data",
    "A=x; A=$A$A",
    "command -v prog && A=found",
    "command -v cd > /dev/null && B=cd",
    "PATH=$PWD:$PATH",
    "A=$*",
    "A=\"$@\"",
    "A={a,b}",
    "A=b\\ c",
    "B=\"a\\$b\"",
    "# A=comment",
    "A=a#b",
    "exec ./prog $A \"$B\"",
];
const ENDS: &[&str] = &[
    "exec PROG \"$A\" \"$B\"",
    "exec PROG $A $B",
    "exec PROG \"$@\"",
    "PROG $A",
    "A=$B exec PROG \"$A\"",
    "PROG; exit 3",
    "if [ \"$A\" = one ]; then exec PROG 1; fi\nexec PROG 2",
    "[ -n \"$B\" ] && exec PROG \"$B\"\nexec PROG none",
    "exec \"$PWD\"/prog 'STARTED[%s]' \"$A\"",
    "exec ./prog \"$PWD\" $#",
    "[ $# -eq 0 ] && exec PROG none\nexec PROG \"$@\"",
    "[ \"$*\" = \"first second word\" ] && exec PROG all\nexec PROG \"$*\"",
    "[ -n ${C:-\"\"} ] && exec PROG c\nexec PROG ${C:-\"\"} $A",
    "case $B in a*) exec PROG a ;; esac\nPROG \"$B\"",
    "exec \"$(dirname \"$0\")/prog\" 'STARTED[%s]' \"${A:-x}\" ${B:+y}",
];

fn put(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
    std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the program says that `shell` starts with the script; `None` if it starts nothing.
fn run(shell: &str, dir: &Path) -> Option<String> {
    let output = Command::new(shell)
        .arg(dir.join("script"))
        .args(["first", "second word"])
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", dir.join("dir"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.find("STARTED[").map(|at| text[at..].to_owned())
}

/// What that program would say by the reader; `None` if that is unclear.
fn read(shell: &str, dir: &Path) -> Option<String> {
    let env = [("PATH", "/usr/bin:/bin".to_owned()), ("HOME", dir.join("dir").to_string_lossy().into_owned())];
    let script = dir.join("script").to_string_lossy().into_owned();
    let launch = Launch {
        program: shell.to_owned(),
        args: [&script, "first", "second word"].map(|word| Some(word.to_owned())).to_vec(),
        cwd: dir.to_owned(),
        env: env.map(|(name, value)| (name.to_owned(), Some(value))).into(),
        account: Account {
            uid: Reader::new("/nowhere", "/nowhere").own_uid(),
            home: Some(dir.join("dir")),
            ..Account::default()
        },
    };
    let trail = follow(&Reader::new("/nowhere", "/nowhere"), launch);
    if trail.unclear.is_some() {
        return None;
    }
    assert_eq!(trail.reached.last(), Some(&dir.join("prog")));
    let args: Vec<String> = trail.args.into_iter().collect::<Option<_>>()?;
    let (format, words) = args.split_first().unwrap();
    assert_eq!(format, "STARTED[%s]");
    let words = if words.is_empty() { &[String::new()] } else { words };
    Some(words.iter().map(|word| format!("STARTED[{word}]")).collect())
}

proptest! {
    #![proptest_config(test_rules::cases(250))]

    #[test]
    fn the_reader_says_what_a_shell_starts_or_nothing(
        lines in prop::collection::vec(prop::sample::select(LINES), 0..7),
        end in prop::sample::select(ENDS),
        shell in prop::sample::select(&["/bin/sh", "/bin/bash"][..]),
    ) {
        let top = tempfile::tempdir().unwrap();
        std::fs::set_permissions(top.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let dir = top.path().canonicalize().unwrap();
        std::fs::create_dir(dir.join("dir")).unwrap();
        symlink("dir", dir.join("link")).unwrap();
        put(&dir, "data", "from a file\n");
        put(&dir, "settings", "A=settings\nB=\"$A\"\n");
        // printf(1) says each of its arguments.
        std::fs::copy("/usr/bin/printf", dir.join("prog")).unwrap();
        let prog = format!("{} 'STARTED[%s]'", dir.join("prog").display());
        let script = (lines.join("\n") + "\n" + end + "\n").replace("PROG", &prog).replace("./prog", "./prog 'STARTED[%s]'");
        put(&dir, "script", &script);
        if let Some(read) = read(shell, &dir) {
            prop_assert_eq!(Some(read), run(shell, &dir), "{}", script);
        }
    }
}
