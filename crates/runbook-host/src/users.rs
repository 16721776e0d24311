//! Who is who on this host: `getent` asks whatever the host goes by, also a directory service; where there is none, the
//! files in `/etc` tell.

use crate::{Command, Reader};
use runbook_backup::Owner;
use runbook_model::Failure;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory service that does not answer answers no later either.
const LIMIT: Duration = Duration::from_secs(10);
/// `getent(1)`: the key is not there.
const UNKNOWN: i32 = 2;

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The name; the number as text if there is none.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The home directory; `None` if nothing says which.
    pub home: Option<PathBuf>,
    /// The login shell.
    pub shell: Option<String>,
}

impl Account {
    /// The user called `name`, or with this number; one whom the host does not know has no home that could be known.
    pub fn named(host: &Reader, name: &str) -> Result<Self, Failure> {
        let number: Option<u32> = name.parse().ok();
        let unknown = || Self { name: name.to_owned(), uid: number.unwrap_or(u32::MAX), ..Self::default() };
        Ok(host.account(name)?.unwrap_or_else(unknown))
    }

    /// The users in the files of the host whose `/etc` is below `top`, and no others: a directory service may have more than
    /// anybody wants to look through.
    pub fn in_files(host: &Reader, top: &Path) -> Result<Vec<Self>, Failure> {
        let text = host.read(&top.join("etc/passwd"))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).lines().filter_map(account).collect())
    }
}

impl Reader {
    /// The number of the user that runs `runbook`.
    pub fn own_uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// The user called `who`, or with this number; `None` if the host knows none. Fails if a directory service does not answer.
    pub fn account(&self, who: &str) -> Result<Option<Account>, Failure> {
        Ok(self.entry("passwd", who)?.as_deref().and_then(account))
    }

    /// The user that runs `runbook`. If the files have it no program is asked, for a dry run asks this too.
    pub fn own_account(&self) -> Result<Option<Account>, Failure> {
        let uid = self.own_uid().to_string();
        let line = self.entry_of_file("passwd", &uid)?;
        line.map_or_else(|| self.account(&uid), |line| Ok(account(&line)))
    }

    /// The number of a user: itself if `name` is a number.
    pub fn uid_of(&self, name: &str) -> Result<u32, Failure> {
        if let Ok(number) = name.parse() {
            return Ok(number);
        }
        let known = self.account(name)?.map(|account| account.uid);
        known
            .ok_or_else(|| Failure::missing(format!("this host knows no user `{name}`")).hint("give the user's number"))
    }

    /// The name of a user or a group; `None` if nobody tells it.
    pub fn name_of(&self, owner: Owner) -> Option<String> {
        let (database, number) = match owner {
            Owner::User(number) => ("passwd", number),
            Owner::Group(number) => ("group", number),
        };
        let line = self.entry(database, &number.to_string()).ok()??;
        line.split_once(':').map(|(name, _)| name.to_owned())
    }

    /// The line of `passwd(5)` or `group(5)` with this name or number.
    fn entry(&self, database: &str, key: &str) -> Result<Option<String>, Failure> {
        // What is no name would be an option, or ask for everybody.
        if key.is_empty() || key.starts_with('-') || key.contains([':', '\n']) {
            return Ok(None);
        }
        let Ok(getent) = self.program("getent") else { return self.entry_of_file(database, key) };
        let asked = Command::new([&*getent.to_string_lossy(), database, key]);
        let output = self.ask(&Command { limit: Some(LIMIT), ..asked.clone() })?;
        match output.status.code() {
            Some(0) => Ok(output.text().lines().next().map(str::to_owned)),
            Some(UNKNOWN) => Ok(None),
            _ => {
                Err(Failure::failed(format!("`{}` ended with {}", asked.line(), output.ending())).detail(output.tail()))
            }
        }
    }

    fn entry_of_file(&self, database: &str, key: &str) -> Result<Option<String>, Failure> {
        let text = self.read(&Path::new("/etc").join(database))?.unwrap_or_default();
        let is_it = |line: &&str| line.split(':').enumerate().any(|(nth, field)| matches!(nth, 0 | 2) && field == key);
        Ok(String::from_utf8_lossy(&text).lines().find(is_it).map(str::to_owned))
    }

    /// The directory for temporary files of the user that runs `runbook`: `$TMPDIR`, else `/tmp`.
    pub fn temp_dir(&self) -> PathBuf {
        std::env::temp_dir()
    }
}

fn account(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, _, _, home, shell] = fields.as_slice() else { return None };
    let some = |text: &str| Some(text.to_owned()).filter(|text| text.starts_with('/'));
    Some(Account {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        home: some(home).map(PathBuf::from),
        shell: some(shell),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set where a source beside the files knows a user.
    const INSIDE: &str = "RUNBOOK_TEST_OTHER_SOURCE";

    #[test]
    fn a_user_that_only_another_source_knows_is_found() {
        if std::env::var_os(INSIDE).is_some() {
            return look_for_the_user_of_another_source();
        }
        let root = rustix::process::geteuid().is_root();
        if !root || !Path::new("/usr/lib/libnss_extrausers.so.2").exists() {
            return test_rules::skip("another source of users needs root and libnss-extrausers");
        }
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("nsswitch.conf", "passwd: files extrausers\ngroup: files extrausers\n"),
            ("passwd", "of-directory:x:23456:23457::/srv/of-directory:/bin/sh\n"),
            ("group", "all-of-directory:x:23457:\n"),
        ] {
            std::fs::write(dir.path().join(file), text).unwrap();
        }
        let script = "mount --bind nsswitch.conf /etc/nsswitch.conf; mount --bind . /var/lib/extrausers; \
                      exec \"$0\" --exact users::tests::a_user_that_only_another_source_knows_is_found";
        let mut inside = std::process::Command::new("unshare");
        inside.args(["--mount", "sh", "-euc", script]).arg(std::env::current_exe().unwrap());
        let output = inside.env(INSIDE, "yes").current_dir(dir.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    }

    fn look_for_the_user_of_another_source() {
        let host = Reader::new("/nowhere", "/nowhere");
        let known = Account {
            name: "of-directory".to_owned(),
            uid: 23456,
            home: Some("/srv/of-directory".into()),
            shell: Some("/bin/sh".to_owned()),
        };
        for key in ["of-directory", "23456"] {
            assert_eq!(host.account(key).unwrap(), Some(known.clone()), "{key}");
            assert_eq!(host.entry_of_file("passwd", key).unwrap(), None, "{key}");
        }
        assert_eq!(host.uid_of("of-directory").unwrap(), 23456);
        assert_eq!(host.name_of(Owner::Group(23457)).as_deref(), Some("all-of-directory"));
    }

    #[test]
    fn the_host_and_its_files_agree_about_root() {
        let host = Reader::new("/nowhere", "/nowhere");
        let root = host.account("root").unwrap().unwrap();
        assert_eq!((root.uid, root.home.as_deref()), (0, Some(Path::new("/root"))));
        assert_eq!(host.account("0").unwrap(), Some(root.clone()));
        assert_eq!(host.own_account().unwrap().map(|own| own.uid), Some(host.own_uid()));
        for key in ["root", "0"] {
            assert_eq!(host.entry_of_file("passwd", key).unwrap().as_deref().and_then(account), Some(root.clone()));
        }
        assert_eq!(host.name_of(Owner::Group(0)).as_deref(), Some("root"));
        for nobody in ["no-such-user", "", "-x", "--help", "root:x", "4294967294"] {
            assert_eq!(host.account(nobody).unwrap(), None, "{nobody}");
            assert_eq!(host.entry_of_file("passwd", nobody).unwrap(), None, "{nobody}");
        }
        assert_eq!(host.name_of(Owner::User(u32::MAX - 1)), None);
        assert_eq!(host.uid_of("no-such-user").unwrap_err().message, "this host knows no user `no-such-user`");
    }
}
