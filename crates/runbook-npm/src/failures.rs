//! npm's error codes as failures that say what to do next.

use runbook_host::Output;
use runbook_model::{Failure, FailureKind};

/// The failure of an npm that ended badly. `about` is what it was asked for: `install demo@1.2.3`.
pub(super) fn explain(about: &str, output: &Output) -> Failure {
    let code = code_of(&String::from_utf8_lossy(&output.stderr));
    let (kind, what, hint) = meaning(code.as_deref());
    let what = what.map_or_else(
        || match &code {
            Some(code) => format!("it failed with {code}"),
            None => format!("it ended with {}", output.ending()),
        },
        str::to_owned,
    );
    let failure = Failure::new(kind, format!("npm could not {about}: {what}")).detail(last_lines(output));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Whether npm was told to stay offline and lacks in its cache what it was asked for.
pub(super) fn is_not_cached(output: &Output) -> bool {
    code_of(&String::from_utf8_lossy(&output.stderr)).as_deref() == Some("ENOTCACHED")
}

/// The code in npm's `npm error code E404`, or `npm ERR! code E404` before npm 10.
fn code_of(stderr: &str) -> Option<String> {
    let after = |line: &str| {
        ["npm error code ", "npm ERR! code "].iter().find_map(|mark| line.strip_prefix(mark)).map(str::to_owned)
    };
    let code = stderr.lines().find_map(|line| after(line.trim())).map(|code| code.trim().to_owned())?;
    // Since npm 7 this is the exit code of the script that failed.
    let of_a_script = code.parse::<u32>().is_ok() && stderr.lines().any(|line| line.trim().ends_with("command failed"));
    Some(if of_a_script { "ELIFECYCLE".to_owned() } else { code })
}

type Meaning = (FailureKind, Option<&'static str>, Option<&'static str>);

fn meaning(code: Option<&str>) -> Meaning {
    use FailureKind::{Failed, Missing};
    let (kind, what, hint) = match code.unwrap_or_default() {
        "E404" | "ETARGET" | "ENOVERSIONS" => (
            Failed,
            "the registry has no such package or version",
            "`npm view PACKAGE versions` lists what it has; a private package also needs its registry and a token",
        ),
        "E401" | "E403" | "ENEEDAUTH" | "EOTP" => {
            (Failed, "the registry wants other credentials", "give the token in `env`, from a variable of type secret")
        }
        "ENOTFOUND" | "EAI_AGAIN" | "ECONNREFUSED" | "ECONNRESET" | "ETIMEDOUT" | "ENETUNREACH" | "EHOSTUNREACH"
        | "ERR_SOCKET_TIMEOUT" | "EIDLETIMEOUT" | "ENETDOWN" | "FETCH_ERROR" => (
            Missing,
            "the registry cannot be reached from this host",
            "restore the network and try again; `npm config get registry` tells whom it asked, `registry` names another",
        ),
        "ENOTCACHED" => (
            Missing,
            "npm is told to stay offline, and its cache lacks a package",
            "fill the cache while there is a network, with `npm cache add PACKAGE@VERSION`",
        ),
        "EACCES" | "EPERM" | "EROFS" => {
            (Missing, "this user may not write there", "run as the owner of the directory that npm names")
        }
        "ENOSPC" | "EDQUOT" => (
            Missing,
            "there is no space left",
            "free some space in the prefix, in npm's cache or in /tmp (`npm cache clean --force` empties the cache)",
        ),
        "EBADENGINE" | "ENOTSUP" => (
            Missing,
            "it asks for another node or npm than the one that is used here",
            "install that node first, or name the right one in `npm` and `node`",
        ),
        "EBADPLATFORM" => (
            Failed,
            "the package, or one that it needs, is not made for this operating system or processor",
            "choose a version that is",
        ),
        "EEXIST" => (
            Failed,
            "a file of another package or of the operator is in its place",
            "look at the file that npm names; remove it or rename it if nobody needs it",
        ),
        "EINTEGRITY" => (
            Failed,
            "what was downloaded is not what the registry or the lock file promises",
            "do not install it; compare the digests and ask whoever publishes the package",
        ),
        "EUSAGE" => (
            Failed,
            "package.json and package-lock.json do not agree",
            "run `npm install` where the plugin is developed, and bring the new package-lock.json",
        ),
        "ELIFECYCLE" => (
            Failed,
            "an install script failed",
            "read its last lines; `ignore_scripts: true` installs without running scripts",
        ),
        _ => return (Failed, None, None),
    };
    (kind, Some(what), Some(hint))
}

/// npm's last lines without those that say nothing to the operator.
fn last_lines(output: &Output) -> String {
    let noise = |line: &&str| {
        let rest = line.trim_start_matches("npm error").trim();
        rest.is_empty() || rest.starts_with("A complete log of this run") || line.starts_with("npm warn Unknown")
    };
    let tail = output.tail();
    tail.lines().filter(|line| !noise(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    fn said(stderr: &str) -> Failure {
        let output = Output {
            status: ExitStatus::from_raw(1 << 8),
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
            took: Duration::ZERO,
            cut: false,
        };
        explain("install demo@9.9.9", &output)
    }

    #[test]
    fn codes_of_old_and_new_npm_become_next_actions() {
        for (stderr, message) in [
            ("npm error code ETARGET\nnpm error notarget No matching version", "no such package or version"),
            ("npm ERR! code E404\nnpm ERR! 404 Not Found", "no such package or version"),
            ("npm error code EAI_AGAIN\nnpm error syscall getaddrinfo", "cannot be reached"),
            ("npm error code ENOSPC", "no space left"),
            ("npm error code EACCES", "may not write"),
            (
                "npm error code 3\nnpm error path /x\nnpm error command failed\nnpm error command sh -c y",
                "script failed",
            ),
        ] {
            let failure = said(stderr);
            assert!(failure.message.contains(message), "{failure:?}");
            assert!(failure.hint.is_some(), "{failure:?}");
        }
    }

    #[test]
    fn an_unknown_code_is_shown_as_it_is_and_noise_is_left_out() {
        let failure = said(
            "npm warn Unknown user config\nnpm error code EWHAT\nnpm error\nnpm error why\nnpm error A complete log of this run can be found in: x",
        );
        assert_eq!(failure.message, "npm could not install demo@9.9.9: it failed with EWHAT");
        assert_eq!(failure.detail, "npm error code EWHAT\nnpm error why");
        assert_eq!(said("boom").message, "npm could not install demo@9.9.9: it ended with exit code 1");
    }
}
