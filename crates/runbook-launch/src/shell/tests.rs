//! Scripts as hosts have them, and where they lead. `TOP` is the directory of the test.

mod agree;

use crate::{Launch, Trail, follow};
use proptest::prelude::*;
use runbook_host::{Account, Reader};
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
        std::fs::set_permissions(tree.dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for prefix in ["usr/local", "home/op/.nvm/versions/node/v22.14.0", "home/op/.nvm/versions/node/v20.1.0"] {
            tree.program(&format!("{prefix}/bin/node"));
            tree.write(&format!("{prefix}/lib/node_modules/openclaw/openclaw.mjs"), "#!/usr/bin/env node\n");
            symlink("../lib/node_modules/openclaw/openclaw.mjs", tree.path(&format!("{prefix}/bin/openclaw"))).unwrap();
        }
        tree.write("home/op/.nvm/nvm.sh", "this text is never read ((( '");
        tree.write("home/op/.nvm/alias/default", "lts/*\n");
        tree.write("home/op/.nvm/alias/lts/*", "v22.14.0\n");
        tree.write(
            "home/op/.profile",
            "# if running bash\nif [ -n \"$BASH_VERSION\" ]; then\n    if [ -f \"$HOME/.bashrc\" ]; then\n\t. \"$HOME/.bashrc\"\n    fi\nfi\n\
             if [ -d \"$HOME/bin\" ] ; then\n    PATH=\"$HOME/bin:$PATH\"\nfi\n",
        );
        tree.write(
            "home/op/.bashrc",
            "export NVM_DIR=\"$HOME/.nvm\"\n\
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

/// The shim that pnpm and others put in front of a package (npm's `cmd-shim`).
const SHIM: &str = "#!/bin/sh
basedir=$(dirname \"$(echo \"$0\" | sed -e 's,\\\\,/,g')\")

case `uname` in
    *CYGWIN*|*MINGW*|*MSYS*)
        if command -v cygpath > /dev/null 2>&1; then
            basedir=`cygpath -w \"$basedir\"`
        fi
    ;;
esac

if [ -z \"$NODE_PATH\" ]; then
  export NODE_PATH=\"/usr/lib/node_modules\"
else
  export NODE_PATH=\"/usr/lib/node_modules:$NODE_PATH\"
fi
if [ -x \"$basedir/node\" ]; then
  exec \"$basedir/node\"  \"$basedir/../usr/local/lib/node_modules/openclaw/openclaw.mjs\" \"$@\"
else
  exec node  \"$basedir/../usr/local/lib/node_modules/openclaw/openclaw.mjs\" \"$@\"
fi
";

fn tree_with(script: &str) -> Tree {
    let tree = Tree::new();
    tree.write("etc/openclaw.d/1.sh", "PROGRAM=TOP/opt/openclaw/app/bin/gateway\n");
    tree.write("etc/default/openclaw", "GATEWAY_BIND=lan\n");
    tree.write("home/op/.nvm/nvm-exec", "#!/usr/bin/env bash\n");
    tree.write("bin/wrapper", script);
    symlink("openclaw", tree.path("opt/current")).unwrap();
    tree
}

#[test]
fn scripts_lead_to_what_they_start() {
    for (script, wanted) in [
        ("exec TOP/opt/openclaw/app/bin/gateway \"$@\"", APP),
        (
            "# a comment; exec false\nset -euo pipefail\nAPP=TOP/opt/openclaw/app\nexec \"${APP}\"/bin/gateway run \"$@\"",
            APP,
        ),
        ("TOP/opt/openclaw/app/bin/gateway \"$@\"", APP),
        ("TOP/opt/openclaw/app/bin/gateway \"$@\"; exit $?", APP),
        ("cd TOP/opt/openclaw/app || exit 1\nexec ./bin/gateway", APP),
        ("cd \"$(dirname \"$0\")/..\" && exec opt/openclaw/app/bin/gateway", APP),
        (
            "here=$(cd \"$(dirname \"$(readlink -f \"$0\")\")\" >/dev/null 2>&1 && pwd -P)\nexec \"$here/../opt/openclaw/app/bin/gateway\"",
            APP,
        ),
        ("exec \"$(dirname -- \"${BASH_SOURCE[0]}\")\"/../opt/openclaw/app/bin/gateway", APP),
        ("exec \"${0%/*}/../opt/openclaw/app/bin/gateway\"", APP),
        // Behind a link, `..` is where the link's target lies.
        ("exec TOP/opt/current/app/../../openclaw/app/bin/gateway", APP),
        ("exec openclaw gateway run", GLOBAL),
        ("exec node TOP/usr/local/lib/node_modules/openclaw/openclaw.mjs", GLOBAL),
        ("exec /usr/bin/env NODE_ENV=production nice -n 5 openclaw", GLOBAL),
        ("export PATH=TOP/home/op/.nvm/versions/node/v20.1.0/bin:$PATH\nexec openclaw", NVM_20),
        ("export NVM_DIR=\"$HOME/.nvm\"\n. \"$NVM_DIR/nvm.sh\"\nexec openclaw \"$@\"", NVM_22),
        (". ~/.nvm/nvm.sh\nnvm use 20 >/dev/null\nexec openclaw", NVM_20),
        (". ~/.nvm/nvm.sh --no-use; nvm use --silent v20; exec openclaw", NVM_20),
        ("source ~/.nvm/nvm.sh && nvm exec 20 openclaw gateway", NVM_20),
        ("NODE_VERSION=20 exec ~/.nvm/nvm-exec openclaw", NVM_20),
        ("export NODE_VERSION=20; exec ~/.nvm/nvm-exec openclaw", NVM_20),
        // Nobody is given a variable that is not exported.
        ("NODE_VERSION=20; exec ~/.nvm/nvm-exec openclaw", "? nvm is told no version"),
        ("V=$(cat ~/.nvm/alias/'lts/*'); exec ~/.nvm/versions/node/$V/bin/openclaw", NVM_22),
        (
            "if [ -x TOP/opt/openclaw/app/bin/gateway ]; then exec TOP/opt/openclaw/app/bin/gateway; else exec openclaw; fi",
            APP,
        ),
        ("if [ ! -d /nowhere ]; then G=openclaw; fi; exec ${G:-false}", GLOBAL),
        (
            "[ -r TOP/etc/default/openclaw ] && . TOP/etc/default/openclaw\n[ \"$GATEWAY_BIND\" = lan ] && exec openclaw",
            GLOBAL,
        ),
        ("[ -f /nowhere/env ] && . /nowhere/env\nexec openclaw", GLOBAL),
        (
            "test -n \"$1\" || set -- gateway\ncase \"$1\" in\n gateway|run) exec openclaw \"$@\" ;;\n *) exec false ;;\nesac",
            GLOBAL,
        ),
        ("for f in TOP/etc/openclaw.d/*.sh; do [ -r \"$f\" ] && . \"$f\"; done; exec $PROGRAM", APP),
        ("set -a; . TOP/etc/default/openclaw; set +a; exec openclaw", GLOBAL),
        (
            "mkdir -p /x || exit 1; ulimit -n 65536; umask 077; echo starts >&2\nexec openclaw >> /var/log/x 2>&1",
            GLOBAL,
        ),
        ("exec >> /var/log/x 2>&1\nexec openclaw", GLOBAL),
        ("TODAY=$(date +%F); export TODAY; exec openclaw --since \"$TODAY\"", GLOBAL),
        // nvm keeps a version that is on the path already.
        ("export PATH=TOP/home/op/.nvm/versions/node/v20.1.0/bin:$PATH\n. ~/.nvm/nvm.sh\nexec openclaw", NVM_20),
        // What stands behind `exec` is never read.
        ("exec openclaw\n((( \"", GLOBAL),
        ("exec openclaw\n  ((( \"", GLOBAL),
        // No arguments are no argument, also between quotes.
        ("set --\nset -- \"$@\"\n[ $# -eq 0 ] && exec openclaw\nexec false", GLOBAL),
        ("[ \"$*\" = gateway ] && exec openclaw\nexec false", GLOBAL),
        ("SAID=$(echo a >&1)\n[ \"$SAID\" = a ] && exec openclaw\nexec false", GLOBAL),
        // What would start nothing is no other way.
        ("mesg n 2> /dev/null || true\nexec openclaw", GLOBAL),
        ("if logger starts; then exec openclaw; else exit 1; fi", GLOBAL),
        ("set -e\ncd /nowhere\nexec openclaw", "? TOP/bin/wrapper starts nothing"),
        ("set -e\n[ -d /nowhere ] && cd /nowhere\nif false; then exec false; fi\nexec openclaw", GLOBAL),
        ("echo done", "? TOP/bin/wrapper starts nothing"),
        ("exec \"$HOME\"/bin/gone", "? TOP/home/op/bin/gone is not there"),
        ("exec npx openclaw", "? npx looks for a package"),
        ("exec TOP/bin/wrapper", "? more than"),
        (". TOP/bin/wrapper", "? TOP/bin/wrapper"),
    ] {
        let end = tree_with(&format!("#!/bin/bash\n{script}\n")).end(&["TOP/bin/wrapper", "gateway"]);
        assert!(
            end == wanted || (wanted.starts_with('?') && end.starts_with(wanted)),
            "{script}\n{end}\nwanted {wanted}"
        );
    }
    assert_eq!(tree_with(SHIM).end(&["TOP/bin/wrapper", "gateway"]), GLOBAL);
}

#[test]
fn what_is_not_followed_is_named_with_its_line() {
    for (script, why) in [
        ("TOP/opt/openclaw/app/bin/gateway 2>&1 | tee -a /var/log/x", "a pipe"),
        ("TOP/opt/openclaw/app/bin/gateway &\nwait", "a program in the background"),
        ("( cd TOP/opt/openclaw && ./app/bin/gateway )", "a subshell"),
        ("while true; do openclaw gateway; sleep 5; done", "`while`"),
        ("until openclaw gateway; do sleep 5; done", "`until`"),
        ("[[ -f /x && -n x ]] || echo odd; exec openclaw", "`[[`"),
        ("cat <<EOF\nexec false\nEOF\nexec openclaw", "a here-document"),
        ("x=(a b); exec openclaw", "a function, a list"),
        ("x=$((1 + 1)); exec openclaw", "arithmetic"),
        ("exec openclaw $'a'", "a text that begins with `$`"),
        ("exec ${#1}", "`${#…}`"),
        ("exec ${!x}", "`${!…}`"),
        ("exec ${x/a/b}", "`${x…}`"),
        ("start() { exec \"$1\" run; }\nstart TOP/opt/openclaw/app/bin/gateway", "a function, a list"),
        ("eval \"exec openclaw $*\"", "`eval` of this form"),
        ("eval \"$(direnv hook bash)\"\nexec openclaw", "what `direnv` says"),
        ("trap 'kill 0' EXIT; exec openclaw", "`trap` of this form"),
        ("alias openclaw=false; exec openclaw", "`alias` of this form"),
        ("exec -a gateway openclaw", "`exec` of this form"),
        ("exec {openclaw,false}", "`{openclaw,false}`"),
        ("for i in 1 2; do [ -d / ] && break; done; exec openclaw", "`break` of this form"),
        ("case x in [a-z]) exec openclaw ;; esac", "a pattern with a set"),
        ("IFS=:; exec openclaw", "the script changes IFS"),
        ("set -f; exec openclaw", "`set -f`"),
        ("echo PROGRAM=false > TOP/etc/openclaw.d/1.sh; exec openclaw", "`echo` with a file"),
        ("mkdir -p /nowhere/a; [ -d /nowhere/a ] || exec false; exec openclaw", "what /nowhere/a is"),
        ("ln -sfn openclaw TOP/opt/current; exec openclaw", "what `ln` does before this"),
        ("openclaw doctor --fix\nexec openclaw gateway", "what `openclaw` does before this"),
        ("TOKEN=$(curl -s http://127.0.0.1/token); exec openclaw", "what `curl` says"),
        ("exec $(curl -s http://example.org/which)", "what `curl` says"),
        ("exec \"$(hostname)\"", "what `exec` starts"),
        ("if curl -s localhost; then exec openclaw; else exec false; fi", "decides what is started by how `curl` ends"),
        ("if mesg n; then exec openclaw; else exec false; fi", "decides what is started by how `mesg` ends"),
        ("[ \"$(hostname)\" = a ] && exec openclaw\nexec false", "decides what is started"),
        ("[ a -nt b ] && exec openclaw", "decides what is started by `[ a -nt b ]`"),
        ("PATH=$(hostname):$PATH\n. ~/.nvm/nvm.sh\nexec openclaw", "nvm keeps"),
        (". ~/.nvm/nvm.sh; nvm use 18; exec openclaw", "nvm in TOP/home/op/.nvm has no version"),
        (". ~/.nvm/nvm.sh; nvm install 20; exec openclaw", "`nvm install`"),
        ("SAID=$(cat /nowhere/x 2>&1 > /dev/null); exec openclaw", "a substitution takes what a program says when"),
        ("[ -n ${2:-\"\"} ] && exec false; exec openclaw", "quotes in `${2…}` outside of quotes"),
        ("set -u; exec openclaw $NOT_SET", "`$NOT_SET` is not set"),
        ("if then fi esac (", "cannot be read"),
        ("exec 'openclaw", "cannot be read"),
    ] {
        let end = tree_with(&format!("#!/bin/bash\n:\n{script}\n")).end(&["TOP/bin/wrapper", "gateway"]);
        let line = |number: usize| end.strip_prefix(&format!("? TOP/bin/wrapper, line {number}: ")).map(str::to_owned);
        let told = [3, 4].into_iter().find_map(line).unwrap_or_default();
        assert!(told.starts_with(why), "{script}\n{end}\nwanted {why}");
    }
}

#[test]
fn what_only_the_user_of_the_service_may_see_is_asked_as_that_user() {
    let tree = tree_with("#!/bin/sh\n[ -r TOP/etc/secret ] && exec false\nexec openclaw\n");
    tree.write("etc/secret", "X=1\n");
    std::fs::set_permissions(tree.path("etc/secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(tree.end(&["TOP/bin/wrapper"]), GLOBAL);
    std::fs::set_permissions(tree.path("etc/secret"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let end = tree.end(&["TOP/bin/wrapper"]);
    assert!(end.starts_with("? TOP/bin/wrapper, line 2: decides what is started by `[ -r "), "{end}");
    let tree = tree_with("#!/bin/sh\n[ -L TOP/closed/link ] && exec false\nexec openclaw\n");
    tree.write("closed/there", "");
    symlink("there", tree.path("closed/link")).unwrap();
    std::fs::set_permissions(tree.path("closed"), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(tree.end(&["TOP/bin/wrapper"]), GLOBAL);
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
    for (argv, wanted) in
        [(["TOP/bin/bash", "-lc", "exec openclaw"], NVM_20), (["TOP/bin/sh", "-lc", "exec openclaw"], NVM_22)]
    {
        assert_eq!(tree.end(&argv), wanted, "{argv:?}");
    }
    assert_eq!(tree.end(&["TOP/bin/bash", "--noprofile", "-lc", "exec openclaw"]), GLOBAL);
    tree.program("bin/zsh");
    let end = tree.end(&["TOP/bin/zsh", "-c", "exec openclaw"]);
    assert_eq!(end, "? scripts of TOP/bin/zsh are not followed by reading");
}

#[test]
fn a_bashrc_that_returns_at_once_loads_no_nvm() {
    let tree = Tree::new();
    // Debian's begins like that, and nvm's installer writes at the end.
    tree.write(
        "home/op/.bashrc",
        "# If not running interactively, don't do anything\ncase $- in\n    *i*) ;;\n      *) return;;\nesac\nHISTCONTROL=ignoreboth\n\
         shopt -s histappend\nexport NVM_DIR=\"$HOME/.nvm\"\n[ -s \"$NVM_DIR/nvm.sh\" ] && \\. \"$NVM_DIR/nvm.sh\"\n",
    );
    let end = tree.end(&["/bin/bash", "-lc", "exec openclaw"]);
    assert!(end.starts_with("? the program `openclaw` is in no directory of "), "{end}");
}

proptest! {
    #![proptest_config(test_rules::cases(400))]

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
