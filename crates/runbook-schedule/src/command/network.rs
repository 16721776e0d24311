//! Programs that reach for the network.

use super::Command;

/// The subcommands of a program that use the network, and the options that keep it from doing so.
struct Client {
    programs: &'static [&'static str],
    /// Empty means any.
    subcommands: &'static [&'static str],
    offline: &'static [&'static str],
}

const CLIENTS: &[Client] = &[
    Client {
        programs: &["npm", "pnpm", "yarn", "bun"],
        subcommands: &[
            "install",
            "i",
            "ci",
            "clean-install",
            "add",
            "update",
            "up",
            "upgrade",
            "view",
            "info",
            "show",
            "pack",
            "exec",
            "x",
            "dlx",
            "outdated",
            "audit",
            "create",
            "publish",
        ],
        offline: &["--offline"],
    },
    Client {
        programs: &["npx", "bunx", "pnpx", "corepack"],
        subcommands: &[],
        offline: &["--offline", "--no-install"],
    },
    Client {
        programs: &["apt", "apt-get", "aptitude"],
        subcommands: &[
            "install",
            "reinstall",
            "update",
            "upgrade",
            "full-upgrade",
            "dist-upgrade",
            "build-dep",
            "download",
            "source",
        ],
        offline: &["--no-download"],
    },
    Client {
        programs: &["dnf", "yum", "microdnf", "zypper"],
        subcommands: &[
            "install",
            "in",
            "reinstall",
            "update",
            "up",
            "upgrade",
            "downgrade",
            "download",
            "makecache",
            "refresh",
        ],
        offline: &["-C", "--cacheonly"],
    },
    Client { programs: &["apk"], subcommands: &["add", "update", "upgrade", "fetch"], offline: &["--no-network"] },
    Client {
        programs: &["brew", "snap", "flatpak", "port"],
        subcommands: &["install", "reinstall", "upgrade", "update", "fetch", "refresh"],
        offline: &[],
    },
    Client {
        programs: &["pip", "pip3", "pipx", "uv"],
        subcommands: &["install", "download", "sync"],
        offline: &["--no-index", "--offline"],
    },
    Client {
        programs: &["cargo"],
        subcommands: &["install", "fetch", "update", "add"],
        offline: &["--offline", "--frozen"],
    },
    Client { programs: &["go"], subcommands: &["install", "get"], offline: &[] },
    Client { programs: &["gem"], subcommands: &["install", "update", "fetch"], offline: &["--local", "-l"] },
    Client {
        programs: &["docker", "podman", "nerdctl", "crictl"],
        subcommands: &["pull", "push", "login", "search"],
        offline: &[],
    },
    Client { programs: &["ssh", "sftp", "ftp", "telnet"], subcommands: &[], offline: &[] },
];

/// The options whose value could be taken for a subcommand.
const WITH_VALUE: &[&str] =
    &["--prefix", "--registry", "--cache", "--userconfig", "--cwd", "--dir", "-C", "-c", "--config", "-f", "-o"];

/// What of the command uses the network: the command as it would run.
pub(crate) fn network_use(command: &Command) -> Option<String> {
    let (program, arguments) = (command.program(), command.arguments());
    let uses = match program {
        "curl" | "wget" | "aria2c" => !is_local_request(arguments),
        "git" => git_uses_network(arguments),
        "scp" | "rsync" => arguments.iter().any(|word| names_host(word)),
        "yarn" if arguments.is_empty() => true,
        "pacman" => arguments.iter().any(|word| word.starts_with("-S")),
        _ if program.starts_with("python") => is_pip_install(arguments),
        _ => CLIENTS.iter().any(|client| client.programs.contains(&program) && reaches_out(client, arguments)),
    };
    uses.then(|| format!("`{}`", command.words.join(" ")))
}

fn reaches_out(client: &Client, arguments: &[String]) -> bool {
    let offline = arguments.iter().any(|word| client.offline.contains(&word.as_str()));
    let any = client.subcommands.is_empty();
    !offline && (any || plain(arguments).take(2).any(|word| client.subcommands.contains(&word)))
}

/// The arguments that are neither options nor the values of options.
fn plain(arguments: &[String]) -> impl Iterator<Item = &str> {
    let mut is_value = false;
    arguments.iter().map(String::as_str).filter(move |word| {
        let skip = is_value || word.starts_with('-');
        is_value = !is_value && WITH_VALUE.contains(word);
        !skip
    })
}

fn is_pip_install(arguments: &[String]) -> bool {
    let module = arguments.windows(2).position(|pair| matches!(pair, [m, pip] if m == "-m" && pip == "pip"));
    let rest = module.and_then(|at| arguments.get(at + 2..));
    let pip = CLIENTS.iter().find(|client| client.programs.contains(&"pip"));
    rest.zip(pip).is_some_and(|(rest, pip)| reaches_out(pip, rest))
}

fn git_uses_network(arguments: &[String]) -> bool {
    let mut words = plain(arguments);
    match words.next() {
        Some("fetch" | "pull" | "push" | "ls-remote" | "submodule") => true,
        Some("clone") => !words.next().is_some_and(|from| from.starts_with(['/', '.']) || from.starts_with("file://")),
        _ => false,
    }
}

/// Whether every address is one of this host.
fn is_local_request(arguments: &[String]) -> bool {
    let is_address = |word: &&str| {
        word.contains("://")
            || (!word.starts_with(['/', '.', '-']) && word.contains(['.', ':']))
            || *word == "localhost"
    };
    let mut addresses = plain(arguments).filter(is_address).peekable();
    addresses.peek().is_some() && addresses.all(is_this_host)
}

fn is_this_host(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let name = if host.starts_with('[') {
        host.split(']').next().unwrap_or(host)
    } else {
        host.split(':').next().unwrap_or(host)
    };
    let loopback =
        name.strip_prefix("127.").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    matches!(name, "localhost" | "[::1") || loopback
}

/// `host:path`, `user@host:path`, `rsync://…`, as opposed to a local path with a colon in it.
fn names_host(word: &str) -> bool {
    let before_slash = word.split('/').next().unwrap_or(word);
    word.contains("://") || (!word.starts_with('-') && before_slash.contains(':'))
}
