//! Who is who on this host: `getent` asks whatever the host goes by, also a directory service; where there is none, the
//! files in `/etc` tell.

use crate::{Command, Reader};
use runbook_model::Failure;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory service that does not answer answers no later either.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
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
        let unknown = || Self { name: name.to_owned(), uid: number(name).unwrap_or(u32::MAX), ..Self::default() };
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
        Ok(self.entry("passwd", who, LIMIT)?.as_deref().and_then(account))
    }

    /// The user that runs `runbook`. If the files have it no program is asked, for a dry run asks this too.
    pub fn own_account(&self) -> Result<Option<Account>, Failure> {
        let uid = self.own_uid().to_string();
        let line = self.entry_of_file("passwd", &uid)?;
        line.map_or_else(|| self.account(&uid), |line| Ok(account(&line)))
    }

    /// The number of a user: itself if `name` is a number.
    pub fn uid_of(&self, name: &str) -> Result<u32, Failure> {
        if let Some(number) = number(name) {
            return Ok(number);
        }
        let known = self.account(name)?.map(|account| account.uid);
        known
            .ok_or_else(|| Failure::missing(format!("this host knows no user `{name}`")).hint("give the user's number"))
    }

    /// The line of `passwd(5)` or `group(5)` with this name or number. Fails if nothing answers within `limit`.
    pub(crate) fn entry(&self, database: &str, key: &str, limit: Duration) -> Result<Option<String>, Failure> {
        if !can_be_known(key) {
            return Ok(None);
        }
        let Ok(getent) = self.program("getent") else { return self.entry_of_file(database, key) };
        let asked = Command::new([&*getent.to_string_lossy(), database, key]);
        let output = self.ask(&Command { limit: Some(limit), ..asked.clone() })?;
        match output.status.code() {
            // `getent` of glibc cuts numbers off: it takes 4294967296, ` 0` and `+0` for root.
            Some(0) => Ok(output.text().lines().find(|line| is_of(line, key)).map(str::to_owned)),
            Some(UNKNOWN) => Ok(None),
            _ => {
                Err(Failure::failed(format!("`{}` ended with {}", asked.line(), output.ending())).detail(output.tail()))
            }
        }
    }

    pub(crate) fn entry_of_file(&self, database: &str, key: &str) -> Result<Option<String>, Failure> {
        if !can_be_known(key) {
            return Ok(None);
        }
        let text = self.read(&Path::new("/etc").join(database))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).lines().find(|line| is_of(line, key)).map(str::to_owned))
    }

    /// The directory for temporary files of the user that runs `runbook`: `$TMPDIR`, else `/tmp`.
    pub fn temp_dir(&self) -> PathBuf {
        std::env::temp_dir()
    }
}

/// What is no name would be an option, or ask for everybody; a number that no user can have is another one to some programs.
fn can_be_known(key: &str) -> bool {
    let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = !key.starts_with('-') && !key.contains([':', '\n']);
    if is_number { number(key).is_some() } else { is_name }
}

/// Digits and nothing else.
fn number(key: &str) -> Option<u32> {
    key.parse().ok().filter(|_| key.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the line of `passwd(5)` or `group(5)` is about the one with this name or number.
fn is_of(line: &str, key: &str) -> bool {
    let mut fields = line.split(':');
    let (name, id) = (fields.next(), fields.nth(1).and_then(number));
    name == Some(key) || (id.is_some() && id == number(key))
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
pub(crate) mod tests {
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
        let group = runbook_backup::Owner::Group(23457);
        assert_eq!(crate::OwnerNames::of(&host).name(group).as_deref(), Some("all-of-directory"));
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
        for nobody in
            ["no-such-user", "", "-x", "--help", "root:x", "4294967294", "4294967296", "+0", " 0", "0x0", "-0"]
        {
            assert_eq!(host.account(nobody).unwrap(), None, "{nobody}");
            assert_eq!(host.entry_of_file("passwd", nobody).unwrap(), None, "{nobody}");
        }
        assert_eq!(Account::named(&host, "+0").unwrap().uid, u32::MAX);
        for nobody in ["no-such-user", "+0", "4294967296"] {
            let failure = host.uid_of(nobody).unwrap_err();
            assert_eq!(failure.message, format!("this host knows no user `{nobody}`"));
        }
    }

    #[test]
    fn an_answer_about_somebody_else_is_none() {
        let answer = "#!/bin/sh\necho 'boss:x:0:0::/root:/bin/sh'\necho 'second:x:7::::'\n";
        if !inside_with_getent("users::tests::an_answer_about_somebody_else_is_none", answer) {
            return;
        }
        let host = Reader::new("/nowhere", "/nowhere");
        let known = |key: &str| host.account(key).unwrap().map(|account| account.name);
        for (key, name) in [("boss", "boss"), ("0", "boss"), ("second", "second"), ("7", "second"), ("007", "second")] {
            assert_eq!(known(key).as_deref(), Some(name), "{key}");
        }
        for nobody in ["4294967296", "+0", " 0", "0 ", "1", "bos", "x", "", "/root"] {
            assert_eq!(known(nobody), None, "{nobody}");
        }
    }

    /// Runs the test `name` again in a process whose `getent` is the script `getent`, which finds its own directory in `$DIR`. Whether this is
    /// that process.
    pub(crate) fn inside_with_getent(name: &str, getent: &str) -> bool {
        if std::env::var_os(INSIDE).is_some() {
            return true;
        }
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("getent");
        std::fs::write(&script, getent).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, executable).unwrap();
        let path = Reader::new("/nowhere", "/nowhere").search_path_with(dir.path());
        let mut inside = std::process::Command::new(std::env::current_exe().unwrap());
        inside.args(["--exact", name]).env(INSIDE, "yes").env("PATH", path).env("DIR", dir.path());
        let output = inside.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
        false
    }
}
