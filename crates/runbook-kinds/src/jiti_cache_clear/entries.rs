//! What is in a cache of jiti, by jiti's own rules (those of 2.6.1): files that it names itself, directly in it, and
//! nothing else. A directory that holds anything else is something of the user's.

use runbook_host::Reader;
use runbook_model::Failure;
use std::ffi::OsStr;
use std::path::Path;

/// What jiti writes: `x` is added for JSX. Older ones wrote `.js`.
const OF_JITI: [&str; 4] = ["cjs", "mjs", "cjsx", "mjsx"];
const OF_OTHERS_TOO: [&str; 2] = ["js", "map"];
/// So long is the hash in a name.
const HASH: usize = 8;

/// Refuses a directory that is no cache of jiti. One that has another name than `jiti` must hold names with a hash alone:
/// modules in a directory of programs have the same endings.
pub(super) fn refuse_other(host: &Reader, dir: &Path, said: &Path) -> Result<(), Failure> {
    let is_named = dir.file_name().is_some_and(|name| name == "jiti");
    for name in host.list(dir)?.unwrap_or_default() {
        let Some(found) = host.lstat(&dir.join(&name))? else { continue };
        let what = match &found {
            found if found.is_dir() => "a directory",
            found if !found.is_file() => "no regular file",
            _ if !is_module(&name, is_named) => "not named as jiti names its files",
            _ => continue,
        };
        let (said, name) = (said.display(), Path::new(&name).display());
        return Err(Failure::refused(format!("{said} is no cache of jiti: `{name}` in it is {what}")).hint(
            "correct `dir`: jiti keeps NAME.HASH.cjs and NAME.HASH.mjs directly in its directory; if this is one all the \
             same, move out what is not jiti's",
        ));
    }
    Ok(())
}

fn is_module(name: &OsStr, is_named: bool) -> bool {
    let Some((stem, ending)) = name.to_str().and_then(|name| name.rsplit_once('.')) else { return false };
    let has_hash = || stem.rsplit_once('.').is_some_and(|(_, hash)| is_hash(hash));
    if is_named {
        OF_JITI.contains(&ending) || OF_OTHERS_TOO.contains(&ending)
    } else {
        OF_JITI.contains(&ending) && has_hash()
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_jiti_are_known_by_their_names() {
        for (name, named, unnamed) in [
            ("plugin-index.0a1b2c3d.cjs", true, true),
            ("plugin-index+map.i.0a1b2c3d.mjs", true, true),
            ("view-app.0a1b2c3d.cjsx", true, true),
            ("old-index.0a1b2c3d.js", true, false),
            ("index.cjs", true, false),
            ("index.0a1b2c3.cjs", true, false),
            ("index.0A1B2C3D.cjs", true, false),
            ("index.js.map", true, false),
            ("package.json", false, false),
            ("README", false, false),
            (".cjs.0a1b2c3d", false, false),
        ] {
            assert_eq!((is_module(name.as_ref(), true), is_module(name.as_ref(), false)), (named, unnamed), "{name}");
        }
    }
}
