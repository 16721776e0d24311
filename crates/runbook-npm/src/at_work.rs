//! Whether another npm is at work: two at once in one package end with 0 and a mixture of both.

use super::site::Site;
use runbook_host::{Executed, Reader};
use runbook_model::Failure;
use std::path::Path;

/// What changes an installation, by all the names that npm has for it.
const CHANGING: [&str; 23] = [
    "install",
    "i",
    "in",
    "ins",
    "inst",
    "isntall",
    "add",
    "update",
    "up",
    "upgrade",
    "udpate",
    "uninstall",
    "unlink",
    "remove",
    "rm",
    "r",
    "un",
    "link",
    "ln",
    "rebuild",
    "rb",
    "ci",
    "dedupe",
];

/// Refuses while an npm changes this package, or all that is installed globally, or what nobody can tell.
pub(super) fn refuse_other_npm(host: &Reader, site: &Site) -> Result<(), Failure> {
    let package = &site.package;
    for process in host.processes()? {
        let Some(executed) = host.executed(&process.identity)? else { continue };
        if executed.contained != Some(true) && changes(&executed, site) {
            let message = format!("{}: an npm is at work on {package} ({})", process.identity, executed.line());
            return Err(Failure::refused(message)
                .hint("wait for its end; two at once leave a mixture of both, and each of them ends with 0"));
        }
    }
    Ok(())
}

fn changes(executed: &Executed, site: &Site) -> bool {
    // npm replaces its argument vector by one text: `npm install openclaw@1.2.3`.
    let words: Vec<&str> = executed.argv.iter().flat_map(|arg| arg.split_whitespace()).collect();
    let is_npm = |word: &&str| Path::new(word).file_name().is_some_and(|name| name == "npm" || name == "npm-cli.js");
    let Some(at) = words.iter().take(3).position(is_npm) else { return false };
    let rest = words.get(at + 1..).unwrap_or_default();
    let (flags, named): (Vec<&str>, Vec<&str>) = rest.iter().partition(|word| word.starts_with('-'));
    let Some((_, named)) = named.split_first().filter(|(verb, _)| CHANGING.contains(verb)) else { return false };
    if flags
        .iter()
        .filter_map(|flag| flag.strip_prefix("--prefix="))
        .any(|other| !Path::new(other).starts_with(&site.prefix))
    {
        return false;
    }
    let names_it = |word: &&str| {
        word.strip_prefix(site.package.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    };
    // Which package a file or a directory holds, its name does not tell.
    let is_file = |word: &&str| word.starts_with(['/', '.']) || word.starts_with("file:") || word.ends_with(".tgz");
    let is_global = flags.iter().any(|flag| ["-g", "--global", "--location=global"].contains(flag));
    named.iter().any(names_it) || (is_global && (named.is_empty() || named.iter().any(is_file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_npm_that_changes_the_package_is_told_from_others() {
        let is = |argv: &[&str]| {
            let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
            let site = Site { prefix: "/usr/local".into(), package: "demo".to_owned() };
            changes(&Executed { argv, ..Executed::default() }, &site)
        };
        assert!(is(&["npm install -g demo@1.2.3"]));
        assert!(is(&["/usr/bin/node", "/usr/local/bin/npm", "i", "--global", "demo"]));
        assert!(is(&["node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "rm", "-g", "demo"]));
        assert!(is(&["npm update -g"]));
        assert!(!is(&["npm install -g demolition"]));
        assert!(!is(&["npm view demo"]));
        assert!(!is(&["npm install"]));
        assert!(is(&["npm install --global --prefix=/usr/local -- /srv/new.tgz"]));
        assert!(is(&["npm install --global --prefix=/usr/local/lib/node_modules/.demo.runbook-stage-1 -- demo@2.0.0"]));
        assert!(!is(&["npm install --global --prefix=/home/other -- demo@2.0.0"]));
        assert!(!is(&["grep", "-r", "x", "npm", "install", "demo"]));
    }
}
