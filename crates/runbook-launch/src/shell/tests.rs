//! Scripts as hosts have them, and where they lead. `TOP` is the directory of the test.

use crate::{Account, Launch, Trail, follow};
use proptest::prelude::*;
use runbook_host::Reader;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    /// Two versions of Node under nvm, one for everybody, and an installation of the package with each.
    fn new() -> Self {
        let tree = Self { dir: tempfile::tempdir().unwrap() };
        for prefix in ["usr/local", "home/op/.nvm/versions/node/v22.14.0", "home/op/.nvm/versions/node/v20.1.0"] {
            tree.program(&format!("{prefix}/bin/node"));
            tree.write(&format!("{prefix}/lib/node_modules/openclaw/openclaw.mjs"), "#!/usr/bin/env node\n");
            symlink("../lib/node_modules/openclaw/openclaw.mjs", tree.path(&format!("{prefix}/bin/openclaw"))).unwrap();
        }
        tree.write("home/op/.nvm/nvm.sh", "this text is never read ((( '");
        tree.write("home/op/.nvm/alias/default", "lts/*\n");
        tree.write("home/op/.nvm/alias/lts/*", "v22.14.0\n");
        tree.write("home/op/.profile", "if [ -n \"$BASH_VERSION\" ]; then\n . \"$HOME/.bashrc\"\nfi\n");
        tree.write(
            "home/op/.bashrc",
            "eval \"$(dircolors -b)\"\nfrobnicate() { local x; x=$1; }\nexport NVM_DIR=\"$HOME/.nvm\"\n\
             [ -s \"$NVM_DIR/nvm.sh\" ] && \\. \"$NVM_DIR/nvm.sh\"  # This loads nvm\n",
        );
        tree.program("opt/openclaw/app/bin/gateway");
        tree.program("usr/local/bin/npx");
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        // What `canonicalize` says, for the directory of the test may lie behind a link.
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, self.filled(text)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A program that is no script.
    fn program(&self, name: &str) {
        self.write(name, "\u{7f}ELF");
    }

    fn filled(&self, text: &str) -> String {
        text.replace("TOP", self.path("").to_string_lossy().trim_end_matches('/'))
    }

    fn follow(&self, argv: &[&str]) -> Trail {
        let mut words = argv.iter().map(|word| self.filled(word));
        let home = self.path("home/op");
        let env =
            [("PATH", self.filled("TOP/usr/local/bin:/usr/bin:/bin")), ("HOME", home.to_string_lossy().into_owned())];
        let launch = Launch {
            program: words.next().unwrap(),
            args: words.map(Some).collect(),
            cwd: self.path(""),
            env: env.into_iter().map(|(name, value)| (name.to_owned(), Some(value))).collect::<BTreeMap<_, _>>(),
            account: Account { name: "op".to_owned(), uid: 1000, home: Some(home), shell: None },
        };
        follow(&Reader::new("/nowhere", "/nowhere"), launch)
    }

    /// Where it leads, below `TOP`; else `? ` and why not.
    fn end(&self, argv: &[&str]) -> String {
        let trail = self.follow(argv);
        match trail.unclear {
            Some(why) => format!("? {why}").replace(&*self.path("").to_string_lossy(), "TOP/"),
            None => {
                let last = trail.reached.last().unwrap();
                last.strip_prefix(self.path("")).unwrap_or(last).display().to_string()
            }
        }
    }
}

const GLOBAL: &str = "usr/local/lib/node_modules/openclaw/openclaw.mjs";
const NVM_22: &str = "home/op/.nvm/versions/node/v22.14.0/lib/node_modules/openclaw/openclaw.mjs";
const NVM_20: &str = "home/op/.nvm/versions/node/v20.1.0/lib/node_modules/openclaw/openclaw.mjs";
const APP: &str = "opt/openclaw/app/bin/gateway";

#[test]
fn scripts_lead_to_what_they_start() {
    for (script, wanted) in [
        ("exec TOP/opt/openclaw/app/bin/gateway \"$@\"", APP),
        (
            "# a comment; exec false\nset -euo pipefail\nAPP=TOP/opt/openclaw/app\nexec \"${APP}\"/bin/gateway run \"$@\"",
            APP,
        ),
        ("TOP/opt/openclaw/app/bin/gateway \"$@\"", APP),
        ("TOP/opt/openclaw/app/bin/gateway 2>&1 | tee -a /var/log/x", APP),
        ("TOP/opt/openclaw/app/bin/gateway &\necho $! > /run/x.pid\nwait", APP),
        ("cd TOP/opt/openclaw/app || exit 1\nexec ./bin/gateway", APP),
        ("( cd TOP/opt/openclaw && ./app/bin/gateway )", APP),
        ("cd \"$(dirname \"$0\")/..\" && exec opt/openclaw/app/bin/gateway", APP),
        (
            "here=$(cd \"$(dirname \"$(readlink -f \"$0\")\")\" && pwd -P)\nexec \"$here/../opt/openclaw/app/bin/gateway\"",
            APP,
        ),
        ("exec openclaw gateway run", GLOBAL),
        ("exec node TOP/usr/local/lib/node_modules/openclaw/openclaw.mjs", GLOBAL),
        ("exec /usr/bin/env NODE_ENV=production nice -n 5 openclaw", GLOBAL),
        ("export PATH=TOP/home/op/.nvm/versions/node/v20.1.0/bin:$PATH\nexec openclaw", NVM_20),
        ("export NVM_DIR=\"$HOME/.nvm\"\n. \"$NVM_DIR/nvm.sh\"\nexec openclaw \"$@\"", NVM_22),
        (". ~/.nvm/nvm.sh\nnvm use 20 >/dev/null\nexec openclaw", NVM_20),
        (". ~/.nvm/nvm.sh --no-use; nvm use --silent v20; exec openclaw", NVM_20),
        ("source ~/.nvm/nvm.sh && nvm exec 20 openclaw gateway", NVM_20),
        ("NODE_VERSION=20 exec ~/.nvm/nvm-exec openclaw", NVM_20),
        ("V=$(cat ~/.nvm/alias/'lts/*'); exec ~/.nvm/versions/node/$V/bin/openclaw", NVM_22),
        (
            "if [ -x TOP/opt/openclaw/app/bin/gateway ]; then exec TOP/opt/openclaw/app/bin/gateway; else exec openclaw; fi",
            APP,
        ),
        ("if [ ! -d /nowhere ]; then G=openclaw; fi; exec ${G:-false}", GLOBAL),
        ("[ -f /nowhere/env ] && . /nowhere/env\ncase `uname` in *CYGWIN*) x=1;; esac\nexec openclaw", GLOBAL),
        (
            "test -n \"$1\" || set -- gateway\ncase \"$1\" in\n gateway|run) exec openclaw \"$@\" ;;\n *) exec false ;;\nesac",
            GLOBAL,
        ),
        ("for f in TOP/etc/openclaw.d/*.sh; do [ -r \"$f\" ] && . \"$f\"; done; exec $PROGRAM", APP),
        ("start() { exec \"$1\" run; }\nstart TOP/opt/openclaw/app/bin/gateway", APP),
        ("while true; do openclaw gateway; sleep 5; done", GLOBAL),
        ("cat <<EOF\nexec false\nEOF\nexec openclaw", GLOBAL),
        (
            "mkdir -p /x; ulimit -n 65536; trap 'kill 0' EXIT; umask 077\nexec -a gateway openclaw >> /var/log/x 2>&1",
            GLOBAL,
        ),
        (
            "basedir=$(dirname \"$(echo \"$0\" | sed -e 's,\\\\,/,g')\")\nif [ -x \"$basedir/node\" ]; then\n  exec \"$basedir/node\" x\nelse\n  exec node \"$basedir/../usr/local/lib/node_modules/openclaw/openclaw.mjs\" \"$@\"\nfi",
            GLOBAL,
        ),
        ("[[ -f TOP/opt/openclaw/app/bin/gateway && -n x ]] || echo odd; exec openclaw", GLOBAL),
        ("name=openclaw.service; exec ${name%.service}", GLOBAL),
        ("eval \"exec openclaw $*\"", GLOBAL),
        ("TOKEN=$(curl -s http://127.0.0.1/token); export TOKEN; exec openclaw --token \"$TOKEN\"", GLOBAL),
        // nvm keeps a version that is on the path already.
        ("export PATH=TOP/home/op/.nvm/versions/node/v20.1.0/bin:$PATH\n. ~/.nvm/nvm.sh\nexec openclaw", NVM_20),
        ("PATH=$(some-tool):$PATH\n. ~/.nvm/nvm.sh\nexec openclaw", "? TOP/bin/wrapper, line 3: nvm keeps"),
        // Where a loop ends, decides what it leaves behind.
        ("for i in 1 2; do curl -s localhost && break; sleep 1; done; exec openclaw", GLOBAL),
        ("for f in false openclaw; do for g in 1; do curl -s x && break; done; P=$f; done; exec $P", GLOBAL),
        ("for f in false openclaw; do P=$f; curl -s x && break; done; exec $P", "? TOP/bin/wrapper, line 2: "),
        ("for f in false openclaw; do curl -s x && { break; }; done; exec $f", "? TOP/bin/wrapper, line 2: "),
        ("for f in openclaw false; do curl -s x || continue; exec $f; done", "? TOP/bin/wrapper, line 2: decides"),
        ("while true; do curl -s x && break; exec openclaw; done; exec false", "? TOP/bin/wrapper, line 2: decides"),
        // What only running it could tell is said, never guessed.
        ("exec $(curl -s http://example.org/which)", "? TOP/bin/wrapper, line 2: what `exec` starts"),
        (
            "if curl -s localhost; then exec openclaw; else exec TOP/opt/openclaw/app/bin/gateway; fi",
            "? TOP/bin/wrapper, line 2: decides",
        ),
        ("X=$(some-tool)\n[ \"$X\" = a ] && exec openclaw\nexec false", "? TOP/bin/wrapper, line 3: decides"),
        ("eval \"$(direnv hook bash)\"\nexec openclaw", "? TOP/bin/wrapper, line 2: `eval`"),
        ("PATH=$(some-tool):$PATH\nexec openclaw", "? where `openclaw` is found depends"),
        ("exec \"$HOME\"/bin/gone", "? TOP/home/op/bin/gone is not there"),
        ("echo done", "? TOP/bin/wrapper starts nothing"),
        ("if then fi esac (", "? TOP/bin/wrapper, line 2, cannot be read"),
        (
            ". ~/.nvm/nvm.sh; nvm use 18; exec openclaw",
            "? TOP/bin/wrapper, line 2: nvm in TOP/home/op/.nvm has no version",
        ),
        ("exec npx openclaw", "? npx looks for a package"),
        ("exec TOP/bin/wrapper", "? more than"),
        (". TOP/bin/wrapper", "? TOP/bin/wrapper"),
    ] {
        let tree = Tree::new();
        tree.write("etc/openclaw.d/1.sh", "PROGRAM=TOP/opt/openclaw/app/bin/gateway\n");
        tree.write("home/op/.nvm/nvm-exec", "#!/usr/bin/env bash\n");
        tree.write("bin/wrapper", &format!("#!/bin/bash\n{script}\n"));
        let end = tree.end(&["TOP/bin/wrapper", "gateway"]);
        assert!(
            end == wanted || (wanted.starts_with('?') && end.starts_with(wanted)),
            "{script}\n{end}\nwanted {wanted}"
        );
    }
}

#[test]
fn command_lines_lead_to_what_they_start() {
    let tree = Tree::new();
    tree.write("home/op/start", "exec openclaw\n");
    symlink("deep", tree.path("bin")).unwrap();
    std::fs::create_dir_all(tree.path("deep")).unwrap();
    symlink("loop", tree.path("loop")).unwrap();
    for (argv, wanted) in [
        (&["TOP/usr/local/bin/openclaw", "gateway"][..], GLOBAL),
        (&["/usr/bin/env", "node", "TOP/usr/local/bin/openclaw"], GLOBAL),
        (&["/bin/sh", "-c", "exec openclaw \"$@\"", "sh", "gateway"], GLOBAL),
        (&["/bin/sh", "-ec", "openclaw gateway"], GLOBAL),
        (&["/bin/bash", "-lc", "openclaw gateway"], NVM_22),
        (&["/bin/bash", "--login", "-c", "exec openclaw"], NVM_22),
        (&["/bin/sh", "TOP/home/op/start"], GLOBAL),
        (&["/bin/sh", "home/op/start"], GLOBAL),
        (&["openclaw"], GLOBAL),
        (&["TOP/opt/openclaw/app/bin/gateway"], APP),
        (&["/bin/sh", "-s"], "? a shell reads its script from its input"),
        (&["/bin/sh"], "? /bin/sh is given no script"),
        (&["TOP/usr/local/bin/node", "TOP/gone.js"], "? node is given TOP/gone.js"),
        (&["TOP/loop"], "?"),
        (&["TOP/home/op"], "?"),
        (&[""], "? the name of a program is empty"),
    ] {
        let end = tree.end(argv);
        assert!(
            end == wanted || (wanted.starts_with('?') && end.starts_with(wanted)),
            "{argv:?}\n{end}\nwanted {wanted}"
        );
    }
    let trail = tree.follow(&["/bin/bash", "-lc", "openclaw gateway"]);
    assert_eq!(trail.node, Some(tree.path("home/op/.nvm/versions/node/v22.14.0/bin/node")));
    let names: Vec<PathBuf> = [".profile", ".bashrc"].iter().map(|name| tree.path("home/op").join(name)).collect();
    assert!(trail.wrappers.ends_with(&names), "{:?}", trail.wrappers);
    let decides = |name: &str| trail.deciding.contains(&tree.path("home/op/.nvm").join(name));
    let link = "versions/node/v22.14.0/bin/openclaw";
    assert!(["alias/default", "alias/lts/*", link].into_iter().all(decides), "{:?}", trail.deciding);
}

#[test]
fn links_that_a_script_asks_for_decide() {
    let tree = Tree::new();
    symlink("openclaw", tree.path("opt/current")).unwrap();
    for script in
        ["exec $(readlink -f TOP/opt/current)/app/bin/gateway", "cd TOP/opt/current; exec $(pwd -P)/app/bin/gateway"]
    {
        let trail = tree.follow(&["/bin/sh", "-c", script]);
        assert!(trail.deciding.contains(&tree.path("opt/current")), "{script}: {trail:?}");
    }
}

#[test]
fn a_shell_reads_the_files_of_the_name_that_it_is_called_by() {
    let tree = Tree::new();
    std::fs::create_dir_all(tree.path("bin")).unwrap();
    for name in ["sh", "bash"] {
        symlink("/bin/bash", tree.path("bin").join(name)).unwrap();
    }
    tree.write("home/op/.bash_profile", "PATH=TOP/home/op/.nvm/versions/node/v20.1.0/bin:/usr/bin\n");
    tree.program("bin/zsh");
    for (argv, wanted) in [
        (["TOP/bin/bash", "-lc", "exec openclaw"], NVM_20),
        (["TOP/bin/sh", "-lc", "exec openclaw"], NVM_22),
        (["TOP/bin/zsh", "-lc", "exec openclaw"], "? zsh as a login shell"),
    ] {
        let end = tree.end(&argv);
        assert!(end == wanted || (wanted.starts_with('?') && end.starts_with(wanted)), "{argv:?}\n{end}");
    }
    tree.write("home/op/.zshenv", "");
    let end = tree.end(&["TOP/bin/zsh", "-c", "exec openclaw"]);
    assert!(end.starts_with("? zsh reads "), "{end}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Pieces of scripts in any order: an answer always comes, and nothing is run.
    #[test]
    fn nonsense_comes_to_an_end(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "exec ", "openclaw ", "\"$@\" ", "'", "\"", "$(", "${", "}", ")", "(", "`", "\\", "\n", ";", ";;", "&", "&&", "||",
            "|", "<", ">", "<<EOF\n", "if ", "then ", "else ", "fi ", "case ", "esac ", "in ", "for ", "x ", "do ", "done ",
            "while ", "true ", "{ ", "} ", "f() ", "f ", "A=b ", "$A ", "${A:-$(pwd)} ", "${A%%*/} ", ". ", "/dev/null ",
            "[ -n ", "] ", "[[ ", "]] ", "! ", "# ", "*", "?", "[", "~", "cd ", "..", "eval ", "shift ", "é ", "nvm use ",
        ]), 0..60)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let launch = Launch {
            program: "/bin/sh".to_owned(),
            args: vec![Some("-c".to_owned()), Some(pieces.concat())],
            cwd: dir.path().to_owned(),
            env: BTreeMap::new(),
            account: Account::default(),
        };
        follow(&Reader::new("/nowhere", "/nowhere"), launch);
        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn noise_comes_to_an_end(text in "\\PC{0,120}", mark in "#![ -~]{0,40}\n") {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        std::fs::write(&script, mark + &text).unwrap();
        let launch = Launch {
            program: script.to_string_lossy().into_owned(),
            args: Vec::new(),
            cwd: Path::new("/").to_owned(),
            env: BTreeMap::new(),
            account: Account::default(),
        };
        follow(&Reader::new("/nowhere", "/nowhere"), launch);
    }
}
